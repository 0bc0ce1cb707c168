from __future__ import annotations

import json

import pytest

from langchain_minimax._json import (
    dumped,
    encoded,
    excerpt,
    parsed,
    shown,
    with_extra,
)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b'"\\ud83d"', "\ud83d"),
        (b"{]", None),
        (b'{"\\u00e9": ]', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_text_is_read_or_nothing(data: bytes, value: object) -> None:
    assert parsed(data) == value


@pytest.mark.parametrize("beside", ["", "\ud83d"], ids=["plain", "with half an emoji"])
def test_what_json_cannot_say_is_null_or_a_mark(beside: str) -> None:
    said = json.loads(encoded({"n": float("inf"), "t": f"a{beside}"}))
    assert said == {"n": None, "t": "a\ufffd" if beside else "a"}


@pytest.mark.parametrize(
    ("extra", "whole"),
    [
        ({}, {"a": 1, "b": {"c": 2}}),
        ({"a": 3, "d": [4]}, {"a": 3, "b": {"c": 2}, "d": [4]}),
        ({"b": {}}, {"a": 1, "b": {}}),
        ({"a": None}, {"b": {"c": 2}}),
        ({"d": None}, {"a": 1, "b": {"c": 2}, "d": None}),
        ({"a": False, "b": 0}, {"a": False, "b": 0}),
    ],
)
def test_what_is_added_wins_and_none_takes_away(
    extra: dict[str, object], whole: dict[str, object]
) -> None:
    body = {"a": 1, "b": {"c": 2}}
    assert with_extra(body, extra) == whole
    assert body == {"a": 1, "b": {"c": 2}}


def test_a_hostile_depth_is_not_followed() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert "too deep" in dumped(deep)
    while deep:  # taken apart from outside: the interpreter would recurse
        deep = deep.pop()  # type: ignore[assignment]


DIGITS = 10**5_000  # more than Python writes


@pytest.mark.parametrize(
    "value",
    [DIGITS, {"a": DIGITS}, {(1,): [DIGITS]}],
    ids=["bare", "inside", "no JSON"],
)
def test_a_hostile_number_is_not_written(value: object) -> None:
    assert "too long" in dumped(value)
    assert "too long" in shown(value)


def test_an_error_quotes_the_beginning_of_a_value() -> None:
    assert shown({"a": 1}) == "{'a': 1}"
    assert shown("x" * 1000) == f"'{'x' * 199}…"


def test_an_excerpt_says_that_it_is_one() -> None:
    assert excerpt("abc", 3) == "abc"
    assert excerpt("abcd", 3) == "abc…"
