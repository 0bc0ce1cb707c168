"""Whose the time is that a delta and a call take: a table.

By Python's own profiler, which makes small functions look dearer than they are: the
shares are rough. What Python itself does counts for whoever called it.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import measures
from replayed import replayed
from targets import OURS, REFERENCE, TARGETS, Target
from workers import machine

MODELS = [f"{OURS}, Messages", REFERENCE]
DELTAS = 5_000
DEPTH = 6  # how far up a caller is looked for
OWNERS = {
    "langchain_minimax": "the package",
    "langchain_anthropic": "the package",
    "anthropic": "its SDK",
    "langchain_core": "LangChain",
    "langsmith": "LangChain",
    "pydantic": "LangChain's models",
    "httpx": "HTTP (httpx, httpcore, h11)",
    "httpcore": "HTTP (httpx, httpcore, h11)",
    "h11": "HTTP (httpx, httpcore, h11)",
    "anyio": "asyncio, anyio, sockets",
    "asyncio": "asyncio, anyio, sockets",
    "selectors.py": "asyncio, anyio, sockets",
    "tenacity": "tenacity",
}
REST = "the benchmark"
Work = Callable[[Target, str], object]
Function = tuple[str, int, str]


def stream(kind: str, target: Target, url: str) -> float:
    return measures.stream(kind, DELTAS, target, url)


WORKS: dict[str, tuple[Work, int]] = {
    "a delta of text": (partial(stream, "text"), DELTAS),
    "a delta of thinking": (partial(stream, "thinking"), DELTAS),
    "a delta of a call's arguments": (partial(stream, "tool"), DELTAS),
    "`invoke`": (partial(measures.invoke, 0), measures.calls(0)),
    "`ainvoke`": (partial(measures.ainvoke, 0), measures.calls(0)),
    "`invoke`, 200 messages": (partial(measures.invoke, 200), measures.calls(200)),
    "50 tools": (partial(measures.tools, 50), 20),
}


def owner(function: Function) -> str | None:
    """Whose a function is, by the file that it is in; `None` for Python's own."""
    parts = Path(function[0]).parts
    return next((OWNERS[part] for part in parts if part in OWNERS), None)


def shares(work: Work, target: Target, url: str) -> Counter[str]:
    """Seconds by owner."""
    work(target, url)
    profile = cProfile.Profile()
    profile.runcall(work, target, url)
    stats: Any = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    found: Counter[str] = Counter()
    for function, (_, _, own, _, _) in stats.items():
        for name, part in owners(function, stats, frozenset()).items():
            found[name] += own * part
    del found[REST]
    return found


def owners(
    function: Function, stats: Any, seen: frozenset[Function]
) -> Mapping[str, float]:
    """Whose a function's time is, in parts of one: of Python's own, the callers'."""
    if name := owner(function):
        return {name: 1.0}
    callers = stats[function][4] if function in stats and len(seen) < DEPTH else {}
    taken = {each: row[3] for each, row in callers.items() if each not in seen}
    whole = sum(taken.values())
    if not whole:
        return {REST: 1.0}
    found: Counter[str] = Counter()
    for caller, part in taken.items():
        for name, share in owners(caller, stats, seen | {function}).items():
            found[name] += share * part / whole
    return found


def cells(work: Work, times: int, target: Target, url: str) -> dict[str, str]:
    found = shares(work, target, url)
    whole = found.total()
    shown = {
        name: f"{1e6 * taken / times:.3g} ({taken / whole:.0%})"
        for name, taken in found.items()
    }
    return {**shown, "all": f"{1e6 * whole / times:.3g}"}


def table(url: str) -> str:
    names = [*dict.fromkeys(OWNERS.values()), "all"]
    head = f"| µs by the profiler | model | {' | '.join(names)} |"
    lines = [machine(), "", head, "|---|---|" + "--:|" * len(names)]
    for work, (run, times) in WORKS.items():
        for model in MODELS:
            found = cells(run, times, TARGETS[model], url)
            row = [work, model.split(",")[0], *(found.get(name, "") for name in names)]
            lines.append(f"| {' | '.join(row)} |")
            sys.stderr.write(f"{work}, {model}\n")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    told = parser.parse_args()
    with replayed() as url:
        text = table(url)
    print(text)
    if told.table:
        told.table.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
