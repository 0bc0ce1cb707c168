from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import pytest
from langchain_core import exceptions as lc
from langchain_core.messages import AIMessage

from langchain_minimax import errors
from langchain_minimax.errors import (
    ErrorResponse,
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxContentFilterError,
    MiniMaxContextOverflowError,
    MiniMaxError,
    MiniMaxInsufficientBalanceError,
    MiniMaxInvalidRequestError,
    MiniMaxModelNotFoundError,
    MiniMaxOutputError,
    MiniMaxOverloadedError,
    MiniMaxPermissionDeniedError,
    MiniMaxQuotaExceededError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
    MiniMaxToolChoiceError,
    failure,
    failure_in_reply,
)
from support.samples import Sample, samples

SECRET = "sk-api-0123456789"


def body(message: str, kind: str = "api_error", **more: Any) -> bytes:
    """The error body of the Messages API."""
    error = {"type": kind, "message": message}
    return json.dumps({"type": "error", "error": error, **more}).encode()


def refused(status: int, message: str, kind: str = "api_error") -> MiniMaxError:
    return failure(status, {}, body(message, kind))


def in_reply(document: dict[str, Any]) -> MiniMaxError:
    error = failure_in_reply(document)
    assert error is not None
    return error


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=timezone.utc)


# --- The tree ------------------------------------------------------------------------

TREE: list[tuple[type[MiniMaxError], type[Exception], bool]] = [
    (MiniMaxError, lc.ModelError, False),
    (MiniMaxAuthenticationError, lc.ModelAuthenticationError, False),
    (MiniMaxPermissionDeniedError, lc.ModelPermissionDeniedError, False),
    (MiniMaxInsufficientBalanceError, lc.ModelPermissionDeniedError, False),
    (MiniMaxInvalidRequestError, lc.ModelInvalidRequestError, False),
    (MiniMaxContextOverflowError, lc.ContextOverflowError, False),
    (MiniMaxContentFilterError, lc.ModelInvalidRequestError, False),
    (MiniMaxModelNotFoundError, lc.ModelNotFoundError, False),
    (MiniMaxRateLimitError, lc.ModelRateLimitError, True),
    (MiniMaxQuotaExceededError, lc.ModelRateLimitError, False),
    (MiniMaxAPIError, lc.ModelAPIError, True),
    (MiniMaxOverloadedError, lc.ModelAPIError, True),
    (MiniMaxResponseError, lc.ModelAPIError, True),
    (MiniMaxOutputError, lc.OutputParserException, False),
    (MiniMaxToolChoiceError, lc.OutputParserException, False),
    (MiniMaxConnectionError, lc.ModelConnectionError, True),
    (MiniMaxStreamTruncatedError, lc.ModelConnectionError, True),
    (MiniMaxTimeoutError, lc.ModelTimeoutError, True),
]
CLASSES = [row[0] for row in TREE]


def test_the_tree_is_whole():
    defined = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, MiniMaxError)
    ]
    assert set(defined) == set(CLASSES)


@pytest.mark.parametrize(("ours", "theirs", "retryable"), TREE)
def test_langchain_knows_every_error_and_whether_to_retry_it(
    ours: type[MiniMaxError], theirs: type[Exception], retryable: bool
):
    assert issubclass(ours, MiniMaxError)
    assert issubclass(ours, theirs)
    assert ours("no").is_retryable is retryable


@pytest.mark.parametrize(
    ("leaf", "branch"),
    [
        (MiniMaxInsufficientBalanceError, MiniMaxPermissionDeniedError),
        (MiniMaxContextOverflowError, MiniMaxInvalidRequestError),
        (MiniMaxContentFilterError, MiniMaxInvalidRequestError),
        (MiniMaxQuotaExceededError, MiniMaxRateLimitError),
        (MiniMaxOverloadedError, MiniMaxAPIError),
        (MiniMaxResponseError, MiniMaxAPIError),
        (MiniMaxToolChoiceError, MiniMaxOutputError),
        (MiniMaxStreamTruncatedError, MiniMaxConnectionError),
    ],
)
def test_who_catches_a_branch_catches_its_leaves(
    leaf: type[MiniMaxError], branch: type[MiniMaxError]
):
    assert issubclass(leaf, branch)


