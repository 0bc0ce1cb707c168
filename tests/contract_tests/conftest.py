from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator


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


@pytest.fixture
def connect() -> Callable[..., ChatMiniMax]:
    """Makes a model that talks to an emulator, and does not try again."""

    def model(emulator: Emulator, **fields: Any) -> ChatMiniMax:
        return ChatMiniMax(
            **{
                "model": "MiniMax-M3",
                "api_key": emulator.api_key,
                "base_url": emulator.base_url,
                "max_retries": 0,
                **fields,
            }
        )

    return model
