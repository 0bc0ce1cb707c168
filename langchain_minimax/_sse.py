"""Bytes in, server-sent events out. Does no I/O.

Grammar: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
with two liberties: `id` and `retry` are ignored, since a reply is never resumed, and
what stands at the end without its blank line is still handed out by `flush`.
"""

from __future__ import annotations

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

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Takes the next bytes; answers with the events that became whole."""
        is_open = not self._pending.endswith(b"\r")
        self._pending += chunk
        if is_open and b"\n" not in chunk and b"\r" not in chunk:
            return []
        data = bytes(self._pending)
        self._pending.clear()
        lines = data.splitlines()
        # A final CR may be the first half of CRLF, and a final piece may go on.
        if not data.endswith(b"\n"):
            last = lines.pop()
            self._pending += last + b"\r" if data.endswith(b"\r") else last
        return self._events(lines)

    def flush(self) -> list[ServerSentEvent]:
        """What the stream's end left without a blank line."""
        rest = bytes(self._pending)
        self._pending.clear()
        return self._events([rest.rstrip(b"\r\n"), b""])

    def _events(self, lines: list[bytes]) -> list[ServerSentEvent]:
        if lines and not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        events: list[ServerSentEvent] = []
        for line in lines:
            if not line:
                if self._data:
                    data = bytes(self._data).removesuffix(b"\n")
                    events.append(ServerSentEvent(self._event, data))
                    self._data.clear()
                self._event = ""
                continue
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data += value.removeprefix(b" ") + b"\n"
            elif name == b"event":
                self._event = value.removeprefix(b" ").decode("utf-8", "replace")
        return events
