"""An answer of the script in, the pieces of a `/v1/chat/completions` reply out.

The shapes are those of the recordings of 2026-09-07; where they show nothing, those of
the official examples of M3.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from langchain_minimax.testing._chat import to_messages
from langchain_minimax.testing._faults import ERRORS, Answer, Cut, ErrorEvent, Fault
from langchain_minimax.testing._message import Message, settle
from langchain_minimax.testing._models import model_of
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._replies import (
    EVENT_STREAM,
    Json,
    Raw,
    Reply,
    Text,
    ToolUse,
)
from langchain_minimax.testing._wire import (
    Rendered,
    cut_short,
    dumped,
    json_text,
    render,
    slices,
    streamed,
)

_OPENING = "<think>\n"
_REASONS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
_ORDER = ("content", "role", "tool_calls", "reasoning_content", "reasoning_details")

# What is called or said otherwise here (captures of 2026-04 and 2026-08).
_TYPES = {
    "invalid_request_error": "bad_request_error",
    "authentication_error": "authorized_error",
}
_NO_KEY, _WRONG_KEY = ERRORS[1004][1], ERRORS[2049][1]
_WORDS = {
    _NO_KEY: _NO_KEY.replace("X-Api-Key", "Authorization") + " (1004)",
    _WRONG_KEY: f"{_WRONG_KEY} (2049)",
}
_SENSITIVE = (1026, 1027)


@dataclass(frozen=True)
class _Completion:
    """A reply as far as this wire can tell it: one thought, one text, then the calls.

    Attributes:
        message: The reply with everything decided.
        thinking: All thinking, run together.
        text: All text, run together.
        calls: The tool calls, as this wire spells them.
        split: Whether the thinking has fields of its own.
        envelope: What all chunks have around their choices.
    """

    message: Message
    thinking: str
    text: str
    calls: list[Json]
    split: bool
    envelope: Json

    @property
    def content(self) -> str:
        """The text, after the thinking if that has no place of its own."""
        if self.split or not self.thinking:
            return self.text
        return f"{_OPENING}{self.thinking}{self.closing}{self.text}"

    @property
    def closing(self) -> str:
        """What stands between the thinking and the text."""
        # Two line ends were captured of M2.7; the official examples of M3 have one.
        gap = "\n\n" if self.envelope["model"].startswith("MiniMax-M2") else "\n"
        return f"\n</think>{gap}"

    @property
    def reasoning(self) -> str:
        """The thinking, if it has a place of its own."""
        return self.thinking if self.split else ""

    @property
    def finish_reason(self) -> str:
        """Why it ends."""
        reason: str = self.message.body["stop_reason"]
        return _REASONS.get(reason, reason)

    @property
    def base_resp(self) -> Json:
        """Whether it failed after all."""
        no_error = {"status_code": 0, "status_msg": ""}
        return {"base_resp": self.message.body.get("base_resp", no_error)}


def render_chat(answer: Answer, body: Any, quirks: Quirks) -> Rendered:
    """What goes over the wire for one answer to one request."""
    match answer:
        case str() | Reply():
            return _reply(_complete(answer, body, quirks), body, quirks)
        case Raw():
            return render(answer, body, quirks)
        case Fault():
            return _refusal(answer, quirks)
        case Cut():
            return cut_short(render_chat(answer.reply or "", body, quirks), answer)
        case ErrorEvent() if body.get("stream"):
            return _interrupted(answer, body, quirks)
        case ErrorEvent():
            return _refusal(answer.error, quirks)


def _complete(answer: Reply | str, body: Json, quirks: Quirks) -> _Completion:
    reply = answer if isinstance(answer, Reply) else Reply([Text(answer)])
    asked = to_messages(body)
    # The leading line ends were captured on the other wire.
    message = settle(reply, asked, replace(quirks, leading_newlines=False))
    blocks = message.body["content"]
    model = model_of(body)
    return _Completion(
        message,
        "".join(b["thinking"] for b in blocks if b.get("type") == "thinking"),
        "".join(b["text"] for b in blocks if b.get("type") == "text"),
        list(_calls(message)),
        # M3.1 cannot do without.
        split=bool(body.get("reasoning_split")) or model.thinks == "must",
        envelope={
            "id": message.body["id"],
            "created": int(time.time()),
            "model": model.id,
            "service_tier": body.get("service_tier") or "standard",
        },
    )


def _calls(message: Message) -> Iterator[Json]:
    spelled = {b.id: b.input for b in message.blocks if isinstance(b, ToolUse)}
    calls = [b for b in message.body["content"] if b.get("type") == "tool_use"]
    for index, call in enumerate(calls):
        given = spelled.get(call["id"], call["input"])
        arguments = given if isinstance(given, str) else json_text(given)
        function = {"name": call["name"], "arguments": arguments}
        yield {
            "id": call["id"],
            "type": "function",
            "function": function,
            "index": index,
        }


def _reply(said: _Completion, body: Json, quirks: Quirks) -> Rendered:
    id, content = said.envelope["id"], list(_as_blocks(said))
    if body.get("stream"):
        frames = [_frame(chunk) for chunk in _chunks(said, body, quirks)]
        return Rendered(frames, id, EVENT_STREAM, content=content)
    message: Json = {"content": said.content}
    if said.calls:
        message["tool_calls"] = said.calls
    if said.reasoning:
        message |= _reasoning(said.reasoning)
    choice = {
        "finish_reason": said.finish_reason,
        "index": 0,
        "message": _ordered(message),
    }
    whole = _enveloped(said, [choice], "chat.completion", _usage(said.message))
    return Rendered([dumped({**whole, **said.base_resp})], id, content=content)


def _as_blocks(said: _Completion) -> Iterator[Json]:
    """What comes back if it comes back whole; signatures do not exist here."""
    if said.thinking:
        yield {"type": "thinking", "thinking": said.thinking}
    if said.text:
        yield {"type": "text", "text": said.text}
    yield from (b for b in said.message.body["content"] if b.get("type") == "tool_use")


def _chunks(said: _Completion, body: Json, quirks: Quirks) -> Iterator[Json]:
    deltas: list[Json] = [{}, *_stages(said, quirks)]
    choices: list[Json] = [{"index": 0, "delta": _ordered(delta)} for delta in deltas]
    choices[-1] = {"finish_reason": said.finish_reason, **choices[-1]}
    kind = "chat.completion.chunk"
    for choice in choices:
        yield _enveloped(said, [choice], kind, None)
    counted = bool((body.get("stream_options") or {}).get("include_usage"))
    if counted or "base_resp" in said.message.body:
        usage = _usage(said.message) if counted else None
        yield {**_enveloped(said, [], kind, usage), **said.base_resp}
    # No [DONE]: the recordings have none.


def _stages(said: _Completion, quirks: Quirks) -> list[Json]:
    """What each chunk says, after the first, which says nothing."""
    size = said.message.delta_size
    thoughts = [_reasoning(p) for p in streamed(said.reasoning, size, quirks)]
    rest: list[Json] = [{"content": piece} for piece in _said(said, quirks)]
    rest += [{"tool_calls": [p]} for call in said.calls for p in _pieces(call, size)]
    if thoughts:
        # As recorded: the last thought has an empty content and the call beside it.
        beside = rest.pop(0) if rest and "tool_calls" in rest[0] else {}
        thoughts[-1] = {"content": "", **beside, **thoughts[-1]}
    return [*thoughts, *rest] or [{"content": ""}]


def _said(said: _Completion, quirks: Quirks) -> Iterator[str]:
    size = said.message.delta_size
    if size or said.split or not said.thinking:
        yield from streamed(said.content, size, quirks)
        return
    # The marks come whole and not alone, as in the official example.
    for mark, text in ((_OPENING, said.thinking), (said.closing, said.text)):
        first, *more = list(streamed(text, size, quirks)) or [""]
        yield mark + first
        yield from more


def _pieces(call: Json, size: int | None) -> Iterator[Json]:
    """A call with the first of its arguments, then the others."""
    whole = call["function"]["arguments"]
    first, *others = list(slices(whole, size or len(whole))) or [""]
    yield {**call, "function": {**call["function"], "arguments": first}}
    for piece in others:
        yield {"function": {"arguments": piece}, "index": call["index"]}


def _reasoning(text: str) -> Json:
    detail = {
        "type": "reasoning.text",
        "id": "reasoning-text-1",
        "format": "MiniMax-response-v1",
        "index": 0,
        "text": text,
    }
    return {"reasoning_content": text, "reasoning_details": [detail]}


def _ordered(message: Json) -> Json:
    """A message or a delta of one, with its role in the recorded place."""
    spoken = {"role": "assistant", **message}
    return {name: spoken[name] for name in _ORDER if name in spoken}


def _enveloped(said: _Completion, choices: Any, kind: str, usage: Json | None) -> Json:
    around = said.envelope
    return {
        "id": around["id"],
        "choices": choices,
        "created": around["created"],
        "model": around["model"],
        "object": kind,
        "usage": usage,
        "service_tier": around["service_tier"],
    }


def _usage(message: Message) -> Json:
    usage: Json = message.body["usage"]
    if "total_tokens" in usage:  # the script speaks this wire's language
        return usage
    cached = usage.get("cache_read_input_tokens", 0)
    prompt = usage.get("input_tokens", 0) + cached
    completion = usage.get("output_tokens", 0)
    counted: Json = {
        "total_tokens": prompt + completion,
        "total_characters": 0,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
    }
    thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    # M3 was recorded thinking without saying how much.
    if thought and message.body["model"].startswith("MiniMax-M2"):
        counted["completion_tokens_details"] = {"reasoning_tokens": thought}
    if cached:
        counted["prompt_tokens_details"] = {"cached_tokens": cached}
    return counted


def _refusal(fault: Fault, quirks: Quirks) -> Rendered:
    fault = _as_here(fault)
    rendered = render(fault, {}, quirks)
    return replace(rendered, steps=[dumped(_error(fault, rendered.id))])


def _as_here(fault: Fault) -> Fault:
    """The same refusal in this wire's types and words."""
    if fault.code in _SENSITIVE and fault.status == ERRORS[fault.code][0]:
        fault = replace(fault, status=422, type="")
    kind = _TYPES.get(fault.type, fault.type)
    words = _WORDS.get(fault.message, fault.message)
    return replace(fault, type=kind, message=words)


def _error(fault: Fault, id: str) -> Json:
    if fault.as_base_resp:
        words = fault.message.removesuffix(f" ({fault.code})")
        base_resp = {"status_code": fault.code, "status_msg": words}
        return {"id": id, "choices": None, "base_resp": base_resp}
    error = {
        "type": fault.type,
        "message": fault.message,
        "http_code": str(fault.status),
    }
    return {"type": "error", "error": error, "request_id": id}


def _interrupted(fault: ErrorEvent, body: Json, quirks: Quirks) -> Rendered:
    said = _complete(fault.reply or "", body, quirks)
    chunks = list(_chunks(said, body, quirks))[: 1 if fault.after == "start" else 2]
    id = said.envelope["id"]
    error = _error(_as_here(fault.error), id)
    final = _frame(error if fault.wrapped else error["error"])
    return Rendered([*map(_frame, chunks), final], id, EVENT_STREAM)


def _frame(chunk: Json) -> bytes:
    return b"data: %b\n\n" % dumped(chunk)
