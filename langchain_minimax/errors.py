"""A refusal in, one typed error out that says what to do next.

    MiniMaxError
    ├── MiniMaxAuthenticationError         the key is missing, wrong, of another region
    ├── MiniMaxPermissionDeniedError       the key may not do this
    │   └── MiniMaxInsufficientBalanceError    the wallet is empty
    ├── MiniMaxInvalidRequestError         the request has to change
    │   ├── MiniMaxContextOverflowError        the prompt is too long
    │   └── MiniMaxContentFilterError          input or output was judged sensitive
    ├── MiniMaxModelNotFoundError          no such model (any more)
    ├── MiniMaxRateLimitError              too fast; later will do
    │   └── MiniMaxQuotaExceededError          the plan's window is used up
    ├── MiniMaxAPIError                    the server failed
    │   ├── MiniMaxOverloadedError             it has too much to do
    │   └── MiniMaxResponseError               its reply is not one
    ├── MiniMaxOutputError                 the model does not answer as it has to
    │   └── MiniMaxToolChoiceError             it does not call the tool
    ├── MiniMaxConnectionError             the server was not reached, or was lost
    │   └── MiniMaxStreamTruncatedError        the reply broke off
    └── MiniMaxTimeoutError                it took too long

Each leaf is also the `langchain_core.exceptions` class that LangChain's retry,
fallback and summarization middleware looks for. Codes: MiniMax's error-code page
(platform.minimax.io, 2026) and errors seen on the wire between 2025-12 and 2026-10.
"""

from __future__ import annotations

import copyreg
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)

from langchain_minimax._json import dumped, excerpt

_LEAST = 6  # characters of a key that are taken for its beginning
_SHORTEST_KEY = 8  # what is shorter is no key, and may be part of any word
_EXCERPT = 500  # characters of an unreadable body that an error quotes
_WORD = 100  # characters of an id or a date
_LONGEST = 2000  # characters of the server's own words; all are in `.response`


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The HTTP reply behind an error, as LangChain's tracers read it."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def json(self) -> Any:
        """Parses the body.

        Raises:
            ValueError: If it is not JSON.
        """
        return json.loads(self.text)


class MiniMaxError(ModelError):
    """Base class of everything that goes wrong between here and MiniMax.

    Attributes:
        status_code: The HTTP status, if there was a reply.
        code: MiniMax's own number, such as 1008 or 2013.
        request_id: MiniMax's id of the request (`Trace-Id`), for its support.
        response: The reply behind it.
        partial: The `AIMessage` that had arrived when a stream broke, or `None`.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: int | None = None,
        request_id: str | None = None,
        response: ErrorResponse | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.response = response
        self.partial: Any = None

    def without(self, *secrets: str | None) -> MiniMaxError:
        """This error with the secrets blacked out wherever the server repeated them."""
        self.args = tuple(blacked_out(str(part), secrets) for part in self.args)
        self.request_id = self.request_id and blacked_out(self.request_id, secrets)
        if self.response is not None:
            headers = {
                name: blacked_out(value, secrets)
                for name, value in self.response.headers.items()
            }
            text = blacked_out(self.response.text, secrets)
            self.response = ErrorResponse(self.response.status_code, headers, text)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles by state: `Exception` would call `__init__` with `args` alone."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class MiniMaxAuthenticationError(MiniMaxError, ModelAuthenticationError):
    """The API key is missing or was refused."""


class MiniMaxPermissionDeniedError(MiniMaxError, ModelPermissionDeniedError):
    """The API key is good, but not for this."""


class MiniMaxInsufficientBalanceError(MiniMaxPermissionDeniedError):
    """The account has no money left for this request."""


class MiniMaxInvalidRequestError(MiniMaxError, ModelInvalidRequestError):
    """The request is wrong and would be refused again."""


class MiniMaxContextOverflowError(MiniMaxInvalidRequestError, ContextOverflowError):
    """The prompt does not fit the model's context window."""


class MiniMaxContentFilterError(MiniMaxInvalidRequestError):
    """MiniMax judged the input or the output sensitive."""


class MiniMaxModelNotFoundError(MiniMaxError, ModelNotFoundError):
    """There is no such model, or no longer."""


class MiniMaxRateLimitError(MiniMaxError, ModelRateLimitError):
    """Too many requests or tokens in too short a time."""


class MiniMaxQuotaExceededError(MiniMaxRateLimitError):
    """The plan's usage window is used up; retrying before its reset is useless.

    Attributes:
        resets_at: When the window opens again, if MiniMax said so.
    """

    is_retryable = False
    resets_at: datetime | None = None


class MiniMaxAPIError(MiniMaxError, ModelAPIError):
    """MiniMax failed."""


