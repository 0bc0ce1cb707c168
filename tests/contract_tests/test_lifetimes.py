"""One model in many event loops, threads and processes; time limits; streams that are
dropped half-way; connections that close."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from langchain_minimax import ChatMiniMax, MiniMaxTimeoutError
from langchain_minimax.testing import Emulator, Fault, Raw, Reply, Text
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

STORY = Reply(blocks=[Text("Once upon a time there was a king who had it all. " * 40)])


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds; a test that waits in vain fails."""
    tick = threading.Event()
    for _ in range(500):
        if condition():
            return
        tick.wait(0.01)
    pytest.fail("This did not come true within five seconds.")


# --- Loops, threads, processes -------------------------------------------------------


def test_one_model_in_many_event_loops(serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)
    for _ in range(10):
        assert asyncio.run(model.ainvoke("Hello")).text
        assert model.invoke("Hello").text
    assert len(server.requests) == 20


def test_one_model_in_many_threads_each_with_its_loop(serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)

    def both(_: int) -> bool:
        texts = model.invoke("Hello").text, asyncio.run(model.ainvoke("Hello")).text
        return all(texts)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(both, range(48)))
    assert len(server.requests) == 96


def _ask(pickled: bytes) -> str:
    model = pickle.loads(pickled)
    return model.invoke("Hello").text + asyncio.run(model.ainvoke("Hello")).text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_one_model_in_other_processes(method: str, serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)
    before = model.invoke("Hello").text
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.map(_ask, [pickle.dumps(model)] * 4)
    assert answers == [before * 2] * 4
    assert model.invoke("Hello").text == before


def test_many_calls_at_once(serve: Any, connect: Any) -> None:
    model = connect(serve())

    async def ask() -> list[Any]:
        return await asyncio.gather(*(model.ainvoke(f"Say {i}") for i in range(200)))

    answers = asyncio.run(ask())
    assert [f'"Say {i}"' in each.text for i, each in enumerate(answers)] == [True] * 200


# --- Connections ---------------------------------------------------------------------


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


def test_a_loop_that_lost_its_generators_can_go_on(serve: Any, connect: Any) -> None:
    model = connect(serve())

    async def ask() -> str:
        before = (await model.ainvoke("Hello")).text
        await asyncio.get_running_loop().shutdown_asyncgens()
        return before and (await model.ainvoke("Hello")).text

    with pytest.warns(ResourceWarning, match="asynchronous generator"):
        assert asyncio.run(ask())


# --- Streams that nobody wants any more ----------------------------------------------


def _drop_sync(model: ChatMiniMax) -> None:
    stream = model.stream("Tell")
    next(stream)
    stream.close()


def _drop_by_garbage(model: ChatMiniMax) -> None:
    stream = model.stream("Tell")
    next(stream)
    del stream
    gc.collect()


def _drop_async(model: ChatMiniMax) -> None:
    async def ask() -> None:
        stream = model.astream("Tell")
        await anext(stream)
        await stream.aclose()

    asyncio.run(ask())


def _cancel(model: ChatMiniMax) -> None:
    async def ask() -> None:
        began = asyncio.Event()

        async def read() -> None:
            async for _ in model.astream("Tell"):
                began.set()

        task = asyncio.create_task(read())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await model.ainvoke("Hello")).text == "Hello."

    asyncio.run(ask())


@pytest.mark.parametrize("drop", [_drop_sync, _drop_by_garbage, _drop_async, _cancel])
def test_a_dropped_stream_hangs_up_and_leaves_the_model_usable(
    drop: Callable[[ChatMiniMax], None], serve: Any, connect: Any
) -> None:
    server: Emulator = serve(STORY, "Hello.", "Hello.", stream_delay=0.05)
    model = connect(server)
    drop(model)
    assert model.invoke("Hello").text == "Hello."
    wait_for(lambda: not server.busy)
    assert not server.requests[0].completed


# --- Time limits ---------------------------------------------------------------------


@every_way
def test_a_call_does_not_take_longer_than_it_may(
    ask: Ask, serve: Any, connect: Any
) -> None:
    server = serve(Fault.stall())
    with pytest.raises(MiniMaxTimeoutError, match=r"longer than its 0\.2 s"):
        ask(connect(server, timeout=0.2), "Hello")


@pytest.mark.parametrize("way", ["stream", "astream", "events", "aevents"])
def test_a_silent_stream_is_given_up(way: str, serve: Any, connect: Any) -> None:
    server = serve(Fault.stall(at_byte=700, reply=STORY))
    with pytest.raises(MiniMaxTimeoutError, match="stream_idle_timeout") as caught:
        WAYS[way](connect(server, stream_idle_timeout=0.2), "Hello")
    assert STORY.blocks[0].text.startswith(caught.value.partial.text)


@pytest.mark.parametrize("way", ["stream", "astream", "events", "aevents"])
def test_a_drip_does_not_keep_a_call_alive(way: str, serve: Any, connect: Any) -> None:
    server = serve(STORY, stream_delay=0.1)
    with pytest.raises(MiniMaxTimeoutError, match=r"its 0\.5 s"):
        WAYS[way](connect(server, timeout=0.5), "Hello")


def test_a_slow_reader_is_no_slow_server(serve: Any, connect: Any) -> None:
    pause = threading.Event()
    text = ""
    for chunk in connect(serve("Take your time."), timeout=0.4).stream("Hello"):
        text += chunk.text
        pause.wait(0.2)
    assert text == "Take your time."


def test_nor_is_a_slow_async_reader(serve: Any, connect: Any) -> None:
    model = connect(serve("Take your time."), timeout=0.4)

    async def read() -> str:
        text = ""
        async for chunk in model.astream("Hello"):
            text += chunk.text
            await asyncio.sleep(0.2)
        return text

    assert asyncio.run(read()) == "Take your time."


@every_way
def test_httpx_limits_are_understood(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve(Fault.stall())
    with pytest.raises(MiniMaxTimeoutError):
        ask(connect(server, timeout=httpx.Timeout(5, read=0.2)), "Hello")
