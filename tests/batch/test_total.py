"""What came of a run is counted by the record, what it took by the request."""

from __future__ import annotations

import json
from pathlib import Path

from checkpoint import Attempt, Reply
from chunks import Chunk
from total import Total, write_results

USAGE = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_counts_once_however_often_it_was_answered(tmp_path: Path) -> None:
    for _ in range(2):
        with Attempt(tmp_path, 0) as attempt:
            attempt.write(Reply(1.0, 7, USAGE, {0: "a", 1: "b"}, {2: "no", 3: "no"}))
            attempt.write(Reply(1.0, 7, USAGE, {2: "c"}))
    total = write_results(tmp_path, [Chunk(0, range(5), tmp_path, 2)])
    assert (total.results, total.errors, total.replies) == (3, 1, 4)
    assert total.tokens["input"] == 400
    assert lines(tmp_path / "results.jsonl") == ["a", "b", "c"]
    assert lines(tmp_path / "errors.jsonl") == [{"number": 3, "why": "no"}]


def test_one_is_no_plural_and_a_small_sum_is_not_nothing() -> None:
    total = Total(results=2000, errors=1)
    total.add([Reply(1.0, 7, USAGE)])
    said = total.said("MiniMax-M3")
    assert "2,000 results and 1 error from 1 request\n" in said
    cost = total.cost("MiniMax-M3")
    assert cost.total > 0
    assert said.endswith(f"out: {cost} by the list")
    assert "of unknown price" in total.said("nobody-knows-1")