class MiniMaxOverloadedError(MiniMaxAPIError):
    """MiniMax is under high load."""


class MiniMaxResponseError(MiniMaxAPIError):
    """The reply is not what a MiniMax server sends.

    Usually something between here and MiniMax answered: a proxy, a login page, a
    gateway; or `base_url` points somewhere else.
    """


class MiniMaxOutputError(MiniMaxError, OutputParserException):
    """The model was asked twice, and its answer is not of the form that was demanded.

    What it said is in `.partial`.

    Attributes:
        reason: `"cut"` by `max_tokens`, `"empty"`, `"prose"` where a call or JSON was
            wanted, `"wrong tool"`, or `"invalid"`: it does not fit the schema.
        attempts: How often it was asked.
    """

    def __init__(
        self, message: str, *, reason: str = "", attempts: int = 1, **known: Any
    ) -> None:
        super().__init__(message, **known)
        self.args = (message,)  # LangChain adds a link
        self.reason = reason
        self.attempts = attempts


class MiniMaxToolChoiceError(MiniMaxOutputError):
    """The model was asked twice, and does not call the tool that it has to."""


class MiniMaxConnectionError(MiniMaxError, ModelConnectionError):
    """The server could not be reached."""


class MiniMaxStreamTruncatedError(MiniMaxConnectionError):
    """The reply broke off before its end.

    What had arrived is in `.partial`, with no unfinished tool call among its
    `tool_calls`.
    """


class MiniMaxTimeoutError(MiniMaxError, ModelTimeoutError):
    """A time limit passed."""


@dataclass(frozen=True, slots=True)
class _Kind:
    error: type[MiniMaxError]
    advice: str = ""


_KEY = _Kind(
    MiniMaxAuthenticationError,
    "Check MINIMAX_API_KEY or `api_key`. A key works in one region only: one from "
    'platform.minimax.io with region="global", one from platform.minimaxi.com with '
    'region="china".',
)
_WALLET = _Kind(
    MiniMaxInsufficientBalanceError,
    "Top up the account, or use the plan's own key: one that begins with `sk-cp-` "
    "draws on a plan, one that begins with `sk-api-` does not.",
)
_SLOWER = _Kind(
    MiniMaxRateLimitError,
    "Send less at a time: `rate_limiter=`, `max_concurrency` in a batch. For "
    "embeddings wait longer: `rate_limit_timeout`.",
)
_SENSITIVE = _Kind(
    MiniMaxContentFilterError, "MiniMax's content filter objects; change the input."
)
_SERVER = _Kind(MiniMaxAPIError, "Try again later.")
_LOAD = _Kind(MiniMaxOverloadedError, "Try again later.")
_WINDOW = _Kind(
    MiniMaxQuotaExceededError, "Wait for the reset, or upgrade the plan or buy credits."
)
_WRONG = _Kind(MiniMaxInvalidRequestError)
_MOVED = _Kind(
    MiniMaxInvalidRequestError,
    "It sends elsewhere, where a key is not sent on; check `base_url`.",
)

_BY_CODE: dict[int, _Kind] = {
    1000: _SERVER,
    1001: _Kind(MiniMaxTimeoutError, "Try again later."),
    1002: _SLOWER,
    1004: _KEY,
    1008: _WALLET,
    1013: _SERVER,
    1024: _SERVER,
    1026: _SENSITIVE,
    1027: _SENSITIVE,
    1028: _WINDOW,
    1030: _WINDOW,
    1033: _SERVER,
    1039: _Kind(
        MiniMaxInvalidRequestError, "Lower `max_tokens` or shorten the conversation."
    ),
    1041: _SLOWER,
    1042: _Kind(
        MiniMaxInvalidRequestError,
        "More than a tenth of the input is invisible characters; clean it.",
    ),
    2013: _WRONG,
    2045: _SLOWER,
    2049: _KEY,
    2056: _WINDOW,
    2061: _Kind(
        MiniMaxPermissionDeniedError,
        "Choose a model of your plan, or use a pay-as-you-go key.",
    ),
    2064: _LOAD,
}

_BY_STATUS: dict[int, _Kind] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    400: _WRONG,
    401: _KEY,
    402: _WALLET,
    403: _Kind(MiniMaxPermissionDeniedError, "The key may not do this."),
    408: _Kind(MiniMaxTimeoutError, "The server gave up waiting; try again."),
    409: _SERVER,
    413: _Kind(
        MiniMaxInvalidRequestError,
        "The request is too large: a conversation has at most 64 MB, a file 512 MB.",
    ),
    422: _WRONG,
    425: _SERVER,
    429: _SLOWER,
    529: _LOAD,
}

