"""A connection carries one call after the other, whichever way they are made."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from select import select
from threading import Thread
from time import sleep
from typing import Any

import pytest

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator, Fault
from support.certificates import Certificates


async def _ainvoke(model: Any) -> str:
    return str((await model.ainvoke("Hello")).text)


async def _astream(model: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream("Hello")])


async def _aevents(model: Any) -> str:
    stream = await model.astream_events("Hello", version="v3")
    return str((await stream.output).text)


def _invoke(model: Any) -> str:
    return str(model.invoke("Hello").text)


def _stream(model: Any) -> str:
    return "".join(chunk.text for chunk in model.stream("Hello"))


def _events(model: Any) -> str:
    return str(model.stream_events("Hello", version="v3").output.text)


@pytest.mark.parametrize("call", [_invoke, _stream, _events])
def test_the_next_call_needs_no_new_connection(
    call: Any, serve: Any, connect: Any
) -> None:
    server: Emulator = serve()
    model = connect(server)
    for _ in range(3):
        assert call(model)
    assert server.connections == 1


@pytest.mark.parametrize("call", [_ainvoke, _astream, _aevents])
async def test_nor_does_the_next_async_call(
    call: Any, serve: Any, connect: Any
) -> None:
    server: Emulator = serve()
    model = connect(server)
    for _ in range(3):
        assert await call(model)
    assert server.connections == 1


@pytest.mark.parametrize("call", [_stream, _events])
def test_a_server_that_stays_on_the_line_is_hung_up_on(
    call: Any, serve: Any, connect: Any
) -> None:
    """The reply has ended with its last event, whatever its body does."""
    server: Emulator = serve(Fault.stall(at_byte=10**6), "Hello.")
    model = connect(server)
    assert call(model)
    assert call(model) == "Hello."
    assert server.connections == 2


@pytest.mark.parametrize("call", [_astream, _aevents])
async def test_so_is_one_that_an_async_call_has_heard(
    call: Any, serve: Any, connect: Any
) -> None:
    server: Emulator = serve(Fault.stall(at_byte=10**6), "Hello.")
    model = connect(server)
    assert await call(model)
    assert await call(model) == "Hello."
    assert server.connections == 2


# --- More than a reply ---------------------------------------------------------------

WHOLE = {
    "id": "r1",
    "model": "MiniMax-M3",
    "role": "assistant",
    "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hello."}],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
DELTA = {"type": "text_delta", "text": "Hello."}
EVENTS = [
    {"type": "message_start", "message": {**WHOLE, "content": []}},
    {"type": "content_block_delta", "index": 0, "delta": DELTA},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
    {"type": "message_stop"},
]


def _head(kind: str, framing: str) -> str:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{framing}\r\n\r\n"


def _reply(*, stream: bool) -> str:
    """A whole reply of the server's, head and all."""
    if not stream:
        body = json.dumps(WHOLE)
        return _head("application/json", f"content-length: {len(body)}") + body
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS)
    head = _head("text/event-stream", "transfer-encoding: chunked")
    return f"{head}{len(body):x}\r\n{body}\r\n0\r\n\r\n"


class Twice(socketserver.StreamRequestHandler):
    """Answers every request at once, and the next one with it."""

    connections = 0

    def handle(self) -> None:
        type(self).connections += 1
        with suppress(ConnectionError):
            while stream := self._asked():
                reply = _reply(stream=stream == "stream")
                pieces = [reply, reply.replace("Hello.", "Forged")]
                if isinstance(self.request, ssl.SSLSocket):
                    for piece in pieces:  # a record each
                        self.wfile.write(piece.encode())
                else:
                    self.wfile.write("".join(pieces).encode())

    def _asked(self) -> str:
        """What kind of reply; nothing at the end."""
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.lower().partition(b":")
            length = int(value) if name == b"content-length" else length
        said = self.rfile.read(length).replace(b" ", b"")
        return "" if not said else ("stream" if b'"stream":true' in said else "whole")


class Through(socketserver.StreamRequestHandler):
    """Leads to wherever it is told."""

    def handle(self) -> None:
        _, address, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with suppress(OSError):
                while _passes_on(self.request, there):
                    pass


def _passes_on(here: Any, there: socket.socket) -> bool:
    """Several records of TLS go in one packet; whether there will be more."""
    is_ready = isinstance(here, ssl.SSLSocket) and here.pending()
    ready = [here] if is_ready else select([here, there], [], [])[0]
    if ready == [there]:
        sleep(0.02)
    data = ready[0].recv(2**16)
    (there if ready[0] is here else here).sendall(data)
    return bool(data)


@contextmanager
def serving(
    handler: type[socketserver.BaseRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """The address of such a server."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield "{}:{}".format(*server.server_address[:2])
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["plain", "http proxy", "https proxy"])
def twice(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ChatMiniMax]:
    """A model of such a server, by several ways; by a proxy it goes over TLS."""
    trusted = ssl.create_default_context(cafile=certificates.bundle)
    monkeypatch.setattr("langchain_minimax._pools._certificates", lambda: trusted)
    Twice.connections = 0
    tls = None if request.param == "plain" else certificates.context("good")
    with ExitStack() as opened:
        there = opened.enter_context(serving(Twice, tls))
        fields: dict[str, Any] = {"base_url": f"http://{there}"}
        if tls is not None:
            scheme = request.param.partition(" ")[0]
            way = serving(Through, tls if scheme == "https" else None)
            fields["base_url"] = f"https://{there}"
            fields["proxy"] = f"{scheme}://{opened.enter_context(way)}"
        yield ChatMiniMax(model="MiniMax-M3", api_key="none", max_retries=0, **fields)


@pytest.mark.parametrize("call", [_invoke, _stream, _events])
def test_what_follows_a_reply_is_not_the_next_one(
    call: Any, twice: ChatMiniMax
) -> None:
    assert [call(twice) for _ in range(3)] == ["Hello."] * 3
    assert Twice.connections == 3


@pytest.mark.parametrize("call", [_ainvoke, _astream, _aevents])
async def test_nor_that_of_an_async_call(call: Any, twice: ChatMiniMax) -> None:
    assert [await call(twice) for _ in range(3)] == ["Hello."] * 3
    assert Twice.connections == 3
