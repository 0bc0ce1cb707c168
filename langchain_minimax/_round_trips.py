"""A chat request in, the exchanges that carry it out; each refusal decides the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace

from langchain_minimax._blocks import ChatRequest, Json
from langchain_minimax._exchange import Exchange
from langchain_minimax._repair import without_signatures
from langchain_minimax.errors import MiniMaxError, MiniMaxInvalidRequestError

_SIGNATURE = re.compile(r"\bsignature\b", re.IGNORECASE)

Write = Callable[[ChatRequest, Json], Exchange]
"""Writes a request as an exchange; what the reply is to note comes second."""


def round_trips(
    request: ChatRequest, write: Write
) -> Generator[Exchange, MiniMaxError, None]:
    """Yields exchanges, one after the other, until one is not refused.

    The refusal is thrown in; it comes out again if nothing is left to be tried. A
    refused signature is: one report has a signed thought refused that another server
    had signed, and accepted without its signature (hermes-agent#75779).
    """
    try:
        yield write(request, {})
    except MiniMaxInvalidRequestError as refusal:
        if not _names_signature(refusal):
            raise
        unsigned = without_signatures(request.conversation)
        if unsigned == request.conversation:
            raise
        again = replace(request, conversation=unsigned)
        yield write(again, {"signatures_refused": True})


def _names_signature(refusal: MiniMaxError) -> bool:
    # The words are unknown; Anthropic's name it: "Invalid `signature` in `thinking`".
    is_plain = type(refusal) is MiniMaxInvalidRequestError
    return is_plain and _SIGNATURE.search(str(refusal)) is not None
