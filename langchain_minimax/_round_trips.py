"""A chat request in, the exchanges that carry it out; each answer decides the next."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from langchain_minimax._blocks import ChatRequest
from langchain_minimax._deltas import Delta, Unmet
from langchain_minimax._demands import (
    ATTEMPTS,
    Demanded,
    asked_again,
    demand_of,
    failure,
    instructed,
)
from langchain_minimax._exchange import Exchange
from langchain_minimax._filters import Filter, Noted
from langchain_minimax._repair import without_signatures
from langchain_minimax.errors import MiniMaxError, MiniMaxInvalidRequestError

_log = logging.getLogger(__name__)

_SIGNATURE = re.compile(r"\bsignature\b", re.IGNORECASE)

Trips = Generator[Exchange, Sequence[Delta], None]
"""Exchanges out, what was heard of each in; a refusal is thrown in."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request to be written as an exchange, and the filters of its reply."""

    request: ChatRequest
    filters: tuple[Callable[[], Filter], ...] = ()


Write = Callable[[Draft], Exchange]


def round_trips(request: ChatRequest, write: Write) -> Trips:
    """Yields exchanges, one after the other, until one is answered as it has to be.

    Raises:
        MiniMaxOutputError: If the model was asked often enough.
        MiniMaxError: The refusal that was thrown in, if nothing is left to be tried.
    """
    demand = demand_of(request)
    if demand is None:
        yield from _accepted(Draft(request), write)
        return
    conversation = instructed(request.conversation, demand)
    asked: list[Unmet] = []
    while True:
        one_call = not request.parallel_tool_calls
        stage = partial(Demanded, demand, tuple(asked), one_call=one_call)
        again = replace(request, conversation=conversation, parallel_tool_calls=True)
        draft = Draft(again, (stage,))
        heard = yield from _accepted(draft, write)
        unmet = heard[-1] if heard else None
        if not isinstance(unmet, Unmet):
            return
        asked.append(unmet)
        if len(asked) >= ATTEMPTS or unmet.is_final:
            raise failure(demand, asked, request.model)
        _log.info("The reply is not what was demanded: %s. Once more.", unmet.reason)
        conversation = asked_again(conversation, demand, unmet)


def _accepted(
    draft: Draft, write: Write
) -> Generator[Exchange, Sequence[Delta], Sequence[Delta]]:
    """An exchange, and one more without signatures if one of them is refused.

    One report has a signed thought refused that another server had signed, and
    accepted without its signature (hermes-agent#75779).
    """
    try:
        return (yield write(draft))
    except MiniMaxInvalidRequestError as refusal:
        if not _names_signature(refusal):
            raise
        unsigned = without_signatures(draft.request.conversation)
        if unsigned == draft.request.conversation:
            raise
        _log.info("A signature was refused. Once more, without signatures.")
        again = replace(draft.request, conversation=unsigned)
        noted = partial(Noted, {"signatures_refused": True})
        return (yield write(Draft(again, (*draft.filters, noted))))


def _names_signature(refusal: MiniMaxError) -> bool:
    # The words are unknown; Anthropic's name it: "Invalid `signature` in `thinking`".
    is_plain = type(refusal) is MiniMaxInvalidRequestError
    return is_plain and _SIGNATURE.search(str(refusal)) is not None
