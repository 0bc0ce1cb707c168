from __future__ import annotations

import json
import operator
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from langchain_minimax._blocks import Block, Opaque, Text, Thinking, ToolUse
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
from langchain_minimax._langchain.chunks import (
    Chunks,
    fold,
    generation_of,
    spoiler,
    usage_metadata,
)
from langchain_minimax._langchain.messages import to_conversation

MODEL = "MiniMax-M3"
START = Started("r1", MODEL)
END = Stopped("end_turn", Usage(3, 5))
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
CUT = '{"path": "/srv/a'

in_both_layouts = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])


def stream(deltas: Sequence[Delta], **options: Any) -> list[AIMessageChunk]:
    chunks = Chunks(MODEL, **options)
    return [chunk for delta in deltas if (chunk := chunks.feed(delta)) is not None]


def total(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    """The sum as a user writes it, one after the other."""
    return reduce(operator.add, chunks)


def told(message: AIMessage) -> dict[str, Any]:
    return message.model_dump(
        exclude={"type", "id", "tool_call_chunks", "chunk_position"}
    )


# --- How a part of a reply lies in a chunk -------------------------------------------


@pytest.mark.parametrize(
    ("delta", "v0", "v1"),
    [
        (START, {"content": ""}, {"content": []}),
        (
            TextDelta(0, "Hi"),
            {"content": "Hi"},
            {"content": [{"type": "text", "text": "Hi", "index": "lc_r1_0"}]},
        ),
        (
            ThinkingDelta(0, "Hm"),
            {
                "content": "",
                "additional_kwargs": {
                    "thinking_blocks": [
                        {"type": "thinking", "thinking": "Hm", "index": "lc_r1_0"}
                    ]
                },
            },
            {"content": [{"type": "reasoning", "reasoning": "Hm", "index": "lc_r1_0"}]},
        ),
        (
            Signature(0, "5ig"),
            {
                "content": "",
                "additional_kwargs": {
                    "thinking_blocks": [
                        {
                            "type": "thinking",
                            "thinking": "",
                            "signature": "5ig",
                            "index": "lc_r1_0",
                        }
                    ]
                },
            },
            {
                "content": [
                    {
                        "type": "reasoning",
                        "reasoning": "",
                        "extras": {"signature": "5ig"},
                        "index": "lc_r1_0",
                    }
                ]
            },
        ),
        (
            ToolUseStarted(2, "c1", "dig"),
            {
                "content": "",
                "tool_call_chunks": [
                    tool_call_chunk(name="dig", args="", id="c1", index=2)
                ],
            },
            {
                "content": [
                    {
                        "type": "tool_call_chunk",
                        "name": "dig",
                        "args": "",
                        "id": "c1",
                        "index": "lc_r1_2",
                    }
                ],
                "tool_call_chunks": [
                    tool_call_chunk(name="dig", args="", id="c1", index=2)
                ],
            },
        ),
        (
            ToolUseDelta(2, '{"at'),
            {
                "content": "",
                "tool_call_chunks": [tool_call_chunk(args='{"at', index=2)],
            },
            {
                "content": [
                    {
                        "type": "tool_call_chunk",
                        "name": None,
                        "args": '{"at',
                        "id": None,
                        "index": "lc_r1_2",
                    }
                ],
                "tool_call_chunks": [tool_call_chunk(args='{"at', index=2)],
            },
        ),
        (
            OpaqueBlock(1, SEARCH),
            {"content": [{**SEARCH, "index": "lc_r1_1"}]},
            {
                "content": [
                    {"type": "non_standard", "value": SEARCH, "index": "lc_r1_1"}
                ]
            },
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_every_delta_has_its_place_in_both_layouts(
    delta: Delta, v0: dict[str, Any], v1: dict[str, Any]
) -> None:
    for fields, options in ((v0, {"v1": False}), (v1, {"v1": True})):
        chunks = Chunks(MODEL, **options)
        chunks.feed(START)
        metadata = {"model_provider": "minimax"}
        if options["v1"]:
            metadata["output_version"] = "v1"
        expected = AIMessageChunk(**fields, response_metadata=metadata)
        assert chunks.feed(delta) == expected


@pytest.mark.parametrize(
    "delta", [BlockStopped(0), ToolUseStopped(0, "c1", "dig", {}, "")]
)
def test_the_end_of_a_good_block_shows_nothing(delta: Delta) -> None:
    assert Chunks(MODEL).feed(delta) is None


@in_both_layouts
def test_every_chunk_names_the_provider(v1: bool) -> None:
    for chunk in stream([START, TextDelta(0, "Hi"), END], v1=v1):
        assert chunk.response_metadata["model_provider"] == "minimax"


# --- How a whole reply lies in a message ---------------------------------------------


def test_text_is_a_plain_string_and_thinking_lies_beside_it() -> None:
    message = fold(
        [
            START,
            ThinkingDelta(0, "Say "),
            ThinkingDelta(0, "hi."),
            Signature(0, "5ig"),
            BlockStopped(0),
            TextDelta(1, "Hi"),
            TextDelta(1, " there."),
            BlockStopped(1),
            END,
        ],
        MODEL,
    )
    assert message == AIMessage(
        content="Hi there.",
        additional_kwargs={
            "thinking_blocks": [
                {
                    "type": "thinking",
                    "thinking": "Say hi.",
                    "signature": "5ig",
                    "index": "lc_r1_0",
                }
            ]
        },
        response_metadata={
            "model_provider": "minimax",
            "id": "r1",
            "model_name": MODEL,
            "stop_reason": "end_turn",
        },
        usage_metadata={"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
    )


def test_text_before_a_call_is_a_plain_string_and_the_call_is_langchains() -> None:
    call = ToolUse("c1", "dig", {"at": "x"})
    message = fold(said([Text("Digging."), call]), MODEL)
    assert message.content == "Digging."
    assert message.tool_calls == [tool_call(name="dig", args={"at": "x"}, id="c1")]
    assert message.additional_kwargs == {}


@pytest.mark.parametrize(
    ("blocks", "content"),
    [
        (
            [Text("One"), Text("Two")],
            ["One", {"type": "text", "text": "Two", "index": "lc_r1_1"}],
        ),
        (
            [Text("One"), ToolUse("c1", "dig", {}), Text("Two")],
            ["One", {"type": "text", "text": "Two", "index": "lc_r1_2"}],
        ),
        (
            [ToolUse("c1", "dig", {}), Text("Two")],
            ["", {"type": "text", "text": "Two", "index": "lc_r1_1"}],
        ),
        (
            [Opaque(SEARCH), Text("Two")],
            [
                "",
                {**SEARCH, "index": "lc_r1_0"},
                {"type": "text", "text": "Two", "index": "lc_r1_1"},
            ],
        ),
    ],
    ids=["two texts", "text, call, text", "call, text", "opaque, text"],
)
def test_text_that_does_not_come_first_says_where_it_stood(
    blocks: list[Block], content: list[Any]
) -> None:
    assert fold(said(blocks), MODEL).content == content


def test_in_v1_the_content_is_the_standard_blocks_and_nothing_lies_beside_it() -> None:
    blocks = [Thinking("Hm", "5ig"), Text("Hi"), ToolUse("c1", "dig", {"at": "x"})]
    message = fold(said(blocks, size=2), MODEL, v1=True)
    assert message.content == [
        {
            "type": "reasoning",
            "reasoning": "Hm",
            "extras": {"signature": "5ig"},
            "index": "lc_r1_0",
        },
        {"type": "text", "text": "Hi", "index": "lc_r1_1"},
        {"type": "tool_call", "id": "c1", "name": "dig", "args": {"at": "x"}},
    ]
    assert message.content_blocks == message.content
    assert message.additional_kwargs == {}
    assert message.tool_calls == [tool_call(name="dig", args={"at": "x"}, id="c1")]


@in_both_layouts
def test_langchain_gives_the_message_its_id(v1: bool) -> None:
    message = fold(said([Text("Hi")]), MODEL, v1=v1)
    assert message.id is None
    assert message.response_metadata["id"] == "r1"


@in_both_layouts
def test_replies_without_an_id_are_told_apart_all_the_same(v1: bool) -> None:
    def reply(thinking: str) -> AIMessageChunk:
        deltas = [Started("", None), ThinkingDelta(0, thinking), END]
        return total(stream(deltas, v1=v1))

    both = reply("One.") + reply("Two.")
    thoughts = both.content if v1 else both.additional_kwargs["thinking_blocks"]
    assert [each.get("reasoning", each.get("thinking")) for each in thoughts] == [
        "One.",
        "Two.",
    ]


@in_both_layouts
def test_so_are_two_that_answer_one_question(v1: bool) -> None:
    begun = Started("", None)
    deltas = [begun, ThinkingDelta(0, "One."), begun, ThinkingDelta(0, "Two."), END]
    whole = total(stream(deltas, v1=v1))
    assert [block["reasoning"] for block in whole.content_blocks] == ["One.", "Two."]  # type: ignore[typeddict-item]


# --- Metadata and usage --------------------------------------------------------------


@in_both_layouts
@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (
            Started("r1", "MiniMax-M3-0601"),
            Stopped("end_turn"),
            {"id": "r1", "model_name": "MiniMax-M3-0601", "stop_reason": "end_turn"},
        ),
        (
            Started("", None),
            Stopped(None),
            {"model_name": MODEL},
        ),
        (
            Started("r1", None),
            Stopped("stop_sequence", None, "END", "priority"),
            {
                "id": "r1",
                "model_name": MODEL,
                "stop_reason": "stop_sequence",
                "stop_sequence": "END",
                "service_tier": "priority",
            },
        ),
    ],
)
def test_what_the_server_said_of_the_reply_is_told_and_no_more(
    v1: bool, start: Started, stop: Stopped, expected: dict[str, str]
) -> None:
    metadata = fold([start, stop], MODEL, v1=v1).response_metadata
    always = {"model_provider": "minimax"} | ({"output_version": "v1"} if v1 else {})
    assert metadata == always | expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            Usage(input=3, output=5),
            {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
        ),
        (
            Usage(input=3, output=5, cache_read=100, cache_creation=20, reasoning=4),
            {
                "input_tokens": 123,
                "output_tokens": 5,
                "total_tokens": 128,
                "input_token_details": {"cache_read": 100, "cache_creation": 20},
                "output_token_details": {"reasoning": 4},
            },
        ),
        (
            Usage(input=3, output=5, cache_read=0),
            {
                "input_tokens": 3,
                "output_tokens": 5,
                "total_tokens": 8,
                "input_token_details": {"cache_read": 0},
            },
        ),
    ],
    ids=["plain", "all", "nothing read"],
)
def test_input_tokens_include_the_cache_and_details_only_what_was_said(
    usage: Usage, expected: dict[str, Any]
) -> None:
    assert usage_metadata(usage) == expected


def test_usage_can_be_left_out_and_nothing_else_goes_with_it() -> None:
    with_usage = stream([START, END])[-1]
    without = stream([START, END], usage=False)[-1]
    assert with_usage.usage_metadata is not None
    assert without.usage_metadata is None
    assert without.response_metadata == with_usage.response_metadata
    assert without.chunk_position == "last"


def test_a_server_that_counts_nothing_leaves_no_usage() -> None:
    assert fold([START, Stopped("end_turn")], MODEL).usage_metadata is None


# --- Calls that must not be made -----------------------------------------------------


def cut_call(arguments: str, size: int = 99) -> list[Delta]:
    return [
        START,
        ToolUseStarted(0, "c1", "delete"),
        *(ToolUseDelta(0, piece) for piece in pieces(arguments, size)),
        ToolUseStopped(0, "c1", "delete", None, arguments),
        END,
    ]


@in_both_layouts
def test_a_call_with_half_its_arguments_is_invalid(v1: bool) -> None:
    message = fold(cut_call(CUT), MODEL, v1=v1)
    assert message.tool_calls == []
    assert message.invalid_tool_calls == [
        invalid_tool_call(name="delete", args=CUT + '"]', id="c1", error=None)
    ]


@in_both_layouts
def test_a_call_that_was_open_when_the_reply_broke_off_is_invalid(v1: bool) -> None:
    message = fold(cut_call(CUT, size=4)[:-2], MODEL, v1=v1)
    assert message.tool_calls == []
    assert [call["id"] for call in message.invalid_tool_calls] == ["c1"]
    assert message.response_metadata["model_name"] == MODEL
    assert "stop_reason" not in message.response_metadata


def test_a_piece_of_a_call_is_shown_even_if_its_beginning_was_not() -> None:
    chunk = Chunks(MODEL).feed(ToolUseDelta(0, "{}"))
    assert chunk is not None
    assert chunk.tool_call_chunks == [tool_call_chunk(args="{}", index=0)]


def test_a_stream_that_breaks_off_ends_like_any_other() -> None:
    chunks = Chunks(MODEL)
    chunks.feed(START)
    chunks.feed(TextDelta(0, "Hi"))
    (last,) = chunks.broken_off()
    assert last.chunk_position == "last"
    assert last.response_metadata["id"] == "r1"


@in_both_layouts
def test_a_reply_of_nothing_at_all_is_an_empty_message(v1: bool) -> None:
    message = fold([], MODEL, v1=v1)
    assert message.content == ([] if v1 else "")
    assert message.response_metadata["model_name"] == MODEL


# --- Laws ----------------------------------------------------------------------------

# --- Two replies to one demand -------------------------------------------------------

AGAIN = Started("r2", "MiniMax-M3-0601")
SHOWN: list[Delta] = [
    START,
    *(ThinkingDelta(0, "one"), Signature(0, "5ig"), BlockStopped(0)),
    *(ToolUseStarted(1, "c1", "dig"), ToolUseDelta(1, CUT)),
    ToolUseStopped(1, "c1", "dig", None, CUT),
    Unmet("invalid", "No.", ()),
    AGAIN,
    *(ThinkingDelta(0, "two"), Signature(0, "6ig"), BlockStopped(0)),
    *(ToolUseStarted(1, "c2", "dig"), ToolUseDelta(1, '{"depth": 3}')),
    ToolUseStopped(1, "c2", "dig", {"depth": 3}, '{"depth": 3}'),
    Stopped("tool_use", Usage(6, 10), notes={"attempts": 2}),
]


def test_a_reply_that_would_not_do_shows_nothing_of_its_end() -> None:
    assert Chunks(MODEL).feed(Unmet("prose", "No.", ())) is None


@in_both_layouts
def test_calls_of_a_second_reply_are_numbered_after_those_of_the_first(
    v1: bool,
) -> None:
    chunks = stream(SHOWN, v1=v1)
    calls = [call for chunk in chunks for call in chunk.tool_call_chunks]
    assert [c["index"] for c in calls if c["id"]] == [1, 3]
    assert {c["index"] for c in calls} == {1, 3}


@in_both_layouts
def test_two_replies_make_one_message_with_the_call_of_the_second(v1: bool) -> None:
    whole = total(stream(SHOWN, v1=v1))
    assert [(call["id"], call["args"]) for call in whole.tool_calls] == [
        ("c2", {"depth": 3})
    ]
    assert [call["id"] for call in whole.invalid_tool_calls] == ["c1"]
    assert whole.response_metadata["attempts"] == 2
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 16
    (turn,) = to_conversation([whole]).turns
    thoughts = [block for block in turn.blocks if isinstance(block, Thinking)]
    assert thoughts == [Thinking("one", "5ig"), Thinking("two", "6ig")]
    folded = fold(SHOWN, MODEL, v1=v1)
    assert folded.tool_calls == whole.tool_calls
    assert folded.invalid_tool_calls == whole.invalid_tool_calls
    assert folded.usage_metadata == whole.usage_metadata


@in_both_layouts
@pytest.mark.parametrize("places", [(0, 0), (2, 0), (0, 2)])
def test_whatever_the_places_two_calls_never_become_one(
    places: tuple[int, int], v1: bool
) -> None:
    def made(place: int, id: str) -> list[Delta]:
        args = f'{{"of": "{id}"}}'
        begun = [ToolUseStarted(place, id, "dig"), ToolUseDelta(place, args)]
        return [*begun, ToolUseStopped(place, id, "dig", {"of": id}, args)]

    first, second = places
    said = [START, *made(first, "c1"), AGAIN, *made(second, "c2"), END]
    calls = [(c["id"], c["args"]) for c in total(stream(said, v1=v1)).tool_calls]
    assert calls == [("c1", {"of": "c1"}), ("c2", {"of": "c2"})]


WORDS = st.text(min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2)
    ),
    max_leaves=4,
)
INPUTS = st.dictionaries(WORDS, JSON, max_size=3)
SIZES = st.integers(1, 6)
GARBAGE = st.text(alphabet='{}[]"\\:,a1 \n', max_size=20)


