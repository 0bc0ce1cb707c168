from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tenacity import AsyncRetrying, RetryCallState, Retrying

from langchain_minimax._retry import Retries, pause, retry_after
from langchain_minimax.errors import (
    ErrorResponse,
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxContentFilterError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
    MiniMaxQuotaExceededError,
    MiniMaxRateLimitError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)

FOREVER = float("inf")
LONGEST = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def asking(wait: str, kind: type[MiniMaxError] = MiniMaxRateLimitError) -> MiniMaxError:
    """A refusal whose server asked to wait."""
    return kind("no", response=ErrorResponse(429, {"retry-after": wait}))


@dataclass
class Call:
    """A call that fails with each of these errors, then answers; and its record."""

    errors: Sequence[Exception]
    attempts: int = 0
    pauses: list[float] = field(default_factory=list)
    remembered: list[RetryCallState | None] = field(default_factory=list)

    def __call__(self) -> str:
        self.attempts += 1
        if self.attempts <= len(self.errors):
            raise self.errors[self.attempts - 1]
        return "an answer"

    def run(self, max_retries: int = 2, time_left: float = FOREVER) -> str:
        retries = Retries(max_retries, lambda: time_left)
        for attempt in Retrying(**retries.options(), sleep=self.pauses.append):
            self.remembered.append(retries.failed)
            with attempt:
                answer = self()
        return answer


# --- How long ------------------------------------------------------------------------


@pytest.mark.parametrize(("attempt", "longest"), list(enumerate(LONGEST, 1)))
def test_pauses_double_up_to_a_limit_and_are_spread(attempt: int, longest: float):
    pauses = {pause(MiniMaxAPIError("no"), attempt) for _ in range(50)}
    assert 0.75 * longest <= min(pauses) < max(pauses) <= longest


def test_even_the_ten_thousandth_pause_is_short():
    assert 6.0 <= pause(None, 10_000) <= 8.0


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("-3", 0.0),
        ("600", 600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 +0200", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
        ("Wed, 21 Oct 2015 07:28:00", 0.0),
    ],
)
def test_a_server_may_say_how_long_to_wait(wait: str, seconds: float):
    assert retry_after(asking(wait)) == seconds
    assert pause(asking(wait), 1) == seconds


@pytest.mark.parametrize("hours", [0, 5, -5])
def test_a_server_may_say_until_when_to_wait(hours: int):
    soon = datetime.now(timezone(timedelta(hours=hours))) + timedelta(minutes=30)
    seconds = retry_after(asking(format_datetime(soon)))
    assert seconds is not None
    assert 0 < seconds <= 30 * 60


@pytest.mark.parametrize(
    "wait",
    [
        "",
        " ",
        "soon",
        "7 seconds",
        "Wed, 99 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
        "nan",
    ],
)
def test_an_unreadable_wait_is_none(wait: str):
    assert retry_after(asking(wait)) is None
    assert 0.375 <= pause(asking(wait), 1) <= 0.5


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_no_header_makes_the_retry_itself_fail(wait: str):
    assert pause(asking(wait), 1) >= 0


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("no"),
        MiniMaxConnectionError("no"),
        MiniMaxAPIError("no", response=ErrorResponse(500, {"trace-id": "t1"})),
    ],
    ids=["none", "another's error", "no reply", "a reply"],
)
def test_mostly_a_server_says_nothing(error: Exception | None):
    assert retry_after(error) is None


# --- Whether -------------------------------------------------------------------------


@pytest.mark.parametrize("max_retries", [0, 1, 2, 5])
def test_a_call_is_tried_once_and_then_as_often_as_allowed(max_retries: int):
    errors = [MiniMaxOverloadedError(f"busy {n}") for n in range(1, 10)]
    call = Call(errors)
    with pytest.raises(MiniMaxOverloadedError, match=f"busy {max_retries + 1}"):
        call.run(max_retries)
    assert call.attempts == max_retries + 1
    assert len(call.pauses) == max_retries
    for seconds, longest in zip(call.pauses, LONGEST, strict=False):
        assert 0.75 * longest <= seconds <= longest


