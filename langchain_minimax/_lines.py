"""A request in, its reply out, for as long as somebody listens; then it is hung up."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import httpx
from typing_extensions import Self, override

from langchain_minimax._network import AsyncNetwork, Network

Client = httpx.Client | Network
"""Who sends a request: the caller's client, or our own network."""

AsyncClient = httpx.AsyncClient | AsyncNetwork


class _Inside(threading.local):
    """Where a thread is while it is inside of httpx, and may hold a lock there."""

    def __init__(self) -> None:
        self._depth = 0
        self._dropped: deque[Line] = deque()

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        try:
            while self._depth == 1 and self._dropped:
                self._dropped.popleft().hang_up()
        finally:
            self._depth -= 1

    def drop(self, line: Line) -> None:
        """Hangs up, at the latest when the thread leaves httpx."""
        self._dropped.append(line)
        with self:
            pass


_inside = _Inside()
_open: set[Line] = set()
_parents: list[object] = []


def _forget_parent() -> None:
    """After a fork: the parent's lines are the parent's, and so are their locks."""
    global _open  # noqa: PLW0603
    _parents.append(_open)
    _open = set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


class Line(Iterator[bytes]):
    """A reply that is being read, and may be dropped at any moment.

    What is dropped in a cycle is closed by the garbage collector, which may run while
    a pool's lock is held. To close a reply takes the same lock, and would wait for it
    for ever (encode/httpcore#990): so it is put off until the thread has left httpx,
    and until then kept from the collector.
    """

    def __init__(self, client: Client, request: Any) -> None:
        with _inside:
            self.response = client.send(request, stream=True, follow_redirects=False)
        is_plain = isinstance(client, Network) and not _is_packed(self.response)
        stream: Any = self.response.stream
        self._pieces = iter(stream) if is_plain else self.response.iter_bytes()
        _open.add(self)

    @override
    def __next__(self) -> bytes:
        with _inside:
            return next(self._pieces)

    def close(self) -> None:
        """Hangs up, now or as soon as that locks nothing up."""
        _inside.drop(self)

    def hang_up(self) -> None:
        """Hangs up now."""
        if self in _open:
            _open.discard(self)
            self.response.close()


class AsyncLine(AbstractAsyncContextManager["AsyncLine"]):
    """The same, awaited; whatever is cancelled leaves no socket open.

    A client of the caller's leaves one whose handshake is cancelled, or that is
    cancelled a second time while it closes.
    """

    response: httpx.Response

    def __init__(self, client: AsyncClient, request: Any) -> None:
        self._client = client
        self._request = request
        self._sockets: list[Any] = []
        self._is_ours = isinstance(client, AsyncNetwork)
        if not self._is_ours:
            request.extensions["trace"] = self._note

    async def _note(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".connect_tcp.complete"):
            self._sockets.append(info["return_value"])
        elif event.startswith("http2."):
            self._sockets.clear()  # other requests share it

    @override
    async def __aenter__(self) -> Self:
        try:
            self.response = await self._client.send(
                self._request, stream=True, follow_redirects=False
            )
        except BaseException:
            await self._hang_up()
            raise
        if not self._is_ours:
            del self._request.extensions["trace"]
            socket = self.response.extensions.get("network_stream")
            if socket is not None and self.response.http_version != "HTTP/2":
                self._sockets.append(socket)
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        is_plain = self._is_ours and not _is_packed(self.response)
        stream: Any = self.response.stream
        return aiter(stream) if is_plain else self.response.aiter_bytes()

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.response.aclose()
        finally:
            if kind is not None:
                await self._hang_up()

    async def _hang_up(self) -> None:
        for socket in self._sockets:
            await socket.aclose()


def _is_packed(response: httpx.Response) -> bool:
    return "content-encoding" in response.headers
