"""Requests about reviews in, their verdicts out: an emulated MiniMax in a process.

It takes a while for each reply, as a model does. It has mishaps, too: now and then it
is overloaded, leaves a review out, or refuses a request for one of its reviews. Of each
request it writes down when it came and what it asked about and was answered.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from reviews import SAID, WANTED_BACK

from langchain_minimax.testing import Emulator, Fault, RecordedRequest, Reply, ToolUse

LATENCY = 0.3
"""Seconds that a reply takes."""

OVERLOADED_EVERY = 50  # requests
LEFT_OUT_EVERY = 211  # requests
REFUSED_EVERY, REFUSED = 9973, 17  # of so many records, the one that is not taken

_REVIEW = re.compile(r"\[(\d+)\] (Order (K-\w+): .*)")


class Reader:
    """Answers an emulator's requests, and writes them down."""

    def __init__(self, emulator: Emulator, log: TextIO) -> None:
        self._emulator = emulator
        self._log = log
        self._number = 0
        emulator.script(self.answer)

    def answer(self, request: RecordedRequest) -> Reply | Fault:
        """What a model would say that reads well."""
        self._emulator.script(self.answer)  # and so the next one
        self._emulator.clear()  # they are in the log
        self._number += 1
        asked = _REVIEW.findall(_said(request))
        reply = self._reply(request, asked)
        answered = []
        if isinstance(reply, Reply):
            answered = [v["number"] for v in reply.blocks[0].input["verdicts"]]
        line = {"at": time.time(), "asked": [int(n) for n, *_ in asked]}
        self._log.write(json.dumps({**line, "answered": answered}) + "\n")
        return reply

    def _reply(
        self, request: RecordedRequest, asked: list[tuple[str, str, str]]
    ) -> Reply | Fault:
        if self._number % OVERLOADED_EVERY == 0:
            return Fault(529)
        if any(refused(int(number)) for number, *_ in asked):
            return Fault.error(1026)
        if self._number % LEFT_OUT_EVERY == 0 and len(asked) > 1:
            asked = asked[1:]
        verdicts = [_verdict(*each) for each in asked]
        name = request.body["tools"][0]["name"]
        return Reply([ToolUse(name, {"verdicts": verdicts})])


def refused(number: int) -> bool:
    """Whether this record is one that is not taken."""
    return number % REFUSED_EVERY == REFUSED


def _said(request: RecordedRequest) -> str:
    turns = request.body["messages"]
    return "\n".join(part["text"] for turn in turns for part in turn["content"])


def _verdict(number: str, text: str, order: str) -> dict[str, object]:
    topic, sentiment = next(meant for words, meant in SAID.items() if words in text)
    return {
        "number": int(number),
        "order": order,
        "topic": topic,
        "sentiment": sentiment,
        "wants_refund": WANTED_BACK in text,
    }


@contextmanager
def served(log: Path) -> Iterator[None]:
    """The emulator in a process of its own, and the environment that leads to it."""
    command = [sys.executable, __file__, str(log)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    before = dict(os.environ)
    try:
        os.environ.update(json.loads(process.stdout.readline()))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        process.stdin.close()
        process.wait()


def main() -> None:
    """Serves until its standard input ends, as it does when the other side dies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    told = parser.parse_args()
    with (
        told.log.open("a", buffering=1, encoding="utf-8") as log,
        Emulator(stream_delay=LATENCY) as emulator,
    ):
        Reader(emulator, log)
        where = {
            "MINIMAX_API_KEY": emulator.api_key,
            "MINIMAX_BASE_URL": emulator.base_url,
        }
        print(json.dumps(where), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
