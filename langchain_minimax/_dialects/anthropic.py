"""MiniMax's Anthropic-compatible Messages API: requests out, deltas in.

Sources: platform.minimax.io, "Messages API" (M3 era, 2026-05-30, and its summer 2026
schema); live recordings of anomalyco/opencode's provider tests (2026-09-29).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from langchain_minimax._blocks import (
    Block,
    ChatRequest,
    Json,
    Media,
    Opaque,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    OpaqueBlock,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Usage,
)
from langchain_minimax._dialects.events import parse, refuse
from langchain_minimax._dialects.think_tags import put_back
from langchain_minimax._json import (
    arguments_in,
    count_in,
    dumped,
    excerpt,
    object_in,
    string_in,
    with_extra,
)
from langchain_minimax._sse import ServerSentEvent
from langchain_minimax.errors import MiniMaxResponseError

path = "/v1/messages"
official_prefix = "/anthropic"
headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}


# --- Requests ------------------------------------------------------------------------


def encode(request: ChatRequest) -> Json:
    """The body of a request; what is unset is left out."""
    conversation = request.conversation
    body: Json = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": [_block(text) for text in conversation.system],
        "messages": [
            _turn(turn, official=request.official) for turn in conversation.turns
        ],
        "tools": [_tool(tool) for tool in request.tools],
        "tool_choice": _tool_choice(request.tool_choice) if request.tools else None,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "thinking": request.thinking,
        "output_config": {"effort": request.effort} if request.effort else None,
        "service_tier": request.service_tier,
        "metadata": {"user_id": request.user_id} if request.user_id else None,
        "stream": request.stream,
    }
    said = {key: value for key, value in body.items() if value not in (None, [])}
    return with_extra(said, request.extra or {})


def _turn(turn: Turn, *, official: bool) -> Json:
    # Self-hosted servers get back what they sent: thoughts in the text (vLLM).
    own = [block for block in turn.blocks if official and not _is_void(block)]
    blocks = own or put_back(turn.blocks)
    return {"role": turn.role, "content": [_block(block) for block in blocks]}


def _is_void(block: Block) -> bool:
    """Whether it is a thought of which only the tags are left."""
    return isinstance(block, Thinking) and not (block.thinking or block.signature)


def _block(block: Block) -> Json:
    return _WRITERS[type(block)](block)


def _text(text: Text) -> Json:
    return _marked({"type": "text", "text": text.text}, text.cache_control)


def _thinking(thought: Thinking) -> Json:
    said = {"type": "thinking", "thinking": thought.thinking}
    if thought.signature is not None:
        said["signature"] = thought.signature
    return said


def _tool_use(call: ToolUse) -> Json:
    said = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
    return _marked(said, call.cache_control)


def _tool_result(result: ToolResult) -> Json:
    content = result.content
    said: Json = {
        "type": "tool_result",
        "tool_use_id": result.tool_use_id,
        "content": content
        if isinstance(content, str)
        else [_block(block) for block in content],
    }
    if result.is_error:
        # Not in MiniMax's schema, but Claude Code sends it without trouble.
        said["is_error"] = True
    return _marked(said, result.cache_control)


def _media(media: Media) -> Json:
    source: Json = {"type": "url", "url": media.url}
    if media.url is None:
        source = {"type": "base64", "media_type": media.media_type, "data": media.data}
    said = {"type": media.kind, "source": source | media.options}
    return _marked(said, media.cache_control)


def _opaque(opaque: Opaque) -> Json:
    return opaque.block


_WRITERS: Mapping[type, Callable[[Any], Json]] = {
    Text: _text,
    Thinking: _thinking,
    ToolUse: _tool_use,
    ToolResult: _tool_result,
    Media: _media,
    Opaque: _opaque,
}


def _tool(tool: Tool | Opaque) -> Json:
    if isinstance(tool, Opaque):
        return tool.block
    said: Json = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    said["input_schema"] = tool.input_schema
    return _marked(said, tool.cache_control)


def _tool_choice(choice: ToolChoice | None) -> Json | None:
    """The wire knows `auto` and `none`; a forced choice would only be a hint."""
    if choice is None:
        return None
    return {"type": "none" if choice.mode == "none" else "auto"}


def _marked(said: Json, mark: Json | None) -> Json:
    if mark is not None:
        said["cache_control"] = mark
    return said


# --- Replies -------------------------------------------------------------------------


_WHOLE = 8  # characters of a signature that no piece of it repeats by chance


class _OpenBlock(Protocol):
    """A block that has begun, and turns what follows into deltas.

    Attributes:
        kind: The kind of deltas that belong to it, besides those of no known kind.
        empty: Whether nothing has been said in it.
    """

    kind: ClassVar[str]
    empty: bool

    def delta(self, delta: Mapping[str, Any]) -> Sequence[Delta]: ...

    def stop(self) -> Sequence[Delta]: ...


@dataclass(slots=True)
class _OpenText:
    kind: ClassVar[str] = "text"
    place: int
    empty: bool = True

    def delta(self, delta: Mapping[str, Any]) -> Sequence[Delta]:
        text = string_in(delta, "text")
        if not text:
            return ()
        self.empty = False
        return (TextDelta(self.place, text),)

    def stop(self) -> Sequence[Delta]:
        return (BlockStopped(self.place),)


@dataclass(slots=True)
class _OpenThinking:
    """Holds the signature back until it is whole: readers may only see it once.

    It may come in pieces, and some servers say it again; `given` came with the start.
    """

    kind: ClassVar[str] = "thinking"
    place: int
    given: str
    empty: bool = True
    signature: list[str] = field(default_factory=list)
    length: int = 0

    def delta(self, delta: Mapping[str, Any]) -> Sequence[Delta]:
        thinking, signature = (
            string_in(delta, "thinking"),
            string_in(delta, "signature"),
        )
        self.empty = self.empty and not thinking and not signature
        if signature and not self._is_repeated(signature):
            self.signature.append(signature)
            self.length += len(signature)
        return (ThinkingDelta(self.place, thinking),) if thinking else ()

    def _is_repeated(self, signature: str) -> bool:
        is_as_long = len(signature) == self.length
        is_sure = self.given or self.length >= _WHOLE
        return is_as_long and bool(is_sure) and signature == "".join(self.signature)

    def stop(self) -> Sequence[Delta]:
        if not self.signature:
            return (BlockStopped(self.place),)
        signature = "".join(self.signature)
        return (Signature(self.place, signature), BlockStopped(self.place))


@dataclass(slots=True)
class _OpenToolUse:
    """A call; `start` is the input that came with its beginning, mostly `{}`.

    Some servers send a text that holds JSON, and a cut reply may hold half of it; or
    nothing of it yet, which looks like a call without arguments.
    """

    kind: ClassVar[str] = "tool_use"
    place: int
    id: str
    name: str
    start: object
    json: list[str] = field(default_factory=list)
    empty: bool = False
    cut: bool = False

    @property
    def bare(self) -> bool:
        """Whether nothing was said of its arguments."""
        return not (self.json or self.start)

    def delta(self, delta: Mapping[str, Any]) -> Sequence[Delta]:
        piece = string_in(delta, "partial_json")
        if not piece:
            return ()
        self.json.append(piece)
        return (ToolUseDelta(self.place, piece),)

    def stop(self) -> Sequence[Delta]:
        said: Sequence[Delta] = ()
        if self.start and not self.json:
            text = self.start if isinstance(self.start, str) else dumped(self.start)
            said = self.delta({"partial_json": text})
        text = "".join(self.json)
        is_whole = self.name and not (self.cut and self.bare)
        arguments = arguments_in(text) if is_whole else None
        return (*said, ToolUseStopped(self.place, self.id, self.name, arguments, text))


@dataclass(slots=True)
class _OpenOpaque:
    """A block of a kind that we do not know, such as a server tool's."""

    kind: ClassVar[str] = "tool_use"
    place: int
    block: Json
    json: list[str] = field(default_factory=list)
    empty: bool = False

    def delta(self, delta: Mapping[str, Any]) -> Sequence[Delta]:
        self.json.append(string_in(delta, "partial_json"))
        return ()

    def stop(self) -> Sequence[Delta]:
        arguments = arguments_in("".join(self.json))
        block = {**self.block, "input": arguments} if arguments else self.block
        return (OpaqueBlock(self.place, block),)


