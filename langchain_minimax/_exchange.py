"""One request and the fold of its reply: bytes in, deltas out. Does no I/O."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_address
from typing import ClassVar, Generic, TypeVar
from urllib.parse import SplitResult, urlsplit, urlunsplit

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
    failure,
)

_EVENTS = "text/event-stream"
_MAX_BODY = 64 * 2**20  # official OpenAPI, summer 2026; beyond it the answer is 413
_EXCERPT = 200  # characters of an unreadable reply that an error quotes


_REGIONS = {"global": "https://api.minimax.io", "china": "https://api.minimax.cn"}
_OFFICIAL = re.compile(r"api(-\w+)?\.minimaxi?\.(io|cn|com|chat)")
_ENDPOINT = re.compile(r"(/v1)?(/messages|/chat/completions)?$")


def resolve_url(base_url: str | None, region: str, dialect: Dialect) -> str:
    """Where a dialect's requests go.

    Args:
        base_url: Any spelling: a host, a path of a protocol, a full path; `None` for
            the region's own host. MiniMax's hosts are completed, whatever path was
            given; to others, `/v1/messages` or `/v1/chat/completions` is appended.
        region: `"global"` or `"china"`.
        dialect: The protocol.

    Raises:
        ValueError: If it is no address, or holds a user name and password.
    """
    parts = base_address(base_url, region)
    path, query = without_endpoint(parts.path), parts.query
    if is_official(parts.geturl()):
        path, query = dialect.official_prefix, ""
    elif parts.path.rstrip("/").endswith(dialect.path.removeprefix("/v1")):
        # The whole of it, which may know no `/v1`.
        return parts._replace(path=parts.path.rstrip("/")).geturl()
    elif not dialect.official_prefix:
        path = path.removesuffix("/anthropic")  # there is the other protocol
    path += dialect.path
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def base_address(base_url: str | None, region: str) -> SplitResult:
    """The address that was given, or the region's own.

    Raises:
        ValueError: If it is no address, or holds a user name and password.
    """
    given = (base_url or _REGIONS[region]).strip()
    if "@" in given:
        msg = (
            "`base_url` holds a user name. Credentials would show up in logs: pass "
            'them with `default_headers={"Authorization": …}`.'
        )
        raise ValueError(msg)
    parts = _parts(given)
    if parts is None:
        msg = "`base_url` is no address: give it as https://host or https://host/path."
        raise ValueError(msg)
    return parts


def without_endpoint(path: str) -> str:
    """What stands before a chat endpoint, or before `/v1`."""
    return _ENDPOINT.sub("", path.rstrip("/"))


def _parts(given: str) -> SplitResult | None:
    try:
        parts = urlsplit(_with_scheme(given))
        port = parts.port
    except ValueError:
        return None
    is_known = parts.scheme in ("http", "https") and port != 0
    # `http//host` is no scheme but a slip.
    named = parts.hostname and parts.hostname not in ("http", "https")
    return parts if is_known and named else None


def _with_scheme(given: str) -> str:
    if "://" in given:
        return given
    host = urlsplit(f"//{given}").hostname or ""
    return f"http{'' if _is_local(host) else 's'}://{given}"


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_official(url: str) -> bool:
    """Whether an address is one of MiniMax's own API hosts."""
    parts = _parts(url)
    return parts is not None and bool(_OFFICIAL.fullmatch(parts.hostname or ""))


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
        **({"accept-encoding": "identity"} if request.stream else {}),
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


def secrets_in(headers: Mapping[str, str]) -> Iterator[str]:
    """What the caller's headers hold; of `Bearer …`, the token by itself too."""
    for value in headers.values():
        yield value
        yield value.rpartition(" ")[2]


Heard = TypeVar("Heard")


