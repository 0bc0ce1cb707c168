"""Where the cookbook's models go: to MiniMax with a key, else to an emulator."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator


@contextmanager
def somewhere(
    *replies: Any, **fields: Any
) -> Iterator[tuple[ChatMiniMax, Emulator | None]]:
    """A model, and the emulator it talks to if there is no `MINIMAX_API_KEY`.

    Args:
        replies: What the emulator says first; then it answers by itself.
        fields: Further arguments of the model.
    """
    options = {"model": "MiniMax-M3", "thinking": True, **fields}
    if os.environ.get("MINIMAX_API_KEY"):
        print("Talking to MiniMax with the key in MINIMAX_API_KEY.")
        yield ChatMiniMax(**options), None
        return
    with Emulator(replies=list(replies)) as emulator:
        print(f"MINIMAX_API_KEY is not set: talking to an emulator, {emulator.url}.")
        server = {"api_key": emulator.api_key, "base_url": emulator.base_url}
        yield ChatMiniMax(**options, **server), emulator


def show_record(emulator: Emulator | None) -> None:
    """Prints what the server wrote down; fails if a reply came back changed."""
    if emulator is None:
        return
    print("\nWhat the server wrote down:")
    print(emulator.report())
    replays = [replay for request in emulator.requests for replay in request.replayed]
    faithful = [replay for replay in replays if replay.verdict == "verbatim"]
    print(f"Earlier replies came back {len(replays)} times,", end=" ")
    print(f"{len(faithful)} times verbatim:")
    if len(faithful) < len(replays):
        sys.exit("something was lost on the way back.")
    print("every thought and signature unchanged and in its place.")
