"""httpx's requests in, replies out, over httpcore; no wait outlasts its call.

httpx knows a limit for each wait, and a server that sends a byte now and then never
meets one. Here each wait is cut to what its call has left when it begins.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import httpcore
import httpx
from typing_extensions import Self, override


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
    return min(float(limit), left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _now(timeout, httpcore.ReadTimeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _now(timeout, httpcore.WriteTimeout))

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
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


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
        left = _now(timeout, httpcore.ConnectTimeout)
        return _Stream(
            super().connect_tcp(host, port, left, local_address, socket_options)
        )


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, _now(timeout, httpcore.ReadTimeout))

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, _now(timeout, httpcore.WriteTimeout))

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
            await self._stream.start_tls(ssl_context, server_hostname, left)
        )

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _AsyncBackend(httpcore.AnyIOBackend):
    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        left = _now(timeout, httpcore.ConnectTimeout)
        return _AsyncStream(
            await super().connect_tcp(host, port, left, local_address, socket_options)
        )


# --- httpx's transports --------------------------------------------------------------


class Network(httpx.BaseTransport):
    """Connections of one client.

    Args:
        proxy: The address of a proxy, or `None` to go there directly.
        certificates: The authorities to trust.
        most_idle: How many connections are kept for later.
    """

    def __init__(
        self, proxy: str | None, certificates: ssl.SSLContext, most_idle: int
    ) -> None:
        kinds = (httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy)
        options = _options(certificates, most_idle, _Backend())
        self._pool: httpcore.ConnectionPool = _pool(kinds, proxy, options)

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _named():
            response = self._pool.handle_request(_asked(request))
        return _answered(response, _Body(response))

    @override
    def close(self) -> None:
        self._pool.close()


class AsyncNetwork(httpx.AsyncBaseTransport):
    """The same, awaited."""

    def __init__(
        self, proxy: str | None, certificates: ssl.SSLContext, most_idle: int
    ) -> None:
        kinds = (
            httpcore.AsyncConnectionPool,
            httpcore.AsyncHTTPProxy,
            httpcore.AsyncSOCKSProxy,
        )
        options = _options(certificates, most_idle, _AsyncBackend())
        self._pool: httpcore.AsyncConnectionPool = _pool(kinds, proxy, options)

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _named():
            response = await self._pool.handle_async_request(_asked(request))
        return _answered(response, _AsyncBody(response))

    @override
    async def aclose(self) -> None:
        await self._pool.aclose()


def _options(
    certificates: ssl.SSLContext, most_idle: int, backend: object
) -> dict[str, Any]:
    return {
        "ssl_context": certificates,
        "max_connections": None,
        "max_keepalive_connections": most_idle,
        "keepalive_expiry": 5.0,  # httpx's own
        "network_backend": backend,
    }


def _pool(
    kinds: tuple[Callable[..., Any], ...], proxy: str | None, options: dict[str, Any]
) -> Any:
    """A pool of one of three kinds: that goes directly, by HTTP's proxies, by SOCKS."""
    direct, by_http, by_socks = kinds
    if not proxy:
        return direct(**options)
    via = _via(proxy)
    kind = by_socks if _is_socks(via) else by_http
    return kind(proxy_url=str(via.url), proxy_auth=via.raw_auth, **options)


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


def _asked(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


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
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    @override
    def __iter__(self) -> Iterator[bytes]:
        with _named():
            yield from self._response.iter_stream()

    @override
    def close(self) -> None:
        with _named():
            self._response.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _named():
            async for piece in self._response.aiter_stream():
                yield piece

    @override
    async def aclose(self) -> None:
        with _named():
            await self._response.aclose()


@contextmanager
def _named() -> Iterator[None]:
    """Gives httpcore's errors the names that they have in httpx."""
    try:
        yield
    except _HTTPCORE as error:
        named = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise named(str(error)) from error


_HTTPCORE = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
