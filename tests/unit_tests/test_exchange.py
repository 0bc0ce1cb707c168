from __future__ import annotations

import json
import pickle
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._blocks import ChatRequest, Conversation, Text, ToolUse, Turn
from langchain_minimax._deltas import Delta, Started, Stopped, TextDelta, Usage
from langchain_minimax._dialects import anthropic
from langchain_minimax._exchange import Exchange, ReplyReader, exchange
from langchain_minimax._filters import StopSequences
from langchain_minimax._http import Deadline, Patience, timeouts
from langchain_minimax._network import Limit
from langchain_minimax._retry import pause
from langchain_minimax.errors import (
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxContentFilterError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
)
from support.samples import Sample, samples

SECRET = "sk-api-0123456789abcdefghijklmnop"
GLOBAL = "https://api.minimax.io/anthropic/v1/messages"

# --- What is asked -------------------------------------------------------------------


def asked(
    *,
    stream: bool = False,
    secret: str | None = SECRET,
    headers: Mapping[str, str] | None = None,
    text: str = "Hello",
    extra: dict[str, Any] | None = None,
) -> Exchange:
    conversation = Conversation((), (Turn("user", (Text(text),)),))
    return exchange(
        anthropic,
        ChatRequest("MiniMax-M3", conversation, 100, stream, extra=extra),
        url=GLOBAL,
        secret=secret,
        headers=headers or {},
        filters=lambda: (),
    )


def test_a_request_says_what_is_needed():
    request = asked()
    assert request.url == GLOBAL
    assert request.headers == {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "authorization": f"Bearer {SECRET}",
    }
    assert json.loads(request.body) == {
        "model": "MiniMax-M3",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "stream": False,
    }


def test_a_stream_is_asked_for_uncompressed():
    request = asked(stream=True)
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["accept-encoding"] == "identity"
    assert json.loads(request.body)["stream"] is True
    assert request.stream


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_key_nothing_is_authorized(secret: str | None):
    assert "authorization" not in asked(secret=secret).headers


def test_the_callers_headers_win_however_they_are_spelled():
    given = {"AUTHORIZATION": "Basic x", "Anthropic-Version": "9", "X-Team": "7"}
    headers = asked(headers=given).headers
    assert headers["authorization"] == "Basic x"
    assert headers["anthropic-version"] == "9"
    assert headers["x-team"] == "7"
    assert all(name == name.lower() for name in headers)


def test_a_request_can_be_shown_without_its_secrets():
    request = asked(headers={"X-Team-Key": "team-0123456789"}, text="my diary")
    assert GLOBAL in repr(request)
    for secret in (SECRET, "team-0123456789", "my diary"):
        assert secret not in repr(request)


def test_a_body_is_short_utf_8():
    body = asked(text="潮水🌊").body
    assert "潮水🌊".encode() in body
    assert b": " not in body


