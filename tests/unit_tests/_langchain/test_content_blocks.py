from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models._compat_bridge import message_to_events
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.messages import AIMessage, AIMessageChunk, merge_message_runs
from langchain_core.messages.block_translators import get_translator
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from langchain_minimax._langchain.content_blocks import standard_blocks

OURS = {"model_provider": "minimax"}
DIG = tool_call(name="dig", args={"at": 1}, id="c1")
FILL = tool_call(name="fill", args={}, id="c2")
BROKEN = invalid_tool_call(name="dig", args='{"at]', id="c3", error=None)
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}


def thinking(text: str, place: int, signature: str = "") -> dict[str, Any]:
    """A thinking block as it lies in `additional_kwargs`."""
    signed = {"signature": signature} if signature else {}
    return {"type": "thinking", "thinking": text, **signed, "index": f"lc_r1_{place}"}


def text(text: str, place: int) -> dict[str, Any]:
    return {"type": "text", "text": text, "index": f"lc_r1_{place}"}


def v0(content: Any = "", thoughts: tuple[Any, ...] = (), **fields: Any) -> AIMessage:
    kwargs = {"thinking_blocks": list(thoughts)} if thoughts else {}
    return AIMessage(
        content=content, additional_kwargs=kwargs, response_metadata=OURS, **fields
    )


def shown(message: AIMessage) -> list[Any]:
    """What each block is and says, in order."""
    keys = ("reasoning", "text", "id", "value")
    return [
        (block["type"], next(block[key] for key in keys if key in block))
        for block in message.content_blocks
    ]


# --- The whole view ------------------------------------------------------------------


def test_it_is_langchains_view_of_our_messages() -> None:
    assert get_translator("minimax")
    message = v0("Hi", (thinking("Hm", 0, "5ig"),), tool_calls=[DIG])
    assert message.content_blocks == [
        {
            "type": "reasoning",
            "reasoning": "Hm",
            "extras": {"signature": "5ig"},
            "index": "lc_r1_0",
        },
        {"type": "text", "text": "Hi"},
        DIG,
    ]


@pytest.mark.parametrize(
    ("message", "order"),
    [
        (v0(), []),
        (v0("Hi"), [("text", "Hi")]),
        (
            v0("Hi", (thinking("Hm", 0),), tool_calls=[DIG]),
            [("reasoning", "Hm"), ("text", "Hi"), ("tool_call", "c1")],
        ),
        (
            v0(["", text("Then", 1)], tool_calls=[DIG, FILL]),
            [("tool_call", "c1"), ("text", "Then"), ("tool_call", "c2")],
        ),
        (
            v0(
                ["", text("Then", 3)],
                (thinking("One", 0), thinking("Two", 2)),
                tool_calls=[DIG],
            ),
            [
                ("reasoning", "One"),
                ("tool_call", "c1"),
                ("reasoning", "Two"),
                ("text", "Then"),
            ],
        ),
        (
            v0(["Hi", text("Then", 2)], (thinking("Two", 1),), tool_calls=[DIG]),
            [
                ("text", "Hi"),
                ("reasoning", "Two"),
                ("text", "Then"),
                ("tool_call", "c1"),
            ],
        ),
        (
            v0("Hi", (thinking("Two", 1),)),
            [("text", "Hi"), ("reasoning", "Two")],
        ),
        (
            v0([{**SEARCH, "index": "lc_r1_0"}, text("Then", 1)]),
            [("non_standard", SEARCH), ("text", "Then")],
        ),
        (
            v0("Hi", tool_calls=[DIG], invalid_tool_calls=[BROKEN]),
            [("text", "Hi"), ("tool_call", "c1"), ("invalid_tool_call", "c3")],
        ),
    ],
    ids=[
        "nothing",
        "text",
        "thought, text, call",
        "call, text, call",
        "thought, call, thought, text",
        "text, thought, text, call",
        "text, thought",
        "opaque, text",
        "broken call last",
    ],
)
def test_blocks_stand_in_the_order_of_the_wire(
    message: AIMessage, order: list[Any]
) -> None:
    assert shown(message) == order


def test_an_invalid_call_is_shown_once_beside_a_valid_one() -> None:
    message = v0("", tool_calls=[DIG], invalid_tool_calls=[BROKEN])
    assert message.content_blocks == [DIG, BROKEN]


def test_calls_of_one_id_are_shown_each() -> None:
    """A self-hosted server may give all calls the same id."""
    twin = {**FILL, "id": "c1"}
    assert v0("", tool_calls=[DIG, twin]).content_blocks == [DIG, twin]


def test_calls_without_an_id_are_shown_each() -> None:
    nameless = [{**DIG, "id": None}, {**FILL, "id": None}]
    broken = {**BROKEN, "id": None}
    message = v0("", tool_calls=nameless, invalid_tool_calls=[broken])
    assert message.content_blocks == [*nameless, broken]


def test_a_call_without_an_id_is_shown_once_when_the_content_has_it_too() -> None:
    nameless = {**DIG, "id": None}
    assert v0([dict(nameless)], tool_calls=[nameless]).content_blocks == [nameless]


