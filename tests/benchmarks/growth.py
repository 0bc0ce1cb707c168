"""What eight times as much costs: a table, and pictures beside the others.

Histories, tools, deltas, arguments, images, sums and streams at once, each doubled
three times, in turns within one run: the best of a few rounds. Fails if one of ours is
not linear where it could be. `--picture` needs the group `bench`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import measures
from meter import pyplot
from replayed import replayed
from targets import FLOOR, OURS, REFERENCE, TARGETS
from workers import Measure, Worker, machine, many_files, workers

ROUNDS = 2
DOUBLINGS = 3
TIMES = 2**DOUBLINGS
MOST = 1.5 * TIMES  # as dear, for so many times as much; what is quadratic takes 64
LONG = 4e6  # microseconds; who takes longer is not asked for the next size
MODELS = [name for name, target in TARGETS.items() if target.only is None]
FEW = (*(name for name in MODELS if name.startswith(OURS)), REFERENCE, FLOOR)
Curve = Mapping[float, float]
"""From sizes to microseconds."""


@dataclass(frozen=True)
class Growth:
    """What is doubled, and from where on."""

    name: str
    measure: Callable[..., float]
    least: float
    models: tuple[str, ...] = tuple(MODELS)
    is_ours: bool = True
    """Whether it is our work: LangChain's is shown, and not judged."""

    @property
    def sizes(self) -> list[float]:
        return [self.least * 2**doubling for doubling in range(DOUBLINGS + 1)]

    def at(self, size: float) -> Measure:
        return partial(self.measure, size)


def summed(kind: str, name: str, *, is_ours: bool = True) -> Growth:
    measure = partial(measures.summed, kind)
    return Growth(f"chunks of {name}, summed", measure, 6_250, FEW, is_ours)


GROWTHS = [
    Growth("deltas of text", partial(measures.reply, "text"), 1_250),
    Growth("deltas of tool arguments", partial(measures.reply, "tool"), 625),
    Growth("messages of an agent", measures.invoke, 250),
    Growth("tools", measures.tools, 25),
    Growth("kB of an image", measures.image, 625),
    Growth("paced streams at once", measures.crowd, 25),
    summed("text", "text"),
    summed("thinking", "thinking", is_ours=False),
    summed("tool", "arguments", is_ours=False),
]


def curves(growth: Growth, every: Mapping[str, Worker]) -> dict[str, Curve]:
    """The first call of each warms up; the others are measured in one round."""
    found: dict[str, dict[float, float]] = {}
    for name in growth.models:
        if name in every:
            every[name].measure(growth.at(growth.least))
            found[name] = {}
    for number in range(ROUNDS):
        for name, curve in found.items():
            if number and not (growth.is_ours and name.startswith(OURS)):
                continue
            for size in growth.sizes:
                taken = every[name].measure(growth.at(size))
                curve[size] = min(taken, curve.get(size, taken))
                if taken > LONG:
                    break
    return found


def times(growth: Growth, curve: Curve) -> float | None:
    """How many times as dear the largest is as the least."""
    *_, largest = growth.sizes
    return curve[largest] / curve[growth.least] if largest in curve else None


def grows_linearly(growth: Growth, curve: Curve) -> bool:
    grown = times(growth, curve)
    return grown is not None and grown <= MOST


def rows(growth: Growth, found: Mapping[str, Curve]) -> list[str]:
    head = " | ".join(f"{size:,.0f}" for size in growth.sizes)
    lines = [
        "",
        f"| {growth.name} | {head} | {TIMES} times as much |",
        "|---|" + "--:|" * (DOUBLINGS + 2),
    ]
    for name, curve in found.items():
        cells = [
            f"{curve[s] / 1000:,.1f} ms" if s in curve else "" for s in growth.sizes
        ]
        grown = times(growth, curve)
        cells.append(f"{grown:.1f}" if grown else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def picture(all_: Mapping[Growth, Mapping[str, Curve]], path: Path) -> None:
    """Draws processor time against size, in logarithms: parallels are as steep."""
    columns = 3
    figure, axes = pyplot().subplots(
        -(-len(all_) // columns), columns, figsize=(10, 9), layout="constrained"
    )
    for place, (growth, found) in zip(axes.flat, all_.items(), strict=True):
        for number, name in enumerate((*MODELS, FLOOR)):
            curve = found.get(name, {})
            taken = [each / 1000 for each in curve.values()]
            place.loglog(list(curve), taken, f"C{number}.-", label=name)
        place.set_xticks(growth.sizes, [f"{size:,.0f}" for size in growth.sizes])
        place.minorticks_off()
        place.set_title(growth.name, fontsize=9, loc="left")
        place.grid(alpha=0.3)
    axes[0, 0].set_ylabel("CPU, ms")
    names, handles = [*MODELS, FLOOR], axes[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those with this in their name")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--picture", type=Path)
    told = parser.parse_args()
    asked = [growth for growth in GROWTHS if told.only in growth.name]
    if not asked:
        known = ", ".join(growth.name for growth in GROWTHS)
        parser.error(f"nothing has this in its name: {known}")
    many_files()
    lines, is_linear = [machine()], True
    all_: dict[Growth, Mapping[str, Curve]] = {}
    with replayed() as url, workers((*MODELS, FLOOR), url) as every:
        for growth in asked:
            all_[growth] = curves(growth, every)
            lines += rows(growth, all_[growth])
            sys.stderr.write(f"{growth.name}\n")
    for growth, found in all_.items():
        ours = [curve for name, curve in found.items() if name.startswith(OURS)]
        is_linear &= not growth.is_ours or all(
            grows_linearly(growth, each) for each in ours
        )
    text = "\n".join([*lines, ""])
    print(text)
    if told.table:
        told.table.write_text(text, encoding="utf-8")
    if told.picture:
        picture(all_, told.picture)
    return 0 if is_linear else 1


if __name__ == "__main__":
    sys.exit(main())
