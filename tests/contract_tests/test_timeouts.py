"""What takes too long is given up, in every way alike, and told in the same words."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxTimeoutError,
)
from langchain_minimax.testing import Fault, Raw
from support.lifetimes import STORY
from support.streams import SAID, STOPPED
from support.talker import Talker, head
from support.ways import WAYS

EVERY = tuple(WAYS)
WHOLE = ("invoke", "ainvoke")
STREAMS = ("stream", "astream", "events", "aevents")
JSON, EVENTS = "application/json", "text/event-stream"

CALL = {"timeout": 0.2}
READ = {"timeout": httpx.Timeout(5, read=0.2)}
CONNECT = {"timeout": httpx.Timeout(5, connect=0.2)}
WRITE = {"timeout": httpx.Timeout(5, write=0.2)}
IDLE = {"stream_idle_timeout": 0.2}

TOO_LONG = (
    "The call took longer than its 0.2 s. Give it more with `timeout`, or ask for less "
    "with `max_tokens`."
)
NO_ANSWER = (
    "127.0.0.1 did not answer within the limits of `timeout`; a long answer comes "
    "sooner as a stream."
)
READ_NOTHING = (
    "127.0.0.1 was silent for 0.2 s; the read limit of `timeout` says how long is too "
    "long."
)
SILENT = (
    "127.0.0.1 was silent for 0.2 s; `stream_idle_timeout` says how long is too long."
)
NOT_REACHED = (
    "127.0.0.1 was not reached in time. Check the network, `base_url` and `proxy`."
)
NOT_TAKEN = (
    "127.0.0.1 did not take the request within the limits of `timeout`. Give it more, "
    "or send less."
)


def errors(
    model: ChatMiniMax, ways: Sequence[str], said: str = "Hello"
) -> list[MiniMaxError]:
    """What comes out in each way, all asked at once."""

    def error(way: str) -> MiniMaxError:
        with pytest.raises(MiniMaxError) as caught:
            WAYS[way](model, said)
        return caught.value

    with ThreadPoolExecutor(len(ways)) as pool:
        return list(pool.map(error, ways))


def check(
    model: ChatMiniMax,
    ways: Sequence[str],
    words: str = TOO_LONG,
    said: str = "Hello",
) -> None:
    """It is given up in each way, with the same words."""
    came = errors(model, ways, said)
    assert {type(error) for error in came} == {MiniMaxTimeoutError}
    assert {str(error) for error in came} == {words}


def model_at(url: str, protocol: str, limit: dict[str, Any]) -> ChatMiniMax:
    return ChatMiniMax(
        model="MiniMax-M3",
        protocol=protocol,
        api_key="sk-api-of-nobody",
        base_url=url,
        max_retries=0,
        **limit,
    )


# --- A server that falls silent ------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A silence, the limit that it passes, and what is said of it."""

    reply: Any
    limit: dict[str, Any]
    words: str
    ways: Sequence[str] = EVERY


HALF_A_STREAM = Fault.stall(at_byte=700, reply=STORY)
HALF_A_REPLY = Fault.stall(at_byte=100, reply=STORY)
HALF_A_REFUSAL = Fault.stall(at_byte=40, reply=Fault.error(1004))

