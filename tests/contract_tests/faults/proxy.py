"""Between a client and an emulator: lets requests through, and harms what comes back.

A `Proxy` is a thread with an event loop. Each `Door` of it is an address of its own at
which everyone fares as its `Harm` says, over plain TCP or TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from support.certificates import Certificates

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ARRIVES = 0.1  # seconds in which what was sent gets there before a reset


class End(Enum):
    """What becomes of a connection."""

    RESET = "reset"
    CLOSE = "closed"
    DROP = "closed without TLS's own good-bye"
    STALL = "silent until the door closes"


Step = bytes | float | End
"""Bytes to send, seconds to wait, or what becomes of the connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the emulator answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        return self.headers["content-type"]

    @property
    def is_stream(self) -> bool:
        return self.kind.startswith("text/event-stream")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a harm may look at.

    Attributes:
        answer: What the emulator answered.
        spot: Where in its zone a reply is harmed, from 0 to 1.
        here: The address of this door.
        elsewhere: The address of another, which nobody should be sent to.
    """

    answer: Answer
    spot: float
    here: str
    elsewhere: str


Moment = Literal["port", "queue", "accept", "handshake", "head", "request", "never"]


@dataclass(frozen=True, slots=True)
class Harm:
    """What goes wrong.

    Attributes:
        steps: What is sent instead of the answer; before there is one, of an empty one.
        at: When: the port is closed, its queue is full, a connection was accepted,
            the server's first bytes of a TLS handshake were sent, the head of the
            request or the whole of it was read; or never.
        certificate: What a server that speaks TLS shows.
    """

    steps: Callable[[Scene], Iterable[Step]] = field(default=lambda _: ())
    at: Moment = "never"
    certificate: Literal["good", "unknown", "another's"] = "good"


class Proxy:
    """Opens doors in front of an emulator.

    Args:
        emulator: Its address.
        certificates: What to show over TLS.
        before_each: Called before each request that gets through.
    """

    def __init__(
        self,
        emulator: str,
        certificates: Certificates,
        before_each: Callable[[], None],
    ) -> None:
        self.emulator = emulator
        self.certificates = certificates
        self.before_each = before_each
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.client = self.run(_client())
        self.trap = Door(self, Harm())
        self.run(self.trap.open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Has the proxy's thread do it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @contextlib.contextmanager
    def door(self, harm: Harm, **fields: Any) -> Iterator[Door]:
        door = Door(self, harm, **fields)
        self.run(door.open())
        try:
            yield door
        finally:
            self.run(door.close())
        if door.mistake is not None:
            raise door.mistake

    def close(self) -> None:
        self.run(self.trap.close())
        self.run(self.client.aclose())
        self.run(asyncio.sleep(_ARRIVES))  # for what was closed to be gone
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=False, trust_env=False, timeout=60)


class Door:
    """One address of a proxy.

    Attributes:
        certificates: What is to be trusted.
        attempts: How often somebody tried, as far as can be seen from here.
        seen: The headers of each request.
        mistake: What went wrong with itself.

    Args:
        proxy: Whose door it is.
        harm: What goes wrong here.
        tls: Whether it speaks TLS.
        lasting: Whether it goes wrong each time, or only the first time for each
            request.
        spot: Where in its zone a reply is harmed, from 0 to 1.
    """

    def __init__(
        self,
        proxy: Proxy,
        harm: Harm,
        *,
        tls: bool = False,
        lasting: bool = True,
        spot: float = 0.5,
    ) -> None:
        self.certificates = proxy.certificates
        self.attempts = 0
        self.seen: list[dict[str, str]] = []
        self.mistake: Exception | None = None
        self._proxy = proxy
        self._harm = harm
        needs_tls = harm.at == "handshake" or harm.certificate != "good"
        self._tls = needs_tls or (tls and harm.at != "accept")
        self._lasting = lasting
        self._spot = spot
        self._harmed: set[bytes] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = contextlib.AsyncExitStack()

    async def open(self) -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        # Little is taken before it is read, so that a large request can stall.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        self._closing.callback(sock.close)
        if self._harm.at == "handshake":
            inner = Door(self._proxy, Harm(), tls=True)
            await inner.open()
            self._closing.push_async_callback(inner.close)
            self._inner = inner
        match self._harm.at:
            case "port":
                sock.close()
                sock = socket.socket()
                sock.bind(("127.0.0.1", 0))  # nobody listens, and nobody else may
                self._closing.callback(sock.close)
            case "queue":
                sock.listen(0)
                for _ in range(2):  # Linux takes one more than it was told
                    waiting = socket.socket()
                    waiting.setblocking(False)
                    waiting.connect_ex(sock.getsockname())
                    self._closing.callback(waiting.close)
            case _:
                await self._listen(sock)
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://127.0.0.1:{sock.getsockname()[1]}"

    async def _listen(self, sock: socket.socket) -> None:
        handle, context = self._serve, None
        if self._harm.at == "handshake":
            handle = self._relay
        elif self._tls:
            context = self._proxy.certificates.context(self._harm.certificate)
        server = await asyncio.start_server(self._task(handle), sock=sock, ssl=context)
        self._closing.callback(server.close)

    def _task(self, handle: Any) -> Any:
        async def entered(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            try:
                await handle(reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
            except (OSError, asyncio.IncompleteReadError):
                pass  # who called has left
            except Exception as error:  # noqa: BLE001 - told by whoever opened it
                self.mistake = error
            finally:
                writer.close()

        return entered

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks)
        await self._closing.aclose()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._harm.at == "accept":
            self.attempts += 1
            if self._harms(b""):
                await self._play(writer, self._harm.steps(self._scene(_NOTHING)))
                return
        going_on = True
        while going_on:
            going_on = await self._reply(reader, writer)

    async def _reply(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answers one request; whether there may be another."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, headers = _parsed(head)
        if self._harm.at == "head" and self._harms(b""):
            self.attempts += 1
            await self._play(writer, self._harm.steps(self._scene(_NOTHING)))
            return False
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.attempts += self._harm.at != "accept"
        self.seen.append(headers)
        answer = await self._asked(method, path, headers, body)
        harmed = self._harm.at == "request" and self._harms(body)
        steps = self._harm.steps(self._scene(answer)) if harmed else whole(answer)
        return await self._play(writer, steps)

    async def _asked(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        """What the emulator says to it."""
        self._proxy.before_each()
        kept = ("authorization", "x-api-key", "content-type", "accept")
        response = await self._proxy.client.request(
            method,
            self._proxy.emulator + path,
            headers={name: headers[name] for name in kept if name in headers},
            content=body,
        )
        return Answer(response.status_code, dict(response.headers), response.content)

    def _harms(self, key: bytes) -> bool:
        """Whether this one is harmed."""
        known = key in self._harmed
        self._harmed.add(key)
        return self._lasting or not known

    def _scene(self, answer: Answer) -> Scene:
        return Scene(answer, self._spot, self.url, self._proxy.trap.url)

    async def _play(self, writer: asyncio.StreamWriter, steps: Iterable[Step]) -> bool:
        """Sends it; whether the connection is as good as before."""
        for number, step in enumerate(steps):
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                    if number % 16 == 0:  # others want to be served too
                        await asyncio.sleep(0)
                case float():
                    await asyncio.sleep(step)
                case End.STALL:
                    await asyncio.Event().wait()
                case End.CLOSE:
                    return False
                case End.DROP:
                    await asyncio.sleep(_ARRIVES)
                    writer.transport.abort()
                    return False
                case End.RESET:
                    await asyncio.sleep(_ARRIVES)
                    _reset(writer)
                    return False
        return True

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Lets through a TLS handshake whose server's side goes as the harm says."""
        self.attempts += 1
        port = urlsplit(self._inner.url).port
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        up = asyncio.create_task(_pump(reader, far_writer))
        try:
            if self._harms(b""):
                first = await far_reader.read(2**16)
                flight = Answer(0, {}, first)
                if not await self._play(writer, self._harm.steps(self._scene(flight))):
                    return
            await _pump(far_reader, writer)
        finally:
            up.cancel()
            far_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(2**16):
        writer.write(piece)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:  # or who called has left by now
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def _parsed(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return method, path, {name.lower(): value.strip() for name, _, value in pairs}


# --- HTTP ----------------------------------------------------------------------------

_NOTHING = Answer(0, {}, b"")


def head(status: str, **headers: str | int | None) -> bytes:
    """A status line and headers; one that is `None` is left out."""
    lines = [
        f"{name.replace('_', '-')}: {value}"
        for name, value in headers.items()
        if value is not None
    ]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def whole(answer: Answer) -> list[Step]:
    """An answer as it is."""
    return framed(answer, answer.body)


def framed(answer: Answer, body: bytes, **headers: str | int | None) -> list[Step]:
    """An answer with another body, in the frame that goes with its kind."""
    status = f"{answer.status} {'OK' if answer.status == 200 else 'Odd'}"
    if answer.is_stream:
        given = {"content_type": answer.kind, "transfer_encoding": "chunked"}
        return [head(status, **{**given, **headers}), *chunks(body), b"0\r\n\r\n"]
    given = {"content_type": answer.kind, "content_length": str(len(body))}
    return [head(status, **{**given, **headers}), body]


def chunks(body: bytes) -> list[bytes]:
    """A chunk for each event."""
    return [b"%x\r\n%b\r\n" % (len(event), event) for event in events(body)]


def events(body: bytes) -> list[bytes]:
    """The events of a stream; what is none is one piece."""
    *all_but_last, last = body.split(b"\n\n")
    return [event + b"\n\n" for event in all_but_last] + [last] * bool(last)
