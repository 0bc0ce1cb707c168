from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator


@pytest.fixture(scope="session")
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificates") / "one.pem"
    end = "-----END CERTIFICATE-----\n"
    path.write_text(certifi.contents().partition(end)[0] + end)
    return path


@pytest.fixture(scope="module", autouse=True)
def _one_certificate_is_enough(one_certificate: Path) -> Iterator[None]:
    """Nothing here is encrypted, and httpx reads all of them for each event loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(one_certificate))
        yield


@pytest.fixture
def serve() -> Iterator[Callable[..., Emulator]]:
    """Starts emulators with the given script; they end with the test."""
    started: list[Emulator] = []

    def start(*replies: Any, **fields: Any) -> Emulator:
        emulator = Emulator(replies=list(replies), **fields)
        emulator.start()
        started.append(emulator)
        return emulator

    yield start
    for emulator in started:
        emulator.stop()


@pytest.fixture(params=["anthropic", "openai"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Both of MiniMax's protocols, one after the other."""
    return request.param


@pytest.fixture
def connect(protocol: str) -> Callable[..., ChatMiniMax]:
    """Makes a model that talks to an emulator, and does not try again."""

    def model(emulator: Emulator, **fields: Any) -> ChatMiniMax:
        return ChatMiniMax(
            **{
                "model": "MiniMax-M3",
                "protocol": protocol,
                "api_key": emulator.api_key,
                "base_url": emulator.base_url,
                "max_retries": 0,
                **fields,
            }
        )

    return model


class Diverted(httpx.HTTPTransport):
    """Brings what goes to MiniMax's own host to an emulator of it."""

    def __init__(self, server: Emulator) -> None:
        super().__init__()
        self._address = httpx.URL(server.url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "api.minimax.io"
        there = self._address
        request.url = request.url.copy_with(
            scheme=there.scheme, host=there.host, port=there.port
        )
        return super().handle_request(request)


@pytest.fixture
def as_official() -> Iterator[Callable[[Emulator], dict[str, Any]]]:
    """Fields of a model that takes an emulator for MiniMax's own host."""
    opened: list[httpx.Client] = []

    def fields(server: Emulator) -> dict[str, Any]:
        opened.append(httpx.Client(transport=Diverted(server)))
        return {
            "base_url": None,
            "api_key": server.api_key,
            "http_client": opened[-1],
        }

    yield fields
    for client in opened:
        client.close()
