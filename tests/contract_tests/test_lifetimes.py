"""One model in many event loops, threads and processes; connections that close."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import pickle
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import httpx
import pytest

from langchain_minimax import ChatMiniMax, _pools
from langchain_minimax.testing import Raw
from support.lifetimes import STORY
from support.ways import WAYS

# --- Loops ---------------------------------------------------------------------------

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def _closed_by_hand(work: Coroutine[Any, Any, Any]) -> Any:
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _only_closed(work: Coroutine[Any, Any, Any]) -> Any:
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def _in_a_thread(work: Coroutine[Any, Any, Any]) -> Any:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _talk(model: ChatMiniMax) -> list[str]:
    """Asks in this loop, in a thread, and in a loop in a thread."""
    return [
        (await model.ainvoke("Hello")).text,
        (await asyncio.to_thread(model.invoke, "Hello")).text,
        await asyncio.to_thread(lambda: asyncio.run(model.ainvoke("Hello")).text),
    ]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # by `_only_closed`
def test_one_model_in_fifty_event_loops(serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)
    hello = model.invoke("Hello").text
    runs: list[Run] = [asyncio.run, _closed_by_hand, _only_closed, _in_a_thread]
    for run in islice(cycle(runs), 50):
        assert run(_talk(model)) == [hello] * 3
    assert len(server.requests) == 151
    gc.collect()  # what a loop that was only closed has left: Python says so, we cannot


def test_two_loops_in_turns(serve: Any, connect: Any) -> None:
    model = connect(serve())
    loops = asyncio.new_event_loop(), asyncio.new_event_loop()
    for loop in loops * 3:
        assert loop.run_until_complete(model.ainvoke("Hello")).text
    for loop in loops:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def test_a_loop_that_lost_its_generators_can_go_on(serve: Any, connect: Any) -> None:
    model = connect(serve())

    async def ask() -> str:
        before = (await model.ainvoke("Hello")).text
        await asyncio.get_running_loop().shutdown_asyncgens()
        return before and (await model.ainvoke("Hello")).text

    with pytest.warns(ResourceWarning, match="asynchronous generator"):
        assert asyncio.run(ask())


# --- Threads -------------------------------------------------------------------------

THREADS = 32


def test_one_model_in_many_threads_each_with_its_loop(serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)
    start = threading.Barrier(THREADS)

    def ask(_: int) -> set[str]:
        start.wait()
        return {WAYS[way](model, "Hello").text for way in WAYS}

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [*pool.map(ask, range(THREADS))]
    assert answers == [{model.invoke("Hello").text}] * THREADS
    assert len(server.requests) == len(WAYS) * THREADS + 1


# --- Processes -----------------------------------------------------------------------

forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def _ask(pickled: bytes) -> str:
    model = pickle.loads(pickled)
    return model.invoke("Hello").text + asyncio.run(model.ainvoke("Hello")).text


@forks
@pytest.mark.parametrize(
    ("method", "protocol"), [("fork", "openai"), ("spawn", "anthropic")]
)
def test_one_model_in_other_processes(method: str, serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)
    before = model.invoke("Hello").text
    with multiprocessing.get_context(method).Pool(1) as pool:
        answers = pool.map_async(_ask, [pickle.dumps(model)] * 4).get(60)
    assert answers == [before * 2] * 4
    assert model.invoke("Hello").text == before


def _forked(work: Callable[[], Any]) -> Any:
    """What a child says that inherits all there is."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=lambda: there.send(work()))
    child.start()
    try:
        assert here.poll(20), "The child hangs."
        return here.recv()
    finally:
        child.kill()
        child.join()


@forks
def test_a_fork_leaves_its_parents_stream_alone(serve: Any, connect: Any) -> None:
    server = serve(STORY, stream_delay=0.001)
    model = connect(server)
    stream = model.stream("Tell")
    said = next(stream).text

    def ask() -> list[str]:
        stream.close()
        return asyncio.run(_talk(model))

    assert _forked(ask) == [model.invoke("Hello").text] * 3
    assert said + "".join(chunk.text for chunk in stream) == STORY.blocks[0].text


def _lose_a_stream(model: ChatMiniMax) -> None:
    """Leaves one half-way, for the garbage collector to find."""
    stream = model.stream("Tell")
    next(stream)
    ring = [stream]
    ring.append(ring)


@forks
def test_and_its_idle_connections_and_lost_streams(serve: Any, connect: Any) -> None:
    """The child opens its own, and what it collects hangs up on nobody."""
    server = serve(STORY, stream_delay=0.05)
    model = connect(server)
    gc.disable()
    try:
        _lose_a_stream(model)
        hello = model.invoke("Hello").text
        opened = server.connections

        def ask() -> list[str]:
            gc.collect()
            return asyncio.run(_talk(model))

        assert _forked(ask) == [hello] * 3
        assert server.busy
        assert server.connections == opened + 3
        assert model.invoke("Hello").text == hello
        assert server.connections == opened + 3
    finally:
        gc.enable()


