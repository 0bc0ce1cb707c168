"""Calls in, what was heard out, over the network: the only file that touches it.

Clients are pooled per process and proxy, the async ones also per event loop, and never
stored on a model: so one model works in many loops, threads and forks, is pickled and
copied at will, and thousands of models share their connections.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    aclosing,
    asynccontextmanager,
    closing,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

import httpx
from tenacity import AsyncRetrying, RetryCallState, Retrying

from langchain_minimax._deltas import Started
from langchain_minimax._exchange import Heard, Reader
from langchain_minimax._native import Answer, Form, NativeCall
from langchain_minimax._retry import Retries
from langchain_minimax.errors import (
    MiniMaxConnectionError,
    MiniMaxError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)

Batch = Sequence[Heard]
"""What was heard in one read from the network."""


class Call(Protocol[Heard]):
    """What can be carried: an exchange of a chat, or a native call."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes | Form: ...
    @property
    def stream(self) -> bool: ...
    @property
    def remedy(self) -> str: ...
    def reader(self) -> Reader[Heard]: ...


_CONNECT = 10.0
_LAST_WORDS = 10.0  # a server that keeps the line open with comments need not end
_CALL = 7200.0  # 131,072 tokens, M3's default, take 6,554 s at 20 tokens a second


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits in seconds; `None` means no limit but the call's.

    Attributes:
        call: For the whole call, its retries included.
        connect: To reach the server.
        silence: Without a single byte in a stream.
        read: Without a single byte of a reply that comes whole.
        write: To hand over a piece of the request.
    """

    call: float | None
    connect: float | None
    silence: float | None
    read: float | None = None
    write: float | None = None

    def deadline(self, remedy: str) -> Deadline:
        """When a call that begins now has to be over.

        Args:
            remedy: What helps besides more time.
        """
        return Deadline(self.call, remedy)

    def httpx(self, left: float, *, stream: bool) -> httpx.Timeout:
        """For one attempt: no wait is longer than what is left of the call."""

        def within(limit: float | None) -> float | None:
            limit = left if limit is None else min(limit, left)
            return None if limit == float("inf") else max(limit, 0.001)

        read = self.silence if stream else self.read
        return httpx.Timeout(
            connect=within(self.connect),
            read=within(read),
            write=within(self.write),
            pool=within(None),
        )


def timeouts(given: float | httpx.Timeout | None, *, silence: float | None) -> Timeouts:
    """What a `timeout` argument means.

    Args:
        given: Seconds for the whole call, httpx's own limits, or `None`.
        silence: Seconds that a stream may be silent.
    """
    if given is None:
        return Timeouts(_CALL, _CONNECT, silence)
    if isinstance(given, httpx.Timeout):
        limits = [limit for limit in (silence, given.read) if limit is not None]
        return Timeouts(
            _CALL, given.connect, min(limits, default=None), given.read, given.write
        )
    return Timeouts(given, min(_CONNECT, given), silence)


class Deadline:
    """The end of one call, with all that it takes."""

    def __init__(self, seconds: float | None, remedy: str) -> None:
        self._limit = seconds
        self._remedy = remedy
        self._end = float("inf") if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        return self._end - time.monotonic()

    def excuse(self, since: float) -> None:
        """Leaves out the reader's own time: a slow reader is no slow server."""
        self._end += time.monotonic() - since

    def check(self) -> None:
        if self.left() <= 0:
            raise self.passed()

    def passed(self) -> MiniMaxTimeoutError:
        return MiniMaxTimeoutError(
            f"The call took longer than its {self._limit:g} s. Give it more with "
            f"`timeout`, or {self._remedy}."
        )


class Patience:
    """How long a reply that is whole is read on, for its tokens to be counted."""

    def __init__(self) -> None:
        self._end: float | None = None

    def is_over(self, reader: Reader[Heard], deadline: Deadline) -> bool:
        """Whether to stop reading, after a piece that was read."""
        if reader.ended or (reader.complete and deadline.left() <= 0):
            return True
        if reader.is_whole and self._end is None:
            self._end = time.monotonic() + _LAST_WORDS
        return self._end is not None and time.monotonic() >= self._end


