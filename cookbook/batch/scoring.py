"""Reviews in, a reply for each request out: several reviews go into one request.

What the model leaves out is asked again, and a request that is refused for what is in
it is halved until the record that it is refused for is alone. What has nothing to do
with the records, such as an empty wallet, is raised: the run ends, and goes on later.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from checkpoint import Reply
from langchain_core.exceptions import OutputParserException
from reviews import Review, Verdicts, prompt

from langchain_minimax import ChatMiniMax
from langchain_minimax.errors import (
    MiniMaxContentFilterError,
    MiniMaxContextOverflowError,
    MiniMaxError,
)

Write = Callable[[Reply], None]

_LEFT_OUT = "the reply left it out"
_TOO_LONG, _INVISIBLE = 1039, 1042  # error-code page of platform.minimax.io, 2026


class Scorer:
    """A model, and how many requests it may have under way.

    Args:
        model: Who reads the reviews.
        places: How many requests may be under way.
    """

    def __init__(self, model: ChatMiniMax, places: int) -> None:
        self._asked = model.with_structured_output(Verdicts, include_raw=True)
        self._places = places

    async def score(
        self,
        requests: Iterator[Sequence[Review]],
        write: Write,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Ask about all of it, and write down each reply as it comes.

        Args:
            requests: The reviews of each request. It is asked for the next only when
                a place is free, and may end at any time.
            write: What keeps a reply.
            is_over: Whether to begin nothing more; asked before each request.

        Raises:
            MiniMaxError: If no request would do better. Nothing more is begun from then
                on. What was under way is awaited and written down before, since it may
                be paid for.
            OSError: If a reply cannot be written down. The same goes for that.
        """
        failures: list[Exception] = []

        def has_ended() -> bool:
            return bool(failures) or is_over()

        async def place() -> None:
            try:
                for reviews in requests:
                    await self._ask(reviews, write, has_ended)
            except Exception as failure:  # noqa: BLE001 - raised when all have ended
                failures.append(failure)

        await asyncio.gather(*(place() for _ in range(self._places)))
        if failures:
            raise failures[0]

    async def _ask(
        self, reviews: Sequence[Review], write: Write, has_ended: Callable[[], bool]
    ) -> None:
        """One request, and those that make up for what did not come of it."""
        if has_ended():
            return
        results: dict[int, Any] = {}
        usage: dict[str, Any] = {}
        reason = _LEFT_OUT
        try:
            answer = await self._asked.ainvoke(prompt(reviews))
        except MiniMaxError as refusal:
            if not _is_for_what_is_in_it(refusal):
                raise
            reason = str(refusal)
        else:
            usage = getattr(answer["raw"], "usage_metadata", None) or {}
            reason = _told(answer["parsing_error"]) or reason
            results = _by_record(answer["parsed"], reviews)
        left = [each for each in reviews if each.number not in results]
        alone = len(reviews) == 1
        errors = {each.number: reason for each in left if alone}
        write(Reply(time.time(), os.getpid(), usage, results, errors))
        if left and not alone:
            for again in [left] if results else _halves(left):
                await self._ask(again, write, has_ended)


def _is_for_what_is_in_it(refusal: MiniMaxError) -> bool:
    kinds = (MiniMaxContentFilterError, MiniMaxContextOverflowError)
    return isinstance(refusal, kinds) or refusal.code in (_TOO_LONG, _INVISIBLE)


def _told(error: OutputParserException | None) -> str:
    return str(error) if error else ""


def _by_record(parsed: Verdicts | None, reviews: Sequence[Review]) -> dict[int, Any]:
    """The verdicts on what was asked about; a model may make up others."""
    asked = {each.number for each in reviews}
    verdicts = parsed.verdicts if parsed else []
    return {v.number: v.model_dump() for v in verdicts if v.number in asked}


def _halves(reviews: Sequence[Review]) -> tuple[Sequence[Review], Sequence[Review]]:
    middle = len(reviews) // 2
    return reviews[:middle], reviews[middle:]
