"""httpx over httpcore: how long a wait may be, and what errors are called."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

from langchain_minimax._connections import IS_OVER
from langchain_minimax._network import (
    _PACKET,
    _PIECE,
    AsyncNetwork,
    Limit,
    Network,
    _AsyncStream,
    _Backend,
    _now,
    _Stream,
)

CERTIFICATES = ssl.create_default_context()
HERE = "http://localhost/v1"


def within(seconds: float, left: float) -> Limit:
    return Limit(seconds, lambda: left)


# --- Limits --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        (None, None),
        (5.0, 5.0),
        (within(5, left=2), 2),
        (within(2, left=5), 2),
        (within(float("inf"), left=5), 5),
        (within(float("inf"), left=float("inf")), None),
    ],
    ids=str,
)
def test_a_wait_takes_no_longer_than_its_call_has_left(
    limit: float | None, seconds: float | None
) -> None:
    assert _now(limit, httpcore.ReadTimeout) == seconds


@pytest.mark.parametrize("left", [0.0, -1.0])
def test_none_begins_where_nothing_is_left(left: float) -> None:
    with pytest.raises(httpcore.WriteTimeout):
        _now(within(5, left), httpcore.WriteTimeout)


def test_what_is_left_is_asked_when_the_wait_begins() -> None:
    left = iter([3.0, 1.0])
    limit = Limit(5, left.__next__)
    assert [_now(limit, httpcore.ReadTimeout) for _ in range(2)] == [3.0, 1.0]


def test_other_transports_are_given_numbers() -> None:
    given: dict[str, float] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        given.update(request.extensions["timeout"])
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        client.get(HERE, timeout=within(5, left=2))
    assert given == dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
    assert repr(given["read"]) == "5.0"


class Wire(httpcore.NetworkStream):
    """Notes how long each wait may be."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def read(self, _: int, timeout: float | None = None) -> bytes:
        self.waits.append(timeout)
        return b""

    def write(self, _: bytes, timeout: float | None = None) -> None:
        self.waits.append(timeout)

    def start_tls(
        self, _: Any, __: str | None = None, timeout: float | None = None
    ) -> Wire:
        self.waits.append(timeout)
        return self


class AsyncWire(httpcore.AsyncNetworkStream):
    """The same, awaited."""

    def __init__(self) -> None:
        self._wire = Wire()
        self.waits = self._wire.waits

    async def read(self, most: int, timeout: float | None = None) -> bytes:
        return self._wire.read(most, timeout)

    async def write(self, data: bytes, timeout: float | None = None) -> None:
        self._wire.write(data, timeout)

    async def start_tls(
        self, context: Any, name: str | None = None, timeout: float | None = None
    ) -> AsyncWire:
        self._wire.start_tls(context, name, timeout)
        return self


def test_each_wait_of_a_connection_is_cut() -> None:
    wire, limit = Wire(), within(5, left=2)
    stream = _Stream(wire)
    stream.write(b"", limit)
    stream.read(1, limit)
    stream.start_tls(CERTIFICATES, "localhost", limit).read(1, limit)
    assert wire.waits == [2] * 4


def test_what_asks_for_none_has_the_limit_of_connecting() -> None:
    """A talk with a SOCKS proxy does, and may last as long as all the rest of it."""
    wire = Wire()
    stream = _Stream(wire, within(5, left=2))
    stream.write(b"")
    stream.read(1)
    assert wire.waits == [2, 2]


async def test_so_has_what_is_awaited() -> None:
    wire = AsyncWire()
    stream = _AsyncStream(wire, within(5, left=2))
    await stream.write(b"")
    await stream.read(1)
    assert wire.waits == [2, 2]


async def test_so_is_each_of_an_async_one() -> None:
    wire, limit = AsyncWire(), within(5, left=2)
    stream = _AsyncStream(wire)
    await stream.write(b"", limit)
    await stream.read(1, limit)
    await (await stream.start_tls(CERTIFICATES, "localhost", limit)).read(1, limit)
    assert wire.waits == [2] * 4


# --- Addresses -----------------------------------------------------------------------


