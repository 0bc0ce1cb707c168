"""Rendered replies in, bytes on sockets out: uvicorn's HTTP on a thread of its own.

uvicorn's `Server` is left aside: it takes the signals, logs to the console and needs a
few tenths of a second to stop.
"""

import asyncio
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from langchain_minimax.testing._faults import Cut
from langchain_minimax.testing._records import RecordedRequest
from langchain_minimax.testing._replies import EVENT_STREAM
from langchain_minimax.testing._wire import Rendered

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Server:
    """A listening socket and the thread that serves it, from construction to `stop`."""

    def __init__(
        self,
        answer: Callable[[RecordedRequest], Rendered],
        address: tuple[str, int],
        delay: float,
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.create_server(address, family=family)
        # A reply goes out in two writes: the second must not wait for an answer.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self.opened = 0
        self._state = ServerState()
        self._answer = answer
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"minimax-emulator-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a reply is on its way."""
        return bool(self._state.tasks)

    def stop(self) -> None:
        """Break off all connections and wait for the thread to end."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=75,
            ws="none",
        )
        config.load()

        def connect() -> _Connection:
            self.opened += 1
            return _Connection(config, self._state, {})

        server = await self._loop.create_server(connect, sock=self._socket)
        await self._stopping.wait()
        server.close()
        await asyncio.sleep(0)  # what was just accepted becomes a connection
        while self._state.connections or self._state.tasks:
            for connection in list(self._state.connections):
                connection.transport.abort()
            await asyncio.sleep(0.001)
        await server.wait_closed()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            raw = await request.body()
        except ClientDisconnect:
            return
        record = RecordedRequest(
            request.method,
            scope["path"],
            dict(request.headers),
            raw,
            query=dict(request.query_params),
        )
        client = _Client(scope["state"]["transport"], receive, send)
        try:
            await client.deliver(self._answer(record), record, self._delay)
        finally:
            await client.forget()


class _Client:
    """Whoever waits for one reply, and may leave before its end."""

    def __init__(
        self, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> None:
        self._transport = transport
        self._send = send
        self._gone = asyncio.ensure_future(_disconnect(receive))

    async def deliver(
        self, rendered: Rendered, record: RecordedRequest, delay: float
    ) -> None:
        """Send the reply piece by piece, and break off where it says so."""
        *acts, last = _acts(rendered)
        for act in acts:
            if isinstance(act, Cut):
                await self._break_off(act)
            else:
                await self._send(act)
                await asyncio.wait([self._gone], timeout=delay)
            if self._gone.done():
                return
        # Said before the last byte goes, so that whoever has read it finds it said.
        record.completed = True
        await self._send(last)
        record.completed = not self._gone.done()

    async def _break_off(self, cut: Cut) -> None:
        if cut.ending == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if cut.ending != "stall":
            self._transport.close()
        await asyncio.wait([self._gone], timeout=cut.seconds)

    async def forget(self) -> None:
        """Stop watching whether it leaves."""
        self._gone.cancel()
        await asyncio.wait([self._gone])


class _Connection(H11Protocol):
    """uvicorn's connection, silent, and with its transport within reach of the app."""

    def connection_made(  # type: ignore[override] # as uvicorn itself narrows it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.access_log = False
        self.app_state = {"transport": transport}
        # A sender waits until the kernel has taken what came before: that is how a
        # client that has left is noticed.
        transport.set_write_buffer_limits(high=0)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _acts(rendered: Rendered) -> list[Any]:
    """The ASGI messages of a reply, and its `Cut` in its place among them."""
    acts: list[Any] = [
        step
        if isinstance(step, Cut)
        else {"type": "http.response.body", "body": step, "more_body": True}
        for step in rendered.steps
    ]
    acts[-1]["more_body"] = False
    head = {"type": "http.response.start", "status": rendered.status}
    before_all = isinstance(acts[0], Cut)
    acts.insert(1 if before_all else 0, {**head, "headers": _headers(rendered)})
    return acts


def _headers(rendered: Rendered) -> list[tuple[bytes, bytes]]:
    now = time.time()
    serial = secrets.randbelow(10**19)
    headers = {
        "content-type": rendered.content_type,
        "date": formatdate(now, usegmt=True),
        "trace-id": rendered.id,
        "minimax-request-id": secrets.token_hex(16),
        "x-mm-request-id": f"{serial}_{now:.0f}{secrets.token_hex(3)}",
        "x-session-id": secrets.token_hex(16),
        "alb_receive_time": f"{now:.3f}",
        "alb_request_id": secrets.token_hex(20),
        "vary": "Accept-Encoding",
    }
    if rendered.content_type == EVENT_STREAM:
        headers["cache-control"] = "no-cache"
    else:
        pieces = (step for step in rendered.steps if isinstance(step, bytes))
        headers["content-length"] = str(sum(map(len, pieces)))
    every = {**headers, **{k.lower(): v for k, v in rendered.headers.items()}}
    return [(name.encode(), value.encode("latin-1")) for name, value in every.items()]
