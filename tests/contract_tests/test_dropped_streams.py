"""Streams that nobody wants any more: the server is hung up on, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from langchain_minimax.testing import Emulator
from support.lifetimes import STORY, await_for, wait_for
from support.uses import USES, aclose, aclose_events, alose

MANY = 30 * len(USES)
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(scope="module", autouse=True)
def _little_garbage() -> Iterator[None]:
    """Leaves what was there before out of collections: they are quick then."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


# --- Dropped -------------------------------------------------------------------------


def _stream(model: Any) -> Any:
    return model.stream("Tell")


def _events(model: Any) -> Any:
    return iter(model.stream_events("Tell", version="v3"))


def _close(stream: Any) -> None:
    next(stream)
    stream.close()


def _lose(stream: Any) -> None:
    next(stream)


def _lose_in_a_cycle(stream: Any) -> None:
    next(stream)
    ring = [stream]
    ring.append(ring)


def _fail(stream: Any) -> None:
    for _ in stream:
        raise LookupError


DROPS = {
    "closed": _close,
    "lost": _lose,
    "lost in a cycle": _lose_in_a_cycle,
    "failed": _fail,
}


@pytest.mark.parametrize("begin", [_stream, _events])
@pytest.mark.parametrize("drop", DROPS.values(), ids=DROPS)
def test_a_dropped_stream_hangs_up_and_leaves_the_model_usable(
    drop: Callable[[Any], None],
    begin: Callable[[Any], Any],
    serve: Any,
    connect: Any,
) -> None:
    server: Emulator = serve(STORY, "Hello.", stream_delay=0.05)
    model = connect(server)
    with suppress(LookupError):
        drop(begin(model))
    gc.collect()
    wait_for(lambda: not server.busy)
    assert not server.requests[0].completed
    assert model.invoke("Hello").text == "Hello."


# --- Dropped in an event loop --------------------------------------------------------


async def _alose_in_a_cycle(model: Any) -> None:
    stream = model.astream("Tell")
    await anext(stream)
    ring = [stream]
    ring.append(ring)


async def _afail(model: Any) -> None:
    async for _ in model.astream("Tell"):
        raise LookupError


async def _alose_events(model: Any) -> None:
    stream = await model.astream_events("Tell", version="v3")
    await anext(aiter(stream))


ASYNC_DROPS = {
    "closed": aclose,
    "lost": alose,
    "lost in a cycle": _alose_in_a_cycle,
    "failed": _afail,
    "events, closed": aclose_events,
}
"""While the loop goes on, LangChain reads lost events to their end."""

AT_THE_END = {**ASYNC_DROPS, "events, lost": _alose_events}


def _heard_of(loop: asyncio.AbstractEventLoop) -> list[dict[str, Any]]:
    """What the loop would log."""
    said: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: said.append(context))
    return said


def _collected() -> bool:
    """Python 3.10 leaves it to the garbage collector to drop a stream's parts."""
    gc.collect()
    return True


@pytest.mark.parametrize("drop", ASYNC_DROPS.values(), ids=ASYNC_DROPS)
def test_so_does_an_async_one_while_the_loop_goes_on(
    drop: Callable[[Any], Awaitable[None]], serve: Any, connect: Any
) -> None:
    server: Emulator = serve(STORY, "Hello.", stream_delay=0.05)
    model = connect(server)

    async def ask() -> None:
        said = _heard_of(asyncio.get_running_loop())
        with suppress(LookupError):
            await drop(model)
        await await_for(lambda: _collected() and not server.busy)
        assert (await model.ainvoke("Hello")).text == "Hello."
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not said

    asyncio.run(ask())
    assert not server.requests[0].completed


@pytest.mark.parametrize("drop", AT_THE_END.values(), ids=AT_THE_END)
def test_and_with_the_end_of_the_loop(
    drop: Callable[[Any], Awaitable[None]], serve: Any, connect: Any
) -> None:
    """What fails is alive until then: the error holds it."""
    server: Emulator = serve(STORY, stream_delay=0.05)
    said: list[dict[str, Any]] = []

    async def ask() -> None:
        nonlocal said
        said = _heard_of(asyncio.get_running_loop())
        await drop(connect(server))

    with suppress(LookupError):
        asyncio.run(ask())
    wait_for(lambda: not server.busy)
    assert not server.requests[0].completed
    assert not said


# --- Collected where a lock is held --------------------------------------------------

COLLECT = """
import faulthandler, gc, sys
from langchain_minimax import ChatMiniMax

model = ChatMiniMax(model="MiniMax-M3", max_retries=0)
PLACES = ("langchain_minimax/_connections.py", "langchain_minimax/_pools.py")

def lose():
    stream = model.stream("Tell")
    next(stream)
    ring = [stream]
    ring.append(ring)

def ask(place):
    calls = 0
    def watch(frame, event, _):
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.endswith(PLACES):
            calls += 1
            if calls == place:
                gc.collect()
    sys.setprofile(watch)
    model.invoke("Hello")
    sys.setprofile(None)
    return calls

faulthandler.dump_traceback_later(30, exit=True)
gc.disable()
gc.freeze()
places = 0
for closes in (False, True):
    place, calls = 0, 1
    while place < calls:
        place += 1
        lose()
        if closes:
            model.close()
        calls = ask(place)
    places += place
print(places)
"""


def test_a_stream_may_be_collected_while_the_pool_is_locked(serve: Any) -> None:
    """The collector may run at any moment, also where a lock is held.

    Here it runs once at each call of a function there (encode/httpcore#990), where
    the stream has a pool in common with the call, and where that was told to close.
    """
    server: Emulator = serve(stream_delay=0.01)
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        env={
            **os.environ,
            "MINIMAX_API_KEY": server.api_key,
            "MINIMAX_BASE_URL": server.base_url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    places = int(done.stdout)
    assert len(server.requests) == 2 * places > 40


# --- Many ----------------------------------------------------------------------------


def _ours() -> Counter[str]:
    """How many objects there are, of whom it would be our fault."""
    gc.collect()
    gc.collect()  # what the first one's finalizers let go of
    kinds = (type(each) for each in gc.get_objects())
    ours = ("langchain_minimax.", "httpx", "httpcore")
    named = ((str(kind.__module__), kind.__qualname__) for kind in kinds)
    return Counter(
        name
        for module, name in named
        if module.startswith(ours) and "testing" not in module
    )


@pytest.mark.parametrize("protocol", ["anthropic"])
@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="this is how Linux tells")
def test_many_models_leave_nothing_behind(serve: Any, connect: Any) -> None:
    """`tests/benchmarks/lifetimes.py` does it with 5,000, and measures memory too."""
    server: Emulator = serve()

    def use(models: int) -> Counter[str]:
        for run in islice(cycle(USES), models):
            run(connect(server))
        connect(server).close()
        return _ours()

    def descriptors() -> int:
        return len([*DESCRIPTORS.iterdir()])

    before = use(2 * len(USES))
    wait_for(lambda: not server.busy)
    known = descriptors()
    assert use(MANY) - before == Counter()
    wait_for(lambda: descriptors() <= known)
