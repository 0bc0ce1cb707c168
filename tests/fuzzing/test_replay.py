"""What the fuzzer kept, without the fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzing.targets import TARGETS

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*/*"))


def test_something_is_kept_for_each_target():
    assert {kept.parent.name for kept in CORPUS} == TARGETS.keys()


@pytest.mark.parametrize("kept", CORPUS, ids=lambda kept: kept.name[:8])
def test_what_the_fuzzer_kept_holds(kept: Path):
    TARGETS[kept.parent.name](kept.read_bytes())