# --- Pools ---------------------------------------------------------------------------

Client = TypeVar("Client", httpx.Client, httpx.AsyncClient)


@dataclass(slots=True)
class _Pooled(Generic[Client]):
    """A shared client; one that was told to close does so after its last request."""

    client: Client
    users: int = 0
    doomed: bool = False
    guard: object = None

    @property
    def idle(self) -> bool:
        return self.doomed and self.users == 0


_lock = threading.Lock()
_clients: dict[str | None, _Pooled[httpx.Client]] = {}
_async_clients: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[str | None, _Pooled[httpx.AsyncClient]]
] = WeakKeyDictionary()
_parents: list[object] = []


def _forget_parent() -> None:
    """After a fork: the parent's sockets are the parent's, so touch none of them."""
    global _lock, _clients, _async_clients  # noqa: PLW0603
    _parents.append((_clients, _async_clients))
    _lock = threading.Lock()
    _clients = {}
    _async_clients = WeakKeyDictionary()


@atexit.register
def _close_all() -> None:
    """At the end of the process; the async clients have gone with their loops."""
    for shared in _clients.values():
        shared.client.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


def _options(proxy: str | None) -> dict[str, object]:
    return {
        "proxy": proxy,
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=100),
        # Requests of many keys share a client: none may inherit another's cookies.
        "cookies": CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
    }


@contextmanager
def _pooled(proxy: str | None) -> Iterator[httpx.Client]:
    with _lock:
        shared = _clients.get(proxy)
        if shared is None or shared.client.is_closed:
            shared = _clients[proxy] = _Pooled(httpx.Client(**_options(proxy)))  # type: ignore[arg-type]
        shared.users += 1
    try:
        yield shared.client
    finally:
        with _lock:
            shared.users -= 1
        if shared.idle:
            shared.client.close()


@asynccontextmanager
async def _apooled(proxy: str | None) -> AsyncIterator[httpx.AsyncClient]:
    pool = _pool_of_this_loop()
    shared = pool.get(proxy)
    if shared is None or shared.client.is_closed:
        shared = pool[proxy] = _Pooled(httpx.AsyncClient(**_options(proxy)))  # type: ignore[arg-type]
        shared.guard = await _close_with_loop(shared.client)
    shared.users += 1
    try:
        yield shared.client
    finally:
        shared.users -= 1
        if shared.idle:
            await shared.client.aclose()


def _pool_of_this_loop() -> dict[str | None, _Pooled[httpx.AsyncClient]]:
    loop = asyncio.get_running_loop()
    with _lock:
        if loop not in _async_clients:
            for other in [known for known in _async_clients if known.is_closed()]:
                del _async_clients[other]
            _async_clients[loop] = {}
        return _async_clients[loop]


async def _close_with_loop(client: httpx.AsyncClient) -> object:
    """Has the client closed by its event loop's `shutdown_asyncgens`.

    `asyncio.run` calls that last, when only suspended generators are left; sockets
    that outlive their loop can neither be used nor closed.
    """

    async def guard() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await client.aclose()

    suspended = guard()
    await anext(suspended)
    return suspended


def close(proxy: str | None) -> None:
    """Closes this process's client, once nobody uses it; the next call makes one."""
    with _lock:
        shared = _clients.pop(proxy, None)
        if shared is None:
            return
        shared.doomed = True
    if shared.idle:
        shared.client.close()


async def aclose(proxy: str | None) -> None:
    """Closes this event loop's client, once nobody uses it."""
    shared = _pool_of_this_loop().pop(proxy, None)
    if shared is None:
        return
    shared.doomed = True
    if shared.idle:
        await shared.client.aclose()


