"""What runs in Dask's processes: one model in each worker, one rate for all of them.

The rate is kept where the scheduler is, which outlives its workers.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from checkpoint import Attempt
from chunks import Chunk
from diary import note
from distributed import Scheduler, SchedulerPlugin, Worker, WorkerPlugin, get_worker
from rate import SharedRateLimiter, Slots
from scoring import Scorer

from langchain_minimax import ChatMiniMax


class OneRate(SchedulerPlugin):
    """Lets the scheduler hand out the slots of one rate."""

    name = "one rate"

    def __init__(self, rate: float) -> None:
        self._rate = rate

    async def start(self, scheduler: Scheduler) -> None:
        """Add a request to those that it answers."""
        slots = Slots(self._rate)

        async def lease(number: int) -> float:
            return slots.lease(number)

        scheduler.handlers["lease_slots"] = lease


class OneModel(WorkerPlugin):
    """Makes the one model of a worker, in its own process, when that begins.

    Args:
        fields: The arguments of `ChatMiniMax`. The key is not among them: it comes from
            the worker's environment.
        places: How many requests a worker may have under way.
        rate: How many requests all of them may begin in a second.
        diary: Where a worker notes that it began.
    """

    name = "one model"

    def __init__(
        self, fields: dict[str, Any], places: int, rate: float, diary: Path
    ) -> None:
        self._fields = fields
        self._places = places
        self._rate = rate
        self._diary = diary

    async def setup(self, worker: Worker) -> None:
        """Make it."""

        async def lease(number: int) -> float:
            return await worker.scheduler.lease_slots(number=number)

        limiter = SharedRateLimiter(self._rate, lease, asyncio.get_running_loop())
        model = ChatMiniMax(rate_limiter=limiter, **self._fields)
        self.scorer = Scorer(model, self._places)
        note(self._diary, "worker began", os.getpid())


async def work(chunk: Chunk) -> int:
    """A task: what is left of a chunk, on the worker's own event loop."""
    scorer = get_worker().plugins[OneModel.name].scorer
    with Attempt(chunk.folder, chunk.number) as attempt:
        requests = chunk.requests(attempt)
        await scorer.score(requests, attempt.write, lambda: attempt.is_over)
    return chunk.number
