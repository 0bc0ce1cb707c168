"""llmock's verdicts on three clients, as the table in tests/figures/llmock.md.

Each scenario of `support/examiner.py` in each call way, one after the other: all
asynchronous calls in one event loop, and each in a loop of its own. A verdict counts as
failed if llmock fails the client, or if in the end there is neither the right answer
nor, where none is to be had, an error. What was wrong goes to stderr.

    examined.py [ChatMiniMax] [ChatAnthropic] [ChatOpenAI]
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from llmock.testing import LLMockServer

from langchain_minimax import ChatMiniMax
from support.examiner import SCENARIOS, examine, get_weather

Connect = Callable[[str, float], Any]
OURS = "langchain-minimax"


def _ours(protocol: Any) -> Connect:
    def connect(url: str, idle: float) -> Any:
        return ChatMiniMax(
            model="MiniMax-M3",
            protocol=protocol,
            api_key="sk-examined",
            base_url=url,
            stream_idle_timeout=idle,
        )

    return connect


def _theirs(model: Any) -> Connect:
    def connect(url: str, idle: float) -> Any:
        return model(
            model="MiniMax-M3", api_key="sk-examined", base_url=url, timeout=idle
        )

    return connect


# ChatAnthropic does sleep for that hour.
ASKED = {name: each for name, each in SCENARIOS.items() if name != "429, wait an hour"}

CLIENTS: dict[tuple[str, str, str], Connect] = {
    ("ChatMiniMax", "anthropic", OURS): _ours("anthropic"),
    ("ChatMiniMax", "openai", OURS): _ours("openai"),
    ("ChatAnthropic", "anthropic", "langchain-anthropic"): _theirs(ChatAnthropic),
    ("ChatOpenAI", "openai", "langchain-openai"): _theirs(ChatOpenAI),
}
PROTOCOLS = {"anthropic": "Messages", "openai": "Chat Completions"}


async def failed(
    server: LLMockServer, url: str, connect: Connect, *, here: bool
) -> tuple[Counter[str], int]:
    """What a client did wrong, and of how many verdicts."""
    limits = {scenario.idle for scenario in ASKED.values()}
    clients = {idle: connect(url, idle).bind_tools([get_weather]) for idle in limits}
    fails: Counter[str] = Counter()
    cases = [(name, way) for name, each in ASKED.items() for way in each.ways]
    for name, way in cases:
        server.state.reset()
        scenario = ASKED[name]
        client = clients[scenario.idle]
        wrong = (await examine(server, scenario, way, client, here=here)).wrong(
            scenario
        )
        if wrong:
            fails[wrong] += 1
            sys.stderr.write(f"  {name}, {way}: {wrong}\n")
    return fails, len(cases)


def told(fails: Counter[str], total: int) -> str:
    """A cell of the table."""
    which = ", ".join(f"{number} {wrong}" for wrong, number in fails.most_common())
    return f"**{fails.total()} of {total}**{which and ': '}{which}"


def main(chosen: list[str]) -> int:
    """Examines, prints the table, and says whether ours fails nothing."""
    missed = 0
    sys.stdout.write("| client | protocol | one loop | a loop per call | version |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    with LLMockServer() as server:
        for (client, protocol, package), connect in CLIENTS.items():
            if chosen and client not in chosen:
                continue
            url = server.base_url(protocol)
            row = [client, PROTOCOLS[protocol]]
            for here in (True, False):
                sys.stderr.write(f"{client}, {protocol}, one loop: {here}\n")
                fails, total = asyncio.run(failed(server, url, connect, here=here))
                row.append(told(fails, total))
                missed += fails.total() * (package == OURS)
            row.append(f"{package} {version(package)}")
            sys.stdout.write(f"| {' | '.join(row)} |\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