# --- One call ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transport:
    """Carries calls, and repeats them while that can help.

    Attributes:
        timeouts: How long to wait for what.
        max_retries: Attempts after the first.
        proxy: Where to go through.
        client: A client of the caller's, used as it is and never closed.
    """

    timeouts: Timeouts
    max_retries: int
    proxy: str | None = field(default=None, repr=False)
    client: httpx.Client | None = None

    def run(
        self,
        call: Call[Heard],
        again: Callable[[RetryCallState], None],
        deadline: Deadline | None = None,
    ) -> Generator[Batch[Heard], None, None]:
        """Yields the reply; retries until its content begins, and never after.

        Args:
            call: What to ask, and how to hear the answer.
            again: Called before each further attempt with the failed one.
            deadline: When to give up, if this is not the first of several calls.

        Raises:
            MiniMaxError: Whatever went wrong, in the end.
        """
        deadline = deadline or self.timeouts.deadline(call.remedy)
        retries = Retries(self.max_retries, deadline.left)
        for attempt in Retrying(**retries.options()):
            if retries.failed is not None:
                again(retries.failed)
            with attempt:
                reply = self._attempt(call, deadline)
                opening = []
                for batch in reply:
                    opening.append(batch)
                    if _has_content(batch):
                        break
        with closing(reply):
            yield from opening
            yield from reply

    def ask(self, call: NativeCall[Answer]) -> Answer:
        """The answer to a native call.

        Raises:
            MiniMaxError: Whatever went wrong, in the end.
        """
        with closing(self.run(call, _unnoticed)) as batches:
            (answer,) = [each for batch in batches for each in batch]
        return answer

    def _attempt(
        self, call: Call[Heard], deadline: Deadline
    ) -> Generator[Batch[Heard], None, None]:
        reader, patience = call.reader(), Patience()
        pooled = nullcontext(self.client) if self.client else _pooled(self.proxy)
        try:
            with pooled as client, _opened(call.body, deadline) as content:
                request = _request(client, call, content, self.timeouts, deadline)
                response = client.send(request, stream=True)
                try:
                    reader.begin(response.status_code, response.headers)
                    for data in response.iter_bytes():
                        batch = reader.feed(data)
                        since = time.monotonic()
                        yield batch
                        deadline.excuse(since)
                        if patience.is_over(reader, deadline):
                            break
                        deadline.check()
                finally:
                    response.close()
        except _NETWORK as error:
            if not reader.complete:
                raise reader.told(
                    _translated(error, call, reader, self.timeouts, deadline)
                ) from error
        yield reader.finish()


@dataclass(frozen=True, slots=True)
class AsyncTransport:
    """The same, awaited."""

    timeouts: Timeouts
    max_retries: int
    proxy: str | None = field(default=None, repr=False)
    client: httpx.AsyncClient | None = None

    async def run(
        self,
        call: Call[Heard],
        again: Callable[[RetryCallState], Awaitable[None]],
        deadline: Deadline | None = None,
    ) -> AsyncGenerator[Batch[Heard], None]:
        """Yields the reply; retries until its content begins, and never after."""
        deadline = deadline or self.timeouts.deadline(call.remedy)
        retries = Retries(self.max_retries, deadline.left)
        async for attempt in AsyncRetrying(**retries.options()):
            if retries.failed is not None:
                await again(retries.failed)
            with attempt:
                reply = self._attempt(call, deadline)
                opening = []
                async for batch in reply:
                    opening.append(batch)
                    if _has_content(batch):
                        break
        async with aclosing(reply):
            for batch in opening:
                yield batch
            async for batch in reply:
                yield batch

    async def ask(self, call: NativeCall[Answer]) -> Answer:
        """The answer to a native call."""
        async with aclosing(self.run(call, _aunnoticed)) as batches:
            (answer,) = [each async for batch in batches for each in batch]
        return answer

    async def _attempt(
        self, call: Call[Heard], deadline: Deadline
    ) -> AsyncGenerator[Batch[Heard], None]:
        reader, patience = call.reader(), Patience()
        pooled = nullcontext(self.client) if self.client else _apooled(self.proxy)
        try:
            async with pooled as client, _aopened(call.body, deadline) as content:
                request = _request(client, call, content, self.timeouts, deadline)
                response = await client.send(request, stream=True)
                try:
                    reader.begin(response.status_code, response.headers)
                    async for data in response.aiter_bytes():
                        batch = reader.feed(data)
                        since = time.monotonic()
                        yield batch
                        deadline.excuse(since)
                        if patience.is_over(reader, deadline):
                            break
                        deadline.check()
                finally:
                    await response.aclose()
        except _NETWORK as error:
            if not reader.complete:
                raise reader.told(
                    _translated(error, call, reader, self.timeouts, deadline)
                ) from error
        yield reader.finish()


