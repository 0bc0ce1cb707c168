"""Proxies that do not do their work: an error that says so, and nothing left behind."""

from __future__ import annotations

import gc
import logging
import socketserver
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, ClassVar

import httpx
import pytest

from langchain_minimax import ChatMiniMax, MiniMaxConnectionError, MiniMaxTimeoutError
from support.ways import CALLS, Ask

every_call = pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)

USER, PASSWORD = "mona-of-the-proxy", "hush-hush-0123456789"
WELCOME, ASKED_WHO = b"\x05\x00", b"\x05\x02"
DONE, REFUSED = (b"\x05%c\x00\x01\x7f\x00\x00\x01\x00\x50" % code for code in (0, 5))


class Socks(socketserver.BaseRequestHandler):
    """Answers what is said to it with one text after the other, and hangs up."""

    answers: ClassVar[Sequence[bytes]]
    pause: ClassVar[float]

    def handle(self) -> None:
        with suppress(OSError):
            for answer in self.answers:
                self.request.recv(2**12)
                Event().wait(self.pause)
                self.request.sendall(answer)


@contextmanager
def socks(*answers: bytes, pause: float = 0.0) -> Iterator[str]:
    """The address of such a proxy."""
    kind = type("Socks", (Socks,), {"answers": answers, "pause": pause})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield "{}:{}".format(*server.server_address[:2])
        server.shutdown()
        serving.join()


def model_by(proxy: str, **fields: Any) -> ChatMiniMax:
    given = {"base_url": "http://api.example", "api_key": "none", "max_retries": 0}
    return ChatMiniMax(model="MiniMax-M3", proxy=proxy, **{**given, **fields})


TALKS: dict[str, tuple[Sequence[bytes], str]] = {
    "it hangs up": ([], "SOCKS 5"),
    "it speaks otherwise": ([b"HTTP/1.1 400 What?\r\n\r\n"], "SOCKS 5"),
    "it wants to know who it is": ([ASKED_WHO], "USERNAME/PASSWORD"),
    "it hangs up later": ([WELCOME], "SOCKS 5"),
    "it refuses": ([WELCOME, REFUSED], "refused"),
    "there is nobody behind it": ([WELCOME, DONE], "disconnected"),
}


@every_call
@pytest.mark.parametrize(("answers", "words"), TALKS.values(), ids=TALKS)
def test_a_socks_proxy_that_does_not_lead_there_is_named(
    ask: Ask, answers: Sequence[bytes], words: str
) -> None:
    with socks(*answers) as address:
        with pytest.raises(MiniMaxConnectionError, match=words) as caught:
            ask(model_by(f"socks5://{address}"), "Hello")
        assert "by way of the proxy 127.0.0.1" in str(caught.value)
        del caught
        gc.collect()  # a socket that was lost would be warned of


@every_call
def test_all_of_a_talk_takes_no_longer_than_connecting_may(ask: Ask) -> None:
    with socks(WELCOME, DONE, pause=0.2) as address:
        model = model_by(f"socks5://{address}", timeout=httpx.Timeout(5, connect=0.3))
        with pytest.raises(MiniMaxTimeoutError, match="was not reached in time"):
            ask(model, "Hello")


@every_call
def test_a_proxys_password_is_in_no_log(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with socks(ASKED_WHO, b"\x01\x01") as address:
        proxy = f"socks5://{USER}:{PASSWORD}@{address}"
        with pytest.raises(MiniMaxConnectionError, match="Invalid username/password"):
            ask(model_by(proxy), "Hello")
    assert any(each.name.startswith("httpcore") for each in caplog.records)
    assert PASSWORD not in caplog.text
    assert USER not in caplog.text
