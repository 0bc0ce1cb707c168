"""Calls in, what was heard out, over the network."""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
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
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx
from tenacity import AsyncRetrying, RetryCallState, Retrying

from langchain_minimax._deltas import Started
from langchain_minimax._exchange import Heard, Reader
from langchain_minimax._lines import AsyncClient, AsyncLine, Client, Line
from langchain_minimax._native import Answer, Form, NativeCall
from langchain_minimax._network import Limit
from langchain_minimax._pools import async_network, network, proxy_of
from langchain_minimax._retry import Retries
from langchain_minimax.errors import (
    MiniMaxConnectionError,
    MiniMaxError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)

_log = logging.getLogger(__name__)
_ID = "trace-id"  # MiniMax's number of a request

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
_PARTING = 0.1  # some servers stay on the line after their last word
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

    @property
    def impatient(self) -> str:
        """What limits the silence of a stream."""
        is_read = self.read is not None and self.read == self.silence
        return "the read limit of `timeout`" if is_read else "`stream_idle_timeout`"

    def deadline(self, remedy: str) -> Deadline:
        """When a call that begins now has to be over.

        Args:
            remedy: What helps besides more time.
        """
        return Deadline(self.call, remedy)

    def httpx(
        self, deadline: Deadline, patience: Patience, *, stream: bool
    ) -> httpx.Timeout:
        """For one attempt: no wait is longer than what is left of the call."""
        left = deadline.left()

        def still_left() -> float:
            return min(deadline.left(), patience.left())

        def within(limit: float | None) -> float | None:
            limit = left if limit is None else min(limit, left)
            if limit == float("inf") and not patience.parting:
                return None
            return Limit(max(limit, 0.001), still_left)

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
        """Leaves out the caller's own time: a slow reader is no slow server."""
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
    """How long one reply is read on, once nothing that matters can follow.

    Of a reply that is whole, the tokens may still be counted. Of one that has ended,
    the end of its body is awaited, for the connection to be used again.

    Args:
        parting: Seconds for that; 0, if waits cannot be cut short.
    """

    def __init__(self, parting: float = 0.0) -> None:
        self.parting = parting
        self._end = float("inf")

    def left(self) -> float:
        return self._end - time.monotonic()

    def is_over(self, reader: Reader[Heard], deadline: Deadline) -> bool:
        """Whether to stop reading, after a piece that was read."""
        if reader.ended:
            # Of a reply that is none, or of an error, more could come for ever.
            self._limit(self.parting if reader.is_whole else 0.0)
        elif reader.is_whole:
            self._limit(_LAST_WORDS)
        return self.left() <= 0 or (deadline.left() <= 0 and reader.complete)

    def _limit(self, seconds: float) -> None:
        self._end = min(self._end, time.monotonic() + seconds)


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
                since = time.monotonic()
                again(retries.failed)
                deadline.excuse(since)
            with attempt, _told():
                reply = self._attempt(call, deadline)
                opening = []
                for batch in reply:
                    opening.append(batch)
                    if _has_content(batch):
                        break
        with closing(reply), _told():
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
        reader, patience = call.reader(), Patience(0.0 if self.client else _PARTING)
        lost: MiniMaxError | None = None
        proxy = None if self.client else self.proxy or proxy_of(call.url)
        reader.hide(*_credentials(proxy))
        try:
            client = self.client or network(proxy)
            with _opened(call.body, deadline) as content:
                limits = self.timeouts.httpx(deadline, patience, stream=call.stream)
                deadline.check()
                request = _request(client, call, content, limits)
                with closing(Line(client, request)) as line:
                    _begin(reader, line.response)
                    for data in line:
                        batch = reader.feed(data)
                        since = time.monotonic()
                        yield batch
                        deadline.excuse(since)
                        if patience.is_over(reader, deadline):
                            break
                        deadline.check()
        except _NETWORK as error:
            if not reader.complete:
                lost = _translated(error, call, reader, self.timeouts, deadline, proxy)
                lost = reader.told(lost, cause=error)
        if lost is not None:
            raise lost  # not in the handler: the network's own error may hold the key
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
                since = time.monotonic()
                await again(retries.failed)
                deadline.excuse(since)
            with attempt, _told():
                reply = self._attempt(call, deadline)
                opening = []
                async for batch in reply:
                    opening.append(batch)
                    if _has_content(batch):
                        break
        # An event loop that ends closes every generator by itself, in any order: to
        # close one in the course of another would meet it there.
        with _told():
            for batch in opening:
                yield batch
            async for batch in reply:
                yield batch

    async def ask(self, call: NativeCall[Answer]) -> Answer:
        """The answer to a native call."""
        batches = self.run(call, _aunnoticed)
        (answer,) = [each async for batch in batches for each in batch]
        return answer

    async def _attempt(
        self, call: Call[Heard], deadline: Deadline
    ) -> AsyncGenerator[Batch[Heard], None]:
        reader, patience = call.reader(), Patience(0.0 if self.client else _PARTING)
        lost: MiniMaxError | None = None
        proxy = None if self.client else self.proxy or proxy_of(call.url)
        reader.hide(*_credentials(proxy))
        try:
            client = self.client or await async_network(proxy)
            with _aopened(call.body, deadline) as content:
                limits = self.timeouts.httpx(deadline, patience, stream=call.stream)
                deadline.check()
                request = _request(client, call, content, limits)
                async with AsyncLine(client, request) as line:
                    _begin(reader, line.response)
                    async for data in line:
                        batch = reader.feed(data)
                        since = time.monotonic()
                        yield batch
                        deadline.excuse(since)
                        if patience.is_over(reader, deadline):
                            break
                        deadline.check()
        except _NETWORK as error:
            if not reader.complete:
                lost = _translated(error, call, reader, self.timeouts, deadline, proxy)
                lost = reader.told(lost, cause=error)
        if lost is not None:
            raise lost  # not in the handler: the network's own error may hold the key
        yield reader.finish()


