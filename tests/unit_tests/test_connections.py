"""One connection for each call, and the next call's if nothing is wrong with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpcore
import pytest

from langchain_minimax._connections import IS_OVER, AsyncConnections, Connections

HERE, THERE = "http://here.example/v1", "http://there.example/v1"
MOST = 3


class Connection:
    """One that answers with its own number, and notes what becomes of it."""

    def __init__(self, number: int, origin: httpcore.Origin) -> None:
        self.number = number
        self.closed = self.busy = self.expired = self.broken = self.more = False
        self._origin = origin

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return origin == self._origin

    def handle_request(self, _: httpcore.Request) -> httpcore.Response:
        if self.broken:
            raise httpcore.ReadError
        self.busy = True
        return httpcore.Response(
            200, content=Reply(self), extensions={"network_stream": self}
        )

    def get_extra_info(self, info: str) -> bool:
        assert info == IS_OVER
        return not self.more

    def has_expired(self) -> bool:
        return self.expired

    def is_idle(self) -> bool:
        return not self.busy and not self.closed

    def close(self) -> None:
        self.closed = True

    async def handle_async_request(self, request: httpcore.Request) -> Any:
        return self.handle_request(request)

    async def aclose(self) -> None:
        self.close()


class Reply:
    """A body, which is whole once somebody has read it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.fails = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"%d" % self._connection.number
        self._connection.busy = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        if self.fails:
            raise httpcore.ReadError
        if self._connection.busy:
            self._connection.close()

    async def aclose(self) -> None:
        self.close()


class Calls:
    """Calls over the connections of a process."""

    def __init__(self) -> None:
        self.made: list[Connection] = []
        self._connections: Any = Connections(self._make, MOST)

    def _make(self, origin: httpcore.Origin) -> Any:
        self.made.append(Connection(len(self.made), origin))
        return self.made[-1]

    def begin(self, url: str = HERE) -> httpcore.Response:
        response: httpcore.Response = self._connections.handle_request(
            httpcore.Request("GET", url)
        )
        return response

    def end(self, response: httpcore.Response, *, read: bool = True) -> int | None:
        """The number of the connection, if it was read."""
        number = int(response.read()) if read else None
        response.close()
        return number

    def close(self) -> None:
        self._connections.close()


class AsyncCalls(Calls):
    """Calls over the connections of an event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._connections = AsyncConnections(self._make, MOST)
        self._loop = asyncio.new_event_loop()

    def begin(self, url: str = HERE) -> httpcore.Response:
        asked = self._connections.handle_async_request(httpcore.Request("GET", url))
        response: httpcore.Response = self._loop.run_until_complete(asked)
        return response

    def end(self, response: httpcore.Response, *, read: bool = True) -> int | None:
        run = self._loop.run_until_complete
        number = int(run(response.aread())) if read else None
        run(response.aclose())
        return number

    def close(self) -> None:
        self._loop.run_until_complete(self._connections.aclose())

    def __del__(self) -> None:
        self._loop.close()


@pytest.fixture(params=[Calls, AsyncCalls])
def calls(request: pytest.FixtureRequest) -> Calls:
    made: Calls = request.param()
    return made


def test_one_call_after_the_other_takes_the_same(calls: Calls) -> None:
    assert [calls.end(calls.begin()) for _ in range(3)] == [0, 0, 0]


def test_calls_at_once_have_one_each(calls: Calls) -> None:
    begun = [calls.begin() for _ in range(3)]
    assert [calls.end(each) for each in begun] == [0, 1, 2]


def test_the_next_takes_the_one_that_was_used_last(calls: Calls) -> None:
    first, second = calls.begin(), calls.begin()
    calls.end(second)
    calls.end(first)
    assert calls.end(calls.begin()) == 0


def test_another_server_has_its_own(calls: Calls) -> None:
    used = [calls.end(calls.begin(url)) for url in (HERE, THERE, HERE, THERE)]
    assert used == [0, 1, 0, 1]


def test_a_reply_that_was_not_read_takes_its_connection_along(calls: Calls) -> None:
    calls.end(calls.begin(), read=False)
    assert calls.made[0].closed
    assert calls.end(calls.begin()) == 1


def test_so_does_one_that_more_has_come_behind(calls: Calls) -> None:
    """It would be taken for the beginning of the next."""
    response = calls.begin()
    calls.made[0].more = True
    calls.end(response)
    assert calls.made[0].closed
    assert calls.end(calls.begin()) == 1


def test_and_one_whose_end_fails(calls: Calls) -> None:
    response: Any = calls.begin()
    response.stream._stream.fails = True
    with pytest.raises(httpcore.ReadError):
        calls.end(response, read=False)
    assert calls.made[0].closed
    assert not getattr(calls._connections, "is_busy", False)


def test_a_reply_may_be_closed_in_the_course_of_another_call() -> None:
    """The garbage collector ends what was dropped, wherever a thread is just then."""
    calls = Calls()
    dropped = calls.begin()

    def collect() -> None:
        with calls._connections._lock:
            calls.end(dropped)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert calls.end(calls.begin()) == 0


def test_to_close_a_reply_twice_gives_nothing_back_twice(calls: Calls) -> None:
    response = calls.begin()
    calls.end(response)
    calls.end(response, read=False)
    begun = [calls.begin(), calls.begin()]
    assert [calls.end(each) for each in begun] == [0, 1]


def test_one_that_waited_too_long_is_closed_and_not_used(calls: Calls) -> None:
    calls.end(calls.begin())
    calls.made[0].expired = True
    assert calls.end(calls.begin()) == 1
    assert [each.closed for each in calls.made] == [True, False]


def test_those_that_nobody_asks_for_are_closed_in_passing(calls: Calls) -> None:
    calls.end(calls.begin(THERE))
    calls.made[0].expired = True
    calls.end(calls.begin(HERE))
    assert [each.closed for each in calls.made] == [True, False]


def test_no_more_are_kept_than_are_wanted(calls: Calls) -> None:
    for each in [calls.begin() for _ in range(MOST + 2)]:
        calls.end(each)
    assert [each.closed for each in calls.made] == [True] * 2 + [False] * MOST


def test_one_that_fails_is_closed(calls: Calls) -> None:
    calls.end(calls.begin())
    calls.made[0].broken = True
    with pytest.raises(httpcore.ReadError):
        calls.begin()
    assert calls.made[0].closed
    assert calls.end(calls.begin()) == 1


def test_to_close_them_closes_what_is_idle_and_the_rest_with_its_reply(
    calls: Calls,
) -> None:
    begun, ended = calls.begin(), calls.begin()
    calls.end(ended)
    calls.close()
    assert [each.closed for each in calls.made] == [False, True]
    assert calls.end(begun) == 0
    assert calls.made[0].closed


def test_with_its_loop_ends_all_that_is_still_read() -> None:
    calls = AsyncCalls()
    calls.end(calls.begin())
    begun = calls.begin()
    calls.begin()
    connections = calls._connections
    assert connections.is_busy
    calls._loop.run_until_complete(connections.abort())
    assert [each.closed for each in calls.made] == [True, True]
    assert not connections.is_busy
    calls.end(begun)
    assert calls.made[0].closed
