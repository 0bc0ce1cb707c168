"""The shared rate, in a time that passes only when everybody waits."""

from __future__ import annotations

import asyncio
import selectors
import threading
from bisect import bisect_right
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rate import GRACE, SharedRateLimiter, Slots, block

PLACES = 40
Lease = Callable[[int], Awaitable[float]]


class Hours(selectors.DefaultSelector):
    """Lets the time pass at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for nothing"
            self.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop in such a time."""

    def __init__(self) -> None:
        self.hours = Hours()
        super().__init__(self.hours)

    def time(self) -> float:
        return self.hours.now


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def from_afar(slots: Slots, there: float = 0.0, back: float = 0.0) -> Lease:
    """Leases over a network."""

    async def lease(number: int) -> float:
        await asyncio.sleep(there)
        wait = slots.lease(number)
        await asyncio.sleep(back)
        return wait

    return lease


def limiter(rate: float, lease: Lease, loop: Loop) -> SharedRateLimiter:
    return SharedRateLimiter(rate, lease, loop, clock=loop.time)


async def busy(
    limiter: SharedRateLimiter, loop: Loop, until: float, times: list[float]
) -> None:
    """A worker that always wants to ask."""

    async def place() -> None:
        while loop.time() < until:
            assert await limiter.aacquire()
            times.append(loop.time())
            await asyncio.sleep(0.7)

    await asyncio.gather(*(place() for _ in range(PLACES)))


def most(times: list[float], seconds: float) -> int:
    """How many of them are within so many seconds, at most."""
    times = sorted(times)
    ends = (bisect_right(times, at + seconds) for at in times)
    return max(end - start for start, end in enumerate(ends))


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([0.5, 3.3, 20.0, 50.0]),
    delays=st.lists(
        st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), min_size=1, max_size=4
    ),
    stalls=st.lists(st.floats(0, 3), max_size=4),
)
def test_many_workers_have_one_rate(rate: float, delays: list, stalls: list) -> None:
    loop = Loop()
    slots, times = Slots(rate, loop.time), []

    async def stall() -> None:
        for seconds in stalls:
            await asyncio.sleep(1)
            loop.hours.now += seconds

    async def run() -> None:
        limiters = [limiter(rate, from_afar(slots, *each), loop) for each in delays]
        work = [busy(each, loop, 15, times) for each in limiters]
        await asyncio.gather(*work, stall())

    loop.run_until_complete(run())
    loop.close()
    for seconds in (0.1, 1, 5, 10):
        allowed = rate * (seconds + GRACE) + 1 + len(delays)
        assert most(times, seconds) <= allowed + 1e-6


def test_the_rate_is_reached(loop: Loop) -> None:
    slots, times = Slots(20, loop.time), []

    async def run() -> None:
        limiters = [limiter(20, from_afar(slots, 0.01, 0.01), loop) for _ in range(2)]
        await asyncio.gather(*(busy(each, loop, 30, times) for each in limiters))

    loop.run_until_complete(run())
    assert len([at for at in times if at < 30]) >= 0.95 * 20 * 30


def test_slots_that_were_missed_are_given_up(loop: Loop) -> None:
    slots, times = Slots(20, loop.time), []

    async def run() -> None:
        each = limiter(20, from_afar(slots), loop)
        await each.aacquire()
        loop.hours.now += 100  # a machine that slept
        for _ in range(20):
            await each.aacquire()
            times.append(loop.time())

    loop.run_until_complete(run())
    assert times[-1] - times[0] == pytest.approx(19 / 20)


def test_a_worker_that_is_always_late_gets_on_beside_others(loop: Loop) -> None:
    async def late(seconds: float) -> None:
        await asyncio.sleep(seconds + 2 * GRACE)

    slots = Slots(20, loop.time)
    slow = SharedRateLimiter(20, from_afar(slots), loop, loop.time, late)
    quick = limiter(20, from_afar(slots), loop)

    async def run() -> None:
        others = asyncio.ensure_future(busy(quick, loop, 60, []))
        for _ in range(10):
            await asyncio.wait_for(slow.aacquire(), 5)
        await others

    loop.run_until_complete(run())


def test_a_lost_worker_takes_one_block_along(loop: Loop) -> None:
    slots, rate = Slots(20, loop.time), 20
    dead = limiter(rate, from_afar(slots), loop)
    alive = limiter(rate, from_afar(slots), loop)

    async def run() -> None:
        await dead.aacquire()
        await alive.aacquire()

    loop.run_until_complete(run())
    assert loop.time() == pytest.approx(block(rate) / rate)


def test_who_does_not_wait_is_told_no_and_takes_nothing(loop: Loop) -> None:
    slots = Slots(2, loop.time)
    each = limiter(2, from_afar(slots), loop)

    async def run() -> list[bool]:
        asked = [await each.aacquire(blocking=False) for _ in range(3)]
        await each.aacquire()
        return asked

    assert loop.run_until_complete(run()) == [True, False, False]
    assert loop.time() == pytest.approx(0.5)


def test_who_gives_up_waiting_leaves_the_slot_to_the_next(loop: Loop) -> None:
    each = limiter(1, from_afar(Slots(1, loop.time)), loop)

    async def run() -> None:
        await each.aacquire()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(each.aacquire(), 0.5)
        await each.aacquire()

    loop.run_until_complete(run())
    assert loop.time() == pytest.approx(1)


def test_threads_and_other_loops_share_the_rate_too() -> None:
    loop, slots = asyncio.new_event_loop(), Slots(500)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    leased = []

    async def lease(number: int) -> float:
        leased.append(number)
        return slots.lease(number)

    each = SharedRateLimiter(500, lease, loop)
    try:
        assert each.acquire()
        assert asyncio.run(each.aacquire())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert leased
    assert set(leased) == {block(500)}
