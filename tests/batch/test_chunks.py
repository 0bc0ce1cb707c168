"""A chunk: whoever takes it asks for what is left, until the next one takes it."""

from __future__ import annotations

from pathlib import Path

from checkpoint import Attempt, Reply
from chunks import Chunk


def chunk(folder: Path, *, retry_errors: bool = False) -> Chunk:
    return Chunk(1, range(100, 107), folder, 3, retry_errors)


def write(attempt: Attempt, *results: int, errors: tuple[int, ...] = ()) -> None:
    whys = dict.fromkeys(errors, "no")
    attempt.write(Reply(1.0, 7, {}, dict.fromkeys(results, "yes"), whys))


def numbers(chunk: Chunk, attempt: Attempt) -> list[list[int]]:
    return [[each.number for each in group] for group in chunk.requests(attempt)]


def test_all_of_it_is_asked_first(tmp_path: Path) -> None:
    with Attempt(tmp_path, 1) as attempt:
        asked = numbers(chunk(tmp_path), attempt)
    assert asked == [[100, 101, 102], [103, 104, 105], [106]]


def test_what_is_finished_is_not_asked_again(tmp_path: Path) -> None:
    with Attempt(tmp_path, 1) as first:
        write(first, 101, 102, errors=(104,))
    with Attempt(tmp_path, 1) as second:
        assert numbers(chunk(tmp_path), second) == [[100, 103, 105], [106]]
    with Attempt(tmp_path, 1) as third:
        asked = numbers(chunk(tmp_path, retry_errors=True), third)
    assert asked == [[100, 103, 104], [105, 106]]


def test_who_was_given_up_for_dead_begins_nothing_more(tmp_path: Path) -> None:
    with Attempt(tmp_path, 1) as slow:
        asks = chunk(tmp_path).requests(slow)
        write(slow, *(each.number for each in next(asks)))
        under_way = [each.number for each in next(asks)]
        with Attempt(tmp_path, 1) as quick:
            assert numbers(chunk(tmp_path), quick) == [[103, 104, 105], [106]]
        write(slow, *under_way)
        assert list(asks) == []
    assert chunk(tmp_path).left() == [106]