def as_bytes_can_say(text: str) -> str:
    """A surrogate pair means its character, and half a pair has none."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@given(
    st.text(st.characters() | st.sampled_from("\ud83d\ude00\ud800\udfff"), max_size=9)
)
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_sent(text: str):
    (message,) = json.loads(asked(text=text).body)["messages"]
    assert message["content"][0]["text"] == as_bytes_can_say(text)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("潮\ud83d水🌊", "潮\ufffd水🌊"),
        ("\udc00", "\ufffd"),
        ("end\ud83d", "end\ufffd"),
        ("\ud83d\ude00", "😀"),
        ('"\ud83d"', '"\ufffd"'),
    ],
)
def test_a_lone_surrogate_is_replaced_and_the_rest_stays(text: str, sent: str):
    request = asked(text=text, extra={"note": "né", "n": 1.5, "none": None})
    body = json.loads(request.body)
    assert body["messages"][0]["content"][0]["text"] == sent
    assert body["max_tokens"] == 100
    assert (body["note"], body["n"], body["none"]) == ("né", 1.5, None)


@pytest.mark.parametrize("text", ["plain", "\ud83d"])
@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_json_cannot_say_is_null(text: str, number: float):
    body = asked(text=text, extra={"odd": [number]}).body
    assert json.loads(body, parse_constant=pytest.fail)["odd"] == [None]


@pytest.mark.parametrize("depth", [100, 300, 600])
def test_deep_arguments_can_be_sent_back(depth: int):
    arguments: dict[str, Any] = {}
    for _ in range(depth):
        arguments = {"more": arguments}
    turn = Turn("assistant", (ToolUse("c1", "dig", arguments),))
    request = ChatRequest("MiniMax-M3", Conversation((), (turn,)), 100, stream=False)
    made = exchange(
        anthropic, request, url=GLOBAL, secret=None, headers={}, filters=tuple
    )
    sent = json.loads(made.body)["messages"][0]["content"][0]["input"]
    assert sent == arguments


def test_what_is_no_json_is_refused_before_it_is_sent():
    with pytest.raises(MiniMaxInvalidRequestError, match="no JSON"):
        asked(extra={"odd": object()})


MB64 = 64 * 2**20
OWN = "https://api.minimax.io"


def of_size(size: int, host: str) -> Exchange:
    """A request whose body has that many bytes."""
    conversation = Conversation((), (Turn("user", (Text("Look:"),)),))
    request = ChatRequest("MiniMax-M3", conversation, 100, stream=False)
    empty = exchange(
        anthropic,
        replace(request, extra={"pad": ""}),
        url=f"{host}/v1/messages",
        secret=SECRET,
        headers={},
        filters=tuple,
    )
    padding = "x" * (size - len(empty.body))
    return exchange(
        anthropic,
        replace(request, extra={"pad": padding}),
        url=f"{host}/v1/messages",
        secret=SECRET,
        headers={},
        filters=tuple,
    )


def test_a_body_may_be_as_large_as_minimax_takes():
    assert len(of_size(MB64, OWN).body) == MB64


@pytest.mark.parametrize(
    "host", [OWN, "https://api.minimax.cn", "https://api.minimaxi.com"]
)
def test_a_larger_body_is_refused_before_it_is_sent(host: str):
    with pytest.raises(
        MiniMaxInvalidRequestError, match=r"64 MB, and MiniMax takes 64.*`MiniMaxFiles`"
    ) as caught:
        of_size(MB64 + 1, host)
    assert "xxx" not in str(caught.value)
    assert "  " not in str(caught.value)


def test_another_host_may_take_more():
    assert len(of_size(MB64 + 1, "http://localhost:8000").body) == MB64 + 1


# --- What is heard -------------------------------------------------------------------

JSON = {"content-type": "application/json; charset=utf-8"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


def reader(
    headers: Mapping[str, str] = JSON, status: int = 200, secret: str | None = SECRET
) -> ReplyReader:
    began = asked(secret=secret).reader()
    began.begin(status, headers)
    return began


def heard(
    pieces: bytes | Sequence[bytes],
    headers: Mapping[str, str] = JSON,
    status: int = 200,
    secret: str | None = SECRET,
) -> list[Delta]:
    """The deltas of a reply that arrives in these pieces and then ends."""
    began = reader(headers, status, secret)
    pieces = [pieces] if isinstance(pieces, bytes) else pieces
    deltas = [delta for piece in pieces for delta in began.feed(piece)]
    return [*deltas, *began.finish()]


def error_of(
    pieces: bytes | Sequence[bytes],
    headers: Mapping[str, str] = JSON,
    status: int = 200,
    secret: str | None = SECRET,
) -> MiniMaxError:
    with pytest.raises(MiniMaxError) as raised:
        heard(pieces, headers, status, secret)
    return raised.value


def text(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def events(*data: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in data)


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


START = {
    "type": "message_start",
    "message": {"id": "r1", "model": "MiniMax-M3", "usage": {"input_tokens": 0}},
}
OVERLOADED = {"type": "overloaded_error", "message": "high load (2064)"}
WORDS = {
    "type": "content_block_delta",
    "index": 0,
    "delta": {"type": "text_delta", "text": "All is said."},
}
DONE = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"input_tokens": 7, "output_tokens": 3},
}
END = {"type": "message_stop"}
WHOLE = json.dumps(
    {
        "id": "r1",
        "model": "MiniMax-M3",
        "content": [{"type": "text", "text": "All is said."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }
).encode()
SAID = heard(WHOLE)


def test_a_whole_reply_is_told_from_start_to_stop():
    first, *_, last = SAID
    assert first == Started("r1", "MiniMax-M3")
    assert last == Stopped("end_turn", Usage(7, 3))
    assert text(SAID) == "All is said."


def test_a_whole_reply_may_come_in_pieces():
    assert heard(cut(WHOLE, [1, 20, 20, 50])) == SAID


def test_a_stream_says_the_same_as_it_comes():
    began = reader(EVENTS)
    assert began.feed(events(START)) == [Started("r1", "MiniMax-M3")]
    assert text(began.feed(events(WORDS))) == "All is said."
    assert heard(events(START, WORDS, DONE, END), EVENTS) == SAID


@pytest.mark.parametrize(
    "kind", ["text/event-stream", "text/event-stream;charset=UTF-8"]
)
def test_a_stream_is_known_by_its_content_type(kind: str):
    began = reader({"content-type": kind})
    assert began.feed(events(START)) != ()


@pytest.mark.parametrize("headers", [JSON, {"content-type": "text/plain"}, {}])
@pytest.mark.parametrize("before", [b"", b"\n", b"event: message_start\n"])
def test_a_stream_may_be_labelled_as_something_else(
    headers: dict[str, str], before: bytes
):
    body = before + events(START, WORDS, DONE, END)
    assert heard(cut(body, [3, 30]), headers) == SAID


@pytest.mark.parametrize("one", samples(stream=True), ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_captured_stream_is_the_same_however_it_is_cut(
    one: Sample, data: st.DataObject
):
    places = data.draw(st.lists(st.integers(0, len(one.body)), max_size=8))
    assert heard(cut(one.body, places), EVENTS) == heard(one.body, EVENTS)


@pytest.mark.parametrize("one", samples(), ids=lambda one: one.name)
def test_a_captured_reply_is_heard_to_its_end(one: Sample):
    last = heard(one.body, EVENTS if one.stream else JSON)[-1]
    assert isinstance(last, Stopped)
    assert last.stop_reason == one.stop_reason


@pytest.mark.parametrize("one", samples(errors=True), ids=lambda one: one.name)
def test_a_captured_failure_is_an_error(one: Sample):
    error = error_of(one.body, EVENTS if one.stream else JSON, one.status)
    assert one.error is not None
    assert error.code == one.error["code"]
    assert error.request_id == one.error["request_id"]
    assert one.error["message"] in str(error)


def test_the_state_of_a_reply_is_told():
    unread = asked().reader()
    assert (unread.begun, unread.complete, unread.ended) == (False, False, False)
    began = reader(EVENTS)
    assert (began.begun, began.complete, began.ended) == (True, False, False)
    began.feed(events(START, WORDS))
    assert (began.complete, began.is_whole, began.ended) == (False, False, False)
    began.feed(events(DONE))
    assert (began.complete, began.is_whole, began.ended) == (True, True, True)


def test_a_reply_that_was_not_counted_may_still_be():
    began = reader(EVENTS)
    uncounted = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    began.feed(events(START, WORDS, uncounted))
    assert (began.complete, began.is_whole, began.ended) == (True, True, False)
    began.feed(events(END))
    assert (began.complete, began.ended) == (True, True)


def test_a_reply_that_a_filter_cut_is_not_whole():
    began = ReplyReader(anthropic.decoder(), [StopSequences(["is"])], [])
    began.begin(200, EVENTS)
    began.feed(events(START, WORDS))
    assert (began.complete, began.is_whole, began.ended) == (True, False, False)


@pytest.mark.parametrize(
    ("complete", "is_whole", "ended", "seconds", "over"),
    [
        pytest.param(False, False, False, 60, False, id="not yet whole"),
        pytest.param(True, True, False, 60, False, id="whole a moment ago"),
        pytest.param(True, False, False, 60, False, id="cut by a filter"),
        pytest.param(True, True, True, 60, True, id="ended"),
        pytest.param(True, True, False, 0, True, id="whole, and late"),
        pytest.param(True, False, False, 0, True, id="cut by a filter, and late"),
        pytest.param(False, False, False, 0, False, id="not yet whole, and late"),
    ],
)
def test_a_reply_is_read_on_until_nothing_can_be_missing(
    complete: bool, is_whole: bool, ended: bool, seconds: float, over: bool
):
    read: Any = SimpleNamespace(complete=complete, is_whole=is_whole, ended=ended)
    patience, deadline = Patience(), Deadline(seconds, "hurry")
    assert [patience.is_over(read, deadline) for _ in range(3)] == [over] * 3


def test_what_is_whole_is_read_on_for_ten_seconds(monkeypatch: pytest.MonkeyPatch):
    """A server that keeps the line open with comments need not end."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    read: Any = SimpleNamespace(complete=False, is_whole=False, ended=False)
    patience, deadline = Patience(), Deadline(None, "hurry")
    over = []
    for clock.now, whole in (
        (50.0, False),
        (100.0, True),
        (109.9, True),
        (110.0, True),
    ):
        read.complete = read.is_whole = whole
        over.append(patience.is_over(read, deadline))
    assert over == [False, False, False, True]


