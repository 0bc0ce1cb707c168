"""Some of the records in, what is left of them out, as much as goes into a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from checkpoint import Attempt, Checkpoint
from reviews import Review, review


@dataclass(frozen=True)
class Chunk:
    """The records that one task is about, and where its replies are kept.

    Attributes:
        number: Which chunk it is.
        records: The numbers of its records.
        folder: The checkpoint.
        per_request: How many records go into a request.
        retry_errors: Whether records that ended in an error are asked about again.
    """

    number: int
    records: range
    folder: Path
    per_request: int
    retry_errors: bool = False

    def left(self) -> list[int]:
        """The records that nobody has finished."""
        finished = Checkpoint(self.folder).finished(self.number)
        if self.retry_errors:
            finished = {n: r for n, r in finished.items() if n in r.results}
        return [number for number in self.records if number not in finished]

    def requests(self, attempt: Attempt) -> Iterator[list[Review]]:
        """The reviews of each request, as long as nobody else has taken over.

        Args:
            attempt: The one that is to ask. It has to be begun already: from then on
                whoever was at it before writes only what was under way.
        """
        left = iter(self.left())
        while not attempt.is_over and (group := list(islice(left, self.per_request))):
            yield [review(number) for number in group]
