"""MiniMax's errors by code."""

import re

import pytest

from langchain_minimax.testing import Cut, ErrorEvent, Fault, Raw
from langchain_minimax.testing._faults import ERRORS


@pytest.mark.parametrize(
    ("code", "status", "type"),
    [
        (1000, 500, "api_error"),
        (1002, 429, "rate_limit_error"),
        (1004, 401, "authentication_error"),
        (1008, 402, "insufficient_balance_error"),
        (1013, 500, "api_error"),
        (1026, 500, "api_error"),
        (1027, 500, "api_error"),
        (1033, 500, "api_error"),
        (1039, 429, "rate_limit_error"),
        (1041, 429, "rate_limit_error"),
        (2013, 400, "invalid_request_error"),
        (2045, 429, "rate_limit_error"),
        (2049, 401, "authentication_error"),
        (2056, 429, "rate_limit_error"),
        (2061, 500, "api_error"),
        (2064, 529, "overloaded_error"),
    ],
)
def test_every_code_has_its_status(code, status, type):
    fault = Fault.error(code)

    assert (fault.status, fault.type) == (status, type)
    assert code == 2056 or fault == Fault(code=code)  # 2056 tells the time
    assert (f"({code})" in fault.message) == (status != 401)


def test_the_table_above_is_complete():
    assert len(ERRORS) == 16


def test_messages_are_framed_by_their_code():
    assert Fault.error(1002, "slow down").message == "slow down (1002)"
    bad = Fault.error(2013, "chat content is empty")
    assert bad.message == "invalid params, chat content is empty (2013)"


def test_a_used_up_plan_says_when_it_opens():
    told = Fault.error(2056, resets_at="2026-05-15T15:00:00Z")

    assert told.message.endswith("resets at 2026-05-15T15:00:00Z (2056)")
    assert re.search(
        r"resets at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", Fault(code=2056).message
    )


def test_unknown_codes_need_words():
    with pytest.raises(ValueError, match="No captured words for code 4711"):
        Fault.error(4711)

    own = Fault(status=503, code=4711, message="gone fishing (4711)")
    assert (own.status, own.type, own.message) == (
        503,
        "api_error",
        "gone fishing (4711)",
    )


def test_the_other_faults_are_data():
    assert Fault.cut(3) == Cut("close", 3)
    assert Fault.reset() == Cut("reset", None)
    assert Fault.stall(3, 0.5, "late") == Cut("stall", 3, "late", 0.5)
    assert Fault.error_event("content", code=1027) == ErrorEvent(
        "content", wrapped=True, error=Fault.error(1027)
    )
    assert isinstance(Fault.garbage(), Raw)
    assert Fault.html(200).content_type == "text/html"
    assert Fault.empty().body == b""


@pytest.mark.parametrize(
    ("status", "words"),
    [(429, "(1002)"), (401, "invalid api key"), (402, "(1008)"), (529, "(2064)")],
)
def test_a_status_alone_says_what_it_was_last_seen_with(status, words):
    fault = Fault(status)
    assert fault.status == status
    assert words in fault.message
