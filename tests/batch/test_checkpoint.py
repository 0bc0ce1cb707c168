"""The checkpoint: what was written is there, whatever became of the writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checkpoint
import pytest
from checkpoint import (
    Attempt,
    Checkpoint,
    InUseError,
    OtherRunError,
    Reply,
    read,
    write_whole,
)


def reply(*records: int, at: float = 1.0, errors: dict | None = None) -> Reply:
    results = {record: {"of": record, "ü": '"\n'} for record in records}
    return Reply(at, 7, {"input_tokens": 3}, results, errors or {})


def in_a_process(body: str, folder: Path) -> subprocess.CompletedProcess:
    """Runs a body with an `attempt` at chunk 0 in a process of its own."""
    code = f"""
import os, resource, signal, sys
sys.path.append({str(Path(checkpoint.__file__).parent)!r})
from pathlib import Path
from checkpoint import Attempt, Reply
attempt = Attempt(Path({str(folder)!r}), 0)
{body}
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_what_was_written_is_finished(tmp_path: Path) -> None:
    with Attempt(tmp_path, 3) as attempt:
        attempt.write(reply(1, 2))
        attempt.write(reply(5, errors={6: "no"}))
    kept = Checkpoint(tmp_path)
    assert kept.finished(3) == {
        1: reply(1, 2),
        2: reply(1, 2),
        5: reply(5, errors={6: "no"}),
        6: reply(5, errors={6: "no"}),
    }
    assert kept.finished(2) == {}


def test_a_killed_process_loses_nothing_that_it_wrote(tmp_path: Path) -> None:
    ended = in_a_process(
        """
for record in range(50):
    attempt.write(Reply(1.0, 7, {}, {record: None}))
os.kill(os.getpid(), signal.SIGKILL)
""",
        tmp_path,
    )
    assert ended.returncode == -signal.SIGKILL
    assert list(Checkpoint(tmp_path).finished(0)) == list(range(50))


def test_a_disk_without_room_ends_the_attempt(tmp_path: Path) -> None:
    ended = in_a_process(
        """
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
for record in range(50):
    attempt.write(Reply(1.0, 7, {}, {record: None}))
""",
        tmp_path,
    )
    assert "OSError" in ended.stderr
    assert list(Checkpoint(tmp_path).finished(0)) == [0, 1]


def test_half_a_line_that_found_no_room_spoils_no_other(tmp_path: Path) -> None:
    ended = in_a_process(
        """
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
attempt.write(Reply(1.0, 7, {}, {0: None}))
size = attempt._file.tell()
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, most))
try:
    attempt.write(Reply(1.0, 7, {}, {1: None}))
except OSError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    attempt.write(Reply(1.0, 7, {}, {2: None}))
""",
        tmp_path,
    )
    assert ended.stderr == ""
    assert list(Checkpoint(tmp_path).finished(0)) == [0, 2]


def test_a_line_that_was_cut_off_anywhere_was_never_written(tmp_path: Path) -> None:
    with Attempt(tmp_path, 0) as attempt:
        attempt.write(reply(1))
        attempt.write(reply(2))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        lines = sum(end <= cut for end in ends)
        assert list(read(path)) == [reply(1), reply(2)][:lines]


@pytest.mark.parametrize("line", [b"", b"null", b"{}", b"\0\0\0", b'{"results": 3}'])
def test_what_cannot_be_read_was_never_written(tmp_path: Path, line: bytes) -> None:
    with Attempt(tmp_path, 0) as attempt:
        attempt.write(reply(1))
    (path,) = tmp_path.iterdir()
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert list(read(path)) == [reply(1)]


def test_the_next_attempt_ends_the_one_before(tmp_path: Path) -> None:
    with Attempt(tmp_path, 0) as first:
        first.write(reply(1))
        assert not first.is_over
        with Attempt(tmp_path, 0) as second:
            assert first.is_over
            assert not second.is_over
            first.write(reply(2))  # what was under way still counts
            second.write(reply(3))
    assert list(Checkpoint(tmp_path).finished(0)) == [1, 2, 3]


def test_of_many_at_once_each_has_an_attempt_of_its_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        attempts = list(threads.map(lambda _: Attempt(tmp_path, 0), range(64)))
    assert len(list(tmp_path.iterdir())) == 64
    assert [each.is_over for each in attempts].count(False) == 1
    for number, each in enumerate(attempts):
        with each:
            each.write(reply(number))
    assert set(Checkpoint(tmp_path).finished(0)) == set(range(64))


def test_the_first_result_counts_and_beats_an_error(tmp_path: Path) -> None:
    for at in (1.0, 2.0):
        with Attempt(tmp_path, 0) as attempt:
            attempt.write(reply(at=at, errors={1: "no", 2: "no"}))
    for at in (3.0, 4.0):
        with Attempt(tmp_path, 0) as attempt:
            attempt.write(reply(1, at=at))
    finished = Checkpoint(tmp_path).finished(0)
    assert finished[1].at == 3
    assert finished[2].at == 1


def test_another_run_is_refused(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path)
    kept.open({"model": "a"}, ["one", "two"])
    kept.open({"model": "a"}, ["one", "two"])
    with pytest.raises(OtherRunError, match="another model"):
        kept.open({"model": "b"}, ["one", "two"])
    with pytest.raises(OtherRunError, match="another digest of the records"):
        kept.open({"model": "a"}, ["one", "too"])


def test_there_may_be_more_records_and_then_no_fewer(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path)
    kept.open({}, ["one"])
    kept.open({}, ["one", "two", "three"])
    with pytest.raises(OtherRunError, match="a run of 3 records, not 2"):
        kept.open({}, ["one", "two"])
    with pytest.raises(OtherRunError, match="digest"):
        kept.open({}, ["one", "two", "4", "5"])
    kept.open({}, ["one", "two", "three"])


def test_two_runs_are_not_at_one_folder(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "new")
    with kept.held(), pytest.raises(InUseError, match="Another run"), kept.held():
        pass
    with kept.held():
        pass


def test_a_killed_run_leaves_the_folder_free_though_its_workers_live(
    tmp_path: Path,
) -> None:
    ended = in_a_process(
        """
import multiprocessing, subprocess
for number in (1, 2):  # pipes that end only when the children do
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
from checkpoint import Checkpoint
held = Checkpoint(attempt._next.parent).held()
held.__enter__()
worker = multiprocessing.get_context("spawn").Process(target=signal.pause)
worker.start()
emulator = subprocess.Popen(["sleep", "60"])
with open(attempt._next.with_name("pids"), "w") as pids:
    print(worker.pid, emulator.pid, file=pids)
os.kill(os.getpid(), signal.SIGKILL)
""",
        tmp_path,
    )
    assert ended.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    try:
        with Checkpoint(tmp_path).held():
            pass
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_whole(path, ["old"])
    lines = (json.dumps(1 / number) for number in (2, 1, 0))
    with pytest.raises(ZeroDivisionError):
        write_whole(path, lines)
    assert path.read_text() == "old\n"
