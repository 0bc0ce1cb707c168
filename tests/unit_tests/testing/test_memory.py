"""How faithfully replies come back."""

import pytest

from langchain_minimax.testing import Replay
from langchain_minimax.testing._memory import Memory

THOUGHT = {"thinking": "The user wants rain.", "signature": "a1", "type": "thinking"}
SECOND = {"thinking": "Then snow.", "signature": "b2", "type": "thinking"}
SAID = {"text": "I'll look.", "type": "text"}
CALL = {"type": "tool_use", "id": "call_1", "name": "rain", "input": {"mm": 3}}
REPLY = [THOUGHT, SAID, SECOND, CALL]


def verdict(*content):
    memory = Memory()
    memory.remember("reply", REPLY)
    memory.remember("other", [{"text": "Something else.", "type": "text"}])
    turns = [
        {"role": "user", "content": "rain?"},
        {"role": "assistant", "content": list(content)},
    ]
    [replay] = memory.review(turns)
    assert replay.turn_index == 1
    assert replay.reply_id == ("reply" if replay.verdict != "unknown" else None)
    return replay.verdict


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (REPLY, "verbatim"),
        ([{**b, "cache_control": {"type": "ephemeral"}} for b in REPLY], "verbatim"),
        ([*REPLY, {"type": "text", "text": " \n"}], "verbatim"),
        ([SAID, CALL], "thinking_missing"),
        ([THOUGHT, SAID, CALL], "thinking_missing"),
        ([{**THOUGHT, "thinking": "Hm."}, SAID, SECOND, CALL], "thinking_altered"),
        ([{**THOUGHT, "signature": "a2"}, SAID, SECOND, CALL], "thinking_altered"),
        ([{**THOUGHT, "signature": ""}, SAID, SECOND, CALL], "thinking_altered"),
        ([THOUGHT, SECOND, SAID, CALL], "reordered"),
        ([SECOND, SAID, THOUGHT, CALL], "reordered"),
        ([THOUGHT, SAID, SECOND, {**CALL, "input": {}}], "changed"),
        ([THOUGHT, SAID, SECOND], "changed"),
        ([THOUGHT, {**SAID, "text": "I'll look. "}, SECOND, CALL], "changed"),
        ([{"type": "text", "text": "Never said."}], "unknown"),
    ],
)
def test_verdicts(content, expected):
    assert verdict(*content) == expected


ALTERED = {**THOUGHT, "thinking": "Hm."}


@pytest.mark.parametrize(
    ("content", "signed", "altered"),
    [
        (REPLY, (0, 2), ()),
        ([SAID, CALL], (), ()),
        ([ALTERED, SAID, SECOND, CALL], (0, 2), (0,)),
        ([THOUGHT, SAID, {**SECOND, "signature": "b3"}, CALL], (0, 2), (2,)),
        ([{**THOUGHT, "signature": ""}, SAID, SECOND, CALL], (2,), (0,)),
        # A known signature is known in whatever turn it comes back.
        ([SAID, ALTERED], (1,), (1,)),
        ([{**SAID, "text": "Never said."}, ALTERED], (1,), (1,)),
        # Whatever another server signed is not for this one to judge.
        ([{**THOUGHT, "signature": "foreign"}], (0,), ()),
        ([SECOND, THOUGHT], (0, 1), ()),
    ],
)
def test_places_of_signed_and_altered_thinking(content, signed, altered):
    memory = Memory()
    memory.remember("reply", REPLY)

    [replay] = memory.review([{"role": "assistant", "content": content}])

    assert (replay.signed, replay.altered) == (signed, altered)


def test_an_empty_signature_vouches_for_nothing():
    memory = Memory()
    memory.remember("reply", [{**THOUGHT, "signature": ""}])

    content = [{**ALTERED, "signature": ""}]
    [replay] = memory.review([{"role": "assistant", "content": content}])

    assert replay.altered == ()


def test_one_signature_may_have_been_given_twice():
    memory = Memory()
    memory.remember("one", [THOUGHT])
    memory.remember("two", [ALTERED])

    for block in (THOUGHT, ALTERED):
        [replay] = memory.review([{"role": "assistant", "content": [block]}])
        assert replay.altered == ()


def test_a_reply_of_text_alone_may_come_back_as_a_string():
    memory = Memory()
    memory.remember("old", [THOUGHT, {"text": "Hi.", "type": "text"}])
    memory.remember("new", [{"text": "Hi.", "type": "text"}])

    assert memory.review([{"role": "assistant", "content": "Hi."}]) == [
        Replay(0, "new", "verbatim")
    ]


def test_of_two_equal_texts_the_faithful_one_is_meant():
    memory = Memory()
    memory.remember("bare", [{"text": "Hi.", "type": "text"}])
    memory.remember("deep", [THOUGHT, {"text": "Hi.", "type": "text"}])

    [replay] = memory.review([{"role": "assistant", "content": "Hi."}])

    assert replay == Replay(0, "bare", "verbatim")


def test_an_unsigned_thought_may_come_back_with_an_empty_signature():
    memory = Memory()
    bare = {"thinking": "Hm.", "type": "thinking"}
    memory.remember("unsigned", [bare, SAID])

    content = [{**bare, "signature": ""}, SAID]
    [replay] = memory.review([{"role": "assistant", "content": content}])

    assert replay.verdict == "verbatim"


def test_thoughts_are_kept_for_the_report():
    memory = Memory()
    memory.remember("reply", REPLY)

    assert memory.thoughts("reply") == ["The user wants rain.", "Then snow."]
    assert memory.thoughts(None) == []
