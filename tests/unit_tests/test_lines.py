"""When a reply is cancelled: which sockets are closed, and which are left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from langchain_minimax._lines import AsyncLine


class Socket:
    def __init__(self) -> None:
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True


class Body(httpx.AsyncByteStream):
    """A reply whose reader is cancelled once more while it closes."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b""

    async def aclose(self) -> None:
        raise asyncio.CancelledError


class Wire(httpx.AsyncBaseTransport):
    """Tells what httpcore tells, and is cancelled before or after the reply's head."""

    def __init__(
        self, http: str, *, headless: bool = False, body: Body | None = None
    ) -> None:
        self._http = http
        self._headless = headless
        self._body = body
        self.socket = Socket()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        note: Any = request.extensions["trace"]
        connected = {"return_value": self.socket}
        await note("connection.connect_tcp.started", {})
        await note("connection.connect_tcp.complete", connected)
        await note(f"{self._http}.send_request_headers.started", {})
        if self._headless:
            raise asyncio.CancelledError
        version = {"http11": b"HTTP/1.1", "http2": b"HTTP/2"}[self._http]
        return httpx.Response(
            200,
            stream=self._body,
            extensions={"http_version": version, "network_stream": self.socket},
        )


async def _cancelled(wire: Wire) -> None:
    async with httpx.AsyncClient(transport=wire) as client:
        request = client.build_request("GET", "http://localhost")
        with pytest.raises(asyncio.CancelledError):
            async with AsyncLine(client, request):
                raise asyncio.CancelledError


@pytest.mark.parametrize("headless", [True, False])
async def test_what_is_cancelled_closes_its_socket(headless: bool) -> None:
    wire = Wire("http11", headless=headless)
    await _cancelled(wire)
    assert wire.socket.closed


async def test_so_does_what_is_cancelled_again_while_it_closes() -> None:
    wire = Wire("http11", body=Body())
    await _cancelled(wire)
    assert wire.socket.closed


@pytest.mark.parametrize("headless", [True, False])
async def test_but_not_one_that_others_share(headless: bool) -> None:
    wire = Wire("http2", headless=headless)
    await _cancelled(wire)
    assert not wire.socket.closed


async def test_nor_one_whose_reply_is_whole() -> None:
    wire = Wire("http11")
    async with httpx.AsyncClient(transport=wire) as client:
        request = client.build_request("GET", "http://localhost")
        async with AsyncLine(client, request) as line:
            assert [piece async for piece in line.response.aiter_bytes()] == []
    assert not wire.socket.closed
