"""A server that says what it is told to say, for as long as somebody listens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread

from typing_extensions import Self

_HEAD_END = b"\r\n\r\n"


class Talker:
    """Sends the pieces of a reply, head and all, over a plain socket.

    Args:
        reply: Makes the pieces, one after the other, for one request.

    Attributes:
        requests: The heads of the requests that came.
        sent: Bytes that it could send before the other side hung up.
    """

    def __init__(self, reply: Callable[[], Iterable[bytes]]) -> None:
        self._reply = reply
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, daemon=True)
        self.requests: list[str] = []
        self.sent = 0

    @property
    def address(self) -> str:
        """Host and port."""
        return "{}:{}".format(*self._socket.getsockname())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # not every system shuts down what only listens
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:  # the end
                return
            with line:
                try:
                    self._hear(line)
                    for piece in self._reply():
                        line.sendall(piece)
                        self.sent += len(piece)
                except OSError:
                    continue  # the other side hung up

    def _hear(self, line: socket.socket) -> None:
        said = b""
        while _HEAD_END not in said:
            said += _received(line)
        head, _, body = said.partition(_HEAD_END)
        self.requests.append(head.decode("latin-1"))
        _, _, rest = head.lower().partition(b"content-length:")
        missing = int(rest.split()[0]) - len(body)
        while missing > 0:
            missing -= len(_received(line))


def _received(line: socket.socket) -> bytes:
    data = line.recv(2**16)
    if not data:
        raise ConnectionError("The other side left amid its request.")
    return data


def head(status: str = "200 OK", **headers: str) -> bytes:
    """The head of a reply that ends with its connection."""
    lines = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()
