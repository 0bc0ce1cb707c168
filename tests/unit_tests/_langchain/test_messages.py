from __future__ import annotations

import copy
import json
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
    Media,
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
from langchain_minimax._repair import repair
from langchain_minimax.errors import MiniMaxInvalidRequestError

MARK = {"type": "ephemeral"}
DIG = tool_call(name="dig", args={"at": 1}, id="c1")
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
PICTURE = Media("image", url="https://example.com/a.png")


def turns(*messages: BaseMessage) -> list[tuple[str, list[Block]]]:
    """The turns that messages are, one for one."""
    conversation = to_conversation(messages)
    assert conversation.system == ()
    assert len(conversation.turns) == len(messages)
    return [(turn.role, list(turn.blocks)) for turn in conversation.turns]


def asked(*messages: BaseMessage) -> list[tuple[str, list[Block]]]:
    """The turns that the server gets."""
    conversation = repair(to_conversation(messages))
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
        (SystemMessage("Hi"), "system"),
        (ChatMessage("Hi", role="user"), "user"),
        (ChatMessage("Hi", role="Human"), "user"),
        (ChatMessage("Hi", role="assistant"), "assistant"),
        (ChatMessage("Hi", role="AI"), "assistant"),
        (ChatMessage("Hi", role=" System\n"), "system"),
        (ChatMessage("Hi", role="developer"), "system"),
        (ChatMessage("Hi", role="user_system"), "user_system"),
        (ChatMessage("Hi", role="group"), "group"),
        (ChatMessage("Hi", role="sample_message_user"), "sample_message_user"),
        (ChatMessage("Hi", role="Sample_Message_AI"), "sample_message_ai"),
    ],
    ids=lambda value: (
        f"{type(value).__name__} {getattr(value, 'role', '').strip()}"
        if isinstance(value, BaseMessage)
        else ""
    ),
)
def test_every_message_takes_its_speakers_turn(message: BaseMessage, role: str) -> None:
    assert turns(message) == [(role, [Text("Hi")])]


@pytest.mark.parametrize(
    ("role", "label"),
    [
        ("narrator", '<message role="narrator">'),
        ("tool", '<message role="tool">'),
        ('The "Knight"', "<message role='The \"Knight\"'>"),
        ("<b>", '<message role="&lt;b&gt;">'),
        ("", '<message role="">'),
    ],
)
def test_who_has_no_turn_of_their_own_speaks_as_a_person_with_a_label(
    role: str, label: str
) -> None:
    message = ChatMessage(["Hi", IMAGE], role=role)
    assert turns(message) == [
        ("user", [Text(label), Text("Hi"), PICTURE, Text("</message>")])
    ]


@pytest.mark.parametrize(
    "content", ["", " \n", [], ["", {"type": "text", "text": " "}]]
)
def test_who_says_nothing_needs_no_label(content: Any) -> None:
    said = asked(HumanMessage("Hi"), ChatMessage(content, role="narrator"))
    assert said == [("user", [Text("Hi")])]


def test_a_message_to_the_history_is_no_message_to_a_model() -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="'remove' says nothing"):
        to_conversation([HumanMessage("Hi"), RemoveMessage(id="1")])


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage("Hi", name="ann"),
        AIMessage("Hi", name="bot"),
        SystemMessage("Hi", name="boss"),
        ChatMessage("Hi", role="user", name="ann"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_name_is_not_sent(message: BaseMessage) -> None:
    ((_, blocks),) = turns(message)
    assert blocks == [Text("Hi")]


def test_system_messages_stay_where_they_were_said_or_lead() -> None:
    messages = [
        SystemMessage("Be kind."),
        ChatMessage("Be brief.", role="developer"),
        HumanMessage("Hi"),
        AIMessage("Hello"),
        ChatMessage("Be quick.", role="System"),
        SystemMessage(["Be", {"type": "text", "text": "wise.", "cache_control": MARK}]),
    ]
    assert [role for role, _ in turns(*messages)] == [
        *("system", "system", "user", "assistant", "system", "system"),
    ]
    assert repair(to_conversation(messages)) == Conversation(
        system=(Text("Be kind."), Text("Be brief.")),
        turns=(
            Turn("user", (Text("Hi"),)),
            Turn("assistant", (Text("Hello"),)),
            Turn(
                "user",
                (
                    *(Text("<system>"), Text("Be quick."), Text("</system>")),
                    *(Text("<system>"), Text("Be"), Text("wise.", MARK)),
                    Text("</system>"),
                ),
            ),
        ),
    )


def test_a_system_message_may_hold_a_picture_which_a_person_shows() -> None:
    said = repair(to_conversation([SystemMessage(["So:", IMAGE]), HumanMessage("Hi")]))
    assert said.system == (Text("So:"),)
    assert said.turns == (Turn("user", (PICTURE, Text("Hi"))),)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [SystemMessage("")],
        [HumanMessage("")],
        [HumanMessage(" \n")],
        [HumanMessage([]), AIMessage("")],
        [HumanMessage([{"type": "text", "text": ""}])],
        [ChatMessage("", role="narrator")],
    ],
    ids=[
        *("nothing", "empty system", "empty", "blank", "two empty", "empty part"),
        "nobody's",
    ],
)
def test_a_conversation_without_a_word_is_refused(messages: list[BaseMessage]) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="conversation is empty"):
        repair(to_conversation(messages))