def test_a_call_in_the_content_is_the_one_of_tool_calls() -> None:
    """Anthropic's streams leave `input` empty in the content."""
    begun = {"type": "tool_use", "id": "c1", "name": "dig", "input": {}, "index": 1}
    message = v0([{"type": "text", "text": "Hi"}, begun, "!"], tool_calls=[DIG])
    assert message.content_blocks == [
        {"type": "text", "text": "Hi"},
        DIG,
        {"type": "text", "text": "!"},
    ]


def test_calls_in_the_content_stand_where_they_stand_there() -> None:
    content = [
        {"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}
        for call in (FILL, DIG)
    ]
    assert v0(content, tool_calls=[DIG, FILL]).content_blocks == [FILL, DIG]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}},
        {"type": "tool_call", "id": "c1", "name": "dig", "args": {"at": 1}},
    ],
    ids=["Anthropic's", "LangChain's"],
)
def test_a_call_that_only_the_content_has_is_a_call_too(block: dict[str, Any]) -> None:
    """A history of dicts, as user interfaces keep it, has no `tool_calls`."""
    assert v0([block]).content_blocks == [DIG]


@pytest.mark.parametrize("kind", ["tool_call_chunk", "invalid_tool_call"])
def test_a_broken_call_that_only_the_content_has_is_still_a_broken_call(
    kind: str,
) -> None:
    broken = {"type": kind, "id": "c3", "name": "dig", "args": '{"at]'}
    (block,) = v0([broken]).content_blocks
    assert block["type"] in {"tool_call_chunk", "invalid_tool_call"}
    assert block.get("id") == "c3"
    assert block.get("args") == '{"at]'


def test_thinking_in_the_content_is_reasoning_too() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "5ig", "index": 0}
    assert v0([thought]).content_blocks == [
        {
            "type": "reasoning",
            "reasoning": "Hm",
            "extras": {"signature": "5ig"},
            "index": 0,
        }
    ]


def test_thinking_without_a_signature_has_no_extras() -> None:
    assert v0([{"type": "thinking", "thinking": "Hm"}]).content_blocks == [
        {"type": "reasoning", "reasoning": "Hm"}
    ]


