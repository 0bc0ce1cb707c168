"""A proxy's address in, the connections that go by it out.

They are kept per process and proxy, the async ones per event loop too, and never stored
on a model: so one model works in many loops, threads and forks, is pickled and copied
at will, and thousands of models share their connections.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import sys
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import httpx

from langchain_minimax._network import AsyncNetwork, Network

_MOST_IDLE = 100  # connections that wait for their next call

_Guarded: TypeAlias = tuple[AsyncNetwork, AsyncGenerator[None, None]]


@dataclass(slots=True, eq=False)
class _Loop:
    """An event loop's connections, by their way, and those that leave with a reply."""

    networks: dict[str | None, _Guarded] = field(default_factory=dict)
    leaving: list[_Guarded] = field(default_factory=list)


# The garbage collector may end a dropped call anywhere, and so in here.
_lock = threading.RLock()
_networks: dict[str | None, Network] = {}
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = WeakKeyDictionary()
_parents: list[object] = []


def _forget_parent() -> None:
    """After a fork: the parent's sockets are the parent's, so touch none of them."""
    global _lock, _networks, _loops  # noqa: PLW0603
    _parents.append((_networks, _loops))
    _lock = threading.RLock()
    _networks = {}
    _loops = WeakKeyDictionary()


@atexit.register
def _close_all() -> None:
    """At the end of the process, all but what a daemon thread still reads from.

    The async ones have gone with their loops.
    """
    close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities to trust: reading them takes longer than many a call."""
    return httpx.create_ssl_context()


def network(proxy: str | None) -> Network:
    """This process's connections by this way."""
    found = _networks.get(proxy)
    if found is not None:
        return found
    with _lock:
        made = Network(proxy, _certificates(), _MOST_IDLE)
        return _networks.setdefault(proxy, made)


async def async_network(proxy: str | None) -> AsyncNetwork:
    """This event loop's connections by this way."""
    networks = _this_loop().networks
    if proxy in networks:
        return networks[proxy][0]
    made = AsyncNetwork(proxy, _certificates(), _MOST_IDLE)
    guard = _close_with_loop(made, proxy)
    networks[proxy] = made, guard
    await anext(guard)
    return made


def _this_loop() -> _Loop:
    loop = asyncio.get_running_loop()
    found = _loops.get(loop)
    if found is not None:
        return found
    with _lock:
        for other in [known for known in _loops if known.is_closed()]:
            del _loops[other]
        return _loops.setdefault(loop, _Loop())


async def _close_with_loop(
    network: AsyncNetwork, proxy: str | None
) -> AsyncGenerator[None, None]:
    """Has connections closed by their event loop's `shutdown_asyncgens`.

    `asyncio.run` calls that last, when only suspended generators are left; sockets
    that outlive their loop can neither be used nor closed.
    """
    try:
        yield
    finally:
        networks = _this_loop().networks
        if networks.get(proxy, (None,))[0] is network:
            del networks[proxy]
        await network.abort()


def close() -> None:
    """Closes this process's connections, those in use with their reply."""
    with _lock:
        leaving = [*_networks.values()]
        _networks.clear()
    for each in leaving:
        each.close()


async def aclose() -> None:
    """Closes this event loop's connections, those in use with their reply."""
    loop = _this_loop()
    leaving = [*loop.leaving, *loop.networks.values()]
    loop.networks.clear()
    loop.leaving.clear()
    for network, guard in leaving:
        await network.aclose()
        if network.is_busy:
            loop.leaving.append((network, guard))
        else:
            await guard.aclose()


# --- The environment's proxies -------------------------------------------------------


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address, if any."""
    if not (_ASKS_THE_SYSTEM or any(map(_is_of_proxies, os.environ))):
        return None
    parts, proxies = urlsplit(url), getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.netloc):
        return None
    return found if "://" in found else f"http://{found}"


# Where others than the environment are asked, Python knows how.
_ASKS_THE_SYSTEM = sys.platform in ("darwin", "win32")


def _is_of_proxies(name: str) -> bool:
    return name[-6:].lower() == "_proxy"
