"""What we hear: a reply as a sequence of small steps, neutral between dialects.

A reply is `Started`, then its blocks, then `Stopped`. A block is a run of steps with
the same `place`, its position in the reply; it is never taken up again once the next
one began. Thinking ends with its `Signature` or `SentAs`, a call with `ToolUseStopped`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from langchain_minimax._blocks import Block, Json, Opaque, Text, Thinking, ToolUse


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as MiniMax counts them.

    `input` leaves out what the cache had, `output` includes thinking. `None` means
    that the server did not say.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_creation: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The server took the request and named its reply."""

    id: str
    model: str | None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of a text block."""

    place: int
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of a thinking block."""

    place: int
    thinking: str


@dataclass(frozen=True, slots=True)
class Signature:
    """The whole signature of a thinking block, once, at its end."""

    place: int
    signature: str


@dataclass(frozen=True, slots=True)
class SentAs:
    """How an unsigned thinking block was spelled, once, at its end.

    Chat Completions and self-hosted servers sign nothing; `sent_as` is what they need
    to get a thought back as they sent it. See `_blocks.Thinking`.
    """

    place: int
    sent_as: Json


@dataclass(frozen=True, slots=True)
class ToolUseStarted:
    """A tool call began."""

    place: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolUseDelta:
    """More of a tool call's arguments, a piece of JSON text."""

    place: int
    partial_json: str


@dataclass(frozen=True, slots=True)
class ToolUseStopped:
    """A tool call ended.

    `input` is `None` when the arguments are not one whole JSON object; then the call
    must not be made.
    """

    place: int
    id: str
    name: str
    input: Json | None
    json: str


@dataclass(frozen=True, slots=True)
class BlockStopped:
    """A text or thinking block ended."""

    place: int


@dataclass(frozen=True, slots=True)
class OpaqueBlock:
    """A whole block that we carry without understanding it."""

    place: int
    block: Json


@dataclass(frozen=True, slots=True)
class Stopped:
    """The reply is complete."""

    stop_reason: str | None
    usage: Usage | None = None
    stop_sequence: str | None = None
    service_tier: str | None = None
    notes: Json = field(default_factory=dict)
    """What the client has to say of how the reply came about."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """The reply is complete, but not what was demanded; another one may follow.

    Attributes:
        reason: Why, in one word.
        problem: The same in words for a person, and for the model.
        said: All that the server said, as the reply that it was.
    """

    reason: Literal["cut", "empty", "prose", "wrong tool", "invalid"]
    problem: str
    said: tuple[Delta, ...]

    @property
    def is_final(self) -> bool:
        """Whether asking again would end the same way."""
        return self.reason == "cut"

    @property
    def usage(self) -> Usage | None:
        """Its tokens."""
        ends = (each.usage for each in self.said if isinstance(each, Stopped))
        return next(ends, None)


Delta = (
    Started
    | TextDelta
    | ThinkingDelta
    | Signature
    | SentAs
    | ToolUseStarted
    | ToolUseDelta
    | ToolUseStopped
    | BlockStopped
    | OpaqueBlock
    | Stopped
    | Unmet
)


def blocks_in(deltas: Iterable[Delta]) -> Iterator[Block]:  # noqa: C901 - an arm a delta
    """The blocks of a reply, as they are sent back; a broken call has no arguments."""
    text, thinking, kept = "", "", dict[str, Any]()
    for delta in deltas:
        match delta:
            case TextDelta(_, piece):
                text += piece
            case ThinkingDelta(_, piece):
                thinking += piece
            case Signature(_, signature):
                kept["signature"] = signature
            case SentAs(_, sent_as):
                kept["sent_as"] = sent_as
            case BlockStopped() if thinking or kept:
                yield Thinking(thinking, **kept)
                thinking, kept = "", {}
            case BlockStopped() if text:
                yield Text(text)
                text = ""
            case ToolUseStopped(_, id, name, input):
                yield ToolUse(id, name, input or {})
            case OpaqueBlock(_, block):
                yield Opaque(block)
            case _:
                pass


def total(counts: Iterable[Usage | None]) -> Usage | None:
    """The tokens of several replies together; `None` unless each was counted.

    The sum of some would pass for that of all, and half a bill for a whole one.
    """
    told = list(counts)
    counted = [usage for usage in told if usage is not None]
    if not counted or len(counted) < len(told):
        return None
    given = {
        field.name: [
            value
            for usage in counted
            if (value := getattr(usage, field.name)) is not None
        ]
        for field in fields(Usage)
    }
    return Usage(**{name: sum(values) for name, values in given.items() if values})