class Reached:
    """Whom a backend tries to reach, and for how long; only one of them answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.tried: list[tuple[str, float]] = []

        def found(host: str, port: int, **_: Any) -> list[Any]:
            if not addresses:
                raise socket.gaierror(f"nobody knows {host}")
            return [(0, 0, 0, "", (each, port)) for each in addresses]

        def connect(_: Any, host: str, __: int, timeout: float) -> Wire:
            self.tried.append((host, timeout))
            if host != "answers":
                raise httpcore.ConnectTimeout(host)
            return Wire()

        monkeypatch.setattr(socket, "getaddrinfo", found)
        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)


def test_all_addresses_of_a_host_share_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached = Reached(monkeypatch, "dead", "gone", "answers", "unneeded")
    _Backend().connect_tcp("here.example", 80, 12.0)
    assert [host for host, _ in reached.tried] == ["dead", "gone", "answers"]
    shares = [seconds for _, seconds in reached.tried]
    assert shares == pytest.approx([3, 4, 6], rel=0.1)


def test_where_none_answers_the_last_one_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Reached(monkeypatch, "dead", "gone")
    with pytest.raises(httpcore.ConnectTimeout, match="gone"):
        _Backend().connect_tcp("here.example", 80, 12.0)


def test_a_host_that_nobody_knows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Reached(monkeypatch)
    with pytest.raises(httpcore.ConnectError, match=r"nobody knows here\.example"):
        _Backend().connect_tcp("here.example", 80, 12.0)


# --- Errors --------------------------------------------------------------------------


class Odd(httpcore.NetworkError):
    """One of which httpx has no counterpart."""


NAMES: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    Odd: httpx.TransportError,
}
named = pytest.mark.parametrize(("theirs", "ours"), NAMES.items(), ids=str)


class Broken:
    """A pool, or a body, that fails as it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def handle_request(self, _: object) -> Any:
        raise self._error

    async def handle_async_request(self, _: object) -> Any:
        raise self._error

    def __iter__(self) -> Iterator[bytes]:
        yield b"so far"
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"so far"
        raise self._error


class Halting(Broken):
    """A pool whose replies have such a body."""

    def handle_request(self, _: object) -> httpcore.Response:
        return httpcore.Response(200, content=Broken(self._error))

    async def handle_async_request(self, _: object) -> httpcore.Response:
        return httpcore.Response(200, content=Broken(self._error))


pools = pytest.mark.parametrize("pool", [Broken, Halting])


def asked(network: Network | AsyncNetwork, **given: Any) -> httpcore.Request:
    said = {"headers": {}, "content": b"", "timeout": httpx.Timeout(5), **given}
    return network.build_request("GET", HERE, **said)


@named
@pools
def test_an_error_keeps_its_name(
    pool: Callable[[Exception], Any], theirs: type[Exception], ours: type[Exception]
) -> None:
    network = Network(None, CERTIFICATES, 1)
    network._pool = pool(theirs("words"))
    request = asked(network)
    with pytest.raises(httpx.TransportError, match="words") as caught:
        network.send(request).read()
    assert type(caught.value) is ours


@named
@pools
def test_so_does_an_async_one(
    pool: Callable[[Exception], Any], theirs: type[Exception], ours: type[Exception]
) -> None:
    async def ask() -> None:
        network = AsyncNetwork(None, CERTIFICATES, 1)
        network._pool = pool(theirs("words"))
        await (await network.send(asked(network))).aread()

    with pytest.raises(httpx.TransportError, match="words") as caught:
        asyncio.run(ask())
    assert type(caught.value) is ours


# --- Requests ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "content", "framing"),
    [
        ("POST", b"{}", [(b"Content-Length", b"2")]),
        ("POST", b"", [(b"Content-Length", b"0")]),
        ("GET", b"", []),
    ],
)
def test_a_request_says_what_was_said_and_how_long_it_is(
    method: str, content: bytes, framing: list[tuple[bytes, bytes]]
) -> None:
    request = Network(None, CERTIFICATES, 1).build_request(
        method,
        "http://localhost:8000/v1/files?a=b%20c",
        headers={"x-mine": "yes"},
        content=content,
        timeout=httpx.Timeout(5),
    )
    said = [(b"Host", b"localhost:8000"), (b"x-mine", b"yes")]
    assert request.headers == [*said, *framing]
    assert bytes(request.url) == b"http://localhost:8000/v1/files?a=b%20c"
    assert request.extensions["timeout"] == dict.fromkeys(
        ("connect", "read", "write", "pool"), 5
    )


