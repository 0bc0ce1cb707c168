from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    merge_message_runs,
)
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.content import (
    create_non_standard_block,
    create_text_block,
)
from langchain_core.messages.tool import (
    invalid_tool_call,
    tool_call,
    tool_call_chunk,
)

from langchain_minimax._blocks import (
    Block,
    Conversation,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._deltas import Delta, ToolUseStopped
from langchain_minimax._dialects import anthropic
from langchain_minimax._langchain.chunks import Chunks, fold
from langchain_minimax._langchain.events import Events
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax.errors import MiniMaxInvalidRequestError

MARK = {"type": "ephemeral"}
DIG = tool_call(name="dig", args={"at": 1}, id="c1")
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}


def turns(*messages: BaseMessage) -> list[tuple[str, list[Block]]]:
    conversation = to_conversation(messages)
    return [(turn.role, list(turn.blocks)) for turn in conversation.turns]


def sent(message: BaseMessage) -> list[Block]:
    """The blocks of the one turn that a message makes."""
    ((_, blocks),) = turns(message)
    return blocks


# --- Roles ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (HumanMessage("Hi"), "user"),
        (HumanMessageChunk("Hi"), "user"),
        (AIMessage("Hi"), "assistant"),
        (AIMessageChunk("Hi"), "assistant"),
        (ChatMessage("Hi", role="user"), "user"),
        (ChatMessage("Hi", role="Human"), "user"),
        (ChatMessage("Hi", role="assistant"), "assistant"),
        (ChatMessage("Hi", role="AI"), "assistant"),
    ],
    ids=lambda value: (
        f"{type(value).__name__} {getattr(value, 'role', '')}"
        if isinstance(value, BaseMessage)
        else ""
    ),
)
def test_every_message_takes_its_speakers_turn(message: BaseMessage, role: str) -> None:
    assert turns(message) == [(role, [Text("Hi")])]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (ChatMessage("Hi", role="narrator"), "'narrator'"),
        (ChatMessage("Hi", role="tool"), "'tool'"),
        (FunctionMessage("Hi", name="dig"), "'function'"),
        (RemoveMessage(id="1"), "'remove'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_is_no_speaker_is_refused_by_name(message: BaseMessage, named: str) -> None:
    words = f"knows no message with the role {named}. Use one of 'system', "
    with pytest.raises(MiniMaxInvalidRequestError, match=words) as refused:
        to_conversation([HumanMessage("Hi"), message])
    assert "'assistant'" in str(refused.value)


def test_system_messages_anywhere_become_the_system_prompt_in_order() -> None:
    conversation = to_conversation(
        [
            SystemMessage("Be kind."),
            HumanMessage("Hi"),
            ChatMessage("Be brief.", role="developer"),
            AIMessage("Hello"),
            ChatMessage("Be quick.", role="System"),
            SystemMessage(
                ["Be", {"type": "text", "text": "wise.", "cache_control": MARK}]
            ),
        ]
    )
    assert conversation == Conversation(
        system=(
            Text("Be kind."),
            Text("Be brief."),
            Text("Be quick."),
            Text("Be"),
            Text("wise.", MARK),
        ),
        turns=(Turn("user", (Text("Hi"),)), Turn("assistant", (Text("Hello"),))),
    )


def test_a_system_message_can_only_hold_text() -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="only hold text"):
        to_conversation([SystemMessage([IMAGE]), HumanMessage("Hi")])


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [SystemMessage("Be kind.")],
        [HumanMessage("")],
        [HumanMessage([]), AIMessage("")],
        [HumanMessage([{"type": "text", "text": ""}])],
    ],
    ids=["nothing", "system only", "empty", "two empty", "empty part"],
)
def test_a_conversation_without_a_word_is_refused(messages: list[BaseMessage]) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="conversation is empty"):
        to_conversation(messages)


def test_a_message_without_a_word_takes_no_turn() -> None:
    said = turns(HumanMessage("Hi"), AIMessage(""), HumanMessage("Hello?"))
    assert said == [("user", [Text("Hi")]), ("user", [Text("Hello?")])]


