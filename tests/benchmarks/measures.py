"""What can be measured of a model: what one delta, one call or one instance takes.

All but the clocks are functions of a target and the server's address, at the end of
their arguments, and return microseconds if they do not say otherwise.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from statistics import median
from typing import Any

from langchain_core._api import LangChainBetaWarning
from langchain_core.messages import HumanMessage
from langchain_core.tools import StructuredTool
from targets import Target

warnings.simplefilter("ignore", LangChainBetaWarning)
LOOP = asyncio.new_event_loop()  # a worker has one for all its calls
Work = Callable[[], object]


# --- Clocks --------------------------------------------------------------------------


def cpu(work: Work) -> float:
    """Microseconds of processor time, of all threads."""
    gc.collect()
    since = time.process_time()
    work()
    return 1e6 * (time.process_time() - since)


def run(work: Callable[[], Awaitable[object]]) -> object:
    return LOOP.run_until_complete(work())  # type: ignore[arg-type]


async def again(times: int, call: Callable[[], Awaitable[object]]) -> None:
    for _ in range(times):
        await call()


# --- Streams -------------------------------------------------------------------------


def save_text(text: str) -> str:
    """Saves a text."""
    return text


def speaker(
    target: Target, url: str, kind: str, deltas: int, interval: float = 0
) -> Any:
    """A model whose replies are so long, set up as one would be for them."""
    address = f"{url}/{kind}/{deltas}/{interval}"
    if kind == "tool":
        return target.make(address).bind_tools([save_text])
    return target.make(address, **(target.thinking if kind == "thinking" else {}))


def drain(chunks: Iterable[Any], least: int = 0) -> None:
    """Hears them all, and that there are enough of them."""
    assert sum(1 for _ in chunks) >= least


async def adrain(chunks: Any, least: int = 0) -> None:
    heard = 0
    async for _ in chunks:
        heard += 1
    assert heard >= least


def reply(kind: str, deltas: float, target: Target, url: str) -> float:
    """A whole stream."""
    number = int(deltas)
    model = speaker(target, url, kind, number)
    return cpu(lambda: drain(model.stream("Hello"), number))


def stream(kind: str, deltas: int, target: Target, url: str) -> float:
    return reply(kind, deltas, target, url) / deltas


def astream(kind: str, deltas: int, target: Target, url: str) -> float:
    model = speaker(target, url, kind, deltas)
    return cpu(lambda: run(lambda: adrain(model.astream("Hello"), deltas))) / deltas


def events(kind: str, deltas: int, target: Target, url: str) -> float:
    model = speaker(target, url, kind, deltas)
    return cpu(lambda: drain(model.stream_events("Hello", version="v3"))) / deltas


def aevents(kind: str, deltas: int, target: Target, url: str) -> float:
    model = speaker(target, url, kind, deltas)

    async def listen() -> None:
        await adrain(await model.astream_events("Hello", version="v3"))

    return cpu(lambda: run(listen)) / deltas


def summed(kind: str, deltas: float, target: Target, url: str) -> float:
    """The sum of a stream's chunks, as LangChain makes it."""
    first, *others = speaker(target, url, kind, int(deltas)).stream("Hello")
    return cpu(lambda: first + others)


# --- Many streams at once ------------------------------------------------------------


def paced(
    streams: int, deltas: int, interval: float, target: Target, url: str
) -> float:
    """A delta, where they come one by one, each in a read of its own."""
    model = speaker(target, url, "text", deltas, interval)

    async def listen() -> None:
        every = (adrain(model.astream("Hello"), deltas) for _ in range(streams))
        await asyncio.gather(*every)

    return cpu(lambda: run(listen)) / (streams * deltas)


def crowd(streams: float, target: Target, url: str) -> float:
    """All of them, so slow that 500 deltas come in a second."""
    streams, deltas = int(streams), 10
    a_delta = paced(streams, deltas, streams / 500, target, url)
    return a_delta * streams * deltas


# --- The first chunk -----------------------------------------------------------------

FIRSTS = 50


