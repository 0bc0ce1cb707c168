"""Captured bytes in, a model that hears them out: no server, no socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from typing import Any

import httpx

from langchain_minimax import ChatMiniMax
from support.samples import Sample


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives cut at the given offsets."""

    def __init__(self, body: bytes, cuts: Sequence[int] = ()) -> None:
        edges = [0, *sorted(cuts), len(body)]
        self.pieces = [body[start:end] for start, end in pairwise(edges)]

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def playing(sample: Sample, cuts: Sequence[int] = (), **fields: Any) -> ChatMiniMax:
    """A model whose server sends this sample, whatever it is asked."""
    kind = "text/event-stream" if sample.stream else "application/json"

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            sample.status,
            headers={"content-type": f"{kind}; charset=utf-8"},
            stream=Pieces(sample.body, cuts),
        )

    hosted = {"base_url": "http://localhost:8000"} if sample.self_hosted else {}
    return ChatMiniMax(
        **{
            "model": sample.model,
            "protocol": sample.wire,
            "api_key": "sk-api-of-nobody",
            **hosted,
            "max_retries": 0,
            "http_client": httpx.Client(transport=httpx.MockTransport(answer)),
            "http_async_client": httpx.AsyncClient(
                transport=httpx.MockTransport(answer)
            ),
            **fields,
        }
    )
