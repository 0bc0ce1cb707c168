"""Connections of an event loop: how they are made, read from and written to."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpcore
import pytest

from langchain_minimax._network import _AsyncStream
from langchain_minimax._wires import (
    _MOST_UNREAD,
    WireBackend,
    _addresses,
    _first_of,
    _Protocol,
    _Wire,
)
from support.certificates import Certificates

# --- Where to ------------------------------------------------------------------------


async def test_the_families_of_a_hosts_addresses_take_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def found(*_: object, **__: object) -> Any:
        six, four = socket.AF_INET6, socket.AF_INET
        addresses = [(six, "::1"), (six, "::2"), (six, "::3"), (four, "127.0.0.1")]
        return [(family, 0, 0, "", (each, 1)) for family, each in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    assert await _addresses("somewhere.example", 1) == [
        "::1",
        "127.0.0.1",
        "::2",
        "::3",
    ]


async def test_an_address_needs_no_looking_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(asyncio.BaseEventLoop, "getaddrinfo")
    assert await _addresses("127.0.0.1", 1) == ["127.0.0.1"]


class Transport:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Race:
    """Connections that are made, refused or neither, by their address."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: dict[str, Transport] = {}
        self.tried: list[str] = []
        self.cancels: asyncio.Task[Any] | None = None
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "create_connection", self._create)

    async def _create(
        self, make: Callable[[], _Protocol], address: str, _: int
    ) -> tuple[Transport, _Protocol]:
        self.tried.append(address)
        if address.startswith("refuses"):
            raise ConnectionRefusedError(address)
        if address == "silent":
            await asyncio.Event().wait()
        if address == "stubborn":
            # It is connected, whatever becomes of the wait for it.
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        if self.cancels is not None:
            self.cancels.cancel()
        protocol, transport = make(), Transport()
        protocol.connection_made(transport)  # type: ignore[arg-type]
        self.made[address] = transport
        return transport, protocol


@pytest.mark.parametrize(
    ("addresses", "tried"),
    [
        (["answers", "silent"], ["answers"]),
        (["refuses", "answers"], ["refuses", "answers"]),
        (["silent", "answers"], ["silent", "answers"]),
        (["silent", "refuses", "answers"], ["silent", "refuses", "answers"]),
    ],
    ids=str,
)
async def test_addresses_are_tried_one_after_and_beside_the_other(
    addresses: list[str], tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    race = Race(monkeypatch)
    protocol = await _first_of(addresses, 1)
    assert protocol.transport is race.made["answers"]
    assert race.tried == tried


async def test_where_none_answers_the_first_refusal_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Race(monkeypatch)
    with pytest.raises(ConnectionRefusedError, match=r"^refuses first$"):
        await _first_of(["refuses first", "refuses too"], 1)


async def test_who_comes_too_late_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    race = Race(monkeypatch)
    protocol = await _first_of(["stubborn", "answers"], 1)
    assert protocol.transport is race.made["answers"]
    assert race.made["stubborn"].aborted
    assert not race.made["answers"].aborted


async def test_so_is_who_has_won_a_race_that_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    race = Race(monkeypatch)
    race.cancels = asyncio.create_task(_first_of(["stubborn", "answers"], 1))
    with pytest.raises(asyncio.CancelledError):
        await race.cancels
    assert [each.aborted for each in race.made.values()] == [True, True]


# --- What is read and written --------------------------------------------------------


@asynccontextmanager
async def _connected(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[httpcore.AsyncNetworkStream]:
    over = asyncio.Event()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()
        over.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        stream = await WireBackend().connect_tcp("127.0.0.1", port, timeout=10)
        try:
            yield stream
        finally:
            await stream.aclose()
            await over.wait()


async def test_what_arrives_is_read_up_to_the_end() -> None:
    async def serve(_: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"abc")

    async with _connected(serve) as stream:
        read = [await stream.read(2, 10) for _ in range(4)]
        assert b"".join(read) == b"abc"
        assert read[0] == b"ab"
        assert read[-1] == b""
        assert stream.get_extra_info("is_readable")


@pytest.mark.skipif(not hasattr(select, "poll"), reason="Windows cannot tell")
async def test_what_has_come_is_seen_before_the_event_loop_sees_it() -> None:
    """A server that closes behind its reply has done so when the next call begins."""
    here, there = socket.socketpair()
    _, protocol = await asyncio.get_running_loop().create_connection(
        _Protocol, sock=here
    )
    stream = _Wire(protocol)
    assert not stream.get_extra_info("is_readable")
    there.close()
    assert stream.get_extra_info("is_readable")
    await stream.aclose()


async def test_a_wait_for_what_does_not_come_ends() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1))
        await reader.read()

    async with _connected(serve) as stream:
        assert not stream.get_extra_info("is_readable")
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(1, 0.01)
        await stream.write(b"x", 10)
        assert await stream.read(1, 10) == b"x"


