from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    OpaqueBlock,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Usage,
)
from langchain_minimax._filters import Noted, StopSequences

STARTED = Started("r1", "MiniMax-M3")
USAGE = Usage(7, 3, cache_read=2)
END = Stopped("end_turn", USAGE, service_tier="standard")
CUT = Stopped("stop_sequence", USAGE, "STOP", "standard")


def passed(sequences: Sequence[str], *deltas: Delta) -> list[Delta]:
    stage = StopSequences(sequences)
    return [out for delta in deltas for out in stage.feed(delta)]


def spoken(sequences: Sequence[str], pieces: Sequence[str]) -> tuple[str, str | None]:
    """What is left of a text that comes in pieces, and the sequence that ended it."""
    deltas = [TextDelta(0, piece) for piece in pieces]
    *said, end = passed(sequences, STARTED, *deltas, BlockStopped(0), END)
    assert isinstance(end, Stopped)
    assert said.pop() == BlockStopped(0)
    text = "".join(delta.text for delta in said if isinstance(delta, TextDelta))
    return text, end.stop_sequence


def expected(sequences: Sequence[str], text: str) -> tuple[str, str | None]:
    """The law: the first sequence to be complete ends the text where it begins."""
    for end in range(1, len(text) + 1):
        complete = [one for one in sequences if one and text[:end].endswith(one)]
        if complete:
            longest = max(complete, key=len)
            return text[: end - len(longest)], longest
    return text, None


def call(place: int, json: str) -> list[Delta]:
    return [
        ToolUseStarted(place, "c1", "grep"),
        ToolUseDelta(place, json),
        ToolUseStopped(place, "c1", "grep", {}, json),
    ]


# --- Where a text ends ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("sequences", "text", "left", "sequence"),
    [
        (["STOP"], "go STOP on", "go ", "STOP"),
        (["STOP"], "STOP", "", "STOP"),
        (["STOP"], "go on", "go on", None),
        (["STOP"], "go STO", "go STO", None),
        (["STOP"], "STSTOP STOP", "ST", "STOP"),
        (["aab"], "aaab", "a", "aab"),
        (["\n\n"], "one\n\ntwo", "one", "\n\n"),
        (["🌊"], "潮水🌊来了", "潮水", "🌊"),
        (["two", "one"], "one two", "", "one"),
        (["ab", "abc"], "xabcy", "x", "ab"),
        (["abc", "ab"], "xabcy", "x", "ab"),
        (["bcd", "c"], "abcde", "ab", "c"),
        (["c", "bcd"], "abcde", "ab", "c"),
        (["cd", "bcd"], "abcde", "a", "bcd"),
        (["abx", "c"], "abcabx", "ab", "c"),
    ],
)
def test_the_first_sequence_to_be_complete_ends_the_text(
    sequences: list[str], text: str, left: str, sequence: str | None
):
    assert expected(sequences, text) == (left, sequence)
    assert spoken(sequences, [text]) == (left, sequence)
    assert spoken(sequences, list(text)) == (left, sequence)


LETTERS = st.text("abc", max_size=4)


@given(
    st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=4),
    st.lists(LETTERS, max_size=8),
)
@settings(max_examples=100, deadline=None)
def test_where_a_text_ends_does_not_depend_on_how_it_was_cut(
    sequences: list[str], pieces: list[str]
):
    assert spoken(sequences, pieces) == expected(sequences, "".join(pieces))


def test_without_sequences_a_reply_passes_unchanged():
    deltas = [STARTED, TextDelta(0, "all"), BlockStopped(0), END]
    assert passed([], *deltas) == deltas


# --- What is passed on when ----------------------------------------------------------


def test_only_what_may_begin_a_sequence_is_held_back():
    stage = StopSequences(["STOP", "\n\n"])
    assert stage.feed(TextDelta(0, "all is well")) == (TextDelta(0, "all is well"),)
    assert stage.feed(TextDelta(0, " here S")) == (TextDelta(0, " here "),)
    assert stage.feed(TextDelta(0, "T")) == ()
    assert stage.feed(TextDelta(0, "AY\n")) == (TextDelta(0, "STAY"),)
    assert stage.feed(TextDelta(0, "!")) == (TextDelta(0, "\n!"),)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(BlockStopped(0), id="the end of its block"),
        pytest.param(ToolUseStarted(1, "c1", "grep"), id="a call"),
        pytest.param(OpaqueBlock(1, {"type": "search"}), id="an unknown block"),
        pytest.param(END, id="the end of the reply"),
    ],
)
def test_what_was_held_back_comes_before_what_ends_its_block(after: Delta):
    assert passed(["STOP"], TextDelta(0, "a ST"), after) == [
        TextDelta(0, "a "),
        TextDelta(0, "ST"),
        after,
    ]