# Both wires' names, for an error event that has neither status nor code.
_BY_TYPE: dict[str, _Kind] = {
    "invalid_request_error": _WRONG,
    "bad_request_error": _WRONG,
    "unprocessable_entity_error": _WRONG,
    "authentication_error": _KEY,
    "authorized_error": _KEY,
    "permission_error": _BY_STATUS[403],
    "insufficient_balance_error": _WALLET,
    "not_found_error": _Kind(MiniMaxModelNotFoundError),
    "request_too_large": _BY_STATUS[413],
    "rate_limit_error": _SLOWER,
    "overloaded_error": _LOAD,
}

_TOO_LONG = _Kind(
    MiniMaxContextOverflowError,
    "Shorten the conversation (`trim_messages`, summarization) or use a model with a "
    "larger window.",
)
_NO_MODEL = _Kind(
    MiniMaxModelNotFoundError,
    "Check the model's name. Retired models are refused too; see "
    "`langchain_minimax.catalogue.CARDS` for the chat models that are known.",
)
_NO_PATH = _Kind(
    MiniMaxInvalidRequestError,
    "There is nothing at this address. Of MiniMax's own hosts `base_url` may be any "
    "spelling; of another it is all that stands before `/v1/messages` or, with "
    '`protocol="openai"`, before `/v1/chat/completions`: `http://host:8000` for vLLM, '
    "`https://host/anthropic` for many a gateway. Embeddings are at `/v1/embeddings`.",
)
_PAIRING = _Kind(
    MiniMaxInvalidRequestError,
    "Every tool call needs its result in the very next messages, with the call's id, "
    "and every result its call.",
)
_EMPTY = _Kind(
    MiniMaxInvalidRequestError, "A message holds nothing, or nothing but white space."
)

_ANYTHING_WRONG = 2013

# What only the words tell, since that code and status 400 stand for anything wrong.
_BY_WORDS: tuple[tuple[re.Pattern[str], _Kind], ...] = (
    (re.compile(r"context window exceeds limit"), _TOO_LONG),
    (re.compile(r"maximum context length|context length is only"), _TOO_LONG),  # vLLM
    (re.compile(r"unknown model"), _NO_MODEL),
    (re.compile(r"new_sensitive"), _SENSITIVE),
    (re.compile(r"404 page not found"), _NO_PATH),
    (re.compile(r"tool call|tool result|tool id"), _PAIRING),
    (re.compile(r"chat content is empty"), _EMPTY),
)

_TAIL = 100  # characters at a message's end among which its number stands
_CODE = re.compile(r"\((\d{3,5})\)")
_CODES_AT_END = re.compile(r"(\s*\(\d{3,5}\))+\W*$")
_RESETS = re.compile(r"resets at (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))")


@dataclass(frozen=True, slots=True)
class _Complaint:
    """What an error body says, whatever its shape."""

    message: str
    type: str = ""
    code: int | None = None
    request_id: str | None = None
    status: int | None = None


def failure(status: int, headers: Mapping[str, str], body: bytes) -> MiniMaxError:
    """The error that an HTTP reply stands for.

    Args:
        status: The HTTP status.
        headers: The reply's headers, names in lower case.
        body: The whole body.
    """
    text = body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    complaint = _complaint(document) if isinstance(document, dict) else None
    if complaint is None:
        complaint = _Complaint(excerpt(text.strip(), _EXCERPT) or "(empty body)")
    if complaint.request_id is None:
        complaint = replace(complaint, request_id=headers.get("trace-id"))
    return _error(complaint, status, ErrorResponse(status, dict(headers), text))


def failure_in_reply(document: Mapping[str, Any]) -> MiniMaxError | None:
    """The error that a JSON document inside a 200 reply stands for, if any.

    Knows MiniMax's `base_resp`, the error body, and the unwrapped form that some
    streams carry: `{"type": "overloaded_error", "message": …}`.
    """
    complaint = _complaint(document)
    if complaint is None:
        return None
    return _error(complaint, 200, ErrorResponse(200, {}, dumped(document)))


def _complaint(document: Mapping[str, Any]) -> _Complaint | None:
    if document.keys().isdisjoint(_COMPLAINING):
        return None
    # The id of a reply is that of its request.
    status = None
    ids = (document.get("request_id"), document.get("id"))
    request_id = next((each for each in ids if isinstance(each, str)), None)
    match document:
        case {"base_resp": {"status_code": given, **rest}} if code := _number(given):
            message = str(rest.get("status_msg") or "no message")
            return _Complaint(message, "", code, request_id)
        case {"error": {"message": str(message), **rest}} if _says(message, rest):
            kind = str(rest.get("type") or "")
            status = _status_in(rest)
        case {"error": {"type": str(kind), **rest}} if kind and "message" not in rest:
            message = kind
        case {"error": str(message)} if message:
            kind = ""
        case {"type": str(kind), "message": str(message)} if _is_error(kind):
            status = _status_in(document)
        case _:
            return None
    return _Complaint(message, kind, _code_in(message), request_id, status)