def test_a_thought_that_lies_in_both_places_is_shown_once() -> None:
    """LangChain turns content into blocks in place, and leaves the rest as it is."""
    message = v0("Hi", (thinking("Hm", 0, "5ig"),))
    blocks = message.content_blocks
    turned = message.model_copy(update={"content": blocks})
    assert turned.content_blocks == blocks


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "url": "https://example.com/a.png"},
        {"type": "text", "text": "Hi", "annotations": [], "index": 0},
        {"type": "reasoning", "reasoning": "Hm", "id": "rs_1"},
        {"type": "non_standard", "value": {"type": "magic"}},
    ],
    ids=lambda block: block["type"],
)
def test_standard_blocks_stay_as_they_are(block: dict[str, Any]) -> None:
    assert v0([block]).content_blocks == [block]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (SEARCH, {"type": "non_standard", "value": SEARCH}),
        (
            {**SEARCH, "index": 4},
            {"type": "non_standard", "value": SEARCH, "index": 4},
        ),
        ({"magic": 1}, {"type": "non_standard", "value": {"magic": 1}}),
    ],
    ids=["server tool", "with index", "no type"],
)
def test_foreign_blocks_are_kept_as_non_standard(
    block: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert v0([block]).content_blocks == [expected]


@pytest.mark.parametrize("junk", [None, "Hm", {"thinking": "Hm"}, ["Hm"]])
def test_what_others_call_thinking_blocks_does_no_harm(junk: Any) -> None:
    message = AIMessage(
        "Hi", additional_kwargs={"thinking_blocks": junk}, response_metadata=OURS
    )
    assert message.content_blocks == [{"type": "text", "text": "Hi"}]


@pytest.mark.parametrize("index", ["lc_r1_x", "lc_", "r1_0", 0, 1.5, None])
def test_an_index_that_is_not_ours_moves_nothing(index: Any) -> None:
    parts = [
        {"type": "text", "text": "A", "index": index},
        {"type": "text", "text": "B"},
    ]
    assert shown(v0(parts)) == [("text", "A"), ("text", "B")]


def test_two_blocks_of_one_place_are_both_kept() -> None:
    message = v0("", (thinking("One", 0), {**thinking("Two", 0), "index": "lc_r2_0"}))
    assert shown(message) == [("reasoning", "One"), ("reasoning", "Two")]


def test_merged_replies_keep_their_order() -> None:
    """As LangChain's `merge_message_runs` leaves them in the v1 layout."""

    def reply(name: str, *texts: str) -> AIMessage:
        content: list[Any] = [
            {"type": "text", "text": text, "index": f"lc_{name}_{place}"}
            for place, text in enumerate(texts)
        ]
        return AIMessage(
            content=content, response_metadata={**OURS, "output_version": "v1"}
        )

    (merged,) = merge_message_runs([reply("r1", "A"), reply("r2", "B", "C", "D")])
    order = [block["text"] for block in standard_blocks(merged)]
    assert order == ["A", "B", "C", "D"]


def test_the_replay_of_a_finished_message_shows_a_broken_call_once() -> None:
    """LangChain replays cached replies and those of other graph nodes as events."""
    stream = ChatModelStream()
    for event in message_to_events(v0("Hi", invalid_tool_calls=[BROKEN])):
        stream.dispatch(event)
    ids = [block.get("id") for block in standard_blocks(stream.output)]
    assert ids == [None, "c3"]


ANYTHING = st.lists(
    st.sampled_from(
        [
            "",
            "Hi",
            text("Then", 1),
            text("Last", 7),
            {"type": "text", "text": "Loose"},
            thinking("Hm", 2, "5ig"),
            {"type": "reasoning", "reasoning": "Hm", "extras": {"signature": "5ig"}},
            {"type": "tool_use", "id": "c1", "name": "dig", "input": {}, "index": 3},
            {"type": "tool_call", "id": "c2", "name": "fill", "args": {}},
            {**SEARCH, "index": "lc_r1_4"},
            {"magic": 1},
        ]
    ),
    max_size=5,
)


@settings(max_examples=50, deadline=None)
@given(content=ANYTHING, calls=st.sampled_from([[], [DIG], [DIG, FILL]]))
def test_looking_at_the_blocks_changes_nothing(
    content: list[Any], calls: list[Any]
) -> None:
    message = v0(
        copy.deepcopy(content),
        (thinking("Hm", 0),),
        tool_calls=copy.deepcopy(calls),
        invalid_tool_calls=[BROKEN],
    )
    before = message.model_dump()
    seen = copy.deepcopy(message.content_blocks)
    assert message.content_blocks == seen
    assert message.model_dump() == before


@settings(max_examples=50, deadline=None)
@given(content=ANYTHING, calls=st.sampled_from([[], [DIG], [DIG, FILL]]))
def test_nothing_that_was_said_is_missing(content: list[Any], calls: list[Any]) -> None:
    blocks = v0(copy.deepcopy(content), tool_calls=calls).content_blocks
    texts = sorted(block["text"] for block in blocks if block["type"] == "text")
    parts = [{"text": part} if isinstance(part, str) else part for part in content]
    assert texts == sorted(part["text"] for part in parts if part.get("text"))
    ids = {block.get("id") for block in blocks if block["type"] == "tool_call"}
    assert ids >= {call["id"] for call in calls}


# --- The view of a part of a stream --------------------------------------------------


def chunk(content: Any = "", **fields: Any) -> AIMessageChunk:
    return AIMessageChunk(content=content, response_metadata=OURS, **fields)


BEGUN = tool_call_chunk(name="dig", args="", id="c1", index=1)
GOES_ON = tool_call_chunk(args='{"at": 1', index=1)


@pytest.mark.parametrize(
    ("part", "blocks"),
    [
        (chunk(), []),
        (chunk("Hi"), [{"type": "text", "text": "Hi"}]),
        (
            chunk(
                additional_kwargs={"thinking_blocks": [thinking("Hm", 0)]},
            ),
            [{"type": "reasoning", "reasoning": "Hm", "index": "lc_r1_0"}],
        ),
        (chunk(tool_call_chunks=[BEGUN]), [BEGUN]),
        (chunk(tool_call_chunks=[GOES_ON]), [GOES_ON]),
        (
            chunk("Hi", tool_call_chunks=[BEGUN]),
            [{"type": "text", "text": "Hi"}, BEGUN],
        ),
        (
            chunk([{**SEARCH, "index": "lc_r1_0"}]),
            [{"type": "non_standard", "value": SEARCH, "index": "lc_r1_0"}],
        ),
    ],
    ids=[
        "nothing",
        "text",
        "thought",
        "call begins",
        "call goes on",
        "text and call",
        "opaque",
    ],
)
def test_a_part_of_a_stream_shows_what_it_brings(
    part: AIMessageChunk, blocks: list[Any]
) -> None:
    assert part.content_blocks == blocks


def test_a_call_in_a_chunks_content_is_not_shown_twice() -> None:
    begun = {"type": "tool_use", "id": "c1", "name": "dig", "input": {}}
    blocks = chunk([begun], tool_call_chunks=[BEGUN]).content_blocks
    assert [block.get("id") for block in blocks] == ["c1"]


def test_a_chunk_shows_arguments_as_text_until_the_stream_is_whole() -> None:
    growing = chunk("Hi", tool_call_chunks=[BEGUN]) + chunk(tool_call_chunks=[GOES_ON])
    assert growing.content_blocks[1] == {**BEGUN, "args": '{"at": 1'}
    closing = chunk(tool_call_chunks=[tool_call_chunk(args="}", index=1)])
    whole = growing + closing + chunk(chunk_position="last")
    assert whole.content_blocks == [{"type": "text", "text": "Hi"}, DIG]
