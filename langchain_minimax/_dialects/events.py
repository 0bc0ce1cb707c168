"""A server-sent event in, its JSON object out, or the error that it reports."""

from __future__ import annotations

from langchain_minimax._blocks import Json
from langchain_minimax._json import dumped, excerpt, parsed
from langchain_minimax._sse import ServerSentEvent
from langchain_minimax.errors import MiniMaxResponseError, failure_in_reply


def parse(event: ServerSentEvent) -> Json:
    """The object that an event holds.

    Raises:
        MiniMaxResponseError: If it holds none.
    """
    value = parsed(event.data)
    if isinstance(value, dict):
        return value
    found = excerpt(event.data.decode("utf-8", "replace"), 200)
    raise MiniMaxResponseError(
        f"The stream holds something that is no event: {found!r}"
    )


def refuse(document: Json, name: str = "") -> None:
    """Raises the error that an event or a whole reply stands for, if any.

    Args:
        document: What it holds.
        name: The event's name.

    Raises:
        MiniMaxError: The error.
    """
    error = failure_in_reply(document)
    if error is None and "error" in (name, document.get("type")):
        error = MiniMaxResponseError(
            f"MiniMax reported an error in the stream: {excerpt(dumped(document), 500)}"
        )
    if error is not None:
        raise error
