"""What a fuzzer throws bytes at: each target takes them, and what must hold does."""

from __future__ import annotations

import json
import pickle
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage

from fuzzing.tape import Tape, chat_stream, messages_stream
from langchain_minimax._blocks import ChatRequest, Text, Thinking, Tool
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    OpaqueBlock,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    blocks_in,
)
from langchain_minimax._demands import OneCall
from langchain_minimax._dialects import anthropic, openai
from langchain_minimax._dialects.think_tags import (
    Closed,
    Inside,
    Outside,
    Piece,
    Splitter,
    ThinkTags,
    as_sent,
    put_back,
)
from langchain_minimax._exchange import ReplyReader
from langchain_minimax._filters import Filter, StopSequences
from langchain_minimax._json import encoded, parsed
from langchain_minimax._langchain.chunks import Chunks, fold
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._leaked_calls import LeakedCalls
from langchain_minimax._repair import repair
from langchain_minimax._retry import retry_after
from langchain_minimax._sse import EventStream, ServerSentEvent
from langchain_minimax.errors import MiniMaxError, failure, failure_in_reply

RUN = {
    "type": "object",
    "properties": {
        "program": {"type": "string"},
        "times": {"type": "integer"},
        "lines": {"type": "array", "items": {"type": "string"}},
        "within": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    },
}
READ = {"type": "object", "additionalProperties": {"type": ["number", "boolean"]}}
TOOLS = {"run": RUN, "read": READ, "no": {}}
SECRET = "sk-api-of-nobody"


# --- Server-sent events --------------------------------------------------------------


def events(data: bytes) -> None:
    tape = Tape(data)
    cut = tape.cuts()
    body = tape.rest
    whole = _events([body])
    assert whole == _events(cut(body))
    assert whole == list(_events_by_the_book(body))


def _events(pieces: Iterable[bytes]) -> list[ServerSentEvent]:
    stream = EventStream()
    heard = [event for piece in pieces for event in stream.feed(piece)]
    return [*heard, *stream.flush()]


def _events_by_the_book(body: bytes) -> Iterator[ServerSentEvent]:
    """As the standard has it; but what the end leaves without a blank line counts."""
    name, data = "", list[bytes]()
    for line in [*re.split(rb"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf")), b""]:
        key, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                yield ServerSentEvent(name, b"\n".join(data))
            name, data = "", []
        elif key == b"event":
            name = value.decode("utf-8", "replace")
        elif key == b"data":
            data.append(value)


# --- Replies -------------------------------------------------------------------------


def messages(data: bytes) -> None:
    heard = _reply(data, anthropic, messages_stream)
    if heard is not None:
        _check_words(*heard)


def chat_completions(data: bytes) -> None:
    heard = _reply(data, openai, chat_stream)
    if heard is not None:
        _check_content(*heard)
        _check_thoughts(*heard)
        _check_arguments(*heard)


_HEADERS = (
    (200, {"content-type": "text/event-stream"}),
    (200, {"content-type": "text/event-stream; charset=utf-8", "trace-id": "t"}),
    (200, {"content-type": "application/json"}),
    (200, {}),
    (529, {"content-type": "application/json", "retry-after": "7"}),
)
_FILTERS: tuple[tuple[Callable[[], Filter], ...], ...] = (
    (),
    (),
    (partial(LeakedCalls, TOOLS),),
    (ThinkTags,),
    (ThinkTags, partial(LeakedCalls, TOOLS), partial(StopSequences, ["blue", "10"])),
    (OneCall,),
)


@dataclass(slots=True)
class Heard:
    """What a reader heard, and what it ended with."""

    deltas: list[Delta] = field(default_factory=list)
    error: tuple[type[MiniMaxError], str] | None = None