def test_only_the_end_of_a_reply_that_is_one_is_awaited():
    """Of one that failed, and of one that is none, more could come for ever."""
    deadline = Deadline(None, "hurry")
    for is_whole in (True, False):
        read: Any = SimpleNamespace(complete=False, is_whole=is_whole, ended=True)
        assert Patience(parting=60.0).is_over(read, deadline) is not is_whole


def test_a_wait_that_nothing_else_limits_ends_with_the_patience():
    unlimited = timeouts(httpx.Timeout(None), silence=None)
    unlimited = replace(unlimited, call=None)
    for parting, kind in ((60.0, Limit), (0.0, type(None))):
        patience, deadline = Patience(parting), unlimited.deadline("hurry")
        limits = unlimited.httpx(deadline, patience, stream=True)
        assert type(limits.read) is kind


@pytest.mark.parametrize("cut", range(3))
def test_what_came_before_an_error_is_told_however_the_two_were_cut(cut: int):
    pieces = [events(START), events(WORDS), events(OVERLOADED)]
    began, told = reader(EVENTS), list[Any]()

    def listen() -> None:
        for piece in (b"".join(pieces[:cut]), b"".join(pieces[cut:])):
            told.extend(began.feed(piece))
        began.finish()

    with pytest.raises(MiniMaxError, match="high load"):
        listen()
    assert text(told) == "All is said."


