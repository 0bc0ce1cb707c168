"""An answer of the script in, the pieces of an HTTP reply out. Does no I/O."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice, pairwise, takewhile
from typing import Any

from langchain_minimax.testing._faults import Answer, Cut, ErrorEvent, Fault
from langchain_minimax.testing._message import Message, new_id, settle
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._replies import (
    EVENT_STREAM,
    Block,
    Json,
    Raw,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

JSON = "application/json; charset=utf-8"
DONE = b"data: [DONE]\n\n"

_TOKEN = re.compile(r"\s*(?:\w{1,10}|[^\w\s])|\s+")
_FINE = (4, 4, 3, 5, 1)  # tokens in a delta, much as recorded
_COARSE = 80  # characters in a delta, much as in the older captures


@dataclass(frozen=True)
class Rendered:
    """An HTTP reply: what is flushed piece by piece, and where the line breaks.

    Attributes:
        steps: Pieces of the body, with at most one `Cut` between them.
        id: The id it carries, and its `Trace-Id`.
        content: The blocks, if it is a reply of the model.
    """

    steps: Sequence[bytes | Cut]
    id: str
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: list[Json] | None = None


def render(answer: Answer, body: Any, quirks: Quirks, cached: int = 0) -> Rendered:
    """What goes over the wire for one answer to one request."""
    match answer:
        case str() | Reply():
            spoken = _spoken(answer, quirks)
            return _reply(settle(spoken, body, quirks, cached), body, quirks)
        case Raw():
            return _raw(answer, new_id(quirks))
        case Fault():
            return _refusal(answer, new_id(quirks))
        case Cut():
            return cut_short(render(answer.reply or "", body, quirks, cached), answer)
        case ErrorEvent() if body.get("stream"):
            return _interrupted(answer, body, quirks)
        case ErrorEvent():
            return _refusal(answer.error, new_id(quirks))


def _spoken(reply: Reply | str | None, quirks: Quirks) -> Reply:
    spoken = reply if isinstance(reply, Reply) else Reply([Text(reply or "")])
    marks = marks_of(quirks)
    return replace(spoken, blocks=list(_marked(spoken, *marks))) if marks else spoken


def _marked(reply: Reply, opening: str, closing: str) -> Iterator[Block]:
    """Thinking in the text that follows it, or in one of its own."""
    thought = ""
    for block in reply.blocks:
        match block:
            case Thinking(text):
                thought += f"{opening}{text}{closing}"
                continue
            case Text(text):
                yield Text(thought + text)
            case _:
                yield from [Text(thought)] if thought else []
                yield block
        thought = ""
    yield from [Text(thought)] if thought else []


def marks_of(quirks: Quirks) -> tuple[str, str] | None:
    """What an engine puts around thinking that it leaves in the text."""
    match quirks.self_hosted:
        case "append_think":
            # Its own mark, then what the model writes: the template has the real one.
            return "<think>", "\n</think>\n\n"
        case "append_mm_think":
            return "<mm:think>", "</mm:think>"
        case _:
            return None


def _reply(message: Message, body: Json, quirks: Quirks) -> Rendered:
    id, content = message.body["id"], message.body["content"]
    if not body.get("stream"):
        return Rendered([dumped(message.body)], id, content=content)
    frames = [_frame(event) for event in _events(message, quirks)]
    if quirks.self_hosted:
        frames.append(DONE)
    if quirks.summary_event:
        frames.append(b"data: " + dumped(message.body) + b"\n\n")
    return Rendered(frames, id, EVENT_STREAM, content=content)


def _raw(raw: Raw, id: str) -> Rendered:
    whole = raw.body.encode() if isinstance(raw.body, str) else raw.body
    cuts = [0, *(raw.pieces or ()), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(cuts)]
    return Rendered(pieces, id, raw.content_type, raw.status, raw.headers)


def _refusal(fault: Fault, id: str) -> Rendered:
    body = _error(fault, id)
    if fault.as_base_resp:
        words = fault.message.removesuffix(f" ({fault.code})")
        body = {"base_resp": {"status_code": fault.code, "status_msg": words}}
    after = fault.retry_after
    headers = {} if after is None else {"retry-after": f"{after:g}"}
    return Rendered([dumped(body)], id, status=fault.status, headers=headers)


def _error(fault: Fault, id: str) -> Json:
    error = {"type": fault.type, "message": fault.message}
    return {"type": "error", "error": error, "request_id": id}


def _interrupted(fault: ErrorEvent, body: Json, quirks: Quirks) -> Rendered:
    message = settle(_spoken(fault.reply, quirks), body, quirks)
    frames = [_frame(event) for event in _until(fault, _events(message, quirks))]
    error = _error(fault.error, message.body["id"])
    final = _frame(error if fault.wrapped else error["error"], "error")
    return Rendered([*frames, final], message.body["id"], EVENT_STREAM)


def _until(fault: ErrorEvent, events: Iterable[Json]) -> Iterator[Json]:
    for event in events:
        if fault.after == "start" and event["type"] not in ("message_start", "ping"):
            return
        yield event
        if fault.after == "content" and event["type"] == "content_block_delta":
            return


def cut_short(rendered: Rendered, cut: Cut) -> Rendered:
    """A reply that breaks off where the cut says."""
    if cut.at_byte is None:
        status = rendered.status if cut.ending == "stall" else 0  # never sent
        return replace(rendered, steps=[cut, *rendered.steps], status=status)
    whole = b"".join(step for step in rendered.steps if isinstance(step, bytes))
    steps: list[bytes | Cut] = [whole[: cut.at_byte], cut, whole[cut.at_byte :]]
    return replace(rendered, steps=steps)


def _events(message: Message, quirks: Quirks) -> Iterator[Json]:
    yield {"type": "message_start", "message": message.start}
    if quirks.ping and not quirks.self_hosted:
        yield {"type": "ping"}
    for index, block in enumerate(message.blocks):
        opening, *deltas = _stages(block, message.delta_size, quirks)
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    # Where a stream would carry a `base_resp` was never captured; here, at its end.
    final = {k: v for k, v in message.body.items() if k in ("usage", "base_resp")}
    reason = {"stop_reason": message.body["stop_reason"]}
    yield {"type": "message_delta", "delta": reason, **final}
    if quirks.message_stop:
        yield {"type": "message_stop"}


def _stages(block: Block, size: int | None, quirks: Quirks) -> Iterator[Json]:
    """A block as it opens, then its deltas."""
    match block:
        case Thinking(text, signature):
            yield {"type": "thinking", "thinking": ""}
            for piece in streamed(text, size, quirks):
                yield {"type": "thinking_delta", "thinking": piece}
            if signature is not False:
                yield {"type": "signature_delta", "signature": signature}
        case Text(text):
            yield {"type": "text", "text": ""}
            for piece in streamed(text, size, quirks):
                yield {"type": "text_delta", "text": piece}
        case ToolUse(name, input, id):
            yield {"type": "tool_use", "id": id, "name": name, "input": {}}
            whole = input if isinstance(input, str) else json_text(input)
            opening = [""] if quirks.empty_first_json_delta else []
            for piece in [*opening, *slices(whole, size or len(whole))]:
                yield {"type": "input_json_delta", "partial_json": piece}
        case _:
            yield block


def streamed(text: str, size: int | None, quirks: Quirks) -> Iterator[str]:
    """The pieces that a text is streamed in, of `size` characters if that is set."""
    if size:
        yield from slices(text, size)
    elif quirks.fine_deltas:
        tokens = iter(_TOKEN.findall(text))
        pieces = ("".join(islice(tokens, count)) for count in cycle(_FINE))
        yield from takewhile(bool, pieces)
    else:
        opening = "".join(_TOKEN.findall(text)[:2])  # "The user", as captured
        yield from filter(None, [opening, *slices(text[len(opening) :], _COARSE)])


def slices(text: str, size: int) -> Iterator[str]:
    """A text in pieces of one size."""
    return (text[at : at + size] for at in range(0, len(text), size or 1))


def _frame(event: Json, name: str = "") -> bytes:
    name = name or event["type"]
    return b"event: %b\ndata: %b\n\n" % (name.encode(), dumped(event))


def dumped(value: Any) -> bytes:
    """JSON as it goes out."""
    # A lone surrogate that came in escaped cannot go out as UTF-8.
    return json_text(value).encode("utf-8", "replace")


def json_text(value: Any) -> str:
    """JSON as text, as terse as MiniMax writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
