"""Whether to try again, and how long to wait before; decides, never sleeps."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from math import isnan, nan
from typing import Any

from tenacity import RetryCallState, stop_after_attempt

from langchain_minimax.errors import MiniMaxError

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.5  # seconds, doubled with each further attempt
_LONGEST_PAUSE = 8.0
LONGEST_RETRY_AFTER = 60.0  # a server that asks for more is not waited for


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that the server asked to wait, or `None` if it did not say."""
    response = getattr(error, "response", None)
    value = response.headers.get("retry-after") if response is not None else None
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return None if isnan(seconds) else max(0.0, seconds)


def _seconds_until(date: str) -> float:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return nan
    if then.tzinfo is None:
        then = then.replace(tzinfo=timezone.utc)
    return (then - datetime.now(timezone.utc)).total_seconds()


def pause(error: BaseException | None, attempt: int) -> float:
    """Seconds to wait after the failed attempt number `attempt`, counted from 1."""
    asked = retry_after(error)
    if asked is not None:
        return asked
    longest: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt - 1, 9))
    return longest * random.uniform(0.75, 1.0)  # noqa: S311 - spreads, hides nothing


class Retries:
    """The decisions of one call, over all its attempts.

    Attributes:
        failed: The last attempt that failed and is made up for, as tenacity saw it.
    """

    def __init__(self, max_retries: int, time_left: Callable[[], float]) -> None:
        self.failed: RetryCallState | None = None
        self._max_retries = max_retries
        self._time_left = time_left
        self._pause = 0.0

    def options(self) -> dict[str, Any]:
        """What tenacity's `Retrying` and `AsyncRetrying` are to be made with."""
        return {
            "retry": self._worthwhile,
            "wait": lambda _: self._pause,
            "stop": stop_after_attempt(self._max_retries + 1),
            "before_sleep": self._remember,
            "reraise": True,
        }

    def _worthwhile(self, state: RetryCallState) -> bool:
        error = _error(state)
        if not isinstance(error, MiniMaxError) or not error.is_retryable:
            return False
        self._pause = pause(error, state.attempt_number)
        return self._pause <= min(LONGEST_RETRY_AFTER, self._time_left())

    def _remember(self, state: RetryCallState) -> None:
        self.failed = copy.copy(state)
        _log.info(
            "Attempt %d of up to %d failed, the next comes in %.1f s: %s",
            state.attempt_number,
            self._max_retries + 1,
            self._pause,
            _error(state),
        )


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
