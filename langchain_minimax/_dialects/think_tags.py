"""Text with thinking between tags in, the two apart out; and back again.

MiniMax's models write `<think>…</think>` before they answer, M3 also `<mm:think>`.
Chat Completions leaves that in the content unless `reasoning_split` is set, and so do
vLLM and SGLang with their `append_think` parsers, on both protocols.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_minimax._blocks import Block, Json, Text, Thinking
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    SentAs,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
)

_NAMES = ("mm:think", "thinking", "think")
_OPENINGS = tuple(f"<{name}>" for name in _NAMES)
_CLOSINGS = tuple(f"</{name}>" for name in _NAMES)
_QUOTES = "`'\"“«"  # a tag behind one of these is spoken of, not used

_OPENING = re.compile(rf"\s*({'|'.join(_OPENINGS)})")
_STRAY = re.compile(rf"\s*({'|'.join(_CLOSINGS)})")
_CLOSING = re.compile(rf"(?<![{_QUOTES}])\n?({'|'.join(_CLOSINGS)})")
_CLOSED = re.compile(rf"\n*({'|'.join(_CLOSINGS)})\s*\Z")
_GAP = 2  # line ends after the closing tag that belong to it (M2.7; M3 has one)


@dataclass(frozen=True, slots=True)
class Outside:
    """Text that stands outside of tags."""

    text: str


@dataclass(frozen=True, slots=True)
class Inside:
    """Thinking, of what stands between tags."""

    thinking: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of the thinking, and the tags with the line ends that belong to them."""

    opening: str
    closing: str

    @property
    def sent_as(self) -> Json:
        """What puts the thinking back to where it stood."""
        return {"field": "content", "opening": self.opening, "closing": self.closing}


Piece = Outside | Inside | Closed


class Splitter:
    """Splits one text, as it comes, at the tags that enclose its thinking.

    Thinking only begins where the text begins: a tag further on is spoken of, as in an
    answer about prompts. Only what may become a tag is held back.
    """

    def __init__(self) -> None:
        self._read: Callable[[], Iterator[Piece]] = self._beginning
        self._held = ""
        self._opening = self._closing = ""

    def feed(self, text: str) -> Iterator[Piece]:
        """Takes the next piece of the text."""
        if self._read == self._outside:
            yield Outside(text)
            return
        self._held += text
        yield from self._all()

    def finish(self) -> Iterator[Piece]:
        """Takes the end of the text."""
        held, self._held = self._held, ""
        if self._opening:
            if held:
                yield Inside(held)
            yield Closed(self._opening, self._closing)
            self._opening = self._closing = ""
        elif held:
            yield Outside(held)
        self._read = self._outside

    def _all(self) -> Iterator[Piece]:
        read = None
        while self._held and read != self._read:
            read = self._read
            yield from read()

    def _beginning(self) -> Iterator[Piece]:
        text = self._held
        opened, stray = _OPENING.match(text), _STRAY.match(text)
        if opened:
            self._opening, self._held = opened[0], text[opened.end() :]
            self._read = self._opened
        elif stray:
            # Its opening went to a field of its own, or never was (M2's template).
            self._held = text[stray.end() :]
            self._read = self._behind_stray
        elif not _may_become(text.lstrip(), (*_OPENINGS, *_CLOSINGS)):
            self._read = self._outside
        yield from ()

    def _behind_stray(self) -> Iterator[Piece]:
        self._held = self._held.lstrip("\n")
        if self._held:
            self._read = self._beginning
        yield from ()

    def _opened(self) -> Iterator[Piece]:
        if self._held.startswith("\n"):
            self._opening, self._held = self._opening + "\n", self._held[1:]
        self._read = self._inside
        yield from ()

    def _inside(self) -> Iterator[Piece]:
        text = self._held
        closed = _CLOSING.search(text)
        end = closed.start() if closed else unfinished(text)
        if end:
            yield Inside(text[:end])
        if closed:
            self._closing = closed[0]
            self._read = self._closed
        self._held = text[closed.end() :] if closed else text[end:]

    def _closed(self) -> Iterator[Piece]:
        text = self._held
        room = _GAP - self._closing.split(">")[1].count("\n")
        gap = re.match(rf"\n{{0,{room}}}", text)
        taken = gap[0] if gap else ""
        self._closing, self._held = self._closing + taken, text[len(taken) :]
        if self._held or len(taken) == room:
            yield Closed(self._opening, self._closing)
            self._opening = self._closing = ""
            self._read = self._beginning

    def _outside(self) -> Iterator[Piece]:
        text, self._held = self._held, ""
        yield Outside(text)


def unfinished(thinking: str) -> int:
    """Where the end of a thinking text begins that may become a closing tag."""
    start = thinking.rfind("<")
    if start < 0 or not _may_become(thinking[start:].rstrip(), _CLOSINGS):
        start = len(thinking)
    return len(thinking[:start].rstrip("\n"))


def without_closing_tag(thinking: str) -> str:
    """Thinking without a closing tag that was left at its end."""
    return _CLOSED.sub("", thinking)


def _may_become(text: str, tags: Iterable[str]) -> bool:
    return any(tag.startswith(text) for tag in tags)


class ThinkTags:
    """The same as a stage between deltas: thinking in text becomes thinking.

    The places of what follows move on by one for each thought that is found.
    """

    done = False

    def __init__(self) -> None:
        self._moved = 0
        self._splitter: Splitter | None = None
        self._is_open = False

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """Passes everything on, what stands between tags as thinking."""
        match delta:
            case Started() | Stopped():
                return (delta,)
            case TextDelta(place, text):
                self._splitter = self._splitter or Splitter()
                return self._told(self._splitter.feed(text), place)
            case BlockStopped(place) if self._splitter is not None:
                said = self._told(self._splitter.finish(), place)
                self._splitter = None
                ends = [BlockStopped(place + self._moved)] if self._is_open else []
                # A text that was all thinking leaves its own place empty.
                self._moved -= not self._is_open
                self._is_open = False
                return [*said, *ends]
            case _:
                return (replace(delta, place=delta.place + self._moved),)

    def _told(self, pieces: Iterable[Piece], place: int) -> list[Delta]:
        said: list[Delta] = []
        for piece in pieces:
            at = place + self._moved
            match piece:
                case Outside(text):
                    self._is_open = True
                    said.append(TextDelta(at, text))
                case Inside(thinking):
                    said.append(ThinkingDelta(at, thinking))
                case Closed():
                    said += (SentAs(at, piece.sent_as), BlockStopped(at))
                    self._moved += 1
        return said


def put_back(blocks: Iterable[Block]) -> Iterator[Block]:
    """Thoughts that stood in the text, in the text that follows them."""
    before = ""
    for block in blocks:
        match block:
            case Thinking(thinking, None, {"field": "content", **tags}):
                opening, closing = tags.get("opening"), tags.get("closing")
                text = tags.get("text", thinking)
                before += f"{opening or ''}{text}{closing or ''}"
            case Text(text) if before:
                yield replace(block, text=before + text)
                before = ""
            case _:
                if before:
                    yield Text(before)
                    before = ""
                yield block
    if before:
        yield Text(before)
