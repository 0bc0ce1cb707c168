"""What must come out of a call that something happens to: the table of the campaign.

`max_retries` is 1 and whatever goes wrong goes wrong each time, so that two requests
mean that the client tried again. Where it goes wrong only once, those who try again
get the right message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from contract_tests.faults import harms
from contract_tests.faults.harms import GARBAGE, PAGE, Json
from contract_tests.faults.proxy import End, Harm
from langchain_minimax import (
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxContentFilterError,
    MiniMaxContextOverflowError,
    MiniMaxError,
    MiniMaxInsufficientBalanceError,
    MiniMaxInvalidRequestError,
    MiniMaxModelNotFoundError,
    MiniMaxOverloadedError,
    MiniMaxPermissionDeniedError,
    MiniMaxQuotaExceededError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must come out.

    Attributes:
        error: The class of the error; `None` for the right message.
        retryable: Whether it says that another try may help.
        requests: How many requests the server saw.
    """

    error: type[MiniMaxError] | None = None
    retryable: bool = False
    requests: int = 1


RIGHT = Outcome()


def again(error: type[MiniMaxError], requests: int = 2) -> Outcome:
    """The error is such that the client tries again."""
    return Outcome(error, retryable=True, requests=requests)


def shown(error: type[MiniMaxError]) -> Outcome:
    """It would be, but something of the reply was handed out already."""
    return again(error, requests=1)


def final(error: type[MiniMaxError]) -> Outcome:
    """Trying again cannot help."""
    return Outcome(error)


UNREACHED = again(MiniMaxConnectionError)
BROKEN = again(MiniMaxStreamTruncatedError)
LATE = again(MiniMaxTimeoutError)
NO_REPLY = again(MiniMaxResponseError)
WRONG = final(MiniMaxInvalidRequestError)
FAILED = again(MiniMaxAPIError)
BUSY = again(MiniMaxOverloadedError)
SLOWER = again(MiniMaxRateLimitError)
USED_UP = final(MiniMaxQuotaExceededError)
KEY = final(MiniMaxAuthenticationError)
WALLET = final(MiniMaxInsufficientBalanceError)
FILTER = final(MiniMaxContentFilterError)

SHORT, LONG = 2.0, 10.0
"""Seconds: where something stalls, and everywhere else."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happens.

    Attributes:
        stage: When in a call.
        kind: What.
        harm: How.
        whole: What comes out of a reply that comes whole; `None` where there is no
            such thing.
        stream: The same of a stream.
        detail: Where one kind is of several sorts.
        wait: How long the client waits for the next byte, in seconds.
        call: How long it gives the whole call, if that is what ends it.
        prompt: What is asked, if it matters.
        is_everywhere: Whether it can be at many places in the reply.
        is_lasting: Whether it cannot pass.
    """

    stage: str
    kind: str
    harm: Harm
    whole: Outcome | None
    stream: Outcome | None
    detail: str = ""
    wait: float = LONG
    call: float | None = None
    prompt: str = "What is the weather in Paris?"
    is_everywhere: bool = False
    is_lasting: bool = False


def both(
    stage: str, kind: str, harm: Harm, outcome: Outcome, detail: str = "", **more: Any
) -> Row:
    return Row(stage, kind, harm, outcome, outcome, detail, **more)


def _table() -> Iterator[Row]:
    yield from _connect()
    yield from _tls()
    yield from _request()
    yield from _status_line()
    yield from _headers()
    yield from _encodings()
    yield from _body()
    yield from _stream()
    yield from _between_events()
    yield from _after_the_end()
    yield from _redirects()
    yield from _statuses()
    yield from _codes()


ENDINGS: Mapping[str, tuple[End, Outcome]] = MappingProxyType(
    {
        "reset": (End.RESET, UNREACHED),
        "clean close": (End.CLOSE, UNREACHED),
        "stall": (End.STALL, LATE),
    }
)


def _limit(end: End) -> float:
    return SHORT if end is End.STALL else LONG


