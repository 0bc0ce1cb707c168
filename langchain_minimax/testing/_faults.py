"""MiniMax's refusals by code, and the ways a reply can break. Data only."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from langchain_minimax.testing._replies import Raw, Reply

_NO_KEY = (
    "login fail: Please carry the API secret key in the 'X-Api-Key' field "
    "of the request header"
)
_PLAN_USED_UP = (
    "usage limit exceeded, 5-hour usage limit reached for Token Plan Starter "
    "(0/0 used), resets at {resets_at} (2056)"
)
_NOT_IN_PLAN = (
    "your current token plan not support model, MiniMax-M2.7-highspeed (2061)"
)
_OVERLOADED = (
    "The server cluster is currently under high load. Please retry after a short "
    "wait and thank you for your patience. (2064) (529)"
)

# MiniMax code: the HTTP status and the words it was last seen with on this wire.
# The 401s carry no number there. Words of 1002 to 1041 without a capture (1013, 1033,
# 1039, 1041, 2045) follow the official code page. 1026 and 1027 are 422 on /v1.
ERRORS = {
    1000: (500, "unknown error, 999 (1000)"),
    1002: (429, "rate limit exceeded(RPM) (1002)"),
    1004: (401, _NO_KEY),
    1008: (402, "insufficient balance (1008)"),
    1013: (500, "internal service error (1013)"),
    1026: (500, "input new_sensitive (1026)"),
    1027: (500, "output new_sensitive (1027)"),
    1033: (500, "system error (1033)"),
    1039: (429, "token limit (1039)"),
    1041: (429, "connection limit (1041)"),
    2013: (400, "invalid params (2013)"),
    2045: (429, "rate growth limit (2045)"),
    2049: (401, "invalid api key"),
    2056: (429, _PLAN_USED_UP),
    2061: (500, _NOT_IN_PLAN),
    2064: (529, _OVERLOADED),
}

# What a status without a code or words says: the words last seen with it.
CODES = {400: 2013, 401: 2049, 402: 1008, 429: 1002, 500: 1000, 529: 2064}

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_balance_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "unprocessable_entity_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class Fault:
    """An error reply, and by its class methods every other thing that can go wrong.

    What is left out comes from the table of MiniMax's codes, the type from the status.

    Attributes:
        status: The HTTP status.
        code: MiniMax's number.
        message: The whole text, the number in it included.
        type: The `error.type`.
        retry_after: Seconds for a `Retry-After` header.
        as_base_resp: Say it in a `base_resp` instead of an `error`.
    """

    status: int = 0
    code: int = 0
    message: str = ""
    type: str = ""
    retry_after: float | None = None
    as_base_resp: bool = False

    def __post_init__(self) -> None:
        code = self.code or CODES.get(self.status, 1000)
        status, words = ERRORS.get(code, ERRORS[1000])
        in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
        words = words.format(resets_at=f"{in_an_hour:%Y-%m-%dT%H:%M:%SZ}")
        object.__setattr__(self, "status", self.status or status)
        object.__setattr__(self, "message", self.message or words)
        object.__setattr__(
            self, "type", self.type or TYPES.get(self.status, "api_error")
        )

    @classmethod
    def error(
        cls,
        code: int,
        message: str = "",
        *,
        status: int = 0,
        retry_after: float | None = None,
        resets_at: str = "",
    ) -> "Fault":
        """MiniMax's own error for one of its codes.

        Args:
            code: A code of the table `ERRORS`.
            message: Other words, to which the frame of the code is added.
            status: Another HTTP status than the one last seen.
            retry_after: Seconds for a `Retry-After` header.
            resets_at: The time at which a used-up plan (2056) opens again.

        Raises:
            ValueError: For a code that is not in the table.
        """
        if code not in ERRORS:
            msg = f"No captured words for code {code}; use Fault(status=…, message=…)."
            raise ValueError(msg)
        if message:
            prefix = "invalid params, " if code == 2013 else ""  # noqa: PLR2004
            message = f"{prefix}{message} ({code})"
        elif resets_at:
            message = ERRORS[code][1].format(resets_at=resets_at)
        return cls(status, code, message, retry_after=retry_after)

    @classmethod
    def ok_with_base_resp(cls, code: int, message: str = "") -> "Fault":
        """HTTP 200 whose JSON says in `base_resp` that it failed."""
        return cls(200, code, message, as_base_resp=True)

    @staticmethod
    def cut(at_byte: int | None = None, reply: "Whole | None" = None) -> "Cut":
        """The connection closes cleanly after so many bytes; `None`: before any."""
        return Cut("close", at_byte, reply)

    @staticmethod
    def reset(at_byte: int | None = None, reply: "Whole | None" = None) -> "Cut":
        """The connection is reset after so many bytes; `None`: before any."""
        return Cut("reset", at_byte, reply)

    @staticmethod
    def stall(
        at_byte: int | None = None,
        seconds: float | None = None,
        reply: "Whole | None" = None,
    ) -> "Cut":
        """Nothing comes for some seconds; `None`: until the client leaves."""
        return Cut("stall", at_byte, reply, seconds)

    @staticmethod
    def error_event(
        after: Literal["start", "content"] = "start",
        *,
        wrapped: bool = True,
        code: int = 2064,
        reply: "Reply | str | None" = None,
    ) -> "ErrorEvent":
        """An `event: error` in a stream; the plain error if none was asked for."""
        return ErrorEvent(after, wrapped, Fault.error(code), reply)

    @staticmethod
    def garbage(status: int = 200) -> Raw:
        """A body that is neither JSON nor a stream of events."""
        return Raw(b"\x00\xff\xfe}{ data \x80 no json, no event \x1b\n\xc3(", status)

    @staticmethod
    def html(status: int = 502) -> Raw:
        """The page of a proxy that has lost its server."""
        page = "<html><head><title>Bad Gateway</title></head><body></body></html>"
        return Raw(page, status, content_type="text/html")

    @staticmethod
    def empty(status: int = 200) -> Raw:
        """A body of no bytes."""
        return Raw(b"", status)


@dataclass(frozen=True)
class Cut:
    """A reply whose connection breaks or stalls on the way.

    Attributes:
        ending: What happens to the connection.
        at_byte: After how many bytes of the body; `None`: before the status line.
        reply: The reply it happens to; `None`: the brain's.
        seconds: How long a stall lasts; `None`: until the client leaves.
    """

    ending: Literal["close", "reset", "stall"]
    at_byte: int | None = None
    reply: "Whole | None" = None
    seconds: float | None = None


@dataclass(frozen=True)
class ErrorEvent:
    """A stream that ends in an `event: error`.

    Attributes:
        after: Before the first block, or after the first delta of one.
        wrapped: The body of an HTTP error (official), or only its inner object (seen).
        error: What it says.
        reply: The reply it happens to; `None`: the brain's.
    """

    after: Literal["start", "content"]
    wrapped: bool
    error: Fault
    reply: Reply | str | None = None


Whole = str | Reply | Raw | Fault | ErrorEvent
"""What can be answered without breaking; a string is a reply of one text block."""

Answer = Whole | Cut
"""What one request can be answered with."""