class AnthropicDecoder:
    """Follows one reply: `message_start`, blocks one after the other, `message_stop`.

    Events of unknown type are passed over, `ping` among them. What a block holds when
    it starts counts like its first delta. MiniMax sends one block after the other; of
    a gateway that mixes them, the later ones wait for the end of the first.
    """

    def __init__(self) -> None:
        self._reply_id: str | None = None
        self._block: _OpenBlock | None = None
        self._lingers = False  # the block was ended, and may turn out to be cut
        self._wire_index: str | None = None
        self._waiting: dict[str | None, list[Json]] = {}
        self._place = -1
        self._usage: Json = {}
        self._stop_reason: str | None = None
        self._service_tier: str | None = None
        self._begun = False
        self._counted = False
        self._ended = False

    @property
    def complete(self) -> bool:
        """A stop reason has arrived, or else the end of a reply that had begun."""
        stopped = self._stop_reason is not None
        return stopped or (self._ended and self._begun)

    @property
    def ended(self) -> bool:
        """`message_stop` has arrived, or nothing that could still follow matters.

        Some streams stay open after their last word (MiniMax-M2 #109, claimed).
        """
        return self._ended or (self._stop_reason is not None and self._counted)

    def feed(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Takes the next event of a stream."""
        if not event.data.startswith(b"{") and event.data.strip() in (b"", b"[DONE]"):
            return ()
        said = self._take(parse(event), event.event)
        return (*said, *self._taken_up()) if self._waiting else said

    def whole(self, document: Mapping[str, object]) -> Sequence[Delta]:
        """Replays a reply that came in one piece as the stream it could have been."""
        return [delta for event in _as_stream(document) for delta in self._take(event)]

    def finish(self) -> Sequence[Delta]:
        """The end of the reply, with what its last honest usage said."""
        stopped = Stopped(
            self._stop_reason,
            usage=_usage(self._usage),
            service_tier=self._service_tier,
        )
        if isinstance(self._block, _OpenToolUse):
            self._block.cut = self._stop_reason == "max_tokens"
        said = list(self._close())
        while self._waiting:
            said += (*self._taken_up(), *self._close())
        return (*said, stopped)

    def _take(self, event: Json, name: str = "") -> Sequence[Delta]:
        match event.get("type"):
            case "content_block_delta" | "content_block_stop" if (
                self._waiting and _index(event) in self._waiting
            ):
                self._waiting[_index(event)].append(event)
            case "content_block_delta":
                return self._delta(event)
            case "content_block_start":
                return self._start(event)
            case "content_block_stop":
                return self._stop()
            case "message_start":
                return self._begin(object_in(event, "message"))
            case "message_delta":
                self._note(event)
            case "message_stop":
                self._ended = True
            case _:
                refuse(event, name)
        return ()

    def _begin(self, message: Json) -> Sequence[Delta]:
        refuse(message)
        self._begun = True
        self._note_usage(object_in(message, "usage"))
        self._note_tier(message)
        if self._reply_id is not None:
            return ()
        self._reply_id = string_in(message, "id")
        if self._place >= 0:
            return ()  # too late: what was told has no name
        return (Started(self._reply_id, string_in(message, "model") or None),)

    def _start(self, event: Json) -> Sequence[Delta]:
        index = _index(event)
        is_open = self._block is not None and not self._lingers
        if is_open and index not in (self._wire_index, None):
            self._waiting.setdefault(index, []).append(event)
            return ()
        return self._open(index, object_in(event, "content_block"))

    def _stop(self) -> Sequence[Delta]:
        block = self._block
        if isinstance(block, _OpenToolUse) and block.bare and not self._waiting:
            self._lingers = True
            return ()
        return self._close()

    def _taken_up(self) -> Sequence[Delta]:
        """What the waiting blocks said, up to the first that is still open."""
        said: list[Delta] = []
        while self._waiting and self._block is None:
            events = self._waiting.pop(next(iter(self._waiting)))
            for event in events:
                said += self._take(event)
        return said

    def _delta(self, event: Json) -> Sequence[Delta]:
        delta = object_in(event, "delta")
        index = _index(event)
        kind = _KIND_OF_DELTA.get(string_in(delta, "type"))
        block = self._block
        # Arguments can only belong to a call that has begun, whatever their index.
        is_meant = index in (self._wire_index, None) or kind == "tool_use"
        if block and is_meant and kind in (block.kind, None):
            return block.delta(delta)
        # Some captures have no `content_block_start`: the delta tells the kind.
        opened = self._open(index, {"type": kind})
        return (*opened, *(self._block.delta(delta) if self._block else ()))

    def _open(self, index: str | None, block: Json) -> Sequence[Delta]:
        closed = self._close()
        self._place += 1
        self._wire_index = index
        match block.get("type"):
            case "text":
                self._block = _OpenText(self._place)
            case "thinking":
                self._block = _OpenThinking(self._place, string_in(block, "signature"))
            case "tool_use":
                call = self._call(block)
                self._block = call
                return (*closed, ToolUseStarted(self._place, call.id, call.name))
            case str():
                self._block = _OpenOpaque(self._place, block)
            case _:
                self._place -= 1  # what it is, its deltas will tell
                return closed
        return (*closed, *self._block.delta(block))

    def _call(self, block: Json) -> _OpenToolUse:
        # LangChain cannot answer a call without an id; self-hosted servers forget it.
        id = string_in(block, "id") or f"call_{self._reply_id or ''}_{self._place}"
        name = string_in(block, "name")
        return _OpenToolUse(self._place, id, name, block.get("input"))

    def _close(self) -> Sequence[Delta]:
        block, self._block, self._lingers = self._block, None, False
        if block is None:
            return ()
        if block.empty:
            self._place -= 1  # nothing was said, so it takes no place
            return ()
        return block.stop()

    def _note(self, event: Json) -> None:
        refuse(event)
        self._begun = True
        usage = object_in(event, "usage")
        self._note_usage(usage)
        self._counted = self._counted or "output_tokens" in usage
        reason = string_in(object_in(event, "delta"), "stop_reason")
        self._stop_reason = reason or self._stop_reason

    def _note_usage(self, usage: Json) -> None:
        """The last honest numbers win.

        A count with `input_tokens` is complete and replaces what `message_start`
        guessed (M3 starts with a whole prompt "read from cache"); one without adds to
        it; one of zeros says nothing.
        """
        self._note_tier(usage)
        counts = {key: value for key, value in usage.items() if value is not None}
        if any(isinstance(value, int) and value for value in counts.values()):
            if "input_tokens" in counts:
                self._usage.clear()
            self._usage.update(counts)

    def _note_tier(self, source: Json) -> None:
        self._service_tier = string_in(source, "service_tier") or self._service_tier


_KIND_OF_DELTA = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


def decoder() -> AnthropicDecoder:
    """A decoder for one reply."""
    return AnthropicDecoder()


def _as_stream(document: Mapping[str, Any]) -> Iterator[Json]:
    refuse(dict(document))
    content = document.get("content")
    if not isinstance(content, list):
        raise MiniMaxResponseError(
            f"The reply has no content array: {excerpt(dumped(document), 500)}"
        )
    yield {"type": "message_start", "message": {**document, "usage": None}}
    for index, block in enumerate(content):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": document, "usage": document.get("usage")}
    yield {"type": "message_stop"}


def _index(event: Json) -> str | None:
    """Which block an event is about, as a key: a gateway may number as it likes."""
    index = event.get("index")
    return None if index is None else repr(index)


def _usage(counts: Json) -> Usage | None:
    if not counts:
        return None
    return Usage(
        input=count_in(counts, "input_tokens") or 0,
        output=count_in(counts, "output_tokens") or 0,
        cache_read=count_in(counts, "cache_read_input_tokens"),
        cache_creation=count_in(counts, "cache_creation_input_tokens"),
        reasoning=count_in(
            object_in(counts, "output_tokens_details"), "thinking_tokens"
        ),
    )