def _connect() -> Iterator[Row]:
    nobody = again(MiniMaxConnectionError, requests=0)
    unanswered = again(MiniMaxTimeoutError, requests=0)
    yield both("connect", "refused", Harm(at="port"), nobody, is_lasting=True)
    full = Harm(at="queue")
    yield both("connect", "stall", full, unanswered, wait=SHORT, is_lasting=True)
    for kind, (end, outcome) in ENDINGS.items():
        harm = harms.at("accept", end)
        detail = "once connected"
        yield both("connect", kind, harm, outcome, detail, wait=_limit(end))
    yield both("connect", "garbage", harms.at("accept", GARBAGE, End.CLOSE), UNREACHED)
    yield both("connect", "HTML", harms.at("accept", PAGE, End.CLOSE), UNREACHED)


def _tls() -> Iterator[Row]:
    for kind, (end, outcome) in ENDINGS.items():
        harm = harms.cut_handshake(end)
        limit = _limit(end)
        yield both("TLS", kind, harm, outcome, wait=limit, is_everywhere=True)
    plain = Harm(
        lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n", End.CLOSE], "handshake"
    )
    noise = Harm(lambda _: [GARBAGE, End.CLOSE], "handshake")
    yield both("TLS", "garbage", noise, UNREACHED)
    yield both("TLS", "no TLS at all", plain, UNREACHED)
    yield both("TLS", "one byte at a time", harms.dripping_handshake(), RIGHT)
    unseen = again(MiniMaxConnectionError, requests=0)
    for name in ("unknown", "another's"):
        harm, kind = Harm(certificate=name), f"{name} certificate"
        yield both("TLS", kind, harm, unseen, is_lasting=True)


def _request() -> Iterator[Row]:
    for kind, (end, outcome) in ENDINGS.items():
        limit = _limit(end)
        for moment, detail in (("head", "half read"), ("request", "read")):
            harm = harms.at(moment, end)
            yield both("request", kind, harm, outcome, detail, wait=limit)
    yield both(
        "request",
        "upload stalls",
        harms.at("head", End.STALL),
        LATE,
        wait=SHORT,
        prompt="What is the weather in Paris? " * 250_000,
        is_lasting=True,
    )
    body = _error(400, "invalid params (2013)")
    yield both("request", "refused early", harms.at_once(413, body), WRONG)


def _status_line() -> Iterator[Row]:
    for kind, (end, outcome) in ENDINGS.items():
        harm = harms.cut_status_line(end)
        limit = _limit(end)
        yield both("status line", kind, harm, outcome, wait=limit, is_everywhere=True)
    for kind, line in (
        ("garbage", GARBAGE + b"\r\n\r\n"),
        ("HTML", PAGE),
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("no number", b"HTTP/1.1 OK\r\n\r\n"),
        ("endless", b"HTTP/1.1 200 " + b"O" * 2**20),
    ):
        harm = harms.at("request", line, End.CLOSE)
        yield both("status line", kind, harm, UNREACHED, line[:12].decode("latin-1"))
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    for line in (hint, go_on, go_on * 3):
        yield both("status line", "interim answer", harms.before(line), RIGHT)
    yield both("status line", "HTTP/1.0", _old(), RIGHT)
    for status in (204, 205, 304, 999):
        first = b"HTTP/1.1 %d Odd\r\ncontent-length: 0\r\n\r\n" % status
        outcome = WRONG if status == 304 else FAILED
        harm = harms.at("request", first)
        yield both("status line", "odd status", harm, outcome, str(status))


def _old() -> Harm:
    return harms.instead(
        lambda answer: [
            b"HTTP/1.0 200 OK\r\ncontent-type: %b\r\n\r\n" % answer.kind.encode(),
            answer.body,
            End.CLOSE,
        ]
    )


