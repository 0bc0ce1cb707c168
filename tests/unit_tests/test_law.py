"""The law: a reply is the same message however it was cut and called, and encoding
that message again gives the server back the very blocks it sent, in order, signatures
byte for byte, whatever the message went through in between. On both protocols, and for
servers that are not MiniMax's.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    convert_to_messages,
    merge_message_runs,
    messages_from_dict,
    messages_to_dict,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_minimax._deltas import Delta
from langchain_minimax._dialects import Dialect, anthropic, openai
from langchain_minimax._dialects.think_tags import ThinkTags
from langchain_minimax._exchange import ReplyReader
from langchain_minimax._langchain.chunks import fold
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._langchain.options import Options
from langchain_minimax.errors import MiniMaxStreamTruncatedError
from support.play import playing
from support.samples import Sample, samples
from support.ways import CALLS, WAYS, Ask

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "40"))

EVERY = samples(wire=None, self_hosted=None)
STREAMS = [sample for sample in EVERY if sample.stream]
DIALECTS: dict[str, Dialect] = {"anthropic": anthropic, "openai": openai}

every_sample = pytest.mark.parametrize("sample", EVERY, ids=lambda each: each.name)
every_stream = pytest.mark.parametrize("sample", STREAMS, ids=lambda each: each.name)
every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)


def sent_back(message: AIMessage, wire: str, *, official: bool = True) -> Any:
    """What the next request would carry for this message."""
    request = Options(model="MiniMax-M3", protocol=wire).request(
        to_conversation([HumanMessage("Begin."), message]),
        stream=False,
        official=official,
    )
    return DIALECTS[wire].encode(request)["messages"][1]


def blocks_of(sample: Sample, message: AIMessage) -> list[dict[str, Any]]:
    """What comes back over the Messages API, without the calls that were cut."""
    cut = {call["id"] for call in sample.broken_tool_calls}
    blocks = sent_back(message, "anthropic")["content"]
    return [block for block in blocks if block.get("id") not in cut]


def returned(sample: Sample, message: AIMessage) -> Any:
    """What comes back to the server that sent it; calls that were cut are no calls."""
    if sample.message is None:
        return blocks_of(sample, message)
    said = sent_back(message, sample.wire, official=not sample.self_hosted)
    cut = {call["id"] for call in sample.broken_tool_calls}
    calls = [call for call in said.pop("tool_calls", ()) if call["id"] not in cut]
    return {**said, "tool_calls": calls} if calls else said


def sent(sample: Sample) -> Any:
    """What has to come back to the server that sent it."""
    return sample.content if sample.message is None else sample.message


def told(message: AIMessage) -> dict[str, Any]:
    """All that a message says, but for its type and LangChain's id."""
    return {
        "content": message.content,
        "additional_kwargs": message.additional_kwargs,
        "response_metadata": message.response_metadata,
        "tool_calls": message.tool_calls,
        "invalid_tool_calls": message.invalid_tool_calls,
        "usage_metadata": message.usage_metadata,
        "content_blocks": message.content_blocks,
    }


def heard(
    sample: Sample, *pieces: bytes
) -> tuple[list[Delta], MiniMaxStreamTruncatedError | None]:
    """The deltas of a stream that comes in these pieces, and how it ended."""
    tagged = sample.self_hosted and sample.wire == "anthropic"
    filters = [ThinkTags()] if tagged else []
    reader = ReplyReader(DIALECTS[sample.wire].decoder(), filters, [])
    reader.begin(200, {"content-type": "text/event-stream"})
    deltas: list[Delta] = []
    for piece in pieces:
        deltas += reader.feed(piece)
        if reader.ended:  # nobody reads on
            break
    try:
        return [*deltas, *reader.finish()], None
    except MiniMaxStreamTruncatedError as error:
        return deltas, error


# --- However it was cut and called ---------------------------------------------------


@every_stream
def test_every_cut_of_the_bytes_gives_the_same_deltas(sample: Sample) -> None:
    whole, _ = heard(sample, sample.body)
    for cut in range(len(sample.body)):
        assert heard(sample, sample.body[:cut], sample.body[cut:]) == (whole, None)
    assert heard(sample, *(bytes([byte]) for byte in sample.body)) == (whole, None)


@every_way
@every_sample
def test_every_way_gives_the_blocks_the_usage_and_the_reason(
    sample: Sample, ask: Ask
) -> None:
    message = ask(playing(sample), "Go on.")

    assert returned(sample, message) == sent(sample)
    assert blocks_of(sample, message) == sample.content
    assert message.response_metadata.get("stop_reason") == sample.stop_reason
    assert message.response_metadata["model_name"] == sample.model
    assert message.response_metadata["model_provider"] == "minimax"
    assert _count(message) == sample.usage
    broken = {call["id"] for call in sample.broken_tool_calls}
    assert {call["id"] for call in message.invalid_tool_calls} == broken
    assert not broken & {call["id"] for call in message.tool_calls}


