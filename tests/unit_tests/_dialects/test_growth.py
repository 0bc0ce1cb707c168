from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._dialects.growth import Growth, Habit

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "60"))
SURE = 16  # characters said again, after which there is no doubt

BELLS = "Eight bells, and"  # of just that length
LONGER = f"{BELLS} all is well"


def told(*pieces: str, habit: Habit | None = None) -> list[str]:
    """What is new in each of the pieces, and at last what was held."""
    growth = Growth(habit or Habit())
    return [*(growth.feed(piece) for piece in pieces), growth.finish()]


# --- Pieces that are new ------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "new"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["Ahoy"], ["Ahoy"], id="one"),
        pytest.param(["Eight", " bells", "."], ["Eight", " bells", "."], id="each new"),
        pytest.param(["and", "a", "nd"], ["and", "a", "nd"], id="shorter ones"),
        pytest.param(["", "a", "", "b", ""], ["", "a", "", "b", ""], id="empty ones"),
        pytest.param(["a", "and", "!"], ["a", "", "and!"], id="a prefix, then not"),
        pytest.param(
            ["a", "", "and", "", "!"], ["a", "", "", "", "and!"], id="a pause between"
        ),
        pytest.param(["ha", "ha", "!"], ["ha", "", "ha!"], id="the same, then not"),
        pytest.param(["!", "a", "and", "and"], ["!", "a", "and", "and"], id="known"),
    ],
)
def test_increments_are_told_as_they_come(pieces: list[str], new: list[str]):
    assert told(*pieces) == [*new, ""]


@pytest.mark.parametrize(
    ("pieces", "held"),
    [
        pytest.param(["a", "and"], "and", id="a word goes on"),
        pytest.param(["1", "10"], "10", id="a number"),
        pytest.param(["潮", "潮水"], "潮水", id="a word of another script"),
        pytest.param(["ha", "ha", "ha"], "haha", id="the same"),
        pytest.param(["-", *["-"] * 99], "-" * 99, id="a line of dashes"),
        pytest.param([BELLS, BELLS], BELLS, id="a sentence said again"),
    ],
)
def test_what_may_have_been_new_is_told_at_the_end(pieces: list[str], held: str):
    first, *rest, last = told(*pieces)
    assert (first, last) == (pieces[0], held)
    assert not any(rest)


# --- Pieces that say all of it ------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "new"),
    [
        pytest.param([BELLS, LONGER], [BELLS, " all is well"], id="at once"),
        pytest.param(
            [BELLS, LONGER, LONGER, f"{LONGER}!", f"{LONGER}!!"],
            [BELLS, " all is well", "", "!", "!"],
            id="from then on",
        ),
        pytest.param(
            [BELLS, BELLS, LONGER], [BELLS, "", " all is well"], id="the first twice"
        ),
        pytest.param(
            ["Eig", "Eight", "Eight bells", "Eight bells."],
            ["Eig", "", "ht bells", "."],
            id="once may be chance, twice is not",
        ),
        pytest.param(
            ["Eig", "Eig", "Eig", "Eight", "Eight", "Eight bells"],
            ["Eig", "", "", "", "", "ht bells"],
            id="what does not grow does not count",
        ),
        pytest.param(
            [BELLS, LONGER, BELLS, "", "Eight", f"{LONGER}."],
            [BELLS, " all is well", "", "", "", "."],
            id="older ones after newer ones",
        ),
        pytest.param(
            [BELLS, "", LONGER], [BELLS, "", " all is well"], id="a pause between"
        ),
    ],
)
def test_of_snapshots_what_is_new_is_told(pieces: list[str], new: list[str]):
    assert told(*pieces) == [*new, ""]


def test_when_there_is_no_doubt():
    letters = "m" * SURE
    assert told(letters, f"{letters}n") == [letters, "n", ""]
    fewer = letters[:-1]
    assert told(fewer, f"{fewer}n") == [fewer, "", f"{fewer}n"]


@pytest.mark.parametrize(
    ("pieces", "held"),
    [
        (["No", "No."], "."),
        (["Yes", "Yes sir"], " sir"),
        (["Yes", "Yes", "Yes, sir"], ", sir"),
        (["1", "1\n2"], "\n2"),
        (["潮水", "潮水。"], "。"),
    ],
)
def test_a_few_words_that_end_before_the_next_begin_are_snapshots(
    pieces: list[str], held: str
):
    first, *rest, last = told(*pieces)
    assert (first, last) == (pieces[0], held)
    assert not any(rest)


# --- One that changes its ways ------------------------------------------------------


def test_increments_after_snapshots_are_new():
    pieces = [BELLS, LONGER, "; ", "go", "going", "!"]
    assert told(*pieces) == [BELLS, " all is well", "; ", "go", "going", "!", ""]


def test_what_was_said_again_after_increments_is_new():
    pieces = ["Eight bells", ", and", ", and all is well", ", and all is well!"]
    assert told(*pieces) == [*pieces, ""]


def test_an_end_may_come_between():
    growth = Growth(Habit())
    assert [growth.feed("No"), growth.feed("No."), growth.finish()] == ["No", "", "."]
    assert [growth.feed("No. Go"), growth.finish()] == [" Go", ""]

    growth = Growth(Habit())
    assert [growth.feed("a"), growth.feed("and"), growth.finish()] == ["a", "", "and"]
    assert [growth.feed("and"), growth.finish()] == ["and", ""]


