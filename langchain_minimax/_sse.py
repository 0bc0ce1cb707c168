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
        self._pending = bytearray()
        self._event = ""
        self._data = bytearray()
        self._started = False

    @property
    def held(self) -> int:
        """Bytes of an event that has no end yet."""
        return len(self._pending) + len(self._data) + len(self._event)

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Takes the next bytes and yields the events that became whole."""
        is_open = not self._pending.endswith(b"\r")
        self._pending += chunk
        if is_open and b"\n" not in chunk and b"\r" not in chunk:
            return
        lines = bytes(self._pending).splitlines(keepends=True)
        self._pending.clear()
        # A final CR may be the first half of CRLF, and a final piece may go on.
        if not lines[-1].endswith(b"\n"):
            self._pending += lines.pop()
        for line in lines:
            event = self._line(line.rstrip(b"\r\n"))
            if event is not None:
                yield event

    def flush(self) -> Iterator[ServerSentEvent]:
        """Yields what the stream's end left without a blank line."""
        rest = bytes(self._pending)
        self._pending.clear()
        for line in (rest.rstrip(b"\r\n"), b""):
            event = self._line(line)
            if event is not None:
                yield event

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data += value
            self._data += b"\n"
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event, data = self._event, bytes(self._data)
        self._event = ""
        self._data.clear()
        return ServerSentEvent(event, data.removesuffix(b"\n")) if data else None