_COMPLAINING = ("base_resp", "error", "message")


def _says(message: str, rest: Mapping[Any, Any]) -> bool:
    """Whether an error says anything; a gateway may leave an empty one in a reply."""
    return bool(message or rest.get("type") or rest.get("code"))


def _is_error(kind: str) -> bool:
    return kind.lower().endswith("error")  # older vLLM's are `BadRequestError`


def _status_in(error: Mapping[Any, Any]) -> int | None:
    """The status that an error names itself, as inside a stream that began with 200.

    Chat Completions has it in `http_code`, between quotes; vLLM in `code`.
    """
    status = _number(error.get("http_code") or error.get("code"))
    return status if 400 <= status < 600 else None  # noqa: PLR2004


def _number(given: object) -> int:
    """MiniMax's number, which some put between quotes; 0 if it is none."""
    try:
        return int(given) if isinstance(given, int | str) else 0
    except ValueError:
        return 0


def _code_in(message: str) -> int | None:
    """MiniMax's number: in the text, in brackets, sometimes with the status after."""
    end = _CODES_AT_END.search(message[-_TAIL:])
    codes = [int(digits) for digits in _CODE.findall(end[0])] if end else []
    known = [code for code in codes if code in _BY_CODE]
    return known[-1] if known else None


def _error(complaint: _Complaint, status: int, response: ErrorResponse) -> MiniMaxError:
    kind = _kind(complaint, complaint.status or status)
    error = kind.error(
        _sentence(complaint, response, kind),
        status_code=status,
        code=complaint.code,
        request_id=complaint.request_id,
        response=response,
    )
    if isinstance(error, MiniMaxQuotaExceededError):
        error.resets_at = _reset_time(complaint.message)
    return error


def _kind(complaint: _Complaint, status: int) -> _Kind:
    if complaint.code in (None, _ANYTHING_WRONG):
        for words, kind in _BY_WORDS:
            if words.search(complaint.message):
                return kind
    if complaint.code in _BY_CODE:
        return _BY_CODE[complaint.code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if complaint.type in _BY_TYPE:
        return _BY_TYPE[complaint.type]
    if status == 404:  # noqa: PLR2004
        about_model = "not_found" in complaint.type or "model" in complaint.message
        return _NO_MODEL if about_model else _NO_PATH
    if 300 <= status < 500:  # noqa: PLR2004
        return _WRONG
    return _SERVER


def _sentence(complaint: _Complaint, response: ErrorResponse, kind: _Kind) -> str:
    said = excerpt(complaint.message, _LONGEST)
    parts = [f"MiniMax answered HTTP {response.status_code}: {said}"]
    if complaint.code is not None and f"({complaint.code})" not in complaint.message:
        parts[0] += f" ({complaint.code})"
    if kind.advice:
        parts.append(kind.advice)
    if "location" in response.headers:
        parts.append(f"It names {excerpt(response.headers['location'], _LONGEST)}")
    if "retry-after" in response.headers and kind.error.is_retryable:
        wait = excerpt(response.headers["retry-after"], _WORD)
        parts.append(f"It asks to wait: {wait}{' s' if wait.isdecimal() else ''}")
    if complaint.request_id:
        parts.append(f"[request {excerpt(complaint.request_id, _WORD)}]")
    return " ".join(part if part[-1] in ".]" else f"{part}." for part in parts)


def _reset_time(message: str) -> datetime | None:
    found = _RESETS.search(message)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1].replace("Z", "+00:00"))
    except ValueError:
        return None


def blacked_out(text: str, secrets: Iterable[str | None]) -> str:
    """A text without the secrets, in whatever spelling it repeats them."""
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_KEY:
            for spelling in _spellings(secret):
                text = _without(text, spelling)
    return text


def _spellings(secret: str) -> list[str]:
    """As it is, in JSON, in Python and in an address; the longest first."""
    inside = (json.dumps(secret)[1:-1], repr(secret)[1:-1])
    return sorted({secret, *inside, quote(secret, safe="")}, key=len, reverse=True)


def _without(text: str, secret: str) -> str:
    text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)

    def beginning(found: re.Match[str]) -> str:
        half, mark = found.groups()
        is_secret = secret.lower().startswith(half.lower())
        return f"***{mark}" if is_secret else found[0]

    # Half of it, where a text was cut.
    rest = f".{{0,{len(secret) - _LEAST}}}?"
    half = f"({re.escape(secret[:_LEAST])}{rest})(…|\\Z)"
    return re.sub(half, beginning, text, flags=re.IGNORECASE | re.DOTALL)
