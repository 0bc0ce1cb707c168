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
from langchain_minimax._dialects.growth import Growth, Habit
from langchain_minimax._dialects.think_tags import (
    Closed,
    Inside,
    Outside,
    Piece,
    Splitter,
    as_sent,
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
    with_extra,
)
from langchain_minimax._repair import is_blank, labelled
from langchain_minimax._sse import ServerSentEvent
from langchain_minimax.errors import (
    MiniMaxContentFilterError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
)

path = "/v1/chat/completions"
official_prefix = ""
headers: Mapping[str, str] = {}


# --- Requests ------------------------------------------------------------------------


def encode(request: ChatRequest) -> Json:
    """The body of a request; what is unset is left out."""
    counts = request.stream and request.stream_usage
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
        # Else the thinking stands in the content. Other servers pass over what they do
        # not know: vLLM's schema allows extra fields.
        "reasoning_split": True,
        "service_tier": request.service_tier,
        "stream": request.stream,
        "stream_options": {"include_usage": True} if counts else None,
    }
    said = {key: value for key, value in body.items() if value not in (None, [])}
    return with_extra(said, request.extra or {})


def _messages(request: ChatRequest) -> Iterator[Json]:
    conversation = request.conversation
    if conversation.system:
        yield {"role": "system", "content": _prompt(conversation.system)}
    for turn in conversation.turns:
        if turn.role == "assistant":
            yield _reply(turn.blocks, official=request.official)
        else:
            yield from _asked(turn)


def _prompt(system: Sequence[Text]) -> str | list[Json]:
    """The one system message; as a text, unless something in it is to be cached."""
    if any(text.cache_control for text in system):
        return [_part(text) for text in system]
    return "\n\n".join(text.text for text in system)


def _asked(turn: Turn) -> Iterator[Json]:
    """A message for each result, and one for what else the turn holds."""
    rest: list[Block] = []
    for block in turn.blocks:
        if isinstance(block, ToolResult):
            id, said = block.tool_use_id, _result(block)
            yield {"role": "tool", "tool_call_id": id, "content": said}
        else:
            rest.append(block)
    if rest and turn.role != "user":
        # The roles for role play are the Messages API's own.
        rest = list(labelled("message", rest, role=turn.role))
    if rest:
        yield {"role": "user", "content": _content(rest)}


def _result(result: ToolResult) -> str | list[Json]:
    content = result.content
    blocks = [Text(content)] if isinstance(content, str) else list(content)
    if result.is_error and "error" not in _texts(blocks).lower():
        # This wire has no mark for a tool that failed.
        match blocks:
            case [Text(text, cache), *rest]:
                blocks = [Text(f"Error: {text}", cache), *rest]
            case _:
                blocks = [Text("Error:"), *blocks]
    return _content(blocks)


def _texts(blocks: Iterable[Block]) -> str:
    return "".join(block.text for block in blocks if isinstance(block, Text))


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
    calls: list[ToolUse] = []
    thoughts: list[Thinking] = []
    rest: list[Block] = []
    for block in put_back(blocks):
        if isinstance(block, ToolUse):
            calls.append(block)
        elif not isinstance(block, Thinking):
            rest.append(block)
        elif block.thinking or block.sent_as:  # of others only a signature is left
            thoughts.append(block)
    if not calls and all(map(is_blank, rest)):
        # A message without content is refused; so is its thought put in there.
        text = "\n\n".join(thought.thinking for thought in thoughts)
        return {"role": "assistant", "content": f"<think>\n{text}\n</think>\n\n"}
    # Beside calls, "" is refused ("tool call result does not follow tool call").
    said: Json = {"role": "assistant", "content": _words(rest) or None}
    if calls:
        said["tool_calls"] = [_call(call) for call in calls]
    return said | _reasoning(thoughts, official=official) if thoughts else said


def _words(blocks: Sequence[Block]) -> str | list[Json]:
    texts = [
        block.text
        for block in blocks
        if isinstance(block, Text) and not block.cache_control
    ]
    if len(texts) == len(blocks):
        return "".join(texts)
    return [_part(block) for block in blocks]


def _call(call: ToolUse) -> Json:
    function = {"name": call.name, "arguments": encoded(call.input).decode()}
    return {"id": call.id, "type": "function", "function": function}