def numbered(blocks: list[Block]) -> list[Block]:
    """The same, each call under an id of its own."""
    return [
        replace(block, id=f"call_{place}") if isinstance(block, ToolUse) else block
        for place, block in enumerate(blocks)
    ]


REPLIES = st.lists(
    st.one_of(
        st.builds(Text, WORDS),
        st.builds(Thinking, WORDS, st.none() | WORDS),
        st.builds(Thinking, st.just(""), WORDS),
        st.builds(ToolUse, st.just(""), st.sampled_from(["dig", "fill"]), INPUTS),
        st.builds(lambda input: Opaque({**SEARCH, "input": input}), INPUTS),
    ),
    min_size=1,
    max_size=6,
).map(numbered)

law = settings(max_examples=60, deadline=None)


def said(blocks: Sequence[Block], size: int = 99) -> list[Delta]:
    """The stream in which a server says these blocks, in pieces of a size."""
    steps = (_steps(place, block, size) for place, block in enumerate(blocks))
    return [START, *(delta for each in steps for delta in each), END]


def _steps(place: int, block: Block, size: int) -> Iterator[Delta]:
    match block:
        case Text(text):
            yield from (TextDelta(place, piece) for piece in pieces(text, size))
            yield BlockStopped(place)
        case Thinking(text, signature):
            yield from (ThinkingDelta(place, piece) for piece in pieces(text, size))
            if signature is not None:
                yield Signature(place, signature)
            yield BlockStopped(place)
        case ToolUse(id, name, input):
            arguments = json.dumps(input)
            yield ToolUseStarted(place, id, name)
            yield from (ToolUseDelta(place, piece) for piece in pieces(arguments, size))
            yield ToolUseStopped(place, id, name, input, arguments)
        case Opaque(value):
            yield OpaqueBlock(place, value)


def pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@in_both_layouts
@law
@given(blocks=REPLIES, size=SIZES)
def test_the_sum_of_the_chunks_is_the_message(
    v1: bool, blocks: list[Block], size: int
) -> None:
    deltas = said(blocks, size)
    message = fold(deltas, MODEL, v1=v1)
    assert told(total(stream(deltas, v1=v1))) == told(message)
    assert told(fold(said(blocks), MODEL, v1=v1)) == told(message)


# --- Chunks that LangChain did not check ---------------------------------------------

GIVEN = {
    "content",
    "additional_kwargs",
    "response_metadata",
    "tool_call_chunks",
    "usage_metadata",
    "chunk_position",
}
FRAGMENTS = st.one_of(
    GARBAGE, WORDS, st.sampled_from(["{", " {", "\u00a0{", "[", "null"])
)


@in_both_layouts
@law
@given(blocks=REPLIES, size=SIZES, fragments=st.lists(FRAGMENTS))
def test_a_chunk_is_what_langchain_would_have_made_of_it(
    v1: bool, blocks: list[Block], size: int, fragments: list[str]
) -> None:
    call: list[Delta] = [ToolUseStarted(9, "c9", "dig")]
    call += [ToolUseDelta(9, fragment) for fragment in fragments]
    for chunk in stream([*said(blocks, size), *call], v1=v1):
        checked = AIMessageChunk(**chunk.model_dump(include=GIVEN))
        assert chunk == checked
        assert chunk.model_dump() == checked.model_dump()
        assert chunk.content_blocks == checked.content_blocks
        assert pickle.loads(pickle.dumps(chunk)) == checked
        for made in (chunk, generation_of(chunk)):
            said_so = made.model_dump(exclude_unset=True).keys()
            assert made.model_dump(exclude_defaults=True).keys() <= said_so
        generation = ChatGenerationChunk(message=checked)
        assert generation_of(chunk) == generation
        assert generation_of(chunk).model_dump() == generation.model_dump()


