"""One rate for many workers: whoever wants to ask needs a slot, and each comes once.

One `Slots` hands them out, a block at a time, so that it is asked only a few times a
second. It says in how many seconds a block opens, not when: other machines have other
clocks. On its way an answer can only get later, so a slot is never used before its
time. Nor is it used much after that, but for one that a worker was waiting for when it
was held up: slots that were missed are given up. Hence no more than
`rate * (seconds + GRACE) + 1 + workers` requests begin within that many seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from langchain_core.rate_limiters import BaseRateLimiter
from typing_extensions import override

GRACE = 0.5
"""Seconds after which an unused slot is given up."""

_SPAN = 0.2  # seconds of slots in a block


def block(rate: float) -> int:
    """How many slots to ask for at once."""
    return max(1, round(rate * _SPAN))


class Slots:
    """All slots of a rate, one after the other.

    Args:
        rate: How many there are in a second.
        clock: The time in seconds.
    """

    def __init__(
        self, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._next = 0.0

    def lease(self, number: int) -> float:
        """Give away the next slots; says in how many seconds the first one opens."""
        now = self._clock()
        opens = max(self._next, now)
        self._next = opens + number / self._rate
        return opens - now


@dataclass(frozen=True)
class _Slot:
    """When it surely is open, and until when it surely was not missed."""

    opens: float
    until: float


class SharedRateLimiter(BaseRateLimiter):
    """LangChain's rate limiter for one of the workers.

    Args:
        rate: What `Slots` has.
        lease: Asks `Slots.lease`, wherever that is.
        loop: The event loop that `lease` belongs to. Calls may come from others, and
            synchronous ones from any thread but the loop's.
        clock: The time in seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        rate: float,
        lease: Callable[[int], Awaitable[float]],
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._lease = lease
        self._loop = loop
        self._clock = clock
        self._sleep = sleep
        self._slots: deque[_Slot] = deque()
        # Held while waiting: a worker has no more than one block in hand.
        self._turn = asyncio.Lock()

    @override
    def acquire(self, *, blocking: bool = True) -> bool:
        turn = self._take(blocking=blocking)
        return asyncio.run_coroutine_threadsafe(turn, self._loop).result()

    @override
    async def aacquire(self, *, blocking: bool = True) -> bool:
        turn = self._take(blocking=blocking)
        if asyncio.get_running_loop() is self._loop:
            return await turn
        future = asyncio.run_coroutine_threadsafe(turn, self._loop)
        return await asyncio.wrap_future(future)

    async def _take(self, *, blocking: bool) -> bool:
        """Wait for the next slot, and use it up however late it has become.

        A worker that is always late has to get on, too.
        """
        async with self._turn:
            wait = await self._next_slot() - self._clock()
            if wait > 0 and not blocking:
                return False
            if wait > 0:
                await self._sleep(wait)
            self._slots.popleft()
            return True

    async def _next_slot(self) -> float:
        """When the next slot opens that was not missed."""
        while self._slots and self._slots[0].until < self._clock():
            self._slots.popleft()
        if not self._slots:
            number = block(self._rate)
            asked = self._clock()
            wait = await self._lease(number)
            # The first slot's time is not known better than between these two.
            earliest, latest = asked + wait, self._clock() + wait
            self._slots.extend(
                _Slot(latest + at / self._rate, earliest + at / self._rate + GRACE)
                for at in range(number)
            )
        return self._slots[0].opens
