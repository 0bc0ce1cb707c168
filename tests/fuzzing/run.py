"""Lets atheris loose on a target, keeps what it finds, and says what it did.

    python tests/fuzzing/run.py TARGET --minutes 15
    python tests/fuzzing/run.py TARGET --merge
    python tests/fuzzing/run.py --table

A finding is written to `build/fuzzing/TARGET/findings`, as small as it can be made,
with its traceback beside it, and the run goes on. Fuzzing needs `pip install --group
fuzz`; the targets themselves, and the replay of what was kept, need nothing of it.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
CORPUS = HERE / "corpus"
BUILD = ROOT / "build" / "fuzzing"
HASHED = re.compile(r"[0-9a-f]{16}")
MOST = 60  # inputs of a target that the repository keeps
_FILE = 50  # bytes that a file of its own is worth
SLOWEST = 10  # seconds that an input may take
LONGEST = {  # bytes of an input
    "events": 512,
    "messages": 2048,
    "chat_completions": 2048,
    "think_tags": 256,
    "leaked_calls": 512,
    "errors": 1024,
}

Target = Callable[[bytes], None]
Step = tuple[str, int, int]
Reached = tuple[Step, int]


# --- The child that fuzzes -----------------------------------------------------------


def fuzz(name: str, options: list[str]) -> None:
    """Runs until libFuzzer says so; never returns."""
    import atheris  # noqa: PLC0415 - only who fuzzes has it

    with atheris.instrument_imports(include=["langchain_minimax"]):
        from fuzzing.targets import TARGETS  # noqa: PLC0415

    target, known = TARGETS[name], set[str]()

    def keep_going(data: bytes) -> None:
        where = failing(target, data)
        if where is not None and where not in known:
            known.add(where)
            keep(name, data, where)

    atheris.Setup([sys.argv[0], *options], keep_going)
    atheris.Fuzz()


def failing(target: Target, data: bytes) -> str | None:
    """Where an input fails, if it does."""
    try:
        target(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        lines = [
            f"{Path(frame.filename).name}:{frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        return " ".join([type(error).__name__, *lines[1:]][:6])
    return None


def keep(name: str, data: bytes, where: str) -> None:
    """Writes a finding down."""
    folder = BUILD / name / "findings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha256(where.encode()).hexdigest()[:16]).write_bytes(data)


def minimised(target: Target, data: bytes, where: str) -> bytes:
    """The same finding in fewer bytes."""
    size = len(data) // 2
    while size:
        for start in range(0, len(data), size):
            smaller = data[:start] + data[start + size :]
            if failing(target, smaller) == where:
                data = smaller
                break
        else:
            size //= 2
    return data


def explain(name: str) -> None:
    """Makes the findings small, and writes their tracebacks beside them."""
    from fuzzing.targets import TARGETS  # noqa: PLC0415

    for file in (BUILD / name / "findings").glob("*"):
        data, target = file.read_bytes(), TARGETS[name]
        where = failing(target, data)
        if where is None or file.suffix:
            continue
        file.write_bytes(minimised(target, data, where))
        try:
            target(file.read_bytes())
        except Exception:  # noqa: BLE001
            file.with_suffix(".txt").write_text(traceback.format_exc(), "utf-8")


# --- The parent that counts ----------------------------------------------------------


CUT = bytes([0, 64])  # how a `Tape` says: in pieces of 65
HEADS = {
    "events": CUT,
    "think_tags": CUT + b"\0",
    "leaked_calls": b"\0" + CUT + b"\0",
    "errors": b"\0\0",
}


def seeds(name: str) -> Iterator[bytes]:
    """What the server was seen to send, as the target takes it: raw, hardly cut."""
    from support.samples import samples  # noqa: PLC0415

    for wire in ("anthropic", "openai"):
        for errors in (False, True):
            for sample in samples(wire=wire, errors=errors, self_hosted=None):
                how = 0 if sample.stream else 2 if sample.status == HTTPStatus.OK else 4
                head = HEADS.get(name, CUT + bytes([0, 1, 0, 0, how]))
                yield head + sample.body[: LONGEST[name]]


def words() -> Iterator[bytes]:
    """The wire's own words."""
    from fuzzing.tape import JSONS, TEXTS  # noqa: PLC0415

    yield from (text.encode("utf-8", "replace") for text in (*TEXTS, *JSONS))
    told = b"".join(seeds("events"))
    yield from set(re.findall(rb'"\w+":|"\w+"|event: \w+\n|data: \{', told))


