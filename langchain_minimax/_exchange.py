"""One request and the fold of its reply: bytes in, deltas out. Does no I/O."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from traceback import format_exception
from typing import ClassVar, Generic, TypeVar

from langchain_minimax._address import is_official
from langchain_minimax._blocks import ChatRequest, Json
from langchain_minimax._deltas import Delta
from langchain_minimax._dialects import Dialect, ReplyDecoder
from langchain_minimax._filters import Filter
from langchain_minimax._json import encoded, excerpt, parsed
from langchain_minimax._sse import EventStream, ServerSentEvent
from langchain_minimax.errors import (
    ErrorResponse,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
    blacked_out,
    failure,
)

_EVENTS = "text/event-stream"
_MAX_BODY = 64 * 2**20  # official OpenAPI, summer 2026; beyond it the answer is 413
_EXCERPT = 200  # characters of an unreadable reply that an error quotes

# --- How much of a reply is taken in ---

PACKED = "gzip, deflate"
"""How a body may be packed: these two grow by a factor of 1,000 at the most."""

_PACKERS = ("gzip", "deflate", "br", "zstd")  # what httpx unpacks

_LARGEST = 32 * 2**20
"""Bytes of a whole reply, or of one event.

M3's longest, 524,288 tokens, has about 3 MB in English, and 6 in escaped Chinese.
"""

_BEGINNING = 64  # bytes, by which a stream is known

_LARGEST_REFUSAL = 2**20
"""Bytes that are read of an error's body; no more could be shown to anybody."""

_LONGEST_STREAM = 512 * 2**20
"""Bytes of a stream: four times M3's longest, with an event of 250 bytes per token."""

_MOST_EVENTS = 2**20
"""Events of a stream: twice M3's longest reply, with an event per token."""

_MOST_BLOCKS = 1024
"""Blocks of a reply; LangChain compares each with all of them to add up a message."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request on the wire, and how its reply is to be read.

    Attributes:
        url: Where to.
        headers: All of them, the key included.
        body: JSON, encoded once for all attempts.
        stream: Whether a stream was asked for.
        secrets: The API key and what the caller's headers hold, kept out of errors.
        method: How it is sent.
        remedy: What helps, besides more time, when it takes too long.
    """

    method: ClassVar[str] = "POST"
    remedy: ClassVar[str] = "ask for less with `max_tokens`"

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    stream: bool
    secrets: Sequence[str] = field(repr=False)
    decoder: Callable[[], ReplyDecoder]
    filters: Callable[[], Sequence[Filter]]

    def reader(self) -> ReplyReader:
        """A reader for the reply to one attempt."""
        return ReplyReader(self.decoder(), self.filters(), self.secrets)


def exchange(
    dialect: Dialect,
    request: ChatRequest,
    *,
    url: str,
    secret: str | None,
    headers: Mapping[str, str],
    filters: Callable[[], Sequence[Filter]],
) -> Exchange:
    """Puts a request on paper; `headers` are the caller's and win over ours.

    Raises:
        MiniMaxInvalidRequestError: If something in it is no JSON.
    """
    said = {
        "accept": _EVENTS if request.stream else "application/json",
        "content-type": "application/json",
        # A compressed stream waits for its compressor.
        "accept-encoding": "identity" if request.stream else PACKED,
        **dialect.headers,
        # Where both are sent, `Authorization` wins over `x-api-key` (Messages API
        # page, M3 era); Bearer is what it recommends.
        **({"authorization": f"Bearer {secret}"} if secret else {}),
        **{name.lower(): value for name, value in headers.items()},
    }
    try:
        body = encoded(dialect.encode(request))
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"The request holds something that is no JSON: {error}."
        raise MiniMaxInvalidRequestError(msg) from error
    if len(body) > _MAX_BODY and is_official(url):
        msg = (
            f"The request has {len(body) / 2**20:.0f} MB, and MiniMax takes 64: give "
            "images and videos by their URLs, or upload them with `MiniMaxFiles`."
        )
        raise MiniMaxInvalidRequestError(msg)
    return Exchange(
        url=url,
        headers=said,
        body=body,
        stream=request.stream,
        secrets=[secret or "", *secrets_in(headers)],
        decoder=dialect.decoder,
        filters=filters,
    )


_PLAIN = ("accept", "accept-encoding", "accept-language", "content-type", "user-agent")