def assert_same(copied: MiniMaxError, error: MiniMaxError) -> None:
    assert type(copied) is type(error)
    assert str(copied) == str(error)
    assert copied.args == error.args
    assert vars(copied) == vars(error)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_is_pickled_with_all_that_it_knows(
    kind: type[MiniMaxError], protocol: int
):
    error = kind(
        "no",
        status_code=429,
        code=2056,
        request_id="r1",
        response=ErrorResponse(429, {"trace-id": "r1"}, "{}"),
    )
    error.partial = AIMessage("The first half of")
    if isinstance(error, MiniMaxQuotaExceededError):
        error.resets_at = utc(2026, 6, 3, 20)
    assert_same(pickle.loads(pickle.dumps(error, protocol)), error)
    assert_same(copy.deepcopy(error), error)


def test_an_error_that_knows_nothing_says_so():
    error = MiniMaxQuotaExceededError("no")
    assert (error.status_code, error.code, error.request_id) == (None, None, None)
    assert (error.response, error.partial, error.resets_at) == (None, None, None)
    assert str(error) == "no"


# --- What a refusal means ------------------------------------------------------------

CODES: list[tuple[int, type[MiniMaxError], bool]] = [
    (1000, MiniMaxAPIError, True),
    (1001, MiniMaxTimeoutError, True),
    (1002, MiniMaxRateLimitError, True),
    (1004, MiniMaxAuthenticationError, False),
    (1008, MiniMaxInsufficientBalanceError, False),
    (1013, MiniMaxAPIError, True),
    (1024, MiniMaxAPIError, True),
    (1026, MiniMaxContentFilterError, False),
    (1027, MiniMaxContentFilterError, False),
    (1028, MiniMaxQuotaExceededError, False),
    (1030, MiniMaxQuotaExceededError, False),
    (1033, MiniMaxAPIError, True),
    (1039, MiniMaxInvalidRequestError, False),
    (1041, MiniMaxRateLimitError, True),
    (1042, MiniMaxInvalidRequestError, False),
    (2013, MiniMaxInvalidRequestError, False),
    (2045, MiniMaxRateLimitError, True),
    (2049, MiniMaxAuthenticationError, False),
    (2056, MiniMaxQuotaExceededError, False),
    (2061, MiniMaxPermissionDeniedError, False),
    (2064, MiniMaxOverloadedError, True),
]
each_code = pytest.mark.parametrize(("code", "kind", "retryable"), CODES)


@each_code
@pytest.mark.parametrize("status", [400, 429, 500, 529])
def test_the_code_decides_before_the_status(
    code: int, kind: type[MiniMaxError], retryable: bool, status: int
):
    error = refused(status, f"so it is ({code})")
    assert type(error) is kind
    assert (error.code, error.status_code) == (code, status)
    assert error.is_retryable is retryable


@each_code
def test_the_code_of_a_business_refusal_decides_too(
    code: int, kind: type[MiniMaxError], retryable: bool
):
    error = in_reply({"base_resp": {"status_code": code, "status_msg": "so it is"}})
    assert type(error) is kind
    assert (error.code, error.status_code) == (code, 200)
    assert error.is_retryable is retryable
    assert f"so it is ({code})" in str(error)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The server cluster is busy. (2064) (529)", 2064),
        ("unknown error, 794 (1000)", 1000),
        ("tool id(1002) not found (2013)", 2013),
        ("limit reached (0/0 used), resets (2056)", 2056),
        ("model(123) is odd", None),
        ("invalid params", None),
    ],
)
def test_the_code_is_the_last_known_number_in_brackets(message: str, code: int | None):
    assert refused(418, message).code == code


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, MiniMaxInvalidRequestError),
        (400, MiniMaxInvalidRequestError),
        (401, MiniMaxAuthenticationError),
        (402, MiniMaxInsufficientBalanceError),
        (403, MiniMaxPermissionDeniedError),
        (404, MiniMaxInvalidRequestError),
        (408, MiniMaxTimeoutError),
        (409, MiniMaxAPIError),
        (413, MiniMaxInvalidRequestError),
        (418, MiniMaxInvalidRequestError),
        (422, MiniMaxInvalidRequestError),
        (425, MiniMaxAPIError),
        (429, MiniMaxRateLimitError),
        (499, MiniMaxInvalidRequestError),
        (500, MiniMaxAPIError),
        (502, MiniMaxAPIError),
        (520, MiniMaxAPIError),
        (529, MiniMaxOverloadedError),
    ],
)
def test_without_a_code_the_status_decides(status: int, kind: type[MiniMaxError]):
    error = refused(status, "no", "some_error")
    assert type(error) is kind
    assert (error.code, error.status_code) == (None, status)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("invalid_request_error", MiniMaxInvalidRequestError),
        ("authentication_error", MiniMaxAuthenticationError),
        ("permission_error", MiniMaxPermissionDeniedError),
        ("insufficient_balance_error", MiniMaxInsufficientBalanceError),
        ("not_found_error", MiniMaxModelNotFoundError),
        ("request_too_large", MiniMaxInvalidRequestError),
        ("rate_limit_error", MiniMaxRateLimitError),
        ("overloaded_error", MiniMaxOverloadedError),
        ("api_error", MiniMaxAPIError),
        ("error", MiniMaxAPIError),
    ],
)
def test_without_code_and_status_the_name_decides(name: str, kind: type[MiniMaxError]):
    wrapped = {"type": "error", "error": {"type": name, "message": "no"}}
    assert type(in_reply(wrapped)) is kind
    assert type(refused(500, "no", name)) is kind


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "not_found_error", MiniMaxInvalidRequestError),
        (401, "overloaded_error", MiniMaxAuthenticationError),
        (429, "invalid_request_error", MiniMaxRateLimitError),
    ],
)
def test_the_status_decides_before_the_name(
    status: int, name: str, kind: type[MiniMaxError]
):
    assert type(refused(status, "no", name)) is kind


