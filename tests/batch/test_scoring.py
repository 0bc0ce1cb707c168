"""One worker's part, over real sockets: every record comes to an end."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from checkpoint import Reply
from emulated import REFUSED, Reader
from reviews import Review, meant, review
from scoring import Scorer

from langchain_minimax import ChatMiniMax
from langchain_minimax.errors import MiniMaxInsufficientBalanceError
from langchain_minimax.testing import Emulator, Fault, ToolUse
from langchain_minimax.testing import Reply as Said


def scorer(server: Emulator, places: int = 1) -> Scorer:
    model = ChatMiniMax(
        model="MiniMax-M3", api_key=server.api_key, base_url=server.base_url
    )
    return Scorer(model, places)


def said(*numbers: int) -> Said:
    verdicts = [meant(number).model_dump() for number in numbers]
    return Said([ToolUse("Verdicts", {"verdicts": verdicts})])


def asked(server: Emulator) -> list[list[int]]:
    """The records of each request."""
    return [_numbers(request) for request in server.requests]


def _numbers(request: Any) -> list[int]:
    return [n for n in range(100) if f"[{n}] Order" in request.raw.decode()]


async def score(server: Emulator, *groups: Sequence[int]) -> list[Reply]:
    replies: list[Reply] = []
    requests = ([review(number) for number in group] for group in groups)
    await scorer(server).score(requests, replies.append)
    return replies


def results(replies: list[Reply]) -> dict[int, Any]:
    return {n: value for each in replies for n, value in each.results.items()}


def errors(replies: list[Reply]) -> dict[int, str]:
    return {n: value for each in replies for n, value in each.errors.items()}


async def test_many_records_in_one_request() -> None:
    with Emulator(replies=[said(1, 2, 3)]) as server:
        (reply,) = await score(server, [1, 2, 3])
    assert reply.results == {n: meant(n).model_dump() for n in (1, 2, 3)}
    assert reply.usage["input_tokens"] > 0


async def test_what_was_left_out_is_asked_again() -> None:
    with Emulator(replies=[said(1, 3), said(2)]) as server:
        replies = await score(server, [1, 2, 3])
        assert asked(server) == [[1, 2, 3], [2]]
    assert set(results(replies)) == {1, 2, 3}


async def test_what_is_left_out_even_alone_is_an_error() -> None:
    with Emulator(replies=[said(1), said()]) as server:
        replies = await score(server, [1, 2])
    assert errors(replies) == {2: "the reply left it out"}
    assert set(results(replies)) == {1}


async def test_what_was_never_asked_is_no_result() -> None:
    with Emulator(replies=[said(99, 1)]) as server:
        replies = await score(server, [1])
    assert set(results(replies)) == {1}


async def test_a_refused_record_is_found_and_the_others_are_not_lost(
    tmp_path: Any,
) -> None:
    group = range(REFUSED - 5, REFUSED + 5)
    with (tmp_path / "log").open("w") as log, Emulator() as server:
        Reader(server, log)
        replies = await score(server, group)
    assert set(errors(replies)) == {REFUSED}
    assert "1026" in errors(replies)[REFUSED]
    assert results(replies) == {n: meant(n).model_dump() for n in group if n != REFUSED}


async def test_what_does_not_fit_the_schema_is_halved() -> None:
    odd = Said([ToolUse("Verdicts", {"verdicts": [{"number": "one"}]})])
    with Emulator(replies=[odd, odd, said(1), odd, odd]) as server:
        replies = await score(server, [1, 2])
        assert asked(server) == [[1, 2], [1, 2], [1], [2], [2]]
    assert set(results(replies)) == {1}
    assert "order" in errors(replies)[2]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.error(1039), "1039"),
        (Fault(422, message="invisible character ratio limit (1042)"), "1042"),
    ],
)
async def test_what_is_refused_for_what_is_in_it_is_found(
    fault: Fault, code: str
) -> None:
    def answer(request: Any) -> Said | Fault:
        there = _numbers(request)
        return fault if 2 in there else said(*there)

    with Emulator(replies=[answer] * 5) as server:
        replies = await score(server, [1, 2, 3, 4])
    assert set(results(replies)) == {1, 3, 4}
    assert code in errors(replies)[2]


async def test_who_was_taken_over_does_not_even_halve() -> None:
    replies: list[Reply] = []
    groups = iter([[review(number) for number in range(4)], [review(4)]])
    with Emulator(replies=[Fault.error(1026)] * 9) as server:
        await scorer(server).score(groups, replies.append, lambda: bool(replies))
        assert asked(server) == [[0, 1, 2, 3]]


async def test_a_full_disk_in_one_place_ends_the_others() -> None:
    written: list[Reply] = []

    def write(reply: Reply) -> None:
        written.append(reply)
        if len(written) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    groups = iter([[review(number)] for number in range(40)])
    full = pytest.raises(OSError, match="No space")
    with Emulator(replies=[_of] * 40) as server, full:
        await scorer(server, places=4).score(groups, write)
    assert len(written) == 4


async def test_an_empty_wallet_ends_the_run_and_keeps_what_is_under_way() -> None:
    replies: list[Reply] = []
    groups = iter([[review(1)], [review(2)], [review(3)]])
    answers = [_of, Fault.error(1008), Fault.error(1008)]
    broke = pytest.raises(MiniMaxInsufficientBalanceError)
    with Emulator(replies=answers, stream_delay=0.1) as server, broke:
        await scorer(server, places=2).score(groups, replies.append)
    assert len(results(replies)) == 1
    assert not errors(replies)


def _of(request: Any) -> Said:
    return said(*_numbers(request))


async def test_no_more_is_under_way_than_there_are_places() -> None:
    given, most = 0, 0
    replies: list[Reply] = []

    def groups() -> Iterator[list[Review]]:
        nonlocal given, most
        for number in range(1, 9):
            given += 1
            most = max(most, given - len(replies))
            yield [review(number)]

    with Emulator(replies=[_of] * 8) as server:
        await scorer(server, places=3).score(groups(), replies.append)
    assert most == 3
    assert len(results(replies)) == 8