def test_a_message_without_a_word_takes_no_turn() -> None:
    said = asked(HumanMessage("Hi"), AIMessage(""), HumanMessage("Hello?"))
    assert said == [("user", [Text("Hi"), Text("Hello?")])]


# --- Content -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        ("Hi", [Text("Hi")]),
        ([" \n"], [Text(" \n")]),
        (["Hi", "", "there"], [Text("Hi"), Text(""), Text("there")]),
        ([{"text": "Hi"}], [Text("Hi")]),
        ([{"type": "input_text", "text": "Hi"}], [Text("Hi")]),
        ([{"type": "output_text", "text": "Hi"}], [Text("Hi")]),
        ([{"type": "refusal", "refusal": "No."}], [Text("No.")]),
        ([{"type": "text", "text": None}], [Text("")]),
        ([{"type": "text"}], [Text("")]),
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
        ([IMAGE], [PICTURE]),
        ([{**IMAGE, "index": 1, "partial_json": ""}], [PICTURE]),
        ([create_non_standard_block(IMAGE)], [PICTURE]),
        (
            [{"type": "mid_conv_system", "content": "Be kind."}],
            [Opaque({"type": "mid_conv_system", "content": "Be kind."})],
        ),
        (
            [{"type": "thinking", "thinking": "Hm.", "signature": "5ig"}],
            [Thinking("Hm.", "5ig")],
        ),
        (
            [{"type": "tool_use", "id": "c1", "name": "dig", "input": {"at": 1}}],
            [ToolUse("c1", "dig", {"at": 1})],
        ),
        (
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": ["Look:", IMAGE, {"depth": 3}],
                    "is_error": True,
                    "cache_control": MARK,
                }
            ],
            [
                ToolResult(
                    "c1",
                    (Text("Look:"), PICTURE, Text('{"depth": 3}')),
                    is_error=True,
                    cache_control=MARK,
                )
            ],
        ),
        ([{"type": "tool_result", "tool_use_id": "c1"}], [ToolResult("c1", "")]),
        ([{"type": "tool_result"}], [ToolResult("", "")]),
    ],
    ids=[
        "text",
        "white space",
        "strings",
        "without a type",
        "input text",
        "output text",
        "refusal",
        "null",
        "no text",
        "block",
        "marked",
        "made by LangChain",
        "marked in extras",
        "odd extras",
        "image",
        "streamed",
        "non-standard image",
        "official",
        "thought",
        "call",
        "Anthropic's result",
        "Anthropic's empty result",
        "Anthropic's nameless result",
    ],
)
def test_what_a_person_says_is_passed_on_in_our_words(
    content: Any, blocks: list[Block]
) -> None:
    assert sent(HumanMessage(content)) == blocks


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"words": "Hi"}, '{"words": "Hi"}'),
        ({"type": None, "text": "Hi"}, '{"type": null, "text": "Hi"}'),
        ({"type": 5}, '{"type": 5}'),
        ({"type": ["text"]}, '{"type": ["text"]}'),
        ({"type": "non_standard", "value": {"type": "x"}}, '{"type": "x"}'),
        ({"type": "magic", "spell": "Hi"}, '{"type": "magic", "spell": "Hi"}'),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage])
def test_a_part_that_nobody_knows_is_sent_as_json_with_a_warning(
    kind: type[BaseMessage], part: dict[str, Any], words: str
) -> None:
    with pytest.warns(UserWarning, match="knows no part of a message of the type"):
        (turn,) = to_conversation([kind([part])]).turns
    assert turn.blocks == (Text(words),)


