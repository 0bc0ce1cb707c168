"""What happened to processes in, a line for each out, and back: for the proof."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

DIARY = "diary.tsv"
"""Its name in the checkpoint's folder."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a process, in seconds since 1970."""

    at: float
    pid: int
    what: str


def note(diary: Path, what: str, pid: int) -> None:
    """Write down what happened just now."""
    with diary.open("a", encoding="utf-8") as file:
        file.write(f"{time.time()}\t{pid}\t{what}\n")


def events(diary: Path) -> list[Event]:
    """All that happened, in order; a line that was cut off was never written."""
    lines = diary.read_text(encoding="utf-8", errors="replace").splitlines()
    return list(filter(None, map(_event, lines)))


def _event(line: str) -> Event | None:
    try:
        at, pid, what = line.split("\t")
        return Event(float(at), int(pid), what)
    except ValueError:
        return None
