"""Bytes in, server-sent events out. Does no I/O.

Grammar: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
with two liberties: `id` and `retry` are ignored, since a reply is never resumed, and
what stands at the end without its blank line is still handed out by `flush`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: its name ("" when the server gave none) and its joined data."""

    event: str
    data: bytes


class EventStream:
    """Splits a byte stream, cut anywhere, into events.

    A line is only looked at when it is whole, so that a line that arrives in many
    pieces costs no more than one that arrives at once.
    """

    __slots__ = ("_data", "_event", "_pending", "_started")

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._event = ""
        self._data: list[bytes] = []
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Takes the next bytes and yields the events that became whole."""
        if b"\n" not in chunk and b"\r" not in chunk and not self._ends_in_cr():
            if chunk:
                self._pending.append(chunk)
            return
        self._pending.append(chunk)
        lines = b"".join(self._pending).splitlines(keepends=True)
        self._pending.clear()
        # A final CR may be the first half of CRLF, and a final piece may go on.
        if not lines[-1].endswith(b"\n"):
            self._pending.append(lines.pop())
        for line in lines:
            event = self._line(line.rstrip(b"\r\n"))
            if event is not None:
                yield event

    def flush(self) -> Iterator[ServerSentEvent]:
        """Yields what the stream's end left without a blank line."""
        rest = b"".join(self._pending)
        self._pending.clear()
        for line in (rest.rstrip(b"\r\n"), b""):
            event = self._line(line)
            if event is not None:
                yield event

    def _ends_in_cr(self) -> bool:
        return bool(self._pending) and self._pending[-1].endswith(b"\r")

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event, data = self._event, self._data
        self._event, self._data = "", []
        return ServerSentEvent(event, b"\n".join(data)) if data else None