def _reasoning(thoughts: Iterable[Thinking], *, official: bool) -> Json:
    """The fields that hold the thoughts; MiniMax's own come back in those they came in.

    MiniMax wants `reasoning_details` (function call guide, 2026). Engines read a plain
    field only: vLLM `reasoning`, SGLang and vLLM before 0.11 `reasoning_content`.
    """
    said: Json = {}
    details: list[Json] = []
    own = _PLAIN[:1] if official else _PLAIN
    for thought in thoughts:
        sent, text = thought.sent_as or {}, as_sent(thought)
        is_plain = sent.get("field") in own
        for name in own if is_plain or not official else ():
            said[name] = said.get(name, "") + text
        if not is_plain:
            _append_item(details, sent.get("item") or _item(len(details)), text)
    if details:
        said["reasoning_details"] = details
    return said


def _append_item(details: list[Json], item: Json, text: str) -> None:
    if not text:
        details.append(item)
    elif details and _is_of(item, details[-1]):
        details[-1] = {**details[-1], "text": details[-1].get("text", "") + text}
    else:
        details.append({**item, "text": text})


def _item(place: int) -> Json:
    return {
        "type": "reasoning.text",
        "id": f"reasoning-text-{place + 1}",
        "format": "MiniMax-response-v1",
        "index": place,
    }


def _is_of(item: Json, known: Json) -> bool:
    """Whether a piece of reasoning belongs to this item."""
    if item == known:
        return True
    both = (key for key in item if key in known and key != "text")
    return all(item[key] == known[key] for key in both)


def _tool(tool: Tool | Opaque) -> Json:
    if isinstance(tool, Tool):
        function: Json = {"name": tool.name, "parameters": tool.input_schema}
        if tool.description:
            function["description"] = tool.description
        return {"type": "function", "function": function}
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


class _Block(Protocol):
    """A block of the reply that has begun; what it has to tell waits for its turn."""

    @property
    def done(self) -> bool:
        """Whether nothing more can belong to it, once another block began."""

    def told(self, place: int) -> Sequence[Delta]:
        """What it has to tell since it was last asked."""

    def stop(self, place: int) -> Sequence[Delta]:
        """The last of it."""


@dataclass(slots=True)
class _Text:
    done: ClassVar[bool] = True
    pieces: list[str] = field(default_factory=list)

    def told(self, place: int) -> Sequence[Delta]:
        text = "".join(self.pieces)
        self.pieces.clear()
        return (TextDelta(place, text),) if text else ()

    def stop(self, place: int) -> Sequence[Delta]:
        return (BlockStopped(place),)


@dataclass(slots=True)
class _Thought:
    """A thought; what may be a closing tag at its end is held back."""

    done: ClassVar[bool] = True
    sent_as: Json
    held: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)

    def add(self, piece: str) -> None:
        """Takes what is new of it."""
        self.held.append(piece)
        self.whole.append(piece)

    def take(self, sent_as: Json, piece: str) -> None:
        """Takes what is new of it, from a field."""
        item = sent_as.get("item")
        if item and item != self.sent_as.get("item"):
            self.sent_as["field"] = sent_as["field"]
            self.sent_as.setdefault("item", {}).update(item)
        self.add(piece)

    def goes_on_as(self, sent_as: Json) -> bool:
        """Whether a piece that was sent so belongs to it.

        A field takes turns with others (pi#5605); an item is told by what it says
        besides its text.
        """
        if "content" in (sent_as["field"], self.sent_as["field"]):
            return False
        return _is_of(sent_as.get("item", {}), self.sent_as.get("item", {}))

    def has_item_of(self, sent_as: Json) -> bool:
        """Whether it came in the item that a piece without words belongs to."""
        return "item" in self.sent_as and self.goes_on_as(sent_as)

    def told(self, place: int) -> Sequence[Delta]:
        # What stood between tags is whole as it is.
        is_whole = self.sent_as["field"] == "content"
        held = "".join(self.held)
        end = len(held) if is_whole else unfinished(held)
        self.held = [held[end:]]
        return (ThinkingDelta(place, held[:end]),) if end else ()

    def stop(self, place: int) -> Sequence[Delta]:
        held = "".join(self.held)
        rest = without_closing_tag(held)
        closing = held[len(rest) :]
        tail = {"closing": closing} if closing else {}
        return (
            *((ThinkingDelta(place, rest),) if rest else ()),
            SentAs(place, {**self.sent_as, **tail}),
            BlockStopped(place),
        )


