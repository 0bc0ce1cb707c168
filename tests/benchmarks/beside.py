"""A loopback server in a process of its own, so that the figures are the client's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any


@contextmanager
def beside(serve: Callable[..., None], *arguments: Any) -> Iterator[str]:
    """The address of a server, which is told a pipe for its port, and the arguments."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
