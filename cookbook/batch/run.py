"""Reviews in, verdicts out, a hundred thousand of them: with Dask, on many workers.

    python cookbook/batch/run.py --records 2000 --checkpoint /tmp/reviews

Stop it in any way, start it again with the same folder, and it goes on. Without
`MINIMAX_API_KEY` it talks to the emulated MiniMax on this machine; with a key, to
MiniMax itself, which costs money.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from accident import killer
from checkpoint import Checkpoint, InUseError, OtherRunError
from chunks import Chunk
from diary import DIARY, note
from distributed import Client, LocalCluster, as_completed
from emulated import served
from reviews import Verdicts, prompt, review
from total import write_results
from tqdm import tqdm
from workers import OneModel, OneRate, work

from langchain_minimax.errors import MiniMaxError


def arguments(line: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--records", type=int, default=2000)
    add("--workers", type=int, default=2)
    add("--scheduler", help="of a cluster, instead of workers on this machine")
    add("--rate", type=float, default=3.2, help="requests a second, of all workers")
    add("--places", type=int, default=16, help="requests under way, of each worker")
    add("--per-request", type=int, default=10, help="records in one request")
    add("--chunk", type=int, default=500, help="records in one task")
    add("--model", default="MiniMax-M3")
    add("--checkpoint", type=Path, required=True, help="the folder to go on from")
    add("--retry-errors", action="store_true", help="ask again what ended in an error")
    add("--kill-a-worker", action="store_true", help="in the middle of a chunk")
    told = parser.parse_args(line)
    if told.kill_a_worker and told.scheduler:
        parser.error("--kill-a-worker is not for the workers of others")
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


def fields(told: argparse.Namespace) -> dict[str, object]:
    """What makes the model what it is; its key is in the environment."""
    return {"model": told.model, "thinking": False, "max_tokens": 4096}


def settings(told: argparse.Namespace) -> dict[str, object]:
    """What has to be the same when a run goes on, or its results would be a mixture."""
    return {
        **fields(told),
        "chunk": told.chunk,
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
    diary = told.checkpoint / DIARY
    model = OneModel(fields(told), told.places, told.rate, diary)
    left = {chunk.number: len(chunk.left()) for chunk in todo}
    with ExitStack() as stack:
        client = stack.enter_context(connected(told))
        if told.kill_a_worker:
            nannies = client.cluster.workers
            chunk = todo[len(todo) // 3]
            stack.enter_context(
                killer(chunk, diary, lambda: [n.pid for n in nannies.values()])
            )
        bar = stack.enter_context(
            tqdm(
                total=told.records,
                initial=told.records - sum(left.values()),
                unit=" records",
            )
        )
        client.register_plugin(OneRate(told.rate))
        client.register_plugin(model)
        # Nobody holds on to these tasks, so that each is forgotten as it ends: none is
        # done again only for its result, if the worker that had that is lost.
        for _, number in as_completed(
            client.map(work, todo, pure=False), with_results=True
        ):
            bar.update(left[number])


def go_on(told: argparse.Namespace, todo: list[Chunk]) -> None:
    """Does what is left, on MiniMax or on an emulator."""
    note(told.checkpoint / DIARY, "run began", os.getpid())
    with ExitStack() as stack:
        if "MINIMAX_API_KEY" not in os.environ:
            stack.enter_context(served(told.checkpoint / "requests.jsonl"))
        try:
            score(told, todo)
        except (MiniMaxError, OSError) as error:
            sys.exit(f"{error}\nNothing is lost: the same command goes on from here.")


def main() -> None:
    """Does what is left of a run, and writes down what came of all of it."""
    told = arguments()
    kept = Checkpoint(told.checkpoint)
    try:
        with kept.held():
            kept.open(settings(told), [review(n).text for n in range(told.records)])
            every = chunks(told)
            todo = [chunk for chunk in every if chunk.left()]
            if todo:
                go_on(told, todo)
            total = write_results(kept.folder, every)
    except (InUseError, OtherRunError) as refusal:
        sys.exit(str(refusal))
    print(f"{total.said(told.model)}\n{kept.folder}/results.jsonl")


if __name__ == "__main__":
    main()
