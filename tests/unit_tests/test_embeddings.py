"""Embeddings without sockets: LangChain's suite, what a reply may hold, the fields."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.unit_tests import EmbeddingsUnitTests
from pydantic import ValidationError
from tenacity import RetryCallState, Retrying

from langchain_minimax import (
    MiniMaxAuthenticationError,
    MiniMaxEmbeddings,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxQuotaExceededError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
)
from langchain_minimax.embeddings import _Patience
from langchain_minimax.errors import failure

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


class Asynchronous:
    async def __call__(self, done: int, total: int) -> None: ...


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
        ({"vectors": [[10**400], [0]]}, MiniMaxResponseError, "lists of numbers"),
        ({"vectors": [[True], [0]]}, MiniMaxResponseError, "lists of numbers"),
        ({"vectors": ["12", "34"]}, MiniMaxResponseError, "lists of numbers"),
        ({"vectors": [{"1": 2}, {"3": 4}]}, MiniMaxResponseError, "lists of numbers"),
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


@pytest.mark.parametrize("refused", ["a", "b", "c"])
def test_one_refusal_calls_off_those_who_wait_for_the_quota(refused: str) -> None:
    asked: list[str] = []

    def answer(texts: list[str]) -> Any:
        asked.extend(texts)
        return {
            "vectors": None,
            "base_resp": MISSING if texts == [refused] else LIMITED,
        }

    patient = answering(
        answer, batch_size=1, max_concurrency=3, rate_limit_timeout=10_000
    )
    for error in both_ways(patient, ["a", "b", "c", "d", "e"]):
        assert isinstance(error, MiniMaxInvalidRequestError)
    assert asked.count(refused) == 2  # once each way
    assert not {"d", "e"} & set(asked)


def test_who_still_waits_for_a_reply_is_not_waited_for() -> None:
    refused, over = threading.Event(), threading.Event()

    def answer(texts: list[str]) -> Any:
        if texts == ["a"]:
            over.wait(20)
            return {"vectors": [[1.0]]}
        refused.set()
        return {"vectors": None, "base_resp": MISSING}

    embeddings = answering(answer, batch_size=1, max_concurrency=2)
    with pytest.raises(MiniMaxInvalidRequestError):
        embeddings.embed_documents(["a", "b"])
    assert refused.is_set()
    assert not over.is_set()
    over.set()


@pytest.mark.parametrize("size", [1, 3])
def test_so_many_requests_are_on_their_way_at_once(size: int) -> None:
    met, now, most = threading.Barrier(size), [0], [0]

    def answer(_: list[str]) -> Any:
        now[0] += 1
        most[0] = max(most[0], now[0])
        met.wait(20)  # for so many others, or it breaks
        now[0] -= 1
        return {"vectors": [[1.0]]}

    embeddings = answering(answer, batch_size=1, max_concurrency=size)
    assert len(embeddings.embed_documents(["a"] * 6)) == 6
    assert most == [size]


@pytest.mark.parametrize("size", [1, 3])
async def test_so_many_requests_are_on_their_way_at_once_awaited(size: int) -> None:
    now, most = 0, 0

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(50):  # turns of the loop, for the others to come
            await asyncio.sleep(0)
        now -= 1
        return httpx.Response(200, json={"vectors": [[1.0]]})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    embeddings = MiniMaxEmbeddings(
        api_key=KEY, http_async_client=client, batch_size=1, max_concurrency=size
    )
    assert len(await embeddings.aembed_documents(["a"] * 6)) == 6
    assert most == size


# --- Patience ------------------------------------------------------------------------


def told_of(patience: _Patience, *errors: Exception) -> list[float | None]:
    """How long it waits after each of the errors; `None` when it gives up."""
    options, pauses = patience.options(), []
    for error in errors:
        state = RetryCallState(Retrying(), None, (), {})
        state.set_exception((type(error), error, None))
        goes_on = options["retry"](state)
        pauses.append(options["wait"](state) if goes_on else None)
    return pauses


def limited(seconds: str | None = None) -> MiniMaxError:
    body = json.dumps({"vectors": None, "base_resp": LIMITED}).encode()
    return failure(200, {"retry-after": seconds} if seconds else {}, body)


def test_pauses_grow_until_the_time_is_over() -> None:
    pauses = told_of(_Patience(0, 100.0), *[limited()] * 8)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, None]


def test_a_server_that_says_how_long_is_believed() -> None:
    errors = [limited("45"), limited(), limited("3"), limited("120")]
    assert told_of(_Patience(0, 150.0), *errors) == [45, 2, 3, None]


def test_other_failures_are_counted_apart() -> None:
    broken = failure(503, {}, b"")
    first, wait, second, third = told_of(
        _Patience(2, 10.0), broken, limited(), broken, broken
    )
    assert first is not None
    assert second is not None
    assert 0 < first < second < 2
    assert (wait, third) == (1, None)
    assert told_of(_Patience(2, 10.0), failure(503, {"retry-after": "90"}, b"")) == [
        None
    ]
    assert told_of(_Patience(9, 10.0), ValueError()) == [None]


@pytest.mark.parametrize(("seconds", "level"), [("3", "INFO"), ("4", "WARNING")])
def test_a_long_pause_is_a_warning(
    seconds: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    patience = _Patience(0, 10.0)
    options = patience.options()
    state = RetryCallState(Retrying(), None, (), {})
    error = limited(seconds)
    state.set_exception((type(error), error, None))
    assert options["retry"](state)
    with caplog.at_level("INFO", "langchain_minimax.embeddings"):
        options["before_sleep"](state)
    assert [record.levelname for record in caplog.records] == [level]


def test_a_pause_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    replies = iter([{"base_resp": LIMITED}, {"vectors": [[1.0]]}])
    patient = answering(lambda _: next(replies), rate_limit_timeout=1)
    with caplog.at_level("INFO", "langchain_minimax.embeddings"):
        assert patient.embed_query("a") == [1.0]
    assert "next try comes in 1.0 s" in caplog.text
    assert "1002" in caplog.text


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
        {"progress": Asynchronous()},
        {"timeout": -1},
    ],
    ids=str,
)
def test_fields_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        MiniMaxEmbeddings(**fields)
    with pytest.raises(ValueError, match=next(iter(fields))):
        MiniMaxEmbeddings().model_copy(update=fields)


def test_an_assignment_is_checked_too() -> None:
    embeddings = MiniMaxEmbeddings()
    with pytest.raises(ValidationError, match="max_concurrency"):
        embeddings.max_concurrency = 0
    embeddings.max_concurrency = 4
    assert embeddings.model_copy(update={"batch_size": 9}).max_concurrency == 4


def test_a_progress_is_shared_by_copies_and_left_out_of_pickles() -> None:
    lock = threading.Lock()
    embeddings = MiniMaxEmbeddings(api_key=KEY, progress=lambda *_: lock.locked())
    assert copy.deepcopy(embeddings).progress is embeddings.progress
    assert embeddings.model_copy(deep=True).progress is embeddings.progress
    assert pickle.loads(pickle.dumps(embeddings)).progress is None


def test_the_key_is_in_no_repr() -> None:
    embeddings = MiniMaxEmbeddings(api_key=KEY, progress=print)
    assert KEY not in repr(embeddings) + str(embeddings.model_dump())
    assert "progress" not in embeddings.model_dump()
