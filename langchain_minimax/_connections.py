"""A request in, its reply out, over a connection that is kept for the next.

httpcore's own pool looks at all of its connections for each request, and offers an
idle one to all that wait: a thousand streams stand in each other's way. Here a call
takes an idle connection or makes one, which is its own until its reply is closed.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import httpcore

Connection = TypeVar(
    "Connection", httpcore.ConnectionInterface, httpcore.AsyncConnectionInterface
)


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
        response.stream = _Borrowed(response.stream, connection, self._give_back)
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

    def _give_back(self, connection: httpcore.ConnectionInterface) -> None:
        leaving: Sequence[httpcore.ConnectionInterface] = (connection,)
        if connection.is_idle():
            with self._lock:
                if not self._is_closed:
                    leaving = self._idle.keep(connection)
        for each in leaving:
            each.close()


class _Borrowed:
    """A reply that gives its connection back when it is closed."""

    def __init__(
        self,
        stream: Any,
        connection: httpcore.ConnectionInterface,
        give_back: Callable[[httpcore.ConnectionInterface], None],
    ) -> None:
        self._stream = stream
        self._connection = connection
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
                self._give_back(self._connection)


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
        response.stream = _AsyncBorrowed(response.stream, connection, self._give_back)
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

    async def _give_back(self, connection: httpcore.AsyncConnectionInterface) -> None:
        self._busy.discard(connection)
        leaving: Sequence[httpcore.AsyncConnectionInterface] = (connection,)
        if connection.is_idle() and not self._is_closed:
            leaving = self._idle.keep(connection)
        for each in leaving:
            await each.aclose()


class _AsyncBorrowed:
    def __init__(
        self,
        stream: Any,
        connection: httpcore.AsyncConnectionInterface,
        give_back: Callable[[httpcore.AsyncConnectionInterface], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._connection = connection
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
                await self._give_back(self._connection)
