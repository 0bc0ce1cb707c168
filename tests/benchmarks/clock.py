"""How long two pieces of work take, measured in turns within one run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

Work = Callable[[], object]


def in_turns(shorter: Work, longer: Work, *, rounds: int) -> tuple[float, float]:
    """The best CPU time of each, in seconds."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for which, work in enumerate((shorter, longer)):
            best[which] = min(best[which], _seconds(work))
    return best[0], best[1]


def _seconds(work: Work) -> float:
    gc.collect()
    since = time.process_time()
    work()
    return time.process_time() - since
