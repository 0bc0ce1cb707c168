"""A host and a port in, a connection of this event loop out, for httpcore.

httpcore's own goes by way of anyio, which takes half as long again for a small read;
and many streams are many small reads.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from itertools import zip_longest
from typing import Any

import anyio
import httpcore
from typing_extensions import override

_MOST_UNREAD = 2**16  # bytes that wait for their reader before the server has to
_NEVER = float("inf")
_EYEBALLS = 0.25  # seconds until the next address is tried beside the first (RFC 8305)


class _Protocol(asyncio.Protocol):
    """What has arrived, and who waits for more, or for room to write."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._unread = bytearray()
        self._is_full = self._is_over = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._late = _NEVER
        self._room = asyncio.Event()
        self._room.set()

    # --- What the event loop tells ---------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    @override
    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > _MOST_UNREAD:
            self._is_full = True
            self.transport.pause_reading()
        self._wake()

    @override
    def eof_received(self) -> None:
        self._is_over = True
        self._wake()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over = True
        self._error = exc
        self._room.set()
        self._wake()
        if self._alarm is not None:
            self._alarm.cancel()

    @override
    def pause_writing(self) -> None:
        self._room.clear()

    @override
    def resume_writing(self) -> None:
        self._room.set()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # --- What its user asks ----------------------------------------------------------

    @property
    def is_readable(self) -> bool:
        """Whether there is something to read, be it the end."""
        return self._is_over or bool(self._unread)

    async def read(self, most: int, limit: float | None) -> bytes:
        """What has arrived, once anything has; nothing at the end."""
        if not self.is_readable:
            await self._arrival(limit)
        data = bytes(self._unread[:most])
        del self._unread[:most]
        if self._is_full and len(self._unread) <= _MOST_UNREAD:
            self._is_full = False
            self.transport.resume_reading()
        if not data and self._error is not None:
            raise self._error
        return data

    async def _arrival(self, limit: float | None) -> None:
        loop = asyncio.get_running_loop()
        reader = self._reader = loop.create_future()
        if limit is not None:
            self._late = loop.time() + limit
            self._set_alarm(loop)
        try:
            await reader
        finally:
            self._reader = None
            self._late = _NEVER

    def _set_alarm(self, loop: asyncio.AbstractEventLoop) -> None:
        """One alarm goes for many reads, as most of them are over long before."""
        if self._alarm is not None:
            if self._alarm.when() <= self._late:
                return
            self._alarm.cancel()
        self._alarm = loop.call_at(self._late, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._late <= loop.time():
            if self._reader is not None and not self._reader.done():
                self._reader.set_exception(TimeoutError())
        elif self._late < _NEVER:
            self._set_alarm(loop)

    async def write(self, data: bytes, limit: float | None) -> None:
        """Hands over what is to be sent, and waits while too much of it is left."""
        if self._is_over:
            raise self._error or ConnectionResetError("the connection is closed")
        self.transport.write(data)
        if not self._room.is_set():
            with anyio.fail_after(limit):
                await self._room.wait()
            if self._error is not None:
                raise self._error


class _Wire(httpcore.AsyncNetworkStream):
    def __init__(self, protocol: _Protocol) -> None:
        self._protocol = protocol

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return await self._protocol.read(max_bytes, timeout)
        except OSError as error:
            raise _named(error, httpcore.ReadTimeout, httpcore.ReadError) from error

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self._protocol.write(buffer, timeout)
        except OSError as error:
            raise _named(error, httpcore.WriteTimeout, httpcore.WriteError) from error

    @override
    async def aclose(self) -> None:
        self._protocol.transport.abort()  # without a wait that could be cancelled

    @override
    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                # Whatever becomes of it, it closes what it does not answer with.
                transport = await asyncio.get_running_loop().start_tls(
                    self._protocol.transport,
                    self._protocol,
                    ssl_context,
                    server_hostname=server_hostname,
                    ssl_handshake_timeout=None if timeout is None else timeout + 1,
                )
        except OSError as error:
            raise _unreached(error) from error
        self._protocol.connection_made(transport)  # type: ignore[arg-type]
        return self

    @override
    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._protocol.is_readable or self._has_news()
        return self._protocol.transport.get_extra_info(_INFO.get(info, info))

    def _has_news(self) -> bool:
        """Whether something has come that the event loop has not seen yet."""
        transport = self._protocol.transport
        if transport.is_closing() or not hasattr(select, "poll"):
            return transport.is_closing()
        poll = select.poll()
        poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))


_INFO = {"client_addr": "sockname", "server_addr": "peername"}


class WireBackend(httpcore.AsyncNetworkBackend):
    """Opens connections of the event loop that is running."""

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                addresses = await _addresses(host, port)
                return _Wire(await _first_of(addresses, port))
        except OSError as error:
            raise _unreached(error) from error


async def _addresses(host: str, port: int) -> Sequence[str]:
    """Those of a host; the families take turns, since one of them may lead nowhere."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    loop, kind = asyncio.get_running_loop(), socket.SOCK_STREAM
    families: dict[int, list[str]] = {}
    for family, _, _, _, address in await loop.getaddrinfo(host, port, type=kind):
        families.setdefault(family, []).append(str(address[0]))
    turns = zip_longest(*families.values())
    return [address for turn in turns for address in turn if address is not None]


async def _first_of(addresses: Sequence[str], port: int) -> _Protocol:
    """The first connection of those that are tried, one after and beside the other.

    asyncio's own race loses what has won when it is cancelled.
    """
    loop = asyncio.get_running_loop()
    won: list[_Protocol] = []
    errors: list[OSError] = []

    async def attempt(address: str, over: anyio.Event) -> None:
        try:
            _, protocol = await loop.create_connection(_Protocol, address, port)
        except OSError as error:
            errors.append(error)
        else:
            won.append(protocol)
            tasks.cancel_scope.cancel()
        finally:
            over.set()

    try:
        async with anyio.create_task_group() as tasks:
            for address in addresses:
                over = anyio.Event()
                tasks.start_soon(attempt, address, over)
                with anyio.move_on_after(_EYEBALLS):
                    await over.wait()
    except BaseException:
        for protocol in won:
            protocol.transport.abort()
        raise
    if not won:
        raise errors[0]
    for late in won[1:]:
        late.transport.abort()
    return won[0]


def _unreached(error: OSError) -> Exception:
    return _named(error, httpcore.ConnectTimeout, httpcore.ConnectError)


def _named(error: OSError, late: type[Exception], broken: type[Exception]) -> Exception:
    """What went wrong, TLS included, under its name in httpcore."""
    kind = late if isinstance(error, TimeoutError) else broken
    return kind(str(error))
