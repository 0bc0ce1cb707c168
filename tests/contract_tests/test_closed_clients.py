"""A client of the caller's that was closed is named, and not asked again."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langchain_minimax import ChatMiniMax, MiniMaxConnectionError


class Again(BaseCallbackHandler):
    def __init__(self) -> None:
        self.times = 0

    def on_retry(self, *_: Any, **__: Any) -> None:
        self.times += 1


def test_a_closed_client_is_named_at_once() -> None:
    client, again = httpx.Client(), Again()
    client.close()
    model = ChatMiniMax(model="MiniMax-M3", api_key="none", http_client=client)
    with pytest.raises(MiniMaxConnectionError, match="`http_client` is closed: give"):
        model.invoke("Hello", config={"callbacks": [again]})
    assert again.times == 0


def test_so_is_an_async_one() -> None:
    again = Again()

    async def ask() -> None:
        client = httpx.AsyncClient()
        await client.aclose()
        model = ChatMiniMax(
            model="MiniMax-M3", api_key="none", http_async_client=client
        )
        await model.ainvoke("Hello", config={"callbacks": [again]})

    with pytest.raises(MiniMaxConnectionError, match="`http_async_client` is closed"):
        asyncio.run(ask())
    assert again.times == 0
