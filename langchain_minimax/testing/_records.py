"""What the server wrote down about a request. Data only."""

from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_minimax.testing._replies import Json

Verdict = Literal[
    "verbatim",
    "thinking_missing",
    "thinking_altered",
    "reordered",
    "changed",
    "unknown",
]
"""How a reply came back: `changed` means its text or calls, with thinking intact."""


@dataclass(frozen=True)
class Replay:
    """An assistant turn of a request, compared with the reply it once was.

    Attributes:
        turn_index: Its place in `messages`.
        reply_id: The id of that reply; `None` if the server never said this.
        verdict: How faithful the turn is.
        signed: The places of its signed thinking blocks.
        altered: The places of its thinking blocks that the server did not say so: its
            signature under other words, or its words under another signature.
    """

    turn_index: int
    reply_id: str | None
    verdict: Verdict
    signed: tuple[int, ...] = ()
    altered: tuple[int, ...] = ()


@dataclass
class RecordedRequest:
    """A request as it came, and how it was answered.

    Attributes:
        method: The HTTP method.
        path: The path without the query.
        headers: By lower-case name, the key included.
        raw: The body's bytes.
        body: The body as JSON; `None` if it is none.
        status: The HTTP status of the answer; 0 as long as there is none.
        reply_content: The blocks of the reply; `None` if it was no reply.
        replayed: One verdict per assistant turn.
        stray_keys: Paths of keys in `messages` that MiniMax's schema does not know.
        completed: Whether the reply was handed over to its end.
        query: The query, the last value of each name.
        cached_tokens: How many tokens of the prompt an earlier prompt began with.
    """

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes = b""
    body: Any = None
    status: int = 0
    reply_content: list[Json] | None = None
    replayed: list[Replay] = field(default_factory=list)
    stray_keys: list[str] = field(default_factory=list)
    completed: bool = False
    query: dict[str, str] = field(default_factory=dict)
    cached_tokens: int = 0


def bearer_key(record: RecordedRequest) -> str:
    """The key that came as `Authorization: Bearer …`; empty if none did."""
    scheme, _, key = record.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme == "Bearer" else ""
