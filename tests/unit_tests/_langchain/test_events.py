from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models._compat_bridge import chunks_to_events
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.messages import AIMessage, merge_message_runs
from langchain_core.outputs import ChatGenerationChunk
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

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
    Unmet,
    Usage,
)
from langchain_minimax._dialects import anthropic
from langchain_minimax._filters import StopSequences
from langchain_minimax._langchain.chunks import Chunks, fold
from langchain_minimax._langchain.content_blocks import standard_blocks
from langchain_minimax._langchain.events import Events
from langchain_minimax._langchain.messages import to_conversation

MODEL = "MiniMax-M3"
START = Started("r1", MODEL)
END = Stopped("end_turn", Usage(3, 5))
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
CUT = '{"path": "/srv/a'


def events(deltas: Sequence[Delta], **options: Any) -> list[Any]:
    translator = Events(MODEL, **options)
    return [event for delta in deltas for event in translator.feed(delta)]


def assembled(told: Sequence[Any]) -> AIMessage:
    """The message that LangChain makes of these events."""
    stream = ChatModelStream()
    for event in told:
        stream.dispatch(event)
    return stream.output


def blocks(told: Sequence[Any]) -> list[tuple[str, int, Any]]:
    """The events of blocks, without their common prefix."""
    return [
        (event["event"].removeprefix("content-block-"), event["index"], content)
        for event in told
        if (content := event.get("content", event.get("delta"))) is not None
    ]


# --- Blocks --------------------------------------------------------------------------


def test_a_reply_begins_with_its_provider_and_model_and_without_an_id() -> None:
    (start,) = events([Started("r1", "MiniMax-M3-0601")])
    assert start == {
        "event": "message-start",
        "role": "ai",
        "id": "",
        "metadata": {"provider": "minimax", "model": "MiniMax-M3-0601"},
    }


def test_text_starts_grows_and_finishes() -> None:
    told = events([START, TextDelta(0, "Hi"), TextDelta(0, "!"), BlockStopped(0)])
    assert blocks(told) == [
        ("start", 0, {"type": "text", "text": ""}),
        ("delta", 0, {"type": "text-delta", "text": "Hi"}),
        ("delta", 0, {"type": "text-delta", "text": "!"}),
        ("finish", 0, {"type": "text", "text": "Hi!", "index": "lc_r1_0"}),
    ]


def test_thinking_finishes_with_its_signature() -> None:
    told = events([START, ThinkingDelta(0, "Hm"), Signature(0, "5ig"), BlockStopped(0)])
    assert blocks(told) == [
        ("start", 0, {"type": "reasoning", "reasoning": ""}),
        ("delta", 0, {"type": "reasoning-delta", "reasoning": "Hm"}),
        (
            "finish",
            0,
            {
                "type": "reasoning",
                "reasoning": "Hm",
                "extras": {"signature": "5ig"},
                "index": "lc_r1_0",
            },
        ),
    ]


def test_a_signature_without_a_thought_is_a_block_of_its_own() -> None:
    told = events([START, Signature(0, "5ig"), BlockStopped(0)])
    assert blocks(told) == [
        ("start", 0, {"type": "reasoning", "reasoning": ""}),
        (
            "finish",
            0,
            {
                "type": "reasoning",
                "reasoning": "",
                "extras": {"signature": "5ig"},
                "index": "lc_r1_0",
            },
        ),
    ]


def test_a_call_streams_its_arguments_and_finishes_with_them_parsed() -> None:
    told = events(
        [
            START,
            ToolUseStarted(0, "c1", "dig"),
            ToolUseDelta(0, '{"at"'),
            ToolUseDelta(0, ": 1}"),
            ToolUseStopped(0, "c1", "dig", {"at": 1}, '{"at": 1}'),
        ]
    )
    assert blocks(told) == [
        (
            "start",
            0,
            {"type": "tool_call_chunk", "id": "c1", "name": "dig", "args": ""},
        ),
        ("delta", 0, {"type": "tool-call-delta", "args": '{"at"'}),
        ("delta", 0, {"type": "tool-call-delta", "args": ": 1}"}),
        (
            "finish",
            0,
            {"type": "tool_call", "id": "c1", "name": "dig", "args": {"at": 1}},
        ),
    ]