def test_a_mislabelled_stream_is_told_as_it_comes():
    began = reader(JSON)
    batches = [began.feed(bytes([byte])) for byte in events(START, WORDS)]
    assert text([delta for batch in batches for delta in batch]) == "All is said."


@pytest.mark.parametrize("late", [WORDS, OVERLOADED], ids=["words", "an error"])
def test_what_follows_the_end_does_not_count_however_cut(late: dict[str, Any]):
    whole = events(START, WORDS, DONE, END)
    assert heard([whole, events(late)], EVENTS) == heard(whole, EVENTS)
    assert heard(whole + events(late), EVENTS) == heard(whole, EVENTS)


@pytest.mark.parametrize(
    "said", [(START, WORDS, DONE, END), (START, WORDS, OVERLOADED)], ids=["end", "fail"]
)
def test_nor_is_it_held_however_much_it_is(said: tuple[dict[str, Any], ...]):
    began, same = reader(EVENTS), reader(EVENTS)
    assert began.feed(events(*said)) == same.feed(events(*said))
    for _ in range(64):
        assert began.feed(b"x" * 2**20) == ()
    if said[-1] is END:
        assert began.finish() == same.finish()
    else:
        with pytest.raises(MiniMaxOverloadedError):
            began.finish()


def test_nor_does_what_lies_behind_a_failure_at_the_end():
    said = events(START, WORDS, DONE, OVERLOADED) + events(WORDS).rstrip()
    assert text(heard(said, EVENTS)) == "All is said."


