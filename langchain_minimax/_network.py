"""A request in, its reply as httpx's out, over httpcore; no wait outlasts its call.

httpx knows a limit for each wait, and a server that sends a byte now and then never
meets one. Here each wait is cut to what its call has left when it begins.

What else a client of httpx would do, such as to keep cookies, to follow redirects or to
merge settings, is not wanted, and takes as long as the request itself.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import httpcore
import httpx
from typing_extensions import Self, override

from langchain_minimax._chunked import ChunkedReply
from langchain_minimax._connections import (
    IS_OVER,
    AsyncConnections,
    AsyncConnectionsByProxy,
    Connections,
    ConnectionsByProxy,
)
from langchain_minimax._wires import WireBackend

_PACKET = 2**16  # bytes of a body that are not copied for nothing
_PIECE = 2**18  # bytes of it that one wait is for


class Limit(float):
    """Seconds that a wait may take, and never longer than its call has left.

    To a transport that does not know it, such as one of the caller's, it is a number.
    """

    left: Callable[[], float]

    def __new__(cls, seconds: float, left: Callable[[], float]) -> Self:
        """A limit of so many seconds, in a call that says what it has left."""
        limit = super().__new__(cls, seconds)
        limit.left = left
        return limit


def _now(limit: float | None, error: type[Exception]) -> float | None:
    """What a limit comes to for a wait that begins now."""
    if not isinstance(limit, Limit):
        return limit
    left = limit.left()
    if left <= 0:
        raise error("the call has no time left")
    wait = min(float(limit), left)
    return None if wait == float("inf") else wait


def _opening(limit: float | None) -> float | None:
    """The same limit for all together that is done to open a connection."""
    left = _now(limit, httpcore.ConnectTimeout)
    if left is None:
        return None
    end = time.monotonic() + left
    return Limit(left, lambda: end - time.monotonic())


def _is_drained(stream: Any) -> bool:
    """Whether TLS holds back nothing that it has taken from its socket already.

    Where it does its own reading, as beyond a proxy, it takes more than a record.
    """
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return True
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return True
    except ssl.SSLError:
        pass  # such as the server's good-bye
    return False


class _Traffic:
    """What goes over one connection, a request and its reply at a time.

    Attributes:
        held: A request's head, which goes in one packet with its body.
    """

    def __init__(self) -> None:
        self.held = b""
        self._is_asking = False
        self._reply = ChunkedReply()

    @property
    def is_over(self) -> bool:
        """Whether the last reply has ended for certain, and nothing came after it."""
        return self._reply.is_over

    def sent(self, data: bytes) -> Sequence[bytes]:
        """What to send of a request now, a piece at a time."""
        if data and not self._is_asking:
            self.held = data
            self._is_asking, self._reply = True, ChunkedReply()
            return ()
        held, self.held = self.held, b""
        if len(data) <= _PACKET:
            return (held + data,)
        body: Any = memoryview(data)  # which all that send take for bytes
        starts = range(0, len(data), _PIECE)
        return (held, *(body[start : start + _PIECE] for start in starts))

    def received(self, data: bytes) -> bytes:
        """What to parse of a reply instead of what came; nothing, if it takes more."""
        self._is_asking = False
        return self._reply.joined(data)


class _Stream(httpcore.NetworkStream):
    def __init__(
        self,
        stream: httpcore.NetworkStream,
        limit: float | None = None,
        below: _Stream | None = None,
    ) -> None:
        self._stream = stream
        self._limit = limit  # of what asks for none, as the talk with a SOCKS proxy
        self._below = below  # what this one was made of by TLS
        self._traffic = _Traffic()

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._traffic.held:
            self.write(b"", timeout)
        while True:
            left = _now(timeout or self._limit, httpcore.ReadTimeout)
            try:
                data = self._stream.read(max_bytes, left)
            except httpcore.ReadTimeout:
                if timeout is None:
                    raise httpcore.ConnectTimeout from None
                raise
            if (received := self._traffic.received(data)) or not data:
                return received

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in self._traffic.sent(buffer):
            left = _now(timeout or self._limit, httpcore.WriteTimeout)
            self._stream.write(piece, left)

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _now(timeout, httpcore.ConnectTimeout)
        return _Stream(
            self._stream.start_tls(ssl_context, server_hostname, left), below=self
        )

    @override
    def get_extra_info(self, info: str) -> Any:
        if info == IS_OVER:
            return self._traffic.is_over and self.is_drained()
        return self._stream.get_extra_info(info)

    def is_drained(self) -> bool:
        """Whether all that was taken from the socket has been read."""
        is_below = self._below is None or self._below.is_drained()
        return is_below and _is_drained(self._stream)


class _Backend(httpcore.SyncBackend):
    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        limit = _opening(timeout)
        *others, last = _addresses(host, port)

        def opened(address: str, tries: int) -> httpcore.NetworkStream:
            left = _now(limit, httpcore.ConnectTimeout)
            share = None if left is None else left / tries
            return _Stream(connect(address, port, share), limit)

        connect = super().connect_tcp
        for tried, address in enumerate(others):
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return opened(address, len(others) + 1 - tried)
        return opened(last, 1)


def _addresses(host: str, port: int) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return [str(address[0]) for _, _, _, _, address in found]


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(
        self,
        stream: httpcore.AsyncNetworkStream,
        limit: float | None = None,
        below: _AsyncStream | None = None,
    ) -> None:
        self._stream = stream
        self._limit = limit  # of what asks for none, as the talk with a SOCKS proxy
        self._below = below  # what this one was made of by TLS
        self._traffic = _Traffic()

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._traffic.held:
            await self.write(b"", timeout)
        while True:
            left = _now(timeout or self._limit, httpcore.ReadTimeout)
            try:
                data = await self._stream.read(max_bytes, left)
            except httpcore.ReadTimeout:
                if timeout is None:
                    raise httpcore.ConnectTimeout from None
                raise
            if (received := self._traffic.received(data)) or not data:
                return received

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in self._traffic.sent(buffer):
            left = _now(timeout or self._limit, httpcore.WriteTimeout)
            await self._stream.write(piece, left)

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()

    @override
    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        left = _now(timeout, httpcore.ConnectTimeout)
        return _AsyncStream(
            await self._stream.start_tls(ssl_context, server_hostname, left), below=self
        )

    @override
    def get_extra_info(self, info: str) -> Any:
        if info == IS_OVER:
            return self._traffic.is_over and self.is_drained()
        return self._stream.get_extra_info(info)

    def is_drained(self) -> bool:
        """Whether all that was taken from the socket has been read."""
        is_below = self._below is None or self._below.is_drained()
        return is_below and _is_drained(self._stream)


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    """Limits what another backend opens."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        self._backend = backend

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        limit = _opening(timeout)
        left = _now(limit, httpcore.ConnectTimeout)
        return _AsyncStream(await self._backend.connect_tcp(host, port, left), limit)