def _unnoticed(_: RetryCallState) -> None:
    """Nobody waits to hear of a further attempt."""


async def _aunnoticed(_: RetryCallState) -> None:
    """The same, awaited."""


def _request(
    client: httpx.Client | httpx.AsyncClient,
    call: Call[Heard],
    content: bytes | Iterator[bytes] | AsyncIterator[bytes],
    timeouts: Timeouts,
    deadline: Deadline,
) -> httpx.Request:
    deadline.check()
    if client.is_closed:
        raise MiniMaxConnectionError("The client given as `http_client` is closed.")
    return client.build_request(
        call.method,
        call.url,
        headers=dict(call.headers),
        content=content,
        timeout=timeouts.httpx(deadline.left(), stream=call.stream),
    )


@contextmanager
def _opened(
    body: bytes | Form, deadline: Deadline
) -> Iterator[bytes | Iterator[bytes]]:
    """What one attempt sends; a file is closed when that is over."""
    if isinstance(body, bytes):
        yield body
        return
    with body.file.opened() as read:
        yield _pieces(body, read, deadline)


def _pieces(
    form: Form, read: Callable[[], bytes], deadline: Deadline
) -> Iterator[bytes]:
    yield form.head
    gone = 0
    while piece := read():
        yield piece
        gone += len(piece)
        form.file.sent(gone)
        deadline.check()
    yield form.tail


@asynccontextmanager
async def _aopened(
    body: bytes | Form, deadline: Deadline
) -> AsyncIterator[bytes | AsyncIterator[bytes]]:
    """The same, awaited."""
    if isinstance(body, bytes):
        yield body
        return
    with body.file.opened() as read:
        yield _apieces(body, read, deadline)


async def _apieces(
    form: Form, read: Callable[[], bytes], deadline: Deadline
) -> AsyncIterator[bytes]:
    yield form.head
    gone = 0
    while piece := await asyncio.to_thread(read):  # disks may be slow
        yield piece
        gone += len(piece)
        form.file.sent(gone)
        deadline.check()
    yield form.tail


def _has_content(batch: Batch[Heard]) -> bool:
    return any(not isinstance(heard, Started) for heard in batch)


# --- Errors --------------------------------------------------------------------------

_NETWORK = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


def _translated(
    error: Exception,
    call: Call[Heard],
    reader: Reader[Heard],
    timeouts: Timeouts,
    deadline: Deadline,
) -> MiniMaxError:
    server = httpx.URL(call.url).host
    words = (str(error) or type(error).__name__).rstrip(".")
    match error:
        case httpx.ConnectTimeout() if deadline.left() > 0:
            return MiniMaxTimeoutError(
                f"{server} was not reached in time. Check the network, `base_url` and "
                "`proxy`."
            )
        case httpx.TimeoutException() if deadline.left() <= 0:
            return deadline.passed()
        case httpx.TimeoutException() if call.stream:
            return MiniMaxTimeoutError(
                f"{server} was silent for {timeouts.silence} s; "
                "`stream_idle_timeout` says how long is too long."
            )
        case httpx.TimeoutException() if isinstance(call, NativeCall):
            return MiniMaxTimeoutError(
                f"{server} did not answer within the limits of `timeout`. Give it "
                f"more, or {call.remedy}."
            )
        case httpx.TimeoutException():
            return MiniMaxTimeoutError(
                f"{server} did not answer within the limits of `timeout`; a long "
                "answer comes sooner as a stream."
            )
        case _ if isinstance(call.body, Form):
            return MiniMaxConnectionError(
                f"The upload to {server} broke off: {words}. It may have been refused "
                "before its end: check the key and the size, then the network."
            )
        case _ if reader.begun:
            return MiniMaxStreamTruncatedError(
                f"The reply of {server} broke off before its end: {words}. `.partial` "
                "has what had arrived, if anything."
            )
        case _:
            return MiniMaxConnectionError(
                f"No connection to {server}, or none that lasted: {words}. Check the "
                "network, `base_url` and `proxy`."
            )