def _reply(
    data: bytes, dialect: ModuleType, stream: Callable[[Tape], bytes]
) -> tuple[bytes, Heard] | None:
    """Reads a reply, and checks it; gives it if it is one that was to end well."""
    tape = Tape(data)
    cut, stages = tape.cuts(), tape.pick(_FILTERS)
    official, v1, is_raw = tape.flag(), tape.flag(), tape.byte() % 4 == 0
    status, headers = tape.pick(_HEADERS) if is_raw else _HEADERS[0]
    body = tape.rest if is_raw else stream(tape)

    def heard(pieces: Iterable[bytes]) -> Heard:
        filters = [stage() for stage in stages]
        reader = ReplyReader(dialect.decoder(), filters, [SECRET])
        reader.begin(status, headers)
        return _read(reader, pieces)

    whole = heard([body])
    assert _joined(whole) == _joined(heard(cut(body)))
    _check_grammar(whole)
    message = fold(whole.deltas, "MiniMax-M3", v1=v1)
    _check_calls(whole.deltas, message)
    _check_sum(whole.deltas, message, v1=v1)
    _check_sent_back(message, dialect, official=official)
    is_good = not is_raw and not stages and whole.error is None
    return (body, whole) if is_good else None


def _read(reader: ReplyReader, pieces: Iterable[bytes]) -> Heard:
    heard = Heard()
    try:
        for piece in pieces:
            heard.deltas += reader.feed(piece)
            if reader.ended:
                break
        heard.deltas += reader.finish()
    except MiniMaxError as error:
        heard.error = type(error), str(error)
    return heard


def _joined(heard: Heard) -> list[object]:
    """The same, however texts were cut."""
    said: list[object] = []
    for delta in heard.deltas:
        match delta, said[-1] if said else None:
            case TextDelta(place, more), TextDelta(same, text) if place == same:
                said[-1] = TextDelta(place, text + more)
            case ThinkingDelta(place, more), ThinkingDelta(same, text) if place == same:
                said[-1] = ThinkingDelta(place, text + more)
            case _:
                said.append(delta)
    return [*said, heard.error]


def _check_grammar(heard: Heard) -> None:
    """What `_deltas` says of a reply."""
    blocks: dict[int, list[Any]] = {}
    for number, delta in enumerate(heard.deltas, 1):
        match delta:
            case Started():
                assert number == 1
            case Stopped():
                assert (number, heard.error) == (len(heard.deltas), None)
            case _:
                blocks.setdefault(delta.place, []).append(delta)
                assert delta.place == max(blocks)
    for place, run in blocks.items():
        _check_block(run, may_be_cut=heard.error is not None and place == max(blocks))


def _check_block(run: list[Any], *, may_be_cut: bool) -> None:
    match run:
        case [
            ToolUseStarted(_, id),
            *pieces,
            ToolUseStopped(_, same, name, input, json),
        ]:
            assert id == same
            assert json == "".join(piece.partial_json for piece in pieces)
            assert input is None or (name and isinstance(input, dict))
        case [OpaqueBlock()]:
            pass
        case [*said, BlockStopped()]:  # a stop sequence may leave no more of a text
            assert len({isinstance(each, TextDelta) for each in said}) <= 1
            assert not any(isinstance(each, ToolUseDelta) for each in said)
        case _:
            assert may_be_cut