def _headers() -> Iterator[Row]:
    for kind, (end, outcome) in ENDINGS.items():
        harm = harms.cut_headers(end)
        limit = _limit(end)
        yield both("headers", kind, harm, outcome, wait=limit, is_everywhere=True)
    yield both("headers", "one byte at a time", harms.dripping_head(), RIGHT)
    for kind, line in (
        ("garbage", GARBAGE + b"\r\n"),
        ("HTML", PAGE.replace(b"\n", b"\r\n")),
        ("endless", b"x-filler: " + b"x" * 2**20 + b"\r\n"),
    ):
        harm = harms.header_line(line)
        yield both("headers", kind, harm, UNREACHED)
    for name in ("text/html", "text/plain", "application/octet-stream", None):
        harm = harms.headers(content_type=name)
        yield both("headers", "wrong content type", harm, RIGHT, str(name))
    swapped = harms.instead(
        lambda answer: harms.framed(
            answer,
            answer.body,
            content_type="application/json"
            if answer.is_stream
            else "text/event-stream",
        )
    )
    yield both("headers", "wrong content type", swapped, RIGHT, "the other one")
    yield both("headers", "none at all", harms.unframed(), RIGHT)
    no_length = harms.unframed(content_type="application/json")
    yield Row("headers", "no length", no_length, RIGHT, None)
    yield Row("headers", "length too long", harms.length(1.1), RIGHT, RIGHT)
    half = shown(MiniMaxStreamTruncatedError)
    yield Row("headers", "length too short", harms.length(0.6), NO_REPLY, half)
    for told in (["-1"], ["many"], ["9", "10"]):
        harm = harms.lengths(*told)
        yield both("headers", "length is none", harm, UNREACHED, ", ".join(told))


def _encodings() -> Iterator[Row]:
    # A stream is asked for as it is; and of whole replies nothing is that grows without
    # bounds.
    unasked = final(MiniMaxResponseError)
    for name in ("gzip", "deflate"):
        cut, spoilt = harms.encoded(name, harms.most), harms.encoded(name, harms.spoilt)
        lie = harms.headers(content_encoding=name)
        yield Row("encoding", name, harms.encoded(name), RIGHT, unasked)
        yield Row("encoding", f"{name}, cut short", cut, NO_REPLY, unasked)
        yield Row("encoding", f"{name}, spoilt", spoilt, BROKEN, unasked)
        yield Row("encoding", f"{name}, but it is not", lie, BROKEN, unasked)
    for kind, harm in harms.BROTLI.items():
        yield both("encoding", kind, harm, unasked)
    for name in ("br", "zstd"):
        busy = harms.refusal(529, GARBAGE, content_encoding=name)
        yield both("encoding", f"{name}, an error", busy, BUSY)
    for name in ("rot13", "utf-8", "none"):
        harm = harms.headers(content_encoding=name)
        yield both("encoding", "unknown", harm, RIGHT, name)


def _body() -> Iterator[Row]:
    """A reply that comes whole."""
    for end, kind in (
        (End.RESET, "reset"),
        (End.CLOSE, "clean close"),
        (End.DROP, "line dropped"),
        (End.STALL, "stall"),
    ):
        outcome = LATE if end is End.STALL else BROKEN
        harm = harms.within(harms.everywhere, harms.then(end))
        yield _whole(kind, harm, outcome, _limit(end))
    for kind, rest in (
        ("truncated JSON", harms.ends),
        ("garbage", harms.goes_on_with(GARBAGE)),
        ("HTML", harms.goes_on_with(PAGE)),
    ):
        yield _whole(kind, harms.within(harms.everywhere, rest), NO_REPLY)
    broken = harms.within(harms.everywhere, harms.breaks_the_frame)
    yield _whole("broken frame", broken, BROKEN)
    drip = harms.instead(harms.drips)
    yield Row("body", "one byte at a time", drip, RIGHT, RIGHT)
    trickle = harms.instead(harms.trickles)
    too_slow = again(MiniMaxTimeoutError, requests=1)
    yield Row("body", "a byte now and then", trickle, too_slow, too_slow, call=2.0)
    for kind, body in (
        ("garbage", GARBAGE),
        ("HTML", PAGE),
        ("empty", b""),
        ("JSON, but no reply", b"[1, 2]"),
        ("JSON, but no reply", b"null"),
        ("JSON, but no reply", b'{"hello": "there"}'),
    ):
        harm = harms.refusal(200, body)
        detail = "all of it"
        yield both("body", kind, harm, NO_REPLY, detail + body[:8].decode("latin-1"))
    for kind, body in (("garbage", GARBAGE), ("HTML", PAGE), ("empty", b"")):
        harm = harms.refusal(200, body, "text/event-stream")
        yield both("body", kind, harm, BROKEN, "called a stream")


