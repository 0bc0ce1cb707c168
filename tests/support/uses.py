"""Everything that can be done with a model, to the end or half-way, one after another.

The asynchronous ones each in an event loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

Use = Callable[[Any], object]


def lose(model: Any) -> None:
    """Drops a stream half-way."""
    next(model.stream("Tell"))


def _in_a_cycle(stream: Iterator[Any]) -> None:
    next(stream)
    ring = [stream]
    ring.append(ring)  # type: ignore[arg-type]


def lose_in_a_cycle(model: Any) -> None:
    """Leaves one to the garbage collector."""
    _in_a_cycle(model.stream("Tell"))


def lose_events_in_a_cycle(model: Any) -> None:
    """Leaves LangChain's v3 events to the garbage collector."""
    _in_a_cycle(iter(model.stream_events("Tell", version="v3")))


async def aclose(model: Any) -> None:
    """Closes a stream half-way."""
    async with aclosing(model.astream("Tell")) as stream:
        await anext(stream)


async def alose(model: Any) -> None:
    """Drops one half-way."""
    await anext(model.astream("Tell"))


async def aclose_events(model: Any) -> None:
    """Closes LangChain's v3 events half-way."""
    async with await model.astream_events("Tell", version="v3") as stream:
        await anext(aiter(stream))


async def cancel(model: Any) -> None:
    """Cancels the reader of a stream."""

    async def read() -> None:
        async for _ in model.astream("Tell"):
            began.set()

    began = asyncio.Event()
    task = asyncio.create_task(read())
    await began.wait()
    task.cancel()
    await asyncio.wait([task])


def _in_a_loop(use: Callable[[Any], Awaitable[object]]) -> Use:
    return lambda model: asyncio.run(use(model))  # type: ignore[arg-type]


USES: Sequence[Use] = [
    lambda model: model.invoke("Tell"),
    lambda model: list(model.stream("Tell")),
    lose,
    lose_in_a_cycle,
    lose_events_in_a_cycle,
    _in_a_loop(lambda model: model.ainvoke("Tell")),
    _in_a_loop(aclose),
    _in_a_loop(alose),
    _in_a_loop(aclose_events),
    _in_a_loop(cancel),
]
