"""Embeddings without sockets: LangChain's suite, what a reply may hold, the fields."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.unit_tests import EmbeddingsUnitTests
from pydantic import ValidationError

from langchain_minimax import (
    MiniMaxAuthenticationError,
    MiniMaxEmbeddings,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxQuotaExceededError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
)

KEY = "sk-api-of-nobody"
OK = {"status_code": 0, "status_msg": "success"}
# As recorded on 2026-04-29, but for the words of the second.
MISSING = {
    "status_code": 2013,
    "status_msg": "invalid params, binding: expr_path=texts, "
    "cause=missing required parameter",
}
LIMITED = {"status_code": 1002, "status_msg": "rate limit exceeded(RPM)"}


class TestStandard(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return MiniMaxEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"api_key": KEY}

    @property
    def init_from_env_params(self) -> tuple[dict, dict, dict]:
        return {"MINIMAX_API_KEY": KEY}, {}, {"api_key": KEY}


def answering(reply: Any, **fields: Any) -> MiniMaxEmbeddings:
    """Embeddings whose server answers so, or as a function of the texts says."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        said = reply(body["texts"]) if callable(reply) else reply
        return httpx.Response(200, text=said if isinstance(said, str) else dumped(said))

    async def async_answer(request: httpx.Request) -> httpx.Response:
        return answer(request)

    return MiniMaxEmbeddings(
        **{
            "api_key": KEY,
            "max_retries": 0,
            "rate_limit_timeout": 0,
            "http_client": httpx.Client(transport=httpx.MockTransport(answer)),
            "http_async_client": httpx.AsyncClient(
                transport=httpx.MockTransport(async_answer)
            ),
            **fields,
        }
    )


def dumped(said: Any) -> str:
    return json.dumps(said)


def both_ways(embeddings: MiniMaxEmbeddings, texts: list[str]) -> list[Any]:
    """What the two ways of asking give or raise."""
    return [
        _outcome(lambda: embeddings.embed_documents(texts)),
        _outcome(lambda: asyncio.run(embeddings.aembed_documents(texts))),
    ]


def _outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except MiniMaxError as error:
        return error


@pytest.mark.parametrize(
    "reply",
    [
        {"vectors": [[0.5, -0.25], [1, 0]], "total_tokens": 9, "base_resp": OK},
        {"vectors": [[0.5, -0.25], [1, 0]]},
    ],
)
def test_vectors_are_lists_of_floats(reply: Any) -> None:
    for vectors in both_ways(answering(reply), ["a", "b"]):
        assert vectors == [[0.5, -0.25], [1.0, 0.0]]
        assert all(type(number) is float for vector in vectors for number in vector)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        ({"vectors": None, "base_resp": MISSING}, MiniMaxInvalidRequestError, "texts"),
        ({"vectors": None, "base_resp": LIMITED}, MiniMaxRateLimitError, "RPM"),
        ({"vectors": None, "base_resp": OK}, MiniMaxResponseError, "no vectors"),
        ({"vectors": [[1.0]], "base_resp": OK}, MiniMaxResponseError, "1 vectors for"),
        ({"vectors": [[1.0], []]}, MiniMaxResponseError, "lists of numbers"),
        ({"vectors": [[1.0], [1.0, 2.0]]}, MiniMaxResponseError, "of one length"),
        ({"vectors": [[1.0], [None]]}, MiniMaxResponseError, "lists of numbers"),
        ({"vectors": [[1.0], 7]}, MiniMaxResponseError, "lists of numbers"),
        ({"vectors": [["a"], ["b"]]}, MiniMaxResponseError, "lists of numbers"),
        ('{"vectors": [[1e999], [0]]}', MiniMaxResponseError, "lists of numbers"),
        ({"data": [{"embedding": [1.0]}]}, MiniMaxResponseError, "base_url"),
        ("<html>hello</html>", MiniMaxResponseError, ""),
        ("", MiniMaxError, ""),
    ],
    ids=str,
)
def test_other_replies_are_typed_errors(reply: Any, kind: type, words: str) -> None:
    for error in both_ways(answering(reply), ["a", "b"]):
        assert isinstance(error, kind)
        assert words in str(error)
        assert KEY not in repr(error)


def test_a_used_up_plan_is_not_waited_for() -> None:
    words = "usage limit exceeded, 5-hour usage limit reached (resets at 14:00)"
    reply = {"vectors": None, "base_resp": {"status_code": 2056, "status_msg": words}}
    patient = answering(reply, rate_limit_timeout=10_000)
    for error in both_ways(patient, ["a"]):
        assert isinstance(error, MiniMaxQuotaExceededError)


def test_one_refusal_calls_off_those_who_wait_for_the_quota() -> None:
    def answer(texts: list[str]) -> Any:
        return {"vectors": None, "base_resp": MISSING if texts == ["a"] else LIMITED}

    patient = answering(
        answer, batch_size=1, max_concurrency=3, rate_limit_timeout=10_000
    )
    for error in both_ways(patient, ["a", "b", "c"]):
        assert isinstance(error, MiniMaxInvalidRequestError)


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    with pytest.raises(MiniMaxAuthenticationError, match="MINIMAX_API_KEY"):
        MiniMaxEmbeddings().embed_query("Hello")


@pytest.mark.parametrize(
    "fields",
    [
        {"model": ""},
        {"batch_size": 0},
        {"max_concurrency": 0},
        {"rate_limit_timeout": -1},
        {"rate_limit_timeout": float("inf")},
        {"chunk_size": 5},
        {"progress": asyncio.sleep},
    ],
    ids=str,
)
def test_fields_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        MiniMaxEmbeddings(**fields)


def test_the_key_is_in_no_repr() -> None:
    embeddings = MiniMaxEmbeddings(api_key=KEY, progress=print)
    assert KEY not in repr(embeddings) + str(embeddings.model_dump())
    assert "progress" not in embeddings.model_dump()
