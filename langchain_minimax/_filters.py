"""Deltas in, deltas out: what the server does not do, done on the way.

A filter sees each delta of one reply once, in order, and answers with those to pass on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from langchain_minimax._blocks import Json
from langchain_minimax._deltas import (
    Delta,
    SentAs,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
)


class Filter(Protocol):
    """A stage between the decoder and the reader of a reply."""

    @property
    def done(self) -> bool:
        """Whether nothing that follows will be passed on but the end."""

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Answers with what is to be passed on now."""


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    sequence: str

    @property
    def order(self) -> tuple[int, int]:
        """First come the sequences that are complete first."""
        return self.start + len(self.sequence), self.start


class Noted:
    """Writes into a reply how it came about."""

    done = False

    def __init__(self, notes: Json) -> None:
        self._notes = notes

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Passes everything on; the end has the notes."""
        if isinstance(delta, Stopped):
            return (replace(delta, notes={**delta.notes, **self._notes}),)
        return (delta,)


class StopSequences:
    """Ends a reply where one of the stop sequences stands in its text.

    MiniMax ignores `stop_sequences` (Anthropic API guide, 2026-04). Only text is
    looked at, never thinking or arguments, and one text block at a time. The sequence
    that is complete first wins, so that the result does not depend on how the text was
    cut into deltas. What follows is swallowed up to the end of the reply, whose usage
    counts it all the same, since it was generated and is billed.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = sequences
        self._held = ""
        self._place = -1
        self._found: str | None = None

    @property
    def done(self) -> bool:
        """A sequence was found."""
        return self._found is not None

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Passes on what can no longer belong to a stop sequence."""
        if self._found is not None:
            return self._after(delta)
        match delta:
            case TextDelta(place, text):
                return self._text(place, text)
            case Started() | ThinkingDelta() | Signature() | SentAs():
                return (delta,)
            case _:
                return (*self._release(), delta)

    def _after(self, delta: Delta) -> Sequence[Delta]:
        match delta:
            case Stopped():
                reason = "stop_sequence"
                return (replace(delta, stop_reason=reason, stop_sequence=self._found),)
            case _ if getattr(delta, "place", None) == self._place:
                return () if isinstance(delta, TextDelta) else (delta,)
            case _:
                return ()

    def _text(self, place: int, text: str) -> Sequence[Delta]:
        text = self._held + text
        self._place = place
        starts = ((text.find(sequence), sequence) for sequence in self._sequences)
        found = [_Match(start, sequence) for start, sequence in starts if start >= 0]
        if found:
            first = min(found, key=lambda match: match.order)
            self._held, self._found = "", first.sequence
            return _said(place, text[: first.start])
        kept = len(text) - self._tail(text)
        self._held = text[kept:]
        return _said(place, text[:kept])

    def _tail(self, text: str) -> int:
        """How many characters at the end may be the beginning of a sequence."""
        lengths = (
            length
            for sequence in self._sequences
            for length in range(min(len(sequence), len(text) + 1))
            if text.endswith(sequence[:length])
        )
        return max(lengths, default=0)

    def _release(self) -> Sequence[Delta]:
        held, self._held = self._held, ""
        return _said(self._place, held)


def _said(place: int, text: str) -> Sequence[Delta]:
    return (TextDelta(place, text),) if text else ()
