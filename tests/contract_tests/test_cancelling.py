"""Cancelled calls, at every stage: the server is hung up on, and all goes on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator, Fault
from support.lifetimes import STORY, await_for, wait_for

Call = Callable[[Any], Awaitable[Any]]


# --- Calls ---------------------------------------------------------------------------


async def _ainvoke(model: Any) -> None:
    await model.ainvoke("Hello")


async def _astream(model: Any) -> None:
    async for _ in model.astream("Hello"):
        pass


async def _aevents(model: Any) -> None:
    async with await model.astream_events("Hello", version="v3") as stream:
        await stream.output


async def _abatch(model: Any) -> None:
    await model.abatch(["Hello"] * 3)


CALLS: dict[str, Call] = {
    "ainvoke": _ainvoke,
    "astream": _astream,
    "aevents": _aevents,
    "abatch": _abatch,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)

# --- Stages --------------------------------------------------------------------------


class OneAtOnce(BaseRateLimiter):
    """Lets so many requests pass at once, and has the next wait for ever."""

    def __init__(self, passes: int) -> None:
        self._passes = passes
        self.waiting = False

    def acquire(self, *, blocking: bool = True) -> bool:
        assert not blocking, "only asynchronous calls are cancelled here"
        return False

    async def aacquire(self, *, blocking: bool = True) -> bool:
        self._passes -= 1
        if self._passes < 0:
            self.waiting = blocking
            await asyncio.Event().wait()
        return True


@dataclass(frozen=True)
class Stage:
    """How far a call gets, and how to see that it is there."""

    replies: tuple[Any, ...]
    reached: Callable[[Emulator, OneAtOnce], bool]
    fields: dict[str, Any] = field(default_factory=dict)
    passes: int = 100
    demand: bool = False


def _answering(server: Emulator, _: OneAtOnce) -> bool:
    return server.busy


def _answered(server: Emulator, _: OneAtOnce) -> bool:
    return any(each.completed for each in server.requests) and not server.busy


def _limited(_: Emulator, limiter: OneAtOnce) -> bool:
    return limiter.waiting


STAGES = {
    "first permit": Stage((), _limited, passes=0),
    "head": Stage((Fault.stall(),) * 3, _answering),
    "body": Stage((Fault.stall(at_byte=700, reply=STORY),) * 3, _answering),
    "pause": Stage(
        (Fault(529, retry_after=50),) * 3, _answered, fields={"max_retries": 2}
    ),
    "next permit": Stage(
        (Fault(529, retry_after=0),) * 3,
        _limited,
        fields={"max_retries": 2},
        passes=1,
    ),
    "between round trips": Stage(("I won't.",) * 3, _limited, passes=1, demand=True),
}


def dig(depth: int) -> str:
    """Digs."""
    return f"{depth} deep"


@every_call
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_a_cancelled_call_hangs_up_and_leaves_the_pool_usable(
    stage: Stage, call: Call, serve: Any, connect: Any
) -> None:
    server: Emulator = serve(*stage.replies)
    limiter = OneAtOnce(stage.passes)
    model = connect(server, rate_limiter=limiter, **stage.fields)
    asked = model.bind_tools([dig], tool_choice="any") if stage.demand else model

    async def ask() -> None:
        task = asyncio.create_task(call(asked))
        await await_for(lambda: stage.reached(server, limiter))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await await_for(lambda: not server.busy)
        sent = len(server.requests)
        server._script.clear()
        assert (await connect(server).ainvoke("Hello")).text
        assert len(server.requests) == sent + 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(ask())


@asynccontextmanager
async def _mute_server() -> AsyncIterator[tuple[str, list[str]]]:
    """Takes connections, and never shakes hands."""
    seen: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        seen.append("hello")
        with suppress(ConnectionError):
            while await reader.read(1000):
                pass
        seen.append("gone")
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield "{}:{}".format(*server.sockets[0].getsockname()), seen


WAYS = {
    "directly": ("base_url", "https"),
    "by a proxy": ("proxy", "http"),
    "by a proxy over TLS": ("proxy", "https"),
    "by SOCKS": ("proxy", "socks5"),
}


@every_call
@pytest.mark.parametrize(("field", "scheme"), WAYS.values(), ids=WAYS)
def test_a_call_that_is_cancelled_while_it_connects_hangs_up(
    field: str, scheme: str, call: Call, serve: Any, connect: Any
) -> None:
    model = connect(serve())

    async def ask() -> None:
        async with _mute_server() as (address, seen):
            way = {"base_url": "https://api.example", field: f"{scheme}://{address}"}
            task = asyncio.create_task(call(model.model_copy(update=way)))
            await await_for(lambda: "hello" in seen)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await await_for(lambda: seen.count("gone") == seen.count("hello"))
        assert (await model.ainvoke("Hello")).text

    asyncio.run(ask())


@pytest.mark.parametrize("call", [_ainvoke, _astream])
def test_so_does_one_by_the_callers_own_client(
    call: Call, serve: Any, connect: Any
) -> None:
    model = connect(serve())

    async def ask() -> None:
        async with _mute_server() as (address, seen):
            client = httpx.AsyncClient(proxy=f"socks5://{address}")
            fields = {"base_url": "https://api.example", "http_async_client": client}
            task = asyncio.create_task(call(model.model_copy(update=fields)))
            await await_for(lambda: "hello" in seen)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await await_for(lambda: "gone" in seen)
            await client.aclose()

    asyncio.run(ask())


# --- Ways to cancel ------------------------------------------------------------------


async def _begun(call: Awaitable[Any], server: Emulator) -> asyncio.Future[Any]:
    task = asyncio.ensure_future(call)
    await await_for(lambda: server.busy)
    return task


async def _by_wait_for(call: Awaitable[Any], server: Emulator) -> None:
    task = await _begun(call, server)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(task, 0.01)


async def _by_timeout(call: Awaitable[Any], server: Emulator) -> None:
    task = await _begun(call, server)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await task


async def _by_gather(call: Awaitable[Any], server: Emulator) -> None:
    both = asyncio.gather(call, asyncio.sleep(60))
    await await_for(lambda: server.busy)
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both


async def _twice(call: Awaitable[Any], server: Emulator) -> None:
    task = await _begun(call, server)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _by_task_group(call: Awaitable[Any], server: Emulator) -> None:
    async def fail() -> None:
        await await_for(lambda: server.busy)
        raise LookupError

    async def wait() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call)  # type: ignore[arg-type]
            group.create_task(fail())

    task = asyncio.create_task(wait())
    await asyncio.wait([task])
    assert isinstance(task.exception().exceptions[0], LookupError)  # type: ignore[union-attr]


since_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="came with 3.11")


@pytest.mark.parametrize("call", [_astream, _aevents])
@pytest.mark.parametrize(
    "cancel",
    [
        _by_wait_for,
        _by_gather,
        _twice,
        pytest.param(_by_timeout, marks=since_3_11),
        pytest.param(_by_task_group, marks=since_3_11),
    ],
)
def test_it_is_the_same_however_a_call_is_cancelled(
    cancel: Callable[..., Awaitable[None]], call: Call, serve: Any, connect: Any
) -> None:
    server = serve(Fault.stall(at_byte=700, reply=STORY), "Hello.")
    model: ChatMiniMax = connect(server)

    async def ask() -> None:
        await cancel(call(model), server)
        await await_for(lambda: not server.busy)
        assert (await model.ainvoke("Hello")).text == "Hello."
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(ask())


@every_call
def test_a_loop_that_ends_cancels_what_is_left(
    call: Call, serve: Any, connect: Any
) -> None:
    server = serve(*[Fault.stall(at_byte=700, reply=STORY)] * 3)
    model = connect(server)

    async def leave() -> asyncio.Task[None]:
        task = asyncio.create_task(call(model))  # type: ignore[arg-type]
        await await_for(lambda: server.busy)
        return task

    assert asyncio.run(leave()).cancelled()
    wait_for(lambda: not server.busy)


STEPS = 40


@every_call
def test_a_call_can_be_cancelled_at_any_step(
    call: Call, serve: Any, connect: Any
) -> None:
    """The loop takes a step or a few between one moment and the next."""
    server: Emulator = serve()
    model = connect(server)

    async def ask() -> None:
        for steps in range(STEPS):
            task = asyncio.create_task(call(model))  # type: ignore[arg-type]
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert (await model.ainvoke("Hello")).text
        await await_for(lambda: not server.busy)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(ask())