def test_a_name_will_do_without_words():
    error = in_reply({"type": "error", "error": {"type": "overloaded_error"}})
    assert type(error) is MiniMaxOverloadedError
    assert "overloaded_error" in str(error)


def test_an_error_event_need_not_be_wrapped():
    error = in_reply({"type": "overloaded_error", "message": "busy"})
    assert type(error) is MiniMaxOverloadedError
    assert "busy" in str(error)


def test_an_error_may_be_a_mere_sentence():
    assert "down for now" in str(in_reply({"error": "down for now"}))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "context window exceeds limit (2013)", MiniMaxContextOverflowError),
        (400, "unknown model 'minimax-m9' (2013)", MiniMaxModelNotFoundError),
        (404, "unknown model 'minimax-m9'", MiniMaxModelNotFoundError),
        (404, "404 page not found", MiniMaxInvalidRequestError),
    ],
)
def test_words_tell_what_neither_code_nor_status_does(
    status: int, message: str, kind: type[MiniMaxError]
):
    assert type(refused(status, message)) is kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (529, "the tool call cluster is busy (2064)", MiniMaxOverloadedError),
        (429, "too many tool calls a minute (1002)", MiniMaxRateLimitError),
        (500, "unknown error in a tool result, 794 (1000)", MiniMaxAPIError),
    ],
)
def test_words_do_not_overrule_a_code_that_tells_more(
    status: int, message: str, kind: type[MiniMaxError]
):
    assert type(refused(status, message)) is kind


@pytest.mark.parametrize("code", [-1, "1008", "-1"])
def test_any_code_but_zero_is_a_failure(code: Any):
    error = in_reply({"base_resp": {"status_code": code, "status_msg": "no"}})
    assert error.code == int(code)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": "ping"},
        {"type": "message", "content": []},
        {"type": "message", "message": "hello"},
        {"type": "message", "base_resp": {"status_code": 0, "status_msg": "success"}},
        {"base_resp": None},
        {"base_resp": {"status_code": "0"}},
        {"base_resp": {"status_code": "none"}},
        {"base_resp": {"status_code": [1008]}},
        {"error": None},
        {"error": {}},
        {"error": {"type": 7}},
        {"type": 7, "message": "overloaded_error"},
    ],
)
def test_what_is_no_failure_is_none(document: dict[str, Any]):
    assert failure_in_reply(document) is None


@pytest.mark.parametrize(
    "one",
    [one for one in samples(stream=False, errors=True) if one.status != 200],
    ids=lambda one: one.name,
)
def test_a_captured_refusal_is_understood(one: Sample):
    error = failure(one.status, {}, one.body)
    assert one.error is not None
    assert error.code == one.error["code"]
    assert error.request_id == one.error["request_id"]
    assert one.error["message"] in str(error)