def test_a_sequence_does_not_reach_from_one_block_into_the_next():
    deltas = [
        TextDelta(0, "ST"),
        BlockStopped(0),
        TextDelta(1, "OP"),
        BlockStopped(1),
        END,
    ]
    assert passed(["STOP"], *deltas) == deltas


def test_only_text_is_searched():
    deltas = [
        STARTED,
        ThinkingDelta(0, "I must not say STOP"),
        Signature(0, "STOP"),
        BlockStopped(0),
        *call(1, '{"pattern": "STOP"}'),
        OpaqueBlock(2, {"type": "search", "query": "STOP"}),
        END,
    ]
    assert passed(["STOP"], *deltas) == deltas


# --- What follows a sequence ---------------------------------------------------------


def test_a_stop_sequence_across_deltas_is_found_and_ends_the_reply():
    assert passed(
        ["STOP"],
        STARTED,
        ThinkingDelta(0, "hm"),
        BlockStopped(0),
        *call(1, "{}"),
        TextDelta(2, "well S"),
        TextDelta(2, "TO"),
        TextDelta(2, "P and"),
        TextDelta(2, " more STOP"),
        BlockStopped(2),
        TextDelta(3, "and more"),
        BlockStopped(3),
        ThinkingDelta(4, "on and on"),
        Signature(4, "s"),
        BlockStopped(4),
        *call(5, "{}"),
        OpaqueBlock(6, {"type": "search"}),
        END,
    ) == [
        STARTED,
        ThinkingDelta(0, "hm"),
        BlockStopped(0),
        *call(1, "{}"),
        TextDelta(2, "well "),
        BlockStopped(2),
        CUT,
    ]


def test_a_stage_says_when_it_has_cut_the_reply():
    stage = StopSequences(["STOP"])
    stage.feed(TextDelta(0, "well STO"))
    assert not stage.done
    stage.feed(TextDelta(0, "P"))
    assert stage.done
    stage.feed(BlockStopped(0))
    assert stage.done


def test_a_reply_cut_before_its_calls_does_not_stop_for_them():
    said = passed(
        ["STOP"],
        TextDelta(0, "STOP"),
        BlockStopped(0),
        *call(1, "{}"),
        Stopped("tool_use", USAGE, service_tier="standard"),
    )
    assert said[-1] == CUT
    assert not any(isinstance(delta, ToolUseStopped) for delta in said)


def test_a_sequence_in_a_later_block_ends_that_block():
    assert passed(
        ["STOP"],
        TextDelta(0, "one"),
        BlockStopped(0),
        TextDelta(1, "two STOP three"),
        BlockStopped(1),
        END,
    ) == [
        TextDelta(0, "one"),
        BlockStopped(0),
        TextDelta(1, "two "),
        BlockStopped(1),
        CUT,
    ]


# --- Notes ---------------------------------------------------------------------------


def test_the_end_of_a_reply_has_the_notes_and_all_else_passes_as_it_is():
    stage = Noted({"signatures_refused": True})
    deltas = [STARTED, TextDelta(0, "all"), BlockStopped(0), *call(1, "{}")]
    assert [out for delta in deltas for out in stage.feed(delta)] == deltas
    assert not stage.done
    (end,) = stage.feed(END)
    assert end == Stopped(
        "end_turn",
        USAGE,
        service_tier="standard",
        notes={"signatures_refused": True},
    )
    assert END.notes == {}


def test_notes_of_several_come_together_and_the_later_one_wins():
    (first,) = Noted({"a": 1, "b": 1}).feed(END)
    (second,) = Noted({"b": 2, "c": 2}).feed(first)
    assert second.notes == {"a": 1, "b": 2, "c": 2}
    assert first.notes == {"a": 1, "b": 1}


def test_a_reply_that_was_cut_has_its_notes_too():
    stages = [StopSequences(["STOP"]), Noted({"a": 1})]
    heard: list[Delta] = [TextDelta(0, "go STOP"), BlockStopped(0), END]
    for stage in stages:
        heard = [out for delta in heard for out in stage.feed(delta)]
    assert heard[-1] == Stopped(
        "stop_sequence", USAGE, "STOP", "standard", notes={"a": 1}
    )
