"""The native call that counts tokens: what is asked, and what may come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxError,
    MiniMaxInsufficientBalanceError,
    MiniMaxInvalidRequestError,
    MiniMaxResponseError,
)
from langchain_minimax._counting import counting_url

ASKED = [SystemMessage("Be brief."), HumanMessage("Hi")]


def answering(reply: Any, status: int = 200) -> tuple[ChatMiniMax, list[httpx.Request]]:
    """A model whose server gives one answer, and what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        text = reply if isinstance(reply, str) else json.dumps(reply)
        return httpx.Response(status, text=text)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    model = ChatMiniMax(
        model="MiniMax-M3",
        api_key="sk-api-of-nobody",
        token_counting="api",
        temperature=0.5,
        stop=["."],
        user_id="u1",
        max_retries=0,
        default_headers={"x-team": "tides"},
        http_client=client,
    )
    return model, asked


@pytest.mark.parametrize("protocol", ["anthropic", "openai"])
def test_what_counts_is_asked_for_and_nothing_else(protocol: str):
    model, asked = answering({"input_tokens": 171})
    model = model.model_copy(update={"protocol": protocol, "thinking": True})
    assert model.get_num_tokens_from_messages(ASKED, [lambda_tool]) == 171
    (request,) = asked
    assert (
        str(request.url) == "https://api.minimax.io/anthropic/v1/messages/count_tokens"
    )
    assert request.headers["authorization"] == "Bearer sk-api-of-nobody"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.headers["x-team"] == "tides"
    body = json.loads(request.content)
    assert body["tools"][0]["name"] == "lambda_tool"
    assert {key: body[key] for key in body if key != "tools"} == {
        "model": "MiniMax-M3",
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "thinking": {"type": "adaptive"},
    }


def lambda_tool(port: str) -> str:
    """Next high tide of a port."""
    return port


def test_a_conversation_is_mended_before_it_is_counted():
    model, asked = answering({"input_tokens": 1})
    call = {"name": "lambda_tool", "args": {}, "id": "call_1"}
    model.get_num_tokens_from_messages([*ASKED, AIMessage("", tool_calls=[call])])
    last = json.loads(asked[0].content)["messages"][-1]
    assert last["content"][0]["type"] == "tool_result"


@pytest.mark.parametrize(
    ("base_url", "region", "url"),
    [
        (None, "china", "https://api.minimax.cn/anthropic/v1/messages/count_tokens"),
        (
            "https://api.minimax.io/v1",
            "global",
            "https://api.minimax.io/anthropic/v1/messages/count_tokens",
        ),
        (
            "http://localhost:8000/v1",
            "global",
            "http://localhost:8000/v1/messages/count_tokens",
        ),
        (
            "https://gate.example/minimax?team=a",
            "global",
            "https://gate.example/minimax/v1/messages/count_tokens?team=a",
        ),
    ],
)
def test_where_tokens_are_counted(base_url: str | None, region: str, url: str):
    assert counting_url(base_url, region) == url


UNPAID = {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}
WRONG_KEY = {
    "type": "error",
    "error": {"type": "authentication_error", "message": "invalid api key"},
}


@pytest.mark.parametrize(
    ("reply", "status", "error", "words"),
    [
        (WRONG_KEY, 401, MiniMaxAuthenticationError, "invalid api key"),
        ("404 page not found", 404, MiniMaxError, "404"),
        ("upstream", 502, MiniMaxAPIError, "upstream"),
        (UNPAID, 200, MiniMaxInsufficientBalanceError, "balance"),
        ({"tokens": 12}, 200, MiniMaxResponseError, "token_counting=.local"),
        ({"input_tokens": "12"}, 200, MiniMaxResponseError, "input_tokens"),
        ({"input_tokens": -1}, 200, MiniMaxResponseError, "input_tokens"),
        ("<html>", 200, MiniMaxResponseError, "html"),
        ("", 200, MiniMaxResponseError, "empty"),
    ],
)
def test_every_other_answer_is_a_typed_error(
    reply: Any, status: int, error: type[MiniMaxError], words: str
):
    model, _ = answering(reply, status)
    with pytest.raises(error, match=words) as caught:
        model.get_num_tokens_from_messages(ASKED)
    assert "sk-api-of-nobody" not in str(caught.value)


@pytest.mark.parametrize("count", [0, 1_000_000])
def test_any_count_is_believed(count: int):
    model, _ = answering({"input_tokens": count, "extra": True})
    assert model.get_num_tokens_from_messages(ASKED) == count


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.get_num_tokens_from_messages([]),
        lambda model: model.get_num_tokens_from_messages([SystemMessage("")]),
        lambda model: model.get_num_tokens_from_messages(ASKED, [7]),
    ],
)
def test_what_cannot_be_counted_is_refused_before_it_is_sent(
    ask: Callable[[ChatMiniMax], int],
):
    model, asked = answering({"input_tokens": 1})
    with pytest.raises(MiniMaxInvalidRequestError):
        ask(model)
    assert not asked


def test_a_text_alone_is_counted_locally():
    model, asked = answering({"input_tokens": 1})
    assert model.get_num_tokens("What is the currency of Japan?") == 7
    assert not asked


def test_ones_own_tokenizer_wins_over_the_server():
    model, asked = answering({"input_tokens": 1})
    own = model.model_copy(update={"custom_get_token_ids": lambda text: [*text]})
    assert own.get_num_tokens_from_messages(ASKED) > 10
    assert not asked


def test_who_counts_is_the_models_own_affair():
    with pytest.raises(ValueError, match="token_counting"):
        ChatMiniMax(model="MiniMax-M3", token_counting="server")
    model, _ = answering({})
    with pytest.raises(MiniMaxInvalidRequestError, match="token_counting"):
        model.invoke("Hi", token_counting="api")
