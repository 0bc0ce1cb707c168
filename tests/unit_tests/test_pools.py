"""Which client carries which call, and when it is closed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from typing import Any

import httpx
import pytest

from langchain_minimax._pools import (
    _KEPT,
    _SHARE,
    AsyncPooled,
    _Pool,
    _Pooled,
    aclose,
    close,
    pooled,
    proxy_of,
)

# --- One pool ------------------------------------------------------------------------


@pytest.fixture
def pool() -> _Pool[Any]:
    """One whose clients are numbers."""
    return _Pool(count().__next__)


def joined(pool: _Pool[Any], calls: int) -> list[Any]:
    return [pool.join() for _ in range(calls)]


def test_a_client_carries_its_share_and_then_comes_another(pool: _Pool[Any]) -> None:
    uses = joined(pool, 2 * _SHARE + 1)
    assert [use.client for use in uses] == [0] * _SHARE + [1] * _SHARE + [2]


def test_a_call_takes_the_first_client_with_room(pool: _Pool[Any]) -> None:
    uses = joined(pool, 2 * _SHARE)
    pool.leave(uses[0])
    assert [use.client for use in joined(pool, 2)] == [0, 2]


def test_clients_without_calls_are_kept_up_to_a_number(pool: _Pool[Any]) -> None:
    uses = joined(pool, (_KEPT + 2) * _SHARE)
    for use in uses:
        pool.leave(use)
    assert [use.idle for use in uses[::_SHARE]] == [False] * _KEPT + [True] * 2
    again = joined(pool, _KEPT * _SHARE + 1)
    assert [use.client for use in again[::_SHARE]] == [*range(_KEPT), _KEPT + 2]


def test_what_is_told_to_close_does_so_after_its_last_call(pool: _Pool[Any]) -> None:
    first, second = joined(pool, 2)
    (told,) = pool.empty()
    assert not told.idle
    pool.leave(first)
    assert not told.idle
    pool.leave(second)
    assert told.idle
    assert pool.join().client == 1


class _Collected(_Pool[Any]):
    """One where the garbage collector ends a call while another joins."""

    lost: _Pooled[Any] | None = None

    def _roomy(self) -> _Pooled[Any]:
        found = super()._roomy()
        if self.lost is not None:
            self.leave(self.lost)
            self.lost = None
        return found


def test_who_joins_what_closes_at_this_moment_gets_another() -> None:
    pool = _Collected(count().__next__)
    *_, pool.lost = joined(pool, _KEPT * _SHARE + 1)
    use = pool.join()
    assert (use.client, use.users, use.doomed) == (_KEPT + 1, 1, False)


def test_a_fork_leaves_its_parents_uses_alone(
    pool: _Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = joined(pool, (_KEPT + 1) * _SHARE)
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    for use in uses:
        pool.leave(use)
    assert {use.users for use in uses} == {_SHARE}
    assert not any(use.doomed for use in uses)


# --- The pools of this process -------------------------------------------------------

PROXY = "http://one.example"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close()


def test_calls_share_a_client_with_those_who_go_the_same_way() -> None:
    with pooled(PROXY) as one, pooled(PROXY) as other, pooled(None) as direct:
        assert one is other
        assert direct is not one
    with pooled(PROXY) as again:
        assert again is one


def test_a_client_is_closed_once_nobody_uses_it() -> None:
    with pooled(PROXY) as client:
        close()
        assert not client.is_closed
        with pooled(PROXY) as next_one:
            assert next_one is not client
    assert client.is_closed
    assert not next_one.is_closed


def test_spare_clients_are_closed() -> None:
    with ExitStack() as uses:
        clients = [
            uses.enter_context(pooled(PROXY)) for _ in range((_KEPT + 1) * _SHARE)
        ]
    closed = [client.is_closed for client in clients[::_SHARE]]
    assert closed == [False] * _KEPT + [True]


def test_each_event_loop_has_its_own_and_closes_them() -> None:
    async def use() -> httpx.AsyncClient:
        async with AsyncPooled(PROXY) as one, AsyncPooled(PROXY) as other:
            assert one is other
        assert not one.is_closed
        return one

    first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert first.is_closed
    assert second.is_closed


async def test_an_async_client_is_closed_once_nobody_uses_it() -> None:
    async with AsyncPooled(PROXY) as client:
        await aclose()
        assert not client.is_closed
    assert client.is_closed


async def test_spare_async_clients_are_closed() -> None:
    async with AsyncExitStack() as uses:
        clients = [
            await uses.enter_async_context(AsyncPooled(PROXY))
            for _ in range((_KEPT + 1) * _SHARE)
        ]
    closed = [client.is_closed for client in clients[::_SHARE]]
    assert closed == [False] * _KEPT + [True]


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