@dataclass(slots=True)
class _Nesting:
    """Follows JSON text in pieces, each of which is looked at once."""

    depth: int = 0
    in_string: bool = False
    escaped: bool = False
    closed: bool = False

    def is_closed_by(self, piece: str) -> bool:
        """Whether the next piece is the first that closes all that was opened."""
        was_closed = self.closed
        for character in piece:
            if self.in_string:
                self.in_string = self.escaped or character != '"'
                self.escaped = character == "\\" and not self.escaped
            elif character == '"':
                self.in_string = True
            elif character in "{[":
                self.depth += 1
            elif character in "}]":
                self.depth -= 1
                self.closed = self.closed or self.depth <= 0
        return self.closed and not was_closed


@dataclass(slots=True)
class _Call:
    """A tool call; it begins when its name is known."""

    id: str
    name: str = ""
    json: list[str] = field(default_factory=list)
    shown: int = 0
    begun: bool = False
    looked_at: int = 0
    nesting: _Nesting = field(default_factory=_Nesting)
    is_done: bool = False
    is_cut: bool = False
    ended: bool = False

    @property
    def done(self) -> bool:
        """Whether its arguments are whole, so that no piece can be missing."""
        for piece in self.json[self.looked_at :]:
            if self.nesting.is_closed_by(piece):
                self.is_done = arguments_in("".join(self.json)) is not None
        self.looked_at = len(self.json)
        return self.is_done

    def goes_on_as(self, name: str) -> bool:
        """Whether a fragment with its index belongs to it."""
        is_named_so = name == self.name and not self.done
        return not (name and self.name) or is_named_so

    def told(self, place: int) -> Sequence[Delta]:
        said = self._begin(place) if self.name else []
        if self.begun:
            said += [ToolUseDelta(place, piece) for piece in self.json[self.shown :]]
            self.shown = len(self.json)
        return said

    def add(self, piece: str) -> None:
        """Takes more of its arguments.

        Raises:
            MiniMaxResponseError: If it was told already, without this.
        """
        if not self.ended:
            self.json.append(piece)
        elif piece.strip() and piece != "".join(self.json):
            msg = (
                f"The call {self.name!r} went on after its end: {excerpt(piece, 200)!r}"
            )
            raise MiniMaxResponseError(msg)

    def stop(self, place: int) -> Sequence[Delta]:
        self.ended = True
        said = [*self._begin(place), *self.told(place)]
        text = "".join(self.json)
        # Without any arguments it may be one that takes none, or one that was cut.
        is_usable = self.name and not (self.is_cut and not text)
        arguments = arguments_in(text) if is_usable else None
        return (*said, ToolUseStopped(place, self.id, self.name, arguments, text))

    def _begin(self, place: int) -> list[Delta]:
        if self.begun:
            return []
        self.begun = True
        return [ToolUseStarted(place, self.id, self.name)]


_COUNTS = ("prompt_tokens", "completion_tokens")
_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "tool_call": "tool_use",  # seen once
    "function_call": "tool_use",
}
_PLAIN = ("reasoning_content", "reasoning")
_REASONING = ("reasoning_details", *_PLAIN)
_SPOKEN = ("content", *_REASONING)
_CALLING = ("tool_calls", "function_call")
_IN_CONTENT: Json = {"field": "content"}
# SGLang says "abort" where it gives a request up.
_FAILED = ("content_filter", "abort", "error")
_CUT = ("length", *_FAILED)


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
        self._habit = Habit()
        self._text_growth = Growth(self._habit)
        self._splitter = Splitter()
        self._streams: dict[str, tuple[Json, Growth]] = {}
        self._fed: dict[str, tuple[Json, Growth]] = {}
        self._thoughts: list[_Thought] = []
        self._aside: _Thought | None = None
        self._is_compared = False
        self._in_content: list[str] = []
        self._beside: list[tuple[Json, str]] = []
        self._echoed: int | None = 0
        self._calls_by_id: dict[str, _Call] = {}
        self._calls_by_index: dict[str, _Call] = {}
        self._call: _Call | None = None
        self._usage: Json = {}
        self._counted = False
        self._finish_reason: str | None = None
        self._service_tier: str | None = None
        self._notes: Json = {}
        self._ended = self._is_whole = False

    @property
    def complete(self) -> bool:
        """A finish reason has arrived, or else the end of a reply that had begun."""
        return self._finish_reason is not None or (self._ended and self._begun)

    @property
    def ended(self) -> bool:
        """`[DONE]` has arrived, or nothing that could still follow matters.

        Since autumn 2026 there is no `[DONE]`; the usage comes last, in an event of its
        own. One that comes with the finish reason may not be the last word.
        """
        return self._ended or self._counted

    def feed(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Takes the next event of a stream."""
        if not event.data.startswith(b"{"):
            data = event.data.strip()
            self._ended = self._ended or data == b"[DONE]"
            if data in (b"", b"[DONE]"):
                return ()
        chunk = parse(event)
        try:
            refuse(chunk, event.event)
        except MiniMaxError:
            self._finish_reason, self._ended = None, False  # it was no success
            raise
        return self._take(chunk)

    def whole(self, document: Mapping[str, object]) -> Sequence[Delta]:
        """Replays a reply that came in one piece as the stream it could have been."""
        reply = dict(document)
        refuse(reply)
        self._is_whole = True
        self._habit.repeats = False  # nothing comes twice
        if not isinstance((_choice(reply) or {}).get("message"), dict):
            raise MiniMaxResponseError(
                f"The reply has no message: {excerpt(dumped(document), 500)}"
            )
        said = self._take(reply)
        self._ended = True
        return said

    def finish(self) -> Sequence[Delta]:
        """The end of the reply, with what its last honest usage said.

        Raises:
            MiniMaxError: If the content filter or the server gave it up.
        """
        reason = self._finish_reason
        if reason == "content_filter":
            raise MiniMaxContentFilterError(
                "MiniMax's content filter ended the reply; change the input.",
                request_id=self._reply_id or None,
            )
        if reason in _FAILED:
            raise MiniMaxStreamTruncatedError(
                f"The server gave the reply up (finish reason {reason!r}). `.partial` "
                "has what had arrived, if anything.",
                request_id=self._reply_id or None,
            )
        stopped = Stopped(
            _REASONS.get(reason, reason) if reason else None,
            usage=_usage(self._usage),
            service_tier=self._service_tier,
            notes=self._notes,
        )
        return [*self._begin(), *self._rest(), stopped]

    def _take(self, chunk: Json) -> list[Delta]:
        self._note(chunk)
        choice = _choice(chunk) or {}
        delta = object_in(choice, "delta")
        if not self._heard:
            # At a stream's end a message may say everything once more (2026-07).
            delta = delta or object_in(choice, "message")
            is_spoken = any(delta.get(name) for name in _SPOKEN) or _fragments(delta)
            self._heard = bool(is_spoken)
        begun = self._begin() if delta and (self._reply_id or self._heard) else ()
        if delta:
            self._hear(delta)
        said = [*begun, *self._advance()]
        self._finish_reason = string_in(choice, "finish_reason") or self._finish_reason
        if self._finish_reason in _FAILED:
            said += self._rest()
        return said

    def _note(self, chunk: Json) -> None:
        self._reply_id = self._reply_id or string_in(chunk, "id")
        self._model = self._model or string_in(chunk, "model") or None
        self._service_tier = string_in(chunk, "service_tier") or self._service_tier
        usage = object_in(chunk, "usage")
        if usage and any(count_in(usage, name) for name in _COUNTS):
            self._usage = usage
            self._counted = self._finish_reason is not None
        for flag in ("input_sensitive", "output_sensitive"):
            if chunk.get(flag) is True:
                self._notes[flag] = chunk.get(f"{flag}_type") or True

    def _begin(self) -> Sequence[Delta]:
        if self._begun:
            return ()
        self._begun = True
        return (Started(self._reply_id, self._model),)

    # --- What a delta says -----------------------------------------------------------

    def _hear(self, delta: Json) -> None:
        if not delta.keys().isdisjoint(_REASONING):
            self._hear_reasoning(delta)
        if content := delta.get("content"):
            text = self._text_growth.feed(_text_of(content))
            if text and self._splitter.is_outside:
                self._text().pieces.append(text)
            else:
                self._say(self._splitter.feed(text))
        if not delta.keys().isdisjoint(_CALLING):
            for fragment in _fragments(delta):
                self._hear_call(fragment)

    def _hear_reasoning(self, delta: Json) -> None:
        """Thinking in a field of its own; where it is said twice, the details count."""
        details = delta.get("reasoning_details")
        items = details if isinstance(details, list) else []
        items = [item for item in items if isinstance(item, dict)]
        for item in items:
            kept = {key: value for key, value in item.items() if key != "text"}
            sent_as = {"field": "reasoning_details", "item": kept}
            self._think(sent_as, string_in(item, "text"), is_new="text" not in item)
        is_told = any(item.get("text", item) for item in items)
        for name in () if is_told else _PLAIN:
            if text := string_in(delta, name):
                self._think({"field": name}, text)
                return

    def _think(self, sent_as: Json, piece: str, *, is_new: bool = False) -> None:
        """Takes a piece of a field; one without words may still say something new."""
        item = sent_as.get("item")
        key = f"{item.get('id')} {item.get('index')}" if item else ""
        if key not in self._streams:
            self._streams[key] = sent_as, Growth(self._habit)
        _, growth = self._fed[key] = self._streams[key]
        last = self._blocks[-1] if self._blocks else None
        if not piece and isinstance(last, _Thought) and last.has_item_of(sent_as):
            last.take(sent_as, "")
        elif new := growth.feed(piece):
            self._hear_thought(sent_as, new)
        elif is_new:
            self._hear_thought(sent_as, "")

    def _hear_thought(self, sent_as: Json, piece: str) -> None:
        """Takes what is new in a field, unless the content said so before it."""
        last = self._blocks[-1] if self._blocks else None
        if isinstance(last, _Thought) and last.sent_as is _IN_CONTENT:
            self._beside.append((sent_as, piece))
        elif (unsaid := self._unsaid(piece)) or not piece:
            self._add_thinking(sent_as, unsaid)

    def _unsaid(self, piece: str) -> str:
        """What is not yet said by the thought that came in the content; all or none."""
        if self._echoed is None or self._thoughts:
            return piece
        said = "".join(self._in_content)
        self._in_content = [said]
        if said.startswith(piece, self._echoed):
            self._echoed += len(piece)
            return ""
        echoed, self._echoed = said[: self._echoed], None
        return echoed + piece

    def _add_thinking(self, sent_as: Json, new: str) -> None:
        last = self._blocks[-1] if self._blocks else None
        if not (isinstance(last, _Thought) and last.goes_on_as(sent_as)):
            if isinstance(last, _Text):
                self._end_text()
            last = _Thought({"field": sent_as["field"]})
            self._open(last)
            self._thoughts.append(last)
        last.take(sent_as, new)

    def _say(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            match piece:
                case Outside(text) if text:
                    self._text().pieces.append(text)
                case Inside(thinking):
                    self._in_content.append(thinking)
                    self._tagged().add(thinking)
                case Closed():
                    self._tagged().sent_as = piece.sent_as
                    self._compare()

    def _text(self) -> _Text:
        last = self._blocks[-1] if self._blocks else None
        if not isinstance(last, _Text):
            last = _Text()
            self._open(last)
        return last

    def _tagged(self) -> _Thought:
        """The thought that stands in the content; apart, while fields have thoughts.

        M3 may say its thoughts twice, in a field and in the content (pi#5605).
        """
        thought = self._aside or (self._blocks[-1] if self._blocks else None)
        if not (isinstance(thought, _Thought) and thought.sent_as is _IN_CONTENT):
            thought = _Thought(_IN_CONTENT)
            if self._thoughts:
                self._aside = thought
            else:
                self._open(thought)
        return thought

    def _compare(self) -> None:
        """Takes in what was said beside a thought, unless it was only repeated."""
        thought, self._aside = self._aside, None
        if thought is not None:
            self._end_thinking()
            if not self._is_repeated(_words_in("".join(thought.whole))):
                self._open(thought)
        beside, self._beside = self._beside, []
        for sent_as, piece in beside:
            self._hear_thought(sent_as, piece)

    def _is_repeated(self, again: str) -> bool:
        """Whether the fields said this too; the first thought may be so."""
        if self._is_compared or not again:
            return False
        self._is_compared = True
        told = (piece for each in self._thoughts for piece in each.whole)
        return _words_in(without_closing_tag("".join(told))).startswith(again)

    def _hear_call(self, fragment: Json) -> None:
        function = object_in(fragment, "function")
        name = string_in(function, "name")
        call = self._call_of(fragment, name)
        call.name = call.name or name
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = dumped(arguments)
        if arguments:
            call.add(arguments)
        self._call = call

    def _call_of(self, fragment: Json, name: str) -> _Call:
        """The call that a fragment belongs to: by its id, its index, or its place.

        M2.7 is said to give a second call the first one's index, and an id of its own.
        """
        id, index = string_in(fragment, "id"), fragment.get("index")
        numbered = "" if index is None else repr(index)
        if not self._is_whole:
            if id in self._calls_by_id:
                return self._calls_by_id[id]
            known = self._calls_by_index.get(numbered)
            if known and not (id and name) and known.goes_on_as(name):
                return known
            is_new = name or (id and numbered)
            if self._call is not None and not is_new:
                return self._call
        self._end_text()
        # LangChain cannot answer a call without an id; self-hosted servers forget it.
        call = _Call(id or f"call_{self._reply_id}_{len(self._calls_by_id)}")
        self._calls_by_id[call.id] = call
        if numbered:
            self._calls_by_index[numbered] = call
        self._open(call)
        self._echoed = None  # what is thought from here on is thought anew
        return call

    def _open(self, block: _Block) -> None:
        self._end_thinking()
        self._blocks.append(block)

    # --- What there is to tell -------------------------------------------------------

    def _advance(self) -> Sequence[Delta]:
        """What is new in the first block, and in those whose turn has come."""
        said: list[Delta] = []
        while self._blocks:
            block = self._blocks[0]
            said += block.told(self._place + 1)
            if len(self._blocks) == 1 or not block.done:
                break
            said += self._stop_first()
        return said

    def _stop_first(self) -> Sequence[Delta]:
        self._place += 1
        return self._blocks.popleft().stop(self._place)

    def _end_text(self) -> None:
        """Hears out what was held of the text."""
        self._say(self._splitter.feed(self._text_growth.finish()))
        self._say(self._splitter.finish())

    def _end_thinking(self) -> None:
        """Hears out what was held of the thoughts."""
        fed, self._fed = self._fed, {}
        for sent_as, growth in fed.values():
            if held := growth.finish():
                self._hear_thought(sent_as, held)

    def _rest(self) -> Sequence[Delta]:
        self._end_text()
        self._end_thinking()
        if self._call is not None:
            self._call.is_cut = self._finish_reason in _CUT
        said: list[Delta] = []
        while self._blocks:
            said += self._blocks[0].told(self._place + 1)
            said += self._stop_first()
        return said


def decoder() -> OpenAIDecoder:
    """A decoder for one reply."""
    return OpenAIDecoder()


def _text_of(content: object) -> str:
    """The words of a content, which a gateway may give in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    said = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return "".join(text for text in said if isinstance(text, str))


def _fragments(delta: Json) -> list[Json]:
    """Pieces of calls; gateways to older servers write one as a `function_call`."""
    calls = delta.get("tool_calls")
    listed = calls if isinstance(calls, list) else ()
    found = [call for call in listed if isinstance(call, dict)]
    legacy = object_in(delta, "function_call")
    if found or not (legacy.get("name") or legacy.get("arguments")):
        return found
    return [{"index": "function_call", "function": legacy}]


def _words_in(text: str) -> str:
    """A text by its words, whatever stands between them."""
    return " ".join(text.split())


def _choice(document: Json) -> Json | None:
    """The first of the choices; MiniMax has no other."""
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None


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
    thought = count_in(
        object_in(counts, "completion_tokens_details"), "reasoning_tokens"
    )
    if thought is None:
        thought = count_in(counts, "reasoning_tokens")  # SGLang's place for it
    return Usage(
        input=max(0, prompt - (read or 0) - (written or 0)),
        output=count_in(counts, "completion_tokens") or 0,
        cache_read=read,
        cache_creation=written,
        reasoning=thought,
    )
