"""Embeddings over real sockets: the emulator, its quota, and what it is asked."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_minimax import (
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxEmbeddings,
    MiniMaxInvalidRequestError,
    MiniMaxModelNotFoundError,
    MiniMaxRateLimitError,
)
from langchain_minimax.testing import Emulator, Quirks

Serve = Callable[..., Emulator]
SEA = [
    "High water at Porto is at four.",
    "A pilot comes aboard off Leixões.",
    "Cork grows inland.",
]


def _sync(embeddings: MiniMaxEmbeddings, verb: str, said: Any) -> Any:
    return getattr(embeddings, verb)(said)


def _async(embeddings: MiniMaxEmbeddings, verb: str, said: Any) -> Any:
    return asyncio.run(getattr(embeddings, f"a{verb}")(said))


each_way = pytest.mark.parametrize("ask", [_sync, _async], ids=["sync", "async"])


def embed_at(emulator: Emulator, **fields: Any) -> MiniMaxEmbeddings:
    return MiniMaxEmbeddings(
        **{
            "api_key": emulator.api_key,
            "base_url": emulator.base_url,
            "max_retries": 0,
            "rate_limit_timeout": 0,
            **fields,
        }
    )


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@each_way
def test_a_question_finds_its_document(ask: Any, serve: Serve) -> None:
    emulator = serve()
    embeddings = embed_at(emulator)
    vectors = ask(embeddings, "embed_documents", SEA)
    question = ask(embeddings, "embed_query", "When is high water?")
    assert {len(vector) for vector in (*vectors, question)} == {1536}
    ranked = sorted(SEA, key=lambda text: -likeness(vectors[SEA.index(text)], question))
    assert ranked[0] == SEA[0]

    documents, query = (request.body for request in emulator.requests)
    assert documents == {"model": "embo-01", "texts": SEA, "type": "db"}
    assert query == {
        "model": "embo-01",
        "texts": ["When is high water?"],
        "type": "query",
    }
    assert {request.path for request in emulator.requests} == {"/v1/embeddings"}


@each_way
@pytest.mark.parametrize("threads", [1, 3])
def test_many_texts_go_in_batches_and_come_back_in_order(
    ask: Any, threads: int, serve: Serve
) -> None:
    emulator = serve()
    texts = [f"Berth {number} is free." for number in range(23)]
    told: list[tuple[int, int]] = []
    embeddings = embed_at(
        emulator,
        batch_size=5,
        max_concurrency=threads,
        progress=lambda *now: told.append((*now, threading.get_ident())),
    )
    vectors = ask(embeddings, "embed_documents", texts)
    sent = sorted((request.body["texts"] for request in emulator.requests), key=len)
    assert [len(batch) for batch in sent] == [3, 5, 5, 5, 5]
    me = threading.get_ident()
    assert told == sorted(told)
    assert {(total, thread) for _, total, thread in told} == {(23, me)}
    assert (len(told), told[-1][0]) == (5, 23)
    plain = embed_at(serve())
    for text, vector in zip(texts[::7], vectors[::7], strict=True):
        assert likeness(plain.embed_query(text), vector) == pytest.approx(1, abs=1e-3)


@each_way
def test_no_texts_ask_nobody(ask: Any, serve: Serve) -> None:
    emulator = serve()
    assert ask(embed_at(emulator), "embed_documents", []) == []
    assert not emulator.requests


@each_way
@pytest.mark.parametrize("threads", [1, 2])
def test_the_quota_is_waited_for(ask: Any, threads: int, serve: Serve) -> None:
    emulator = serve(quirks=Quirks(limited_embeddings=1))
    embeddings = embed_at(
        emulator, rate_limit_timeout=30, batch_size=1, max_concurrency=threads
    )
    assert len(ask(embeddings, "embed_documents", SEA)) == 3
    assert len(emulator.requests) == 4


@each_way
def test_a_question_waits_for_the_quota_too(ask: Any, serve: Serve) -> None:
    emulator = serve(quirks=Quirks(limited_embeddings=1))
    embeddings = embed_at(emulator, rate_limit_timeout=30)
    assert len(ask(embeddings, "embed_query", "When is high water?")) == 1536
    assert len(emulator.requests) == 2


@each_way
def test_a_quota_that_is_not_waited_for_is_asked_once(ask: Any, serve: Serve) -> None:
    emulator = serve(quirks=Quirks(limited_embeddings=99))
    impatient = embed_at(emulator, max_retries=5)
    with pytest.raises(MiniMaxRateLimitError, match="RPM") as caught:
        ask(impatient, "embed_query", "When is high water?")
    assert (caught.value.code, caught.value.status_code) == (1002, 200)
    assert len(emulator.requests) == 1


@each_way
def test_a_wrong_key(ask: Any, serve: Serve) -> None:
    emulator = serve()
    with pytest.raises(MiniMaxAuthenticationError) as caught:
        ask(embed_at(emulator, api_key="sk-api-of-another"), "embed_documents", SEA)
    assert "sk-api-of-another" not in repr(caught.value)
    assert len(emulator.requests) == 1


@each_way
def test_a_server_that_is_not_there(ask: Any) -> None:
    nowhere = MiniMaxEmbeddings(
        api_key="sk-api-of-nobody", base_url="http://127.0.0.1:9", max_retries=0
    )
    with pytest.raises(MiniMaxConnectionError):
        ask(nowhere, "embed_query", "Is anybody there?")


@each_way
@pytest.mark.parametrize(
    ("verb", "given", "words"),
    [
        ("embed_documents", "one text", r"Pass `\[text\]`"),
        ("embed_documents", None, "of type NoneType"),
        ("embed_documents", iter(["a text"]), r"`list\(texts\)`"),
        ("embed_documents", [Document("a page")], "page_content"),
        ("embed_query", ["a", "b"], "go to `embed_documents`"),
    ],
)
def test_what_is_no_text_is_not_sent(
    ask: Any, verb: str, given: Any, words: str, serve: Serve
) -> None:
    emulator = serve()
    with pytest.raises(MiniMaxInvalidRequestError, match=words):
        ask(embed_at(emulator, batch_size=1), verb, given)
    assert not emulator.requests


@each_way
def test_another_model_is_refused_by_the_server(ask: Any, serve: Serve) -> None:
    emulator = serve()
    with pytest.raises(MiniMaxModelNotFoundError, match="embo-99"):
        ask(embed_at(emulator, model="embo-99"), "embed_query", "Hello")


@each_way
def test_half_an_emoji_is_replaced(ask: Any, serve: Serve) -> None:
    emulator = serve()
    ask(embed_at(emulator), "embed_query", "ship \ud83d ahoy")
    assert emulator.requests[0].body["texts"] == ["ship \ufffd ahoy"]


def test_a_vector_store_and_a_pickle(serve: Serve) -> None:
    emulator = serve()
    embeddings = pickle.loads(pickle.dumps(embed_at(emulator)))
    store = InMemoryVectorStore(embeddings)
    store.add_texts(SEA)
    (found,) = store.similarity_search("Does a pilot come aboard?", k=1)
    assert found.page_content == SEA[1]


@each_way
@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_not_asked_yet_is_called_off(
    ask: Any, threads: int, serve: Serve
) -> None:
    emulator = serve()

    def stop(*_: int) -> None:
        raise ZeroDivisionError

    embeddings = embed_at(
        emulator, batch_size=1, max_concurrency=threads, progress=stop
    )
    with pytest.raises(ZeroDivisionError):
        ask(embeddings, "embed_documents", ["Berth 7 is free."] * 200)
    assert len(emulator.requests) < 100