CUT_CALL: list[Delta] = [
    START,
    ToolUseStarted(0, "c1", "delete"),
    ToolUseDelta(0, CUT),
    ToolUseStopped(0, "c1", "delete", None, CUT),
    END,
]


def test_a_call_with_half_its_arguments_finishes_as_invalid_and_says_why() -> None:
    _, finish, block = blocks(events(CUT_CALL))[-1]
    assert finish == 0
    assert (block["type"], block["id"], block["name"]) == (
        "invalid_tool_call",
        "c1",
        "delete",
    )
    assert block["args"].startswith(CUT)
    assert block["error"]
    message = assembled(events(CUT_CALL))
    assert message.tool_calls == []
    assert [call["id"] for call in message.invalid_tool_calls] == ["c1"]


def test_an_invalid_call_stays_invalid_when_messages_are_merged() -> None:
    """LangChain parses the arguments anew, and completes them where it can."""
    message = assembled(events(CUT_CALL))
    (merged,) = merge_message_runs([message, AIMessage("Sorry.")])
    assert merged.tool_calls == []
    assert [call["id"] for call in merged.invalid_tool_calls] == ["c1"]


def test_an_unknown_block_comes_whole_at_its_finish() -> None:
    (start, finish) = blocks(events([START, OpaqueBlock(0, SEARCH)]))
    assert start == ("start", 0, {"type": "non_standard", "value": {}})
    assert finish[:2] == ("finish", 0)
    assert finish[2]["type"] == "non_standard"
    assert finish[2]["value"] == SEARCH


def test_a_text_that_a_stop_sequence_emptied_is_no_block() -> None:
    stop = StopSequences(["END"])
    heard = [START, TextDelta(0, "END"), BlockStopped(0), END]
    told = events([passed for delta in heard for passed in stop.feed(delta)])
    assert blocks(told) == []
    assert told[-1]["metadata"]["stop_sequence"] == "END"
    assert assembled(told).content == ""


def test_blocks_are_numbered_without_gaps_even_if_one_was_empty() -> None:
    told = events([START, BlockStopped(0), TextDelta(1, "Hi"), BlockStopped(1), END])
    assert {index for _, index, _ in blocks(told)} == {0}


# --- The end -------------------------------------------------------------------------


def test_the_end_tells_what_the_server_said_of_the_reply() -> None:
    stopped = Stopped("stop_sequence", Usage(3, 5, 100), "END", "priority")
    finish = events([START, stopped])[-1]
    assert finish == {
        "event": "message-finish",
        "metadata": {
            "model_provider": "minimax",
            "id": "r1",
            "model_name": MODEL,
            "stop_reason": "stop_sequence",
            "stop_sequence": "END",
            "service_tier": "priority",
        },
        "usage": {
            "input_tokens": 103,
            "output_tokens": 5,
            "total_tokens": 108,
            "input_token_details": {"cache_read": 100},
        },
    }


def test_what_the_server_did_not_say_is_left_out() -> None:
    start, finish = events([Started("", None), Stopped(None)])
    assert start["metadata"] == {"provider": "minimax", "model": MODEL}
    assert finish == {
        "event": "message-finish",
        "metadata": {"model_provider": "minimax", "model_name": MODEL},
    }


def test_usage_can_be_left_out_and_nothing_else_goes_with_it() -> None:
    finish = events([START, END])[-1]
    assert finish.pop("usage")
    assert events([START, END], usage=False)[-1] == finish