def test_a_whole_reply_that_is_called_a_stream_is_read():
    assert text(heard(WHOLE, EVENTS)) == "All is said."
    error = error_of(b'{"base_resp": {"status_code": 1008}}', EVENTS)
    assert error.code == 1008


def test_every_attempt_has_a_reader_of_its_own():
    request = asked()
    first, second = request.reader(), request.reader()
    first.begin(200, EVENTS)
    first.feed(events(START, WORDS))
    second.begin(200, JSON)
    second.feed(WHOLE)
    assert second.finish() == SAID


# --- Filters -------------------------------------------------------------------------


def filtered(*sequences: str) -> ReplyReader:
    stages = [StopSequences([sequence]) for sequence in sequences]
    return ReplyReader(anthropic.decoder(), stages, [])


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(WHOLE, JSON, id="whole"),
        pytest.param(events(START, WORDS, DONE, END), JSON, id="mislabelled stream"),
        pytest.param(events(START, WORDS, DONE, END), EVENTS, id="stream"),
    ],
)
def test_filters_see_every_reply_one_after_the_other(
    body: bytes, headers: dict[str, str]
):
    stages = filtered("said", "is")
    stages.begin(200, headers)
    deltas = [*stages.feed(body), *stages.finish()]
    assert text(deltas) == "All "
    assert isinstance(deltas[-1], Stopped)
    assert deltas[-1].stop_sequence == "is"


def test_a_reply_that_a_filter_cut_is_complete_wherever_it_breaks_off():
    stages = filtered("said")
    stages.begin(200, EVENTS)
    deltas = [*stages.feed(events(START, WORDS))]
    assert (stages.complete, stages.ended) == (True, False)
    deltas += stages.finish()
    assert text(deltas) == "All is "
    assert deltas[-1] == Stopped("stop_sequence", stop_sequence="said")


# --- What went wrong -----------------------------------------------------------------


@pytest.mark.parametrize("headers", [JSON, EVENTS, {}])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, MiniMaxInvalidRequestError),
        (401, MiniMaxAuthenticationError),
        (404, MiniMaxInvalidRequestError),
        (429, MiniMaxRateLimitError),
        (500, MiniMaxAPIError),
        (529, MiniMaxOverloadedError),
        (301, MiniMaxInvalidRequestError),
        (307, MiniMaxInvalidRequestError),
        (204, MiniMaxAPIError),
    ],
)
def test_any_other_status_is_a_refusal(
    status: int, kind: type[MiniMaxError], headers: dict[str, str]
):
    body = b'{"error": {"type": "odd", "message": "so it is"}}'
    error = error_of(body, {**headers, "trace-id": "t1"}, status)
    assert type(error) is kind
    assert (error.status_code, error.request_id) == (status, "t1")
    assert "so it is" in str(error)


def test_a_refusal_is_no_stream_whatever_it_is_called():
    error = error_of(b"<h1>Bad Gateway</h1>", EVENTS, 502)
    assert type(error) is MiniMaxAPIError
    assert "Bad Gateway" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>Sign in</h1></html>",
        b"[]",
        b'"All is said."',
        b"null",
        WHOLE[:-1],
        WHOLE[:20],
        b"\xff\xfe",
        b"[" * 100_000,
        rb'{"content": [{"text": "\ud83d',
        b'{"content": null}',
        b'{"content": "All is said."}',
        b"{}",
    ],
)
def test_what_is_no_reply_is_an_error_that_quotes_it(body: bytes):
    error = error_of(body, {"content-type": "text/html", "trace-id": "t1"})
    assert type(error) is MiniMaxResponseError
    assert len(str(error)) < 800


def test_a_page_in_place_of_a_reply_is_described():
    error = error_of(
        b"<html><h1>Sign in</h1></html>", {"content-type": "text/html", "trace-id": "t"}
    )
    assert "text/html" in str(error)
    assert "Sign in" in str(error)
    assert "base_url" in str(error)
    assert (error.status_code, error.request_id) == (200, "t")
    assert error.response is not None
    assert error.response.status_code == 200
    assert error.response.headers["content-type"] == "text/html"
    assert error.response.text == "<html><h1>Sign in</h1></html>"