# --- Content -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        ("Hi", [Text("Hi")]),
        ([" \n"], [Text(" \n")]),
        (["Hi", "", "there"], [Text("Hi"), Text("there")]),
        ([{"type": "text", "text": "Hi", "index": 0}], [Text("Hi")]),
        (
            [{"type": "text", "text": "Hi", "cache_control": MARK}],
            [Text("Hi", MARK)],
        ),
        ([create_text_block("Hi")], [Text("Hi")]),
        ([create_text_block("Hi", cache_control=MARK)], [Text("Hi", MARK)]),
        (
            [{"type": "text", "text": "Hi", "extras": "odd"}],
            [Text("Hi")],
        ),
        ([IMAGE], [Opaque(IMAGE)]),
        ([{**IMAGE, "index": 1, "partial_json": ""}], [Opaque(IMAGE)]),
        ([create_non_standard_block({"type": "magic"})], [Opaque({"type": "magic"})]),
        (
            [create_non_standard_block({"type": "magic", "index": 3})],
            [Opaque({"type": "magic"})],
        ),
        (
            [{"type": "mid_conv_system", "content": "Be kind."}],
            [Opaque({"type": "mid_conv_system", "content": "Be kind."})],
        ),
    ],
    ids=[
        "text",
        "white space",
        "strings",
        "block",
        "marked",
        "made by LangChain",
        "marked in extras",
        "odd extras",
        "image",
        "streamed",
        "non-standard",
        "non-standard with index",
        "unknown",
    ],
)
def test_what_a_person_says_is_passed_on_in_our_words(
    content: Any, blocks: list[Block]
) -> None:
    assert sent(HumanMessage(content)) == blocks


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "url": "https://example.com/a.png"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "video", "base64": "AAAA", "mime_type": "video/mp4"},
        {"type": "video_url", "video_url": "https://example.com/a.mp4"},
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"},
        {"type": "file", "url": "https://example.com/a.pdf"},
        {"type": "text-plain", "text": "Hi"},
    ],
    ids=lambda part: part["type"],
)
def test_media_in_others_words_are_refused_by_name(part: dict[str, Any]) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match=f"'{part['type']}'"):
        to_conversation([HumanMessage([part])])


@pytest.mark.parametrize(
    "part",
    [{"text": "Hi"}, {"type": None}, {"type": "non_standard", "value": {}}],
    ids=["missing", "null", "in a non-standard block"],
)
def test_a_part_without_a_type_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="has no type"):
        to_conversation([HumanMessage([part])])


# --- Tool results --------------------------------------------------------------------


def test_results_that_follow_each_other_share_a_turn_with_nothing_beside_them() -> None:
    said = turns(
        HumanMessage("Go."),
        ToolMessage("one", tool_call_id="c1"),
        ToolMessage("two", tool_call_id="c2"),
        HumanMessage("And?"),
        ToolMessage("three", tool_call_id="c3"),
    )
    assert said == [
        ("user", [Text("Go.")]),
        ("user", [ToolResult("c1", "one"), ToolResult("c2", "two")]),
        ("user", [Text("And?")]),
        ("user", [ToolResult("c3", "three")]),
    ]


def test_a_system_message_between_results_does_not_part_them() -> None:
    said = turns(
        ToolMessage("one", tool_call_id="c1"),
        SystemMessage("Be kind."),
        ToolMessage("two", tool_call_id="c2"),
    )
    assert said == [("user", [ToolResult("c1", "one"), ToolResult("c2", "two")])]


@pytest.mark.parametrize(
    ("message", "result"),
    [
        (ToolMessage("", tool_call_id="c1"), ToolResult("c1", "")),
        (
            ToolMessage("No.", tool_call_id="c1", status="error"),
            ToolResult("c1", "No.", is_error=True),
        ),
        (
            ToolMessage(["Look:", IMAGE], tool_call_id="c1"),
            ToolResult("c1", (Text("Look:"), Opaque(IMAGE))),
        ),
        (
            ToolMessage(
                [{"type": "text", "text": "Hi", "cache_control": MARK}],
                tool_call_id="c1",
            ),
            ToolResult("c1", (Text("Hi", MARK),)),
        ),
        (
            ToolMessage(
                "Hi", tool_call_id="c1", additional_kwargs={"cache_control": MARK}
            ),
            ToolResult("c1", "Hi", cache_control=MARK),
        ),
        (
            ToolMessage(
                "Hi",
                tool_call_id="c1",
                additional_kwargs={"extras": {"cache_control": MARK}},
            ),
            ToolResult("c1", "Hi", cache_control=MARK),
        ),
        (
            ToolMessage("Hi", tool_call_id="c1", name="dig", artifact={"not": "sent"}),
            ToolResult("c1", "Hi"),
        ),
    ],
    ids=["empty", "error", "parts", "marked part", "marked", "extras", "artifact"],
)
def test_what_a_tool_answers_is_the_result_of_its_call(
    message: ToolMessage, result: ToolResult
) -> None:
    assert sent(message) == [result]