def _count(message: AIMessage) -> dict[str, int | None] | None:
    usage = message.usage_metadata
    if usage is None:
        return None
    into, out = (
        usage.get("input_token_details", {}),
        usage.get("output_token_details", {}),
    )
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    return {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "cache_read": into.get("cache_read"),
        "cache_creation": into.get("cache_creation"),
        "reasoning": out.get("reasoning"),
    }


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@every_sample
def test_the_sum_of_a_stream_is_what_invoke_gives(
    sample: Sample, output_version: str
) -> None:
    model = playing(sample, output_version=output_version)
    messages = [told(ask(model, "Go on.")) for ask in CALLS.values()]

    assert all(message == messages[0] for message in messages)


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
@every_way
def test_any_cuts_give_the_same_message(ask: Ask, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(STREAMS))
    cuts = data.draw(st.lists(st.integers(0, len(sample.body)), max_size=40))
    version = data.draw(st.sampled_from(["v0", "v1"]))

    cut = ask(playing(sample, cuts, output_version=version), "Go on.")
    whole = ask(playing(sample, output_version=version), "Go on.")

    assert told(cut) == told(whole)


@every_stream
def test_a_stream_that_ends_anywhere_is_an_error_or_whole(sample: Sample) -> None:
    for end in range(len(sample.body)):
        deltas, error = heard(sample, sample.body[:end])
        if deltas:
            message = fold(deltas, sample.model)
            _is_part_of(message, sample)
        if error is None:
            assert returned(sample, message) == sent(sample)


def _is_part_of(partial: AIMessage, sample: Sample) -> None:
    texts = "".join(block.get("text", "") for block in sample.content)
    thoughts = "".join(block.get("thinking", "") for block in sample.content)
    calls = {
        block["id"]: block["input"]
        for block in sample.content
        if block["type"] == "tool_use"
    }
    assert texts.startswith(partial.text)
    assert thoughts.startswith(
        "".join(
            block["thinking"]
            for block in partial.additional_kwargs.get("thinking_blocks", [])
        )
    )
    for call in partial.tool_calls:
        assert calls[call["id"]] == call["args"]


# --- Whatever it went through --------------------------------------------------------


def _through_a_checkpoint(saver: Any) -> Callable[[AIMessage], AIMessage]:
    def trip(message: AIMessage) -> AIMessage:
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda _: {"messages": [message]})
        graph.add_edge(START, "model")
        thread = {"configurable": {"thread_id": "1"}}
        with saver() as checkpointer:
            compiled = graph.compile(checkpointer=checkpointer)
            compiled.invoke({"messages": [HumanMessage("Begin.")]}, thread)
            return compiled.get_state(thread).values["messages"][-1]

    return trip


def _merged_with_another(message: AIMessage) -> AIMessage:
    """As LangChain merges a run of AI messages; ours must stay as they are."""
    before = message.model_dump()
    merge_message_runs([message, message.model_copy(deep=True)])
    assert message.model_dump() == before
    return message


TRIPS: dict[str, Callable[[AIMessage], AIMessage]] = {
    "nothing": lambda message: message,
    "pickle": lambda message: pickle.loads(pickle.dumps(message)),
    "deep copy": lambda message: message.model_copy(deep=True),
    "dumps and loads": lambda message: loads(
        dumps(message), allowed_objects=[AIMessage, AIMessageChunk]
    ),
    "dicts": lambda message: messages_from_dict(messages_to_dict([message]))[0],
    "model_dump": lambda message: convert_to_messages(
        [{**message.model_dump(), "type": "ai"}]
    )[0],
    "JSON": lambda message: type(message).model_validate_json(
        message.model_dump_json()
    ),
    "memory saver": _through_a_checkpoint(lambda: nullcontext(InMemorySaver())),
    "SQLite saver": _through_a_checkpoint(
        lambda: SqliteSaver.from_conn_string(":memory:")
    ),
    "merge_message_runs": _merged_with_another,
}


@pytest.mark.parametrize("trip", TRIPS.values(), ids=TRIPS)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("way", ["invoke", "astream", "events"])
def test_what_comes_back_is_what_was_sent(
    way: str, output_version: str, trip: Callable[[AIMessage], AIMessage]
) -> None:
    for sample in EVERY:
        model = playing(sample, output_version=output_version)
        message = trip(WAYS[way](model, "Go on."))
        assert returned(sample, message) == sent(sample), sample.name
        assert blocks_of(sample, message) == sample.content, sample.name


def test_content_blocks_are_the_same_in_both_layouts() -> None:
    """The view of a v0 message is the content of a v1 message, but for the indices."""
    for sample in EVERY:
        if sample.broken_tool_calls:
            continue
        v0, v1 = (
            playing(sample, output_version=version).invoke("Go on.").content_blocks
            for version in ("v0", "v1")
        )
        assert _bare(v0) == _bare(v1), sample.name


def _bare(blocks: list[Any]) -> list[Any]:
    return [
        {key: value for key, value in block.items() if key != "index"}
        for block in blocks
    ]
