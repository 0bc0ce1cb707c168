"""Processes that end, whatever their models are doing: without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

SETUP = """
import asyncio, logging, sys, threading
logging.getLogger("asyncio").setLevel(logging.ERROR)  # a slow machine is no fault
from langchain_minimax import ChatMiniMax

model = ChatMiniMax(model="MiniMax-M3", max_retries=0)

def begin_to_tell():
    stream = model.stream("Tell")
    next(stream)
    return stream
"""

HALF_WAY = """
async def ask():
    await model.ainvoke("Hello")
    stream = model.astream("Tell")
    await anext(stream)
    return stream

async def leave():
    async for _ in model.astream("Tell"):
        break

model.invoke("Hello")
streams = [begin_to_tell(), *(asyncio.run(ask()) for _ in range(3))]
asyncio.run(leave())
loop = asyncio.new_event_loop()
loop.run_until_complete(model.ainvoke("Hello"))
loop.close()
"""

EXIT = """
async def ask():
    async for _ in model.astream("Tell"):
        sys.exit()

for _ in begin_to_tell():
    asyncio.run(ask())
"""

THREADS = """
began = threading.Barrier(4)

def tell():
    stream = begin_to_tell()
    began.wait()
    list(stream)

async def ask():
    stream = model.astream("Tell")
    await anext(stream)
    began.wait()
    async for _ in stream:
        pass

threading.Thread(target=tell).start()
threading.Thread(target=tell, daemon=True).start()
threading.Thread(target=asyncio.run, args=[ask()], daemon=True).start()
began.wait()
"""


crashes = pytest.mark.skipif(
    sys.version_info[:3] == (3, 13, 0),
    reason="3.13.0 crashes as it ends with async generators half-way; 3.13.1 does not",
)


@pytest.mark.parametrize(
    "doing",
    [
        pytest.param(HALF_WAY, id="half-way", marks=crashes),
        pytest.param(EXIT, id="exit"),
        pytest.param(THREADS, id="threads"),
    ],
)
def test_a_process_ends_in_silence(doing: str, serve: Any) -> None:
    server = serve(stream_delay=0.005)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", SETUP + doing],
        env={
            **os.environ,
            "MINIMAX_API_KEY": server.api_key,
            "MINIMAX_BASE_URL": server.base_url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
