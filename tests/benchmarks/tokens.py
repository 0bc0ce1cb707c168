"""How long it takes to read hostile text: a table; fails if it is not linear.

A text's tokens are estimated, and an image's address is looked at.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial

from clock import in_turns

from langchain_minimax._langchain.media import to_media
from langchain_minimax._langchain.tokens import count_text
from langchain_minimax.errors import MiniMaxInvalidRequestError

ROUNDS = 5
LENGTH = 60_000
MOST = 3.0  # times as long for twice the text; what is quadratic takes four
PIECES = ["word ", " ", "\n", '"', "=-", "aé", "é", "_A", "1", "字", "😀", "\t ", "ب "]
ADDRESSES = ["A", ";", "=,", "%0"]


def look_at(text: str) -> None:
    """Refuses an address that is none."""
    with suppress(MiniMaxInvalidRequestError):
        to_media({"type": "image", "url": f"data:{text}"})


WORKS = [(count_text, piece) for piece in PIECES]
WORKS += [(look_at, piece) for piece in ADDRESSES]


def main() -> int:
    """Measures, and says whether reading is linear."""
    worst = 0.0
    print(f"| text | {LENGTH:,} pieces | twice as many: ratio |")
    print("|---|--:|--:|")
    for work, piece in WORKS:
        shorter, longer = piece * LENGTH, piece * LENGTH * 2
        best = in_turns(
            partial(work, shorter),
            partial(work, longer),
            rounds=ROUNDS,
        )
        ratio = best[1] / best[0]
        is_long = best[0] > 0.002  # below, the clock measures itself
        worst = max(worst, ratio if is_long else 0)
        print(f"| {work.__name__}, {piece!r} | {1000 * best[0]:.1f} ms | {ratio:.2f} |")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
