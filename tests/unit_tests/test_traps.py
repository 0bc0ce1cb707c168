"""The traps of LangChain's merging, each with the test that we are not in it.

Every test starts at the wire and looks at a message in each layout that a user may
ask for: text as a string (v0), standard blocks (v1), the protocol's events (v3).
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    convert_to_messages,
    convert_to_openai_messages,
    merge_message_runs,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_minimax._blocks import Text, Thinking, ToolUse
from langchain_minimax._deltas import Delta, ToolUseStopped
from langchain_minimax._dialects import anthropic
from langchain_minimax._langchain.chunks import Chunks, fold
from langchain_minimax._langchain.events import Events
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._sse import EventStream, ServerSentEvent
from support.samples import sample

MODEL = "MiniMax-M3"


# --- From the wire to a message ------------------------------------------------------


def wire(*events: dict[str, Any], id: str = "r1", stop: bool = True) -> list[Delta]:
    """The deltas of a stream with these events in the middle."""
    begin = {"type": "message_start", "message": {"id": id, "model": MODEL}}
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 2},
    }
    decoder = anthropic.decoder()
    deltas = [
        delta
        for event in (begin, *events, *([end] if stop else []))
        for delta in decoder.feed(ServerSentEvent("", json.dumps(event).encode()))
    ]
    return [*deltas, *(decoder.finish() if stop else ())]


def block(place: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[Any]:
    """The events of one block."""
    return [
        {"type": "content_block_start", "index": place, "content_block": start},
        *(
            {"type": "content_block_delta", "index": place, "delta": delta}
            for delta in deltas
        ),
        {"type": "content_block_stop", "index": place},
    ]


def thinking(place: int, *pieces: str, start: str = "", ends: Any = ()) -> list[Any]:
    return block(
        place,
        {"type": "thinking", "thinking": "", "signature": start},
        *({"type": "thinking_delta", "thinking": piece} for piece in pieces),
        *({"type": "signature_delta", "signature": end} for end in ends),
    )


def text(place: int, *pieces: str) -> list[Any]:
    start = {"type": "text", "text": ""}
    return block(
        place, start, *({"type": "text_delta", "text": piece} for piece in pieces)
    )


def call(place: int, *pieces: str, name: str = "dig", **start: Any) -> list[Any]:
    return block(
        place,
        {"type": "tool_use", "id": f"c{place}", "name": name, "input": start},
        *({"type": "input_json_delta", "partial_json": piece} for piece in pieces),
    )


def played(name: str) -> list[Delta]:
    """The deltas of a captured stream."""
    stream, decoder = EventStream(), anthropic.decoder()
    events = [*stream.feed(sample(name).body), *stream.flush()]
    deltas = [delta for event in events for delta in decoder.feed(event)]
    return [*deltas, *decoder.finish()]


def chunks(deltas: list[Delta], *, v1: bool) -> list[AIMessageChunk]:
    translator = Chunks(MODEL, v1=v1)
    return [chunk for each in deltas if (chunk := translator.feed(each)) is not None]


def summed(deltas: list[Delta], *, v1: bool) -> AIMessage:
    first, *others = chunks(deltas, v1=v1)
    return add_ai_message_chunks(first, *others)


def dispatched(deltas: list[Delta]) -> AIMessage:
    translator, stream = Events(MODEL), ChatModelStream()
    for delta in deltas:
        for event in translator.feed(delta):
            stream.dispatch(event)
    return stream.output


LAYOUTS: dict[str, Callable[[list[Delta]], AIMessage]] = {
    "v0 stream": lambda deltas: summed(deltas, v1=False),
    "v1 stream": lambda deltas: summed(deltas, v1=True),
    "v0 whole": lambda deltas: fold(deltas, MODEL),
    "v1 whole": lambda deltas: fold(deltas, MODEL, v1=True),
    "v3": dispatched,
}
in_every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
in_both_streams = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])

Layout = Callable[[list[Delta]], AIMessage]


def replayed(message: BaseMessage) -> tuple[Any, ...]:
    """What goes back to the server for this message."""
    (turn,) = to_conversation([message]).turns
    return turn.blocks


def dicts_in(value: Any) -> list[dict[str, Any]]:
    """All dicts anywhere in a value."""
    match value:
        case dict():
            return [value, *(found for v in value.values() for found in dicts_in(v))]
        case list() | tuple():
            return [found for each in value for found in dicts_in(each)]
        case _:
            return []


# --- Layouts that merge wrongly ------------------------------------------------------


SIGNED = "5i5i5ig5ig"


@in_every_layout
@pytest.mark.parametrize(
    "events",
    [
        thinking(0, "One ", "thought.", ends=[SIGNED]),
        thinking(0, "One ", "thought.", start=SIGNED, ends=[SIGNED]),
        thinking(0, "One ", "thought.", ends=[SIGNED, SIGNED]),
        thinking(0, "One ", "thought.", start=SIGNED),
        thinking(0, "One ", "thought.", ends=["5i", "5i", "5ig5ig"]),
    ],
    ids=[
        "once",
        "in the start and in a delta",
        "in two deltas",
        "in the start",
        "split over two deltas",
    ],
)
def test_a_signature_is_whole_and_never_doubled(
    layout: Layout, events: list[Any]
) -> None:
    message = layout(wire(*events))
    assert replayed(message) == (Thinking("One thought.", SIGNED),)


@in_both_streams
def test_a_signature_is_in_one_chunk_only(v1: bool) -> None:
    said = chunks(wire(*thinking(0, "One ", "thought.", ends=["5", "ig"])), v1=v1)
    signed = [
        found["signature"]
        for chunk in said
        for found in dicts_in([chunk.content, chunk.additional_kwargs])
        if "signature" in found
    ]
    assert signed == ["5ig"]


@in_both_streams
def test_every_piece_of_a_thought_has_an_index_that_langchain_merges_by(
    v1: bool,
) -> None:
    for chunk in chunks(wire(*thinking(0, "One ", "thought.", ends=["5ig"])), v1=v1):
        blocks = chunk.additional_kwargs.get("thinking_blocks", [])
        for found in [*blocks, *dicts_in(chunk.content)]:
            if found.get("type") in {"thinking", "reasoning"}:
                assert found["index"] == "lc_r1_0"


@in_every_layout
def test_no_two_blocks_share_an_index(layout: Layout) -> None:
    message = layout(
        wire(*thinking(0, "Hm."), *text(1, "Hi."), *thinking(2, "Hm!"), *text(3, "Hi!"))
    )
    found = dicts_in([message.content, message.additional_kwargs])
    indices = [each["index"] for each in found if "index" in each]
    assert len(indices) == len(set(indices))
    assert message.text == "Hi.Hi!"


@in_both_streams
def test_no_bare_string_beside_the_content_is_ever_doubled(v1: bool) -> None:
    for chunk in chunks(wire(*thinking(0, "Hm.", ends=["5ig"]), *text(1, "Hi")), v1=v1):
        assert set(chunk.additional_kwargs) <= {"thinking_blocks"}


@in_both_streams
def test_what_is_said_once_of_a_reply_is_in_one_chunk_only(v1: bool) -> None:
    said = chunks(wire(*text(0, "Hi", " there")), v1=v1)
    for key in ("id", "model_name", "stop_reason"):
        assert [key in chunk.response_metadata for chunk in said].count(True) == 1
    assert [chunk.usage_metadata is not None for chunk in said].count(True) == 1
    assert said[-1].chunk_position == "last"


@in_every_layout
def test_numbers_and_flags_in_metadata_are_neither_summed_nor_fatal(
    layout: Layout,
) -> None:
    message = layout(played("m3_stream_loop_call"))
    assert all(isinstance(value, str) for value in message.response_metadata.values())


@in_every_layout
def test_the_details_of_the_usage_are_counted_once(layout: Layout) -> None:
    usage = layout(wire(*text(0, "Hi", " there"))).usage_metadata
    assert usage == {
        "input_tokens": 5,
        "output_tokens": 5,
        "total_tokens": 10,
        "input_token_details": {"cache_read": 2},
    }


@in_both_streams
def test_a_tools_name_and_id_are_in_one_chunk_only(v1: bool) -> None:
    said = chunks(wire(*call(0, '{"at"', ": 1}")), v1=v1)
    pieces = [piece for chunk in said for piece in chunk.tool_call_chunks]
    assert [piece["name"] for piece in pieces] == ["dig", None, None]
    assert [piece["id"] for piece in pieces] == ["c0", None, None]


@in_both_streams
def test_every_piece_of_a_call_has_an_index(v1: bool) -> None:
    deltas = wire(*call(0, '{"at"', ": 1}"), *call(1, '{"at": 2}', name="fill"))
    pieces = [
        piece for chunk in chunks(deltas, v1=v1) for piece in chunk.tool_call_chunks
    ]
    assert [piece["index"] for piece in pieces] == [0, 0, 0, 1, 1]


@in_every_layout
@pytest.mark.parametrize(
    "events",
    [
        call(0, '{"at"', ": 1}"),
        call(0, '{"at": 1}', at=1),
        call(0, at=1),
    ],
    ids=["in deltas", "in the start and in a delta", "in the start"],
)
def test_arguments_are_whole_and_never_doubled(
    layout: Layout, events: list[Any]
) -> None:
    assert layout(wire(*events)).tool_calls == [
        {"type": "tool_call", "id": "c0", "name": "dig", "args": {"at": 1}}
    ]


# --- Traps ---------------------------------------------------------------------------


@in_every_layout
def test_text_is_not_lost_after_a_first_chunk_of_another_shape(layout: Layout) -> None:
    for events in (
        [*text(0, "Hi", " there")],
        [*thinking(0, "Hm."), *text(1, "Hi", " there")],
        [*call(0, "{}"), *text(1, "Hi", " there")],
        [*block(0, {"type": "magic"}), *text(1, "Hi", " there")],
    ):
        assert layout(wire(*events)).text == "Hi there"


@in_both_streams
def test_the_shape_of_content_is_decided_once(v1: bool) -> None:
    said = chunks(wire(*thinking(0, "Hm."), *text(1, "Hi"), *call(2, "{}")), v1=v1)
    assert {type(chunk.content) for chunk in said} == {list if v1 else str}


@pytest.mark.parametrize("name", ["m2_5_stream_tool_call", "m2_5_stream_after_tool"])
def test_a_model_that_thinks_unasked_leaves_the_text_a_string(name: str) -> None:
    message = summed(played(name), v1=False)
    assert message.additional_kwargs["thinking_blocks"]
    assert isinstance(message.content, str)
    assert message.content == "".join(
        each["text"] for each in sample(name).content if each["type"] == "text"
    )


@in_every_layout
@pytest.mark.parametrize("ids", [("r1", "r2"), ("", "")], ids=["named", "nameless"])
def test_merging_a_run_of_replies_joins_no_thoughts_and_no_signatures(
    layout: Layout, ids: tuple[str, str]
) -> None:
    first, second = (
        layout(wire(*thinking(0, thought, ends=[thought[::-1]]), *text(1, "Hi"), id=id))
        for thought, id in zip(["One.", "Two."], ids, strict=True)
    )
    (merged,) = merge_message_runs([first, second])
    assert [each for each in replayed(merged) if isinstance(each, Thinking)] == [
        Thinking("One.", ".enO"),
        Thinking("Two.", ".owT"),
    ]


@in_every_layout
def test_a_merged_reply_keeps_what_the_server_cannot_read_apart_too(
    layout: Layout,
) -> None:
    first, second = (
        layout(wire(*block(0, {"type": "magic", "id": id}), id=id))
        for id in ("r1", "r2")
    )
    (merged,) = merge_message_runs([first, second])
    assert replayed(merged) == replayed(first) + replayed(second)


@in_every_layout
def test_index_and_partial_json_never_reach_the_server(layout: Layout) -> None:
    events = [
        *thinking(0, "Hm.", ends=["5ig"]),
        *call(1, '{"at": 1}'),
        *text(2, "Hi"),
        *block(3, {"type": "magic"}, {"partial_json": '{"at": 1}'}),
    ]
    blocks = [anthropic._block(each) for each in replayed(layout(wire(*events)))]
    assert [each["type"] for each in blocks] == [
        "thinking",
        "tool_use",
        "text",
        "magic",
    ]
    for found in dicts_in(blocks):
        assert not {"index", "partial_json", "extras"} & found.keys()


# --- Arguments of calls --------------------------------------------------------------

HALF = '{"path": "/home/user/proj'


@in_every_layout
@pytest.mark.parametrize(
    "arguments",
    [HALF, '{"a": nope', '{"a": "\\', "[1]", '{"a": 1}}', '{"a": NaN}', "null"],
)
def test_a_call_with_half_its_arguments_cannot_be_run(
    layout: Layout, arguments: str
) -> None:
    message = layout(wire(*call(0, arguments)))
    assert message.tool_calls == []
    (broken,) = message.invalid_tool_calls
    assert broken["id"] == "c0"
    assert broken["args"].startswith(arguments)
    said = {"invalid_arguments": broken["args"]}
    assert replayed(message) == (ToolUse("c0", "dig", said),)


@in_every_layout
def test_nor_can_it_after_messages_were_merged(layout: Layout) -> None:
    message = layout(wire(*call(0, HALF)))
    (merged,) = merge_message_runs([message, type(message)("Sorry.")])
    assert merged.tool_calls == []
    assert [call["id"] for call in merged.invalid_tool_calls] == ["c0"]


@in_both_streams
def test_a_call_that_was_open_when_the_stream_ended_cannot_be_run(v1: bool) -> None:
    events = [*text(0, "Hi"), *call(1, HALF)[:-1]]
    message = fold(wire(*events, stop=False), MODEL, v1=v1)
    assert message.text == "Hi"
    assert message.tool_calls == []
    assert [call["id"] for call in message.invalid_tool_calls] == ["c1"]


@in_every_layout
def test_a_call_that_max_tokens_cut_cannot_be_run(layout: Layout) -> None:
    name = "m3_stream_cut_tool_call"
    (cut,) = sample(name).broken_tool_calls
    message = layout(played(name))
    assert message.tool_calls == []
    assert [call["id"] for call in message.invalid_tool_calls] == [cut["id"]]


@in_every_layout
def test_a_call_without_arguments_has_none(layout: Layout) -> None:
    message = layout(wire(*call(0)))
    assert [call["args"] for call in message.tool_calls] == [{}]
    assert message.invalid_tool_calls == []


def test_the_first_piece_of_a_call_has_no_arguments_yet() -> None:
    deltas = wire(*call(0, '{"at": 1}', at=1))
    (first, *_) = [each for each in chunks(deltas, v1=False) if each.tool_call_chunks]
    assert first.tool_call_chunks[0]["args"] == ""
    assert isinstance(deltas[-2], ToolUseStopped)


# --- Round trips ---------------------------------------------------------------------


def _through_a_prompt(message: AIMessage) -> BaseMessage:
    prompt = ChatPromptTemplate([MessagesPlaceholder("history")])
    return prompt.invoke({"history": [message]}).to_messages()[0]


def _through_a_checkpointer(message: AIMessage) -> BaseMessage:
    serde = JsonPlusSerializer()
    return serde.loads_typed(serde.dumps_typed(message))


TRIPS: dict[str, Callable[[AIMessage], BaseMessage]] = {
    "messages_to_dict": lambda message: messages_from_dict(messages_to_dict([message]))[
        0
    ],
    "dumps and loads": lambda message: loads(
        dumps(message), allowed_objects=[AIMessage, AIMessageChunk]
    ),
    "pickle": lambda message: pickle.loads(pickle.dumps(message)),
    "deepcopy": copy.deepcopy,
    "a checkpointer": _through_a_checkpointer,
    "a prompt": _through_a_prompt,
    "model_dump": lambda message: convert_to_messages(
        [{**message.model_dump(), "type": "ai"}]
    )[0],
}


@pytest.mark.parametrize("trip", TRIPS.values(), ids=TRIPS)
@in_every_layout
def test_thoughts_signatures_and_their_order_survive(
    layout: Layout, trip: Callable[[AIMessage], BaseMessage]
) -> None:
    name = "m3_stream_interleaved_thinking"
    after = trip(layout(played(name)))
    assert [anthropic._block(each) for each in replayed(after)] == sample(name).content


@pytest.mark.parametrize("layout", ["v1 whole", "v3"])
def test_standard_blocks_survive_in_a_dict_of_role_and_content(layout: str) -> None:
    """As user interfaces and LangGraph's server hand a thread back."""
    name = "m3_stream_interleaved_thinking"
    content = LAYOUTS[layout](played(name)).content
    (after,) = convert_to_messages([{"role": "assistant", "content": content}])
    assert [anthropic._block(each) for each in replayed(after)] == sample(name).content


@pytest.mark.parametrize("layout", ["v0 whole", "v0 stream"])
def test_words_and_calls_survive_openais_format_which_has_no_thoughts(
    layout: str,
) -> None:
    message = LAYOUTS[layout](
        wire(*thinking(0, "Hm.", ends=["5ig"]), *text(1, "Hi"), *call(2, '{"at": 1}'))
    )
    (after,) = convert_to_messages(convert_to_openai_messages([message]))
    assert replayed(after) == (Text("Hi"), ToolUse("c2", "dig", {"at": 1}))