def test_an_empty_body_without_a_type_is_described():
    error = error_of(b"", {})
    assert "nothing" in str(error)
    assert "an empty body" in str(error)


@pytest.mark.parametrize("escape", [r"\ud83d", r"\udc00"])
def test_half_a_surrogate_pair_is_no_reason_to_refuse_a_reply(escape: str):
    said = "tide " + json.loads(f'"{escape}"')
    start, words = events(START), events(WORDS)
    words = words.replace(b"All is said.", f"tide {escape}".encode())
    whole = WHOLE.replace(b"All is said.", f"tide {escape}".encode())
    assert text(heard(start + words + events(DONE, END), EVENTS)) == said
    assert text(heard(whole)) == said


@pytest.mark.parametrize("headers", [JSON, EVENTS])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(events(START), id="after the start"),
        pytest.param(events(START, WORDS), id="after the text"),
        pytest.param(events(START, WORDS, DONE)[:-20], id="within the last event"),
        pytest.param(events(START, WORDS) + b"dat", id="within a field name"),
    ],
)
def test_a_stream_that_breaks_off_is_no_success(body: bytes, headers: dict[str, str]):
    error = error_of(body, {**headers, "trace-id": "t1"})
    assert type(error) is MiniMaxStreamTruncatedError
    assert (error.status_code, error.request_id) == (200, "t1")
    assert "stop reason" in str(error)


def test_a_stream_that_never_began_is_no_success():
    assert type(error_of(b"", EVENTS)) is MiniMaxStreamTruncatedError


def test_what_came_before_the_break_was_told():
    began = reader(EVENTS)
    assert text(began.feed(events(START, WORDS))) == "All is said."
    with pytest.raises(MiniMaxStreamTruncatedError):
        began.finish()


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(events(END)[:-1], id="an end without its blank line"),
        pytest.param(events(END)[:-2], id="an end without its line end"),
        pytest.param(events(END)[:-8], id="half an end"),
        pytest.param(b"data: [DONE]\n\n", id="an end of another wire"),
        pytest.param(b": bye", id="a comment"),
    ],
)
def test_after_a_stop_reason_the_end_may_be_anything(rest: bytes):
    assert heard(events(START, WORDS, DONE) + rest, EVENTS) == SAID


@pytest.mark.parametrize("together", [True, False])
def test_after_a_stop_reason_nothing_can_fail_any_more(together: bool):
    pieces = [events(START, WORDS, DONE), b"data: <html>\n\n" + events(OVERLOADED)]
    assert heard([b"".join(pieces)] if together else pieces, EVENTS) == SAID


def test_after_a_failure_there_is_nothing_to_wait_for():
    began = reader(EVENTS)
    assert text(began.feed(events(START, WORDS, OVERLOADED))) == "All is said."
    assert (began.complete, began.ended) == (False, True)
    with pytest.raises(MiniMaxOverloadedError) as raised:
        began.finish()
    assert raised.value.status_code == 200


def test_the_last_event_needs_no_blank_line():
    assert heard(events(START, WORDS, DONE)[:-2], EVENTS) == SAID


def test_an_error_without_its_blank_line_is_an_error():
    body = events(START, {"error": {"message": "output new_sensitive (1027)"}})[:-2]
    assert type(error_of(body, EVENTS)) is MiniMaxContentFilterError


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"", JSON, id="no reply"),
        pytest.param(b"data: <html>\n\n", EVENTS, id="no event"),
        pytest.param(events({"error": "no"}), EVENTS, id="error event"),
        pytest.param(b'{"base_resp": {"status_code": 1002}}', JSON, id="refusal"),
        pytest.param(events(START), EVENTS, id="half a stream"),
    ],
)
def test_an_error_has_the_request_id_of_the_headers(
    body: bytes, headers: dict[str, str]
):
    assert error_of(body, {**headers, "trace-id": "t1"}).request_id == "t1"
    assert error_of(body, headers).request_id is None