# --- Our own replies, in every layout ------------------------------------------------

CONTENT = [
    {"type": "thinking", "thinking": "The tide first.", "signature": "5ig1"},
    {"type": "text", "text": "I ask."},
    {"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}},
    {"type": "thinking", "thinking": "Then the wind.", "signature": "5ig2"},
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
    {"type": "text", "text": "Both are asked."},
    {"type": "tool_use", "id": "c2", "name": "fill", "input": {}},
]
REPLAYED = [
    Thinking("The tide first.", "5ig1"),
    Text("I ask."),
    ToolUse("c1", "dig", {"at": 1}),
    Thinking("Then the wind.", "5ig2"),
    Opaque({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}),
    Text("Both are asked."),
    ToolUse("c2", "fill", {}),
]


def heard(content: list[dict[str, Any]], id: str = "r1") -> list[Delta]:
    decoder = anthropic.decoder()
    document = {"id": id, "model": "MiniMax-M3", "content": content}
    return [*decoder.whole(document), *decoder.finish()]


def whole(*, v1: bool) -> AIMessage:
    return fold(heard(CONTENT), "MiniMax-M3", v1=v1)


def summed(*, v1: bool) -> AIMessageChunk:
    chunks = Chunks("MiniMax-M3", v1=v1)
    said = [each for delta in heard(CONTENT) if (each := chunks.feed(delta))]
    return add_ai_message_chunks(said[0], *said[1:])


def unfinished(*, v1: bool) -> AIMessageChunk:
    """A sum that somebody took before the last chunk."""
    return summed(v1=v1).model_copy(update={"chunk_position": None})


def dispatched() -> AIMessage:
    translator, stream = Events("MiniMax-M3"), ChatModelStream()
    for delta in heard(CONTENT):
        for event in translator.feed(delta):
            stream.dispatch(event)
    return stream.output


def from_dict(content: Any) -> BaseMessage:
    """As a user interface hands it back: a role and content, nothing else."""
    (message,) = convert_to_messages(
        [{"role": "assistant", "content": copy.deepcopy(content)}]
    )
    return message


def streamed_by_others() -> AIMessageChunk:
    """As `ChatAnthropic` adds up a stream: arguments as text, empty `input`."""
    content = [
        {**block, "input": {}, "partial_json": "{}"} if "input" in block else block
        for block in CONTENT
    ]
    return AIMessageChunk(
        content=[{**block, "index": place} for place, block in enumerate(content)],
        tool_call_chunks=[
            tool_call_chunk(name="dig", args='{"at": 1}', id="c1", index=2),
            tool_call_chunk(name="fill", args="", id="c2", index=6),
        ],
    )


@pytest.mark.parametrize(
    "message",
    [
        whole(v1=False),
        whole(v1=True),
        summed(v1=False),
        summed(v1=True),
        unfinished(v1=False),
        unfinished(v1=True),
        dispatched(),
        from_dict(CONTENT),
        from_dict(whole(v1=True).content),
        from_dict(dispatched().content),
        streamed_by_others(),
    ],
    ids=[
        "v0",
        "v1",
        "v0 chunk",
        "v1 chunk",
        "v0 unfinished",
        "v1 unfinished",
        "v3",
        "dict of the wire",
        "dict of v1",
        "dict of v3",
        "streamed by another client",
    ],
)
def test_a_reply_of_ours_is_sent_back_as_it_came(message: BaseMessage) -> None:
    assert sent(message) == REPLAYED


def test_a_thought_is_sent_back_once_after_langchain_moved_it_into_content() -> None:
    message = whole(v1=False)
    moved = message.model_copy(update={"content": message.content_blocks})
    assert sent(moved) == REPLAYED


@pytest.mark.parametrize(
    ("block", "thought"),
    [
        ({"type": "thinking", "thinking": "Hm"}, Thinking("Hm", None)),
        ({"type": "reasoning", "reasoning": "Hm"}, Thinking("Hm", None)),
        (
            {"type": "reasoning", "reasoning": "Hm", "extras": None},
            Thinking("Hm", None),
        ),
        ({"type": "thinking", "signature": "5ig"}, Thinking("", "5ig")),
        ({"type": "reasoning", "extras": {"signature": "5ig"}}, Thinking("", "5ig")),
    ],
)
def test_a_thought_goes_back_with_what_it_has(
    block: dict[str, Any], thought: Thinking
) -> None:
    assert sent(AIMessage([block])) == [thought]


def test_a_thought_of_nothing_does_not_go_back() -> None:
    empty: list[Any] = [{"type": "thinking", "thinking": ""}, {"type": "reasoning"}]
    assert sent(AIMessage([*empty, "Hi"])) == [Text("Hi")]


@pytest.mark.parametrize("calls", [[], [DIG]], ids=["in content", "in both"])
def test_a_cache_mark_stays_on_its_call(calls: list[Any]) -> None:
    block = {"type": "tool_call", "id": "c1", "name": "dig", "args": {"at": 1}}
    message = AIMessage([{**block, "cache_control": MARK}], tool_calls=calls)
    assert sent(message) == [ToolUse("c1", "dig", {"at": 1}, MARK)]


@pytest.mark.parametrize("provider", [None, "minimax"])
def test_thoughts_of_ours_are_known_by_their_provider_or_by_none(
    provider: str | None,
) -> None:
    metadata = {"model_provider": provider} if provider else {}
    message = AIMessage([CONTENT[0]], response_metadata=metadata)
    assert sent(message) == [Thinking("The tide first.", "5ig1")]


@pytest.mark.parametrize(
    ("provider", "thoughts"),
    [
        ("anthropic", {"content": [CONTENT[0], {"type": "text", "text": "Hi"}]}),
        (
            "anthropic",
            {
                "content": [
                    {"type": "redacted_thinking", "data": "Zm9v"},
                    {"type": "text", "text": "Hi"},
                ]
            },
        ),
        (
            "openai",
            {
                "content": [
                    {"type": "reasoning", "reasoning": "Hm", "id": "rs_1"},
                    {"type": "text", "text": "Hi"},
                ]
            },
        ),
        (
            "elsewhere",
            {
                "content": "Hi",
                "additional_kwargs": {
                    "thinking_blocks": [CONTENT[0]],
                    "reasoning_content": "Hm",
                },
            },
        ),
    ],
    ids=["thinking", "redacted", "reasoning", "beside"],
)
def test_thoughts_of_others_are_dropped_and_their_words_and_calls_kept(
    provider: str, thoughts: dict[str, Any]
) -> None:
    message = AIMessage(
        **thoughts, tool_calls=[DIG], response_metadata={"model_provider": provider}
    )
    assert sent(message) == [Text("Hi"), ToolUse("c1", "dig", {"at": 1})]


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
def test_merged_replies_keep_both_signatures_apart(v1: bool) -> None:
    first, second = (
        fold(heard([block], id), "MiniMax-M3", v1=v1)
        for block, id in ((CONTENT[0], "r1"), (CONTENT[3], "r2"))
    )
    (merged,) = merge_message_runs([first, second])
    assert sent(merged) == [REPLAYED[0], REPLAYED[3]]


# --- Calls ---------------------------------------------------------------------------


def broken(name: str | None = "dig", id: str | None = "c1") -> Any:
    return invalid_tool_call(name=name, args='{"path": "/srv/a', id=id, error=None)


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (AIMessage("", tool_calls=[DIG]), ToolUse("c1", "dig", {"at": 1})),
        (
            AIMessage("", tool_calls=[{**DIG, "id": None}]),
            ToolUse("call_dig", "dig", {"at": 1}),
        ),
        (
            AIMessage([{"type": "tool_use", "id": "c1", "name": "dig", "input": None}]),
            ToolUse("c1", "dig", {}),
        ),
        (AIMessage("", invalid_tool_calls=[broken()]), ToolUse("c1", "dig", {})),
        (
            AIMessage("", invalid_tool_calls=[broken(name=None)]),
            ToolUse("c1", "unknown", {}),
        ),
        (
            AIMessage("", invalid_tool_calls=[broken(name=None, id=None)]),
            ToolUse("call_unknown", "unknown", {}),
        ),
        (
            AIMessage([{**broken(), "type": "tool_call_chunk"}]),
            ToolUse("c1", "dig", {}),
        ),
        (
            AIMessage(
                [{**broken(), "type": "tool_call_chunk"}],
                invalid_tool_calls=[broken()],
            ),
            ToolUse("c1", "dig", {}),
        ),
        (
            AIMessage(
                [{"type": "tool_use", "id": "c1", "name": "dig", "input": '{"path": "'}]
            ),
            ToolUse("c1", "dig", {}),
        ),
        (
            AIMessageChunk(
                "",
                tool_call_chunks=[
                    tool_call_chunk(name="dig", args="nonsense", id="c1", index=0)
                ],
            ),
            ToolUse("c1", "dig", {}),
        ),
    ],
    ids=[
        "good",
        "without id",
        "without input",
        "broken",
        "broken without name",
        "broken without anything",
        "broken in content",
        "broken in both",
        "input cut in content",
        "broken chunk",
    ],
)
def test_a_call_is_replayed_with_whole_arguments_or_none(
    message: AIMessage, call: ToolUse
) -> None:
    assert sent(message) == [call]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "input": {}, "partial_json": '{"at": 1}', "index": 1},
        {"type": "tool_use", "input": '{"at": 1}', "index": 1},
        {"type": "tool_call_chunk", "args": '{"at": 1}', "index": 1},
        {"type": "tool_call", "args": '{"at": 1}'},
    ],
    ids=["beside", "as input", "chunk", "call"],
)
def test_arguments_that_lie_in_the_content_as_text_are_not_lost(
    block: dict[str, Any],
) -> None:
    """Streams of `ChatAnthropic` do, and a history of dicts has no `tool_calls`."""
    message = from_dict([{**block, "id": "c1", "name": "dig"}])
    assert sent(message) == [ToolUse("c1", "dig", {"at": 1})]