@pytest.mark.parametrize("value", [None, 5, ["Hi"]], ids=str)
def test_what_is_no_part_at_all_is_refused(value: Any) -> None:
    part = {"type": "non_standard", "value": value}
    with pytest.raises(MiniMaxInvalidRequestError, match="no part of a message"):
        to_conversation([HumanMessage([part])])


@pytest.mark.parametrize("text", [5, ["Hi"], {"text": "Hi"}, True], ids=str)
def test_what_a_model_said_out_of_shape_is_sent_as_json(text: Any) -> None:
    part = {"type": "text", "text": text}
    (turn,) = to_conversation([AIMessage([part])]).turns
    assert turn.blocks == (Text(json.dumps(part)),)


@pytest.mark.parametrize("text", [5, ["Hi"], {"text": "Hi"}, True], ids=str)
@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage])
def test_a_text_that_is_no_text_is_refused(kind: type[BaseMessage], text: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="is no text"):
        to_conversation([kind([{"type": "text", "text": text}])])


# --- Tool results --------------------------------------------------------------------


def test_every_result_is_a_turn_and_the_repair_puts_them_behind_their_calls() -> None:
    fill = {**DIG, "name": "fill", "id": "c2"}
    messages = [
        HumanMessage("Go."),
        AIMessage("", tool_calls=[DIG, fill]),
        ToolMessage("two", tool_call_id="c2"),
        SystemMessage("Be kind."),
        HumanMessage("And?"),
        ToolMessage("one", tool_call_id="c1"),
    ]
    assert turns(*messages)[2:] == [
        ("user", [ToolResult("c2", "two")]),
        ("system", [Text("Be kind.")]),
        ("user", [Text("And?")]),
        ("user", [ToolResult("c1", "one")]),
    ]
    assert asked(*messages) == [
        ("user", [Text("Go.")]),
        (
            "assistant",
            [ToolUse("c1", "dig", {"at": 1}), ToolUse("c2", "fill", {"at": 1})],
        ),
        ("user", [ToolResult("c1", "one"), ToolResult("c2", "two")]),
        (
            "user",
            [Text("<system>"), Text("Be kind."), Text("</system>"), Text("And?")],
        ),
    ]


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
            ToolResult("c1", (Text("Look:"), PICTURE)),
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
            ToolMessage("Hi", tool_call_id="c1", artifact={"not": "sent"}),
            ToolResult("c1", "Hi"),
        ),
        (
            ToolMessage("Hi", tool_call_id="c1", name="dig"),
            ToolResult("c1", "Hi", name="dig"),
        ),
        (
            ToolMessage(
                [{"depth": 3}, {"type": "json", "json": [1]}], tool_call_id="c1"
            ),
            ToolResult(
                "c1", (Text('{"depth": 3}'), Text('{"type": "json", "json": [1]}'))
            ),
        ),
        (
            ToolMessage([{"text": "Hi"}, create_text_block("Ho")], tool_call_id="c1"),
            ToolResult("c1", (Text("Hi"), Text("Ho"))),
        ),
        (
            ToolMessage([create_non_standard_block(IMAGE)], tool_call_id="c1"),
            ToolResult("c1", (PICTURE,)),
        ),
        (
            ToolMessage([create_non_standard_block({"depth": 3})], tool_call_id="c1"),
            ToolResult("c1", (Text('{"depth": 3}'),)),
        ),
        (
            FunctionMessage("Hi", name="dig"),
            ToolResult("function_dig", "Hi", name="dig"),
        ),
    ],
    ids=[
        *("empty", "error", "parts", "marked part", "marked", "extras", "artifact"),
        *("named", "data", "typeless text", "non-standard image"),
        *("non-standard data", "function"),
    ],
)
def test_what_a_tool_answers_is_the_result_of_its_call(
    message: BaseMessage, result: ToolResult
) -> None:
    assert sent(message) == [result]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (
            {"type": "file", "name": "a.txt", "size": 3},
            '{"type": "file", "name": "a.txt", "size": 3}',
        ),
        ({"type": "image", "name": "a.png"}, '{"type": "image", "name": "a.png"}'),
        (
            {"type": "document", "page_content": "Hi"},
            '{"type": "document", "page_content": "Hi"}',
        ),
        ({"type": "audio", "seconds": 3}, '{"type": "audio", "seconds": 3}'),
        ({"type": "tool_use", "id": "x"}, '{"type": "tool_use", "id": "x"}'),
        ({"type": "thinking"}, '{"type": "thinking"}'),
        ({"type": ["x"]}, '{"type": ["x"]}'),
        ({"type": 5}, '{"type": 5}'),
        ({"type": "text", "text": 5}, '{"type": "text", "text": 5}'),
        ({"é": None}, '{"é": null}'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tools_own_data_is_data_whatever_it_calls_its_type(
    part: Any, text: str
) -> None:
    """A directory listing is no attempt to send a file."""
    message = ToolMessage([part], tool_call_id="c1")
    assert sent(message) == [ToolResult("c1", (Text(text),))]


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
        ({"type": "reasoning", "reasoning": "Hm", "extras": "odd"}, Thinking("Hm")),
        (
            {"type": "thinking", "thinking": "Hm", "signature": 5},
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


@pytest.mark.parametrize(
    ("sent_as", "kept"),
    [
        ({"field": "reasoning_content"}, True),
        ({"field": "reasoning_details", "item": {"index": 0}}, True),
        ({"field": "content", "opening": "<think>", "closing": ""}, True),
        ({"field": "reasoning", "closing": "</think>"}, True),
        ({}, False),
        ("reasoning", False),
        ([], False),
        ({"item": {"index": 0}}, False),
        ({"field": None}, False),
        ({"field": "reasoning_details", "item": "x"}, False),
        ({"field": "content", "opening": 7}, False),
        ({"field": "content", "closing": None}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("place", ["block", "extras", "beside"])
def test_how_a_thought_came_is_kept_unless_it_was_damaged(
    sent_as: Any, kept: bool, place: str
) -> None:
    thought = {"type": "thinking", "thinking": "Hm", "sent_as": sent_as}
    message = {
        "block": AIMessage([thought, "Hi"]),
        "extras": AIMessage(
            [
                {"type": "reasoning", "reasoning": "Hm", "extras": thought},
                {"type": "text", "text": "Hi"},
            ]
        ),
        "beside": AIMessage(
            "Hi",
            additional_kwargs={"thinking_blocks": [thought]},
            response_metadata={"model_provider": "minimax"},
        ),
    }[place]
    expected = Thinking("Hm", sent_as=sent_as if kept else None)
    assert sent(message) == [expected, Text("Hi")]


def test_a_thought_of_nothing_does_not_go_back() -> None:
    empty: list[Any] = [
        {"type": "thinking", "thinking": ""},
        {"type": "reasoning"},
        {"type": "thinking", "thinking": 5, "signature": "5ig"},
    ]
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


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ({}, True),
        ({"model_provider": "minimax"}, True),
        ({"model_provider": "openai", "model_name": "MiniMax-M3"}, True),
        ({"model_provider": "anthropic", "model": "minimax-m2.7"}, True),
        ({"model_provider": "openrouter", "model": "minimax/minimax-m3"}, True),
        ({"model_name": "MiniMax-M3"}, True),
        ({"model_name": "gpt-5"}, False),
        ({"model_provider": "openai", "model_name": "gpt-5"}, False),
        ({"model_provider": "openai"}, False),
        ({"model_provider": "anthropic", "model": "claude-sonnet-4"}, False),
    ],
    ids=str,
)
def test_whose_a_thought_is_the_metadata_say(
    metadata: dict[str, Any], kept: bool
) -> None:
    message = AIMessage([CONTENT[0], "Hi"], response_metadata=metadata)
    thoughts = [Thinking("The tide first.", "5ig1")] if kept else []
    assert sent(message) == [*thoughts, Text("Hi")]


@pytest.mark.parametrize(
    ("provider", "kept"), [(None, True), ("minimax", True), ("anthropic", False)]
)
def test_a_search_on_a_server_is_kept_where_it_may_have_been_ours(
    provider: str | None, kept: bool
) -> None:
    metadata = {"model_provider": provider} if provider else {}
    message = AIMessage([CONTENT[4], "Hi"], response_metadata=metadata)
    assert sent(message) == [*([REPLAYED[4]] if kept else []), Text("Hi")]


@pytest.mark.parametrize("provider", [None, "openai"])
@pytest.mark.parametrize(
    "block",
    [
        {"type": "redacted_thinking", "data": "Zm9v"},
        {"type": "citation", "url": "https://example.com"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "server_tool_call", "id": "s1", "name": "x", "args": {}},
        {"type": "non_standard", "value": {"type": "magic"}},
        {"type": "non_standard", "value": {"no": "type"}},
        {"type": "non_standard", "value": None},
    ],
    ids=str,
)
def test_what_only_another_provider_understands_is_dropped(
    provider: str | None, block: Any
) -> None:
    metadata = {"model_provider": provider} if provider else {}
    message = AIMessage(["Hi", block], response_metadata=metadata)
    assert sent(message) == [Text("Hi")]


@pytest.mark.parametrize(
    "message",
    [
        AIMessage([{"type": "refusal", "refusal": "No."}]),
        AIMessage("", additional_kwargs={"refusal": "No."}),
        AIMessage([], additional_kwargs={"refusal": "No."}),
        AIMessage("No.", additional_kwargs={"refusal": "No."}),
        AIMessage("No.", additional_kwargs={"refusal": None}),
    ],
    ids=["a part", "beside", "beside nothing", "in both", "none"],
)
def test_a_refusal_is_a_word_too(message: AIMessage) -> None:
    message.response_metadata = {"model_provider": "openai"}
    assert sent(message) == [Text("No.")]


def test_a_result_in_a_reply_is_its_calls_result() -> None:
    part = {"type": "tool_result", "tool_use_id": "c1", "content": "sand"}
    message = AIMessage(["I dig.", part], tool_calls=[DIG])
    assert asked(message) == [
        ("assistant", [Text("I dig."), ToolUse("c1", "dig", {"at": 1})]),
        ("user", [ToolResult("c1", "sand")]),
    ]


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
def test_merged_replies_keep_both_signatures_apart(v1: bool) -> None:
    first, second = (
        fold(heard([block], id), "MiniMax-M3", v1=v1)
        for block, id in ((CONTENT[0], "r1"), (CONTENT[3], "r2"))
    )
    (merged,) = merge_message_runs([first, second])
    assert sent(merged) == [REPLAYED[0], REPLAYED[3]]


# --- Calls ---------------------------------------------------------------------------


CUT = {"invalid_arguments": '{"path": "/srv/a'}


def broken(name: str | None = "dig", id: str | None = "c1") -> Any:
    return invalid_tool_call(name=name, args='{"path": "/srv/a', id=id, error=None)


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (AIMessage("", tool_calls=[DIG]), ToolUse("c1", "dig", {"at": 1})),
        (
            AIMessage("", tool_calls=[{**DIG, "id": None}]),
            ToolUse("", "dig", {"at": 1}),
        ),
        (
            AIMessage([{"type": "tool_use", "id": "c1", "name": "dig", "input": None}]),
            ToolUse("c1", "dig", {}),
        ),
        (AIMessage("", invalid_tool_calls=[broken()]), ToolUse("c1", "dig", CUT)),
        (
            AIMessage("", invalid_tool_calls=[broken(name=None)]),
            ToolUse("c1", "unknown", CUT),
        ),
        (
            AIMessage("", invalid_tool_calls=[broken(name=" ")]),
            ToolUse("c1", "unknown", CUT),
        ),
        (
            AIMessage("", invalid_tool_calls=[broken(name=None, id=None)]),
            ToolUse("", "unknown", CUT),
        ),
        (
            AIMessage("", invalid_tool_calls=[{**broken(), "args": None}]),
            ToolUse("c1", "dig", {}),
        ),
        (
            AIMessage("", invalid_tool_calls=[{**broken(), "args": ""}]),
            ToolUse("c1", "dig", {}),
        ),
        (
            AIMessage([{**broken(), "type": "tool_call_chunk"}]),
            ToolUse("c1", "dig", CUT),
        ),
        (
            AIMessage(
                [{**broken(), "type": "tool_call_chunk"}],
                invalid_tool_calls=[broken()],
            ),
            ToolUse("c1", "dig", CUT),
        ),
        (
            AIMessage(
                [{"type": "tool_use", "id": "c1", "name": "dig", "input": '{"path": "'}]
            ),
            ToolUse("c1", "dig", {"invalid_arguments": '{"path": "'}),
        ),
        (
            AIMessageChunk(
                "",
                tool_call_chunks=[
                    tool_call_chunk(name="dig", args="nonsense", id="c1", index=0)
                ],
            ),
            ToolUse("c1", "dig", {"invalid_arguments": "nonsense"}),
        ),
    ],
    ids=[
        "good",
        "without id",
        "without input",
        "broken",
        "broken without name",
        "broken with a blank name",
        "broken without anything",
        "broken without arguments",
        "broken with empty arguments",
        "broken in content",
        "broken in both",
        "input cut in content",
        "broken chunk",
    ],
)
def test_a_call_is_replayed_with_its_arguments_or_their_text(
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
    (broken,) = cut.invalid_tool_calls
    said = asked(cut, ToolMessage("Say that again.", tool_call_id="c1", status="error"))
    assert said == [
        ("assistant", [ToolUse("c1", "dig", {"invalid_arguments": broken["args"]})]),
        ("user", [ToolResult("c1", "Say that again.", is_error=True)]),
    ]


def test_calls_without_ids_get_one_each_and_their_results_in_order() -> None:
    message = AIMessage("", tool_calls=[{**DIG, "id": None}, {**DIG, "id": None}])
    results = [ToolMessage(text, tool_call_id="") for text in ("one", "two")]
    (_, calls), (_, answers) = asked(message, *results)
    ids = [each.id for each in calls if isinstance(each, ToolUse)]
    assert len(set(ids)) == 2
    assert answers == [ToolResult(ids[0], "one"), ToolResult(ids[1], "two")]


@pytest.mark.parametrize(
    ("part", "call"),
    [
        ({"id": 5, "name": "dig"}, ToolUse("5", "dig", {})),
        ({"id": "c1", "name": 5}, ToolUse("c1", "5", {})),
        ({"id": ["c1"], "name": "dig"}, ToolUse("['c1']", "dig", {})),
        ({"id": None, "name": None}, ToolUse("", "unknown", {})),
        ({}, ToolUse("", "unknown", {})),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["tool_use", "tool_call"])
@pytest.mark.parametrize("message", [AIMessage, HumanMessage])
def test_a_call_out_of_shape_is_no_reason_to_fail(
    message: type[BaseMessage], kind: str, part: Any, call: ToolUse
) -> None:
    (said,) = sent(message([{"type": kind, **part}]))
    assert said == call
    assert asked(message([{"type": kind, **part}]))


@pytest.mark.parametrize(
    ("function_call", "call"),
    [
        (
            {"name": "dig", "arguments": '{"at": 1}'},
            ToolUse("function_dig", "dig", {"at": 1}),
        ),
        ({"name": "dig", "arguments": ""}, ToolUse("function_dig", "dig", {})),
        ({"name": "dig"}, ToolUse("function_dig", "dig", {})),
        (
            {"name": "dig", "arguments": '{"at'},
            ToolUse("function_dig", "dig", {"invalid_arguments": '{"at'}),
        ),
        (
            {"name": "dig", "arguments": "[1]"},
            ToolUse("function_dig", "dig", {"invalid_arguments": "[1]"}),
        ),
        ({"name": 5}, ToolUse("function_5", "5", {})),
    ],
    ids=["whole", "empty", "none", "cut", "no object", "no name"],
)
def test_a_function_call_of_old_is_a_call_and_its_message_the_result(
    function_call: Any, call: ToolUse
) -> None:
    message = AIMessage("I dig.", additional_kwargs={"function_call": function_call})
    answer = FunctionMessage("sand", name=str(function_call["name"]))
    assert asked(message, answer) == [
        ("assistant", [Text("I dig."), call]),
        ("user", [ToolResult(call.id, "sand", name=call.name)]),
    ]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"function_call": {"name": "dig", "arguments": "{}"}},
        {
            "tool_calls": [
                {
                    "type": "function",
                    "id": "c1",
                    "function": {"name": "dig", "arguments": '{"at'},
                }
            ]
        },
    ],
    ids=["function call", "tool calls"],
)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "broken"])
def test_raw_copies_of_calls_are_ignored(kwargs: Any, whole: bool) -> None:
    calls = {"tool_calls": [DIG]} if whole else {"invalid_tool_calls": [broken()]}
    message = AIMessage("", **calls, additional_kwargs=kwargs)
    assert sent(message) == [ToolUse("c1", "dig", {"at": 1} if whole else CUT)]


# --- Nothing is touched, nothing leaks -----------------------------------------------

PARTS: list[Any] = [
    "Hi",
    create_text_block("Hi", cache_control=MARK),
    {"type": "text", "text": "Hi", "index": 2},
    {**IMAGE, "index": 1},
    create_non_standard_block(
        {"type": "mid_conv_system", "index": 1, "partial_json": "{"}
    ),
    {**IMAGE, "index": "lc_r1_0", "partial_json": "{"},
]
THOUGHTS: list[Any] = [
    {**CONTENT[4], "index": "lc_r1_0", "partial_json": "{"},
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