def test_a_request_id_in_the_body_comes_first():
    body = events(START, {"error": "no", "request_id": "r1"})
    assert error_of(body, {**EVENTS, "trace-id": "t1"}).request_id == "r1"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(events(START, OVERLOADED), EVENTS, id="event"),
        pytest.param(b'{"base_resp": {"status_code": 1002}}', JSON, id="refusal"),
    ],
)
def test_an_error_inside_a_success_has_the_headers(
    body: bytes, headers: dict[str, str]
):
    error = error_of(body, {**headers, "retry-after": "7", "x-echo": SECRET})
    assert error.response is not None
    assert error.response.headers["retry-after"] == "7"
    assert pause(error, 1) >= 7
    assert SECRET not in str(error.response)


def test_nonsense_within_a_stream_is_an_error_that_quotes_it():
    error = error_of(events(START) + b"data: <html>\n\n" + events(DONE, END), EVENTS)
    assert type(error) is MiniMaxResponseError
    assert "<html>" in str(error)


# --- Secrets -------------------------------------------------------------------------

ECHO = f"no such key: {SECRET}"
REFUSAL = {"base_resp": {"status_code": 1004, "status_msg": ECHO}}
NO_REPLY = {"content": None, "odd": ECHO}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(
            json.dumps({"error": {"message": ECHO}}).encode(), JSON, 401, id="body"
        ),
        pytest.param(f"<p>{ECHO}</p>".encode(), {}, 502, id="page"),
        pytest.param(b"no", {"x-echo": f"Bearer {SECRET}"}, 401, id="header"),
        pytest.param(f"<p>{ECHO}</p>".encode(), {}, 200, id="page with 200"),
        pytest.param(
            json.dumps(
                {"base_resp": {"status_code": 1004, "status_msg": ECHO}}
            ).encode(),
            JSON,
            200,
            id="business refusal",
        ),
        pytest.param(
            events(START, {"type": "error", "error": {"message": ECHO}}),
            EVENTS,
            200,
            id="event",
        ),
        pytest.param(
            events(START, {"type": "api_error", "message": ECHO})[:-2],
            EVENTS,
            200,
            id="last event",
        ),
        pytest.param(
            b"event: error\ndata: " + json.dumps({"odd": ECHO}).encode() + b"\n\n",
            EVENTS,
            200,
            id="unknown error event",
        ),
        pytest.param(f"data: {ECHO}\n\n".encode(), EVENTS, 200, id="no event"),
        pytest.param(f"data: {ECHO}\n\n".encode(), JSON, 200, id="mislabelled"),
        pytest.param(
            json.dumps({"content": None, "odd": ECHO}).encode(),
            JSON,
            200,
            id="no reply",
        ),
    ],
)
def test_a_key_that_the_server_repeats_is_in_no_error(
    body: bytes, headers: dict[str, str], status: int
):
    error = error_of(body, headers, status)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET.encode() not in pickle.dumps(error)
    assert "***" in f"{error} {error.response}"


@pytest.mark.parametrize(
    ("template", "headers", "status"),
    [
        pytest.param("{}", {}, 502, id="refusal"),
        pytest.param("{}", {}, 200, id="no reply"),
        pytest.param('{{"odd": "{}"}}', {}, 200, id="no content"),
        pytest.param("data: {}\n\n", EVENTS, 200, id="no event"),
        pytest.param(
            'event: error\ndata: {{"odd": "{}"}}\n\n', EVENTS, 200, id="error event"
        ),
    ],
)
def test_not_even_half_a_key_is_in_an_error_that_quotes_an_excerpt(
    template: str, headers: dict[str, str], status: int
):
    for padding in range(150, 520):
        body = template.format("x" * padding + SECRET).encode()
        assert SECRET[:8] not in str(error_of(body, headers, status))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Api-Key", SECRET),
        ("authorization", SECRET),
        ("Authorization", f"Bearer {SECRET}"),
    ],
)
@pytest.mark.parametrize("echo", ["{}", "Bearer {}"])
def test_a_key_in_the_callers_headers_is_in_no_error(name: str, value: str, echo: str):
    began = asked(secret=None, headers={name: value}).reader()
    began.begin(401, JSON)
    began.feed(json.dumps({"error": echo.format(SECRET)}).encode())
    with pytest.raises(MiniMaxAuthenticationError) as raised:
        began.finish()
    assert SECRET.encode() not in pickle.dumps(raised.value)


