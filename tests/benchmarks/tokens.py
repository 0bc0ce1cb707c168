"""How long it takes to estimate a text's tokens: a table; fails if it is not linear."""

from __future__ import annotations

import sys

from clock import in_turns

from langchain_minimax._langchain.tokens import count_text

ROUNDS = 5
LENGTH = 60_000
MOST = 3.0  # times as long for twice the text; what is quadratic takes four
PIECES = ["word ", " ", "\n", '"', "=-", "aé", "é", "_A", "1", "字", "😀", "\t ", "ب "]


def main() -> int:
    """Measures, and says whether counting is linear."""
    worst = 0.0
    print(f"| text | {LENGTH:,} pieces | twice as many: ratio |")  # noqa: T201
    print("|---|--:|--:|")  # noqa: T201
    for piece in PIECES:
        shorter, longer = piece * LENGTH, piece * LENGTH * 2
        best = in_turns(
            lambda text=shorter: count_text(text),
            lambda text=longer: count_text(text),
            rounds=ROUNDS,
        )
        ratio = best[1] / best[0]
        is_long = best[0] > 0.002  # below, the clock measures itself
        worst = max(worst, ratio if is_long else 0)
        print(f"| {piece!r} | {1000 * best[0]:.1f} ms | {ratio:.2f} |")  # noqa: T201
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