def _whole(kind: str, harm: Harm, outcome: Outcome, limit: float = LONG) -> Row:
    return Row("body", kind, harm, outcome, None, wait=limit, is_everywhere=True)


def _stream() -> Iterator[Row]:
    """A stream that is cut somewhere within its bytes."""
    for stage, zone in (
        ("body, before content", harms.before_content),
        ("body, amid content", harms.amid_content),
        ("body, after the stop reason", harms.after_the_stop),
    ):
        for kind, rest in (
            ("reset", harms.then(End.RESET)),
            ("clean close", harms.then(End.CLOSE)),
            ("line dropped", harms.then(End.DROP)),
            ("stall", harms.then(End.STALL)),
            ("reply ends", harms.ends),
            ("garbage", harms.goes_on_with(GARBAGE)),
            ("HTML", harms.goes_on_with(PAGE)),
            ("broken frame", harms.breaks_the_frame),
        ):
            error = (
                MiniMaxTimeoutError if kind == "stall" else MiniMaxStreamTruncatedError
            )
            outcome = {
                harms.before_content: again(error),
                harms.amid_content: shown(error),
                harms.after_the_stop: RIGHT,
            }[zone]
            limit = SHORT if kind == "stall" else LONG
            harm = harms.within(zone, rest)
            yield Row(stage, kind, harm, None, outcome, wait=limit, is_everywhere=True)


def _between_events() -> Iterator[Row]:
    for stage, zone in (
        ("between events, before content", harms.before_content),
        ("between events, amid content", harms.amid_content),
    ):
        told = again if zone is harms.before_content else shown
        late = again(MiniMaxTimeoutError, requests=1)
        for kind, rest, outcome, limit in (
            ("reset", harms.then(End.RESET), told(MiniMaxStreamTruncatedError), LONG),
            (
                "clean close",
                harms.then(End.CLOSE),
                told(MiniMaxStreamTruncatedError),
                LONG,
            ),
            ("stall", harms.then(End.STALL), told(MiniMaxTimeoutError), SHORT),
            ("reply ends", harms.ends, told(MiniMaxStreamTruncatedError), LONG),
            (
                "the other protocol's end",
                harms.other_end,
                told(MiniMaxStreamTruncatedError),
                LONG,
            ),
            (
                "truncated JSON",
                harms.lets_in(b'data: {"type": "content_bl\n\n'),
                told(MiniMaxResponseError),
                LONG,
            ),
            (
                "garbage",
                harms.lets_in(b"data: " + GARBAGE + b"\n\n"),
                told(MiniMaxResponseError),
                LONG,
            ),
            ("garbage, no event", harms.lets_in(GARBAGE + b"\n\n"), RIGHT, LONG),
            ("HTML", harms.lets_in(PAGE + b"\n"), RIGHT, LONG),
            ("comment", harms.lets_in(b": keep-alive\n\n" * 3), RIGHT, LONG),
            (
                "unknown event",
                harms.lets_in(b'event: new\ndata: {"type": "new"}\n\n'),
                RIGHT,
                LONG,
            ),
            ("empty event", harms.lets_in(b"data:\n\nevent: x\n\n"), RIGHT, LONG),
        ):
            harm = harms.between(zone, rest)
            yield Row(stage, kind, harm, None, outcome, wait=limit)
        harm = harms.between(zone, harms.keeps_alive(b": alive\n\n"))
        yield Row(stage, "only comments", harm, None, late, call=2.0)


