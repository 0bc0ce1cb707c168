"""The blocks that a reply is sent back as, and the tokens of several replies."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from langchain_minimax._blocks import Block, Opaque, Text, Thinking, ToolUse
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    OpaqueBlock,
    SentAs,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Usage,
    blocks_in,
    total,
)


@pytest.mark.parametrize(
    ("deltas", "blocks"),
    [
        ([], []),
        ([Started("r", None), Stopped("end_turn")], []),
        ([TextDelta(0, "a"), TextDelta(0, "b"), BlockStopped(0)], [Text("ab")]),
        ([TextDelta(0, ""), BlockStopped(0)], []),
        ([BlockStopped(0)], []),
        (
            [
                *(TextDelta(0, "a"), BlockStopped(0)),
                *(TextDelta(1, "b"), BlockStopped(1)),
            ],
            [Text("a"), Text("b")],
        ),
        (
            [ThinkingDelta(0, "H"), ThinkingDelta(0, "m"), BlockStopped(0)],
            [Thinking("Hm")],
        ),
        (
            [ThinkingDelta(0, "Hm"), Signature(0, "5ig"), BlockStopped(0)],
            [Thinking("Hm", "5ig")],
        ),
        ([Signature(0, "5ig"), BlockStopped(0)], [Thinking("", "5ig")]),
        (
            [ThinkingDelta(0, "Hm"), SentAs(0, {"field": "x"}), BlockStopped(0)],
            [Thinking("Hm", None, {"field": "x"})],
        ),
        (
            [
                *(ThinkingDelta(0, "a"), Signature(0, "s"), BlockStopped(0)),
                *(ThinkingDelta(1, "b"), BlockStopped(1)),
                *(TextDelta(2, "c"), BlockStopped(2)),
            ],
            [Thinking("a", "s"), Thinking("b"), Text("c")],
        ),
        (
            [
                ToolUseStarted(0, "c1", "dig"),
                ToolUseDelta(0, '{"a": 1}'),
                ToolUseStopped(0, "c1", "dig", {"a": 1}, '{"a": 1}'),
            ],
            [ToolUse("c1", "dig", {"a": 1})],
        ),
        (
            [
                ToolUseStarted(0, "c1", "dig"),
                ToolUseDelta(0, '{"a": '),
                ToolUseStopped(0, "c1", "dig", None, '{"a": '),
            ],
            [ToolUse("c1", "dig", {})],
        ),
        ([ToolUseStarted(0, "c1", "dig"), ToolUseDelta(0, "{")], []),
        ([OpaqueBlock(0, {"type": "x"})], [Opaque({"type": "x"})]),
    ],
)
def test_the_blocks_of_a_reply(deltas: Sequence[Delta], blocks: list[Block]) -> None:
    assert list(blocks_in(deltas)) == blocks


@pytest.mark.parametrize(
    ("counts", "sum_of_all"),
    [
        ([], None),
        ([None, None], None),
        ([Usage(1, 2)], Usage(1, 2)),
        ([Usage(1, 2), None], None),
        ([None, Usage(1, 2)], None),
        ([Usage(1, 2), Usage(10, 20)], Usage(11, 22)),
        ([Usage(1, 2, 3, 4, 5), Usage(10, 20, 30, 40, 50)], Usage(11, 22, 33, 44, 55)),
        ([Usage(1, 2, cache_read=0), Usage(1, 2)], Usage(2, 4, cache_read=0)),
        (
            [Usage(1, 2, reasoning=3), Usage(1, 2, cache_creation=4)],
            Usage(2, 4, cache_creation=4, reasoning=3),
        ),
    ],
)
def test_the_tokens_of_all(
    counts: list[Usage | None], sum_of_all: Usage | None
) -> None:
    assert total(iter(counts)) == sum_of_all
