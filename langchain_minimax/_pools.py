"""A proxy's address in, a client with room for one more call out.

Clients are pooled per process and proxy, the async ones also per event loop, and never
stored on a model: so one model works in many loops, threads and forks, is pickled and
copied at will, and thousands of models share their connections.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import threading
from collections.abc import (
    AsyncGenerator,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import httpx
from typing_extensions import override

from langchain_minimax._network import AsyncNetwork, Network

Client = TypeVar("Client", httpx.Client, httpx.AsyncClient)

# httpcore 1.0 looks at every connection of a client for each request, and offers an
# idle one to all that wait: many small clients carry what one cannot.
_SHARE = 20
_KEPT = 5  # clients that may be idle, each with up to `_SHARE` idle connections


@dataclass(slots=True, eq=False)
class _Pooled(Generic[Client]):
    """A shared client; one that was told to close does so after its last call."""

    client: Client
    users: int = 0
    doomed: bool = False

    @property
    def idle(self) -> bool:
        return self.doomed and self.users == 0


class _Pool(Generic[Client]):
    """Clients of one process or event loop that go the same way."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make: Callable[[], Client] = make
        self._clients: list[_Pooled[Client]] = []
        self._home = os.getpid()
        self.guard: AsyncGenerator[None, None] | None = None

    def join(self) -> _Pooled[Client]:
        """The first client with room for one more call, which is now its user."""
        while True:
            pooled = self._roomy()
            pooled.users += 1
            if not pooled.doomed:
                return pooled
            pooled.users -= 1  # its last call has just been dropped

    def _roomy(self) -> _Pooled[Client]:
        for pooled in self._clients:
            if pooled.users < _SHARE:
                return pooled
        self._clients.append(_Pooled(self._make()))
        return self._clients[-1]

    def leave(self, pooled: _Pooled[Client]) -> None:
        """Ends a use; in a fork, what is the parent's is left alone."""
        if os.getpid() != self._home:
            return
        pooled.users -= 1
        if pooled.users == 0 and pooled in self._clients[_KEPT:]:
            self._clients.remove(pooled)
            pooled.doomed = True

    def empty(self) -> Sequence[_Pooled[Client]]:
        """Tells all clients to close, and returns them."""
        leaving, self._clients = self._clients, []
        for pooled in leaving:
            pooled.doomed = True
        return leaving


_AsyncPools: TypeAlias = "dict[str | None, _Pool[httpx.AsyncClient]]"

# A call that is dropped may be ended by the garbage collector, and that anywhere.
_lock = threading.RLock()
_pools: dict[str | None, _Pool[httpx.Client]] = {}
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _AsyncPools] = WeakKeyDictionary()
_parents: list[object] = []


def _forget_parent() -> None:
    """After a fork: the parent's sockets are the parent's, so touch none of them."""
    global _lock, _pools, _loops  # noqa: PLW0603
    _parents.append((_pools, _loops))
    _lock = threading.RLock()
    _pools = {}
    _loops = WeakKeyDictionary()


@atexit.register
def _close_all() -> None:
    """At the end of the process, all but what a daemon thread still reads from.

    The async clients have gone with their loops.
    """
    close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


# --- Clients -------------------------------------------------------------------------


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities to trust: reading them takes longer than many a call."""
    return httpx.create_ssl_context()


def _settings() -> dict[str, Any]:
    return {
        # Requests of many keys share a client: none may inherit another's cookies.
        "cookies": CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        "trust_env": False,
    }


def _client(proxy: str | None) -> httpx.Client:
    network = Network(proxy, _certificates(), _SHARE)
    return httpx.Client(transport=network, **_settings())


def _async_client(proxy: str | None) -> httpx.AsyncClient:
    network = AsyncNetwork(proxy, _certificates(), _SHARE)
    return httpx.AsyncClient(transport=network, **_settings())


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address, if any."""
    parts, proxies = urlsplit(url), getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.netloc):
        return None
    return found if "://" in found else f"http://{found}"


# --- Uses ----------------------------------------------------------------------------


@contextmanager
def pooled(proxy: str | None) -> Iterator[httpx.Client]:
    """A client of this process, for one call."""
    with _lock:
        pool = _pools.get(proxy)
        if pool is None:
            pool = _pools[proxy] = _Pool(partial(_client, proxy))
        shared = pool.join()
    try:
        yield shared.client
    finally:
        with _lock:
            pool.leave(shared)
        if shared.idle:
            shared.client.close()


class AsyncPooled(AbstractAsyncContextManager[httpx.AsyncClient]):
    """A client of this event loop, for one call.

    No generator, since an event loop that ends closes all of them in any order: what
    ended in the wrong one would swallow the end of its call.
    """

    def __init__(self, proxy: str | None) -> None:
        self._proxy = proxy

    @override
    async def __aenter__(self) -> httpx.AsyncClient:
        pools = _pools_of_this_loop()
        pool = pools.get(self._proxy)
        if pool is None:
            pool = pools[self._proxy] = _Pool(partial(_async_client, self._proxy))
            pool.guard = _close_with_loop(pool, self._proxy)
            await anext(pool.guard)
        self._pool, self._shared = pool, pool.join()
        return self._shared.client

    @override
    async def __aexit__(self, *_: object) -> None:
        self._pool.leave(self._shared)
        if self._shared.idle:
            await self._shared.client.aclose()


def _pools_of_this_loop() -> _AsyncPools:
    loop = asyncio.get_running_loop()
    with _lock:
        if loop not in _loops:
            for other in [known for known in _loops if known.is_closed()]:
                del _loops[other]
            _loops[loop] = {}
        return _loops[loop]


async def _close_with_loop(
    pool: _Pool[httpx.AsyncClient], proxy: str | None
) -> AsyncGenerator[None, None]:
    """Has a pool closed by its event loop's `shutdown_asyncgens`.

    `asyncio.run` calls that last, when only suspended generators are left; sockets
    that outlive their loop can neither be used nor closed.
    """
    try:
        yield
    finally:
        pools = _pools_of_this_loop()
        if pools.get(proxy) is pool:
            del pools[proxy]
        for shared in pool.empty():
            await shared.client.aclose()


def close() -> None:
    """Closes this process's clients, once nobody uses them; the next call makes one."""
    with _lock:
        leaving = [shared for pool in _pools.values() for shared in pool.empty()]
        _pools.clear()
    for shared in leaving:
        if shared.idle:
            shared.client.close()


async def aclose() -> None:
    """Closes this event loop's clients, once nobody uses them."""
    pools = _pools_of_this_loop()
    leaving = [*pools.values()]
    pools.clear()
    for pool in leaving:
        idle = [shared for shared in pool.empty() if shared.idle]
        if pool.guard is not None:
            await pool.guard.aclose()
        for shared in idle:
            await shared.client.aclose()
