"""What a script may let the model say. Data only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

EVENT_STREAM = "text/event-stream; charset=utf-8"

Json = dict[str, Any]
"""One JSON object of the wire."""


@dataclass(frozen=True)
class Thinking:
    """A thinking block.

    Attributes:
        text: What the model thought.
        signature: `None` has one generated, a string is sent as it is, and `False`
            sends none at all.
    """

    text: str
    signature: str | Literal[False] | None = None


@dataclass(frozen=True)
class Text:
    """A text block."""

    text: str


@dataclass(frozen=True)
class ToolUse:
    """A tool call.

    Attributes:
        name: The tool.
        input: The arguments. A string is streamed as it is, broken JSON included.
        id: `None` has one generated.
    """

    name: str
    input: Json | str = field(default_factory=dict)
    id: str | None = None


Block = Thinking | Text | ToolUse | Json
"""A block of a reply; a plain dict is sent as it is, in one piece."""


@dataclass(frozen=True)
class Reply:
    """One reply of the model.

    Attributes:
        blocks: What it says, in order.
        stop_reason: By default `tool_use` after a tool call, else `end_turn`.
        usage: The final usage object; by default a plausible one.
        delta_size: Characters in one delta of a stream; by default the quirks' rhythm.
        base_resp: The `base_resp` object to send along.
        sensitive: What `/v1/chat/completions` marks as sensitive, such as
            `{"output_sensitive": True, "output_sensitive_type": 2}`.
    """

    blocks: Sequence[Block] = ()
    stop_reason: str | None = None
    usage: Json | None = None
    delta_size: int | None = None
    base_resp: Json | None = None
    sensitive: Json | None = None

    def __post_init__(self) -> None:
        known = (Thinking, Text, ToolUse, dict)
        if not all(isinstance(block, known) for block in self.blocks):
            msg = (
                f"A reply is made of blocks, not of {self.blocks!r}: say "
                '[Text("…")], or give the string itself instead of a `Reply`.'
            )
            raise TypeError(msg)


@dataclass(frozen=True)
class Raw:
    """Exactly these bytes, such as a captured stream.

    Attributes:
        body: The body; a string is encoded as UTF-8.
        status: The HTTP status.
        headers: Further headers.
        content_type: The content type.
        pieces: Offsets at which the body is cut into pieces flushed one by one.
    """

    body: bytes | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = EVENT_STREAM
    pieces: Sequence[int] | None = None
