"""What tests of lifetimes share: a long story, and patience that ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from langchain_minimax.testing import Reply, Text

STORY = Reply(blocks=[Text("Once upon a time there was a king who had it all. " * 40)])

_LOOKS = 500
_PAUSE = 0.01


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds; a test that waits in vain fails."""
    tick = threading.Event()
    for _ in range(_LOOKS):
        if condition():
            return
        tick.wait(_PAUSE)
    pytest.fail("This did not come true within five seconds.")


async def await_for(condition: Callable[[], bool]) -> None:
    """The same, awaited."""
    for _ in range(_LOOKS):
        if condition():
            return
        await asyncio.sleep(_PAUSE)
    pytest.fail("This did not come true within five seconds.")