def dictionary() -> Path:
    """The same as libFuzzer reads it."""
    file = BUILD / "dictionary"
    escaped = (
        "".join(f"\\x{byte:02x}" for byte in word)
        for word in sorted(set(words()))
        if 1 < len(word) <= 64
    )
    file.write_text("".join(f'"{word}"\n' for word in escaped))
    return file


def run(name: str, minutes: float) -> dict[str, float | int | str]:
    """Fuzzes a target for so long, and says how much that was."""
    work = BUILD / name
    (work / "corpus").mkdir(parents=True, exist_ok=True)
    for seed in seeds(name):
        (work / "corpus" / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    begin, log = time.monotonic(), work / "log"
    with log.open("wb") as out:
        while (left := 60 * minutes - (time.monotonic() - begin)) > 1:
            options = (
                str(work / "corpus"),
                str(CORPUS / name),
                f"-dict={dictionary()}",
                f"-artifact_prefix={work}/",
                f"-max_len={LONGEST[name]}",
                f"-timeout={SLOWEST}",
                f"-max_total_time={int(left)}",
                "-rss_limit_mb=2048",
                "-print_final_stats=1",
            )
            # What takes too long ends a child; its input lies in `work`.
            subprocess.run(
                [sys.executable, __file__, name, "--", *options],
                stderr=out,
                check=False,
            )
    explain(name)
    told = log.read_text("utf-8", "replace")
    executions = sum(map(int, re.findall(r"number_of_executed_units: (\d+)", told)))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", told)[-1]
    figures: dict[str, float | int | str] = {
        "target": name,
        "executions": executions,
        "wall minutes": round((time.monotonic() - begin) / 60, 1),
        "CPU minutes": round((spent.ru_utime + spent.ru_stime) / 60, 1),
        "edges": int(covered[0]),
        "features": int(covered[1]),
        "inputs kept": int(covered[2]),
        "findings": len(list((work / "findings").glob("*.txt"))),
        "too slow": len(list(work.glob("timeout-*"))),
    }
    (work / "figures.json").write_text(json.dumps(figures, indent=1))
    return figures


def merge(name: str) -> None:
    """Keeps in the repository the inputs that reach the most for their size.

    An input that was given a name stays.
    """
    from fuzzing.targets import TARGETS  # noqa: PLC0415

    folders = [CORPUS / name, BUILD / name / "corpus", BUILD / name / "findings"]
    files = [file for each in folders for file in each.glob("*") if not file.suffix]
    steps = {
        data: steps_of(TARGETS[name], data)
        for data in sorted({file.read_bytes() for file in files})
    }
    reached, kept = set[Reached](), list[bytes]()

    def worth(data: bytes) -> float:
        return len(steps[data] - reached) / (len(data) + _FILE)

    while steps and len(kept) < MOST and worth(best := max(steps, key=worth)):
        reached |= steps.pop(best)
        kept.append(best)
    for file in (CORPUS / name).glob("*"):
        if HASHED.fullmatch(file.name):
            file.unlink()
    for data in kept:
        (CORPUS / name / sha256(data).hexdigest()[:16]).write_bytes(data)


def steps_of(target: Target, data: bytes) -> set[Reached]:
    """From which line to which an input leads the package, and how often, about."""
    steps = Counter[Step]()

    def watch(frame: FrameType, _: str, __: object) -> Any:
        file, last = frame.f_code.co_filename, frame.f_lineno
        if "langchain_minimax" not in file:
            return None

        def step(frame: FrameType, kind: str, _: object) -> Any:
            nonlocal last
            if kind == "line":
                steps[file, last, frame.f_lineno] += 1
                last = frame.f_lineno
            return step

        return step

    sys.settrace(watch)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return {(step, times.bit_length()) for step, times in steps.items()}


def table() -> str:
    """What the last run of each target was."""
    made = [BUILD / name / "figures.json" for name in LONGEST]
    rows = [json.loads(file.read_text()) for file in made if file.exists()]
    lines = [rows[0], ["---", *["--:"] * (len(rows[0]) - 1)]]
    lines += [
        [
            f"{figure:,}" if figure != row["target"] else figure
            for figure in row.values()
        ]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=LONGEST, nargs="?")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("options", nargs="*", help="libFuzzer's own, after --")
    said = parser.parse_args()
    if said.table:
        print(table())  # noqa: T201
    elif said.options:
        fuzz(said.target, said.options)
    elif said.merge:
        merge(said.target)
    else:
        print(json.dumps(run(said.target, said.minutes)))  # noqa: T201


if __name__ == "__main__":
    main()
