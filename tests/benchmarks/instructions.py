"""How many instructions a delta and a call take, counted by valgrind: a table.

What N and 2 N of them take, subtracted, leaves out what starting takes. It needs
`valgrind`.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from measures import drain, speaker
from replayed import replayed
from targets import OURS, REFERENCE, TARGETS, Target
from workers import machine

MODELS = [name for name in TARGETS if name.startswith(OURS) or name == REFERENCE]
VALGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    "--instr-atstart=no",
)


def count() -> None:
    """From here on: what is imported and warmed up takes long enough uncounted.

    A full collection looks at all that was imported; whether one comes in 50 calls is
    chance, and it takes more than all of them.
    """
    gc.collect()
    gc.freeze()
    command = ["callgrind_control", "-i", "on", str(os.getpid())]
    subprocess.run(command, check=True, capture_output=True)


def invoke(target: Target, url: str, number: int) -> None:
    model = speaker(target, url, "text", deltas=3)
    for done in range(20 + number):
        if done == 20:
            count()
        model.invoke("Hello")


def stream(target: Target, url: str, number: int) -> None:
    drain(speaker(target, url, "text", deltas=100).stream("Hello"))
    model = speaker(target, url, "text", number)
    count()
    drain(model.stream("Hello"))


WORKS: dict[str, tuple[Callable[[Target, str, int], None], int]] = {
    "a delta of text": (stream, 2_000),
    "`invoke`": (invoke, 50),
}


def counted(name: str, work: str, number: int, url: str) -> int:
    """The instructions of a process that does so many."""
    command = (
        *VALGRIND,
        sys.executable,
        __file__,
        "--do",
        name,
        work,
        str(number),
        url,
    )
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    told = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    )
    found = re.search(r"Collected : (\d+)", told.stderr)
    assert found, told.stderr
    return int(found[1])


def each(name: str, work: str, url: str) -> float:
    _, number = WORKS[work]
    once, twice = (counted(name, work, number * times, url) for times in (1, 2))
    return (twice - once) / number


def row(work: str, url: str) -> str:
    found = {name: each(name, work, url) for name in MODELS}
    cells = [
        f"{count / 1000:,.0f} ({count / found[REFERENCE]:.2f})"
        for count in found.values()
    ]
    return f"| {work} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--do", nargs=4, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.do:
        name, work, number, url = told.do
        WORKS[work][0](TARGETS[name], url, int(number))
        return
    head = f"| thousands of instructions | {' | '.join(MODELS)} |"
    lines = [machine(), "", head, "|---|" + "--:|" * len(MODELS)]
    with replayed() as url:
        lines += [row(work, url) for work in WORKS]
    text = "\n".join([*lines, ""])
    print(text)
    if told.table:
        told.table.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