def test_an_end_where_nothing_is_held_decides_nothing():
    growth = Growth(Habit())
    assert [growth.feed(BELLS), growth.finish()] == [BELLS, ""]
    assert [growth.feed(LONGER), growth.finish()] == [" all is well", ""]


# --- Two texts of one stream --------------------------------------------------------


def test_one_text_tells_the_next_that_they_are_snapshots():
    habit = Habit()
    assert told(BELLS, LONGER, habit=habit)[1] == " all is well"
    assert habit.repeats is True
    assert told("a", "and", "and so", habit=habit) == ["a", "nd", " so", ""]
    assert told("ha", "ha", "ha!", habit=habit) == ["ha", "", "!", ""]


def test_one_text_tells_the_next_that_they_are_increments():
    habit = Habit()
    told("Eight", " bells", habit=habit)
    assert habit.repeats is False
    assert told("No", "No.", habit=habit) == ["No", "No.", ""]
    assert told(BELLS, LONGER, habit=habit) == [BELLS, LONGER, ""]
    assert habit.repeats is False


def test_what_is_held_is_new_once_another_text_was():
    habit = Habit()
    first, second = Growth(habit), Growth(habit)
    assert [first.feed("a"), first.feed("and")] == ["a", ""]
    assert [second.feed("Eight"), second.feed(" bells")] == ["Eight", " bells"]
    assert [first.feed("andante"), first.finish()] == ["andandante", ""]


def test_what_was_said_of_snapshots_a_text_may_find_wrong():
    habit = Habit(repeats=True)
    assert told("Eight", " bells", habit=habit) == ["Eight", " bells", ""]
    assert habit.repeats is False


def test_what_is_held_hears_of_the_other_text():
    habit = Habit()
    first, second = Growth(habit), Growth(habit)
    assert [first.feed("a"), first.feed("and")] == ["a", ""]
    assert [second.feed(BELLS), second.feed(LONGER)] == [BELLS, " all is well"]
    assert first.finish() == "nd"


def test_what_a_text_knows_of_itself_no_other_tells_it():
    habit = Habit()
    first = Growth(habit)
    assert [first.feed(BELLS), first.feed(LONGER)] == [BELLS, " all is well"]
    told("Eight", " bells", habit=habit)
    assert first.feed(f"{LONGER}!") == "!"


@pytest.mark.parametrize("pieces", [[], [""], ["a"], ["a", "and"], ["No", "No."]])
def test_a_guess_is_no_habit(pieces: list[str]):
    habit = Habit()
    told(*pieces, habit=habit)
    assert habit.repeats is None


# --- The law ------------------------------------------------------------------------


def may_be_snapshots(pieces: Sequence[str]) -> bool:
    """Whether increments look like snapshots, so that none could tell.

    They do where each begins with the one before, and goes beyond it, twice, or until
    enough is said again; or at the end, if there a word ends before more begins.
    """
    said_again = times = 0
    for before, piece in pairwise(pieces):
        if not piece.startswith(before):
            return False
        if piece != before:
            said_again += len(before)
            times += 1
        if said_again >= SURE or times >= 2:
            return True
    new = pieces[-1][len(pieces[0]) :]
    return bool(new) and not new[0].isalnum()


@given(st.lists(st.text("ab -", min_size=1, max_size=9) | st.text(), min_size=1))
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_increments_are_put_together_unless_they_look_like_snapshots(
    pieces: list[str],
):
    spoken = [piece for piece in pieces if piece]
    if not spoken or not may_be_snapshots(spoken):
        assert "".join(told(*pieces)) == "".join(pieces)


@given(st.text("a -", min_size=1, max_size=4), st.integers(0, 40))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_piece_that_is_said_many_times_is_put_together(piece: str, times: int):
    assert "".join(told(*[piece] * times)) == piece * times


@st.composite
def snapshots(draw: st.DrawFn, first: int = 1) -> list[str]:
    """All of a text after each of its pieces, of which there are at least two."""
    pieces = [
        draw(st.text(min_size=first, max_size=first + 20)),
        *draw(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=6)),
    ]
    return list(accumulate(pieces))


@given(snapshots())
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_snapshots_are_the_text_unless_they_are_two_and_the_first_is_short(
    pieces: list[str],
):
    begun = pieces[-1][len(pieces[0])]
    is_clear = len(pieces) > 2 or len(pieces[0]) >= SURE or not begun.isalnum()
    text = pieces[-1] if is_clear else "".join(pieces)
    assert "".join(told(*pieces)) == text


@given(snapshots(first=SURE), st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_snapshots_may_come_in_any_order_once_they_are_known(
    pieces: list[str], data: st.DataObject
):
    known = pieces[:2]
    later = data.draw(st.lists(st.sampled_from(["", *pieces])))
    growth = Growth(Habit())
    said = "".join(growth.feed(piece) for piece in known)
    for count, piece in enumerate(later, start=1):
        said += growth.feed(piece)
        assert said == max([*known, *later[:count]], key=len)
    assert growth.finish() == ""
