"""A request in, its reply out, over a connection that is kept for the next.

httpcore's own pool looks at all of its connections for each request, and offers an
idle one to all that wait: a thousand streams stand in each other's way. Here a call
takes an idle connection or makes one, which is its own until its reply is closed.

What a server sends behind a reply would be taken for the beginning of the next, so a
connection with more on it than its reply is not kept either.
"""

from __future__ import annotations

import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Any, Generic, TypeVar

import httpcore
from typing_extensions import override

Connection = TypeVar(
    "Connection", httpcore.ConnectionInterface, httpcore.AsyncConnectionInterface
)


IS_OVER = "is_over"
"""What a connection's stream is asked: whether its reply's last byte was the last."""


class _Idle(Generic[Connection]):
    """Connections without a call, those that were used last at the end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[Connection] = []

    def take(self, origin: httpcore.Origin) -> Connection | None:
        """The one that leads there and was used last, if any."""
        for place in reversed(range(len(self._kept))):
            if self._kept[place].can_handle_request(origin):
                return self._kept.pop(place)
        return None

    def keep(self, connection: Connection) -> Sequence[Connection]:
        """Takes one back, and answers with those that have waited too long."""
        self._kept.append(connection)
        spare = max(0, len(self._kept) - self._most)
        while self._kept[spare].has_expired() and spare < len(self._kept) - 1:
            spare += 1
        leaving, self._kept = self._kept[:spare], self._kept[spare:]
        return leaving

    def empty(self) -> Sequence[Connection]:
        leaving, self._kept = self._kept, []
        return leaving


class Connections:
    """Connections of the threads of a process.

    Args:
        make: Makes a connection to a server.
        most_idle: How many are kept for later.
    """

    def __init__(
        self,
        make: Callable[[httpcore.Origin], httpcore.ConnectionInterface],
        most_idle: int,
    ) -> None:
        self._make = make
        self._idle: _Idle[httpcore.ConnectionInterface] = _Idle(most_idle)
        self._is_closed = False
        # A reply that is dropped may be closed by the garbage collector, and that while
        # this thread is in `close`.
        self._lock = threading.RLock()

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Sends a request; its connection is free again once the reply is closed."""
        connection = self._taken(request.url.origin)
        try:
            response = connection.handle_request(request)
        except BaseException:
            connection.close()
            raise
        response.stream = _Borrowed(response, partial(self._give_back, connection))
        return response

    def close(self) -> None:
        """Closes what is idle, and every other connection with its reply."""
        with self._lock:
            self._is_closed = True
            leaving = self._idle.empty()
        for connection in leaving:
            connection.close()

    def _taken(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        while True:
            with self._lock:
                connection = self._idle.take(origin)
            if connection is None:
                return self._make(origin)
            if not connection.has_expired():
                return connection
            connection.close()

    def _give_back(
        self, connection: httpcore.ConnectionInterface, *, is_over: bool
    ) -> None:
        leaving: Sequence[httpcore.ConnectionInterface] = (connection,)
        if is_over and connection.is_idle():
            with self._lock:
                if not self._is_closed:
                    leaving = self._idle.keep(connection)
        for each in leaving:
            each.close()


class _Borrowed:
    """A reply that gives its connection back when it is closed."""

    def __init__(
        self, response: httpcore.Response, give_back: Callable[..., None]
    ) -> None:
        self._stream: Any = response.stream
        self._wire = response.extensions["network_stream"]
        self._give_back = give_back
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                self._stream.close()
            finally:
                self._give_back(is_over=self._wire.get_extra_info(IS_OVER))


class AsyncConnections:
    """Connections of one event loop."""

    def __init__(
        self,
        make: Callable[[httpcore.Origin], httpcore.AsyncConnectionInterface],
        most_idle: int,
    ) -> None:
        self._make = make
        self._idle: _Idle[httpcore.AsyncConnectionInterface] = _Idle(most_idle)
        self._busy: set[httpcore.AsyncConnectionInterface] = set()
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether a reply is being read."""
        return bool(self._busy)

    async def handle_async_request(
        self, request: httpcore.Request
    ) -> httpcore.Response:
        """Sends a request; its connection is free again once the reply is closed."""
        connection = await self._taken(request.url.origin)
        self._busy.add(connection)
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            self._busy.discard(connection)
            await connection.aclose()
            raise
        response.stream = _AsyncBorrowed(response, partial(self._give_back, connection))
        return response

    async def aclose(self) -> None:
        """Closes what is idle, and every other connection with its reply."""
        self._is_closed = True
        for connection in self._idle.empty():
            await connection.aclose()

    async def abort(self) -> None:
        """Closes them all, as the loop ends."""
        await self.aclose()
        while self._busy:
            await self._busy.pop().aclose()

    async def _taken(
        self, origin: httpcore.Origin
    ) -> httpcore.AsyncConnectionInterface:
        while (connection := self._idle.take(origin)) is not None:
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return self._make(origin)

    async def _give_back(
        self, connection: httpcore.AsyncConnectionInterface, *, is_over: bool
    ) -> None:
        self._busy.discard(connection)
        leaving: Sequence[httpcore.AsyncConnectionInterface] = (connection,)
        if is_over and connection.is_idle() and not self._is_closed:
            leaving = self._idle.keep(connection)
        for each in leaving:
            await each.aclose()


class _AsyncBorrowed:
    def __init__(
        self, response: httpcore.Response, give_back: Callable[..., Awaitable[None]]
    ) -> None:
        self._stream: Any = response.stream
        self._wire = response.extensions["network_stream"]
        self._give_back = give_back
        self._is_open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                await self._stream.aclose()
            finally:
                await self._give_back(is_over=self._wire.get_extra_info(IS_OVER))


# --- By a proxy ----------------------------------------------------------------------

_CONNECTED = ".connect_tcp.complete"
_NO_SOCKS = "the proxy does not answer as one of SOCKS 5 does"


def _is_of_socks(error: BaseException) -> bool:
    """Whether the talk with a proxy of SOCKS failed; httpcore lets its errors out."""
    try:
        from socksio import SOCKSError  # noqa: PLC0415 - an extra of httpx's
    except ImportError:
        return False
    return isinstance(error, (SOCKSError, AssertionError))


class ConnectionsByProxy(Connections):
    """Closes what httpcore opens on its way to a proxy, and loses if that fails."""

    @override
    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Sends a request; its connection is free again once the reply is closed."""
        opened: list[httpcore.NetworkStream] = []

        def note(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(_CONNECTED):
                opened.append(info["return_value"])

        request.extensions["trace"] = note
        try:
            return super().handle_request(request)
        except BaseException as error:
            for each in opened:
                each.close()
            if _is_of_socks(error):
                raise httpcore.ProxyError(_NO_SOCKS) from error
            raise
        finally:
            del request.extensions["trace"]


class AsyncConnectionsByProxy(AsyncConnections):
    """The same, awaited."""

    @override
    async def handle_async_request(
        self, request: httpcore.Request
    ) -> httpcore.Response:
        """Sends a request; its connection is free again once the reply is closed."""
        opened: list[httpcore.AsyncNetworkStream] = []

        async def note(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(_CONNECTED):
                opened.append(info["return_value"])

        request.extensions["trace"] = note
        try:
            return await super().handle_async_request(request)
        except BaseException as error:
            for each in opened:
                await each.aclose()
            if _is_of_socks(error):
                raise httpcore.ProxyError(_NO_SOCKS) from error
            raise
        finally:
            del request.extensions["trace"]
