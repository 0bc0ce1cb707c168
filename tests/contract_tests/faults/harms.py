"""What an emulator answered in, what goes over the line instead out."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from contract_tests.faults.proxy import (
    Answer,
    End,
    Harm,
    Moment,
    Scene,
    Step,
    chunks,
    events,
    framed,
    head,
    whole,
)

GARBAGE = b"\x00\xff\xfe}{ data \x80 no json \x1b\xc3("
PAGE = b"<html>\n<head><title>Bad Gateway</title></head>\n<body>nginx</body>\n</html>\n"

Json = dict[str, Any]


def at(moment: Moment, *steps: Step) -> Harm:
    """The same, whatever was answered."""
    return Harm(lambda _: steps, moment)


def instead(answer: Callable[[Answer], Iterable[Step]]) -> Harm:
    """Something made of the answer."""
    return Harm(lambda scene: answer(scene.answer), "request")


# --- Before there is an answer -------------------------------------------------------


def cut_handshake(end: End) -> Harm:
    """A TLS handshake that breaks within the server's first bytes."""

    def steps(scene: Scene) -> Iterator[Step]:
        first = scene.answer.body
        yield first[: int(scene.spot * (len(first) - 1))]
        yield end

    return Harm(steps, "handshake")


def dripping_handshake() -> Harm:
    return Harm(lambda scene: _dripped(scene.answer.body), "handshake")


def _dripped(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 1] for i in range(len(data)))


# --- The head of an answer -----------------------------------------------------------

_STATUS_LINE = b"HTTP/1.1 200 OK\r\n"


def cut_status_line(end: End) -> Harm:
    def steps(scene: Scene) -> Iterator[Step]:
        yield _STATUS_LINE[: int(scene.spot * len(_STATUS_LINE))]
        yield end

    return Harm(steps, "request")


def cut_headers(end: End) -> Harm:
    def steps(scene: Scene) -> Iterator[Step]:
        first = whole(scene.answer)[0]
        assert isinstance(first, bytes)
        start = len(_STATUS_LINE)
        yield first[: start + int(scene.spot * (len(first) - start - 2))]
        yield end

    return Harm(steps, "request")


def dripping_head() -> Harm:
    def steps(answer: Answer) -> Iterator[Step]:
        first, *rest = whole(answer)
        assert isinstance(first, bytes)
        yield from _dripped(first)
        yield from rest

    return instead(steps)


def before(line: bytes) -> Harm:
    """Something stands before the status line."""
    return instead(lambda answer: [line, *whole(answer)])


def status_line(line: bytes) -> Harm:
    def steps(answer: Answer) -> list[Step]:
        first, *rest = whole(answer)
        assert isinstance(first, bytes)
        return [first.replace(_STATUS_LINE, line, 1), *rest]

    return instead(steps)


def header_line(line: bytes) -> Harm:
    """A further line among the headers."""
    return status_line(_STATUS_LINE + line)


def headers(**changed: str | None) -> Harm:
    """Headers that say something else."""
    return instead(lambda answer: framed(answer, answer.body, **changed))


def unframed(**changed: str | None) -> Harm:
    """No length and no chunks: what ends the body is the end of the connection."""
    first = head("200 OK", **changed)
    return instead(lambda answer: [first, answer.body, End.CLOSE])


def length(factor: float) -> Harm:
    """A length that is wrong by so much, and what is left of the body."""

    def steps(answer: Answer) -> list[Step]:
        told = int(len(answer.body) * factor)
        first = head("200 OK", content_type=answer.kind, content_length=told)
        return [first, answer.body[:told], End.CLOSE]

    return instead(steps)


def lengths(*told: str) -> Harm:
    """Lengths that are none."""
    lines = b"".join(b"content-length: %b\r\n" % each.encode() for each in told)
    first = _STATUS_LINE + b"content-type: application/json\r\n" + lines + b"\r\n"
    return instead(lambda answer: [first, answer.body, End.CLOSE])


# --- Encodings -----------------------------------------------------------------------


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def encoded(name: str, keep: Callable[[bytes], bytes] = bytes) -> Harm:
    """A compressed body, or what is kept of it."""

    def steps(answer: Answer) -> list[Step]:
        body = keep(ENCODINGS[name](answer.body))
        length = str(len(body))
        return [
            head(
                "200 OK",
                content_type=answer.kind,
                content_encoding=name,
                content_length=length,
            ),
            body,
        ]

    return instead(steps)