def _after_the_end() -> Iterator[Row]:
    stage = "after the last event"
    for kind, rest, limit in (
        ("reset", harms.then(End.RESET), LONG),
        ("clean close", harms.then(End.CLOSE), LONG),
        ("line dropped", harms.then(End.DROP), LONG),
        ("stall", harms.then(End.STALL), SHORT),
        ("garbage", harms.goes_on_with(GARBAGE), LONG),
        ("HTML", harms.goes_on_with(PAGE), LONG),
        ("broken frame", harms.breaks_the_frame, LONG),
        ("truncated JSON", harms.goes_on_with(b'data: {"ty\n\n'), LONG),
        ("error event", harms.goes_on_with(harms.as_event(_document(529, LOAD))), LONG),
        ("[DONE]", harms.goes_on_with(b"data: [DONE]\n\n"), LONG),
    ):
        yield Row(stage, kind, harms.at_the_end(rest), None, RIGHT, wait=limit)
    alive = harms.at_the_end(harms.keeps_alive(b": alive\n\n"))
    yield Row(stage, "only comments", alive, None, RIGHT, call=3.0)
    for kind, end in (("reset", End.RESET), ("stall", End.STALL)):
        harm = harms.at_the_end(harms.then(end))
        yield Row("after the last byte", kind, harm, RIGHT, None, wait=_limit(end))


def _redirects() -> Iterator[Row]:
    for status in (301, 302, 303, 307, 308):
        for elsewhere in (False, True):
            harm = harms.redirect(status, elsewhere=elsewhere)
            detail = "to another host" if elsewhere else "to the same host"
            yield both("redirect", str(status), harm, WRONG, detail)


# --- What a server says itself -------------------------------------------------------

LOAD = "The server cluster is busy, please retry later. (2064) (529)"

STATUSES: dict[int, Outcome] = {
    408: LATE,
    409: FAILED,
    425: FAILED,
    429: SLOWER,
    500: FAILED,
    502: FAILED,
    503: FAILED,
    504: FAILED,
    520: FAILED,
    529: BUSY,
}

WAITS = ("0", "0.02", "-5", "soon", "", "nan", "1e400", "3600", "inf")
TOO_LONG = ("1e400", "3600", "inf")
DATES = {"a date in the past": -3600.0, "a date now": 1.0, "a far date": 3600.0}