@contextmanager
def _told() -> Iterator[None]:
    """Writes a failure down, wherever in a reply it came."""
    try:
        yield
    except MiniMaxError as error:
        _log.debug("Failed: %s: %s", type(error).__name__, error)
        raise


def _unnoticed(_: RetryCallState) -> None:
    """Nobody waits to hear of a further attempt."""


async def _aunnoticed(_: RetryCallState) -> None:
    """The same, awaited."""


def _request(
    client: Client | AsyncClient,
    call: Call[Heard],
    content: bytes | Iterator[bytes] | AsyncIterator[bytes],
    limits: httpx.Timeout,
) -> Any:
    if client.is_closed:
        name = (
            "http_client" if isinstance(client, httpx.Client) else "http_async_client"
        )
        error = MiniMaxConnectionError(
            f"The client given as `{name}` is closed: give one that is open, or none."
        )
        error.is_retryable = False
        raise error
    request = client.build_request(
        call.method,
        call.url,
        headers=dict(call.headers),
        content=content,
        timeout=limits,
    )
    if _log.isEnabledFor(logging.DEBUG):
        body, length = call.body, call.headers.get("content-length", "no")
        size = len(body) or "no" if isinstance(body, bytes) else length
        where = urlsplit(call.url)._replace(query="").geturl()
        _log.debug("%s %s, %s bytes.", call.method, where, size)
    return request


def _credentials(proxy: str | None) -> Iterator[str]:
    """What a proxy's address holds that only the proxy may know."""
    parts = urlsplit(proxy or "")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    yield from (user, password, b64encode(f"{user}:{password}".encode()).decode())


def _begin(reader: Reader[Heard], response: httpx.Response) -> None:
    headers = response.headers
    if _log.isEnabledFor(logging.DEBUG):
        kind, request_id = (headers.get(name, "none") for name in ("content-type", _ID))
        said = reader.clean(f"{kind}, request {request_id}")
        _log.debug("HTTP %d, %s.", response.status_code, said)
    reader.begin(response.status_code, headers)


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


@contextmanager
def _aopened(
    body: bytes | Form, deadline: Deadline
) -> Iterator[bytes | AsyncIterator[bytes]]:
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

# A name that cannot be one of a host is a `UnicodeError`.
_NETWORK = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    UnicodeError,
)


def _server(url: str, proxy: str | None) -> str:
    way = f" (by way of the proxy {urlsplit(proxy).hostname})" if proxy else ""
    return f"{urlsplit(url).hostname}{way}"


def _translated(
    error: Exception,
    call: Call[Heard],
    reader: Reader[Heard],
    timeouts: Timeouts,
    deadline: Deadline,
    proxy: str | None,
) -> MiniMaxError:
    server = _server(call.url, proxy)
    words = (str(error) or type(error).__name__).rstrip(".")
    match error:
        case httpx.ConnectTimeout() if deadline.left() > 0:
            return MiniMaxTimeoutError(
                f"{server} was not reached in time. Check the network, `base_url` and "
                "`proxy`."
            )
        case httpx.TimeoutException() if deadline.left() <= 0:
            return deadline.passed()
        case httpx.WriteTimeout():
            return MiniMaxTimeoutError(
                f"{server} did not take the request within the limits of `timeout`. "
                "Give it more, or send less."
            )
        case httpx.TimeoutException() if call.stream:
            return MiniMaxTimeoutError(
                f"{server} was silent for {timeouts.silence} s; "
                f"{timeouts.impatient} says how long is too long."
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
