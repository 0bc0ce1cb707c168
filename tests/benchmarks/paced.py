"""A loopback server that paces its streams: the same reply to all, an event a tick.

It runs in a process of its own, so that the figures beside it are the client's alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection

from beside import beside

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_OVERLOADED = (
    b"HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s"
)


def _event(name: str, **data: object) -> bytes:
    text = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


def _words(number: int) -> list[str]:
    return [f"word {index} " for index in range(number)]


def text(events: int) -> str:
    """What a whole reply of so many text events says."""
    return "".join(_words(events))


class _Pace:
    """The ticks that all streams share."""

    def __init__(self, events: int, interval: float) -> None:
        usage = {"input_tokens": 9, "output_tokens": events}
        message = {"id": "1", "model": "MiniMax-M3", "role": "assistant", "content": []}
        block = {"type": "text", "text": ""}
        self._interval = interval
        self._streams: dict[_Served, int] = {}
        start = _event("message_start", message=message)
        start += _event("content_block_start", index=0, content_block=block)
        self._events = [
            _event(
                "content_block_delta",
                index=0,
                delta={"type": "text_delta", "text": word},
            )
            for word in _words(events)
        ]
        self._events[0] = start + self._events[0]
        self._events[-1] += (
            _event("content_block_stop", index=0)
            + _event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage)
            + _event("message_stop")
            + b"0\r\n\r\n"
        )
        whole = {
            **message,
            "type": "message",
            "content": [{"type": "text", "text": text(events)}],
            "stop_reason": "end_turn",
            "usage": usage,
        }
        body = json.dumps(whole).encode()
        self.whole = (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )

    def join(self, served: _Served) -> None:
        served.send(_STREAM_HEAD)
        self._streams[served] = 0

    def leave(self, served: _Served) -> None:
        self._streams.pop(served, None)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        tick = loop.time()
        while True:
            tick += self._interval
            await asyncio.sleep(max(0.0, tick - loop.time()))
            for served, sent in list(self._streams.items()):
                served.send(self._events[sent])
                self._streams[served] = sent + 1
                if sent + 1 == len(self._events):
                    self.leave(served)


class _Served(asyncio.Protocol):
    """One connection, which asks again and again."""

    def __init__(self, pace: _Pace, latency: float, refusals: Iterator[bytes]) -> None:
        self._pace = pace
        self._latency = latency
        self._refusals = refusals
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self._pace.leave(self)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        head, found, body = self._asked.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head.lower()):
            return
        self._asked = b""
        refusal = next(self._refusals, None)
        if refusal is not None:
            self.send(refusal)
        elif b'"stream":true' in body:
            self._pace.join(self)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency, self.send, self._pace.whole)

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    return int(head.partition(b"content-length:")[2].split(b"\r\n")[0])


def _serve(
    told: Connection, events: int, interval: float, latency: float, refusals: int
) -> None:
    async def run() -> None:
        error = {"type": "overloaded_error", "message": "high load (2064)"}
        body = json.dumps({"type": "error", "error": error}).encode()
        refusal = _OVERLOADED % (len(body), body)
        left = iter([refusal] * refusals)
        pace = _Pace(events, interval)
        server = await asyncio.get_running_loop().create_server(
            lambda: _Served(pace, latency, left), "127.0.0.1", 0, backlog=4096
        )
        told.send(server.sockets[0].getsockname()[1])
        await pace.run()

    asyncio.run(run())


def paced(
    events: int, interval: float, *, latency: float = 0.0, refusals: int = 0
) -> AbstractContextManager[str]:
    """The address of a server.

    Args:
        events: How many text events a stream has.
        interval: Seconds from one to the next.
        latency: Seconds until a whole reply.
        refusals: How many requests are answered with a 529 at first.
    """
    return beside(_serve, events, interval, latency, refusals)
