"""The list of models: both shapes of it, and what is none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxModel,
    MiniMaxResponseError,
)
from langchain_minimax.catalogue import card

KEY = "sk-api-of-nobody"
DAY = datetime(2026, 6, 1, tzinfo=timezone.utc)


def lists_of(reply: Any, status: int = 200, **fields: Any) -> list[Any]:
    """What the two ways of asking give or raise, and what they asked for."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, text=json.dumps(reply))

    async def async_answer(request: httpx.Request) -> httpx.Response:
        return answer(request)

    model = ChatMiniMax(
        model="MiniMax-M3",
        api_key=KEY,
        max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
        http_async_client=httpx.AsyncClient(
            transport=httpx.MockTransport(async_answer)
        ),
        **fields,
    )
    awaited = _outcome(lambda: asyncio.run(model.alist_models()))
    return [_outcome(model.list_models), awaited, asked]


def _outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except MiniMaxError as error:
        return error


def test_minimax_s_own_list() -> None:
    said = {"id": "MiniMax-M3", "object": "model", "owned_by": "minimax"}
    reply = {"object": "list", "data": [{**said, "created": int(DAY.timestamp())}]}
    *lists, asked = lists_of(reply)
    assert lists == [[MiniMaxModel("MiniMax-M3", DAY, "minimax")]] * 2
    assert lists[0][0].card == card("MiniMax-M3")
    assert {str(request.url) for request in asked} == {
        "https://api.minimax.io/v1/models"
    }
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {KEY}"}
    assert {request.method for request in asked} == {"GET"}


def test_a_model_that_is_not_in_the_catalogue() -> None:
    first, *_ = lists_of({"data": [{"id": "MiniMax-M9"}]})
    assert first == [MiniMaxModel("MiniMax-M9")]
    assert first[0].card is None


@pytest.mark.parametrize("created", [None, "2026-06-01", [], 10**30, True, 0.5])
def test_a_day_that_is_none(created: Any) -> None:
    first, *_ = lists_of({"data": [{"id": "MiniMax-M3", "created": created}]})
    assert first == [MiniMaxModel("MiniMax-M3")]


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/models"),
        ("http://127.0.0.1:8000/v1/models", "http://127.0.0.1:8000/v1/models"),
        ("http://127.0.0.1:8000/anthropic", "http://127.0.0.1:8000/v1/models"),
        ("https://api.minimax.cn/anthropic", "https://api.minimax.cn/v1/models"),
    ],
)
def test_where_it_is_asked_for(base_url: str, url: str) -> None:
    *_, asked = lists_of({"data": []}, base_url=base_url)
    assert {str(request.url) for request in asked} == {url}


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        ({"data": None}, 200, MiniMaxResponseError),
        ({"data": [7]}, 200, MiniMaxResponseError),
        ({"data": [{"name": "x"}]}, 200, MiniMaxResponseError),
        ({}, 200, MiniMaxResponseError),
        ([], 200, MiniMaxResponseError),
        (
            {"base_resp": {"status_code": 1004, "status_msg": "login fail"}},
            200,
            MiniMaxAuthenticationError,
        ),
        (
            {"error": {"type": "authentication_error", "message": "no"}},
            401,
            MiniMaxAuthenticationError,
        ),
    ],
    ids=str,
)
def test_what_is_no_list_is_a_typed_error(reply: Any, status: int, kind: type) -> None:
    *errors, _ = lists_of(reply, status)
    for error in errors:
        assert isinstance(error, kind)
        assert KEY not in repr(error)
