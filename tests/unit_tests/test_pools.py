"""Which connections carry which call, and when they are closed."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator

import pytest

from langchain_minimax._network import AsyncNetwork
from langchain_minimax._pools import (
    aclose,
    async_network,
    close,
    network,
    proxy_of,
)

PROXY = "http://one.example"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close()


def test_calls_share_connections_with_those_who_go_the_same_way() -> None:
    assert network(PROXY) is network(PROXY)
    assert network(None) is not network(PROXY)


def test_what_is_closed_is_shared_no_more() -> None:
    before = network(PROXY)
    close()
    assert before._pool._is_closed
    assert network(PROXY) is not before


def test_each_event_loop_has_its_own_and_closes_them() -> None:
    async def use() -> AsyncNetwork:
        one, other = await async_network(PROXY), await async_network(PROXY)
        assert one is other
        assert await async_network(None) is not one
        assert not one._pool._is_closed
        return one

    first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert first._pool._is_closed
    assert second._pool._is_closed


async def test_an_event_loop_s_can_be_closed_before() -> None:
    before = await async_network(PROXY)
    await aclose()
    assert before._pool._is_closed
    assert await async_network(PROXY) is not before


def test_what_is_closed_while_it_is_read_ends_with_its_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[str] = []

    async def abort(_: AsyncNetwork) -> None:
        ended.append("with its loop")

    monkeypatch.setattr(AsyncNetwork, "abort", abort)
    monkeypatch.setattr(AsyncNetwork, "is_busy", True)

    async def use() -> None:
        await async_network(PROXY)
        await aclose()
        gc.collect()
        await asyncio.sleep(0)
        assert not ended

    asyncio.run(use())
    assert ended == ["with its loop"]


# --- The environment's proxies -------------------------------------------------------

HERE = "https://api.minimax.io/v1/chat/completions"
LOCAL = "http://127.0.0.1:8000/v1"
ENVIRONMENTS: dict[str, tuple[dict[str, str], str, str | None]] = {
    "none": ({}, HERE, None),
    "of its scheme": ({"HTTPS_PROXY": "http://p:1"}, HERE, "http://p:1"),
    "of another scheme": ({"HTTP_PROXY": "http://p:1"}, HERE, None),
    "of all": ({"ALL_PROXY": "socks5://p:1"}, HERE, "socks5://p:1"),
    "the nearest": (
        {"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"},
        *(HERE, "http://q:2"),
    ),
    "in small letters": ({"https_proxy": "http://p:1"}, HERE, "http://p:1"),
    "without a scheme": ({"HTTPS_PROXY": "p:1"}, HERE, "http://p:1"),
    "empty": ({"HTTPS_PROXY": ""}, HERE, None),
    "in letters of any size": ({"Https_Proxy": "http://p:1"}, HERE, "http://p:1"),
    "not for a host": (
        {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "x.example, minimax.io"},
        *(HERE, None),
    ),
    "not for a port": (
        {"HTTP_PROXY": "http://p:1", "NO_PROXY": "127.0.0.1:8000"},
        *(LOCAL, None),
    ),
    "but for other ports": (
        {"HTTP_PROXY": "http://p:1", "NO_PROXY": "127.0.0.1:9"},
        *(LOCAL, "http://p:1"),
    ),
    "for nobody": ({"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, HERE, None),
}


@pytest.mark.parametrize(
    ("said", "url", "proxy"), ENVIRONMENTS.values(), ids=ENVIRONMENTS
)
def test_the_environment_may_name_a_proxy(
    said: dict[str, str],
    url: str,
    proxy: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy
