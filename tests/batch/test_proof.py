"""The proof of the batch run: it has something to say of each thing that is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from checkpoint import Reply
from diary import Event, events
from emulated import REFUSED, Reader
from proof import KILLS, Evidence, Request
from reviews import Verdicts, meant, prompt, review

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator


def reply(at: float, *numbers: int) -> Reply:
    return Reply(at, 7, {}, {n: meant(n).model_dump() for n in numbers})


REST = range(2, REFUSED)
GOOD = Evidence(
    records=REFUSED + 1,
    requests=[Request(1, [0, 1], [0, 1]), Request(2, [*REST, REFUSED], REST)],
    replies=[reply(1.5, 0, 1), reply(2.5, *REST)],
    verdicts=[meant(n).model_dump() for n in range(REFUSED)],
    errors=[REFUSED],
    events=[Event(3, 7, kill) for kill in KILLS],
)


def complaints(evidence: Evidence, under_way: int = 0) -> str:
    return "; ".join(evidence.complaints(under_way, rate=2, workers=2))


def test_nothing_is_wrong_with_a_good_run() -> None:
    assert complaints(GOOD) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"records": REFUSED + 2}, f"1 records lost, such as {REFUSED + 1}"),
        ({"errors": []}, f"1 records lost, such as {REFUSED}"),
        (
            {"verdicts": [], "errors": list(range(REFUSED + 1))},
            f"{REFUSED} records with a wrong error, or without one, such as 0",
        ),
        (
            {"verdicts": [*GOOD.verdicts, meant(REFUSED).model_dump()], "errors": []},
            f"1 records with a wrong error, or without one, such as {REFUSED}",
        ),
        ({"events": GOOD.events[:1]}, "no run killed"),
        ({"events": GOOD.events[1:]}, "no worker killed"),
        ({"errors": [2, REFUSED]}, "1 records twice in the results, such as 2"),
        ({"verdicts": [*GOOD.verdicts, GOOD.verdicts[0]]}, "twice in the results"),
        (
            {"verdicts": [{**GOOD.verdicts[0], "number": 2}]},
            "1 records with another record's result, such as 2",
        ),
        (
            {"requests": [*GOOD.requests, Request(9, [1], [])]},
            "1 records finished and paid again, such as 1",
        ),
        (
            {"requests": [Request(1.1, [1], [1]), *GOOD.requests]},
            "1 records paid twice, not 0",
        ),
        (
            {"requests": [Request(0.1 * n, [], []) for n in range(15)]},
            "15 requests within 5 s, not 14",
        ),
    ],
)
def test_it_complains(change: dict, said: str) -> None:
    assert said in complaints(replace(GOOD, **change))


def test_what_was_under_way_in_a_killed_worker_may_be_paid_twice() -> None:
    twice = [Request(1.1, [1], [1]), *GOOD.requests]
    assert complaints(replace(GOOD, requests=twice), under_way=1) == ""


def test_a_line_of_the_diary_that_was_cut_off_was_never_written(
    tmp_path: Path,
) -> None:
    diary = tmp_path / "diary.tsv"
    diary.write_bytes(b"1.0\t5\trun began\n2.0\ta\n\xff\n3.0\t5\tworker began\n4.0")
    assert [each.at for each in events(diary)] == [1, 3]


def test_the_emulated_model_reads_what_was_meant(tmp_path) -> None:
    numbers = range(1000, 1060)
    with (tmp_path / "log").open("w") as log, Emulator() as server:
        Reader(server, log)
        model = ChatMiniMax(
            model="MiniMax-M3", api_key=server.api_key, base_url=server.base_url
        )
        asked = prompt([review(number) for number in numbers])
        read = model.with_structured_output(Verdicts).invoke(asked)
    assert read.verdicts == [meant(number) for number in numbers]
