"""A thousand streams at once, thousands of calls in a batch: a table and a picture.

Fails if a reply is lost, altered or an error, if one caller waits much longer than
another, or if what was taken is not given back. The server paces its replies in a
process of its own. `--picture` needs the group `figures`.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from meter import Meter, picture
from paced import paced, text

from langchain_minimax import ChatMiniMax

EVENTS, INTERVAL = 30, 0.1  # a stream of three seconds
MOST_MEMORY = 300  # megabytes on top, for all the calls
MOST_UNFAIR = 2.0  # times as long for the last caller as for the first
Seconds = Sequence[float]


@dataclass(frozen=True)
class Load:
    """Calls at once, or in a batch, and how long each took."""

    name: str
    calls: int
    run: Callable[[ChatMiniMax, int], Seconds]
    refusals: int = 0


def streams(model: ChatMiniMax, number: int) -> Seconds:
    async def one() -> float:
        began = time.perf_counter()
        said = "".join([chunk.text async for chunk in model.astream("Hello")])
        assert said == text(EVENTS), f"lost: {said!r}"
        return time.perf_counter() - began

    async def run() -> Seconds:
        return await asyncio.gather(*(one() for _ in range(number)))

    return asyncio.run(run())


def abatch(model: ChatMiniMax, number: int) -> Seconds:
    began = time.perf_counter()
    replies = asyncio.run(model.abatch(["Hello"] * number))
    assert [reply.text for reply in replies] == [text(EVENTS)] * number
    return [time.perf_counter() - began]


def batch(model: ChatMiniMax, number: int) -> Seconds:
    began = time.perf_counter()
    replies = model.batch(["Hello"] * number, config={"max_concurrency": 64})
    assert [reply.text for reply in replies] == [text(EVENTS)] * number
    return [time.perf_counter() - began]


LOADS = [
    Load("1,000 `astream`", 1000, streams),
    Load("2,000 `abatch` items", 2000, abatch),
    Load("2,000 `batch` items, 64 threads", 2000, batch),
    Load("1,000 `abatch` items, a burst of 1,500 529s", 1000, abatch, refusals=1500),
]
HEAD = "| load | wall s | CPU s | slowest / fastest | memory MB | descriptors | left |"


def connected(url: str) -> ChatMiniMax:
    """A model with patience for a burst of refusals."""
    return ChatMiniMax(
        model="MiniMax-M3", api_key="nobody", base_url=url, max_retries=9
    )


def carry(load: Load) -> tuple[Meter, float, int]:
    """The curves, how unfair it was, and how many descriptors are left."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    with paced(EVENTS, INTERVAL) as url, connected(url) as model:
        load.run(model, 1)  # what is imported with the first call is no load
    served = paced(EVENTS, INTERVAL, latency=0.2, refusals=load.refusals)
    with served as url, connected(url) as model:
        with Meter() as meter:
            each = load.run(model, load.calls)
        model.close()
        left = meter.descriptors() - meter.before
    return meter, max(each) / min(each), left


def row(load: Load, meter: Meter, unfair: float, left: int) -> str:
    """A line of the table."""
    cells = (
        f"{meter.wall:.1f}",
        f"{meter.cpu:.1f}",
        f"{unfair:.2f}" if load.run is streams else "",
        f"{meter.memory:.0f}",
        f"{meter.most}",
        f"{left}",
    )
    return f"| {load.name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--picture", type=Path)
    told = parser.parse_args()
    rows, curves = [HEAD, "| --- |" + " --: |" * 6], {}
    print(*rows, sep="\n")
    for load in LOADS:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            meter, unfair, left = process.submit(carry, load).result()
        rows.append(row(load, meter, unfair, left))
        print(rows[-1], flush=True)
        assert unfair < MOST_UNFAIR, f"{load.name}: {unfair:.1f} times as long"
        assert meter.memory < MOST_MEMORY, f"{load.name}: {meter.memory:.0f} MB"
        assert left <= 1, f"{load.name}: {left} descriptors are left"
        curves[load.name] = meter
    if told.table:
        told.table.write_text("\n".join(rows) + "\n")
    if told.picture:
        picture(curves, told.picture)


if __name__ == "__main__":
    main()