def secrets_in(headers: Mapping[str, str]) -> Iterator[str]:
    """What the caller's headers hold, and its parts: of `Bearer …`, the token too."""
    for name, value in headers.items():
        if name.lower() not in _PLAIN:
            yield value
            yield from re.split(r"[;,=\s]+", value)


Heard = TypeVar("Heard")


class Reader(ABC, Generic[Heard]):
    """Reads one HTTP reply, whatever is in it."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._body = bytearray()

    @property
    def begun(self) -> bool:
        """Whether the reply's head has arrived."""
        return self._status != 0

    @property
    def complete(self) -> bool:
        """Whether everything that matters has arrived: of a refusal, its status."""
        return self.begun and self._status != HTTPStatus.OK

    @property
    def is_whole(self) -> bool:
        """Whether only a count of tokens can still follow."""
        return False

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for, or to be learnt."""
        is_refusal = self._status != HTTPStatus.OK
        return is_refusal and len(self._body) > _LARGEST_REFUSAL

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes the status and the headers, names in lower case.

        Raises:
            MiniMaxResponseError: If the body is packed in a way not asked for.
        """
        self._status = status
        self._headers = headers
        self._unpack(PACKED.split(", "))

    def _unpack(self, allowed: Sequence[str]) -> None:
        """Refuses what httpx would unpack to more than it can be trusted with."""
        named = self._headers.get("content-encoding", "").lower()
        packed = [each.strip() for each in named.split(",")]
        packed = [each for each in packed if each in _PACKERS]
        if len(packed) <= 1 and all(each in allowed for each in packed):
            return
        if self._status != HTTPStatus.OK:
            raise self.told(self._refusal(b""))
        raise self._beyond(f"The reply is packed as {named!r}")

    @abstractmethod
    def feed(self, data: bytes) -> Sequence[Heard]:
        """Takes the next bytes of the body."""

    @abstractmethod
    def finish(self) -> Sequence[Heard]:
        """Takes the end of the body."""

    def hide(self, *secrets: str) -> None:
        """Keeps further secrets out of errors."""
        self._secrets = [*self._secrets, *secrets]

    def clean(self, text: str) -> str:
        """A text of the server's, without the secrets."""
        return blacked_out(text, self._secrets)

    def told(self, error: MiniMaxError, cause: Exception | None = None) -> MiniMaxError:
        """This error with what is known of the reply, and without the secrets.

        Args:
            error: What is to be raised.
            cause: What led to it, which is left out if it repeats a secret.
        """
        error.request_id = error.request_id or self._headers.get("trace-id")
        error.status_code = error.status_code or self._status or None
        if error.response is not None and not error.response.headers:
            # An error inside the body does not know them; one may say `Retry-After`.
            error.response = replace(error.response, headers=dict(self._headers))
        if cause is not None:
            trace = "".join(format_exception(cause))
            error.__cause__ = cause if self.clean(trace) == trace else None
        return error.without(*self._secrets)

    def _refusal(self, body: bytes) -> MiniMaxError:
        if len(body) > _LARGEST_REFUSAL:
            body = body[:_LARGEST_REFUSAL] + "…".encode()
        return failure(self._status, self._headers, body)

    def _keep(self, data: bytes) -> None:
        """Holds on to the next bytes of a body that is read as a whole."""
        self._body += data
        self._limit("The reply", len(self._body), _LARGEST)

    def _limit(self, what: str, size: int, most: int) -> None:
        if size > most:
            raise self._beyond(f"{what} has more than {most:,} bytes")

    def _beyond(self, what: str) -> MiniMaxError:
        error = MiniMaxResponseError(
            f"{what}, which no reply of MiniMax's is or has; it was not read on. "
            "Something else may have answered: check `base_url` and `proxy`."
        )
        error.is_retryable = False  # it would be so again
        return self.told(error)

    def _document(self, body: bytes) -> Json:
        document = parsed(body)
        if isinstance(document, dict):
            return document
        kind = self._headers.get("content-type", "nothing")
        text = body[:_LARGEST_REFUSAL].decode("utf-8", "replace")
        found = excerpt(text, _EXCERPT) or "an empty body"
        raise MiniMaxResponseError(
            f"This is no reply of MiniMax's: {kind}, {found!r}. Something in between "
            "may have answered, such as a proxy; check `base_url` and `proxy`.",
            status_code=self._status,
            response=ErrorResponse(self._status, dict(self._headers), text),
        )