@pytest.mark.parametrize("id", ["r", ""], ids=["named", "nameless"])
def test_two_replies_stay_apart_when_they_are_merged(id: str) -> None:
    def reply(number: int) -> AIMessage:
        return assembled(
            events(
                [
                    Started(id and f"{id}{number}", MODEL),
                    ThinkingDelta(0, f"thought {number}"),
                    Signature(0, f"signature {number}"),
                    BlockStopped(0),
                    TextDelta(1, f"text {number}"),
                    BlockStopped(1),
                    OpaqueBlock(2, {**SEARCH, "id": f"s{number}"}),
                    END,
                ]
            )
        )

    (merged,) = merge_message_runs([reply(1), reply(2)])
    (turn,) = to_conversation([merged]).turns
    apart = to_conversation([reply(1), reply(2)]).turns
    assert turn.blocks == apart[0].blocks + apart[1].blocks


# --- Two replies to one demand -------------------------------------------------------

GOOD = '{"depth": 3}'
SHOWN: list[Delta] = [
    START,
    *(ThinkingDelta(0, "one"), Signature(0, "5ig"), BlockStopped(0)),
    *(ToolUseStarted(1, "c1", "dig"), ToolUseDelta(1, CUT)),
    ToolUseStopped(1, "c1", "dig", None, CUT),
    Unmet("invalid", "No.", ()),
    Started("r2", MODEL),
    *(ThinkingDelta(0, "two"), Signature(0, "6ig"), BlockStopped(0)),
    *(ToolUseStarted(1, "c2", "dig"), ToolUseDelta(1, GOOD)),
    ToolUseStopped(1, "c2", "dig", {"depth": 3}, GOOD),
    Stopped("tool_use", Usage(6, 10), notes={"attempts": 2}),
]


def test_two_replies_are_one_life_and_their_blocks_are_numbered_on() -> None:
    told = events(SHOWN)
    assert_valid_event_stream(told)
    finished = [content for name, _, content in blocks(told) if name == "finish"]
    assert [c["index"] for c in finished if "index" in c] == ["lc_r1_0", "lc_r2_0"]
    assert [i for name, i, _ in blocks(told) if name == "start"] == [0, 1, 2, 3]
    assert told[-1]["metadata"]["attempts"] == 2
    assert told[-1]["metadata"]["id"] == "r2"


def test_two_replies_make_one_message_that_the_chunks_make_too() -> None:
    message, folded = assembled(events(SHOWN)), fold(SHOWN, MODEL)
    assert [call["args"] for call in message.tool_calls] == [{"depth": 3}]
    assert [call["id"] for call in message.invalid_tool_calls] == ["c1"]
    assert message.usage_metadata == folded.usage_metadata
    assert reasoning(message) == [("one", "5ig"), ("two", "6ig")]
    assert message.tool_calls == folded.tool_calls


@pytest.mark.parametrize("first", ["r1", ""])
def test_a_first_reply_of_which_nothing_is_shown_leaves_no_gap(first: str) -> None:
    said = [Started(first, MODEL), Unmet("prose", "No.", ()), Started("r2", MODEL)]
    told = events([*said, TextDelta(0, "Hi"), BlockStopped(0), END])
    assert_valid_event_stream(told)
    assert [i for name, i, _ in blocks(told) if name == "start"] == [0]
    assert blocks(told)[-1][2]["index"] == "lc_r2_0"


# --- Laws ----------------------------------------------------------------------------

WORDS = st.text(min_size=1, max_size=12)
INPUTS = st.dictionaries(WORDS, WORDS | st.integers() | st.lists(WORDS), max_size=3)


def _block(type: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(type), **fields})