# --- What it says --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message", "advice"),
    [
        (401, "invalid api key", 'region="china"'),
        (402, "insufficient balance (1008)", "sk-cp-"),
        (403, "no", "may not do this"),
        (413, "no", "64 MB"),
        (429, "rate limit (1002)", "rate_limiter"),
        (429, "window (2056)", "Wait for the reset"),
        (500, "model not in plan (2061)", "model of your plan"),
        (500, "input new_sensitive (1026)", "content filter"),
        (400, "token limit (1039)", "max_tokens"),
        (400, "odd (1042)", "invisible characters"),
        (400, "context window exceeds limit (2013)", "Shorten the conversation"),
        (400, "unknown model 'x' (2013)", "Retired models"),
        (400, "tool call and result not match (2013)", "needs its result"),
        (400, "chat content is empty (2013)", "holds nothing"),
        (404, "404 page not found", "base_url"),
        (529, "busy (2064)", "Try again later"),
    ],
)
def test_an_error_says_what_to_do_next(status: int, message: str, advice: str):
    said = str(refused(status, message))
    assert said.startswith(f"MiniMax answered HTTP {status}: {message}. ")
    assert advice in said


def test_a_sentence_that_ends_gets_no_second_full_stop():
    assert str(refused(400, "No such thing.")) == (
        "MiniMax answered HTTP 400: No such thing."
    )
    assert str(refused(400, "no such thing")) == (
        "MiniMax answered HTTP 400: no such thing."
    )


def test_a_wait_that_the_server_asks_for_is_said():
    assert "7 s" in str(failure(429, {"retry-after": "7"}, body("no")))
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert f"{date}." in str(failure(429, {"retry-after": date}, body("no")))


def test_a_code_in_the_message_is_not_said_twice():
    assert str(refused(400, "no (2013)")).count("2013") == 1


def test_a_refusal_without_words_still_has_its_code():
    assert "no message (1002)" in str(in_reply({"base_resp": {"status_code": 1002}}))


@pytest.mark.parametrize(
    ("more", "headers", "request_id"),
    [
        ({"request_id": "r1"}, {}, "r1"),
        ({"request_id": "r1"}, {"trace-id": "t1"}, "r1"),
        ({}, {"trace-id": "t1"}, "t1"),
        ({"request_id": 7}, {"trace-id": "t1"}, "t1"),
        ({"id": "m1"}, {"trace-id": "t1"}, "m1"),
        ({"id": "m1", "request_id": "r1"}, {}, "r1"),
        ({"id": 7}, {"trace-id": "t1"}, "t1"),
        ({}, {}, None),
    ],
)
def test_the_request_id_is_known_and_said(
    more: dict[str, Any], headers: dict[str, str], request_id: str | None
):
    error = failure(400, headers, body("no", **more))
    assert error.request_id == request_id
    assert str(error).endswith(f"[request {request_id}]") == bool(request_id)


def test_a_business_refusal_has_its_request_id_too():
    assert in_reply({"request_id": "r1", "error": "no"}).request_id == "r1"


@pytest.mark.parametrize(
    ("message", "when"),
    [
        ("resets at 2026-06-03T20:00:00Z (2056)", utc(2026, 6, 3, 20)),
        ("resets at 2026-06-04T04:00:00+08:00 (2056)", utc(2026, 6, 3, 20)),
        (
            "resets at 2026-06-03T20:00:00.250Z (2056)",
            utc(2026, 6, 3, 20, 0, 0, 250_000),
        ),
        (
            "resets at 2026-06-03T18:30:00.000001-01:30 (2056)",
            utc(2026, 6, 3, 20, 0, 0, 1),
        ),
    ],
)
def test_the_reset_time_of_a_plan_is_understood(message: str, when: datetime):
    error = refused(429, f"usage limit exceeded, {message}")
    assert isinstance(error, MiniMaxQuotaExceededError)
    assert error.resets_at == when


@pytest.mark.parametrize(
    "message",
    [
        "Token Plan usage limit reached (2056)",
        "resets at 2026-06-03T20:00:00 (2056)",
        "resets at 2026-13-03T20:00:00Z (2056)",
        "resets at 2026-06-03T25:00:00Z (2056)",
        "resets at noon (2056)",
    ],
)
def test_a_reset_time_that_is_none_is_not_guessed(message: str):
    error = refused(429, message)
    assert isinstance(error, MiniMaxQuotaExceededError)
    assert error.resets_at is None


