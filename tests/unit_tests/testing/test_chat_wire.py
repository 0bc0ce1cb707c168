"""The errors of `/v1/chat/completions`, in its own names and words."""

import json
from typing import Any

import pytest

from langchain_minimax.testing import Fault, Quirks, Raw, Reply, Text, Thinking, ToolUse
from langchain_minimax.testing._chat_wire import render_chat

NO_KEY = (
    "login fail: Please carry the API secret key in the 'Authorization' field "
    "of the request header"
)
OVERLOADED = (
    "The server cluster is currently under high load. Please retry after a short "
    "wait and thank you for your patience. (2064) (529)"
)


def rendered(answer: Any, quirks: Quirks | None = None, **fields: Any) -> Any:
    turns = [{"role": "user", "content": "Hello"}]
    body = {"model": "MiniMax-M3", "messages": turns, **fields}
    return render_chat(answer, body, quirks or Quirks())


def said(answer: Any, quirks: Quirks | None = None, **fields: Any) -> list[Any]:
    """The JSON of each piece that goes out."""
    steps = rendered(answer, quirks, **fields).steps
    return [json.loads(step.removeprefix(b"data: ")) for step in steps]


def test_an_error_is_the_captured_one():
    answer = rendered(Fault.error(2013, "unknown model 'x'"))

    assert (answer.status, answer.content) == (400, None)
    assert answer.content_type == "application/json; charset=utf-8"
    [piece] = answer.steps
    assert piece.decode() == (
        '{"type":"error","error":{"type":"bad_request_error","message":"invalid '
        'params, unknown model \'x\' (2013)","http_code":"400"},'
        f'"request_id":"{answer.id}"}}'
    )


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        (1000, 500, "api_error", "unknown error, 999 (1000)"),
        (1002, 429, "rate_limit_error", "rate limit exceeded(RPM) (1002)"),
        (
            1004,
            401,
            "authorized_error",
            f"{NO_KEY} (1004)",
        ),
        (1008, 402, "insufficient_balance_error", "insufficient balance (1008)"),
        (1026, 422, "unprocessable_entity_error", "input new_sensitive (1026)"),
        (1027, 422, "unprocessable_entity_error", "output new_sensitive (1027)"),
        (2013, 400, "bad_request_error", "invalid params (2013)"),
        (2049, 401, "authorized_error", "invalid api key (2049)"),
        (
            2064,
            529,
            "overloaded_error",
            OVERLOADED,
        ),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
def test_every_error_has_the_names_and_words_of_this_wire(
    code, status, kind, words, streaming
):
    answer = rendered(Fault.error(code, retry_after=1.5), stream=streaming)

    [piece] = answer.steps
    error = {"type": kind, "message": words, "http_code": str(status)}
    assert json.loads(piece) == {
        "type": "error",
        "error": error,
        "request_id": answer.id,
    }
    assert (answer.status, answer.headers) == (status, {"retry-after": "1.5"})


def test_what_the_script_says_is_left_as_it_is():
    own = Fault(503, 1026, "gone fishing (1026)", type="own_error")
    [body] = said(own)

    assert body["error"] == {
        "type": "own_error",
        "message": "gone fishing (1026)",
        "http_code": "503",
    }


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1039, "token limit"),
        (1027, "output new_sensitive"),
        (1004, NO_KEY),
    ],
)
def test_errors_can_hide_behind_200(streaming, code, words):
    answer = rendered(Fault.ok_with_base_resp(code), stream=streaming)

    assert answer.status == 200
    [piece] = answer.steps
    assert json.loads(piece) == {
        "id": answer.id,
        "choices": None,
        "base_resp": {"status_code": code, "status_msg": words},
    }


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("quirks", [{}, {"chat_empty_role": True}, {"chat_done": True}])
@pytest.mark.parametrize(
    ("reply", "heard"),
    [
        ("Hello there", {"content": "Hello there"}),
        (
            Reply([Thinking("Hm."), Text("Hello.")]),
            {"content": "<think>\nHm."},
        ),
        (Reply([ToolUse("rain", {}, "c1")]), {"tool_calls"}),
    ],
)
def test_an_error_ends_a_stream(wrapped, quirks, reply, heard):
    def broken(after: Any) -> tuple[list[Any], Any]:
        fault = Fault.error_event(after, wrapped=wrapped, reply=reply)
        *before, last = said(fault, Quirks(**quirks), stream=True)
        return [choice for chunk in before for choice in chunk["choices"]], last

    begun, error = broken("start")
    assert not any(c["delta"].keys() & {"content", "tool_calls"} for c in begun)
    more, again = broken("content")
    assert more[:-1] == begun
    told = {k: v for k, v in more[-1]["delta"].items() if k != "role"}
    assert told == heard or told.keys() == heard
    # It is no end that a finish reason has announced.
    assert "finish_reason" not in more[-1]
    for end in (error, again):
        inner = end["error"] if wrapped else end
        assert inner["type"] == "overloaded_error"
        assert inner["http_code"] == "529"
        assert ("request_id" in end) is wrapped


def test_error_events_are_plain_errors_without_a_stream():
    answer = rendered(Fault.error_event(code=1026))

    assert (answer.status, answer.content_type) == (
        422,
        "application/json; charset=utf-8",
    )


def test_cuts_fall_on_their_byte():
    cut = Fault.cut(9, "Hello.")
    before, fault, after = rendered(cut, stream=True).steps

    assert (before, fault) == (b'data: {"i', cut)
    assert after.startswith(b'd":"')
    assert b'"finish_reason":"stop"' in after


def test_raw_bytes_go_out_as_they_are():
    assert rendered(Raw("data: ä\n\n", pieces=[2])).steps == [
        b"da",
        b"ta: \xc3\xa4\n\n",
    ]
