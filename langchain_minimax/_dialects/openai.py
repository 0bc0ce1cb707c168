"""MiniMax's OpenAI-compatible Chat Completions API: requests out, deltas in.

Sources: platform.minimax.io, "Chat Completions API" (M2.7 era, 2026-04-22, and its
summer 2026 schema); live recordings of anomalyco/opencode's provider tests
(2026-09-07).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

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
    SentAs,
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
from langchain_minimax._dialects.think_tags import (
    Closed,
    Inside,
    Outside,
    Piece,
    Splitter,
    put_back,
    unfinished,
    without_closing_tag,
)
from langchain_minimax._json import (
    arguments_in,
    count_in,
    dumped,
    encoded,
    excerpt,
    object_in,
    string_in,
)
from langchain_minimax._repair import labelled
from langchain_minimax._sse import ServerSentEvent
from langchain_minimax.errors import (
    MiniMaxInvalidRequestError,
    MiniMaxResponseError,
)

path = "/v1/chat/completions"
official_prefix = ""
headers: Mapping[str, str] = {}


# --- Requests ------------------------------------------------------------------------


def encode(request: ChatRequest) -> Json:
    """The body of a request; what is unset is left out."""
    body: Json = {
        "model": request.model,
        "messages": list(_messages(request)),
        "tools": [_tool(tool) for tool in request.tools],
        "tool_choice": _tool_choice(request.tool_choice) if request.tools else None,
        "max_completion_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "thinking": request.thinking,
        "reasoning_effort": request.effort,
        # Else the thinking stands in the content.
        "reasoning_split": True,
        "service_tier": request.service_tier,
        "stream": request.stream,
        "stream_options": {"include_usage": True} if request.stream else None,
    }
    said = {key: value for key, value in body.items() if value not in (None, [])}
    return said | dict(request.extra or {})


def _messages(request: ChatRequest) -> Iterator[Json]:
    conversation = request.conversation
    if conversation.system:
        yield {"role": "system", "content": _prompt(conversation.system)}
    for turn in conversation.turns:
        match turn.role:
            case "assistant":
                yield _reply(turn.blocks, official=request.official)
            case _:
                yield from _asked(turn)


def _prompt(system: Sequence[Text]) -> str | list[Json]:
    """The one system message; as a text, unless something in it is to be cached."""
    if any(text.cache_control for text in system):
        return [_part(text) for text in system]
    return "\n\n".join(text.text for text in system)


def _asked(turn: Turn) -> Iterator[Json]:
    """A message for each result, and one for what else the turn holds."""
    results = [block for block in turn.blocks if isinstance(block, ToolResult)]
    rest: list[Block] = [
        block for block in turn.blocks if not isinstance(block, ToolResult)
    ]
    for result in results:
        yield {
            "role": "tool",
            "tool_call_id": result.tool_use_id,
            "content": _result(result),
        }
    if rest and turn.role != "user":
        # The roles for role play are the Messages API's own.
        rest = list(labelled("message", rest, role=turn.role))
    if rest:
        yield {"role": "user", "content": _content(rest)}


def _result(result: ToolResult) -> str | list[Json]:
    content = result.content
    blocks = [Text(content)] if isinstance(content, str) else list(content)
    said = "".join(block.text for block in blocks if isinstance(block, Text))
    if result.is_error and "error" not in said.lower():
        # This wire has no mark for a tool that failed.
        match blocks:
            case [Text(text, cache), *rest]:
                blocks = [Text(f"Error: {text}", cache), *rest]
            case _:
                blocks = [Text("Error:"), *blocks]
    return _content(blocks)


def _content(blocks: Sequence[Block]) -> str | list[Json]:
    match blocks:
        case [Text(text, None)]:
            return text
        case _:
            return [_part(block) for block in blocks]


def _part(block: Block) -> Json:
    match block:
        case Text(text, cache):
            mark = {} if cache is None else {"cache_control": cache}
            return {"type": "text", "text": text} | mark
        case Media():
            kind = f"{block.kind}_url"
            return {"type": kind, kind: {"url": _url(block), **block.options}}
        case Opaque(value):
            # Of the other protocol; here it can only be told of.
            return {"type": "text", "text": dumped(value)}
        case _:
            raise AssertionError(f"`_repair` leaves no {type(block).__name__} here")


def _url(media: Media) -> str:
    return media.url or f"data:{media.media_type};base64,{media.data}"


def _reply(blocks: Sequence[Block], *, official: bool) -> Json:
    """An earlier reply: its words, its calls, and its thoughts as they were sent."""
    said = list(put_back(blocks))
    calls = [block for block in said if isinstance(block, ToolUse)]
    thoughts = [block for block in said if isinstance(block, Thinking)]
    rest = [block for block in said if not isinstance(block, ToolUse | Thinking)]
    if thoughts and not calls and not rest:
        # A message without content is refused; so is its thought put in there.
        text = "\n\n".join(thought.thinking for thought in thoughts)
        return {"role": "assistant", "content": f"<think>\n{text}\n</think>\n\n"}
    return {
        "role": "assistant",
        # Beside calls, "" is refused ("tool call result does not follow tool call").
        "content": _words(rest) or None,
        **({"tool_calls": [_call(call) for call in calls]} if calls else {}),
        **_reasoning(thoughts, official=official),
    }


def _words(blocks: Sequence[Block]) -> str | list[Json]:
    if all(isinstance(block, Text) and not block.cache_control for block in blocks):
        return "".join(block.text for block in blocks if isinstance(block, Text))
    return [_part(block) for block in blocks]


def _call(call: ToolUse) -> Json:
    function = {"name": call.name, "arguments": encoded(call.input).decode()}
    return {"id": call.id, "type": "function", "function": function}


def _reasoning(thoughts: Iterable[Thinking], *, official: bool) -> Json:
    """The fields that hold the thoughts; for our own, those that they came in.

    MiniMax wants `reasoning_details` (function call guide, 2026). What came in another
    field goes back in that; vLLM's `reasoning` is none of MiniMax's.
    """
    said: Json = {}
    details: list[Json] = []
    for thought in thoughts:
        sent = thought.sent_as or {}
        name, text = sent.get("field"), sent.get("text", thought.thinking)
        if name == "reasoning_content" or (name == "reasoning" and not official):
            said[name] = said.get(name, "") + text
            continue
        item = sent.get("item") or _item(len(details))
        if details and _is_of(item, details[-1]):
            details[-1]["text"] += text
        else:
            details.append(
                item if "item" in sent and not text else item | {"text": text}
            )
    if details:
        said["reasoning_details"] = details
    return said


def _item(place: int) -> Json:
    return {
        "type": "reasoning.text",
        "id": f"reasoning-text-{place + 1}",
        "format": "MiniMax-response-v1",
        "index": place,
    }


def _is_of(item: Json, known: Json) -> bool:
    """Whether a piece of reasoning belongs to this item."""
    both = item.keys() & known.keys() - {"text"}
    return "text" in known and all(item[key] == known[key] for key in both)


def _tool(tool: Tool | Opaque) -> Json:
    if isinstance(tool, Tool):
        function: Json = {"name": tool.name, "parameters": tool.input_schema}
        if tool.description:
            function["description"] = tool.description
        return {"type": "function", "function": function}
    if tool.block.get("type") == "function":
        return tool.block
    kind = tool.block.get("type")
    msg = (
        f"The server tool {kind!r} exists only in the Messages API: leave it out, or "
        'call with `protocol="anthropic"`.'
    )
    raise MiniMaxInvalidRequestError(msg)


def _tool_choice(choice: ToolChoice | None) -> str | None:
    """The wire knows `auto` and `none`; a forced choice is accepted and ignored."""
    if choice is None:
        return None
    return "none" if choice.mode == "none" else "auto"


# --- Replies -------------------------------------------------------------------------


_SURE = 8  # characters that no increment repeats by chance, twice in a row


class Growth:
    """Tells what is new in pieces that may each repeat all that came before.

    MiniMax sends increments; its examples subtract what they have from what comes, and
    some saw snapshots (dbx#5921). An increment may begin like the text so far, "a" and
    "and" (dbx#6535), so a piece that does is held until the next one decides.
    """

    def __init__(self) -> None:
        self._told = self._last = ""
        self._held: list[str] = []
        self._grows: bool | None = None

    def feed(self, piece: str) -> str:
        """What is new in the next piece."""
        if self._grows is False:
            return piece
        if self._grows and self._last.startswith(piece):
            return ""  # an older snapshot
        if not self._last:
            self._told = self._last = piece
            return piece
        if len(piece) <= len(self._last) or not piece.startswith(self._last):
            return self._decided(grows=False) + piece
        return self._grown(piece)

    def finish(self) -> str:
        """What was held, by the likelier of the two readings."""
        if not self._held:
            return ""
        # A snapshot ends a word before it begins the next one.
        joint = self._held[0][len(self._told)]
        return self._decided(grows=len(self._held) > 1 or not joint.isalnum())

    def _grown(self, piece: str) -> str:
        sure = bool(self._held) and len(self._last) >= _SURE
        if self._grows:
            new, self._last = piece[len(self._last) :], piece
            return new
        self._held.append(piece)
        self._last = piece
        return self._decided(grows=True) if sure else ""

    def _decided(self, *, grows: bool) -> str:
        held, self._held = self._held, []
        self._grows = grows
        return self._last[len(self._told) :] if grows and held else "".join(held)


class _Block(Protocol):
    """A block of the reply that has begun; what it has to tell waits for its turn."""

    @property
    def done(self) -> bool:
        """Whether nothing more can belong to it, once another block began."""

    def told(self, place: int) -> Iterator[Delta]:
        """What it has to tell since it was last asked."""

    def stop(self, place: int) -> Iterator[Delta]:
        """The last of it."""


@dataclass(slots=True)
class _Text:
    done: ClassVar[bool] = True
    pieces: list[str] = field(default_factory=list)

    def told(self, place: int) -> Iterator[Delta]:
        text = "".join(self.pieces)
        self.pieces.clear()
        if text:
            yield TextDelta(place, text)

    def stop(self, place: int) -> Iterator[Delta]:
        yield BlockStopped(place)


@dataclass(slots=True)
class _Thought:
    """A thought; what may be a closing tag at its end is held back."""

    done: ClassVar[bool] = True
    sent_as: Json
    growth: Growth = field(default_factory=Growth)
    whole: list[str] = field(default_factory=list)
    held: str = ""

    def add(self, piece: str) -> None:
        """Takes what is new of it."""
        self.held += piece
        self.whole.append(piece)

    def told(self, place: int) -> Iterator[Delta]:
        end = unfinished(self.held)
        thinking, self.held = self.held[:end], self.held[end:]
        if thinking:
            yield ThinkingDelta(place, thinking)

    def stop(self, place: int) -> Iterator[Delta]:
        self.add(self.growth.finish())
        yield from self.told(place)
        rest = without_closing_tag(self.held)
        if rest:
            yield ThinkingDelta(place, rest)
        text = {"text": "".join(self.whole)} if rest != self.held else {}
        yield SentAs(place, {**self.sent_as, **text})
        yield BlockStopped(place)


@dataclass(slots=True)
class _Call:
    """A tool call; it begins when its name is known."""

    id: str
    index: object
    name: str = ""
    json: list[str] = field(default_factory=list)
    tale: int = 0
    begun: bool = False

    @property
    def done(self) -> bool:
        """Whether its arguments are whole, so that no piece can be missing."""
        text = "".join(self.json)
        return text.rstrip().endswith("}") and arguments_in(text) is not None

    def told(self, place: int) -> Iterator[Delta]:
        if not self.begun and self.name:
            self.begun = True
            yield ToolUseStarted(place, self.id, self.name)
        if self.begun:
            for piece in self.json[self.tale :]:
                yield ToolUseDelta(place, piece)
            self.tale = len(self.json)

    def stop(self, place: int) -> Iterator[Delta]:
        if not self.begun:
            self.begun = True
            yield ToolUseStarted(place, self.id, self.name)
        yield from self.told(place)
        text = "".join(self.json)
        arguments = arguments_in(text) if self.name else None
        yield ToolUseStopped(place, self.id, self.name, arguments, text)


_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "tool_call": "tool_use",  # seen once
    "function_call": "tool_use",
}
_FIELDS = ("reasoning_content", "reasoning")
_IN_CONTENT: Json = {"field": "content"}
_FILTERED = {"status_code": 1027, "status_msg": "output new_sensitive"}


class OpenAIDecoder:
    """Follows one reply: chunks with deltas, a finish reason, mostly a usage.

    Blocks are told one after the other. A text or a thought ends when something else
    begins, a call when its arguments are whole; what begins before waits.
    """

    def __init__(self) -> None:
        self._reply_id = ""
        self._model: str | None = None
        self._begun = self._heard = False
        self._blocks: deque[_Block] = deque()
        self._place = -1
        self._calls: list[_Call] = []
        self._call: _Call | None = None
        self._text_growth = Growth()
        self._splitter = Splitter()
        self._thoughts: list[_Thought] = []
        self._aside: _Thought | None = None
        self._usage: Json = {}
        self._finish_reason: str | None = None
        self._service_tier: str | None = None
        self._notes: Json = {}
        self._ended = False

    @property
    def complete(self) -> bool:
        """A finish reason has arrived, or else the end of a reply that had begun."""
        return self._finish_reason is not None or (self._ended and self._begun)

    @property
    def ended(self) -> bool:
        """`[DONE]` has arrived, or nothing that could still follow matters.

        Since autumn 2026 there is no `[DONE]`; the usage comes last.
        """
        return self._ended or (self._finish_reason is not None and bool(self._usage))

    def feed(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Takes the next event of a stream."""
        data = event.data.strip()
        if data == b"[DONE]":
            self._ended = True
        if data in (b"", b"[DONE]"):
            return ()
        chunk = parse(event)
        try:
            refuse(chunk, event.event)
        except Exception:
            self._finish_reason = None  # it was no success after all
            raise
        return list(self._take(chunk))

    def whole(self, document: Mapping[str, object]) -> Sequence[Delta]:
        """Replays a reply that came in one piece as the stream it could have been."""
        reply = dict(document)
        refuse(reply)
        if not isinstance(document.get("choices"), list):
            raise MiniMaxResponseError(
                f"The reply has no choices: {excerpt(dumped(document), 500)}"
            )
        said = list(self._take(reply))
        self._ended = True
        return said

    def finish(self) -> Sequence[Delta]:
        """The end of the reply, with what its last honest usage said.

        Raises:
            MiniMaxContentFilterError: If the filter took the rest of it.
        """
        said = [*self._begin(), *self._rest()]
        if self._finish_reason == "content_filter":
            refuse({"id": self._reply_id, "base_resp": _FILTERED})
        reason = self._finish_reason
        stopped = Stopped(
            _REASONS.get(reason, reason) if reason else None,
            usage=_usage(self._usage),
            service_tier=self._service_tier,
            notes=self._notes,
        )
        return [*said, stopped]

    def _take(self, chunk: Json) -> Iterator[Delta]:
        self._note(chunk)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        message = object_in(choice, "message")
        # A last event may tell the whole reply once more; its usage is what counts.
        is_repeated = "message" in choice and self._heard
        delta = {} if is_repeated else object_in(choice, "delta") or message
        if self._reply_id or any(delta.values()):
            yield from self._begin()
        self._hear(delta)
        self._heard = self._heard or bool(self._blocks)
        yield from self._advance()
        reason = string_in(choice, "finish_reason")
        self._finish_reason = reason or self._finish_reason

    def _note(self, chunk: Json) -> None:
        self._reply_id = self._reply_id or string_in(chunk, "id")
        self._model = self._model or string_in(chunk, "model") or None
        self._service_tier = string_in(chunk, "service_tier") or self._service_tier
        usage = object_in(chunk, "usage")
        if any(isinstance(value, int) and value for value in usage.values()):
            self._usage = usage
        for flag in ("input_sensitive", "output_sensitive"):
            if chunk.get(flag) is True:
                self._notes[flag] = chunk.get(f"{flag}_type") or True

    def _begin(self) -> Iterator[Delta]:
        if not self._begun:
            self._begun = True
            yield Started(self._reply_id, self._model)

    def _hear(self, delta: Json) -> None:
        self._hear_reasoning(delta)
        content = delta.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        for part in parts:
            text = string_in(part, "text") if isinstance(part, dict) else ""
            if text:
                self._say(self._splitter.feed(self._text_growth.feed(text)))
        calls = delta.get("tool_calls")
        for fragment in calls if isinstance(calls, list) else ():
            if isinstance(fragment, dict):
                self._hear_call(fragment)

    def _hear_reasoning(self, delta: Json) -> None:
        """Thinking in a field of its own; where it is said twice, the details count."""
        details = delta.get("reasoning_details")
        items = [each for each in details or () if isinstance(each, dict)]
        for item in items:
            kept = {key: value for key, value in item.items() if key != "text"}
            sent_as = {"field": "reasoning_details", "item": kept}
            self._think(sent_as, string_in(item, "text"))
        for name in _FIELDS if not items else ():
            text = string_in(delta, name)
            if text:
                self._think({"field": name}, text)
                return

    def _think(self, sent_as: Json, piece: str) -> None:
        last = self._blocks[-1] if self._blocks else None
        if not (isinstance(last, _Thought) and _continues(sent_as, last.sent_as)):
            if not piece:
                return
            last = _Thought(sent_as)
            self._blocks.append(last)
            self._thoughts.append(last)
        last.add(last.growth.feed(piece))

    def _say(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            match piece:
                case Outside(text) if text:
                    self._text().pieces.append(text)
                case Inside(thinking):
                    self._tagged(_IN_CONTENT).add(thinking)
                case Closed():
                    self._tagged(_IN_CONTENT).sent_as = piece.sent_as
                    self._compare()

    def _text(self) -> _Text:
        last = self._blocks[-1] if self._blocks else None
        if not isinstance(last, _Text):
            last = _Text()
            self._blocks.append(last)
        return last

    def _tagged(self, sent_as: Json) -> _Thought:
        """The thought that stands in the content; apart, while fields have thoughts.

        M3 may say its thoughts twice, in a field and in the content (pi#5605).
        """
        thought = self._aside or (self._blocks[-1] if self._blocks else None)
        if not (isinstance(thought, _Thought) and thought.sent_as == sent_as):
            thought = _Thought(sent_as)
            if self._thoughts:
                self._aside = thought
            else:
                self._blocks.append(thought)
        return thought

    def _compare(self) -> None:
        """Takes in the thought that was apart, unless it was only repeated."""
        thought, self._aside = self._aside, None
        said = "".join(thinking for each in self._thoughts for thinking in each.whole)
        if (
            thought
            and "".join(thought.whole).strip() != without_closing_tag(said).strip()
        ):
            self._blocks.append(thought)

    def _hear_call(self, fragment: Json) -> None:
        function = object_in(fragment, "function")
        call = self._call_of(fragment, string_in(function, "name"))
        call.name = call.name or string_in(function, "name")
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = dumped(arguments)
        if isinstance(arguments, str) and arguments:
            call.json.append(arguments)
        self._call = call

    def _call_of(self, fragment: Json, name: str) -> _Call:
        """The call that a fragment belongs to: by its id, its index, or its place.

        M2.7 was seen to give a second call the first one's index, and an id of its own.
        """
        id, index = string_in(fragment, "id"), fragment.get("index")
        for call in self._calls:
            if id and call.id == id:
                return call
        if not (id and name):
            known = [call for call in self._calls if call.index == index]
            if index is not None and known:
                return known[-1]
            if self._call is not None and not name:
                return self._call
        # LangChain cannot answer a call without an id; self-hosted servers forget it.
        id = id or f"call_{self._reply_id}_{len(self._calls)}"
        self._end_text()
        call = _Call(id, index)
        self._calls.append(call)
        self._blocks.append(call)
        return call

    def _advance(self) -> Iterator[Delta]:
        """Tells what is new in the first block, and in those whose turn has come."""
        while self._blocks:
            block = self._blocks[0]
            yield from block.told(self._place + 1)
            if len(self._blocks) == 1 or not block.done:
                return
            yield from self._stop_first()

    def _stop_first(self) -> Iterator[Delta]:
        self._place += 1
        yield from self._blocks.popleft().stop(self._place)

    def _end_text(self) -> None:
        """Hears out what was held of the text."""
        self._say(self._splitter.feed(self._text_growth.finish()))
        self._say(self._splitter.finish())

    def _rest(self) -> Iterator[Delta]:
        self._end_text()
        while self._blocks:
            yield from self._blocks[0].told(self._place + 1)
            yield from self._stop_first()


def decoder() -> OpenAIDecoder:
    """A decoder for one reply."""
    return OpenAIDecoder()


def _continues(sent_as: Json, known: Json) -> bool:
    if sent_as["field"] != known["field"]:
        return False
    item, before = sent_as.get("item", {}), known.get("item", {})
    return all(item[key] == before[key] for key in item.keys() & before.keys())


def _usage(counts: Json) -> Usage | None:
    """The count, in the other protocol's terms: what the cache had stands apart."""
    if not counts:
        return None
    details = object_in(counts, "prompt_tokens_details")
    read = count_in(details, "cached_tokens")
    if read is None:
        read = count_in(details, "cache_read_input_tokens")
    if read is None:
        read = count_in(counts, "prompt_cache_hit_tokens")
    written = count_in(details, "cache_creation_input_tokens")
    prompt = count_in(counts, "prompt_tokens") or 0
    said = object_in(counts, "completion_tokens_details")
    return Usage(
        input=max(0, prompt - (read or 0) - (written or 0)),
        output=count_in(counts, "completion_tokens") or 0,
        cache_read=read,
        cache_creation=written,
        reasoning=count_in(said, "reasoning_tokens"),
    )
