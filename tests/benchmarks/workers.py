"""Each target in a process of its own, so that none pays for another's heap."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from os import cpu_count
from pathlib import Path
from platform import processor, python_version
from typing import Any

from targets import TARGETS, Target

PATIENCE = 120.0  # seconds for a round
PACKAGES = (
    "langchain-core",
    "langchain-anthropic",
    "langchain-openai",
    "langchain-mistralai",
    "httpx",
)
Measure = Callable[[Target, str], Any]
"""From a target and the server's address to what it took."""


def work(told: Connection, name: str, url: str) -> None:
    """Measures what it is told to, until it is told nothing more."""
    target = TARGETS[name]
    target.make(f"{url}/text/1/0")  # imports, so that no round waits for them
    told.send("ready")
    while measure := told.recv():
        told.send(measure(target, url))


class Worker:
    """One target's process."""

    def __init__(self, name: str, url: str) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, name, url)
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # one that dies is then heard of

    def ready(self) -> None:
        self._hear()

    def measure(self, measure: Measure) -> Any:
        self._pipe.send(measure)
        return self._hear()

    def _hear(self) -> Any:
        if not self._pipe.poll(PATIENCE):
            raise TimeoutError
        return self._pipe.recv()

    def end(self) -> None:
        """At once, whatever it is at."""
        self._process.kill()
        self._process.join()


@contextmanager
def workers(names: Iterable[str], url: str) -> Iterator[dict[str, Worker]]:
    """By name; those whose packages are not installed are left out."""
    with ExitStack() as stack:
        started = {}
        for name in names:
            if TARGETS[name].is_here:
                started[name] = Worker(name, url)
                stack.callback(started[name].end)
        for each in started.values():
            each.ready()
        yield started


def many_files() -> None:
    """Lets this process and its children open as many as a thousand streams need."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def machine() -> str:
    """What it was measured on, and with which versions."""
    here = [each for each in PACKAGES if find_spec(each.replace("-", "_"))]
    versions = ", ".join(f"{each} {version(each)}" for each in here)
    return f"Python {python_version()}, {versions}; {cpu_count()} cores, {chip()}."


def chip() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, processor())