# --- Bodies that are no error body ---------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "(empty body)"),
        (b" \n", "(empty body)"),
        (b"<html><h1>Bad Gateway</h1></html>", "<h1>Bad Gateway</h1>"),
        (b"[1, 2]", "[1, 2]"),
        (b'"no"', '"no"'),
        (b'{"detail": "Not Found"}', '{"detail": "Not Found"}'),
        (b'{"error": {"message": 7}}', '{"error": {"message": 7}}'),
        (b'{"error": {', '{"error": {'),
        (b"\xff\xfe", "��"),
        (b"[" * 100_000, "[[[["),
        (b"1" * 5000, "1111"),
    ],
)
def test_a_body_of_another_kind_is_quoted(given: bytes, said: str):
    error = failure(502, {"trace-id": "t1"}, given)
    assert type(error) is MiniMaxAPIError
    assert said in str(error)
    assert len(str(error)) < 700
    assert (error.code, error.request_id) == (None, "t1")
    assert error.response == ErrorResponse(
        502, {"trace-id": "t1"}, given.decode(errors="replace")
    )


def test_the_reply_behind_an_error_is_there_as_tracers_read_it():
    given = body("no such thing (2013)")
    response = failure(400, {"content-type": "application/json"}, given).response
    assert response is not None
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert response.text == given.decode()
    assert response.json() == json.loads(given)
    with pytest.raises(ValueError, match="Expecting value"):
        ErrorResponse(502, {}, "<html>").json()


def test_the_reply_behind_a_business_refusal_is_there_too():
    document = {"base_resp": {"status_code": 1008, "status_msg": "余额不足"}}
    response = in_reply(document).response
    assert response is not None
    assert (response.status_code, response.headers) == (200, {})
    assert response.json() == document
    assert "余额不足" in response.text


# --- Secrets -------------------------------------------------------------------------


def test_a_key_that_the_server_repeats_is_blacked_out_everywhere():
    headers = {"x-echo": f"Bearer {SECRET}", "trace-id": "t1"}
    error = failure(401, headers, body(f"bad key {SECRET}, {SECRET}"))
    assert error.without(SECRET) is error
    assert "bad key ***, ***" in str(error)
    assert error.response is not None
    assert error.response.headers == {"x-echo": "Bearer ***", "trace-id": "t1"}
    assert "bad key ***, ***" in error.response.text
    assert SECRET.encode() not in pickle.dumps(error)
    assert (error.status_code, error.response.status_code) == (401, 401)


def test_a_key_in_place_of_the_request_id_is_blacked_out_too():
    error = failure(401, {"trace-id": SECRET}, b"no").without(SECRET)
    assert SECRET not in str(error.request_id)


def test_a_key_is_blacked_out_where_there_was_no_reply():
    assert str(MiniMaxConnectionError(f"{SECRET}!").without(SECRET)) == "***!"


def test_several_secrets_are_blacked_out():
    error = MiniMaxConnectionError(f"{SECRET} and another-key")
    assert str(error.without(SECRET, None, "another-key")) == "*** and ***"


ODD = 'q"b\\s/+=='


@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps(ODD),
        repr(ODD),
        quote(ODD, safe=""),
        quote(ODD, safe="").lower(),
        ODD.upper(),
        f"{ODD[:7]}…",
    ],
)
def test_a_key_is_blacked_out_in_every_spelling(spelled: str):
    told = str(MiniMaxConnectionError(f"It said {spelled}.").without(ODD))
    assert "***" in told
    assert 'q"b' not in told


def test_the_words_of_a_server_are_repeated_up_to_a_length():
    error = refused(400, "x" * 5000)
    assert len(str(error)) < 2500
    assert "x" * 5000 in error.response.text


@pytest.mark.parametrize("secret", [None, "", "api"])
def test_without_a_key_an_error_stays_as_it_is(secret: str | None):
    error = refused(401, "invalid api key")
    before = (str(error), error.response)
    assert error.without(secret) is error
    assert (str(error), error.response) == before


# --- The status that an error names itself -------------------------------------------


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"http_code": "401"}, MiniMaxAuthenticationError),
        ({"http_code": "402"}, MiniMaxInsufficientBalanceError),
        ({"http_code": "422"}, MiniMaxInvalidRequestError),
        ({"http_code": "429"}, MiniMaxRateLimitError),
        ({"http_code": 529}, MiniMaxOverloadedError),
        ({"http_code": "500"}, MiniMaxAPIError),
        ({"http_code": "499"}, MiniMaxInvalidRequestError),
        ({"code": 400}, MiniMaxInvalidRequestError),
        ({"code": "429", "param": None}, MiniMaxRateLimitError),
        ({"http_code": "429", "code": 400}, MiniMaxRateLimitError),
        ({"http_code": "", "code": 400}, MiniMaxInvalidRequestError),
    ],
)
@pytest.mark.parametrize("kind_of_error", ["BadRequestError", "", None])
def test_an_error_in_a_stream_may_name_its_status(
    more: dict[str, Any], kind: type[MiniMaxError], kind_of_error: str | None
):
    error = in_reply({"error": {"message": "no", "type": kind_of_error, **more}})
    assert type(error) is kind
    assert (error.status_code, error.code) == (200, None)