def test_half_an_emoji_in_arguments_is_no_reason_to_fail() -> None:
    block = {"type": "tool_use", "id": "c1", "name": "dig", "input": '{"at": "\ud83d"}'}
    (call,) = sent(from_dict([block]))
    assert isinstance(call, ToolUse)
    assert isinstance(call.input, dict)


def test_a_broken_call_keeps_its_partner() -> None:
    cut = fold(
        [
            *(delta for delta in heard(CONTENT[2:3])[:-2]),
            ToolUseStopped(0, "c1", "dig", None, '{"at": 1}'),
        ],
        "MiniMax-M3",
    )
    said = turns(cut, ToolMessage("Say that again.", tool_call_id="c1", status="error"))
    assert said == [
        ("assistant", [ToolUse("c1", "dig", {})]),
        ("user", [ToolResult("c1", "Say that again.", is_error=True)]),
    ]


# --- Nothing is touched, nothing leaks -----------------------------------------------

PARTS: list[Any] = [
    "Hi",
    create_text_block("Hi", cache_control=MARK),
    {"type": "text", "text": "Hi", "index": 2},
    {**IMAGE, "index": 1},
    create_non_standard_block({"type": "magic", "index": 1, "partial_json": "{"}),
    {**CONTENT[4], "index": "lc_r1_0", "partial_json": "{"},
]
THOUGHTS: list[Any] = [
    {**CONTENT[0], "index": "lc_r1_0"},
    {"type": "reasoning", "reasoning": "Hm", "id": "lc_1", "index": 5},
]
CALLS: list[Any] = [
    {**CONTENT[2], "index": 1, "partial_json": '{"at":'},
    {**DIG, "index": "lc_r1_3"},
]
MESSAGES = st.lists(
    st.one_of(
        st.builds(HumanMessage, st.lists(st.sampled_from(PARTS), max_size=3)),
        st.builds(
            AIMessage,
            st.lists(st.sampled_from(PARTS + THOUGHTS + CALLS), max_size=4),
            tool_calls=st.just([DIG]),
            invalid_tool_calls=st.just([broken(id="c9")]),
            id=st.just("lc_run--1"),
        ),
        st.builds(
            ToolMessage,
            st.lists(st.sampled_from(PARTS), max_size=2),
            tool_call_id=st.just("c1"),
        ),
    ),
    max_size=4,
)


def _keys_and_strings(value: Any) -> list[str]:
    match value:
        case dict():
            return [*value, *(s for v in value.values() for s in _keys_and_strings(v))]
        case list():
            return [string for each in value for string in _keys_and_strings(each)]
        case _:
            return [str(value)]


@settings(max_examples=60, deadline=None)
@given(messages=MESSAGES)
def test_the_callers_messages_stay_as_they_are_and_their_bookkeeping_stays_here(
    messages: list[BaseMessage],
) -> None:
    messages = [HumanMessage("Begin."), *copy.deepcopy(messages)]
    before = copy.deepcopy(messages)
    conversation = to_conversation(messages)
    assert messages == before
    for turn in conversation.turns:
        for block in turn.blocks:
            words = _keys_and_strings(anthropic._block(block))
            assert not {"index", "partial_json", "extras"} & {*words}
            assert not any(word.startswith("lc_") for word in words)
