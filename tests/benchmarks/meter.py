"""What a piece of work takes while it runs: time, memory, descriptors; as a picture."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import Self

_TICK = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class _Sample:
    second: float
    memory: float
    descriptors: int


class Meter:
    """Samples this process from a thread of its own."""

    def __enter__(self) -> Self:
        self.before = self.descriptors()
        self.samples: list[_Sample] = []
        self._base = resident()
        self._began, self._cpu = time.perf_counter(), time.process_time()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __getstate__(self) -> dict[str, object]:
        """What was measured, for another process."""
        return {key: each for key, each in vars(self).items() if key[0] != "_"}

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._began
        self.cpu = time.process_time() - self._cpu
        self._over.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._over.wait(_TICK):
            self._look()

    def _look(self) -> None:
        second = time.perf_counter() - self._began
        memory = resident() - self._base
        self.samples.append(_Sample(second, memory, self.descriptors() - self.before))

    @property
    def memory(self) -> float:
        """Megabytes on top of what was there before, at the most."""
        return max(sample.memory for sample in self.samples)

    @property
    def most(self) -> int:
        """Descriptors on top of those that were open before, at the most."""
        return max(sample.descriptors for sample in self.samples)

    @staticmethod
    def descriptors() -> int:
        """How many this process has open."""
        return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident() -> float:
    """Megabytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * _PAGE / 2**20


def pyplot() -> Any:
    """matplotlib's, which draws the same file each time."""
    import matplotlib as mpl  # noqa: PLC0415 - for pictures only

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "langchain-minimax"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    return plt


def picture(meters: Mapping[str, Meter], path: Path) -> None:
    """Draws memory and descriptors over time, a row for each."""
    figure, rows = pyplot().subplots(
        len(meters), 1, figsize=(8, 1.9 * len(meters)), layout="constrained"
    )
    for axes, (name, meter) in zip(rows, meters.items(), strict=True):
        _curves(axes, name.replace("`", ""), meter)
    rows[-1].set_xlabel("seconds")
    figure.savefig(path, metadata={"Date": None})


def _curves(axes: Any, name: str, meter: Meter) -> None:
    seconds = [sample.second for sample in meter.samples]
    axes.set_title(name, fontsize=9, loc="left")
    axes.plot(seconds, [sample.memory for sample in meter.samples], color="#c2410c")
    axes.set_ylabel("MB", color="#c2410c")
    axes.set_ylim(bottom=0)
    other = axes.twinx()
    other.plot(
        seconds, [sample.descriptors for sample in meter.samples], color="#0369a1"
    )
    other.set_ylabel("descriptors", color="#0369a1")
    other.set_ylim(bottom=0)