async def test_a_server_that_sends_faster_than_is_read_has_to_wait() -> None:
    sent = 64 * _MOST_UNREAD

    async def serve(_: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * sent)
        await writer.drain()

    async with _connected(serve) as stream:
        read = len(await stream.read(1, 10))
        for _ in range(500):
            await asyncio.sleep(0)
        unread = len(stream._protocol._unread)  # type: ignore[attr-defined]
        assert unread <= 8 * _MOST_UNREAD  # what asyncio takes in at once, and a little
        while data := await stream.read(2**12, 10):
            read += len(data)
        assert read == sent


async def test_what_a_server_does_not_take_in_time_is_an_error() -> None:
    done = asyncio.Event()

    async def serve(_: object, __: object) -> None:
        await done.wait()

    async with _connected(serve) as stream:
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(b"x" * 2**25, 0.01)
        done.set()


async def test_neither_does_a_server_that_hangs_up_instead() -> None:
    async def serve(_: object, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with _connected(serve) as stream:
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x" * 2**25, 10)


async def test_a_shorter_wait_than_the_last_ends_sooner() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.read()

    async with _connected(serve) as stream:
        assert await stream.read(1, 1000) == b"x"
        with pytest.raises(httpcore.ReadTimeout):
            await asyncio.wait_for(stream.read(1, 0.01), 10)


async def test_nothing_is_written_to_what_is_closed() -> None:
    async def serve(_: object, __: object) -> None:
        return

    async with _connected(serve) as stream:
        assert await stream.read(1, 10) == b""
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x", 10)


async def test_a_connection_that_breaks_is_an_error_behind_what_had_arrived() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"abc")
        await reader.read()

    async with _connected(serve) as stream:
        assert await stream.read(3, 10) == b"abc"
        stream._protocol.data_received(b"d")  # type: ignore[attr-defined]
        stream._protocol.connection_lost(ConnectionResetError("it broke"))  # type: ignore[attr-defined]
        assert await stream.read(3, 10) == b"d"
        with pytest.raises(httpcore.ReadError, match="it broke"):
            await stream.read(3, 10)


# --- TLS -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.bundle)


async def test_what_goes_over_tls_arrives_as_it_was(
    certificates: Certificates, trusting: ssl.SSLContext
) -> None:
    body = bytes(range(256)) * 2**14

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(len(body)))
        await writer.drain()

    async with _connected(serve, certificates.context("good")) as plain:
        wire = await plain.start_tls(trusting, "127.0.0.1", timeout=10)
        stream = _AsyncStream(wire)
        await stream.write(body[:1], 10)
        await stream.write(body[1:], 10)
        read = bytearray()
        while data := await wire.read(2**16, 10):
            read += data
        assert read == body


async def test_what_a_server_does_not_take_over_tls_is_an_error_too(
    certificates: Certificates, trusting: ssl.SSLContext
) -> None:
    """asyncio takes over whatever it is given at once, and says nothing of the rest."""
    done = asyncio.Event()

    async def serve(_: object, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.transport.abort()

    async with _connected(serve, certificates.context("good")) as plain:
        wire = await plain.start_tls(trusting, "127.0.0.1", timeout=10)
        stream = _AsyncStream(wire)
        await stream.write(b"head", 0.2)
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(b"x" * 2**25, 0.2)
        done.set()


@pytest.mark.parametrize("shown", ["unknown", "another's"])
async def test_whom_nobody_vouches_for_is_hung_up_on(
    shown: str, certificates: Certificates, trusting: ssl.SSLContext
) -> None:
    loop, context = asyncio.get_running_loop(), certificates.context(shown)
    serving = loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
    async with await serving as server:
        port = server.sockets[0].getsockname()[1]
        plain: Any = await WireBackend().connect_tcp("127.0.0.1", port, timeout=10)
        with pytest.raises(httpcore.ConnectError, match="certificate"):
            await plain.start_tls(trusting, "127.0.0.1", timeout=10)
        assert plain._protocol.transport.is_closing()
    assert plain.get_extra_info("is_readable")


async def test_a_handshake_that_is_cancelled_hangs_up() -> None:
    async def serve(reader: asyncio.StreamReader, _: object) -> None:
        assert await reader.read()  # up to the end, or this would not end either

    async with _connected(serve) as plain:
        with pytest.raises(httpcore.ConnectTimeout):
            await plain.start_tls(ssl.create_default_context(), "here", timeout=0.01)


# --- Nobody there --------------------------------------------------------------------


async def test_nobody_there_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(httpcore.ConnectError):
        await WireBackend().connect_tcp("127.0.0.1", port, timeout=10)


async def test_whom_nobody_reaches_in_time_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    race = Race(monkeypatch)
    monkeypatch.setattr(
        "langchain_minimax._wires.ip_address", lambda _: "silent", raising=True
    )
    with pytest.raises(httpcore.ConnectTimeout):
        await WireBackend().connect_tcp("silent", 1, timeout=0.01)
    assert race.tried == ["silent"]