def first(target: Target, url: str) -> float:
    """Wall time, the median of many calls."""
    model = speaker(target, url, "text", deltas=1)

    def one() -> float:
        since = time.perf_counter()
        chunks = iter(model.stream("Hello"))
        next(chunk for chunk in chunks if chunk.text)
        taken = time.perf_counter() - since
        drain(chunks)
        return 1e6 * taken

    return median(one() for _ in range(FIRSTS))


def afirst(target: Target, url: str) -> float:
    """The same, awaited."""
    model = speaker(target, url, "text", deltas=1)

    async def one() -> float:
        since = time.perf_counter()
        chunks = aiter(model.astream("Hello"))
        while not (await anext(chunks)).text:
            pass
        taken = time.perf_counter() - since
        await adrain(chunks)
        return 1e6 * taken

    return median(LOOP.run_until_complete(one()) for _ in range(FIRSTS))


# --- Calls ---------------------------------------------------------------------------


def caller(target: Target, url: str) -> Any:
    return target.make(f"{url}/text/3/0")


def calls(messages: float) -> int:
    """How many make a round."""
    return max(5, 200 // (1 + int(messages) // 20))


def conversation(target: Target, messages: float) -> Any:
    return target.history(int(messages)) if messages else "Hello"


def invoke(messages: float, target: Target, url: str) -> float:
    model, times = caller(target, url), calls(messages)
    said = conversation(target, messages)
    model.invoke(said)  # the process has slept while others were measured
    return cpu(lambda: [model.invoke(said) for _ in range(times)]) / times


def ainvoke(messages: float, target: Target, url: str) -> float:
    model, times = caller(target, url), calls(messages)
    said = conversation(target, messages)
    run(lambda: model.ainvoke(said))
    ask = lambda: again(times, lambda: model.ainvoke(said))  # noqa: E731
    return cpu(lambda: run(ask)) / times


def dig(hole: str, depth: int, tools: list[str], dry: bool = True) -> str:
    """Digs a hole.

    Args:
        hole: Which one.
        depth: In metres.
        tools: What to dig it with.
        dry: Whether it has to be dry.
    """
    return f"{hole}, {depth} metres deep, {tools}, {dry}"


def tool(number: int) -> StructuredTool:
    return StructuredTool.from_function(dig, name=f"dig_{number}", parse_docstring=True)


def bound(box: list[Any], target: Target, url: str) -> float:
    model, times = caller(target, url), 20
    ask = lambda: model.bind_tools(box).invoke("Hello")  # noqa: E731
    ask()  # LangChain makes the schemas of a tool once
    return cpu(lambda: [ask() for _ in range(times)]) / times


def tools(number: float, target: Target, url: str) -> float:
    return bound([tool(each) for each in range(int(number))], target, url)


def functions(number: int, target: Target, url: str) -> float:
    return bound([dig] * number, target, url)


def image(kilobytes: float, target: Target, url: str) -> float:
    """A call with an image whose Base64 is so long."""
    model, times = caller(target, url), 3
    data = "iVBORw0KGgo" + "A" * (int(kilobytes * 1_000) // 4 * 4 - 11)
    block = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    said = [HumanMessage([block])]
    return cpu(lambda: [model.invoke(said) for _ in range(times)]) / times


# --- Instances -----------------------------------------------------------------------

INSTANCES = 300


def imports(target: Target, _: str) -> float:
    """Milliseconds on top of LangChain's own, in a fresh process."""
    script = (
        "import time; from langchain_core.language_models import BaseChatModel; "
        f"since = time.process_time(); from {target.module} import {target.name}; "
        "print(1e3 * (time.process_time() - since))"
    )
    # Users have compiled files: the first round writes them.
    compiles = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    asked = [sys.executable, "-c", script]
    return float(subprocess.check_output(asked, env=compiles))


def construct(target: Target, url: str) -> float:
    """Of a model with a profile, which LangChain checks for each instance."""
    make = partial(target.make, url, model=target.known)
    make()
    return cpu(lambda: [make() for _ in range(INSTANCES)]) / INSTANCES


def memory(target: Target, url: str) -> float:
    """Kilobytes."""
    make = partial(target.make, url, model=target.known)
    kept = [make()]
    gc.collect()
    tracemalloc.start()
    kept += [make() for _ in range(1_000)]
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / 1_000 / 1_000
