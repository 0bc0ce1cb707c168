"""A run with two accidents in, a proof out: nothing lost, nothing finished paid again.

A worker is killed at a third of the way, and the whole run at two thirds; then it is
started again. All of it runs on the emulated MiniMax, which is slow on purpose: what it
says of throughput is what the rate allows, and nothing of MiniMax.

    python cookbook/batch/prove.py --records 2000

Exits with 1 if something is wrong.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from diary import DIARY, note
from emulated import served
from proof import WINDOW, Evidence
from total import Total

RUN = Path(__file__).with_name("run.py")
MODEL = "MiniMax-M3"
_KILLED = {"worker killed": "a worker", "run killed": "the whole run"}
_LOOK = 0.1  # seconds between two looks at how far a run is
_PAUSE = 1.0  # seconds without a request in which nobody was asking


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--records", type=int, default=2000)
    add("--workers", type=int, default=2)
    add("--rate", type=float, default=20.0, help="requests a second, of all workers")
    add("--places", type=int, default=6, help="requests under way, of each worker")
    add("--per-request", type=int, default=10, help="records in one request")
    add("--chunk", type=int, default=200, help="records in one task")
    add("--table", type=Path, help="where to write the figures")
    add("--picture", type=Path, help="where to draw them")
    told = parser.parse_args()
    if under_way(told) * 2 > told.records:
        parser.error("With half of the records under way at once, this proves nothing.")
    return told


def command(told: argparse.Namespace, folder: Path) -> list[str]:
    """What starts a run, or goes on with it."""
    names = ("records", "workers", "rate", "places", "per_request", "chunk")
    options = [f"--{n.replace('_', '-')}={getattr(told, n)}" for n in names]
    start = [sys.executable, str(RUN), f"--checkpoint={folder}", f"--model={MODEL}"]
    return [*start, *options]


def run(told: argparse.Namespace, folder: Path) -> None:
    """Starts it, ends it in the middle, starts it again, and once more for nothing."""
    again = command(told, folder)
    late = time.monotonic() + patience(told)
    with subprocess.Popen([*again, "--kill-a-worker"]) as first:
        try:
            while first.poll() is None and replied(folder) < two_thirds(told):
                if time.monotonic() > late:
                    sys.exit("The run does not get on.")
                time.sleep(_LOOK)
        finally:
            first.kill()  # with SIGKILL
    note(folder / DIARY, "run killed", first.pid)
    if first.returncode != -signal.SIGKILL:
        sys.exit(f"The run ended before it was killed, with {first.returncode}.")
    for _ in range(2):
        subprocess.run(again, check=True, timeout=patience(told))


def patience(told: argparse.Namespace) -> float:
    """Seconds after which a run hangs: many times what the rate allows."""
    return 120 + 5 * told.records / (told.per_request * told.rate)


def two_thirds(told: argparse.Namespace) -> int:
    """How many requests are so many records."""
    return told.records * 2 // (told.per_request * 3)


def replied(folder: Path) -> int:
    """How many requests have come to a line."""
    return sum(f.read_bytes().count(b"\n") for f in folder.glob("chunk-*.jsonl"))


def rows(told: argparse.Namespace, evidence: Evidence) -> dict[str, str]:
    """The figures."""
    total = Total()
    total.add(evidence.replies)
    times = [each.at for each in evidence.requests]
    killed = [_KILLED[e.what] for e in evidence.events if e.what in _KILLED]
    began = [e.at for e in evidence.events if e.what == "run began"]
    seconds = evidence.requests[-1].at - began[0]
    pauses = (after - before for before, after in pairwise(times))
    asking = sum(pause for pause in pauses if pause < _PAUSE)
    cost = total.cost(MODEL)
    return {
        "records": f"{told.records:,}, of these {len(evidence.errors)} that the "
        "server refuses, kept with its reason",
        "requests": f"{len(times):,}, up to {told.per_request} records each",
        "workers": f"{told.workers}, up to {told.places} requests under way in each",
        "killed": ", then ".join(killed),
        "time": f"{seconds:.0f} s with all starts, {asking:.0f} s of them asking",
        "records a second": f"{told.records / asking:.0f} while asking, "
        f"{told.records / seconds:.0f} over all",
        "requests a second, over all workers": f"{told.rate:g} allowed; "
        f"{evidence.busiest() / WINDOW:.1f} in the busiest {WINDOW:.0f} s, "
        "by the server's record",
        "tokens, as the emulator counts": f"{total.tokens['input']:,} in "
        f"({total.tokens['cached']:,} cached), {total.tokens['output']:,} out"
        + (f": {cost} for {MODEL} by the list" if cost else ""),
        "lost": f"{len(evidence.lost())}",
        "twice in the results": f"{len(evidence.doubled())}",
        "with another record's result": f"{len(evidence.wrong())}",
        "finished, and paid again": f"{len(evidence.paid_again())}",
        "under way when killed, and paid twice": f"{len(evidence.paid_twice())} "
        f"of {under_way(told):,} possible",
    }


def under_way(told: argparse.Namespace) -> int:
    """Records that may be under way in one worker, and then in all of them."""
    return told.places * told.per_request * (1 + told.workers)


def main() -> None:
    """Runs, looks at what is left, and says so."""
    told = arguments()
    with TemporaryDirectory() as place:
        folder, log = Path(place, "checkpoint"), Path(place, "requests.jsonl")
        with served(log):
            run(told, folder)
        evidence = Evidence.of(told.records, folder, log)
    lines = ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {figure} |" for name, figure in rows(told, evidence).items()]
    table = "\n".join(lines)
    print(table)
    if told.table:
        told.table.write_text(f"{table}\n", encoding="utf-8")
    if told.picture:
        from picture import draw  # noqa: PLC0415 - needs matplotlib

        draw(evidence, told.rate, told.picture)
    complaints = list(evidence.complaints(under_way(told), told.rate, told.workers))
    if complaints:
        sys.exit("\n".join(complaints))
    print("Nothing lost, nothing finished paid again.")


if __name__ == "__main__":
    main()
