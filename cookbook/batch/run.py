"""Reviews in, verdicts out, a hundred thousand of them: with Dask, on many workers.

    python cookbook/batch/run.py --records 2000 --checkpoint /tmp/reviews

Stop it in any way, start it again with the same folder, and it goes on. Without
`MINIMAX_API_KEY` it talks to the emulated MiniMax on this machine; with a key, to
MiniMax itself, which costs money.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from checkpoint import Checkpoint, write_whole
from chunks import Chunk
from diary import DIARY, note
from distributed import Client, LocalCluster, as_completed
from emulated import served
from reviews import Verdicts, prompt, review
from total import Total
from tqdm import tqdm
from workers import OneModel, OneRate, work

from langchain_minimax.errors import MiniMaxError

_LOOK = 0.02  # seconds between two looks at how far a chunk is


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--records", type=int, default=2000)
    add("--workers", type=int, default=2)
    add("--scheduler", help="of a cluster, instead of workers on this machine")
    add("--rate", type=float, default=3.3, help="requests a second, of all workers")
    add("--places", type=int, default=16, help="requests under way, of each worker")
    add("--per-request", type=int, default=10, help="records in one request")
    add("--chunk", type=int, default=500, help="records in one task")
    add("--model", default="MiniMax-M3")
    add("--checkpoint", type=Path, required=True, help="the folder to go on from")
    add("--retry-errors", action="store_true", help="ask again what ended in an error")
    add("--kill-a-worker", action="store_true", help="in the middle of a chunk")
    told = parser.parse_args()
    told.checkpoint = told.checkpoint.resolve()  # as its workers shall see it
    return told


def chunks(told: argparse.Namespace) -> list[Chunk]:
    """The tasks."""
    every = range(told.records)
    starts = range(0, told.records, told.chunk)
    return [
        Chunk(
            number,
            every[start : start + told.chunk],
            told.checkpoint,
            told.per_request,
            told.retry_errors,
        )
        for number, start in enumerate(starts)
    ]


def settings(told: argparse.Namespace) -> dict[str, object]:
    """What has to be the same when a run goes on, or its results would be a mixture."""
    return {
        "chunk": told.chunk,
        "model": told.model,
        "prompt": prompt([review(0)]),
        "schema": Verdicts.model_json_schema(),
    }


@contextmanager
def connected(told: argparse.Namespace) -> Iterator[Client]:
    """Workers of one's own, or those of a cluster that is there."""
    with ExitStack() as stack:
        where = told.scheduler or stack.enter_context(
            LocalCluster(
                n_workers=told.workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        )
        yield stack.enter_context(Client(where))


def score(told: argparse.Namespace, todo: list[Chunk]) -> None:
    """Lets the workers do what is left."""
    fields = {"model": told.model, "thinking": False, "max_tokens": 4096}
    model = OneModel(fields, told.places, told.rate, told.checkpoint / DIARY)
    left = {chunk.number: len(chunk.left()) for chunk in todo}
    with (
        connected(told) as client,
        tqdm(
            total=told.records,
            initial=told.records - sum(left.values()),
            unit=" records",
        ) as bar,
    ):
        client.register_plugin(OneRate(told.rate))
        client.register_plugin(model)
        # Nobody holds on to these tasks, so that each is forgotten as it ends: none is
        # done again only for its result, if the worker that had that is lost.
        for _, number in as_completed(
            client.map(work, todo, pure=False), with_results=True
        ):
            bar.update(left[number])


@contextmanager
def killer(chunk: Chunk, diary: Path) -> Iterator[None]:
    """Ends the worker that has got a chunk half done, as the system might."""
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(_LOOK):
            finished = Checkpoint(chunk.folder).finished(chunk.number)
            if len(finished) * 2 >= len(chunk.records):
                pid = next(reversed(finished.values())).worker
                os.kill(pid, signal.SIGKILL)
                note(diary, "worker killed", pid)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def write_results(folder: Path, every: list[Chunk]) -> Total:
    """Puts the verdicts into one file, in order, and the errors into another."""
    total = Total()
    verdicts, errors = [], []
    for chunk in every:
        total.add(Checkpoint(folder).replies(chunk.number))
        finished = Checkpoint(folder).finished(chunk.number)
        for number in sorted(finished.keys() & set(chunk.records)):
            reply = finished[number]
            if number in reply.results:
                verdicts.append(json.dumps(reply.results[number]))
            else:
                why = {"number": number, "why": reply.errors[number]}
                errors.append(json.dumps(why))
    write_whole(folder / "results.jsonl", verdicts)
    write_whole(folder / "errors.jsonl", errors)
    return total


def go_on(told: argparse.Namespace, todo: list[Chunk]) -> None:
    """Does what is left, on MiniMax or on an emulator, with or without an accident."""
    diary = told.checkpoint / DIARY
    note(diary, "run began", os.getpid())
    with ExitStack() as stack:
        if "MINIMAX_API_KEY" not in os.environ:
            stack.enter_context(served(told.checkpoint / "requests.jsonl"))
        if told.kill_a_worker:
            stack.enter_context(killer(todo[len(todo) // 3], diary))
        try:
            score(told, todo)
        except MiniMaxError as error:
            sys.exit(f"{error}\nNothing is lost: the same command goes on from here.")


def main() -> None:
    """Does what is left of a run, and writes down what came of all of it."""
    told = arguments()
    folder = told.checkpoint
    Checkpoint(folder).open(settings(told))
    every = chunks(told)
    todo = [chunk for chunk in every if chunk.left()]
    if todo:
        go_on(told, todo)
    total = write_results(folder, every)
    print(f"{total.said(told.model)}\n{folder}/results.jsonl")


if __name__ == "__main__":
    main()