ROWS = {
    "before the head": Row(Fault.stall(), CALL, TOO_LONG),
    "before the head, read": Row(Fault.stall(), READ, NO_ANSWER, WHOLE),
    "before the head, idle": Row(Fault.stall(), IDLE, SILENT, STREAMS),
    "in a stream": Row(HALF_A_STREAM, CALL, TOO_LONG, STREAMS),
    "in a stream, read": Row(HALF_A_STREAM, READ, READ_NOTHING, STREAMS),
    "in a stream, idle": Row(HALF_A_STREAM, IDLE, SILENT, STREAMS),
    "in a whole reply": Row(HALF_A_REPLY, CALL, TOO_LONG, WHOLE),
    "in a whole reply, read": Row(HALF_A_REPLY, READ, NO_ANSWER, WHOLE),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_silence_is_told_alike_in_every_way(
    row: Row, serve: Any, connect: Any
) -> None:
    server = serve(*[row.reply] * len(row.ways))
    check(connect(server, **row.limit), row.ways, row.words)


def test_a_refusal_that_falls_silent_is_a_refusal(serve: Any, connect: Any) -> None:
    """Its status has said what matters; the call is not made again."""
    server = serve(*[HALF_A_REFUSAL] * len(EVERY))
    came = errors(connect(server, max_retries=1, timeout=2), EVERY)
    assert {type(error) for error in came} == {MiniMaxAuthenticationError}
    assert len(server.requests) == len(EVERY)


def test_what_a_silent_stream_had_said_is_kept(serve: Any, connect: Any) -> None:
    server = serve(*[HALF_A_STREAM] * len(STREAMS))
    for error in errors(connect(server, stream_idle_timeout=2), STREAMS):
        assert error.partial.text
        assert STORY.blocks[0].text.startswith(error.partial.text)


# --- A server that hardly says anything ----------------------------------------------

SIGNS = {
    "comments": ": still here\n\n",
    "pings": 'event: ping\ndata: {"type": "ping"}\n\n',
}


def pinging(protocol: str, times: int, sign: str) -> Raw:
    """A stream with nothing but signs of life before its end, each in its own piece."""
    said = SAID[protocol] % "Yes."
    pieces = range(len(said), len(said) + times * len(sign) + 1, len(sign))
    return Raw(said + sign * times + STOPPED[protocol], pieces=[*pieces])


signs = pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)


@signs
def test_they_are_signs_of_life(
    sign: str, protocol: str, serve: Any, connect: Any
) -> None:
    reply = pinging(protocol, 12, sign)
    server = serve(*[reply] * len(STREAMS), stream_delay=0.1)
    model = connect(server, stream_idle_timeout=1)
    with ThreadPoolExecutor(len(STREAMS)) as pool:
        came = list(pool.map(lambda way: WAYS[way](model, "Hello").text, STREAMS))
    assert came == ["Yes."] * len(STREAMS)


@signs
def test_they_do_not_keep_a_call_alive(
    sign: str, protocol: str, serve: Any, connect: Any
) -> None:
    server = serve(*[pinging(protocol, 100, sign)] * len(STREAMS), stream_delay=0.05)
    check(connect(server, stream_idle_timeout=5, **CALL), STREAMS)


def one_by_one(body: str, kind: str) -> Raw:
    """A body that comes byte by byte."""
    return Raw(body, pieces=[*range(1, len(body))], content_type=kind)


def test_nor_do_bytes(protocol: str, serve: Any, connect: Any) -> None:
    reply = one_by_one(SAID[protocol] + STOPPED[protocol], EVENTS)
    server = serve(*[reply] * len(STREAMS), stream_delay=0.05)
    check(connect(server, stream_idle_timeout=5, **CALL), STREAMS)


def test_nor_do_bytes_of_a_whole_reply(serve: Any, connect: Any) -> None:
    server = serve(*[one_by_one("{}" * 99, JSON)] * len(WHOLE), stream_delay=0.05)
    check(connect(server, **CALL), WHOLE)


ANSWER = {
    "anthropic": '{"type":"message","content":[{"type":"text","text":"Yes."}],'
    '"stop_reason":"end_turn"}',
    "openai": '{"choices":[{"message":{"content":"Yes."},"finish_reason":"stop"}]}',
}


@pytest.mark.parametrize("kind", [EVENTS, JSON])
def test_a_late_silence_is_waited_for_no_longer_than_the_call_may_take(
    kind: str, protocol: str, serve: Any, connect: Any
) -> None:
    """The rest would come soon enough for who waits for a silence of 2 s."""
    ways, body = {
        EVENTS: (STREAMS, SAID[protocol] % "Yes." + STOPPED[protocol]),
        JSON: (WHOLE, ANSWER[protocol]),
    }[kind]
    begun = Raw(body, pieces=[1, 2, 3, 4], content_type=kind)
    reply = Fault.stall(at_byte=4, seconds=1.5, reply=begun)
    server = serve(*[reply] * len(ways), stream_delay=0.04)
    check(connect(server, **CALL, stream_idle_timeout=2), ways)


