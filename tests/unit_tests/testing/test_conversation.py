"""Messages, whichever way they are spelled."""

import pytest

from langchain_minimax.testing._conversation import (
    blocks_of,
    is_blank,
    text_of,
    untagged,
)

CALL = {"type": "tool_use", "id": "c1", "name": "rain", "input": {}}


def text(words):
    return {"type": "text", "text": words}


def thinking(words):
    return {"type": "thinking", "thinking": words}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("<think>\nHm.\n</think>\n\nHi.", [thinking("Hm."), text("Hi.")]),
        ("<think>\nHm.\n</think>\nHi.", [thinking("Hm."), text("Hi.")]),
        ("<think>Hm.\n</think>\n\nHi.", [thinking("Hm."), text("Hi.")]),
        ("<mm:think>Hm.</mm:think>Hi.", [thinking("Hm."), text("Hi.")]),
        # One line end belongs to each mark, and two to what follows.
        ("<think>\nHm.\n\n</think>\n\n\nHi.", [thinking("Hm.\n"), text("\nHi.")]),
        ("<think>A</think><think>\nB\n</think>\n", [*map(thinking, "AB"), text("")]),
        ("<think>\n\n</think>\nHi.", [thinking(""), text("Hi.")]),
        # Only at the beginning, and only in pairs.
        ("Hi. <think>Hm.</think>", [text("Hi. <think>Hm.</think>")]),
        (" <think>Hm.</think>", [text(" <think>Hm.</think>")]),
        ("<think>Hm.</mm:think>Hi.", [text("<think>Hm.</mm:think>Hi.")]),
        ("<think>\nHm.", [text("<think>\nHm.")]),
        ("Hm.\n</think>\n\nHi.", [text("Hm.\n</think>\n\nHi.")]),
    ],
)
def test_thinking_in_a_text_becomes_a_block(words, expected):
    assert list(untagged([text(words)])) == expected


def test_other_blocks_stay_as_they_are():
    marked = {**text("<think>Hm.</think>Hi."), "cache_control": {}}
    others = [thinking("<think>A</think>"), CALL, {"type": "text"}, {}]

    assert list(untagged(others)) == others
    assert list(untagged([marked])) == [thinking("Hm."), {**marked, "text": "Hi."}]


@pytest.mark.parametrize(
    ("block", "blank"),
    [
        (text(""), True),
        (text(" \n"), True),
        ({"type": "text"}, True),
        (text("."), False),
        (CALL, False),
        (thinking(""), False),
    ],
)
def test_blank_text_says_nothing(block, blank):
    assert is_blank(block) is blank


def test_a_message_is_spelled_in_two_ways():
    assert blocks_of({"content": "Hi."}) == [text("Hi.")]
    assert blocks_of({"content": [CALL]}) == [CALL]
    assert blocks_of({"content": None}) == blocks_of({}) == []
    assert text_of({"content": [text("A"), CALL, text("B")]}) == "A\nB"