MANY = 120  # streams


@contextmanager
def _held_by_another_thread() -> Iterator[None]:
    """The locks of this process's connections, as in the middle of a call."""
    locks = [network._pool._lock for network in _pools._networks.values()]
    assert locks
    with ThreadPoolExecutor(1) as thread:
        for lock in locks:
            thread.submit(lock.acquire).result()
        yield
        for lock in locks:
            thread.submit(lock.release).result()


@forks
@pytest.mark.parametrize("protocol", ["anthropic"])
def test_and_many_streams_that_it_drops(serve: Any, connect: Any) -> None:
    """Threads that the child does not have may have held any lock."""
    server = serve(*[STORY] * MANY, stream_delay=0.001)
    model = connect(server)
    streams = [model.stream("Tell") for _ in range(MANY)]
    said = [next(stream).text for stream in streams]

    def ask() -> list[str]:
        while streams:
            streams.pop().close()
        return asyncio.run(_talk(model))

    with _held_by_another_thread():
        assert len(set(_forked(ask))) == 1
    said = [
        first + "".join(chunk.text for chunk in stream)
        for first, stream in zip(said, streams, strict=True)
    ]
    assert said == [STORY.blocks[0].text] * MANY


@forks
def test_so_does_a_fork_of_a_running_loop(serve: Any, connect: Any) -> None:
    server = serve(STORY, stream_delay=0.001)
    model = connect(server)

    async def tell() -> str:
        stream = model.astream("Tell")
        said = (await anext(stream)).text
        assert len(set(_forked(lambda: asyncio.run(_talk(model))))) == 1
        return said + "".join([chunk.text async for chunk in stream])

    assert asyncio.run(tell()) == STORY.blocks[0].text


@forks
def test_a_thread_may_fork_while_another_holds_the_lock(
    serve: Any, connect: Any
) -> None:
    model = connect(serve())
    hello = model.invoke("Hello").text
    with _pools._lock, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(_forked, lambda: asyncio.run(_talk(model))).result()
    assert answer == [hello] * 3


# --- Connections ---------------------------------------------------------------------


def test_many_calls_at_once(serve: Any, connect: Any) -> None:
    model = connect(serve())

    async def ask() -> list[Any]:
        return await asyncio.gather(*(model.ainvoke(f"Say {i}") for i in range(200)))

    answers = asyncio.run(ask())
    assert [f'"Say {i}"' in each.text for i, each in enumerate(answers)] == [True] * 200


def test_models_share_their_connections(serve: Any, connect: Any) -> None:
    server = serve()
    for _ in range(20):
        connect(server).invoke("Hello")
    assert server.connections <= 2


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_closed_model_opens_again(way: str, serve: Any, connect: Any) -> None:
    model = connect(serve())
    WAYS[way](model, "Hello")
    model.close()
    asyncio.run(model.aclose())
    assert WAYS[way](model, "Hello").text


def test_closing_leaves_a_running_stream_alone(serve: Any, connect: Any) -> None:
    server = serve(STORY, "Hello.", stream_delay=0.001)
    with connect(server) as model:
        stream = model.stream("Tell")
        first = next(stream).text
        model.close()
        assert connect(server).invoke("Hello").text == "Hello."
        assert first + "".join(chunk.text for chunk in stream) == STORY.blocks[0].text


def test_closing_leaves_a_running_async_stream_alone(serve: Any, connect: Any) -> None:
    server = serve(STORY, "Hello.", stream_delay=0.001)

    async def ask() -> str:
        async with connect(server) as model:
            stream = model.astream("Tell")
            first = (await anext(stream)).text
            await model.aclose()
            assert (await connect(server).ainvoke("Hello")).text == "Hello."
            return first + "".join([chunk.text async for chunk in stream])

    assert asyncio.run(ask()) == STORY.blocks[0].text


def test_a_client_of_the_callers_is_used_and_not_closed(
    serve: Any, connect: Any
) -> None:
    server = serve()
    with httpx.Client(headers={"x-mine": "yes"}) as client:
        model = connect(server, http_client=client)
        model.invoke("Hello")
        model.close()
        model.invoke("Hello")
        assert not client.is_closed
    assert [each.headers["x-mine"] for each in server.requests] == ["yes", "yes"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_no_cookie_is_kept_for_the_next(way: str, serve: Any, connect: Any) -> None:
    """Requests of many keys share a client."""
    kind, body = "application/json", '{"content": [], "choices": [{"message": {}}]}'
    cookie = {"set-cookie": "session=1; Path=/"}
    server = serve(*[Raw(body, content_type=kind, headers=cookie)] * 2)
    for _ in range(2):
        WAYS[way](connect(server), "Hello")
    assert all("cookie" not in each.headers for each in server.requests)
