"""Every fault of the emulator as raw HTTP sees it."""

import json
import time

import httpx
import pytest

from langchain_minimax.testing import (
    Emulator,
    ErrorEvent,
    Fault,
    Quirks,
    Raw,
    Reply,
    Text,
)

BODY = {"model": "MiniMax-M3", "messages": [{"role": "user", "content": "Hello"}]}
STREAM = Raw("data: one\n\ndata: two\n\n")
DEADLINE = 20


def post(server, stream=False, **options):
    return httpx.post(
        f"{server.base_url}/v1/messages?beta=true",
        headers={"authorization": f"Bearer {server.api_key}"},
        json={**BODY, "stream": stream},
        **{"timeout": DEADLINE, **options},
    )


def asking(server):
    return httpx.Request(
        "POST",
        f"{server.base_url}/v1/messages",
        headers={"x-api-key": server.api_key},
        json={**BODY, "stream": True},
    )


def read_until_it_breaks(server, timeout=DEADLINE):
    """The bytes that came, and the error that ended them."""
    received = []
    with httpx.Client(timeout=timeout) as client:
        try:
            # httpx 0.27.0 adds its time limits only to requests that it has built.
            request = asking(server)
            request.extensions["timeout"] = client.timeout.as_dict()
            received.extend(client.send(request, stream=True).iter_raw())
        except httpx.TransportError as error:
            return b"".join(received), error
    pytest.fail("nothing broke")


def eventually(condition):
    """Wait, within bounds, for what another thread is about to do."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@pytest.mark.parametrize("at", [0, 1, 11, 21, 22, 500])
def test_a_cut_is_a_body_that_ends_early(at):
    with Emulator([Fault.cut(at, STREAM)]) as server:
        received, error = read_until_it_breaks(server)
        [request] = server.requests
        assert request.status == 200
        assert not request.completed

    assert received == STREAM.body.encode()[:at]
    assert isinstance(error, httpx.RemoteProtocolError)
    assert "incomplete chunked read" in str(error)


def test_a_cut_in_a_body_of_known_length():
    broken = pytest.raises(httpx.RemoteProtocolError, match="received 7 bytes")
    with Emulator([Fault.cut(7, "Hello")]) as server, broken:
        post(server)


def test_a_cut_of_the_brains_own_reply():
    with Emulator([Fault.cut(60)]) as server:
        received, _ = read_until_it_breaks(server)

    assert received.startswith(b"event: message_start\n")
    assert len(received) == 60


@pytest.mark.parametrize("at", [0, 11])
def test_a_reset_is_a_broken_connection(at):
    with Emulator([Fault.reset(at, STREAM)]) as server:
        received, error = read_until_it_breaks(server)

    assert received == STREAM.body.encode()[:at]
    assert isinstance(error, httpx.ReadError)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.cut(), httpx.RemoteProtocolError), (Fault.reset(), httpx.ReadError)],
)
def test_connections_can_break_before_any_answer(fault, error):
    with Emulator([fault, "Hello"]) as server:
        with pytest.raises(error):
            post(server)
        assert post(server).status_code == 200
        assert [request.status for request in server.requests] == [0, 200]


@pytest.mark.parametrize("at", [None, 0, 11])
def test_a_stall_lasts_until_the_client_leaves(at):
    with Emulator([Fault.stall(at, reply=STREAM)]) as server:
        patience = httpx.Timeout(DEADLINE, read=0.2)
        received, error = read_until_it_breaks(server, patience)
        assert isinstance(error, httpx.ReadTimeout)
        assert received == STREAM.body.encode()[: at or 0]
        [request] = server.requests
        assert not request.completed


def test_a_stall_may_end():
    with Emulator([Fault.stall(11, 0.01, STREAM)]) as server:
        assert post(server, stream=True).content == STREAM.body.encode()
        assert server.requests[0].completed


def test_garbage_is_neither_json_nor_events():
    with Emulator([Fault.garbage()]) as server:
        response = post(server)

    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"codec|Expecting"):
        json.loads(response.content)
    assert b"\ndata:" not in response.content


@pytest.mark.parametrize("status", [200, 502])
def test_html_comes_from_a_proxy(status):
    with Emulator([Fault.html(status)]) as server:
        response = post(server, stream=True)

    assert response.status_code == status
    assert response.headers["content-type"] == "text/html"
    assert response.text.startswith("<html>")


def test_empty_is_no_byte_at_all():
    with Emulator([Fault.empty()]) as server:
        response = post(server, stream=True)
        assert server.requests[0].completed

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_event_ends_the_stream_properly(wrapped):
    fault = Fault.error_event("content", wrapped=wrapped, code=1027, reply="Hello you")
    with Emulator([fault]) as server:
        response = post(server, stream=True)
        assert server.requests[0].completed
        assert server.requests[0].reply_content is None

    last = response.text.rstrip("\n").split("\n\n")[-1]
    name, data = last.split("\n")
    assert name == "event: error"
    error = json.loads(data.removeprefix("data: "))
    error = error["error"] if wrapped else error
    assert error == {"type": "api_error", "message": "output new_sensitive (1027)"}


def test_an_error_event_of_the_brains_own_reply():
    with Emulator([ErrorEvent("content", True, Fault.error(2064))]) as server:
        text = post(server, stream=True).text

    assert "You said" in text
    assert text.count("event: error") == 1


def test_an_error_has_its_headers():
    with Emulator([Fault.error(1002, retry_after=3)]) as server:
        response = post(server)

    assert response.status_code == 429
    assert response.headers["retry-after"] == "3"
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["trace-id"] == response.json()["request_id"]


def test_two_hundred_can_be_a_lie():
    with Emulator([Fault.ok_with_base_resp(1008)]) as server:
        response = post(server)

    assert response.status_code == 200
    assert response.json()["base_resp"]["status_code"] == 1008


@pytest.mark.parametrize("stream", [False, True])
def test_good_replies_have_the_headers_of_the_real_ones(stream):
    with Emulator(quirks=Quirks(ids="clock")) as server:
        response = post(server, stream=stream)

    headers = response.headers
    kind = "text/event-stream" if stream else "application/json"
    assert headers["content-type"] == f"{kind}; charset=utf-8"
    assert headers["trace-id"] in response.text
    for name in ("minimax-request-id", "x-mm-request-id", "x-session-id", "date"):
        assert headers[name]
    assert headers["vary"] == "Accept-Encoding"
    assert not {"retry-after", "server"} & set(headers)
    assert headers.get("cache-control") == ("no-cache" if stream else None)


def test_raw_pieces_come_one_by_one():
    raw = Raw("abcdef", headers={"X-Own": "1"}, pieces=[2, 3])
    with Emulator([raw]) as server:
        response = post(server, stream=True)

    assert response.content == b"abcdef"
    assert response.headers["x-own"] == "1"


def test_a_client_that_leaves_a_stream_is_noticed():
    endless = Reply([Text("word " * 100_000)])
    with Emulator([endless], stream_delay=0.01) as server:
        with httpx.Client(timeout=DEADLINE) as client:
            response = client.send(asking(server), stream=True)
            next(response.iter_raw())
            response.close()
        eventually(lambda: not server.busy)

        assert server.requests[0].status == 200
        assert not server.requests[0].completed
