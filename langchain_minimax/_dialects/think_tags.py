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
    Unmet,
)

_NAMES = ("mm:think", "thinking", "think")
_OPENINGS = tuple(f"<{name}>" for name in _NAMES)
_CLOSINGS = tuple(f"</{name}>" for name in _NAMES)
_QUOTES = {"`": "`", "'": "'", '"': '"', "“": "”", "«": "»"}  # a tag in these is named
_GAP = 2  # line ends after the closing tag that belong to it (M2.7; M3 has one)
_INDENT = 64  # white space before a tag; behind more of it there is none to wait for
_WINDOW = max(map(len, _CLOSINGS)) + _GAP
_STRIDE = 2**12  # characters; what is left of it is copied for each tag in it

_OPENING = re.compile(rf"\s{{0,{_INDENT}}}({'|'.join(_OPENINGS)})")
_STRAY = re.compile(rf"\s{{0,{_INDENT}}}({'|'.join(_CLOSINGS)})")
_CLOSING = re.compile(rf"\n?({'|'.join(_CLOSINGS)})")
_CLOSED = re.compile(rf"\n?({'|'.join(_CLOSINGS)})\n{{0,{_GAP}}}\Z")


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
        self._held = self._last = ""
        self._opening = self._closing = ""

    @property
    def is_outside(self) -> bool:
        """Whether all that follows is said aloud."""
        return self._read == self._outside

    def feed(self, text: str) -> Iterator[Piece]:
        """Takes the next piece of the text."""
        for start in range(0, len(text) or 1, _STRIDE):
            if self.is_outside:
                yield Outside(text[start:])
                return
            self._held += text[start : start + _STRIDE]
            read = None
            while self._held and read != self._read:
                read = self._read
                yield from read()

    def finish(self) -> Iterator[Piece]:
        """Takes the end of the text."""
        if self._read == self._inside:
            yield from self._inside(at_end=True)
            yield from self.feed("")
        held, self._held = self._held, ""
        if self._opening or self._closing:
            if held:
                yield Inside(held)
            yield self._end()
        elif held:
            yield Outside(held)
        self._read = self._outside

    def _beginning(self) -> Iterator[Piece]:
        text = self._held
        opened, stray = _OPENING.match(text), _STRAY.match(text)
        if opened:
            self._opening, self._held = opened[0], text[opened.end() :]
            self._read = self._opened
        elif stray:
            # Its opening went to a field of its own, or never was (M2's template).
            self._closing, self._held = stray[0], text[stray.end() :]
            self._read = self._closed
        else:
            tag = text.lstrip()
            is_hopeless = len(text) - len(tag) > _INDENT
            if is_hopeless or not _may_become(tag, (*_OPENINGS, *_CLOSINGS)):
                self._read = self._outside
        yield from ()

    def _opened(self) -> Iterator[Piece]:
        if self._held.startswith("\n"):
            self._opening, self._held = self._opening + "\n", self._held[1:]
        self._read = self._inside
        yield from ()

    def _inside(self, *, at_end: bool = False) -> Iterator[Piece]:
        # What stands before a tag may have gone out already.
        begin = len(self._last)
        text = self._last + self._held
        closed = _closing_in(text, begin, at_end=at_end)
        end = closed.start() if closed else max(begin, unfinished(text))
        if end > begin:
            yield Inside(text[begin:end])
        if closed:
            self._closing = closed[0]
            self._read = self._closed
        self._last = text[:end][-1:]
        self._held = text[closed.end() :] if closed else text[end:]

    def _closed(self) -> Iterator[Piece]:
        text = self._held
        room = _GAP - self._closing.partition(">")[2].count("\n")
        gap = len(text[:room]) - len(text[:room].lstrip("\n"))
        self._closing, self._held = self._closing + text[:gap], text[gap:]
        if self._held or gap == room:
            self._read = self._beginning
            yield self._end()

    def _end(self) -> Closed:
        closed = Closed(self._opening, self._closing)
        self._opening = self._closing = self._last = ""
        return closed

    def _outside(self) -> Iterator[Piece]:
        text, self._held = self._held, ""
        yield Outside(text)


def _closing_in(text: str, begin: int, *, at_end: bool) -> re.Match[str] | None:
    """The first closing tag that is not between quotes; those need what follows."""
    for found in _CLOSING.finditer(text, begin):
        mark = _QUOTES.get(text[found.start(1) - 1 : found.start(1)])
        following = text[found.end() : found.end() + 1]
        is_known = at_end or following
        if mark is None or (is_known and following != mark):
            return found
    return None


def unfinished(thinking: str) -> int:
    """Where the end of a thinking text begins that may become a closing tag."""
    start = thinking.rfind("<", -_WINDOW)
    if start < 0 or not _may_become(thinking[start:].rstrip("\n"), _CLOSINGS):
        start = len(thinking)
    return start - thinking.endswith("\n", 0, start)


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
            case TextDelta(place, text):
                self._splitter = self._splitter or Splitter()
                if self._splitter.is_outside and not self._moved:
                    return (delta,)
                return self._told(self._splitter.feed(text), place)
            case Started() | Stopped() | Unmet():
                return (delta,)
            case BlockStopped(place) if self._splitter is not None:
                said = self._told(self._splitter.finish(), place)
                self._splitter = None
                ends = [BlockStopped(place + self._moved)] if self._is_open else []
                # A text that was all thinking leaves its own place empty.
                self._moved -= not self._is_open
                self._is_open = False
                return [*said, *ends]
            case _ if self._moved:
                return (replace(delta, place=delta.place + self._moved),)
            case _:
                return (delta,)

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
            case Thinking(_, None, {"field": "content"}):
                before += as_sent(block)
            case _ if not before:
                yield block
            case Text(text):
                yield replace(block, text=before + text)
                before = ""
            case _:
                yield Text(before)
                yield block
                before = ""
    if before:
        yield Text(before)


def as_sent(thought: Thinking) -> str:
    """A thought with the tags that stood around it."""
    sent = thought.sent_as
    if not sent:
        return thought.thinking
    return f"{sent.get('opening', '')}{thought.thinking}{sent.get('closing', '')}"