def _statuses() -> Iterator[Row]:
    for status, outcome in STATUSES.items():
        kind, at_once = str(status), again(outcome.error, 1)
        body = _error(status, "try later")
        for words, said in (
            ("a MiniMax error", body),
            ("HTML", PAGE),
            ("garbage", GARBAGE),
            ("empty", b""),
            ("truncated JSON", body[: len(body) // 2]),
        ):
            harm = harms.refusal(status, said)
            yield both("status", kind, harm, outcome, words)
        for wait in WAITS:
            harm = harms.refusal(status, body, retry_after=wait)
            told = at_once if wait in TOO_LONG else outcome
            yield both("status", kind, harm, told, f"Retry-After: {wait}")
        for words, seconds in DATES.items():
            harm = harms.dated_refusal(status, body, seconds)
            told = at_once if "far" in words else outcome
            yield both("status", kind, harm, told, f"Retry-After: {words}")


PLAN = (
    "usage limit exceeded, 5-hour usage limit reached for Token Plan Starter "
    "(0/0 used), resets at 2026-05-15T15:00:00Z (2056)"
)


@dataclass(frozen=True, slots=True)
class Code:
    """One of MiniMax's refusals, as protocol.md §5 lists them.

    Attributes:
        words: What it says, the number in it.
        outcome: What it means.
        statuses: The HTTP statuses it was seen with, 200 aside; none where only
            MiniMax's table knows it.
        number: The number, 0 where MiniMax leaves it out.
    """

    words: str
    outcome: Outcome
    statuses: tuple[int, ...] = ()
    number: int = field(default=0)


CODES: tuple[Code, ...] = (
    Code("unknown error, 999", FAILED, (500, 520), 1000),
    Code("request timeout", LATE, (), 1001),
    Code("rate limit exceeded(RPM)", SLOWER, (429,), 1002),
    Code("login fail: Please carry the API secret key", KEY, (401,), 1004),
    Code("insufficient balance", WALLET, (402, 429, 500), 1008),
    Code("internal service error", FAILED, (500,), 1013),
    Code("internal error", FAILED, (500,), 1024),
    Code("input new_sensitive", FILTER, (422, 500), 1026),
    Code("output new_sensitive", FILTER, (422, 500), 1027),
    Code("quota exhausted", USED_UP, (), 1028),
    Code("quota exhausted", USED_UP, (), 1030),
    Code("system error", FAILED, (500,), 1033),
    Code("token limit", WRONG, (429,), 1039),
    Code("connection limit", SLOWER, (429,), 1041),
    Code("invisible character ratio limit", WRONG, (400,), 1042),
    Code("invalid params, invalid chat setting", WRONG, (400,), 2013),
    Code(
        "invalid params, context window exceeds limit",
        final(MiniMaxContextOverflowError),
        (400,),
        2013,
    ),
    Code(
        "invalid params, unknown model 'm3'",
        final(MiniMaxModelNotFoundError),
        (400, 404),
        2013,
    ),
    Code("rate growth limit", SLOWER, (429,), 2045),
    Code("invalid api key", KEY, (401,), 2049),
    Code(PLAN.removesuffix(" (2056)"), USED_UP, (429,), 2056),
    Code(
        "your current token plan not support model, MiniMax-M2.7-highspeed",
        final(MiniMaxPermissionDeniedError),
        (500,),
        2061,
    ),
    Code("The server cluster is currently under high load.", BUSY, (529,), 2064),
    # What has no number on the Messages API.
    Code("invalid api key", KEY, (401,)),
    Code("invalid params", WRONG, (400,)),
)

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_balance_error",
    404: "not_found_error",
    422: "unprocessable_entity_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _document(status: int, words: str) -> Json:
    kind = TYPES.get(status, "api_error")
    inner = {"type": kind, "message": words, "http_code": str(status)}
    return {"type": "error", "error": inner, "request_id": "06ae5d017bc6e4f3"}


def _error(status: int, words: str) -> bytes:
    return harms.said(_document(status, words))


def _codes() -> Iterator[Row]:
    for code in CODES:
        kind = str(code.number or code.words)
        words = f"{code.words} ({code.number})" if code.number else code.words
        if code.number == 2013:
            kind = f"{kind}, {code.words.rpartition(', ')[2]}"
        for status in code.statuses:
            harm = harms.refusal(status, _error(status, words))
            yield both("MiniMax's code", kind, harm, code.outcome, f"HTTP {status}")
        for status in code.statuses[:1] or (500,):
            yield from _inside(code, kind, _document(status, words))


def _inside(code: Code, kind: str, wrapped: Json) -> Iterator[Row]:
    """HTTP 200 with the refusal in it."""
    stage, outcome = "HTTP 200 with an error", code.outcome
    plain = wrapped["error"]
    told = Outcome(outcome.error, outcome.retryable)
    documents = {"wrapped": wrapped, "unwrapped": plain}
    if code.number:
        status = {"status_code": code.number, "status_msg": code.words}
        documents["base_resp"] = {"base_resp": status}
        documents["base_resp, null payload"] = {"choices": None, "base_resp": status}
    for form, document in documents.items():
        yield both(stage, kind, harms.as_json(document), outcome, f"{form}, JSON")
    for form, document in documents.items():
        event = harms.as_event(document)
        for when, zone, out in (
            ("before content", harms.before_content, outcome),
            ("amid content", harms.amid_content, told),
        ):
            rest = harms.goes_on_with(event)
            harm = harms.between(zone, rest)
            yield Row(f"error event, {when}", kind, harm, None, out, form)


TABLE: tuple[Row, ...] = tuple(_table())