# --- Requests and replies ------------------------------------------------------------


class _Sender:
    """As much of a client of httpx as a call needs."""

    is_closed = False

    def build_request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Any,
        timeout: httpx.Timeout,
    ) -> httpcore.Request:
        """A request without anything that was not said, but for its framing."""
        place, host = _place(url)
        said = [(b"Host", host)]
        said += [
            (name.encode(), value.encode("ascii")) for name, value in headers.items()
        ]
        if isinstance(content, bytes) and (content or method == "POST"):
            said.append((b"Content-Length", b"%d" % len(content)))
        return httpcore.Request(
            method,
            place,
            headers=said,
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )


@lru_cache(maxsize=64)
def _place(address: str) -> tuple[httpcore.URL, bytes]:
    """Where to go, and whom to name there."""
    url = httpx.URL(address)
    place = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    return place, url.netloc


class Network(_Sender):
    """Connections of one process, by the same way to whatever server.

    Args:
        proxy: The address of a proxy, or `None` to go there directly.
        certificates: The authorities to trust.
        most_idle: How many connections are kept for later.
    """

    def __init__(
        self, proxy: str | None, certificates: ssl.SSLContext, most_idle: int
    ) -> None:
        kinds = (httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy)
        pool = _pool(kinds, proxy, certificates, _Backend())
        connections = ConnectionsByProxy if proxy else Connections
        self._pool = connections(pool.create_connection, most_idle)

    def send(self, request: httpcore.Request, **_: Any) -> httpx.Response:
        """The reply, of which the body is still to be read."""
        try:
            response = self._pool.handle_request(request)
        except _HTTPCORE as error:
            raise _named(error) from error
        return _answered(response, _Body(response.stream))

    def close(self) -> None:
        """Closes what is idle, and every other connection with its reply."""
        self._pool.close()


