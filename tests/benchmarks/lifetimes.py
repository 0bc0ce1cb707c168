"""Five thousand models made, used and dropped: a table, and a picture on demand.

They are used in every way in turn: to the end, dropped half-way, cancelled; the
asynchronous ones each in an event loop of its own. Fails if memory or descriptors are
not flat. The emulator has a process of its own, so that only the client is measured.
`--picture` needs the group `figures`.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import mean

from langchain_core._api import LangChainBetaWarning
from meter import Meter, pyplot, resident

sys.path.insert(0, str(Path(__file__).parent.parent))

from langchain_minimax import ChatMiniMax
from support.uses import USES

MODELS = 5000
EACH = 25  # models between two samples
MOST_MEMORY = 1.02  # of the last third to the middle one
MOST_DESCRIPTORS = 1.0  # on top of the middle third: one connection that is kept

# --- What it takes -------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """After so many models."""

    models: int
    megabytes: float
    descriptors: int


def sample(models: int) -> Sample:
    """What this process holds now."""
    return Sample(models, resident(), Meter.descriptors())


def live(base_url: str) -> list[Sample]:
    """Makes, uses and drops the models."""
    warnings.simplefilter("ignore", LangChainBetaWarning)
    samples = []
    for number, use in enumerate(islice(cycle(USES), MODELS), 1):
        use(
            ChatMiniMax(
                model="MiniMax-M3", api_key="sk-api-emulated", base_url=base_url
            )
        )
        if number % EACH == 0:
            gc.collect()  # what was lost in a cycle waits for it, and is no leak
            samples.append(sample(number))
    return samples


@contextmanager
def emulator() -> Iterator[str]:
    """Where it listens."""
    command = [sys.executable, "-m", "langchain_minimax.testing", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = (line.split() for line in process.stdout)
        yield next(line[1] for line in words if line[:1] == ["base_url"])
        process.terminate()


HEAD = """\
| models | seconds | MB, middle third | last third | ratio \
| descriptors, middle third | last third |
| --: | --: | --: | --: | --: | --: | --: |"""


@dataclass(frozen=True)
class Curve:
    """What was held in the middle third and in the last, on the average."""

    samples: Sequence[Sample]

    def memory(self) -> list[float]:
        return [mean(each.megabytes for each in part) for part in self._thirds()]

    def descriptors(self) -> list[float]:
        return [mean(each.descriptors for each in part) for part in self._thirds()]

    def _thirds(self) -> Sequence[Sequence[Sample]]:
        third = len(self.samples) // 3
        return self.samples[third:-third], self.samples[-third:]

    def is_flat(self) -> bool:
        middle, last = self.memory()
        before, after = self.descriptors()
        return last <= middle * MOST_MEMORY and after <= before + MOST_DESCRIPTORS

    def row(self, seconds: float) -> str:
        middle, last = self.memory()
        cells = (
            f"{MODELS:,} | {seconds:.0f}",
            f"{middle:.1f} | {last:.1f} | {last / middle:.3f}",
            " | ".join(f"{each:.1f}" for each in self.descriptors()),
        )
        return f"| {' | '.join(cells)} |"


def picture(samples: Sequence[Sample], path: Path) -> None:
    """Draws memory and descriptors against models."""
    figure, (above, below) = pyplot().subplots(
        2, 1, figsize=(8, 4.5), sharex=True, layout="constrained"
    )
    models = [each.models for each in samples]
    above.plot(models, [each.megabytes for each in samples], "#c2410c")
    below.plot(models, [each.descriptors for each in samples], "#0369a1")
    above.set_ylabel("memory, MB")
    below.set_ylabel("descriptors")
    below.set_xlabel("models made, used and dropped")
    for axes in (above, below):
        axes.set_ylim(0, 1.2 * axes.get_ylim()[1])
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Measures, prints, and says whether all is flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--picture", type=Path)
    told = parser.parse_args()
    since = time.perf_counter()
    with emulator() as base_url:
        curve = Curve(live(base_url))
    table = f"{HEAD}\n{curve.row(time.perf_counter() - since)}\n"
    sys.stdout.write(table)
    if told.table:
        told.table.write_text(table)
    if told.picture:
        picture(curve.samples, told.picture)
    return 0 if curve.is_flat() else 1


if __name__ == "__main__":
    sys.exit(main())
