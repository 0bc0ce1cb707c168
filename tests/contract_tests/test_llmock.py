"""An examiner nobody here wrote finds nothing to complain of.

The scenarios, what must come out of each and why: the table in `support/examiner.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage

from langchain_minimax import ChatMiniMax

pytest.importorskip(
    "llmock.testing",
    reason="llmock's FastAPI may ask for a newer Starlette than we do",
    exc_type=ImportError,
)
from llmock.testing import LLMockServer

from support.examiner import HERE, SCENARIOS, Scenario, Seen, examine, get_weather

# What an older uvicorn says of the websockets that it finds.
pytestmark = pytest.mark.filterwarnings("ignore:.*websockets:DeprecationWarning")

PROTOCOLS = ["anthropic", "openai"]


@pytest.fixture(scope="module")
def server() -> Iterator[LLMockServer]:
    with LLMockServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _a_thread_for_each_call() -> AsyncIterator[None]:
    """asyncio has few of them, and calls would wait for each other."""
    with ThreadPoolExecutor(32) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        yield


@pytest.fixture(scope="module")
def client(server: LLMockServer) -> Callable[[str, float], Any]:
    """One model of a protocol for all scenarios, ways, threads and event loops.

    Another one hurries.
    """

    @cache
    def connect(protocol: str, idle: float) -> Any:
        return ChatMiniMax(
            model="MiniMax-M3",
            protocol=protocol,
            api_key="sk-examined",
            base_url=server.base_url(protocol),
            stream_idle_timeout=idle,
        ).bind_tools([get_weather])

    return connect


def check(seen: Seen, scenario: Scenario, call: str) -> None:
    wanted = ("", scenario.warned, scenario.requests)
    assert (seen.wrong(scenario), seen.warnings, seen.requests) == wanted, call
    assert isinstance(seen.outcomes[0], scenario.error or AIMessage), call
    for error in seen.outcomes[:-1]:  # of a stream that broke
        assert scenario.text.startswith(error.partial.text)
        assert error.partial.tool_calls == []


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_examiner_finds_nothing(
    name: str, client: Callable[[str, float], Any], server: LLMockServer
) -> None:
    """Every asynchronous way in the one event loop of all tests, and in its own."""
    scenario = SCENARIOS[name]
    calls = [
        (protocol, way, here)
        for protocol in PROTOCOLS
        for here in (True, False)
        for way in scenario.ways
        if here or way in HERE
    ]
    server.state.reset()

    every = await asyncio.gather(
        *(
            examine(server, scenario, way, client(protocol, scenario.idle), here=here)
            for protocol, way, here in calls
        )
    )

    for (protocol, way, here), seen in zip(calls, every, strict=True):
        check(seen, scenario, f"{way}, {protocol}, {'one loop' if here else 'its own'}")
