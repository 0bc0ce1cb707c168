"""The worker that is killed on purpose is one of this run."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from accident import killer
from checkpoint import Attempt, Reply
from chunks import Chunk
from diary import events


def test_a_process_of_an_earlier_run_is_left_alone(tmp_path: Path) -> None:
    diary = tmp_path / "diary.tsv"
    chunk = Chunk(0, range(4), tmp_path, 1)
    sleep = ["sleep", "60"]
    with subprocess.Popen(sleep) as own, subprocess.Popen(sleep) as foreign:
        try:
            with Attempt(tmp_path, 0) as attempt:
                attempt.write(Reply(1.0, own.pid, {}, {0: None, 1: None}))
                attempt.write(Reply(2.0, foreign.pid, {}, {2: None}))
            with killer(chunk, diary, lambda: [own.pid]):
                assert own.wait(30) == -signal.SIGKILL
            assert foreign.poll() is None
        finally:
            own.kill()
            foreign.kill()
    assert [(each.pid, each.what) for each in events(diary)] == [
        (own.pid, "worker killed")
    ]