def test_the_first_answer_ends_the_trying():
    call = Call([MiniMaxOverloadedError("busy")])
    assert call.run(max_retries=5) == "an answer"
    assert call.attempts == 2
    assert len(call.pauses) == 1


def test_an_answer_at_once_needs_no_pause():
    call = Call([])
    assert call.run() == "an answer"
    assert (call.attempts, call.pauses) == (1, [])


@pytest.mark.parametrize(
    "kind",
    [
        MiniMaxAPIError,
        MiniMaxConnectionError,
        MiniMaxOverloadedError,
        MiniMaxRateLimitError,
        MiniMaxStreamTruncatedError,
        MiniMaxTimeoutError,
    ],
)
def test_what_may_pass_is_tried_again(kind: type[MiniMaxError]):
    assert Call([kind("no")]).run() == "an answer"


@pytest.mark.parametrize(
    "error",
    [
        MiniMaxAuthenticationError("no"),
        MiniMaxContentFilterError("no"),
        MiniMaxInvalidRequestError("no"),
        MiniMaxQuotaExceededError("no"),
        asking("1", MiniMaxQuotaExceededError),
        MiniMaxError("no"),
        ValueError("no"),
        ConnectionError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_would_fail_again_is_not_tried_again(error: Exception):
    call = Call([error])
    with pytest.raises(type(error)) as raised:
        call.run()
    assert raised.value is error
    assert (call.attempts, call.pauses) == (1, [])


@pytest.mark.parametrize(
    ("wait", "time_left", "again"),
    [
        ("0", FOREVER, True),
        ("12", FOREVER, True),
        ("60", FOREVER, True),
        ("61", FOREVER, False),
        ("inf", FOREVER, False),
        ("Wed, 21 Oct 2099 07:28:00 GMT", FOREVER, False),
        ("12", 12.0, True),
        ("12", 11.9, False),
        ("soon", 0.6, True),
        ("soon", 0.3, False),
        ("0", -1.0, False),
    ],
)
def test_a_server_that_asks_for_too_long_is_not_waited_for(
    wait: str, time_left: float, again: bool
):
    call = Call([asking(wait)])
    if again:
        assert call.run(time_left=time_left) == "an answer"
        assert len(call.pauses) == 1
    else:
        with pytest.raises(MiniMaxRateLimitError):
            call.run(time_left=time_left)
        assert (call.attempts, call.pauses) == (1, [])


def test_the_wait_that_was_asked_for_is_kept_to():
    call = Call([asking("12"), MiniMaxAPIError("no"), asking("3")])
    assert call.run(max_retries=3) == "an answer"
    first, second, third = call.pauses
    assert (first, third) == (12.0, 3.0)
    assert 0.75 <= second <= 1.0


def test_the_failed_attempt_is_remembered():
    first, second = MiniMaxAPIError("one"), MiniMaxAPIError("two")
    call = Call([first, second])
    call.run()
    before, *failed = call.remembered
    assert before is None
    numbers_and_errors = [
        (state.attempt_number, state.outcome.exception())
        for state in failed
        if state is not None and state.outcome is not None
    ]
    assert numbers_and_errors == [(1, first), (2, second)]


async def test_the_same_decisions_serve_an_awaited_call():
    call, retries = Call([asking("12"), asking("600")]), Retries(5, lambda: FOREVER)

    async def sleep(seconds: float) -> None:
        call.pauses.append(seconds)

    async def run() -> None:
        async for attempt in AsyncRetrying(**retries.options(), sleep=sleep):
            with attempt:
                call()

    with pytest.raises(MiniMaxRateLimitError) as raised:
        await run()
    assert raised.value is call.errors[1]
    assert (call.attempts, call.pauses) == (2, [12.0])
