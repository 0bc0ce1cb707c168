"""Pieces of a text in, which may each repeat all that came before; what is new out."""

from __future__ import annotations

from dataclasses import dataclass

_SURE = 16  # characters that no increments repeat by chance while they grow
_TIMES = 2  # how often none do


@dataclass(slots=True)
class Habit:
    """Whether a stream repeats itself, as far as one of its texts has shown."""

    repeats: bool | None = None


class Growth:
    """Tells what is new in each piece of one text.

    MiniMax sends increments (recordings of 2026-09); its examples subtract what they
    have from what comes, and some saw snapshots (dbx#5921). An increment may begin like
    the text so far, "a" and "and" (dbx#6535), so a piece that does is held until those
    after it decide.

    Args:
        habit: What the texts of one stream know of each other.
    """

    def __init__(self, habit: Habit) -> None:
        self._habit = habit
        self._repeats: bool | None = None
        self._told = self._last = ""
        self._held: list[str] = []
        self._seen_again = self._times = 0

    def feed(self, piece: str) -> str:
        """What is new in the next piece."""
        if self._repeats is False or not piece:
            return piece
        if self._repeats is None and self._habit.repeats is False:
            return self._decided(repeats=False) + piece
        before = self._last
        if not before:
            self._told = self._last = piece
            return piece
        if piece.startswith(before):
            self._last = piece
            return piece[len(before) :] if self._repeats else self._grown(before)
        if self._repeats and before.startswith(piece):
            return ""  # an older snapshot
        self._habit.repeats = False
        return self._decided(repeats=False) + piece

    def finish(self) -> str:
        """What was held, by the likelier of the two readings."""
        if self._repeats is not None or not self._held:
            return ""
        if self._habit.repeats is not None:
            return self._decided(repeats=self._habit.repeats)
        # A snapshot ends a word before it begins the next one.
        new = self._last[len(self._told) :]
        return self._decided(repeats=bool(new) and not new[0].isalnum())

    def _grown(self, before: str) -> str:
        self._held.append(self._last)
        if self._last != before:  # else it may be a line of dashes
            self._seen_again += len(before)
            self._times += 1
        is_sure = self._seen_again >= _SURE or self._times >= _TIMES
        if not (self._habit.repeats or is_sure):
            return ""
        self._habit.repeats = True
        return self._decided(repeats=True)

    def _decided(self, *, repeats: bool) -> str:
        held, self._held = self._held, []
        self._repeats = repeats
        return self._last[len(self._told) :] if repeats else "".join(held)
