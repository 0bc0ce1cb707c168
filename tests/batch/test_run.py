"""The program refuses what would pay twice, mix results up, or hit a stranger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checkpoint import Checkpoint
from rate import GRACE

pytest.importorskip("distributed", reason="pip install --group batch")

import run as program

MOST = 200  # requests a minute: rate-limit page of platform.minimax.io, 2026


def run(folder: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, program.__file__, f"--checkpoint={folder}", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_a_second_run_at_a_folder_ends_at_once(tmp_path: Path) -> None:
    with Checkpoint(tmp_path).held():
        second = run(tmp_path, "--records=10")
    assert second.returncode == 1
    assert second.stderr.startswith("Another run is at")
    assert not list(tmp_path.glob("chunk-*"))


def test_fewer_records_than_before_are_refused(tmp_path: Path) -> None:
    told = program.arguments(["--checkpoint", str(tmp_path), "--records=12"])
    texts = [program.review(number).text for number in range(12)]
    Checkpoint(tmp_path).open(program.settings(told), texts)
    fewer = run(tmp_path, "--records=11")
    assert fewer.returncode == 1
    assert "a run of 12 records, not 11" in fewer.stderr


def test_how_the_model_is_asked_has_to_stay_the_same(tmp_path: Path) -> None:
    told = program.arguments(["--checkpoint", str(tmp_path)])
    assert program.fields(told).items() <= program.settings(told).items()


def test_the_workers_of_others_are_not_killed(tmp_path: Path) -> None:
    ended = run(tmp_path, "--kill-a-worker", "--scheduler=tcp://127.0.0.1:1")
    assert ended.returncode == 2
    assert "not for the workers of others" in ended.stderr


def test_by_default_no_minute_has_more_than_is_allowed(tmp_path: Path) -> None:
    told = program.arguments(["--checkpoint", str(tmp_path)])
    assert told.rate * (60 + GRACE) + 1 + told.workers <= MOST
