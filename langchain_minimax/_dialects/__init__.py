"""A chat request in, a JSON body out; server-sent events in, deltas out.

One module a protocol; none of them knows LangChain, httpx or its siblings. Both read
their events with `events`, and know of `think_tags`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from langchain_minimax._blocks import ChatRequest, Json
from langchain_minimax._deltas import Delta
from langchain_minimax._sse import ServerSentEvent


class ReplyDecoder(Protocol):
    """Hears one reply and tells it in deltas."""

    @property
    def complete(self) -> bool:
        """Whether everything that matters has arrived."""

    @property
    def ended(self) -> bool:
        """Whether the server said that nothing follows."""

    def feed(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Takes the next event of a stream.

        Raises:
            MiniMaxError: If the event reports a failure or cannot be read.
        """

    def whole(self, document: Mapping[str, object]) -> Sequence[Delta]:
        """Tells a reply that came in one piece as the stream it could have been."""

    def finish(self) -> Sequence[Delta]:
        """The last deltas, once no more events come; only for a complete reply."""


class Dialect(Protocol):
    """One of MiniMax's protocols."""

    path: str
    """Where requests go, below the host that serves the protocol."""

    official_prefix: str
    """What MiniMax's own hosts put before `path`."""

    headers: Mapping[str, str]
    """Headers of every request, besides the key."""

    def encode(self, request: ChatRequest) -> Json:
        """The body of a request."""

    def decoder(self) -> ReplyDecoder:
        """A decoder for one reply."""