def test_what_no_header_can_hold_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        asked(Network(None, CERTIFICATES, 1), headers={"x-mine": "ja\u0308"})


# --- Packets -------------------------------------------------------------------------


class Sent(Wire):
    """Notes what is sent; what it answers is of no matter."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def read(self, _: int, timeout: float | None = None) -> bytes:
        return super().read(_, timeout) or b"x"

    def write(self, data: bytes, timeout: float | None = None) -> None:
        super().write(data, timeout)
        self.sent.append(data)


def test_a_head_goes_with_its_body() -> None:
    stream = _Stream(wire := Sent())
    for _ in range(2):
        for piece in (b"head", b"body", b"more", b""):
            stream.write(piece)
        stream.read(1)
    assert wire.sent == [b"headbody", b"more", b""] * 2


def test_a_large_body_is_not_copied_for_it() -> None:
    stream, body = _Stream(wire := Sent()), b"x" * (_PACKET + 1)
    stream.write(b"head")
    stream.write(body)
    assert wire.sent == [b"head", body]
    sent: Any = wire.sent[1]
    assert sent.obj is body


def test_each_piece_of_a_larger_one_has_a_wait_of_its_own() -> None:
    left = iter([4.0, 3.0, 2.0, 1.0])
    limit, body = Limit(5, left.__next__), bytes(range(256)) * (_PIECE // 128) + b"x"
    stream = _Stream(wire := Sent())
    stream.write(b"head", limit)
    stream.write(body, limit)
    assert b"".join(wire.sent) == b"head" + body
    assert [len(each) for each in wire.sent] == [4, _PIECE, _PIECE, 1]
    assert wire.waits == [4.0, 3.0, 2.0, 1.0]


async def test_so_has_each_of_an_async_one() -> None:
    left = iter([4.0, 3.0, 2.0, 1.0])
    limit, body = Limit(5, left.__next__), b"x" * (2 * _PIECE + 1)
    stream = _AsyncStream(wire := AsyncWire())
    await stream.write(b"head", limit)
    await stream.write(body, limit)
    assert wire.waits == [4.0, 3.0, 2.0, 1.0]


@pytest.mark.parametrize("end", [b"", None])
def test_a_head_without_a_body_goes_alone(end: bytes | None) -> None:
    stream = _Stream(wire := Sent())
    stream.write(b"head")
    if end is not None:
        stream.write(end)
    stream.read(1)
    stream.read(1)
    assert wire.sent == [b"head"]


# --- Replies -------------------------------------------------------------------------


class Says(Wire):
    """Answers with one piece after the other."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self._pieces = iter(pieces)

    def read(self, _: int, timeout: float | None = None) -> bytes:
        return super().read(_, timeout) or next(self._pieces)


def test_every_reply_of_a_connection_is_a_new_one() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    reply = (head, b"1\r\na\r\n1\r\nb\r\n", b"0\r\n\r\n")
    stream = _Stream(Says(*reply, *reply))
    for _ in range(2):
        stream.write(b"head")
        stream.write(b"body")
        assert stream.read(1) == head
        assert not stream.get_extra_info(IS_OVER)
        assert stream.read(1) == b"2\r\nab\r\n"
        assert stream.read(1) == b"0\r\n\r\n"
        assert stream.get_extra_info(IS_OVER)


# --- Proxies -------------------------------------------------------------------------

kinds = pytest.mark.parametrize("kind", [Network, AsyncNetwork])


@kinds
@pytest.mark.parametrize("proxy", ["ftp://me:hush@host", "http://me:hush@host:none"])
def test_a_proxy_that_is_none_is_refused_without_its_password(
    kind: Callable[..., Any], proxy: str
) -> None:
    with pytest.raises(httpx.UnsupportedProtocol) as caught:
        kind(proxy, CERTIFICATES, 1)
    assert caught.value.__context__ is None
    assert "hush" not in "".join(traceback.format_exception_only(caught.value))


@kinds
def test_what_a_socks_proxy_needs_is_said(
    kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(httpx.UnsupportedProtocol, match=r"pip install httpx\[socks\]"):
        kind("socks5://host:1", CERTIFICATES, 1)