class Reader(ABC, Generic[Heard]):
    """Reads one HTTP reply, whatever is in it."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets
        self._status = 0
        self._headers: Mapping[str, str] = {}

    @property
    def begun(self) -> bool:
        """Whether the reply's head has arrived."""
        return self._status != 0

    @property
    def complete(self) -> bool:
        """Whether everything that matters has arrived."""
        return False

    @property
    def is_whole(self) -> bool:
        """Whether only a count of tokens can still follow."""
        return False

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return False

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes the status and the headers, names in lower case."""
        self._status = status
        self._headers = headers

    @abstractmethod
    def feed(self, data: bytes) -> Sequence[Heard]:
        """Takes the next bytes of the body."""

    @abstractmethod
    def finish(self) -> Sequence[Heard]:
        """Takes the end of the body."""

    def told(self, error: MiniMaxError) -> MiniMaxError:
        """This error with what is known of the reply, and without the secrets."""
        error.request_id = error.request_id or self._headers.get("trace-id")
        error.status_code = error.status_code or self._status or None
        if error.response is not None and not error.response.headers:
            # An error inside the body does not know them; one may say `Retry-After`.
            error.response = replace(error.response, headers=dict(self._headers))
        return error.without(*self._secrets)

    def _document(self, body: bytes) -> Json:
        document = parsed(body)
        if isinstance(document, dict):
            return document
        kind = self._headers.get("content-type", "nothing")
        text = body.decode("utf-8", "replace")
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
        self._body: list[bytes] = []

    @property
    def complete(self) -> bool:
        """Whether everything that matters has arrived."""
        return self._decoder.complete or any(stage.done for stage in self._filters)

    @property
    def is_whole(self) -> bool:
        """Whether only a count of tokens can still follow."""
        return self._decoder.complete

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._decoder.ended or self._failed is not None

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes the status and the headers, names in lower case."""
        super().begin(status, headers)
        if status == HTTPStatus.OK and _EVENTS in headers.get("content-type", ""):
            self._events = EventStream()

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Takes the next bytes of the body.

        Raises:
            MiniMaxError: If the stream reports a failure or cannot be read.
        """
        if self._events is None:
            self._body.append(data)
            return ()
        if not self._is_stream:
            self._body.append(data)
        heard: list[Delta] = []
        try:
            self._hear(self._events.feed(data), heard)
        except MiniMaxError as error:
            if not heard and not self.complete:
                raise self.told(error) from None
            # What came before it is told first, however the network cut the two.
            self._failed = self.told(error)
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
            return self._whole(b"".join(self._body))
        except MiniMaxError as error:
            raise self.told(error) from None

    def _hear(self, events: Iterable[ServerSentEvent], heard: list[Delta]) -> None:
        for event in events:
            self._is_stream = True
            for delta in self._decoder.feed(event):
                heard.extend(self._filtered(delta))

    def _end(self, events: EventStream) -> Sequence[Delta]:
        said: list[Delta] = []
        # Half an event is no event: what it was to say is missing.
        with suppress(MiniMaxResponseError):
            self._hear(events.flush(), said)
        body = b"".join(self._body)
        if not self._is_stream and body.lstrip().startswith(b"{"):
            return self._whole(body)  # a whole reply that is called a stream
        if not self.complete:
            raise MiniMaxStreamTruncatedError(
                "The reply broke off before its end: the connection closed without a "
                "stop reason. `.partial` has what had arrived, if anything."
            )
        said += self._all_filtered(self._decoder.finish())
        return said

    def _whole(self, body: bytes) -> Sequence[Delta]:
        if self._status != HTTPStatus.OK:
            raise failure(self._status, self._headers, body)
        if body.lstrip().startswith((b"event:", b"data:")):
            # A gateway may label a stream as something else.
            events, said = EventStream(), list[Delta]()
            self._hear(events.feed(body), said)
            return [*said, *self._end(events)]
        heard = self._decoder.whole(self._document(body))
        return self._all_filtered((*heard, *self._decoder.finish()))

    def _all_filtered(self, deltas: Iterable[Delta]) -> list[Delta]:
        return [delta for heard in deltas for delta in self._filtered(heard)]

    def _filtered(self, delta: Delta) -> Sequence[Delta]:
        deltas: Sequence[Delta] = (delta,)
        for stage in self._filters:
            deltas = [passed for heard in deltas for passed in stage.feed(heard)]
        return deltas