def most(data: bytes) -> bytes:
    """Enough for a stream to show something, too little for its stop reason."""
    return data[: len(data) * 3 // 4]


def spoilt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + b"\xff" * 8 + data[middle + 8 :]


# The word "hello", packed by Google's own tool.
_HELLO = bytes.fromhex("0b028068656c6c6f03")
BROTLI: dict[str, Harm] = {
    "br": instead(lambda answer: framed(answer, _HELLO, content_encoding="br")),
    "br, cut short": instead(
        lambda answer: framed(answer, _HELLO[:4], content_encoding="br")
    ),
}


# --- The body ------------------------------------------------------------------------

Zone = Callable[[Answer], range]
Rest = Callable[[Answer, int], Iterable[Step]]


def everywhere(answer: Answer) -> range:
    return range(len(answer.body))


def before_content(answer: Answer) -> range:
    """Bytes before the first block."""
    return range(len(b"".join(events(answer.body)[: _first(answer)])))


def amid_content(answer: Answer) -> range:
    """Bytes after something was surely shown, and before the stop reason."""
    start = len(b"".join(events(answer.body)[: _first(answer) + 4]))
    return range(start, len(b"".join(events(answer.body)[: _stop(answer)])))


def after_the_stop(answer: Answer) -> range:
    """Bytes after the stop reason, and before the end."""
    start = len(b"".join(events(answer.body)[: _stop(answer) + 1]))
    return range(start, len(answer.body))


def _first(answer: Answer) -> int:
    """The place of the first event with content."""
    if b'"content_block_start"' in answer.body:
        return _place(answer, b'"content_block_start"')
    return 1  # the first one names the role


def _stop(answer: Answer) -> int:
    mark = b'"finish_reason":"' if b'"choices"' in answer.body else b'"stop_reason":"'
    return _place(answer, mark)


def _place(answer: Answer, mark: bytes) -> int:
    return [mark in event for event in events(answer.body)].index(True)


def within(zone: Zone, rest: Rest) -> Harm:
    """The body up to a byte of the zone, then the rest."""

    def steps(scene: Scene) -> Iterable[Step]:
        found = zone(scene.answer)
        place = found.start + int(scene.spot * len(found))
        return rest(scene.answer, place)

    return Harm(steps, "request")


def between(zone: Zone, rest: Rest) -> Harm:
    """The same, up to the end of an event."""

    def steps(scene: Scene) -> Iterable[Step]:
        ends, end = [], 0
        for event in events(scene.answer.body):
            end += len(event)
            ends.append(end)
        found = zone(scene.answer)
        fitting = [end for end in ends if found.start <= end <= found.stop]
        place = fitting[int(scene.spot * len(fitting))]
        return rest(scene.answer, place)

    return Harm(steps, "request")


def at_the_end(rest: Rest) -> Harm:
    """The same, after the last byte."""
    return instead(lambda answer: rest(answer, len(answer.body)))


def then(end: End) -> Rest:
    """The connection ends, before the reply says that it does."""

    def rest(answer: Answer, place: int) -> Iterator[Step]:
        yield whole(answer)[0]
        yield from _pieces(answer, place)
        yield end

    return rest


def _pieces(answer: Answer, place: int) -> list[bytes]:
    body = answer.body[:place]
    return chunks(body) if answer.is_stream else [body]


def ends(answer: Answer, place: int) -> Iterable[Step]:
    """The reply ends, and says that this is all of it."""
    return framed(answer, answer.body[:place])


def goes_on_with(more: bytes) -> Rest:
    """Something else comes instead of what is missing."""
    return lambda answer, place: framed(answer, answer.body[:place] + more)


def lets_in(more: bytes) -> Rest:
    """Something else comes before the rest."""

    def rest(answer: Answer, place: int) -> Iterable[Step]:
        return framed(answer, answer.body[:place] + more + answer.body[place:])

    return rest


def other_end(answer: Answer, place: int) -> Iterable[Step]:
    """What would be the end on the other protocol comes instead of the rest."""
    chat = b'"choices"' in answer.body
    end = b'data: {"type": "message_stop"}\n\n' if chat else b"data: [DONE]\n\n"
    return goes_on_with(end)(answer, place)


def breaks_the_frame(answer: Answer, place: int) -> Iterator[Step]:
    """What comes next has no length."""
    yield head("200 OK", content_type=answer.kind, transfer_encoding="chunked")
    yield from chunks(answer.body[:place])
    yield b"what\r\nnow\r\n"
    yield End.CLOSE


def keeps_alive(line: bytes) -> Rest:
    """Nothing comes any more but a sign of life now and then."""

    def rest(answer: Answer, place: int) -> Iterator[Step]:
        yield whole(answer)[0]
        yield from chunks(answer.body[:place])
        while True:
            yield chunks(line)[0]
            yield 0.05

    return rest


def drips(answer: Answer, _: int = 0) -> Iterator[Step]:
    """One byte at a time, each in a chunk of its own."""
    first, *_rest = whole(answer)
    yield first
    for byte in _dripped(answer.body):
        yield b"1\r\n%b\r\n" % byte if answer.is_stream else byte
    if answer.is_stream:
        yield b"0\r\n\r\n"


def trickles(answer: Answer, _: int = 0) -> Iterator[Step]:
    """The same, and far too slowly."""
    for step in drips(answer):
        yield step
        yield 0.1


# --- Refusals ------------------------------------------------------------------------


def refusal(
    status: int, body: bytes, kind: str = "application/json", **more: str | None
) -> Harm:
    """An answer of the server's own."""
    size = str(len(body))
    first = head(f"{status} Said", content_type=kind, content_length=size, **more)
    return at("request", first + body)


def at_once(status: int, body: bytes) -> Harm:
    """An answer before the request was read."""
    first = head(f"{status} Said", content_length=str(len(body)), connection="close")
    return at("head", first + body, 0.05, End.CLOSE)


def redirect(status: int, *, elsewhere: bool) -> Harm:
    def steps(scene: Scene) -> list[Step]:
        to = scene.elsewhere if elsewhere else scene.here
        where = f"{to}/v1/messages"
        return [head(f"{status} Moved", location=where, content_length="0")]

    return Harm(steps, "request")


def as_json(document: Json) -> Harm:
    """HTTP 200 and a JSON document, whatever was asked for."""
    return refusal(200, said(document))


def as_event(document: Json) -> bytes:
    name = b"event: error\n" if "type" in document else b""
    return b"%bdata: %b\n\n" % (name, said(document))


def said(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def http_date(seconds: float) -> str:
    """So many seconds from now."""
    then = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return format_datetime(then, usegmt=True)


def dated_refusal(status: int, body: bytes, seconds: float) -> Harm:
    """A refusal whose `Retry-After` is a date, so many seconds after the answer."""

    def steps(_: Scene) -> list[Step]:
        size = str(len(body))
        when = http_date(seconds)
        return [head(f"{status} Said", content_length=size, retry_after=when) + body]

    return Harm(steps, "request")
