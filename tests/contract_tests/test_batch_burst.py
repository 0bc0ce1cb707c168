"""A large batch survives a burst of 529s: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from langchain_minimax import ChatMiniMax, MiniMaxOverloadedError
from langchain_minimax.testing import Fault, RecordedRequest

ITEMS = 100
THREADS = 64
RETRIES = 2

# The `Retry-After` of each 529 with which an item is refused, for every fourth item.
BURST: list[list[int | None]] = [[], [None], [0, 0], [0, 0, 0]]


def batch(model: ChatMiniMax, said: list[str]) -> list[Any]:
    limit: Any = {"max_concurrency": THREADS}
    return model.batch(said, limit, return_exceptions=True)


def abatch(model: ChatMiniMax, said: list[str]) -> list[Any]:
    return asyncio.run(model.abatch(said, return_exceptions=True))


@pytest.mark.parametrize("ask", [batch, abatch])
def test_a_large_batch_survives_a_burst(
    ask: Callable[[ChatMiniMax, list[str]], list[Any]], serve: Any, connect: Any
) -> None:
    attempts: Counter[int] = Counter()

    def answer(request: RecordedRequest) -> Fault | str:
        (item,) = map(int, re.findall(r"item (\d+)", str(request.body["messages"])))
        refusals = BURST[item % len(BURST)]
        attempt = attempts[item]
        attempts[item] += 1
        if attempt < len(refusals):
            return Fault.error(2064, retry_after=refusals[attempt])
        return f"Item {item}, refused {attempt} times"

    server = serve(*[answer] * ITEMS * (RETRIES + 1))
    model = connect(server, max_retries=RETRIES)

    came = ask(model, [f"Do item {item}" for item in range(ITEMS)])

    assert len(server.requests) == attempts.total()
    for item, reply in enumerate(came):
        refused = len(BURST[item % len(BURST)])
        assert attempts[item] == min(refused, RETRIES) + 1
        if refused > RETRIES:
            assert type(reply) is MiniMaxOverloadedError
        else:
            assert reply.text == f"Item {item}, refused {refused} times"
    assert len(came) == len(attempts) == ITEMS
