"""The share of the campaign that is always run; `report.py` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from contract_tests.faults.campaign import (
    Case,
    Found,
    complaints,
    proxy,
    share,
    tried,
)
from contract_tests.faults.proxy import Proxy
from contract_tests.faults.table import TABLE

STAGES = list(dict.fromkeys(row.stage for row in TABLE))
KINDS = {(row.stage, row.kind) for row in TABLE}

ByStage = Mapping[str, list[tuple[Case, Found]]]


@pytest.fixture(scope="module")
def opened() -> Iterator[Proxy]:
    with proxy() as opened:
        yield opened


@pytest.fixture(scope="module")
def found(opened: Proxy) -> ByStage:
    found = tried(share(), opened)
    return {
        stage: [(case, each) for case, each in found if case.row.stage == stage]
        for stage in STAGES
    }


def test_every_kind_is_tried_on_both_protocols() -> None:
    cases = share()
    for protocol in ("anthropic", "openai"):
        spoken = [case.row for case in cases if case.protocol == protocol]
        assert {(row.stage, row.kind) for row in spoken} == KINDS


@pytest.mark.parametrize("stage", STAGES)
def test_what_comes_out_is_in_the_table(stage: str, found: ByStage) -> None:
    assert found[stage]
    assert [said for each in found[stage] for said in complaints(*each)] == []


@pytest.mark.usefixtures("found")
def test_nobody_is_sent_on_to_another_host(opened: Proxy) -> None:
    assert opened.trap.seen == []
