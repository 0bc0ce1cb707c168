"""A thousand streams at once, two thousand calls in a batch, beside others: a table.

Each model carries them in a process of its own. Fails if one of our calls is lost, or
if a bar is missed. Who has not finished after `LIMIT` seconds is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from measures import LOOP, speaker
from replayed import parts, replayed
from targets import OURS, REFERENCE, TARGETS, Target
from workers import machine, many_files, workers

STREAMS, DELTAS, INTERVAL = 1_000, 20, 0.5
ITEMS, WORDS, LATENCY = 2_000, 3, 0.2
PACED = DELTAS * INTERVAL
LIMIT = 2 * PACED
LATE = 1.3  # times the paced length
SHARE = 0.6  # of the reference's processor time for a batch
Ask = Callable[[Any], Awaitable[int]]
"""From a model to how many calls of it came to their right end."""


@dataclass(frozen=True)
class Carried:
    """How many calls came to their right end, and what all took, in seconds."""

    finished: int
    wall: float
    cpu: float


# --- In the worker -------------------------------------------------------------------


async def streams(model: Any) -> int:
    async def one() -> str:
        return "".join([chunk.text async for chunk in model.astream("Hello")])

    tasks = [asyncio.ensure_future(one()) for _ in range(STREAMS)]
    done, _ = await asyncio.wait(tasks, timeout=LIMIT)
    right = "".join(parts("text", DELTAS))
    return sum(not each.exception() and each.result() == right for each in done)


async def abatch(model: Any) -> int:
    batch = asyncio.ensure_future(
        model.abatch(["Hello"] * ITEMS, return_exceptions=True)
    )
    done, _ = await asyncio.wait([batch], timeout=LIMIT)
    replies = batch.result() if done else []
    right = "".join(parts("text", WORDS))
    return sum(getattr(reply, "text", "") == right for reply in replies)


def carry(ask: Ask, deltas: int, interval: float, target: Target, url: str) -> Carried:
    speaker(target, url, "text", 1).invoke("Hello")  # what this imports is no load
    model = speaker(target, url, "text", deltas, interval)
    wall, cpu = time.perf_counter(), time.process_time()
    finished = LOOP.run_until_complete(ask(model))
    return Carried(finished, time.perf_counter() - wall, time.process_time() - cpu)


# --- The table -----------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """Calls at once, and the bars for them."""

    name: str
    ask: Ask
    calls: int
    deltas: int
    interval: float

    def verdict(self, name: str, carried: Mapping[str, Carried]) -> tuple[str, bool]:
        """The bar, and whether it is met."""
        mine, reference = carried[name], carried[REFERENCE]
        if mine.finished < self.calls:
            return "all finish", False
        if self.ask is abatch:
            return f"CPU: {SHARE}", mine.cpu <= SHARE * reference.cpu
        return f"{LATE * PACED:.0f} s", mine.wall <= LATE * PACED


LOADS = [
    Load(
        f"{STREAMS:,} `astream`, {DELTAS} deltas in {PACED:.0f} s",
        *(streams, STREAMS, DELTAS, INTERVAL),
    ),
    Load(
        f"{ITEMS:,} `abatch` items, {LATENCY} s each",
        *(abatch, ITEMS, WORDS, LATENCY),
    ),
]
HEAD = (
    f"| load | model | finished | wall s | CPU s | of {REFERENCE}'s CPU | bar | met |\n"
    "|---|---|" + "--:|" * 4 + "---|---|"
)


def carried(load: Load) -> dict[str, Carried]:
    ask = partial(carry, load.ask, load.deltas, load.interval)
    found = {}
    for name, target in TARGETS.items():
        if target.only is None:
            with replayed() as url, workers([name], url) as every:
                found |= {name: each.measure(ask) for name, each in every.items()}
    return found


def row(load: Load, name: str, all_: Mapping[str, Carried]) -> tuple[str, bool]:
    mine, reference = all_[name], all_[REFERENCE]
    both = mine.finished == reference.finished == load.calls
    cells = [
        *(load.name, name, f"{mine.finished:,}", f"{mine.wall:.1f}", f"{mine.cpu:.1f}"),
        f"{mine.cpu / reference.cpu:.2f}" if both else "",
    ]
    is_met = True
    if name.startswith(OURS):
        bar, is_met = load.verdict(name, all_)
        cells += [bar, "yes" if is_met else "**no**"]
    else:
        cells += ["", ""]
    return f"| {' | '.join(cells)} |", is_met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    told = parser.parse_args()
    many_files()
    rows, is_met = [machine(), "", HEAD], True
    for load in LOADS:
        all_ = carried(load)
        for name in all_:
            line, met = row(load, name, all_)
            rows.append(line)
            is_met &= met
            print(line, flush=True)
    if told.table:
        told.table.write_text("\n".join([*rows, ""]), encoding="utf-8")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