def test_without_a_key_an_error_is_told_as_it_is():
    assert "no such key" in str(error_of(f"<p>{ECHO}</p>".encode(), secret=None))


# --- How much is taken in ------------------------------------------------------------


class Deaf:
    """A decoder that hears nothing, as of a stream of pings."""

    complete = ended = False

    def feed(self, _: object) -> Sequence[Delta]:
        return ()


def listening() -> ReplyReader:
    began = replace(asked(), decoder=Deaf).reader()
    began.begin(200, EVENTS)
    began.feed(b"data: {}\n\n")
    return began


def test_an_event_without_end_is_given_up():
    pieces = iter([b"data: " + b"x" * 2**20] * 40)
    with pytest.raises(MiniMaxResponseError, match="33,554,432 bytes") as raised:
        any(map(listening().feed, pieces))
    assert len(list(pieces)) == 8
    assert not raised.value.is_retryable


@pytest.mark.parametrize(
    ("count", "most", "words"),
    [
        pytest.param("_count", 2**20, "1,048,576 events", id="events"),
        pytest.param("_size", 2**29, "536,870,912 bytes", id="bytes"),
    ],
)
def test_so_is_a_stream_without_end(count: str, most: int, words: str):
    """After so much, which takes seconds to read."""
    began, event = listening(), b"data: {}\n\n"
    setattr(began, count, most - getattr(listening(), count))
    began.feed(event)
    with pytest.raises(MiniMaxResponseError, match=words) as raised:
        began.feed(event)
    assert not raised.value.is_retryable


def test_what_was_said_before_stands_beside_the_error():
    began = reader(EVENTS)
    block = {"type": "text", "text": "x"}
    started = {"type": "content_block_start", "index": 0, "content_block": block}
    stopped = {"type": "content_block_stop", "index": 0}
    blocks = [started, stopped] * 2000
    said = text(began.feed(events(*blocks)))
    assert said == "x" * 1024
    assert began.ended
    with pytest.raises(MiniMaxResponseError, match="1,024 blocks"):
        began.finish()


def test_an_error_is_read_no_further_than_anybody_could_read():
    began = reader(status=500)
    began.feed(b"x" * (2**20 - 1))
    assert not began.ended
    began.feed(b"xx")
    assert began.ended
    with pytest.raises(MiniMaxError) as raised:
        began.finish()
    assert raised.value.response.text == "x" * 2**20 + "…"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", f"br, {SECRET}"])
def test_what_may_unpack_to_anything_is_refused(coding: str):
    with pytest.raises(MiniMaxResponseError, match="packed as") as raised:
        reader({**JSON, "content-encoding": coding})
    assert SECRET not in str(raised.value).lower()
    assert not raised.value.is_retryable


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_so_is_a_packed_stream(coding: str):
    """It was asked for as it is, and would wait for its packer."""
    with pytest.raises(MiniMaxResponseError, match="packed as"):
        reader({**EVENTS, "content-encoding": coding})


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
def test_a_refusal_that_is_packed_so_is_one(coding: str):
    with pytest.raises(MiniMaxAuthenticationError) as raised:
        reader({**JSON, "content-encoding": coding}, status=401)
    assert raised.value.status_code == 401


@pytest.mark.parametrize("coding", ["gzip", "DEFLATE", "identity"])
def test_what_was_asked_for_may_be_packed(coding: str):
    assert reader({**JSON, "content-encoding": coding}).begun


@pytest.mark.parametrize("coding", ["utf-8", "none", "", "identity, utf-8"])
@pytest.mark.parametrize("kind", [JSON, EVENTS])
def test_what_is_no_packing_is_passed_over(kind: dict[str, str], coding: str):
    assert reader({**kind, "content-encoding": coding}).begun


def test_a_cause_that_repeats_the_key_is_left_out():
    began = reader()
    innocent, guilty = OSError("reset"), OSError(f"bad line: {SECRET}")
    assert began.told(MiniMaxError("Lost"), innocent).__cause__ is innocent
    assert began.told(MiniMaxError("Lost"), guilty).__cause__ is None
