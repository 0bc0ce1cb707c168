"""How long text that looks like calls takes to be read: a table; fails if not linear.

Each text and the same twice as long, whole and in pieces, measured in turns within one
run: the best CPU time of several rounds each.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from clock import in_turns

from langchain_minimax._deltas import TextDelta
from langchain_minimax._leaked_calls import LeakedCalls

ROUNDS = 5
LENGTH = 40_000
MOST = 3.0  # times as long for twice the text; what is quadratic takes four
CUTS = {"in pieces": 3, "whole": 2 * LENGTH}
TOOLS = {"run": {"type": "object", "properties": {"program": {"type": "string"}}}}

M2 = '<minimax:tool_call><invoke name="run"><parameter name="program">'
MARK = "]<]minimax[>["
M3 = f'{MARK}<tool_call>{MARK}<invoke name="run">{MARK}<program>'
TEXTS = {
    "angles": ("", "<"),
    "brackets": ("", "]<"),
    "lines": ("", "\n"),
    "backticks": ("", "`"),
    "openings": ("", "<minimax:tool_call>\n"),
    "quoted openings": ("", f"`{MARK}<tool_call>"),
    "M2, letters": (M2, "x"),
    "M2, ends": (M2, "</parameter>  "),
    "M2, parameters": (M2, '</parameter> <parameter name="a">'),
    "M3, lines": (M3, "\n"),
    "M3, marks": (M3, MARK),
    "M3, tags": (M3, f"{MARK}<a>"),
}


def read(pieces: Sequence[str]) -> None:
    """Reads one text."""
    stage = LeakedCalls(TOOLS)
    for piece in pieces:
        stage.feed(TextDelta(0, piece))


def ratio(start: str, part: str, cut: int) -> tuple[float, float]:
    """The time that a text takes, and how many times that one twice as long."""
    shorter, longer = (
        [text[at : at + cut] for at in range(0, len(text), cut)]
        for times in (1, 2)
        for text in [start + part * (times * LENGTH // len(part))]
    )
    best = in_turns(lambda: read(shorter), lambda: read(longer), rounds=ROUNDS)
    return best[0], best[1] / best[0]


def main() -> int:
    """Measures, and says whether reading is linear."""
    worst = 0.0
    print(f"| text | {LENGTH:,} characters | twice as many: ratio |")
    print("|---|--:|--:|")
    for name, (start, part) in TEXTS.items():
        for how, cut in CUTS.items():
            taken, times = ratio(start, part, cut)
            is_long = taken > 0.002  # below, the clock measures itself
            worst = max(worst, times if is_long else 0)
            print(f"| {name}, {how} | {1000 * taken:.1f} ms | {times:.2f} |")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