class AsyncNetwork(_Sender):
    """Those of one event loop."""

    def __init__(
        self, proxy: str | None, certificates: ssl.SSLContext, most_idle: int
    ) -> None:
        kinds = (
            httpcore.AsyncConnectionPool,
            httpcore.AsyncHTTPProxy,
            httpcore.AsyncSOCKSProxy,
        )
        # Some Pythons cannot speak TLS within TLS, as with some proxies, but anyio can.
        backend = httpcore.AnyIOBackend() if proxy else WireBackend()
        pool = _pool(kinds, proxy, certificates, _AsyncBackend(backend))
        connections = AsyncConnectionsByProxy if proxy else AsyncConnections
        self._pool = connections(pool.create_connection, most_idle)

    async def send(self, request: httpcore.Request, **_: Any) -> httpx.Response:
        """The reply, of which the body is still to be read."""
        try:
            response = await self._pool.handle_async_request(request)
        except _HTTPCORE as error:
            raise _named(error) from error
        return _answered(response, _AsyncBody(response.stream))

    @property
    def is_busy(self) -> bool:
        """Whether a reply is being read."""
        return self._pool.is_busy

    async def aclose(self) -> None:
        """Closes what is idle, and every other connection with its reply."""
        await self._pool.aclose()

    async def abort(self) -> None:
        """Closes all connections, as the loop ends."""
        await self._pool.abort()


def _pool(
    kinds: tuple[Callable[..., Any], ...],
    proxy: str | None,
    certificates: ssl.SSLContext,
    backend: object,
) -> Any:
    """A maker of connections: that go directly, by HTTP's proxies, or by SOCKS."""
    options = {
        "ssl_context": certificates,
        "keepalive_expiry": 5.0,  # httpx's own
        "network_backend": backend,
    }
    direct, by_http, by_socks = kinds
    if not proxy:
        return direct(**options)
    via = _via(proxy)
    kind = by_socks if _is_socks(via) else by_http
    if via.url.scheme == "https":
        options["proxy_ssl_context"] = certificates
    auth = via.raw_auth and tuple(map(_Secret, via.raw_auth))
    return kind(proxy_url=str(via.url), proxy_auth=auth, **options)


class _Secret(bytes):
    """What httpcore writes into its log, as it is or in a tuple."""

    @override
    def __repr__(self) -> str:
        return "'***'"


def _via(proxy: str) -> httpx.Proxy:
    try:
        return httpx.Proxy(proxy)
    except (ValueError, httpx.InvalidURL):
        pass  # these repeat the address, with its password
    raise httpx.UnsupportedProtocol("the proxy's address is none")


def _is_socks(via: httpx.Proxy) -> bool:
    if not via.url.scheme.startswith("socks"):
        return False
    if find_spec("socksio") is None:
        msg = "a SOCKS proxy needs `pip install httpx[socks]`"
        raise httpx.UnsupportedProtocol(msg)
    return True


def _answered(
    response: httpcore.Response, body: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    return httpx.Response(
        status_code=response.status,
        headers=response.headers,
        stream=body,
        extensions=response.extensions,
    )


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @override
    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except _HTTPCORE as error:
            raise _named(error) from error

    @override
    def close(self) -> None:
        try:
            self._stream.close()
        except _HTTPCORE as error:
            raise _named(error) from error


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._stream:
                yield piece
        except _HTTPCORE as error:
            raise _named(error) from error

    @override
    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except _HTTPCORE as error:
            raise _named(error) from error


def _named(error: Exception) -> httpx.TransportError:
    """An error of httpcore's under the name that it has in httpx."""
    kind = getattr(httpx, type(error).__name__, httpx.TransportError)
    named: httpx.TransportError = kind(str(error))
    return named


_HTTPCORE = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