@pytest.mark.parametrize(
    "given",
    [None, "", "x", "200", 399, 600, 1008, 0, -429, 429.0, True, [429], {"a": 1}],
)
@pytest.mark.parametrize("name", ["http_code", "code"])
def test_a_status_that_is_none_is_passed_over(name: str, given: Any):
    details = {"message": "no", name: given}
    assert type(in_reply({"error": details})) is MiniMaxAPIError
    busy = in_reply({"error": {**details, "type": "overloaded_error"}})
    assert type(busy) is MiniMaxOverloadedError


def test_a_number_of_minimax_says_more_than_a_status():
    error = in_reply({"error": {"message": "no money (1008)", "http_code": "500"}})
    assert type(error) is MiniMaxInsufficientBalanceError
    assert error.code == 1008


def test_a_status_that_an_error_names_says_more_than_that_of_the_reply():
    document = {"error": {"message": "no", "type": "odd", "http_code": "402"}}
    error = failure(500, {}, json.dumps(document).encode())
    assert type(error) is MiniMaxInsufficientBalanceError
    assert error.status_code == 500
    assert "HTTP 500" in str(error)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bad_request_error", MiniMaxInvalidRequestError),
        ("unprocessable_entity_error", MiniMaxInvalidRequestError),
        ("authorized_error", MiniMaxAuthenticationError),
    ],
)
def test_the_names_of_chat_completions_are_known(name: str, kind: type[MiniMaxError]):
    assert type(in_reply({"error": {"message": "no", "type": name}})) is kind
    assert type(in_reply({"type": name, "message": "no"})) is kind


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("BadRequestError", 400, MiniMaxInvalidRequestError),
        ("InternalServerError", 500, MiniMaxAPIError),
        ("ServiceUnavailableError", 429, MiniMaxRateLimitError),
    ],
)
def test_an_older_vllm_names_its_errors_without_a_wrapping(
    name: str, code: int, kind: type[MiniMaxError]
):
    document = {"object": "error", "message": "no", "type": name, "code": code}
    assert type(in_reply({**document, "param": None})) is kind
    assert failure_in_reply({**document, "type": "text"}) is None


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 4096 tokens. However, you want more",
        "The prompt (length 5000) is longer than the maximum context length of 4096.",
        "The model's context length is only 4096 tokens, resulting in an input of 5000",
    ],
)
def test_an_engines_words_for_too_much_are_known(words: str):
    wrapped = {"message": words, "type": "BadRequestError", "code": 400}
    for document in ({"error": wrapped}, {"object": "error", **wrapped}):
        assert type(in_reply(document)) is MiniMaxContextOverflowError
        error = failure(400, {}, json.dumps(document).encode())
        assert type(error) is MiniMaxContextOverflowError


@pytest.mark.parametrize(
    "error",
    [
        "",
        None,
        {},
        {"message": ""},
        {"message": "", "type": "", "code": None},
        {"message": "", "type": None, "code": 0, "param": None},
        {"type": ""},
    ],
)
def test_an_error_that_says_nothing_is_none(error: Any):
    assert failure_in_reply({"id": "r1", "error": error}) is None


@pytest.mark.parametrize(
    "error", [{"type": "odd"}, {"message": "", "type": "odd"}, {"code": 500}]
)
def test_an_error_that_says_anything_is_one(error: Any):
    assert type(in_reply({"error": {"message": "", **error}})) is MiniMaxAPIError


@pytest.mark.parametrize("end", ["", "…", "… and more"])
@pytest.mark.parametrize("spelled", [str, str.upper])
def test_half_a_secret_where_a_text_was_cut_is_blacked_out(
    end: str, spelled: Callable[[str], str]
) -> None:
    secret = "sk-api-0123456789abcdef"
    for length in range(6, len(secret)):
        text = f"your key {spelled(secret[:length])}{end}"
        assert errors.blacked_out(text, [secret]) == f"your key ***{end}"


def test_what_only_begins_like_a_secret_stays() -> None:
    text = "sk-api-keys are long, and sk-api- is how they begin…"
    assert errors.blacked_out(text, ["sk-api-0123456789abcdef"]) == text
