"""What a run left behind and what the server wrote down in, what is wrong out.

The server's own record says what was paid for: each review that it answered, whoever
heard the answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from checkpoint import Reply, read
from diary import DIARY, Event, events
from emulated import refused
from rate import GRACE
from reviews import meant

WINDOW = 5.0
"""Seconds in which requests are counted for the rate."""

DELAY = 0.25
"""Seconds that the way to the server may take longer for one request than another."""

KILLS = ("worker killed", "run killed")
"""What has to have happened."""


@dataclass(frozen=True)
class Request:
    """A line of the server's record."""

    at: float
    asked: Sequence[int]
    answered: Sequence[int]


@dataclass(frozen=True)
class Evidence:
    """All that is left of a run.

    Attributes:
        records: How many there were to do.
        requests: What the server wrote down.
        replies: What the workers wrote down, all attempts.
        verdicts: What came out.
        errors: The records without a verdict.
        events: What happened to the processes.
    """

    records: int
    requests: Sequence[Request]
    replies: Sequence[Reply]
    verdicts: Sequence[dict[str, object]]
    errors: Sequence[int]
    events: Sequence[Event]

    @classmethod
    def of(cls, records: int, folder: Path, log: Path) -> Evidence:
        """Collects it.

        Args:
            records: How many there were to do.
            folder: The checkpoint.
            log: The server's record.
        """
        files = sorted(folder.glob("chunk-*.jsonl"))
        return cls(
            records=records,
            requests=[Request(**line) for line in _lines(log)],
            replies=[reply for file in files for reply in read(file)],
            verdicts=list(_lines(folder / "results.jsonl")),
            errors=[line["number"] for line in _lines(folder / "errors.jsonl")],
            events=events(folder / DIARY),
        )

    def lost(self) -> set[int]:
        """Records without a result and without an error."""
        return set(range(self.records)) - set(self._ended())

    def doubled(self) -> set[int]:
        """Records that came out more than once."""
        return _repeated(self._ended())

    def wrong(self) -> set[int]:
        """Records with another result than theirs."""
        verdicts = ((int(str(v["number"])), v) for v in self.verdicts)
        return {n for n, v in verdicts if v != meant(n).model_dump()}

    def misjudged(self) -> set[int]:
        """Records with an error that the server takes, or without one that it refuses.

        A record that it refuses and that is lost is lost, and not here.
        """
        errors = set(self.errors)
        return {n for n in self._ended() if refused(n) != (n in errors)}

    def paid_twice(self) -> set[int]:
        """Records that the server answered more than once."""
        return _repeated([n for each in self.requests for n in each.answered])

    def paid_again(self) -> set[int]:
        """Records that were asked about when their result was written down already."""
        written: dict[int, float] = {}
        for reply in self.replies:
            for number in reply.results:
                written[number] = min(reply.at, written.get(number, reply.at))
        return {
            number
            for each in self.requests
            for number in each.asked
            if each.at > written.get(number, each.at)
        }

    def busiest(self, seconds: float = WINDOW) -> int:
        """How many requests came within so many seconds, at most."""
        times = sorted(each.at for each in self.requests)
        most = first = 0
        for last, at in enumerate(times):
            while at - times[first] > seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def complaints(self, under_way: int, rate: float, workers: int) -> Iterator[str]:
        """What is wrong; nothing if all is well.

        Args:
            under_way: How many records may have been under way in all that was killed.
            rate: Requests that were allowed in a second.
            workers: How many shared that.
        """
        happened = {event.what for event in self.events}
        yield from (f"no {kill}" for kill in KILLS if kill not in happened)
        held = {
            "lost": self.lost(),
            "twice in the results": self.doubled(),
            "with another record's result": self.wrong(),
            "with a wrong error, or without one": self.misjudged(),
            "finished and paid again": self.paid_again(),
        }
        for what, numbers in held.items():
            if numbers:
                yield f"{len(numbers)} records {what}, such as {min(numbers)}"
        if len(self.paid_twice()) > under_way:
            yield f"{len(self.paid_twice())} records paid twice, not {under_way}"
        promised = rate * (WINDOW + GRACE + DELAY) + 1 + workers
        if self.busiest() > promised:
            yield f"{self.busiest()} requests within {WINDOW:.0f} s, not {promised:.0f}"

    def _ended(self) -> list[int]:
        return [*(int(str(v["number"])) for v in self.verdicts), *self.errors]


def _repeated(numbers: Sequence[int]) -> set[int]:
    return {number for number, times in Counter(numbers).items() if times > 1}


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
