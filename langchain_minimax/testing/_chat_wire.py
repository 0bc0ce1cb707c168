"""An answer of the script in, the pieces of a `/v1/chat/completions` reply out."""

from dataclasses import replace
from typing import Any

from langchain_minimax.testing._chat_stream import beginning, chunks
from langchain_minimax.testing._completion import Completion, complete
from langchain_minimax.testing._faults import ERRORS, Answer, Cut, ErrorEvent, Fault
from langchain_minimax.testing._quirks import Quirks
from langchain_minimax.testing._replies import EVENT_STREAM, Json, Raw, Reply
from langchain_minimax.testing._wire import DONE, Rendered, cut_short, dumped, render

# What is called or said otherwise here (captures of 2026-04 and 2026-08). A used-up
# plan (2056) keeps the other wire's words: this one's name no time at which it opens
# again (2026-07), but a script may.
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


def render_chat(answer: Answer, body: Any, quirks: Quirks, cached: int = 0) -> Rendered:
    """What goes over the wire for one answer to one request."""
    match answer:
        case str() | Reply():
            return _reply(complete(answer, body, quirks, cached), body)
        case Raw():
            return render(answer, body, quirks)
        case Fault():
            return _refusal(answer, quirks)
        case Cut():
            said = answer.reply or ""
            return cut_short(render_chat(said, body, quirks, cached), answer)
        case ErrorEvent() if body.get("stream"):
            return _interrupted(answer, body, quirks)
        case ErrorEvent():
            return _refusal(answer.error, quirks)


def _reply(said: Completion, body: Json) -> Rendered:
    content = list(said.blocks)
    if not body.get("stream"):
        return Rendered([dumped(said.whole)], said.id, content=content)
    frames = [_frame(chunk) for chunk in chunks(said, counted=_counts(body))]
    if said.quirks.chat_done or said.quirks.self_hosted:
        frames.append(DONE)
    return Rendered(frames, said.id, EVENT_STREAM, content=content)


def _counts(body: Json) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))


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
    said = complete(fault.reply or "", body, quirks)
    begun = beginning(said, spoken=fault.after == "content")
    error = _error(_as_here(fault.error), said.id)
    final = _frame(error if fault.wrapped else error["error"])
    return Rendered([*map(_frame, begun), final], said.id, EVENT_STREAM)


def _frame(chunk: Json) -> bytes:
    return b"data: %b\n\n" % dumped(chunk)