def numbered(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, each call under an id of its own."""
    return [
        {**block, "id": f"call_{place}"} if "name" in block else block
        for place, block in enumerate(content)
    ]


CONTENTS = st.lists(
    st.one_of(
        _block("text", text=WORDS),
        _block("thinking", thinking=WORDS),
        _block("thinking", thinking=st.just("") | WORDS, signature=WORDS),
        _block("tool_use", name=st.sampled_from(["dig", "fill"]), input=INPUTS),
        _block("server_tool_use", name=st.just("web_search"), input=INPUTS),
    ),
    min_size=1,
    max_size=6,
).map(numbered)
SIZES = st.integers(1, 6)

law = settings(max_examples=60, deadline=None)


def heard(content: list[dict[str, Any]], size: int) -> list[Delta]:
    """The stream in which a server says this content, in pieces of a size."""
    document = {
        "id": "r1",
        "model": MODEL,
        "content": content,
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }
    decoder = anthropic.decoder()
    deltas = [*decoder.whole(document), *decoder.finish()]
    return [piece for delta in deltas for piece in _pieces(delta, size)]


def _pieces(delta: Delta, size: int) -> Iterator[Delta]:
    match delta:
        case (
            TextDelta(place, text)
            | ThinkingDelta(place, text)
            | ToolUseDelta(place, text)
        ):
            for start in range(0, len(text), size):
                yield type(delta)(place, text[start : start + size])
        case _:
            yield delta


def bridged(deltas: Sequence[Delta], *, v1: bool) -> AIMessage:
    """What LangChain makes of our chunks, for callers that ask for events."""
    chunks = Chunks(MODEL, v1=v1)
    messages = (chunks.feed(delta) for delta in deltas)
    generations = (ChatGenerationChunk(message=each) for each in messages if each)
    told = list(chunks_to_events(generations))
    assert_valid_event_stream(told)
    return assembled(told)


def reasoning(message: AIMessage) -> list[tuple[str, str | None]]:
    return [
        (block["reasoning"], block.get("extras", {}).get("signature"))
        for block in message.content_blocks
        if block["type"] == "reasoning"
    ]


@law
@given(content=CONTENTS, size=SIZES)
def test_the_events_are_a_valid_stream(
    content: list[dict[str, Any]], size: int
) -> None:
    told = events(heard(content, size))
    assert_valid_event_stream(told)
    assert sum(event["event"] == "content-block-finish" for event in told) == len(
        content
    )


@law
@given(content=CONTENTS, size=SIZES)
def test_they_give_the_content_that_the_v1_layout_has(
    content: list[dict[str, Any]], size: int
) -> None:
    deltas = heard(content, size)
    message, v1 = assembled(events(deltas)), fold(deltas, MODEL, v1=True)
    assert message.content == v1.content
    assert message.tool_calls == v1.tool_calls
    assert message.usage_metadata == v1.usage_metadata
    assert message.response_metadata == v1.response_metadata
    assert message.additional_kwargs == v1.additional_kwargs


@law
@given(content=CONTENTS, size=SIZES)
def test_the_message_is_sent_back_as_it_came(
    content: list[dict[str, Any]], size: int
) -> None:
    deltas = heard(content, size)
    message, v0 = assembled(events(deltas)), fold(deltas, MODEL)
    assert to_conversation([message]) == to_conversation([v0])
    assert len(standard_blocks(message)) == len(content)


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
@law
@given(content=CONTENTS, size=SIZES)
def test_langchains_own_bridge_over_our_chunks_says_the_same(
    v1: bool, content: list[dict[str, Any]], size: int
) -> None:
    deltas = heard(content, size)
    message, bridge = assembled(events(deltas)), bridged(deltas, v1=v1)
    assert bridge.text == message.text
    assert reasoning(bridge) == reasoning(message)
    assert bridge.tool_calls == message.tool_calls
    assert bridge.usage_metadata == message.usage_metadata


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
@law
@given(cut=INPUTS.map(str) | st.text(alphabet='{}[]"\\:,a1 \n', max_size=20))
def test_the_bridge_takes_no_broken_call_for_a_good_one(v1: bool, cut: str) -> None:
    deltas: list[Delta] = [
        START,
        ToolUseStarted(0, "c1", "delete"),
        *([ToolUseDelta(0, cut)] if cut else []),
        ToolUseStopped(0, "c1", "delete", None, cut),
        END,
    ]
    for message in (assembled(events(deltas)), bridged(deltas, v1=v1)):
        assert message.tool_calls == []
        assert [call["id"] for call in message.invalid_tool_calls] == ["c1"]
