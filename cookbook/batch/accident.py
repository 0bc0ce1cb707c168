"""A chunk and the workers of a run in, one of them killed in the middle of it out."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from checkpoint import Checkpoint
from chunks import Chunk
from diary import note

_LOOK = 0.02  # seconds between two looks at how far the chunk is


@contextmanager
def killer(
    chunk: Chunk, diary: Path, workers: Callable[[], Collection[int]]
) -> Iterator[None]:
    """Ends the worker that has got a chunk half done, as the system might.

    Args:
        chunk: Which one.
        diary: Where that is noted.
        workers: The processes that may be killed: this run's own. The checkpoint may
            have numbers of an earlier run, which are other processes by now.
    """
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(_LOOK):
            finished = Checkpoint(chunk.folder).finished(chunk.number)
            if len(finished) * 2 < len(chunk.records):
                continue
            own = workers()
            at_it = [reply.worker for reply in finished.values() if reply.worker in own]
            if at_it:
                os.kill(at_it[-1], signal.SIGKILL)
                note(diary, "worker killed", at_it[-1])
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