def _check_calls(deltas: Sequence[Delta], message: AIMessage) -> None:
    """Those calls are made that were whole, and no others."""
    whole = [
        (delta.id, delta.name, delta.input)
        for delta in deltas
        if isinstance(delta, ToolUseStopped) and delta.input is not None
    ]
    made = [(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    assert made == whole


def _check_sum(deltas: Sequence[Delta], message: AIMessage, *, v1: bool) -> None:
    """A stream's chunks add up to the message."""
    chunks = Chunks("MiniMax-M3", v1=v1)
    total: AIMessageChunk | None = None
    for delta in deltas:
        chunk = chunks.feed(delta)
        if chunk is not None:
            total = chunk if total is None else total + chunk
    if total is None or total.chunk_position is None:
        for chunk in chunks.broken_off():
            total = chunk if total is None else total + chunk
    assert total is not None
    assert total.text == message.text
    assert total.tool_calls == message.tool_calls
    assert total.invalid_tool_calls == message.invalid_tool_calls
    assert total.usage_metadata == message.usage_metadata
    if any(isinstance(delta, Started) and delta.id for delta in deltas):
        assert total.content == message.content
        assert total.additional_kwargs == message.additional_kwargs


def _check_sent_back(
    message: AIMessage, dialect: ModuleType, *, official: bool
) -> None:
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    results = [ToolMessage("done", tool_call_id=call["id"]) for call in calls]
    conversation = [HumanMessage("Hello"), message, *results, HumanMessage("And now?")]
    request = ChatRequest(
        model="MiniMax-M3",
        conversation=repair(to_conversation(conversation)),
        max_tokens=100,
        stream=False,
        tools=(Tool("run", None, RUN),),
        official=official,
    )
    sent = json.loads(encoded(dialect.encode(request)))
    assert all(each["content"] != "" for each in sent["messages"])


def _check_words(body: bytes, heard: Heard) -> None:
    """All words and thoughts are told, in whichever order."""
    sent, told = Counter[str](), Counter[str]()
    for event in _events([body]):
        data = json.loads(event.data)
        for part in (data.get("content_block", {}), data.get("delta", {})):
            kind = str(part.get("type")).removesuffix("_delta")
            if kind in ("text", "thinking"):
                sent.update(kind + character for character in part[kind])
    for delta in heard.deltas:
        match delta:
            case TextDelta(_, text):
                told.update("text" + character for character in text)
            case ThinkingDelta(_, thinking):
                told.update("thinking" + character for character in thinking)
    assert told == sent


def _deltas(body: bytes) -> Iterator[dict[str, Any]]:
    for event in _events([body]):
        for choice in json.loads(event.data)["choices"]:
            yield choice["delta"]


def _check_content(body: bytes, heard: Heard) -> None:
    """What stood in the content is what would be sent back in it."""
    sent = list(_deltas(body))
    if any("reasoning" in key for delta in sent for key in delta):
        return  # which may say the same once more
    said = [delta["content"] for delta in sent if delta.get("content")]
    if _may_repeat(said):
        return
    blocks = put_back(blocks_in(heard.deltas))
    assert "".join(
        block.text for block in blocks if isinstance(block, Text)
    ) == "".join(said)


def _check_thoughts(body: bytes, heard: Heard) -> None:
    """What stood in a field is what would be sent back in it."""
    sent = list(_deltas(body))
    others = {"reasoning", "reasoning_details"}
    if any(others & delta.keys() or "<" in delta.get("content", "") for delta in sent):
        return  # which may say the same once more
    said = [delta.get("reasoning_content", "") for delta in sent]
    if _may_repeat([piece for piece in said if piece]):
        return
    blocks = blocks_in(heard.deltas)
    thoughts = [as_sent(block) for block in blocks if isinstance(block, Thinking)]
    assert "".join(thoughts) == "".join(said)


def _may_repeat(pieces: Sequence[str]) -> bool:
    return any(piece.startswith(pieces[0]) for piece in pieces[1:])


def _check_arguments(body: bytes, heard: Heard) -> None:
    """All arguments are told, but for those that a call that was told says again."""
    told = [each for each in heard.deltas if isinstance(each, ToolUseStopped)]
    sent = list[str]()
    for delta in _deltas(body):
        legacy = {"function": delta.get("function_call", {})}
        calls = delta.get("tool_calls", [legacy])
        sent += [call["function"].get("arguments", "") for call in calls]
    known = {call.json for call in told}
    again = "".join(each for each in sent if each in known or not each.strip())
    lost = Counter("".join(sent)) - Counter("".join(call.json for call in told))
    assert not lost - Counter(again)


# --- Thinking between tags -----------------------------------------------------------


def think_tags(data: bytes) -> None:
    tape = Tape(data)
    cut = tape.cuts()
    text = _text(tape)
    whole = _split([text])
    assert whole == _split(cut(text))
    assert "".join(_spelled(whole)) == text
    deltas = _staged(ThinkTags(), cut(text))
    _check_grammar(Heard(deltas))
    blocks = list(put_back(blocks_in(deltas)))
    assert blocks == ([Text(text)] if text else [])


def _split(pieces: Iterable[str]) -> list[Piece]:
    splitter = Splitter()
    said = list[Piece]()
    heard = [piece for text in pieces for piece in splitter.feed(text)]
    for piece in [*heard, *splitter.finish()]:
        match piece, said[-1] if said else None:
            case Outside(more), Outside(text):
                said[-1] = Outside(text + more)
            case Inside(more), Inside(text):
                said[-1] = Inside(text + more)
            case Outside("") | Inside(""), _:
                pass
            case _:
                said.append(piece)
    return said


def _spelled(pieces: Iterable[Piece]) -> Iterator[str]:
    thinking = ""
    for piece in pieces:
        match piece:
            case Inside(thinking):
                pass
            case Closed(opening, closing):
                yield opening + thinking + closing
                thinking = ""
            case Outside(text):
                yield text


def _text(tape: Tape) -> str:
    """A text of words that are known; or all that stands on the tape."""
    if tape.byte() % 4 == 0:
        return tape.rest.decode("utf-8", "replace")
    said = list[str]()
    while tape:
        said.append(tape.text())
    return "".join(said)


def _staged(stage: Filter, pieces: Iterable[str]) -> list[Delta]:
    """What a filter makes of a text in a reply."""
    said = [TextDelta(0, piece) for piece in pieces if piece]
    reply = [Started("r", None), *said, *([BlockStopped(0)] if said else [])]
    return [
        passed
        for delta in (*reply, Stopped("end_turn"))
        for passed in stage.feed(delta)
    ]


# --- Calls in the text ---------------------------------------------------------------

_WRAPPED = re.compile(
    r"\s*(?:<minimax:tool_call>.*?</minimax:tool_call>"
    r"|\]<\]minimax\[>\[<tool_call>.*?\]<\]minimax\[>\[</tool_call>)\s*",
    re.DOTALL,
)


def leaked_calls(data: bytes) -> None:
    tape = Tape(data)
    tools = tape.pick((TOOLS, {"run": RUN}, {"read": READ}))
    cut = tape.cuts()
    text = _text(tape)
    whole, pieces = (
        Heard(_staged(LeakedCalls(tools), each)) for each in ([text], cut(text))
    )
    assert _joined(whole) == _joined(pieces)
    _check_grammar(pieces)
    _check_rest(text, whole, tools)


def _check_rest(text: str, heard: Heard, tools: dict[str, object]) -> None:
    """All that is no call stays text, but for the white space around one."""
    at, is_behind_call = 0, False
    for delta in _joined(heard):
        match delta:
            case ToolUseStopped(_, _, name, input):
                assert name in tools
                assert isinstance(input, dict)
                is_behind_call = True
            case TextDelta(_, said):
                while is_behind_call and not text.startswith(said, at):
                    at = _behind_wrapper(text, at)
                assert text.startswith(said, at)
                at, is_behind_call = at + len(said), False
    while is_behind_call and at < len(text):
        at = _behind_wrapper(text, at)
    assert at == len(text)


def _behind_wrapper(text: str, at: int) -> int:
    wrapped = _WRAPPED.match(text, at)
    assert wrapped is not None
    return wrapped.end()


# --- Errors --------------------------------------------------------------------------

_STATUSES = (200, 302, 400, 401, 402, 403, 404, 408, 413, 418, 422, 429, 500, 502, 529)


def errors(data: bytes) -> None:
    tape = Tape(data)
    status = tape.pick(_STATUSES)
    headers = {
        name: tape.text(("", "7", "1e400", "nan", SECRET, "Wed, 21 Oct 2026 07:28:00"))
        for name in tape.pick(((), ("retry-after",), ("trace-id",)))
    }
    body = tape.rest
    _check_error(failure(status, headers, body))
    document = parsed(body)
    error = failure_in_reply(document) if isinstance(document, dict) else None
    if error is not None:
        _check_error(error)


def _check_error(error: MiniMaxError) -> None:
    error.without(SECRET)
    again = pickle.loads(pickle.dumps(error))
    for each in (error, again):
        assert isinstance(each, MiniMaxError)
        assert SECRET not in f"{each} {each!r} {each.response} {each.request_id}"
        assert type(each) is type(error)
        assert str(each) == str(error)
        assert (retry_after(each) or 0.0) >= 0
        assert each.code is None or isinstance(each.code, int)
        assert isinstance(getattr(each, "resets_at", None), datetime | None)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (events, messages, chat_completions, think_tags, leaked_calls, errors)
}
