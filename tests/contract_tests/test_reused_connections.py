"""A connection carries one call after the other, whichever way they are made."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_minimax.testing import Emulator, Fault


async def _ainvoke(model: Any) -> str:
    return str((await model.ainvoke("Hello")).text)


async def _astream(model: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream("Hello")])


async def _aevents(model: Any) -> str:
    stream = await model.astream_events("Hello", version="v3")
    return str((await stream.output).text)


def _invoke(model: Any) -> str:
    return str(model.invoke("Hello").text)


def _stream(model: Any) -> str:
    return "".join(chunk.text for chunk in model.stream("Hello"))


def _events(model: Any) -> str:
    return str(model.stream_events("Hello", version="v3").output.text)


@pytest.mark.parametrize("call", [_invoke, _stream, _events])
def test_the_next_call_needs_no_new_connection(
    call: Any, serve: Any, connect: Any
) -> None:
    server: Emulator = serve()
    model = connect(server)
    for _ in range(3):
        assert call(model)
    assert server.connections == 1


@pytest.mark.parametrize("call", [_ainvoke, _astream, _aevents])
async def test_nor_does_the_next_async_call(
    call: Any, serve: Any, connect: Any
) -> None:
    server: Emulator = serve()
    model = connect(server)
    for _ in range(3):
        assert await call(model)
    assert server.connections == 1


@pytest.mark.parametrize("call", [_stream, _events])
def test_a_server_that_stays_on_the_line_is_hung_up_on(
    call: Any, serve: Any, connect: Any
) -> None:
    """The reply has ended with its last event, whatever its body does."""
    server: Emulator = serve(Fault.stall(at_byte=10**6), "Hello.")
    model = connect(server)
    assert call(model)
    assert call(model) == "Hello."
    assert server.connections == 2
