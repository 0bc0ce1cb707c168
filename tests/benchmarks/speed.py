"""ChatMiniMax's speed beside the others', in turns within one run: two tables.

Each model has a process of its own, and so has the server. Fails if a bar is missed.

    python tests/benchmarks/speed.py --only stream --rounds 3
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from replayed import replayed
from scenarios import SCENARIOS, Scenario
from targets import OURS, REFERENCE, TARGETS
from workers import Worker, machine, workers

ROUNDS = 3
LONG = 5.0  # seconds; who takes longer for a round has no other, but for the reference
Figures = Mapping[str, Sequence[float]]
"""What each target took, round by round."""


# --- Measuring -----------------------------------------------------------------------


def in_turns(scenario: Scenario, every: Mapping[str, Worker], rounds: int) -> Figures:
    """The first round warms up."""
    figures: dict[str, list[float]] = {name: [] for name in every}
    short = dict(every)
    for number in range(rounds + 1):
        for name, each in list(short.items()):
            since = time.perf_counter()
            figure = each.measure(scenario.measure)
            is_long = time.perf_counter() - since > LONG and name != REFERENCE
            if is_long:
                del short[name]
            if number or is_long:
                figures[name].append(figure)
    return figures


def measure(asked: Sequence[str], rounds: int) -> dict[str, Figures]:
    """By scenario."""
    figures = {}
    with replayed() as url, workers(TARGETS, url) as every:
        for name in asked:
            scenario = SCENARIOS[name]
            who = {
                each: worker
                for each, worker in every.items()
                if TARGETS[each].takes_part(name)
            }
            figures[name] = in_turns(scenario, who, min(rounds, scenario.rounds))
            sys.stderr.write(f"{name}\n")
    return figures


# --- Tables --------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One of our figures, and what it is held against."""

    name: str
    target: str
    scenario: Scenario
    ours: Sequence[float]
    other: Sequence[float]

    @property
    def ratio(self) -> float:
        return median(self.ours) / (median(self.other) if self.other else 1)

    @property
    def is_met(self) -> bool:
        return self.scenario.bar is None or self.ratio <= self.scenario.bar

    def cells(self) -> list[str]:
        protocol = self.target.removeprefix(f"{OURS}, ")
        ours = f"{spread(self.ours)} {self.scenario.unit}"
        beside = [spread(self.other), f"{self.ratio:.2f}"] if self.other else ["", ""]
        return [self.name, protocol, ours, *beside, *self._verdict()]

    def _verdict(self) -> list[str]:
        bar, goal = self.scenario.bar, self.scenario.goal
        if bar is None or goal is None:
            return ["", "", ""]
        reached = "goal" if self.ratio <= goal else "bar" if self.is_met else "**no**"
        return [shown(bar), shown(goal), reached]


def lines(figures: Mapping[str, Figures]) -> list[Line]:
    found = []
    for name, of in figures.items():
        scenario = SCENARIOS[name]
        for target, ours in of.items():
            if not target.startswith(OURS):
                continue
            if scenario.against == REFERENCE:
                other = of[REFERENCE]
            else:
                other = figures.get(scenario.against, {}).get(target, ())
            if other or not scenario.against:
                found.append(Line(name, target, scenario, ours, other))
    return found


def shown(figure: float) -> str:
    return (
        f"{figure:,.0f}"
        if figure >= 100
        else f"{figure:.2g}"
        if figure < 10
        else f"{figure:.1f}"
    )


def spread(figures: Sequence[float]) -> str:
    low, high = min(figures), max(figures)
    return f"{shown(median(figures))} ({shown(low)} to {shown(high)})"


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(lines: Sequence[Line]) -> list[str]:
    head = [
        "",
        "protocol",
        OURS,
        f"{REFERENCE}; for events, chunks",
        "ratio",
        "bar",
        "goal",
    ]
    return [
        row([*head, "met"]),
        "|---|---|" + "--:|" * 5 + "---|",
        *(row(line.cells()) for line in lines),
    ]


def everyone(figures: Mapping[str, Figures]) -> list[str]:
    """The medians of all, and as ratios to the reference."""
    names = [name for name, target in TARGETS.items() if target.is_here]
    rows = [row(["", *names]), "|---|" + "--:|" * len(names)]
    for scenario, of in figures.items():
        reference = median(of[REFERENCE])
        cells = [f"{scenario}, {SCENARIOS[scenario].unit}"]
        for name in names:
            middle = median(of.get(name) or [0])
            ratio = f"{shown(middle)} ({middle / reference:.2f})"
            cells.append(ratio if name in of else "")
        rows.append(row(cells))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    known = f"scenarios with this in their name: {', '.join(SCENARIOS)}"
    parser.add_argument("--only", default="", help=known)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--everyone", type=Path)
    told = parser.parse_args()
    asked = [name for name in SCENARIOS if told.only in name]
    if not asked:
        parser.error(f"there are no {known}")
    if told.rounds < 1:
        parser.error("--rounds is 1 or more")
    figures = measure(asked, told.rounds)
    held = lines(figures)
    for path, rows in (
        (told.table, table(held)),
        (told.everyone, everyone(figures)),
    ):
        text = "\n".join([machine(), "", *rows, ""])
        print(text)
        if path:
            path.write_text(text, encoding="utf-8")
    return 0 if all(line.is_met for line in held) else 1


if __name__ == "__main__":
    sys.exit(main())