class ReplyReader(Reader[Delta]):
    """Reads the reply to an exchange: an error, a whole reply or a stream of events."""

    def __init__(
        self, decoder: ReplyDecoder, filters: Sequence[Filter], secrets: Sequence[str]
    ) -> None:
        super().__init__(secrets)
        self._decoder = decoder
        self._filters = filters
        self._failed: MiniMaxError | None = None
        self._is_stream = False
        self._events: EventStream | None = None
        self._size = self._count = 0

    @property
    def complete(self) -> bool:
        """Whether everything that matters has arrived."""
        is_told = self._decoder.complete or any(stage.done for stage in self._filters)
        if is_told or super().complete:
            return True
        return self._events is None and isinstance(parsed(bytes(self._body)), dict)

    @property
    def is_whole(self) -> bool:
        """Whether only a count of tokens can still follow."""
        return self._decoder.complete

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for, or to be learnt."""
        has_ended = self._decoder.ended or self._failed is not None
        return has_ended or super().ended

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes the status and the headers, names in lower case."""
        super().begin(status, headers)
        if status == HTTPStatus.OK and _EVENTS in headers.get("content-type", ""):
            self._unpack(())
            self._events = EventStream()

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Takes the next bytes of the body.

        Raises:
            MiniMaxError: If the stream reports a failure, cannot be read or has no end.
        """
        if self.ended:
            return ()  # whatever follows, be it without end
        if not self._is_stream:
            self._keep(data)
        if self._events is None:
            if not self._is_mislabelled():
                return ()
            self._events, data = EventStream(), bytes(self._body)
        self._size += len(data)
        self._limit("The stream", self._size, _LONGEST_STREAM)
        heard: list[Delta] = []
        try:
            self._hear(self._events.feed(data), heard)
        except MiniMaxError as error:
            if not heard and not self.complete:
                raise self.told(error) from None
            # What came before it is told first, however the network cut the two.
            self._failed = self.told(error)
        self._limit("An event", self._events.held, _LARGEST)
        return heard

    def finish(self) -> Sequence[Delta]:
        """Takes the end of the body.

        Raises:
            MiniMaxError: If the reply was a refusal, not a reply, or broke off.
        """
        if self._failed is not None and not self.complete:
            raise self._failed
        try:
            if self._events is not None:
                return self._end(self._events)
            return self._whole(bytes(self._body))
        except MiniMaxError as error:
            raise self.told(error) from None

    def _is_mislabelled(self) -> bool:
        """Whether this is a stream that a gateway calls something else."""
        beginning = self._body[:_BEGINNING].lstrip()
        is_stream = beginning.startswith((b"event:", b"data:"))
        return is_stream and self._status == HTTPStatus.OK

    def _hear(self, events: Iterable[ServerSentEvent], heard: list[Delta]) -> None:
        decoder, said = self._decoder, list[Delta]()
        try:
            for event in events:
                if decoder.ended:
                    break  # what follows does not count, however the network cut it
                self._is_stream = True
                self._count += 1
                said += self._counted(decoder.feed(event))
        finally:
            heard += self._filtered(said)
        if self._count > _MOST_EVENTS:
            raise self._beyond(f"The stream has more than {_MOST_EVENTS:,} events")

    def _end(self, events: EventStream) -> Sequence[Delta]:
        said: list[Delta] = []
        # Half an event is no event: what it was to say is missing.
        with suppress(MiniMaxResponseError):
            self._hear(events.flush(), said)
        body = bytes(self._body)
        if not self._is_stream and body.lstrip().startswith(b"{"):
            return self._whole(body)  # a whole reply that is called a stream
        if not self.complete:
            raise MiniMaxStreamTruncatedError(
                "The reply broke off before its end: the connection closed without a "
                "stop reason. `.partial` has what had arrived, if anything."
            )
        said += self._filtered(self._counted(self._decoder.finish()))
        return said

    def _whole(self, body: bytes) -> Sequence[Delta]:
        if self._status != HTTPStatus.OK:
            raise self._refusal(body)
        heard = self._decoder.whole(self._document(body))
        whole = [*heard, *self._decoder.finish()]
        return self._filtered(self._counted(whole))

    def _counted(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        """The same, unless there are too many blocks."""
        for delta in deltas:
            if getattr(delta, "place", 0) >= _MOST_BLOCKS:
                raise self._beyond(f"The reply has more than {_MOST_BLOCKS:,} blocks")
        return deltas

    def _filtered(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        for stage in self._filters:
            deltas = [passed for delta in deltas for passed in stage.feed(delta)]
        return deltas
