"""The bars: how little ChatMiniMax may take of what ChatAnthropic takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import measures
from targets import REFERENCE
from workers import Measure

DELTAS = 5_000
DELTA = "µs a delta"


@dataclass(frozen=True)
class Scenario:
    """What is measured, and the bar for its ratio to the reference's figure.

    `against` another scenario, the ratio is to one's own figure in that; `against`
    nothing, the bar is for the figure itself. Without a bar it is only shown.
    """

    measure: Measure
    unit: str = "µs"
    bar: float | None = None
    goal: float | None = None
    against: str = REFERENCE
    rounds: int = 99
    """At most so many: some take seconds, however fast one is."""


def streams() -> Iterator[tuple[str, Scenario]]:
    """Chunks, and v3 events beside them."""
    kinds = {
        "text": ("text", 1 / 2.5, 1 / 6),
        "thinking": ("thinking", 1 / 2.5, 1 / 6),
        "tool arguments": ("tool", 1 / 6, 1 / 15),
    }
    ways = {
        "stream": (measures.stream, measures.events),
        "astream": (measures.astream, measures.aevents),
    }
    for kind, (short, bar, goal) in kinds.items():
        for way, (chunks, events) in ways.items():
            name = f"{way} {kind}"
            yield name, Scenario(partial(chunks, short, DELTAS), DELTA, bar, goal)
            heard = partial(events, short, DELTAS)
            yield f"{way}_events {kind}", Scenario(heard, DELTA, 1, 1, against=name)


SCENARIOS = {
    **dict(streams()),
    "invoke": Scenario(partial(measures.invoke, 0), bar=0.6, goal=0.4),
    "ainvoke": Scenario(partial(measures.ainvoke, 0), bar=0.6, goal=0.4),
    "invoke, 200 messages": Scenario(
        partial(measures.invoke, 200), bar=0.10, goal=0.04
    ),
    "ainvoke, 200 messages": Scenario(
        partial(measures.ainvoke, 200), bar=0.10, goal=0.04
    ),
    "invoke, 2,000 messages": Scenario(
        partial(measures.invoke, 2_000), bar=0.08, goal=0.03
    ),
    "ainvoke, 2,000 messages": Scenario(
        partial(measures.ainvoke, 2_000), bar=0.08, goal=0.03
    ),
    "bind_tools and invoke, 50 tools": Scenario(
        partial(measures.tools, 50), bar=0.4, goal=0.4
    ),
    "bind_tools and invoke, 5 functions": Scenario(partial(measures.functions, 5)),
    "first chunk, stream": Scenario(measures.first, bar=0.7, goal=0.5),
    "first chunk, astream": Scenario(measures.afirst, bar=0.7, goal=0.5),
    "50 paced astream": Scenario(
        partial(measures.paced, 50, 30, 0.1), DELTA, 0.85, 0.5, rounds=2
    ),
    "import": Scenario(measures.imports, "ms", 30, 30, against=""),
    "construct": Scenario(measures.construct, bar=1, goal=0.5),
    "memory of an instance": Scenario(measures.memory, "kB", 3, 3, against=""),
}
