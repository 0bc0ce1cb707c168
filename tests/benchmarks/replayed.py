"""A loopback server that sends ready-made replies as fast as they are read.

It runs in a process of its own, so that the figures beside it are the client's alone.
The address says what comes: `/text/5000/0` is 5,000 deltas of text, whole or streamed
as the request asks, as Messages or as Chat Completions by the path behind it;
`thinking` and `tool` likewise. `/text/30/0.1` streams a delta each tenth of a second.
Each event is an HTTP chunk of its own, as MiniMax sends them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import cycle, islice
from multiprocessing.connection import Connection
from typing import Any

from beside import beside

# Three to five tokens each, as captured.
PARTS = (
    " the tide turns at",
    " noon, and the boats",
    " lie dry on",
    " the sand until evening",
    ". Nobody hurries",
)
IDENTITY = {"id": "e15c92e4fc9c818b363b3475fb465981", "model": "MiniMax-M3"}
TOOL = "save_text"
CALL = "call_0d00259d307a4e55e085109d"
SIGNATURE = "10c1d9e77dc7024a2874f601463e1da7c27c38530ad33c6d99f94a52a829d7e6"

STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
)
Json = dict[str, Any]
Reply = tuple[list[Json], list[Json], list[Json]]
"""The events of a stream: before the deltas, with them, and after them."""


def parts(kind: str, number: int) -> list[str]:
    """What the deltas say; those of a tool are a JSON object together."""
    said = list(islice(cycle(PARTS), number))
    if kind == "tool":
        said[0] = '{"text": "' + said[0]
        said[-1] += '"}'
    return said


# --- Messages ------------------------------------------------------------------------

BLOCKS: dict[str, tuple[Json, str, str]] = {
    "text": ({"type": "text", "text": ""}, "text_delta", "text"),
    "thinking": ({"type": "thinking", "thinking": ""}, "thinking_delta", "thinking"),
    "tool": (
        {"type": "tool_use", "id": CALL, "name": TOOL, "input": {}},
        "input_json_delta",
        "partial_json",
    ),
}
ANSWER = {**IDENTITY, "type": "message", "role": "assistant"}
USAGE = {"input_tokens": 212, "output_tokens": 0, "service_tier": "standard"}


def delta(kind: str, field: str, said: str) -> Json:
    said_so = {"type": kind, field: said}
    return {"type": "content_block_delta", "index": 0, "delta": said_so}


def reason(kind: str) -> str:
    return "tool_use" if kind == "tool" else "end_turn"


def messages(kind: str, number: int) -> Reply:
    block, said, field = BLOCKS[kind]
    usage = {**USAGE, "output_tokens": number}
    end = {"stop_reason": reason(kind)}
    before = [
        {"type": "message_start", "message": {**ANSWER, "content": [], "usage": USAGE}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": block},
    ]
    after = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": usage},
        {"type": "message_stop"},
    ]
    if kind == "thinking":
        after.insert(0, delta("signature_delta", "signature", SIGNATURE))
    return before, [delta(said, field, part) for part in parts(kind, number)], after


def message(kind: str, number: int) -> Json:
    block, _, field = BLOCKS[kind]
    said = "".join(parts(kind, number))
    filled = {"input": json.loads(said)} if kind == "tool" else {field: said}
    return {
        **ANSWER,
        "content": [{**block, **filled}],
        "stop_reason": reason(kind),
        "usage": {**USAGE, "output_tokens": number},
    }


# --- Chat Completions ----------------------------------------------------------------

HEAD = {**IDENTITY, "created": 1788802874, "service_tier": "standard"}


def said(kind: str, part: str) -> Json:
    if kind == "text":
        return {"content": part}
    if kind == "tool":
        return {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
    detail = {
        "type": "reasoning.text",
        "id": "reasoning-text-1",
        "format": "MiniMax-response-v1",
        "index": 0,
        "text": part,
    }
    return {"reasoning_content": part, "reasoning_details": [detail]}


def named(call: Json) -> Json:
    """The first piece of a call."""
    function = {"name": TOOL, **call["function"]}
    return {**call, "id": CALL, "type": "function", "function": function}


def opened(kind: str, part: str) -> Json:
    first = said(kind, part)
    if kind == "tool":
        first["tool_calls"] = [named(call) for call in first["tool_calls"]]
    return first


def billed(number: int) -> Json:
    tokens = {"prompt_tokens": 212, "completion_tokens": number}
    return {**tokens, "total_tokens": 212 + number}


def finished(kind: str) -> str:
    return "tool_calls" if kind == "tool" else "stop"


def chat(kind: str, number: int) -> Reply:
    first, *rest = parts(kind, number)
    deltas = [opened(kind, first), *(said(kind, part) for part in rest)]
    before, *middle, after = (
        {**HEAD, "object": "chat.completion.chunk", "choices": choices, "usage": None}
        for choices in (
            [{"index": 0, "delta": {"role": "assistant"}}],
            *(
                [{"index": 0, "delta": {"role": "assistant", **each}}]
                for each in deltas
            ),
            [{"index": 0, "delta": {}, "finish_reason": finished(kind)}],
        )
    )
    return [before], middle, [after, {**after, "choices": [], "usage": billed(number)}]


def completion(kind: str, number: int) -> Json:
    answer = opened(kind, "".join(parts(kind, number)))
    choice = {
        "index": 0,
        "message": {"content": "", "role": "assistant", **answer},
        "finish_reason": finished(kind),
    }
    usage = billed(number)
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": usage}


# --- Bytes ---------------------------------------------------------------------------


def compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def chunk(event: Json) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    text = f"{name}data: {compact(event)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


@lru_cache
def paced(kind: str, number: int, *, is_chat: bool) -> list[bytes]:
    """What is sent at each tick: what is before the deltas comes with the first."""
    events = (chat if is_chat else messages)(kind, number)
    before, ticks, after = ([chunk(event) for event in part] for part in events)
    ticks[0] = b"".join((STREAM, *before, ticks[0]))
    if is_chat:
        after.append(b"e\r\ndata: [DONE]\n\n\r\n")
    ticks[-1] = b"".join((ticks[-1], *after, b"0\r\n\r\n"))
    return ticks


@lru_cache
def saturating(kind: str, number: int, *, is_chat: bool) -> bytes:
    return b"".join(paced(kind, number, is_chat=is_chat))


@lru_cache
def whole(kind: str, number: int, *, is_chat: bool) -> bytes:
    body = compact((completion if is_chat else message)(kind, number)).encode()
    return WHOLE % (len(body), body)


# --- The server ----------------------------------------------------------------------


class Served(asyncio.Protocol):
    """One connection, which asks again and again."""

    served = 0

    def __init__(self) -> None:
        self._asked = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if not self._wanted and (end := self._asked.find(b"\r\n\r\n")) >= 0:
            self._wanted = end + 4 + length(bytes(self._asked[:end]).lower())
        if self._wanted and len(self._asked) >= self._wanted:
            request, self._asked, self._wanted = self._asked, bytearray(), 0
            self._answer(request)

    def _answer(self, request: bytearray) -> None:
        address = request[: request.index(b"\r\n")].decode().split()[1]
        _, kind, number, interval, *_ = address.split("/")
        asked = {
            "kind": kind,
            "number": int(number),
            "is_chat": address.endswith("/completions"),
        }
        if not (b'"stream":true' in request or b'"stream": true' in request):
            self._transport.write(whole(**asked))
        elif float(interval):
            self._pace(iter(paced(**asked)), float(interval))
        else:
            self._transport.write(saturating(**asked))

    def _pace(self, ticks: Iterator[bytes], interval: float) -> None:
        """Sends one after the other, out of step with the other streams."""
        Served.served += 1
        loop = asyncio.get_running_loop()
        due = loop.time() + Served.served * 0.618 % 1 * interval
        loop.call_at(due, self._tick, ticks, due, interval)

    def _tick(self, ticks: Iterator[bytes], due: float, interval: float) -> None:
        tick = next(ticks, None)
        if tick is not None and not self._transport.is_closing():
            self._transport.write(tick)
            due += interval
            loop = asyncio.get_running_loop()
            loop.call_at(due, self._tick, ticks, due, interval)


def length(head: bytes) -> int:
    return int(head.partition(b"content-length:")[2].split(b"\r\n")[0])


def serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(
            Served, "127.0.0.1", 0, backlog=4096
        )
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def replayed() -> AbstractContextManager[str]:
    """Its address."""
    return beside(serve)