@in_both_layouts
def test_a_chunk_shares_nothing_with_another(v1: bool) -> None:
    deltas = [
        START,
        *(ThinkingDelta(0, "a"), ThinkingDelta(0, "b")),
        *(TextDelta(1, "a"), TextDelta(1, "b")),
        *(ToolUseDelta(2, "a"), ToolUseDelta(2, "b")),
    ]
    chunks = stream(deltas, v1=v1)
    before = [chunk.model_copy(deep=True) for chunk in chunks]
    for place, chunk in enumerate(chunks, 1):
        for value in vars(chunk).values():
            if isinstance(value, list):
                value.append("mine")
            elif isinstance(value, dict):
                value["mine"] = True
        assert chunks[place:] == before[place:]
    assert stream(deltas, v1=v1) == before


@in_both_layouts
@law
@given(blocks=REPLIES, size=SIZES)
def test_every_reply_is_sent_back_as_it_came(
    v1: bool, blocks: list[Block], size: int
) -> None:
    deltas = said(blocks, size)
    for message in (fold(deltas, MODEL, v1=v1), total(stream(deltas, v1=v1))):
        (turn,) = to_conversation([message]).turns
        assert list(turn.blocks) == blocks


@in_both_layouts
@law
@given(blocks=REPLIES, size=SIZES, data=st.data())
def test_a_reply_that_breaks_off_anywhere_has_only_finished_calls(
    v1: bool, blocks: list[Block], size: int, data: st.DataObject
) -> None:
    deltas = said(blocks, size)
    heard = deltas[: data.draw(st.integers(0, len(deltas)))]
    message = fold(heard, MODEL, v1=v1)
    begun = [each.id for each in heard if isinstance(each, ToolUseStarted)]
    ended = [each.id for each in heard if isinstance(each, ToolUseStopped)]
    assert [call["id"] for call in message.tool_calls] == ended
    assert [call["id"] for call in message.invalid_tool_calls] == begun[len(ended) :]


@law
@given(arguments=INPUTS.map(json.dumps), data=st.data())
def test_spoiled_arguments_parse_as_nothing(
    arguments: str, data: st.DataObject
) -> None:
    cut = arguments[: data.draw(st.integers(0, len(arguments)))]
    assert parse_partial_json(cut + spoiler(cut)) is None


@law
@given(garbage=GARBAGE)
def test_spoiled_garbage_parses_as_nothing(garbage: str) -> None:
    assert parse_partial_json(garbage + spoiler(garbage)) is None


@in_both_layouts
@law
@given(arguments=INPUTS.map(json.dumps) | GARBAGE, size=SIZES)
def test_unusable_arguments_make_an_invalid_call_however_they_came(
    v1: bool, arguments: str, size: int
) -> None:
    message = total(stream(cut_call(arguments, size), v1=v1))
    assert message.tool_calls == []
    (call,) = message.invalid_tool_calls
    assert (call["id"], call["name"]) == ("c1", "delete")
    assert str(call["args"]).startswith(arguments)