# A byte now and then where httpx waits for more before it says anything.
CHUNKED = {"content_type": JSON, "transfer_encoding": "chunked"}
ZIPPED = {"content_type": JSON, "content_encoding": "gzip"}
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "a header": (b"HTTP/1.1 200 OK\r\nx: ", b"a"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a chunk's extension": (head(**CHUNKED) + b"5;", b"a"),
    "a zipped file's name": (
        head(**ZIPPED) + b"\x1f\x8b\x08\x08\0\0\0\0\0\x03",
        b"a",
    ),
}
both_kinds = pytest.mark.parametrize("way", WHOLE)


@contextmanager
def dripping(start: bytes, drop: bytes) -> Iterator[str]:
    """The address of a server that goes on for as long as somebody listens."""
    over = threading.Event()

    def drops() -> Iterator[bytes]:
        yield start
        while not over.wait(0.02):
            yield drop

    with Talker(drops) as server:
        yield f"http://{server.address}"
        over.set()


@both_kinds
@pytest.mark.parametrize(("start", "drop"), ENDLESS.values(), ids=ENDLESS)
def test_nor_does_what_httpx_waits_for(way: str, start: bytes, drop: bytes) -> None:
    with dripping(start, drop) as url:
        check(model_at(url, "anthropic", CALL), [way])


@both_kinds
def test_an_answer_whose_trailer_has_no_end_is_one(way: str, protocol: str) -> None:
    said = ANSWER[protocol].encode()
    start = head(**CHUNKED) + b"%x\r\n%b\r\n0\r\nx: " % (len(said), said)
    with dripping(start, b"a") as url:
        assert WAYS[way](model_at(url, protocol, CALL), "Hello").text == "Yes."


# --- A server that is hardly there ---------------------------------------------------


@pytest.fixture
def full() -> Iterator[str]:
    """The address of a server that lets nobody in."""
    with ExitStack() as opened:
        door = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            guest = opened.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(door.getsockname())
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that lets everybody in and reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"127.0.0.1:{door.getsockname()[1]}"


NEAR = pytest.mark.parametrize(
    ("limit", "words"),
    [(CONNECT, NOT_REACHED), (CALL, TOO_LONG)],
    ids=["connect", "call"],
)


@NEAR
def test_nobody_is_let_in(limit: Any, words: str, protocol: str, full: str) -> None:
    check(model_at(full, protocol, limit), EVERY, words)


@NEAR
def test_nobody_shakes_hands(limit: Any, words: str, protocol: str, mute: str) -> None:
    check(model_at(f"https://{mute}", protocol, limit), EVERY, words)


@NEAR
def test_a_proxy_says_nothing(limit: Any, words: str, mute: str) -> None:
    model = model_at("http://127.0.0.1", "anthropic", limit)
    proxy = " (by way of the proxy 127.0.0.1) was not"
    for scheme in ("https", "socks5"):
        by = model.model_copy(update={"proxy": f"{scheme}://{mute}"})
        check(by, EVERY, words.replace(" was not", proxy))


@pytest.mark.parametrize(
    ("limit", "words"),
    [(WRITE, NOT_TAKEN), (CALL, TOO_LONG)],
    ids=["write", "call"],
)
def test_nobody_takes_the_request(
    limit: Any, words: str, protocol: str, mute: str
) -> None:
    check(model_at(f"http://{mute}", protocol, limit), EVERY, words, "x" * 20 * 2**20)


# --- A reader that takes its time ----------------------------------------------------


def test_a_slow_reader_is_no_slow_server(serve: Any, connect: Any) -> None:
    stream = connect(serve("Take your time."), timeout=1.5).stream("Hello")
    text = next(stream).text
    threading.Event().wait(1.6)
    assert text + "".join(chunk.text for chunk in stream) == "Take your time."


def test_nor_is_a_slow_async_reader(serve: Any, connect: Any) -> None:
    model = connect(serve("Take your time."), timeout=1.5)

    async def read() -> str:
        stream = model.astream("Hello")
        text = (await anext(stream)).text
        await asyncio.sleep(1.6)
        return text + "".join([chunk.text async for chunk in stream])

    assert asyncio.run(read()) == "Take your time."
