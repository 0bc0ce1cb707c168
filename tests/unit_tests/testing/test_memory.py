"""How faithfully replies come back."""

import pytest

from langchain_minimax.testing import Replay
from langchain_minimax.testing._memory import Memory, as_completion, as_message

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


# --- Over the other protocol ----------------------------------------------------------

JOINED = {"thinking": "The user wants rain.Then snow.", "type": "thinking"}
TAGGED = {
    "text": "<think>\nThe user wants rain.\n</think>\n\nI'll look.",
    "type": "text",
}
BARE = {"thinking": "The user wants rain.", "type": "thinking"}
STRAY = {"thinking": "The user wants rain.\n</think>", "type": "thinking"}
UNSIGNED = {**BARE, "signature": ""}


@pytest.mark.parametrize(
    ("said", "content", "expected"),
    [
        # Said with signatures, and run together on the way back.
        (REPLY, [JOINED, SAID, CALL], "verbatim"),
        (REPLY, [BARE, SAID, CALL], "thinking_altered"),
        (REPLY, [SAID, CALL], "thinking_missing"),
        (REPLY, [JOINED, SAID], "changed"),
        ([THOUGHT, SAID, CALL], [BARE, SAID, CALL], "verbatim"),
        ([THOUGHT, SAID, CALL], [TAGGED, CALL], "verbatim"),
        (
            [SAID, {**SAID, "text": "Wait."}],
            [{**SAID, "text": "I'll look.Wait."}],
            "verbatim",
        ),
        ([THOUGHT], [BARE], "verbatim"),
        # What it was cut with is part of what was said.
        ([STRAY, SAID], [STRAY, SAID], "verbatim"),
        ([STRAY, SAID], [BARE, SAID], "thinking_altered"),
        # Said in the text, by an engine of the other protocol.
        ([TAGGED, CALL], [BARE, SAID, CALL], "verbatim"),
        ([TAGGED, CALL], [SAID, CALL], "thinking_missing"),
    ],
)
def test_over_chat_completions(said, content, expected):
    memory = Memory()
    memory.remember("reply", said)
    turns = [{"role": "assistant", "content": content}]

    [replay] = memory.review(turns, as_completion)

    assert (replay.reply_id, replay.verdict) == ("reply", expected)
    assert replay.signed == ()


@pytest.mark.parametrize(
    ("said", "content", "expected"),
    [
        ([BARE, SAID, CALL], [BARE, SAID, CALL], "verbatim"),
        ([BARE, SAID, CALL], [UNSIGNED, SAID, CALL], "verbatim"),
        ([BARE, SAID, CALL], [TAGGED, CALL], "verbatim"),
        ([BARE, SAID, CALL], [SAID, CALL], "thinking_missing"),
        (
            [BARE, SAID, CALL],
            [{**BARE, "thinking": "Hm."}, SAID, CALL],
            "thinking_altered",
        ),
        ([BARE], [UNSIGNED], "verbatim"),
        # There the mark is no part of the thinking.
        ([STRAY, SAID], [BARE, SAID], "verbatim"),
        ([STRAY, SAID], [STRAY, SAID], "verbatim"),
        # Engines say it in the text, and have it back there or as thinking.
        ([TAGGED, CALL], [TAGGED, CALL], "verbatim"),
        ([TAGGED, CALL], [BARE, SAID, CALL], "verbatim"),
        ([TAGGED, CALL], [SAID, CALL], "thinking_missing"),
    ],
)
def test_over_the_messages_protocol(said, content, expected):
    memory = Memory()
    memory.remember("reply", said)

    [replay] = memory.review([{"role": "assistant", "content": content}])

    assert (replay.reply_id, replay.verdict) == ("reply", expected)


def test_altered_thinking_is_found_among_what_ran_together():
    memory = Memory()
    memory.remember("reply", REPLY)
    altered = {**JOINED, "thinking": "The user wants rain. Then snow."}
    for thought, places in ((JOINED, ()), (altered, (0,))):
        turns = [{"role": "assistant", "content": [thought, SAID, CALL]}]
        [replay] = memory.review(turns, as_completion)
        assert replay.altered == places


def test_a_reply_of_thinking_alone_is_known_by_its_words():
    memory = Memory()
    memory.remember("reply", [BARE])

    [replay] = memory.review([{"role": "assistant", "content": [BARE]}])
    assert replay == Replay(0, "reply", "verbatim")
    [other] = memory.review([{"role": "assistant", "content": [SECOND]}])
    assert other.verdict == "unknown"
    memory.remember("stray", [{**STRAY, "thinking": "Snow.\n</think>"}])
    [replay] = memory.review([{"role": "assistant", "content": "<think>Snow.</think>"}])
    assert replay == Replay(0, "stray", "verbatim")


def test_what_each_protocol_can_carry():
    raw = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}

    assert as_completion([*REPLY, raw]) == [
        {"type": "thinking", "thinking": JOINED["thinking"]},
        {"type": "text", "text": "I'll look."},
        CALL,
        raw,
    ]
    assert as_completion([]) == []
    signed_stray = {**STRAY, "signature": "a1"}
    assert as_message([STRAY, signed_stray, SAID, CALL]) == [
        BARE,
        signed_stray,
        SAID,
        CALL,
    ]


def test_thoughts_are_kept_for_the_report():
    memory = Memory()
    memory.remember("reply", REPLY)

    assert memory.thoughts("reply") == ["The user wants rain.", "Then snow."]
    assert memory.thoughts(None) == []
    memory.remember("tagged", [TAGGED])
    assert memory.thoughts("tagged") == ["The user wants rain."]
