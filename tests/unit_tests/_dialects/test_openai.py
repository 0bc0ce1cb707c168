from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._blocks import (
    Block,
    ChatRequest,
    Conversation,
    Media,
    Opaque,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from langchain_minimax._deltas import (
    BlockStopped,
    Delta,
    SentAs,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Usage,
)
from langchain_minimax._dialects import openai
from langchain_minimax._sse import ServerSentEvent
from langchain_minimax.errors import (
    MiniMaxAPIError,
    MiniMaxContentFilterError,
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
)
from support.samples import Sample, sample, samples

Json = dict[str, Any]

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "60"))

MARK = {"type": "ephemeral"}
SCHEMA = {"type": "object", "properties": {"quay": {"type": "string"}}}
DEPTH = Tool("get_depth", "Depth of water at a quay", SCHEMA)
HELLO = Turn("user", (Text("Hello"),))
CALL = ToolUse("c1", "get_depth", {"quay": "Põhja"})
SENT_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "get_depth", "arguments": '{"quay":"Põhja"}'},
}
ITEM = {
    "type": "reasoning.text",
    "id": "reasoning-text-1",
    "format": "MiniMax-response-v1",
    "index": 0,
}
OTHER = {**ITEM, "id": "reasoning-text-2", "index": 1}
DETAILS: Json = {"field": "reasoning_details", "item": ITEM}
CONTENT: Json = {"field": "reasoning_content"}
REASONING: Json = {"field": "reasoning"}


def tags(opening: str = "<think>\n", closing: str = "\n</think>\n\n") -> Json:
    """How a thought is sent that stands in the content."""
    return {"field": "content", "opening": opening, "closing": closing}


def thought(thinking: str, sent_as: Json = DETAILS, **more: Any) -> Thinking:
    return Thinking(thinking, sent_as={**sent_as, **more})


def item(text: str, of: Json = ITEM, **more: Any) -> Json:
    return {**of, "text": text, **more}


# --- Requests ------------------------------------------------------------------------


def encoded(*turns: Turn, system: tuple[Text, ...] = (), **options: Any) -> Any:
    fields = {"model": "MiniMax-M3", "max_tokens": 100, "stream": False, **options}
    return openai.encode(
        ChatRequest(conversation=Conversation(system, turns or (HELLO,)), **fields)
    )


def said(*turns: Turn, **options: Any) -> list[Json]:
    return encoded(*turns, **options)["messages"]


def replied(*blocks: Block, official: bool = True) -> Json:
    """The message that an earlier reply of these blocks becomes."""
    messages = said(HELLO, Turn("assistant", blocks), official=official)
    assert messages[0] == {"role": "user", "content": "Hello"}
    (message,) = messages[1:]
    assert message.pop("role") == "assistant"
    return message


def part(text: str, **more: Any) -> Json:
    return {"type": "text", "text": text, **more}


def test_a_plain_request_says_nothing_that_was_not_asked_for():
    assert encoded() == {
        "model": "MiniMax-M3",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_completion_tokens": 100,
        "reasoning_split": True,
        "stream": False,
    }


def test_how_long_it_may_be_need_not_be_said():
    body = encoded()
    del body["max_completion_tokens"]
    assert encoded(max_tokens=None) == body


def test_a_stream_is_asked_to_say_what_it_cost():
    assert encoded(stream=True, stream_usage=False) == {**encoded(), "stream": True}
    assert encoded(stream=True) == {
        **encoded(),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("options", "key", "sent"),
    [
        ({"temperature": 0.0}, "temperature", 0.0),
        ({"top_p": 0.9}, "top_p", 0.9),
        ({"thinking": {"type": "disabled"}}, "thinking", {"type": "disabled"}),
        ({"effort": "low"}, "reasoning_effort", "low"),
        ({"service_tier": "priority"}, "service_tier", "priority"),
        ({"extra": {"top_k": 40}}, "top_k", 40),
        (
            {"tools": (DEPTH,)},
            "tools",
            [
                {
                    "type": "function",
                    "function": {
                        "name": "get_depth",
                        "description": "Depth of water at a quay",
                        "parameters": SCHEMA,
                    },
                }
            ],
        ),
        (
            {"tools": (Tool("get_depth", None, SCHEMA), Tool("ping", "", {}))},
            "tools",
            [
                {
                    "type": "function",
                    "function": {"name": "get_depth", "parameters": SCHEMA},
                },
                {"type": "function", "function": {"name": "ping", "parameters": {}}},
            ],
        ),
    ],
)
def test_an_option_adds_one_thing_to_the_body(options: Json, key: str, sent: Any):
    assert encoded(**options) == {**encoded(), key: sent}


def test_whose_request_it_is_this_wire_cannot_say():
    assert encoded(user_id="u1") == encoded()


@pytest.mark.parametrize(
    "block", [{"type": "web_search_20250305"}, {"name": "find"}, {"type": "function"}]
)
def test_a_server_tool_is_refused_with_a_way_out(block: Json):
    with pytest.raises(MiniMaxInvalidRequestError, match='protocol="anthropic"') as no:
        encoded(tools=(DEPTH, Opaque(block)))
    assert repr(block.get("type")) in str(no.value)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("any"), "auto"),
        (ToolChoice("tool", "get_depth"), "auto"),
    ],
)
def test_the_wire_knows_no_forced_choice(choice: ToolChoice, sent: str):
    assert encoded(tools=(DEPTH,), tool_choice=choice)["tool_choice"] == sent


def test_without_tools_there_is_nothing_to_choose():
    assert encoded(tools=(), tool_choice=ToolChoice("any")) == encoded()


def test_what_the_caller_adds_wins():
    extra = {"temperature": 0.3, "reasoning_split": False, "seed": None}
    assert encoded(temperature=1.0, extra=extra) == {**encoded(), **extra}
    none = {"thinking": None, "stream": None, "tools": None}
    body = encoded()
    del body["stream"]
    assert encoded(thinking={"type": "adaptive"}, tools=(DEPTH,), extra=none) == body


@pytest.mark.parametrize(
    ("system", "content"),
    [
        ([Text("Be brief.")], "Be brief."),
        ([Text("Be brief."), Text("Be kind.")], "Be brief.\n\nBe kind."),
        (
            [Text("Be brief."), Text("Be kind.", MARK)],
            [part("Be brief."), part("Be kind.", cache_control=MARK)],
        ),
    ],
)
def test_there_is_one_system_message_and_it_comes_first(
    system: list[Text], content: Any
):
    assert said(HELLO, Turn("assistant", (Text("Ahoy"),)), system=tuple(system)) == [
        {"role": "system", "content": content},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Ahoy"},
    ]


IMAGE = Media("image", url="https://example.org/quay.png", options={"detail": "low"})
SENT_IMAGE = {
    "type": "image_url",
    "image_url": {"url": "https://example.org/quay.png", "detail": "low"},
}


@pytest.mark.parametrize(
    ("blocks", "content"),
    [
        pytest.param([Text("a")], "a", id="a text"),
        pytest.param([Text("a"), Text("b")], [part("a"), part("b")], id="two texts"),
        pytest.param(
            [Text("a", MARK)], [part("a", cache_control=MARK)], id="a text to be cached"
        ),
        pytest.param([IMAGE], [SENT_IMAGE], id="an image"),
        pytest.param(
            [Text("a"), Media("image", data="iVBO", media_type="image/png")],
            [
                part("a"),
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,iVBO"},
                },
            ],
            id="an image in words",
        ),
        pytest.param(
            [Media("video", url="mm_file://f1", options={"fps": 2, "detail": "high"})],
            [
                {
                    "type": "video_url",
                    "video_url": {"url": "mm_file://f1", "fps": 2, "detail": "high"},
                }
            ],
            id="a video",
        ),
        pytest.param(
            [Opaque({"type": "document", "title": "潮"})],
            [part('{"type": "document", "title": "潮"}')],
            id="a block of the other protocol",
        ),
    ],
)
def test_what_the_user_said_is_written_as_the_wire_has_it(
    blocks: list[Block], content: Any
):
    message = {"role": "user", "content": content}
    assert said(Turn("user", tuple(blocks))) == [message]


def test_turns_keep_their_order():
    turns = [HELLO, Turn("assistant", (Text("a"),)), Turn("user", (Text("b"),))]
    assert [(one["role"], one["content"]) for one in said(*turns)] == [
        ("user", "Hello"),
        ("assistant", "a"),
        ("user", "b"),
    ]


def test_results_come_before_the_rest():
    blocks = (Text("a"), ToolResult("c2", "4 m"), IMAGE, ToolResult("c1", "5 m"))
    results = [
        {"role": "tool", "tool_call_id": "c2", "content": "4 m"},
        {"role": "tool", "tool_call_id": "c1", "content": "5 m"},
    ]
    rest = {"role": "user", "content": [part("a"), SENT_IMAGE]}
    assert said(Turn("user", blocks)) == [*results, rest]
    assert said(Turn("user", (blocks[1], blocks[3]))) == results


@pytest.mark.parametrize("role", ["user_system", "group", "sample_message_ai"])
def test_a_role_that_this_wire_has_not_is_told_in_words(role: Any):
    result = {"role": "tool", "tool_call_id": "c1", "content": "5 m"}
    assert said(Turn(role, (ToolResult("c1", "5 m"),))) == [result]
    turn = Turn(role, (Text("Avast!"), ToolResult("c1", "5 m"), IMAGE))
    assert said(turn) == [
        result,
        {
            "role": "user",
            "content": [
                part(f'<message role="{role}">'),
                part("Avast!"),
                SENT_IMAGE,
                part("</message>"),
            ],
        },
    ]


@pytest.mark.parametrize(
    ("content", "sent", "failed"),
    [
        pytest.param("5 m", "5 m", "Error: 5 m", id="words"),
        pytest.param("", "", "Error: ", id="no words"),
        pytest.param("An ERROR", "An ERROR", "An ERROR", id="that say so themselves"),
        pytest.param((Text("5 m"),), "5 m", "Error: 5 m", id="a text"),
        pytest.param(
            (Text("5 m", MARK), Text("dry")),
            [part("5 m", cache_control=MARK), part("dry")],
            [part("Error: 5 m", cache_control=MARK), part("dry")],
            id="texts",
        ),
        pytest.param(
            (Text("no"), Text("RangeError")),
            [part("no"), part("RangeError")],
            [part("no"), part("RangeError")],
            id="texts that say so themselves",
        ),
        pytest.param(
            (IMAGE, Text("dry")),
            [SENT_IMAGE, part("dry")],
            [part("Error:"), SENT_IMAGE, part("dry")],
            id="an image first",
        ),
        pytest.param(
            (Opaque({"type": "search_result"}),),
            [part('{"type": "search_result"}')],
            [part("Error:"), part('{"type": "search_result"}')],
            id="a block of the other protocol",
        ),
        pytest.param((), [], "Error:", id="nothing"),
    ],
)
def test_a_result_says_in_words_that_its_tool_failed(
    content: Any, sent: Any, failed: Any
):
    for is_error, expected in [(False, sent), (True, failed)]:
        result = ToolResult("c1", content, is_error=is_error, name="get_depth")
        assert said(Turn("user", (result,))) == [
            {"role": "tool", "tool_call_id": "c1", "content": expected}
        ]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        pytest.param([Text("a")], {"content": "a"}, id="words"),
        pytest.param([Text("a"), Text(" b")], {"content": "a b"}, id="more words"),
        pytest.param(
            [Text("a"), Text("b", MARK)],
            {"content": [part("a"), part("b", cache_control=MARK)]},
            id="words to be cached",
        ),
        pytest.param(
            [Text("a"), Opaque({"type": "x"})],
            {"content": [part("a"), part('{"type": "x"}')]},
            id="a block of the other protocol",
        ),
        pytest.param([CALL], {"content": None, "tool_calls": [SENT_CALL]}, id="a call"),
        pytest.param(
            [Text(""), CALL], {"content": None, "tool_calls": [SENT_CALL]}, id="no word"
        ),
        pytest.param(
            [Text("a"), CALL, Text("b"), ToolUse("c2", "ping", {}, MARK)],
            {
                "content": "ab",
                "tool_calls": [
                    SENT_CALL,
                    {
                        "id": "c2",
                        "type": "function",
                        "function": {"name": "ping", "arguments": "{}"},
                    },
                ],
            },
            id="words and calls",
        ),
    ],
)
def test_an_earlier_reply_is_one_message(blocks: list[Block], message: Json):
    assert replied(*blocks) == message
    assert replied(*blocks, official=False) == message


ENCRYPTED = {"type": "reasoning.encrypted", "data": "x9", "index": 0}


def plain(text: str, details: list[Json] | None = None) -> Json:
    """What servers read that are not MiniMax's, and the details that they pass over."""
    said: Json = {"reasoning_content": text, "reasoning": text}
    return said if details is None else {**said, "reasoning_details": details}


@pytest.mark.parametrize(
    ("thoughts", "official", "self_hosted"),
    [
        pytest.param(
            [thought("hm")],
            {"reasoning_details": [item("hm")]},
            plain("hm", [item("hm")]),
            id="our own",
        ),
        pytest.param(
            [thought("hm", closing="\n</think>")],
            {"reasoning_details": [item("hm\n</think>")]},
            plain("hm\n</think>", [item("hm\n</think>")]),
            id="our own, with the closing tag that came at its end",
        ),
        pytest.param(
            [thought("hm", CONTENT, closing="</think>")],
            {"reasoning_content": "hm</think>"},
            plain("hm</think>"),
            id="reasoning_content",
        ),
        pytest.param(
            [thought("hm", REASONING)],
            {"reasoning_details": [item("hm")]},
            plain("hm"),
            id="reasoning, which MiniMax does not read",
        ),
        *(
            pytest.param(
                [Thinking("hm", signature)],
                {"reasoning_details": [item("hm")]},
                plain("hm", [item("hm")]),
                id=f"of the other protocol, signature {signature!r}",
            )
            for signature in ("5a84", "", None)
        ),
        pytest.param([Thinking("", "5a84"), Thinking("")], {}, {}, id="no words"),
        pytest.param(
            [thought("Deep"), thought(" water")],
            {"reasoning_details": [item("Deep water")]},
            plain("Deep water", [item("Deep water")]),
            id="two pieces of one",
        ),
        pytest.param(
            [thought("a"), thought("b", item=OTHER), thought("c", item=OTHER)],
            {"reasoning_details": [item("a"), item("bc", OTHER)]},
            plain("abc", [item("a"), item("bc", OTHER)]),
            id="two, the second in pieces",
        ),
        pytest.param(
            [Thinking("a", "5a84"), Thinking("b", "5a85")],
            {"reasoning_details": [item("a"), item("b", OTHER)]},
            plain("ab", [item("a"), item("b", OTHER)]),
            id="two of the other protocol",
        ),
        pytest.param(
            [thought("a"), Thinking("b", "5a85")],
            {"reasoning_details": [item("a"), item("b", OTHER)]},
            plain("ab", [item("a"), item("b", OTHER)]),
            id="our own and one of the other protocol",
        ),
        pytest.param(
            [thought("a", CONTENT), thought("b"), thought("c", CONTENT)],
            {"reasoning_content": "ac", "reasoning_details": [item("b")]},
            plain("abc", [item("b")]),
            id="in both fields",
        ),
        pytest.param(
            [thought("", item=ENCRYPTED), thought("a", item=OTHER)],
            {"reasoning_details": [ENCRYPTED, item("a", OTHER)]},
            plain("a", [ENCRYPTED, item("a", OTHER)]),
            id="one without a text",
        ),
        pytest.param(
            [thought("", item={"id": "t1"}), thought("a", item={"id": "t1"})],
            {"reasoning_details": [{"id": "t1", "text": "a"}]},
            plain("a", [{"id": "t1", "text": "a"}]),
            id="one whose text comes later",
        ),
    ],
)
def test_thoughts_go_back_in_the_fields_that_are_read(
    thoughts: list[Thinking], official: Json, self_hosted: Json
):
    for blocks, rest in [
        ([*thoughts, Text("Ahoy")], {"content": "Ahoy"}),
        ([*thoughts, CALL], {"content": None, "tool_calls": [SENT_CALL]}),
        (
            [thoughts[0], CALL, *thoughts[1:]],
            {"content": None, "tool_calls": [SENT_CALL]},
        ),
    ]:
        assert replied(*blocks) == {**rest, **official}
        assert replied(*blocks, official=False) == {**rest, **self_hosted}


def test_our_own_item_goes_back_byte_for_byte():
    text = 'Depth "5 m" <\u2028 🚢'
    sent = {"type": "reasoning.text", "index": 3, "odd": {"b": 1, "a": [2]}}
    sent["text"] = text
    (told,) = decoded_blocks([chunk("stop", reasoning_details=[sent])])
    (back,) = replied(told, CALL)["reasoning_details"]
    assert json.dumps(back) == json.dumps(sent)


@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        pytest.param(
            [thought("hm", tags()), Text("Ahoy")],
            {"content": "<think>\nhm\n</think>\n\nAhoy"},
            id="before a text",
        ),
        pytest.param(
            [thought("hm", tags("<mm:think>", "")), CALL],
            {"content": "<mm:think>hm", "tool_calls": [SENT_CALL]},
            id="before a call",
        ),
        pytest.param(
            [thought("hm", tags())],
            {"content": "<think>\nhm\n</think>\n\n"},
            id="alone",
        ),
        pytest.param(
            [thought("", tags("", "</think>")), Text("Ahoy")],
            {"content": "</think>Ahoy"},
            id="of which only the closing tag stood there",
        ),
    ],
)
def test_a_thought_of_the_content_goes_back_into_it(
    blocks: list[Block], message: Json, official: bool
):
    assert replied(*blocks, official=official) == message


@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize("signature", ["5a84", None])
def test_a_reply_that_only_thought_has_its_thoughts_for_content(
    official: bool, signature: str | None
):
    for blocks in [
        [thought("Deep."), thought("Dry.", item=OTHER)],
        [Thinking("Deep.", signature), Thinking("Dry."), Thinking("", "5a84")],
    ]:
        message = replied(*blocks, official=official)
        assert message == {"content": "<think>\nDeep.\n\nDry.\n</think>\n\n"}


def test_a_request_that_a_server_took_is_written_again():
    asked, told = (
        sample("chat_m3_stream_loop_answer").request,
        sample("chat_m3_stream_loop_call"),
    )
    assert asked is not None
    question, reply, result = asked["messages"]
    function = asked["tools"][0]["function"]
    body = encoded(
        Turn("user", (Text(question["content"]),)),
        Turn("assistant", tuple(decoded_blocks(captured(told)))),
        Turn("user", (ToolResult(result["tool_call_id"], result["content"]),)),
        max_tokens=1536,
        stream=True,
        tool_choice=ToolChoice("none"),
        tools=(
            Tool(function["name"], function["description"], function["parameters"]),
        ),
    )
    # Of the thought, that server was sent the same in two fields.
    assert reply.pop("reasoning_content") == reply["reasoning_details"][0]["text"]
    assert body == asked


# --- Replies: helpers ----------------------------------------------------------------


def fed(decoder: openai.OpenAIDecoder, event: Any, name: str = "") -> list[Delta]:
    """What the decoder tells of an event: bytes, or JSON to be."""
    if isinstance(event, ServerSentEvent):
        return list(decoder.feed(event))
    data = event if isinstance(event, bytes) else json.dumps(event).encode()
    return list(decoder.feed(ServerSentEvent(name, data)))


def streamed(events: Iterable[Any]) -> list[Delta]:
    """What a stream of these events is understood as."""
    decoder = openai.decoder()
    deltas = [delta for event in events for delta in fed(decoder, event)]
    return [*deltas, *decoder.finish()]


def whole(document: Json) -> list[Delta]:
    decoder = openai.decoder()
    return [*decoder.whole(document), *decoder.finish()]


def decoded_blocks(events: Iterable[Any]) -> list[Block]:
    deltas = streamed(events)
    check_grammar(deltas)
    return blocks(deltas)


def captured(one: Sample) -> list[ServerSentEvent]:
    """The events of a sample, cut apart without the code under test."""
    parts = one.body.replace(b"\r\n", b"\n").strip().split(b"\n\n")
    return [ServerSentEvent("", each.removeprefix(b"data: ")) for each in parts]


def decoded(one: Sample) -> list[Delta]:
    return streamed(captured(one)) if one.stream else whole(json.loads(one.body))


def blocks(deltas: Iterable[Delta]) -> list[Block]:
    """The blocks of a reply; calls that are none are left out."""
    told: dict[int, Block] = {}
    for delta in deltas:
        match delta:
            case TextDelta(place, more):
                told[place] = Text(getattr(told.get(place), "text", "") + more)
            case ThinkingDelta(place, more):
                thinking = getattr(told.get(place), "thinking", "") + more
                told[place] = Thinking(thinking)
            case SentAs(place, how):
                thinking = getattr(told.get(place), "thinking", "")
                told[place] = Thinking(thinking, sent_as=how)
            case ToolUseStopped(place, id, name, dict(arguments)):
                told[place] = ToolUse(id, name, arguments)
    return [told[place] for place in sorted(told)]


def shown(deltas: Iterable[Delta]) -> list[Json]:
    """The blocks as the samples have them."""
    told: list[Json] = []
    for block in blocks(deltas):
        match block:
            case Text(text):
                told.append({"type": "text", "text": text})
            case Thinking(thinking):
                told.append({"type": "thinking", "thinking": thinking})
            case ToolUse(id, name, input):
                call = {"type": "tool_use", "id": id, "name": name, "input": input}
                told.append(call)
    return told


def merged(deltas: Iterable[Delta]) -> list[Delta]:
    """The same deltas, however finely what they say was cut."""
    said: list[Delta] = []
    for delta in deltas:
        match said[-1:], delta:
            case [TextDelta(place, before)], TextDelta(_, more):
                said[-1] = TextDelta(place, before + more)
            case [ThinkingDelta(place, before)], ThinkingDelta(_, more):
                said[-1] = ThinkingDelta(place, before + more)
            case [ToolUseDelta(place, before)], ToolUseDelta(_, more):
                said[-1] = ToolUseDelta(place, before + more)
            case _:
                said.append(delta)
    return said


def calls(deltas: Iterable[Delta]) -> list[ToolUseStopped]:
    return [delta for delta in deltas if isinstance(delta, ToolUseStopped)]


def broken(deltas: Iterable[Delta]) -> list[dict[str, str]]:
    return [
        {"id": call.id, "name": call.name, "partial_json": call.json}
        for call in calls(deltas)
        if call.input is None
    ]


def last(deltas: Sequence[Delta]) -> Stopped:
    stopped = deltas[-1]
    assert isinstance(stopped, Stopped)
    return stopped


def figures(usage: Usage | None) -> dict[str, int | None] | None:
    """The numbers as the samples count them: the input includes the cache."""
    if usage is None:
        return None
    cached = (usage.cache_read or 0) + (usage.cache_creation or 0)
    return {
        "input_tokens": usage.input + cached,
        "output_tokens": usage.output,
        "cache_read": usage.cache_read,
        "cache_creation": usage.cache_creation,
        "reasoning": usage.reasoning,
    }


def check_grammar(deltas: Sequence[Delta]) -> None:
    """What everyone who hears deltas relies on."""
    started, *steps, stopped = deltas
    assert isinstance(started, Started)
    assert isinstance(stopped, Stopped)
    runs: list[list[Any]] = []
    for step in steps:
        assert not isinstance(step, Started | Stopped)
        if runs and runs[-1][0].place == step.place:
            runs[-1].append(step)
        else:
            assert step.place == len(runs)
            runs.append([step])
    for run in runs:
        check_block(run)


def check_block(run: list[Any]) -> None:
    match run:
        case [ToolUseStarted(_, id, name), *pieces, ToolUseStopped() as stopped]:
            assert (stopped.id, stopped.name) == (id, name)
            assert id
            assert all(isinstance(one, ToolUseDelta) for one in pieces)
            assert stopped.json == "".join(one.partial_json for one in pieces)
            assert "" not in [one.partial_json for one in pieces]
        case [*thoughts, SentAs(), BlockStopped()]:
            assert all(isinstance(one, ThinkingDelta) for one in thoughts)
            assert "" not in [one.thinking for one in thoughts]
        case [TextDelta(), *_, BlockStopped()]:
            assert all(isinstance(one, TextDelta) for one in run[:-1])
            assert "" not in [one.text for one in run[:-1]]
        case _:
            pytest.fail(f"no block: {run}")


def chunk(finish: Any = None, *, usage: Any = None, **delta: Any) -> Json:
    reason = {"finish_reason": finish} if finish else {}
    choice = {"index": 0, "delta": delta, **reason}
    return {"id": "r1", "model": "MiniMax-M3", "choices": [choice], "usage": usage}


def counted(usage: Any = None, **more: Any) -> Json:
    """The chunk without a choice that comes last."""
    return {"id": "r1", "model": "MiniMax-M3", "choices": [], "usage": usage, **more}


def message(finish: Any = "stop", *, usage: Any = None, **said: Any) -> Json:
    """A whole reply."""
    choice = {"index": 0, "message": {"role": "assistant", **said}}
    choice |= {"finish_reason": finish} if finish else {}
    return {"id": "r1", "model": "MiniMax-M3", "choices": [choice], "usage": usage}


def fragment(
    arguments: Any = ..., *, id: Any = ..., name: Any = ..., index: Any = 0
) -> Json:
    """A piece of a call; an index `...` is left out."""
    function = {"name": name, "arguments": arguments}
    call = {"id": id, "index": index}
    return _given(call) | {"function": _given(function)}


def _given(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value is not ...}


def thinks(text: str) -> Json:
    """What M3 sends of a thought: the same in two fields."""
    return {"reasoning_content": text, "reasoning_details": [item(text)]}


def says(text: Any) -> Json:
    return {"content": text}


def asks(*fragments: Json) -> Json:
    return {"tool_calls": list(fragments)}


ROLE = chunk(role="assistant", content="")
DONE = b"[DONE]"


def heard(*deltas: Json, finish: str = "stop") -> list[Block]:
    """The blocks that these deltas of a stream make."""
    said = [chunk(**delta) for delta in deltas]
    return decoded_blocks([ROLE, *said, chunk(finish)])


# --- Replies: the captured wire ------------------------------------------------------

every_reply = pytest.mark.parametrize(
    "one", samples(wire="openai", self_hosted=None), ids=lambda one: one.name
)


@every_reply
def test_a_captured_reply_means_what_was_written_beside_it(one: Sample):
    deltas = decoded(one)
    check_grammar(deltas)
    assert shown(deltas) == one.content
    assert broken(deltas) == one.broken_tool_calls
    assert figures(last(deltas).usage) == one.usage
    assert last(deltas).stop_reason == one.stop_reason


@every_reply
def test_a_captured_reply_names_itself(one: Sample):
    first = captured(one)[1].data if one.stream else one.body
    assert decoded(one)[0] == Started(json.loads(first)["id"], one.model)


@every_reply
def test_a_captured_reply_goes_back_as_it_came(one: Sample):
    assert one.message is not None
    sent = replied(*blocks(decoded(one)), official=not one.self_hosted)
    expected = {key: value for key, value in one.message.items() if key != "role"}
    assert sent == expected


@pytest.mark.parametrize(
    "one",
    [one for one in samples(wire="openai", errors=True) if one.status == 200],
    ids=lambda one: one.name,
)
def test_a_captured_failure_is_an_error(one: Sample):
    with pytest.raises(MiniMaxError) as raised:
        decoded(one)
    assert one.error is not None
    assert raised.value.code == one.error["code"]
    assert raised.value.request_id == one.error["request_id"]
    assert one.error["message"] in str(raised.value)


@pytest.mark.parametrize(
    "one", samples(wire="openai", stream=True, errors=True), ids=lambda one: one.name
)
def test_what_came_before_a_failure_was_told(one: Sample):
    decoder = openai.decoder()
    deltas: list[Delta] = []
    with pytest.raises(MiniMaxError):  # noqa: PT012, which event it is differs
        for event in captured(one):
            deltas += decoder.feed(event)
        decoder.finish()
    assert shown(deltas) == one.content


# --- Replies: in time ----------------------------------------------------------------


def test_every_word_is_told_as_it_comes():
    decoder = openai.decoder()

    def feed(event: Any) -> list[Delta]:
        return fed(decoder, event)

    assert feed(ROLE) == [Started("r1", "MiniMax-M3")]
    assert feed(chunk(**thinks("Dee"))) == [ThinkingDelta(0, "Dee")]
    assert feed(chunk(**thinks("p.\n"))) == [ThinkingDelta(0, "p.")]
    assert feed(chunk(**says("Aho"))) == [
        ThinkingDelta(0, "\n"),
        SentAs(0, DETAILS),
        BlockStopped(0),
        TextDelta(1, "Aho"),
    ]
    assert feed(chunk(**says("y <"))) == [TextDelta(1, "y <")]
    assert feed(chunk(**asks(fragment("", id="c1", name="ping")))) == [
        BlockStopped(1),
        ToolUseStarted(2, "c1", "ping"),
    ]
    assert feed(chunk(**asks(fragment('{"a": {')))) == [ToolUseDelta(2, '{"a": {')]
    assert feed(chunk(**asks(fragment("}}")))) == [ToolUseDelta(2, "}}")]
    assert feed(chunk(**asks(fragment("{", id="c2", name="pong", index=1)))) == [
        ToolUseStopped(2, "c1", "ping", {"a": {}}, '{"a": {}}'),
        ToolUseStarted(3, "c2", "pong"),
        ToolUseDelta(3, "{"),
    ]
    assert (decoder.complete, decoder.ended) == (False, False)
    assert feed(chunk("tool_calls", **asks(fragment("}", index=1)))) == [
        ToolUseDelta(3, "}")
    ]
    assert (decoder.complete, decoder.ended) == (True, False)
    assert feed(counted({"prompt_tokens": 7, "completion_tokens": 3})) == []
    assert (decoder.complete, decoder.ended) == (True, True)
    assert list(decoder.finish()) == [
        ToolUseStopped(3, "c2", "pong", {}, "{}"),
        Stopped("tool_use", Usage(7, 3)),
    ]


def test_a_word_is_not_held_for_its_angle():
    decoder = openai.decoder()
    assert fed(decoder, chunk(**says("<"))) == [Started("r1", "MiniMax-M3")]
    assert fed(decoder, chunk(**says("b>"))) == [TextDelta(0, "<b>")]
    assert fed(decoder, chunk(**says(" a <"))) == [TextDelta(0, " a <")]


def test_one_chunk_may_hold_everything():
    call = fragment('{"quay": "Põhja"}', id="c1", name="get_depth")
    everything = {**thinks("hm"), **says("Ahoy"), **asks(call)}
    assert decoded_blocks([chunk("tool_calls", **everything)]) == [
        thought("hm"),
        Text("Ahoy"),
        CALL,
    ]


def test_a_finish_reason_may_come_with_the_last_of_the_words():
    assert heard(says("Aho")) == [Text("Aho")]
    assert decoded_blocks([chunk(**says("Aho")), chunk("stop", **says("y"))]) == [
        Text("Ahoy")
    ]
    last = chunk(
        "tool_calls", **thinks("m"), **says(""), **asks(fragment("{}", id="c1"))
    )
    ping = chunk(**thinks("h")), last, chunk(**asks(fragment(name="ping")))
    assert decoded_blocks(ping) == [thought("hm"), ToolUse("c1", "ping", {})]


# --- Replies: thoughts ---------------------------------------------------------------

BOTH = ("reasoning_content", "reasoning")
LONG = "The water at the quay"  # what is said again of it leaves no doubt
AHOY = Text("Ahoy")
PING, PONG = ToolUse("c1", "ping", {"a": 1}), ToolUse("c2", "pong", {"b": [2]})
WHOLE = [
    fragment('{"a": 1}', id="c1", name="ping"),
    fragment('{"b": [2]}', id="c2", name="pong", index=1),
]


@pytest.mark.parametrize(
    ("deltas", "thoughts"),
    [
        pytest.param(
            [thinks("De"), thinks("ep.")], [thought("Deep.")], id="details and content"
        ),
        pytest.param(
            [
                {"reasoning_details": [item("De")]},
                {"reasoning_details": [item("e"), item("p.")]},
            ],
            [thought("Deep.")],
            id="details alone",
        ),
        pytest.param(
            [{"reasoning_content": "De"}, {"reasoning_content": "ep."}],
            [thought("Deep.", CONTENT)],
            id="reasoning_content",
        ),
        pytest.param(
            [{"reasoning": "De"}, {"reasoning": "ep."}],
            [thought("Deep.", REASONING)],
            id="reasoning",
        ),
        pytest.param(
            [
                {"reasoning_content": "De"},
                {"reasoning": "ep"},
                {"reasoning": " w", "reasoning_content": ""},
                {"reasoning_content": "ater", "reasoning": None},
            ],
            [thought("Deep water", CONTENT)],
            id="the two in turn",
        ),
        pytest.param(
            [{"reasoning": "Deep", "reasoning_content": "Deep"}, {"reasoning": "."}],
            [thought("Deep.", CONTENT)],
            id="both at once, of which one counts",
        ),
        pytest.param(
            [{"reasoning_details": [item("De")]}, {"reasoning_content": "ep."}],
            [thought("Deep.")],
            id="details, then content",
        ),
        pytest.param(
            [{"reasoning_content": "De"}, {"reasoning_details": [item("ep.")]}],
            [thought("Deep.")],
            id="content, then details",
        ),
        pytest.param(
            [
                {"reasoning_content": "De", "reasoning_details": None},
                {"reasoning_content": "e", "reasoning_details": [None, 7, "p", {}]},
                {"reasoning_content": "p.", "reasoning_details": [item("")]},
            ],
            [thought("Deep.", CONTENT)],
            id="details that say nothing",
        ),
        pytest.param(
            [{"reasoning_details": [item("De"), {"text": None}, {"text": "ep."}]}],
            [thought("Deep.")],
            id="details without a name",
        ),
        pytest.param(
            [{"reasoning_details": [{**item("De"), "id": None}, item("ep.", odd="x")]}],
            [
                thought("De", item={**ITEM, "id": None}),
                thought("ep.", item={**ITEM, "odd": "x"}),
            ],
            id="an item of another id",
        ),
        pytest.param(
            [
                {"reasoning_details": [item("De")]},
                {"reasoning_details": [item("ep.", odd="x")]},
            ],
            [thought("Deep.", item={**ITEM, "odd": "x"})],
            id="an item that says more of itself later",
        ),
        pytest.param(
            [{"reasoning_details": [item("Deep."), item("Dry.", OTHER)]}],
            [thought("Deep."), thought("Dry.", item=OTHER)],
            id="two items",
        ),
        pytest.param(
            [{"reasoning_details": [ENCRYPTED]}, thinks("Deep.")],
            [thought("", item=ENCRYPTED), thought("Deep.")],
            id="an item without a text",
        ),
        pytest.param(
            [thinks("Deep."), {"reasoning_details": [{**ITEM, "signature": "x9"}]}],
            [thought("Deep.", item={**ITEM, "signature": "x9"})],
            id="an item whose signature comes last",
        ),
        pytest.param(
            [thinks("Deep."), {"reasoning_details": [item("", signature="x9")]}],
            [thought("Deep.", item={**ITEM, "signature": "x9"})],
            id="an item whose signature comes last, with an empty text",
        ),
        pytest.param(
            [thinks("Deep."), {"reasoning_details": [item("", OTHER)]}],
            [thought("Deep.")],
            id="another item that says nothing",
        ),
        pytest.param(
            [{"reasoning_content": "", "reasoning": ""}, {"reasoning_details": []}],
            [],
            id="no thought",
        ),
        pytest.param(
            [{"reasoning_content": 7, "reasoning": ["Deep"], "reasoning_details": "x"}],
            [],
            id="what is no thought",
        ),
        pytest.param(
            [thinks("\nDeep.\n\n")], [thought("\nDeep.\n\n")], id="with its line ends"
        ),
    ],
)
def test_a_thought_may_come_in_many_fields(
    deltas: list[Json], thoughts: list[Thinking]
):
    assert heard(*deltas, says("Ahoy")) == [*thoughts, AHOY]
    assert heard(*deltas) == thoughts


@pytest.mark.parametrize("field", ["details", "reasoning_content", "reasoning"])
@pytest.mark.parametrize(
    ("pieces", "thinking"),
    [
        pytest.param(["I", "In", "  the bay"], "IIn  the bay", id="a prefix"),
        pytest.param(["ha", "ha", "ha"], "hahaha", id="the same"),
        pytest.param(["a", "and"], "aand", id="a prefix at the end"),
        pytest.param(
            [LONG, f"{LONG} is", f"{LONG} is deep."], f"{LONG} is deep.", id="snapshots"
        ),
        pytest.param(
            ["It", "It is", "It is de", "It is deep"], "It is deep", id="few letters"
        ),
        pytest.param(["Deep", "Deep."], "Deep.", id="two short snapshots"),
        pytest.param(
            [LONG, f"{LONG} is deep", LONG, f"{LONG} is deep."],
            f"{LONG} is deep.",
            id="an older one",
        ),
    ],
)
def test_a_thought_may_come_in_pieces_or_in_snapshots(
    field: str, pieces: list[str], thinking: str
):
    said = [thinks(one) if field == "details" else {field: one} for one in pieces]
    sent_as = DETAILS if field == "details" else {"field": field}
    assert heard(*said, says("Ahoy")) == [thought(thinking, sent_as), AHOY]
    call = asks(fragment("{}", id="c1", name="ping"))
    assert heard(*said, call) == [thought(thinking, sent_as), ToolUse("c1", "ping", {})]
    assert heard(*said) == [thought(thinking, sent_as)]


def test_text_may_come_in_snapshots_too():
    snapshots = [LONG, f"{LONG} is", f"{LONG} is deep."]
    assert heard(*map(says, snapshots)) == [Text(snapshots[-1])]
    assert heard(says("a"), says("and"), says("!")) == [Text("aand!")]
    assert heard(says("No"), says("No.")) == [Text("No.")]
    call = asks(fragment("{}", id="c1", name="ping"))
    ping = ToolUse("c1", "ping", {})
    assert heard(says("No"), says("No."), call) == [Text("No."), ping]


def test_snapshots_of_the_text_go_on_behind_a_call():
    call = asks(fragment("{}", id="c1", name="ping"))
    snapshots = [LONG, f"{LONG} is", f"{LONG} is deep."]
    first, second, third = map(says, snapshots)
    assert heard(first, second, call, third) == [
        Text(f"{LONG} is"),
        ToolUse("c1", "ping", {}),
        Text(" deep."),
    ]


def test_thoughts_tell_the_text_whether_it_repeats_itself():
    snapshots = [thinks(LONG), thinks(f"{LONG} is"), says("a"), says("an"), says("and")]
    assert heard(*snapshots) == [thought(f"{LONG} is"), Text("and")]
    increments = [thinks("In"), thinks(" the bay"), says("No"), says("No.")]
    assert heard(*increments) == [thought("In the bay"), Text("NoNo.")]


@pytest.mark.parametrize("name", ["think", "thinking", "mm:think"])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_thought_may_stand_in_the_content(name: str, size: int):
    opening, closing = f"<{name}>\n", f"\n</{name}>\n\n"
    text = f"{opening}Is 3 < 4?\n\nYes.{closing}Ahoy, <{name}>"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert heard(*map(says, pieces)) == [
        thought("Is 3 < 4?\n\nYes.", tags(opening, closing)),
        Text(f"Ahoy, <{name}>"),
    ]
    assert blocks(whole(message(content=text))) == heard(*map(says, pieces))


@pytest.mark.parametrize(
    ("deltas", "told"),
    [
        pytest.param(
            [says("<think>hm")], [thought("hm", tags("<think>", ""))], id="cut"
        ),
        pytest.param(
            [says("<think>hm"), asks(fragment("{}", id="c1", name="ping"))],
            [thought("hm", tags("<think>", "")), ToolUse("c1", "ping", {})],
            id="cut by a call",
        ),
        pytest.param(
            [says("<think>"), says("hm</think>\n\n"), thinks("Deep."), says("Ahoy")],
            [thought("hm", tags("<think>", "</think>\n\n")), thought("Deep."), AHOY],
            id="before a thought in a field",
        ),
        pytest.param(
            [says("</think>\n\nAhoy")],
            [thought("", tags("", "</think>\n\n")), AHOY],
            id="whose opening is lost",
        ),
        pytest.param(
            [thinks("hm\n"), says("</thi"), says("nk>"), says("\nAhoy")],
            [thought("hm\n"), thought("", tags("", "</think>\n")), AHOY],
            id="whose opening went to a field",
        ),
        pytest.param(
            [thinks("hm"), says("The `</think>`"), says(" ends it")],
            [thought("hm"), Text("The `</think>` ends it")],
            id="no thought, but spoken of",
        ),
        pytest.param(
            [says("<thi"), thinks("hm"), says("s>")],
            [thought("hm"), Text("<this>")],
            id="no thought, but an angle",
        ),
        pytest.param(
            [says("<think>a</think>\n\n<think>b</think>\n\nAhoy")],
            [
                thought("a", tags("<think>", "</think>\n\n")),
                thought("b", tags("<think>", "</think>\n\n")),
                AHOY,
            ],
            id="and another",
        ),
        pytest.param(
            [says("Ahoy"), thinks("hm"), says("<think>")],
            [AHOY, thought("hm"), Text("<think>")],
            id="no thought, since the text began before",
        ),
    ],
)
def test_a_thought_in_the_content_may_stand_oddly(
    deltas: list[Json], told: list[Block]
):
    assert heard(*deltas) == told


TWICE = "Deep\nwater, so go."


@pytest.mark.parametrize("field", ["details", "reasoning_content", "reasoning"])
@pytest.mark.parametrize(
    ("before", "content", "rest"),
    [
        pytest.param(
            TWICE, "<think>\nDeep\nwater, so go.\n</think>\n\n", [], id="the same"
        ),
        pytest.param(
            TWICE,
            "<mm:think>Deep water,  so\ngo.\n\n</mm:think>",
            [],
            id="other blanks",
        ),
        pytest.param(TWICE, "<think>Deep water,</think>\n", [], id="its beginning"),
        pytest.param(TWICE, "<think>Deep water,", [], id="its beginning, cut"),
        pytest.param(
            TWICE,
            "<think>\nDeep water, so go. Now.</think>\n",
            [thought("Deep water, so go. Now.", tags(closing="</think>\n"))],
            id="more than that",
        ),
        pytest.param(
            TWICE,
            "<think>\nDry.\n</think>\n\n",
            [thought("Dry.", tags())],
            id="another",
        ),
        pytest.param(
            TWICE,
            "<think>Dry",
            [thought("Dry", tags("<think>", ""))],
            id="another that is cut",
        ),
        pytest.param(
            TWICE,
            "<think></think>",
            [thought("", tags("<think>", "</think>"))],
            id="nothing",
        ),
    ],
)
def test_a_thought_may_be_said_twice(
    field: str, before: str, content: str, rest: list[Block]
):
    first = thinks(before) if field == "details" else {field: before}
    sent_as = DETAILS if field == "details" else {"field": field}
    told = [thought(before, sent_as), *rest]
    for pieces in ([content], list(content)):
        assert heard(first, *map(says, pieces)) == told
        ping = asks(fragment("{}", id="c1", name="ping"))
        assert heard(first, *map(says, pieces), ping) == [
            *told,
            ToolUse("c1", "ping", {}),
        ]
    if "</" in content:
        for pieces in ([f"{content}Ahoy"], list(f"{content}Ahoy")):
            assert heard(first, *map(says, pieces)) == [*told, AHOY]


def test_a_thought_may_be_said_twice_at_the_same_time():
    side_by_side = [
        {**thinks("Deep"), **says("<think>\nDeep")},
        {**thinks(" water."), **says(" water.")},
        says("\n</think>\nAhoy"),
    ]
    assert heard(*side_by_side) == [thought("Deep water."), AHOY]


def test_a_thought_that_is_said_twice_may_end_in_a_tag_once():
    deltas = [thinks("Deep.\n</think>"), says("<think>Deep.</think>Ahoy")]
    assert heard(*deltas) == [thought("Deep.", closing="\n</think>"), AHOY]


def test_two_thoughts_may_be_said_twice():
    items = {"reasoning_details": [item("Deep."), item(" Dry.", OTHER)]}
    again = says("<think>\nDeep. Dry.\n</think>\nAhoy")
    assert heard(items, again) == [thought("Deep."), thought(" Dry.", item=OTHER), AHOY]


def test_a_thought_in_snapshots_may_be_said_twice():
    said = f"{LONG} is deep."
    snapshots = [thinks("The"), thinks("The water"), thinks(said)]
    again = [f"<think>\n{LONG}", f"<think>\n{said}", f"<think>\n{said}\n</think>\nAhoy"]
    assert heard(*snapshots, *map(says, again)) == [thought(said), AHOY]


def test_what_a_thought_holds_is_heard_before_it_is_compared():
    again = says("<think>\naand\n</think>\nAhoy")
    assert heard(thinks("a"), thinks("and"), again) == [thought("aand"), AHOY]


@pytest.mark.parametrize(
    ("pieces", "thinking", "closing"),
    [
        pytest.param(["hm\n</th", "ink>"], "hm", "\n</think>", id="cut over two"),
        pytest.param(
            ["hm", "\n", "</mm:think>"], "hm", "\n</mm:think>", id="over three"
        ),
        pytest.param(["hm</think>\n\n"], "hm", "</think>\n\n", id="with line ends"),
        pytest.param(
            ["hm\n\n</thinking>"], "hm\n", "\n</thinking>", id="before it, too"
        ),
        pytest.param(["</think>"], "", "</think>", id="nothing else"),
        pytest.param(["hm</think> so"], "hm</think> so", "", id="not at the end"),
        pytest.param(["hm</think", " so"], "hm</think so", "", id="no tag"),
        pytest.param(["hm\n</thi"], "hm\n</thi", "", id="half a tag"),
        pytest.param(["<think>hm"], "<think>hm", "", id="an opening one"),
    ],
)
@pytest.mark.parametrize("field", ["details", "reasoning_content"])
def test_a_closing_tag_at_the_end_of_a_thought_is_no_part_of_it(
    pieces: list[str], thinking: str, closing: str, field: str
):
    said = [thinks(one) if field == "details" else {field: one} for one in pieces]
    sent_as = DETAILS if field == "details" else CONTENT
    tail = {"closing": closing} if closing else {}
    assert heard(*said, says("Ahoy")) == [thought(thinking, sent_as, **tail), AHOY]
    assert heard(*said) == [thought(thinking, sent_as, **tail)]


def test_thoughts_and_words_may_take_turns():
    deltas = [thinks("a"), says("b"), thinks("c"), thinks("d"), says("e"), says("f")]
    assert heard(*deltas) == [thought("a"), Text("b"), thought("cd"), Text("ef")]


def test_what_is_held_of_the_text_comes_before_the_next_thought():
    deltas = [says("a"), says("and"), thinks("hm"), says(".")]
    assert heard(*deltas) == [Text("aand"), thought("hm"), Text(".")]


def test_what_is_held_of_a_thought_comes_before_the_next_one():
    two = {"reasoning_details": [item("a"), item("and"), item("Dry.", OTHER)]}
    assert heard(two) == [thought("aand"), thought("Dry.", item=OTHER)]


def test_two_fields_that_take_turns_are_one_text():
    words = ["Is", " the", " bay", " then", " deep", "?"]
    turns = [{BOTH[turn % 2]: word} for turn, word in enumerate(words)]
    assert heard(*turns, says("Ahoy")) == [
        thought("Is the bay then deep?", CONTENT),
        AHOY,
    ]


def test_a_quoted_tag_may_end_a_thought_in_the_content():
    text = '<think>It ends in "</think>"\n</think>\nAhoy'
    told = heard(says(text))
    assert told == [
        thought('It ends in "</think>"', tags("<think>", "\n</think>\n")),
        AHOY,
    ]
    assert replied(*told) == {"content": text}


def test_a_thought_that_is_said_twice_may_be_cut_in_a_word():
    deltas = [thinks("Deep water"), says("<think>\nDeep wat")]
    assert heard(*deltas, finish="length") == [thought("Deep water")]


def test_a_thought_in_a_field_may_come_before_the_content_goes_on():
    for end in ("</think>\n", "</think>"):
        deltas = [says(f"<think>hm{end}"), thinks("Deep."), says("Ahoy")]
        opened = thought("hm", tags("<think>", end))
        assert heard(*deltas) == [opened, thought("Deep."), AHOY]


DEEP = f"{LONG} is deep."


@pytest.mark.parametrize(
    ("deltas", "thoughts"),
    [
        pytest.param(
            [says(f"<think>\n{DEEP}\n</think>\n"), thinks(LONG), thinks(" is deep.")],
            [thought(DEEP, tags("<think>\n", "\n</think>\n"))],
            id="all of it",
        ),
        pytest.param(
            [
                says(f"<think>\n{LONG}"),
                {**thinks(LONG), **says(" is deep.")},
                {**thinks(" is deep."), **says("\n</think>\n\n")},
            ],
            [thought(DEEP, tags())],
            id="one piece",
        ),
        pytest.param(
            [
                says(f"<think>\n{LONG} is deep."),
                thinks(LONG),
                thinks(f"{LONG} is"),
                thinks(f"{LONG} is deep."),
                says(f"<think>\n{LONG} is deep.\n</think>\n\n"),
            ],
            [thought(DEEP, tags())],
            id="in snapshots",
        ),
        pytest.param(
            [says("<think>Deep.</think>"), thinks("Dee")],
            [thought("Deep.", tags("<think>", "</think>"))],
            id="but a few letters",
        ),
        pytest.param(
            [says("<think>Deep</think>"), thinks("Deep"), thinks(" water.")],
            [thought("Deep", tags("<think>", "</think>")), thought("Deep water.")],
            id="of which there is more in the field",
        ),
        pytest.param(
            [says("<think>Deep</think>"), thinks("De"), thinks("ad"), thinks(" calm.")],
            [thought("Deep", tags("<think>", "</think>")), thought("Dead calm.")],
            id="that only begins alike",
        ),
        pytest.param(
            [says("<think>De"), thinks("Deep"), thinks(" calm."), says("ep</think>")],
            [thought("Deep", tags("<think>", "</think>")), thought("Deep calm.")],
            id="that goes on in the field before its tag",
        ),
        pytest.param(
            [says("<think>De"), thinks("D"), thinks("ry."), says("ep</think>")],
            [thought("Deep", tags("<think>", "</think>")), thought("Dry.")],
            id="beside another in the field",
        ),
    ],
)
def test_a_thought_may_be_said_twice_with_the_content_ahead(
    deltas: list[Json], thoughts: list[Thinking]
):
    assert heard(*deltas) == thoughts
    assert heard(*deltas, asks(WHOLE[0])) == [*thoughts, PING]
    assert heard(*deltas, says("Ahoy")) == [*thoughts, AHOY]


def test_only_what_the_content_says_first_is_said_twice_in_a_field():
    content = says("<think>Deep water.</think>\n\n")
    assert heard(thinks("Deep"), content, thinks("De"), says("Ahoy")) == [
        thought("Deep"),
        thought("Deep water.", tags("<think>", "</think>\n\n")),
        thought("De"),
        AHOY,
    ]


def test_what_is_held_of_a_thought_may_be_what_the_content_said():
    said = [says("<think>aand</think>"), thinks("a"), thinks("and")]
    told = thought("aand", tags("<think>", "</think>"))
    assert heard(*said) == [told]
    assert heard(*said, says("Ahoy")) == [told, AHOY]


def test_what_is_held_of_a_thought_comes_before_a_call():
    said = [says("<think>aand</think>"), thinks("a"), thinks("and"), asks(WHOLE[0])]
    assert heard(*said) == [thought("aand", tags("<think>", "</think>")), PING]


def test_a_field_may_overtake_the_content_in_what_both_say():
    deltas = [
        says("<think>\nDe"),
        {**thinks("Deep"), **says("ep water.")},
        {**thinks(" water."), **says("\n</think>\n\nAhoy")},
    ]
    *_, end = heard(*deltas)
    assert end == AHOY


def test_items_beside_a_thought_in_the_content_stay_two():
    items = [
        {"reasoning_details": [each]} for each in (item("Far."), item("Off.", OTHER))
    ]
    assert heard(says("<think>\nDeep."), *items, says("\n</think>\n\nAhoy")) == [
        thought("Deep.", tags()),
        thought("Far."),
        thought("Off.", {"field": "reasoning_details", "item": OTHER}),
        AHOY,
    ]


def test_another_thought_may_begin_as_the_one_in_the_content():
    deltas = [says("<think>The tide</think>\n\nAhoy"), asks(WHOLE[0]), thinks("The")]
    assert heard(*deltas, asks(WHOLE[1])) == [
        thought("The tide", tags("<think>", "</think>\n\n")),
        AHOY,
        PING,
        thought("The"),
        PONG,
    ]


def test_the_parts_of_one_delta_are_no_snapshots():
    parts = [part("No"), part("No.")]
    assert (
        heard(says(parts)) == blocks(whole(message(content=parts))) == [Text("NoNo.")]
    )


# --- Replies: text -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param("Ahoy", [AHOY], id="words"),
        pytest.param([part("Aho"), part("y")], [AHOY], id="parts"),
        pytest.param(
            [{"type": "refusal"}, None, 7, "A", part("hoy"), {"text": 7}],
            [AHOY],
            id="odd parts",
        ),
        pytest.param(" \n", [Text(" \n")], id="white space"),
        pytest.param("", [], id="no words"),
        pytest.param(None, [], id="nothing"),
        pytest.param([], [], id="no parts"),
        pytest.param(7, [], id="a number"),
        pytest.param({"text": "Ahoy"}, [AHOY], id="an object"),
        pytest.param({"type": "text"}, [], id="an empty object"),
    ],
)
def test_what_is_said_is_text(content: Any, told: list[Block]):
    assert heard(says(content)) == told
    assert blocks(whole(message(content=content))) == told


def test_only_the_first_choice_counts():
    def other(**said: Any) -> Json:
        return {"index": 1, "finish_reason": "length", **said}

    first = chunk(**says("Ahoy"))
    first["choices"].insert(0, other(delta=says("Avast")))
    later = [chunk("stop"), {**chunk(), "choices": [other(delta=says("Avast"))]}]
    deltas = streamed([first, *later])
    assert blocks(deltas) == [AHOY]
    assert last(deltas).stop_reason == "end_turn"

    document = message(content="Ahoy")
    document["choices"].append(other(message=says("Avast")))
    assert blocks(whole(document)) == [AHOY]


@pytest.mark.parametrize("choices", [[None, 7], "x", {}, None, [{"index": None}]])
def test_a_chunk_may_have_no_choice(choices: Any):
    odd = {"id": "r1", "model": "MiniMax-M3", "choices": choices}
    bare = chunk(**says("Aho"))
    del bare["choices"][0]["index"]
    assert decoded_blocks([ROLE, odd, bare, odd, chunk("stop", **says("y"))]) == [AHOY]


# --- Replies: calls ------------------------------------------------------------------


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param([asks(WHOLE[0]), asks(WHOLE[1])], id="whole"),
        pytest.param([asks(*WHOLE)], id="in one chunk"),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping")),
                asks(fragment('": 1}')),
                asks(fragment("", id="c2", name="pong", index=1)),
                asks(fragment('{"b": [2', index=1)),
                asks(fragment("]}", index=1)),
            ],
            id="in pieces",
        ),
        pytest.param(
            [
                asks(fragment('{"a": 1}', id="c1", name="ping")),
                asks(fragment('{"b": ', id="c2", name="pong", index=0)),
                asks(fragment("[2]}", index=0)),
            ],
            id="both with index 0",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping", index=...)),
                asks(fragment('": 1}', index=...)),
                asks(fragment('{"b": ', id="c2", name="pong", index=...)),
                asks(fragment("[2]}", index=None)),
            ],
            id="without indices",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping")),
                asks(fragment('": 1}', id="c1", name="ping")),
                asks(fragment('{"b": ', id="c2", name="pong")),
                asks(fragment("[2]}", id="c2", name="pong")),
            ],
            id="by their ids",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping")),
                asks(fragment('": 1}', name="ping")),
                asks(fragment('{"b": ', id="c2", name="pong", index=1)),
                asks(fragment("[2]}", name="pong", index=1)),
            ],
            id="by their indices, the name each time",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping")),
                asks(fragment('": 1}', id="c1b")),
                asks(fragment('{"b": ', id="c2", name="pong", index=1)),
                asks(fragment("[2", id="c2b", index=1)),
                asks(fragment("]}", id="c2c", index=1)),
            ],
            id="by their indices, another id each time",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping", index=...)),
                asks(fragment('": 1}', id="c1b", index=...)),
                asks(fragment('{"b": ', id="c2", name="pong", index=...)),
                asks(fragment("[2]}", id="c2b", index=...)),
            ],
            id="by their places, another id each time",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping")),
                asks(fragment('": 1}', id="", name="")),
                asks(fragment('{"b": ', id="c2", name="pong", index=1)),
                asks(fragment("[2]}", id=None, name=None, index=1)),
            ],
            id="ids and names that are empty",
        ),
        pytest.param(
            [
                asks(fragment(id="c1")),
                asks(fragment('{"a": 1}')),
                asks(fragment(name="ping")),
                asks(WHOLE[1]),
            ],
            id="a name that comes late",
        ),
        pytest.param(
            [
                asks(fragment('{"a', id="c1", name="ping")),
                asks(fragment('{"b"', id="c2", name="pong", index=1)),
                asks(fragment('": ')),
                asks(fragment(": [2]", index=1)),
                asks(fragment("}", index=1), fragment("1}")),
            ],
            id="mixed",
        ),
        pytest.param(
            [
                asks(fragment({"a": 1}, id="c1", name="ping")),
                asks(fragment({"b": [2]}, id="c2", name="pong", index=1)),
            ],
            id="arguments that are objects",
        ),
        pytest.param(
            [
                asks(None, 7, WHOLE[0]),
                {"tool_calls": None},
                {"tool_calls": WHOLE[1]},
                asks(WHOLE[1]),
                asks(),
            ],
            id="among what is no call",
        ),
    ],
)
def test_fragments_find_their_call(deltas: list[Json]):
    assert heard(*deltas, finish="tool_calls") == [PING, PONG]
    assert heard(thinks("hm"), says("Ahoy"), *deltas) == [
        thought("hm"),
        AHOY,
        PING,
        PONG,
    ]


def test_another_name_at_the_same_index_is_another_call():
    deltas = [
        asks(fragment('{"a"', name="ping")),
        asks(fragment(": 1}")),
        asks(fragment('{"b": ', name="pong")),
        asks(fragment("[2]}")),
    ]
    first, second = calls(streamed(chunk(**delta) for delta in deltas))
    assert (first.name, first.input) == ("ping", {"a": 1})
    assert (second.name, second.input) == ("pong", {"b": [2]})
    first, second = calls(streamed(chunk(**deltas[n]) for n in (0, 2, 3)))
    assert (first.name, first.input, first.json) == ("ping", None, '{"a"')
    assert (second.name, second.input) == ("pong", {"b": [2]})


def test_a_call_of_another_id_and_index_is_one_before_it_has_a_name():
    second = [fragment(id="c2", index=1), fragment('{"b": [2]}', name="pong", index=1)]
    assert heard(asks(WHOLE[0]), *map(asks, second)) == [PING, PONG]


@pytest.mark.parametrize("index", [0, 1, None, ...])
def test_a_fragment_without_a_home_belongs_to_the_last_call(index: Any):
    call = fragment('{"a', id="c1", name="ping", index=7)
    assert heard(asks(call), asks(fragment('": 1}', index=index))) == [PING]


def test_text_may_follow_a_call():
    first, second = WHOLE
    assert heard(says("a"), asks(first), says("b"), says("c"), asks(second)) == [
        Text("a"),
        PING,
        Text("bc"),
        PONG,
    ]
    assert heard(asks(first), thinks("hm"), asks(second)) == [PING, thought("hm"), PONG]


def test_what_follows_a_call_waits_for_its_end():
    decoder = openai.decoder()
    begun = fragment('{"a": {}', id="c1", name="ping")
    assert len(fed(decoder, chunk(**asks(begun)))) == 3
    assert fed(decoder, chunk(**says("Ahoy"))) == []
    assert fed(decoder, chunk(**asks(WHOLE[1]))) == []
    assert fed(decoder, chunk(**asks(fragment("}")))) == [
        ToolUseDelta(0, "}"),
        ToolUseStopped(0, "c1", "ping", {"a": {}}, '{"a": {}}'),
        TextDelta(1, "Ahoy"),
        BlockStopped(1),
        ToolUseStarted(2, "c2", "pong"),
        ToolUseDelta(2, '{"b": [2]}'),
    ]


@pytest.mark.parametrize("known", [{"id": "c1"}, {"index": 0}, {"index": None}])
def test_a_call_that_was_told_cannot_go_on(known: Json):
    told = [chunk(**asks(WHOLE[0])), chunk(**says("Ahoy"))]
    late = chunk(**asks({**known, "function": {"arguments": '{"a": 2}'}}))
    with pytest.raises(MiniMaxResponseError, match="call 'ping' went on after its end"):
        streamed([*told, late])


@pytest.mark.parametrize("arguments", ["", None, "\n", '{"a": 1}'])
def test_a_call_that_was_told_may_be_repeated(arguments: Any):
    late = fragment(arguments, id="c1")
    assert heard(asks(WHOLE[0]), says("Ahoy"), asks(late)) == [PING, AHOY]


def called(*arguments: Any, name: Any = "ping") -> ToolUseStopped:
    """The call with these fragments of arguments."""
    first, *rest = arguments or (...,)
    fragments = [fragment(first, id="c1", name=name), *map(fragment, rest)]
    deltas = streamed([*(chunk(**asks(one)) for one in fragments), chunk("stop")])
    check_grammar(deltas)
    (call,) = calls(deltas)
    return call


def called_at_once(arguments: Any) -> ToolUseStopped:
    """The call that a whole reply makes of these arguments."""
    call = fragment(arguments, id="c1", name="ping", index=...)
    (call,) = calls(whole(message(**asks(call))))
    return call


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([], {}),
        ([""], {}),
        (["", "", ""], {}),
        (["{}"], {}),
        (["", '{"quay": "Põhja"}'], {"quay": "Põhja"}),
        (['{"quay": "Põ', 'hja"}'], {"quay": "Põhja"}),
        (["{", '"a"', ":", "[1, 2.5, true, null]", "}"], {"a": [1, 2.5, True, None]}),
        (['{"a": "two\nlines\tand a tab"}'], {"a": "two\nlines\tand a tab"}),
        (['{"a": "\\ud83c\\udf0a 潮水"}'], {"a": "🌊 潮水"}),
        ([' {"a": 1} \n'], {"a": 1}),
        (["{}", "\n"], {}),
    ],
)
def test_the_arguments_of_a_call_are_put_together(pieces: list[str], arguments: Json):
    call = called(*pieces)
    assert call.input == arguments
    assert call.json == "".join(pieces)
    assert called_at_once(call.json) == call


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"path": "/home/user/proj', id="cut in a string"),
        pytest.param('{"path": {}', id="cut before the brace"),
        pytest.param('{"path": nope}', id="garbage"),
        pytest.param('{"a": 1} {"b": 2}', id="two objects"),
        pytest.param("[1, 2]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param(" ", id="blank"),
        pytest.param('{"a": NaN}', id="NaN"),
        pytest.param('{"a": 1e999}', id="a number beyond all bounds"),
    ],
)
def test_arguments_that_are_no_json_object_make_no_call(text: str):
    call = called(text)
    assert (call.input, call.json) == (None, text)
    assert called_at_once(text) == call


def test_arguments_may_be_an_object_already():
    call = called({"quay": "Põhja"})
    assert call.input == {"quay": "Põhja"}
    assert json.loads(call.json) == call.input
    assert "Põhja" in call.json
    assert called_at_once({"quay": "Põhja"}) == call
    assert called({}).input == {}


@pytest.mark.parametrize("arguments", [None, ...])
def test_arguments_that_are_not_there_are_empty(arguments: Any):
    assert (called(arguments).input, called(arguments).json) == ({}, "")


@pytest.mark.parametrize("arguments", [["Põhja"], [], 7, 0, True, False])
def test_arguments_of_another_kind_make_no_call(arguments: Any):
    assert called(arguments).input is None


@pytest.mark.parametrize("index", [0, ...])
def test_arguments_without_a_call_are_none_of_a_call(index: Any):
    deltas = streamed([chunk(**asks(fragment('{"a": 1}', index=index)))])
    check_grammar(deltas)
    assert [(call.name, call.input) for call in calls(deltas)] == [("", None)]


@pytest.mark.parametrize("name", ["", None, 7, ...])
def test_a_call_without_a_name_is_none(name: Any):
    call = called('{"a": 1}', name=name)
    assert (call.name, call.input, call.json) == ("", None, '{"a": 1}')


def test_the_calls_of_a_whole_reply_are_whole():
    twice = [fragment(f'{{"a": {n}}}', id="c1", name="ping") for n in (1, 2)]
    nameless = [fragment(f'{{"a": {n}}}', name="ping") for n in (3, 4)]
    found = calls(whole(message(**asks(*twice, *nameless))))
    assert [call.input for call in found] == [{"a": n} for n in (1, 2, 3, 4)]
    found = calls(whole(message(**asks(*[fragment("", name="ping")] * 2))))
    assert [call.input for call in found] == [{}, {}]


def test_a_call_of_another_id_is_another_one():
    pair = [fragment("", id=id, name="ping") for id in ("c1", "c2")]
    assert heard(*map(asks, pair)) == [ToolUse(id, "ping", {}) for id in ("c1", "c2")]


def test_what_is_whole_is_no_snapshot():
    items = {"reasoning_details": [item("Deep"), item("Deep.")]}
    assert blocks(whole(message(content="", **items))) == [thought("DeepDeep.")]


def test_the_same_name_at_the_same_index_is_another_call_once_the_first_is_whole():
    pieces = [fragment('{"a": 1', name="ping"), fragment("}", name="ping")]
    again = [fragment('{"a": 2', name="ping"), fragment("}", name="ping")]
    found = calls(streamed(chunk(**asks(piece)) for piece in [*pieces, *again]))
    assert [call.input for call in found] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("arguments", ["", ..., None])
def test_a_call_without_arguments_may_have_been_cut(arguments: Any):
    first = asks(fragment("", id="c1", name="ping"))
    second = asks(fragment(arguments, id="c2", name="pong", index=1))
    for finish, told in [("stop", {}), ("length", None)]:
        for deltas in (
            streamed([chunk(**first), chunk(finish, **second)]),
            whole(message(finish, **asks(*first["tool_calls"], *second["tool_calls"]))),
        ):
            assert [call.input for call in calls(deltas)] == [{}, told]


def test_a_call_that_was_cut_ends_with_the_reply():
    events = [chunk(**asks(*WHOLE[:1], fragment('{"b": [', id="c2", name="pong")))]
    deltas = streamed([*events, chunk("length")])
    check_grammar(deltas)
    assert blocks(deltas) == [PING]
    assert broken(deltas) == [{"id": "c2", "name": "pong", "partial_json": '{"b": ['}]
    assert last(deltas).stop_reason == "max_tokens"


@pytest.mark.parametrize("id", [None, "", 7, ...])
@pytest.mark.parametrize("index", [(0, 1), (0, 0), (..., ...), (None, None)])
def test_a_call_without_an_id_is_given_one(id: Any, index: tuple[Any, Any]):
    arguments = "{}" if index == (0, 0) else ""
    pair = [fragment(arguments, id=id, name="ping", index=one) for one in index]
    for deltas in (
        streamed([chunk(**asks(pair[0])), chunk(**asks(pair[1]))]),
        whole(message(**asks(*pair))),
    ):
        check_grammar(deltas)
        first, second = calls(deltas)
        assert first.id != second.id
        assert "r1" in first.id
        assert (first.input, second.input) == ({}, {})


def legacy(arguments: Any = "", name: Any = None) -> Json:
    """A call as it was written before there were many, or a piece of it."""
    return {"function_call": _given({"name": name, "arguments": arguments})}


LEGACY = [ToolUse("call_r1_0", "ping", {"a": 1})]


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param([legacy('{"a": 1}', "ping")], id="at once"),
        pytest.param([legacy(name="ping"), legacy('{"a"'), legacy(": 1}")], id="cut"),
        pytest.param([legacy("{", "ping"), legacy('"a": 1}', "ping")], id="named"),
        pytest.param([legacy(..., "ping"), legacy('{"a": 1}', ...)], id="bare"),
        pytest.param([legacy({"a": 1}, "ping")], id="an object"),
    ],
)
def test_a_function_call_of_old_is_a_call(deltas: list[Json]):
    assert heard(*deltas, finish="function_call") == LEGACY


def test_a_whole_reply_may_hold_a_function_call_of_old():
    deltas = whole(message("function_call", **legacy('{"a": 1}', "ping")))
    assert (blocks(deltas), last(deltas).stop_reason) == (LEGACY, "tool_use")


@pytest.mark.parametrize("filler", [legacy(), legacy(None), {"function_call": None}])
def test_a_function_call_that_says_nothing_is_none(filler: Json):
    assert heard(says("Ahoy") | filler, filler) == [AHOY]
    assert decoded_blocks([chunk(**filler), message(**says("Ahoy"))]) == [AHOY]
    assert heard(asks(WHOLE[0]) | filler) == [PING]


def test_a_call_that_is_written_in_both_ways_is_one():
    assert heard(asks(WHOLE[0]) | legacy('{"a": 1}', "ping")) == [PING]


# --- Replies: start and end ----------------------------------------------------------


def test_a_role_that_is_empty_begins_nothing():
    nameless = {
        "choices": [{"index": 0, "delta": {"role": "", "reasoning_content": ""}}]
    }
    decoder = openai.decoder()
    assert fed(decoder, nameless) == []
    assert fed(decoder, chunk(**thinks("hm"))) == [
        Started("r1", "MiniMax-M3"),
        ThinkingDelta(0, "hm"),
    ]


@pytest.mark.parametrize("id", [None, "", 7, ...])
def test_a_reply_need_not_name_itself(id: Any):
    event = {"id": id, "choices": [{"delta": {"content": "Ahoy"}, "index": 0}]}
    if id is ...:
        del event["id"]
    assert streamed([event, event | {"id": "r2"}]) == [
        Started("", None),
        TextDelta(0, "Ahoy"),
        TextDelta(0, "Ahoy"),
        BlockStopped(0),
        Stopped(None),
    ]


def test_the_first_name_stays():
    first = counted()
    later = {**chunk(**says("Ahoy")), "id": "r2", "model": "other"}
    assert streamed([first, later])[0] == Started("r1", "MiniMax-M3")
    decoder = openai.decoder()
    for event in (chunk(**says("Ahoy")), {**chunk("content_filter"), "id": "r2"}):
        fed(decoder, event)
    with pytest.raises(MiniMaxContentFilterError) as raised:
        decoder.finish()
    assert raised.value.request_id == "r1"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("tool_call", "tool_use"),
        ("function_call", "tool_use"),
        ("repetition", "repetition"),
        (None, None),
        ("", None),
        (7, None),
    ],
)
def test_a_finish_reason_is_told_in_the_other_protocols_words(
    reason: Any, told: str | None
):
    events = [chunk(**says("Ahoy")), chunk(reason), chunk(), counted()]
    assert last(streamed(events)).stop_reason == told
    assert last(whole(message(reason, content="Ahoy"))).stop_reason == told


def states(*events: Any) -> list[tuple[bool, bool]]:
    """Whether the reply is complete, and has ended, after each event."""
    decoder = openai.decoder()
    told = []
    for event in events:
        fed(decoder, event)
        told.append((decoder.complete, decoder.ended))
    return told


COUNT = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param(
            [ROLE, chunk(**says("a")), chunk("stop"), counted(COUNT)],
            [(False, False), (False, False), (True, False), (True, True)],
            id="the usage comes last",
        ),
        pytest.param(
            [chunk("stop", usage=COUNT, **says("a")), counted(COUNT)],
            [(True, False), (True, True)],
            id="the usage comes with the reason, which may not be the last word",
        ),
        pytest.param(
            [chunk("stop", usage={"total_tokens": 0}), DONE],
            [(True, False), (True, True)],
            id="no usage",
        ),
        pytest.param(
            [chunk("stop"), counted({"total_tokens": 10}), counted(COUNT)],
            [(True, False), (True, False), (True, True)],
            id="a sum is no usage",
        ),
        pytest.param(
            [chunk(usage=COUNT, **says("a")), chunk("stop")],
            [(False, False), (True, False)],
            id="the usage comes first",
        ),
        pytest.param(
            [chunk(**says("a")), b" [DONE]\n"],
            [(False, False), (True, True)],
            id="no reason",
        ),
        pytest.param([DONE], [(False, True)], id="nothing"),
        pytest.param(
            [counted(COUNT), DONE], [(False, False), (False, True)], id="a bill"
        ),
    ],
)
def test_when_a_reply_is_complete_and_when_it_has_ended(
    events: list[Any], told: list[tuple[bool, bool]]
):
    assert states(*events) == told


def test_a_whole_reply_is_complete():
    for finish in ("stop", None):
        decoder = openai.decoder()
        decoder.whole(message(finish, content="Ahoy"))
        assert (decoder.complete, decoder.ended) == (True, True)


@pytest.mark.parametrize("name", ["", "message"])
@pytest.mark.parametrize("data", [b"", b" ", DONE])
def test_an_event_that_says_nothing_tells_nothing(name: str, data: bytes):
    assert fed(openai.decoder(), data, name) == []


@pytest.mark.parametrize(
    ("usages", "told"),
    [
        pytest.param([None, None], None, id="nothing"),
        pytest.param([{"total_tokens": 0, "total_characters": 0}], None, id="zeros"),
        pytest.param([COUNT], Usage(7, 3), id="input and output"),
        pytest.param([{"prompt_tokens": 7}], Usage(7, 0), id="only the input"),
        pytest.param([{"completion_tokens": 3}], Usage(0, 3), id="only the output"),
        pytest.param([None, COUNT, None, {"total_tokens": 0}], Usage(7, 3), id="once"),
        pytest.param(
            [{**COUNT, "completion_tokens": 1}, COUNT], Usage(7, 3), id="more and more"
        ),
        pytest.param(
            [{**COUNT, "prompt_tokens_details": {"cached_tokens": 5}}],
            Usage(2, 3, cache_read=5),
            id="cached",
        ),
        pytest.param(
            [{**COUNT, "prompt_tokens_details": {"cached_tokens": 0}}],
            Usage(7, 3, cache_read=0),
            id="nothing cached",
        ),
        pytest.param(
            [
                {
                    **COUNT,
                    "prompt_tokens_details": {
                        "cache_creation_input_tokens": 2,
                        "cache_read_input_tokens": 1,
                    },
                }
            ],
            Usage(4, 3, cache_read=1, cache_creation=2),
            id="read and written",
        ),
        pytest.param(
            [
                {
                    **COUNT,
                    "prompt_tokens_details": {
                        "cached_tokens": 4,
                        "cache_creation_input_tokens": 3,
                        "cache_read_input_tokens": 1,
                    },
                    "prompt_cache_hit_tokens": 2,
                }
            ],
            Usage(0, 3, cache_read=4, cache_creation=3),
            id="cached in three ways",
        ),
        pytest.param(
            [{**COUNT, "prompt_cache_hit_tokens": 6}],
            Usage(1, 3, cache_read=6),
            id="hit",
        ),
        pytest.param(
            [{**COUNT, "completion_tokens_details": {"reasoning_tokens": 2}}],
            Usage(7, 3, reasoning=2),
            id="thought",
        ),
        pytest.param(
            [{**COUNT, "completion_tokens_details": {"reasoning_tokens": 0}}],
            Usage(7, 3, reasoning=0),
            id="nothing thought",
        ),
        pytest.param(
            [{**COUNT, "reasoning_tokens": 2}], Usage(7, 3, reasoning=2), id="SGLang's"
        ),
        pytest.param(
            [
                {
                    **COUNT,
                    "completion_tokens_details": {"reasoning_tokens": 0},
                    "reasoning_tokens": 2,
                }
            ],
            Usage(7, 3, reasoning=0),
            id="thought in two ways",
        ),
        pytest.param(
            [{**COUNT, "prompt_tokens_details": {"cached_tokens": 9}}],
            Usage(0, 3, cache_read=9),
            id="more cached than there was",
        ),
        pytest.param(
            [
                {
                    "prompt_tokens": "7",
                    "completion_tokens": 3,
                    "prompt_tokens_details": [5],
                    "prompt_cache_hit_tokens": -1,
                    "completion_tokens_details": {"reasoning_tokens": 1.5},
                }
            ],
            Usage(0, 3),
            id="figures that are none",
        ),
        pytest.param(["7", 7, [7]], None, id="no figures at all"),
    ],
)
def test_what_it_cost_is_told_in_the_other_protocols_terms(
    usages: list[Any], told: Usage | None
):
    said = [chunk(**says("Ahoy"))]
    beside = [chunk("stop", usage=usage) for usage in usages]
    assert last(streamed([*said, *beside])).usage == told
    apart = [chunk("stop"), *map(counted, usages)]
    assert last(streamed([*said, *apart])).usage == told
    if len(usages) == 1:
        assert last(whole(message(content="a", usage=usages[0]))).usage == told


def test_the_service_tier_is_told():
    tiers = ["standard", "priority", None]
    events = [{**chunk(**says("a")), "service_tier": tier} for tier in tiers]
    assert last(streamed(events)).service_tier == "priority"
    document = {**message(content="a"), "service_tier": "priority"}
    assert last(whole(document)).service_tier == "priority"
    assert last(whole(message(content="a"))).service_tier is None


@pytest.mark.parametrize(
    ("flags", "notes"),
    [
        ({}, {}),
        ({"input_sensitive": False, "output_sensitive": False}, {}),
        ({"input_sensitive": False, "input_sensitive_type": 3}, {}),
        ({"input_sensitive": 1}, {}),
        (
            {"input_sensitive": True, "input_sensitive_type": 3},
            {"input_sensitive": 3},
        ),
        (
            {"output_sensitive": True, "output_sensitive_type": 0},
            {"output_sensitive": True},
        ),
        (
            {"input_sensitive": True, "output_sensitive": True},
            {"input_sensitive": True, "output_sensitive": True},
        ),
    ],
)
def test_what_was_judged_sensitive_is_noted(flags: Json, notes: Json):
    said = chunk(**says("Ahoy"))
    assert last(streamed([{**said, **flags}, chunk("stop")])).notes == notes
    assert last(whole({**message(content="Ahoy"), **flags})).notes == notes


SUMMARY = {
    **message(
        "stop",
        usage=COUNT,
        content="Ahoy",
        **thinks("Deep."),
        **asks(*WHOLE),
    ),
    "object": "chat.completion",
    "base_resp": {"status_code": 0, "status_msg": ""},
}


@pytest.mark.parametrize(
    "deltas",
    [
        [thinks("Deep."), says("Ahoy"), asks(*WHOLE)],
        [thinks("Deep."), says("Ahoy")],
        [thinks("Deep.")],
        [says("Ahoy")],
        [asks(*WHOLE)],
        [{"reasoning": "Deep."}],
    ],
)
def test_a_summary_at_the_end_is_not_said_again(deltas: list[Json]):
    said = [ROLE, *(chunk(**delta) for delta in deltas)]
    without = [*said, chunk("stop"), counted(COUNT)]
    summed_up = [*said, SUMMARY]
    assert streamed(summed_up) == streamed(without)
    assert streamed([*said, chunk("stop"), SUMMARY]) == streamed(without)


def test_a_stream_may_be_one_whole_reply():
    assert streamed([SUMMARY, DONE]) == whole(SUMMARY)
    assert streamed([ROLE, SUMMARY]) == whole(SUMMARY)
    assert blocks(whole(SUMMARY)) == [thought("Deep."), AHOY, PING, PONG]


# --- Replies: whole ------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        {"content": "Ahoy"},
        {"content": ""},
        {"content": None, **thinks("hm")},
        {"content": [part("Aho"), part("y")]},
        {"content": "<think>\nhm\n</think>\n\nAhoy"},
        {"content": "</think>\n\nAhoy", "reasoning_content": "hm"},
        {"content": "<think>hm</think>Ahoy", **thinks("hm")},
        {"content": "<think>Dry.</think>Ahoy", **thinks("hm")},
        {"content": "<think>hm, so</think>Ahoy", **thinks("hm")},
        {"content": "Ahoy", "reasoning": "hm\n</think>"},
        {"content": "\n", "reasoning_details": [item("a"), item("b", OTHER)]},
        {"content": "Ahoy", **thinks("hm"), **asks(*WHOLE)},
        {"content": None, **asks(fragment({"a": 1}, name="ping", index=...), *WHOLE)},
        {"content": None, **asks(fragment('{"a": ', id="c1", name="ping"))},
        {"content": "<think>hm", **asks(*WHOLE[:1])},
    ],
)
@pytest.mark.parametrize("finish", ["stop", "length"])
def test_a_whole_reply_is_told_as_the_stream_it_could_have_been(
    reply: Json, finish: str
):
    deltas = whole(message(finish, usage=COUNT, **reply))
    check_grammar(deltas)
    assert deltas == streamed([ROLE, chunk(finish, usage=COUNT, **reply)])
    parts = [chunk(**{key: value}) for key, value in reply.items() if key == "content"]
    thoughts = {key: value for key, value in reply.items() if "reasoning" in key}
    pieces = [chunk(**asks(call)) for call in reply.get("tool_calls", [])]
    events = [ROLE, chunk(**thoughts), *parts, *pieces, chunk(finish), counted(COUNT)]
    assert merged(streamed(events)) == merged(deltas)


@pytest.mark.parametrize(
    "choices",
    [
        [],
        {},
        "x",
        [None],
        [{}],
        [{"index": 0, "message": None}],
        [{"index": 0, "message": "Ahoy"}],
        [{"index": 0, "delta": {"content": "Ahoy"}}],
        [{"index": 1, "message": {"content": "Ahoy"}}],
    ],
)
def test_a_whole_reply_without_a_message_is_no_reply(choices: Any):
    with pytest.raises(MiniMaxResponseError, match="no message") as raised:
        whole({"id": "r1", "choices": choices})
    assert repr(json.dumps(choices))[1:-1] in str(raised.value)


def test_a_long_thing_that_is_no_reply_is_quoted_in_part():
    with pytest.raises(MiniMaxResponseError) as raised:
        whole({"choices": [], "odd": "x" * 100_000})
    assert len(str(raised.value)) < 700


def test_a_reply_that_says_nothing_is_a_reply():
    assert whole(message(content="")) == [
        Started("r1", "MiniMax-M3"),
        Stopped("end_turn"),
    ]
    assert streamed([ROLE, chunk("stop")]) == whole(message(content=""))
    assert streamed([]) == [Started("", None), Stopped(None)]


# --- Replies: what is refused --------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"<html>", b"[]", b"null", b"7", b'{"id": ', b"\xff", b"[DONE"]
)
def test_what_is_no_event_is_quoted(data: bytes):
    with pytest.raises(MiniMaxResponseError, match="no event") as raised:
        fed(openai.decoder(), data)
    assert repr(data.decode(errors="replace")) in str(raised.value)


FAILURES: list[tuple[Json, type[MiniMaxError], int | None]] = [
    (
        {
            "type": "error",
            "error": {
                "type": "unprocessable_entity_error",
                "message": "output new_sensitive (1027)",
                "http_code": "422",
            },
            "request_id": "q1",
        },
        MiniMaxContentFilterError,
        1027,
    ),
    (
        {"error": {"type": "busy", "message": "too much", "http_code": "529"}},
        MiniMaxOverloadedError,
        None,
    ),
    ({"type": "overloaded_error", "message": "busy"}, MiniMaxOverloadedError, None),
    (
        {
            "error": {
                "object": "error",
                "message": "The sampling parameters cannot be used together.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        },
        MiniMaxInvalidRequestError,
        None,
    ),
    ({"error": "out of memory"}, MiniMaxAPIError, None),
    (
        {"choices": None, "base_resp": {"status_code": 1039, "status_msg": "token"}},
        MiniMaxInvalidRequestError,
        1039,
    ),
    (
        counted(COUNT, base_resp={"status_code": 1002, "status_msg": "slow down"}),
        MiniMaxRateLimitError,
        1002,
    ),
    (
        {**chunk("stop", **says("!")), "base_resp": {"status_code": 1027}},
        MiniMaxContentFilterError,
        1027,
    ),
]


@pytest.mark.parametrize(("event", "kind", "code"), FAILURES)
@pytest.mark.parametrize("name", ["", "error"])
def test_an_event_may_report_a_failure(
    event: Json, kind: type[MiniMaxError], code: int | None, name: str
):
    for before in ([], [chunk(**says("Ahoy"))], [chunk("stop", **says("Ahoy"))]):
        decoder = openai.decoder()
        for one in before:
            fed(decoder, one)
        with pytest.raises(MiniMaxError) as raised:
            fed(decoder, event, name)
        assert type(raised.value) is kind
        assert raised.value.code == code
        assert not decoder.complete


@pytest.mark.parametrize(("event", "kind", "code"), FAILURES)
def test_a_whole_reply_may_report_a_failure(
    event: Json, kind: type[MiniMaxError], code: int | None
):
    for document in (event, {**message(content="Ahoy"), **event}):
        with pytest.raises(MiniMaxError) as raised:
            whole(document)
        assert (type(raised.value), raised.value.code) == (kind, code)


@pytest.mark.parametrize(
    ("event", "name"), [({"odd": "潮"}, "error"), ({"type": "error", "odd": "潮"}, "")]
)
def test_an_error_of_no_known_form_is_quoted(event: Json, name: str):
    with pytest.raises(MiniMaxResponseError, match="潮"):
        fed(openai.decoder(), event, name)


def test_an_error_of_an_older_vllm_is_one():
    refused = {"object": "error", "message": "too long", "type": "BadRequestError"}
    with pytest.raises(MiniMaxError, match="too long"):
        fed(openai.decoder(), {**refused, "param": None, "code": 400})


ABANDONED = [
    ("content_filter", MiniMaxContentFilterError),
    ("abort", MiniMaxStreamTruncatedError),
    ("error", MiniMaxStreamTruncatedError),
]


@pytest.mark.parametrize(("reason", "kind"), ABANDONED)
@pytest.mark.parametrize(
    ("deltas", "told"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([says("Ahoy")], [AHOY], id="words"),
        pytest.param([thinks("Deep.\n")], [thought("Deep.\n")], id="a thought"),
        pytest.param([says("<think")], [Text("<think")], id="what was held as a tag"),
        pytest.param(
            [says("a"), says("and")], [Text("aand")], id="what was held as a snapshot"
        ),
        pytest.param([asks(WHOLE[0])], [PING], id="a call"),
        pytest.param(
            [asks(WHOLE[0], fragment("", id="c2", name="pong", index=1))],
            [PING],
            id="a call that may have been cut",
        ),
    ],
)
def test_all_that_was_said_is_told_before_it_is_given_up(
    deltas: list[Json], told: list[Block], reason: str, kind: type[MiniMaxError]
):
    decoder = openai.decoder()
    said = [delta for one in deltas for delta in fed(decoder, chunk(**one))]
    said += fed(decoder, chunk(reason))
    assert blocks(said) == told
    assert not said or not isinstance(said[-1], TextDelta | ThinkingDelta)
    fed(decoder, counted(COUNT))
    with pytest.raises(kind) as raised:
        decoder.finish()
    assert (type(raised.value), raised.value.request_id) == (kind, "r1")
    assert raised.value.status_code is None


@pytest.mark.parametrize(("reason", "kind"), ABANDONED)
def test_a_reply_without_a_name_may_be_given_up(reason: str, kind: type[MiniMaxError]):
    decoder = openai.decoder()
    fed(decoder, {**chunk(reason, **says("Ahoy")), "id": ""})
    with pytest.raises(kind) as raised:
        decoder.finish()
    assert raised.value.request_id is None


@pytest.mark.parametrize(("reason", "kind"), ABANDONED)
def test_a_whole_reply_may_have_been_given_up(reason: str, kind: type[MiniMaxError]):
    decoder = openai.decoder()
    assert blocks(decoder.whole(message(reason, content="Ahoy"))) == [AHOY]
    with pytest.raises(kind):
        decoder.finish()


# --- Replies: any server's way -------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
WORDS = st.lists(
    st.sampled_from(
        ["so ", "so ", "潮🚢 ", "`</think>` ", "a < b ", "</thi ", "<think> ", "\n"]
    ),
    max_size=8,
).map("".join)
TAGS = [
    ("<think>\n", "\n</think>\n\n"),
    ("<think>", "</think>"),
    ("<mm:think>", "\n</mm:think>\n"),
]


@st.composite
def replies(draw: st.DrawFn) -> list[Block]:
    """Thoughts, words and calls in any order; two neighbours are of two kinds.

    Words begin with a letter that no others begin with, so that no text looks like
    the one before it, repeated; and none ends like a tag.
    """
    reply: list[Block] = []
    for kind in draw(st.lists(st.sampled_from([Thinking, Text, ToolUse]), max_size=6)):
        count = len(reply)
        words = f"{chr(ord('A') + count)} {draw(WORDS)}and that is all"
        if kind is ToolUse:
            name = draw(st.sampled_from(["ping", "pong"]))
            reply.append(ToolUse(f"c{count}", name, draw(ARGUMENTS)))
        elif not (reply and isinstance(reply[-1], kind)):
            reply.append(kind(words))
    return reply


@dataclass(frozen=True)
class Way:
    """How a server tells a reply.

    Attributes:
        thinks: The field of thoughts; two of them in turn; the content; or both.
        tags: What stands around a thought in the content.
        repeats: Whether all that was said is said again.
        calls: How fragments name their call.
        usage: Where the count is.
        sums_up: Whether the whole reply comes again at the end.
        done: Whether `[DONE]` comes.
        blank: What stands for a count elsewhere.
    """

    thinks: str
    tags: tuple[str, str]
    repeats: bool
    calls: str
    usage: str
    sums_up: bool
    done: bool
    blank: Any


WAYS = st.builds(
    Way,
    thinks=st.sampled_from(["details", "both", *BOTH, "turns", "content", "twice"]),
    tags=st.sampled_from(TAGS),
    repeats=st.booleans(),
    calls=st.sampled_from(
        ["usual", "index 0", "bare", "ids", "names", "blank", "new ids", "object"]
    ),
    usage=st.sampled_from(["beside", "apart", "summary", "none"]),
    sums_up=st.booleans(),
    done=st.booleans(),
    blank=st.sampled_from([None, {"total_tokens": 0, "total_characters": 0}]),
)


def simple(reply: Sequence[Block]) -> list[Block]:
    """At most one thought of it, then one text, then the calls."""
    thoughts = [block for block in reply if isinstance(block, Thinking)]
    texts = [block for block in reply if isinstance(block, Text)]
    uses = [block for block in reply if isinstance(block, ToolUse)]
    return [*thoughts[:1], *texts[:1], *uses]


def is_plain(reply: Sequence[Block]) -> bool:
    return simple(reply) == reply


def fits(way: Way, reply: Sequence[Block]) -> bool:
    """Whether a server that tells so could tell this reply."""
    if way.repeats:
        return is_plain(reply)
    later = any(isinstance(block, Thinking) for block in reply[1:])
    return not (later and way.thinks in ("content", "twice"))


def cut(draw: st.DrawFn, text: str, way: Way) -> list[str]:
    """The text in pieces, or all of it after each; nothing leaves in doubt which."""
    first = 8 if way.repeats else 1
    places = st.integers(first, len(text) - 1)
    least = 2 if way.repeats else 0
    found = draw(st.lists(places, min_size=least, max_size=6, unique=True))
    ends = [0, *sorted(found), len(text)]
    pieces: list[str] = []
    for begin, end in pairwise(ends):
        pieces.append(text[begin:end])
        while len(pieces) > 1 and pieces[-1].startswith(pieces[-2]):
            pieces.append(pieces.pop(-2) + pieces.pop())
    return (
        list(accumulate(text[a:b] for a, b in pairwise(ends)))
        if way.repeats
        else pieces
    )


def thought_in(field: str) -> Callable[[str], Json]:
    if field == "details":
        return lambda piece: {"reasoning_details": [item(piece)]}
    return thinks if field == "both" else lambda piece: {field: piece}


def told_thought(draw: st.DrawFn, text: str, way: Way) -> Iterator[Json]:
    if way.thinks == "turns":
        for turn, piece in enumerate(cut(draw, text, way)):
            yield {BOTH[turn % 2]: piece}
    elif way.thinks != "content":
        field = thought_in("both" if way.thinks == "twice" else way.thinks)
        yield from map(field, cut(draw, text, way))


def told_call(draw: st.DrawFn, call: ToolUse, place: int, way: Way) -> Iterator[Json]:
    text = json.dumps(call.input, ensure_ascii=draw(st.booleans()))
    if not call.input and draw(st.booleans()):
        text = ""
    pieces = cut(draw, text, replace(way, repeats=False)) if len(text) > 1 else [text]
    if draw(st.booleans()):
        pieces.insert(0, "")
    index: Any = {"index 0": 0, "bare": ...}.get(way.calls, place)
    if way.calls == "object":
        yield fragment(call.input, id=call.id, name=call.name, index=index)
        return
    yield fragment(pieces[0], id=call.id, name=call.name, index=index)
    for count, piece in enumerate(pieces[1:]):
        again: Json = {
            "ids": {"id": call.id},
            "names": {"name": call.name},
            "blank": {"id": "", "name": None},
            "new ids": {"id": f"{call.id}_{count}"},
        }.get(way.calls, {})
        yield fragment(piece, index=index, **again)


def told_block(draw: st.DrawFn, reply: list[Block], place: int, way: Way) -> list[Json]:
    """The deltas of one block."""
    match reply[place]:
        case Thinking(thinking):
            said = list(told_thought(draw, thinking, way))
            if way.thinks in ("content", "twice"):
                opening, closing = way.tags
                text = f"{opening}{thinking}{closing}"
                following = next(iter(reply[place + 1 :]), None)
                if not (way.repeats and isinstance(following, Text)):
                    said += map(says, cut(draw, text, way))
                # Else they are the first snapshots of the text that follows.
            return said
        case Text(text):
            before = reply[place - 1] if place else None
            if way.repeats and way.thinks in ("content", "twice") and before:
                assert isinstance(before, Thinking)
                opening, closing = way.tags
                text = f"{opening}{before.thinking}{closing}{text}"
            return [says(piece) for piece in cut(draw, text, way)]
        case ToolUse() as call:
            before = sum(isinstance(block, ToolUse) for block in reply[:place])
            return [asks(one) for one in told_call(draw, call, before, way)]
        case _:
            pytest.fail("no such block")


def _rank(delta: Json) -> int:
    """The place of a delta in its chunk: thoughts, words, calls."""
    return 2 if "tool_calls" in delta else 1 if "content" in delta else 0


def in_chunks(draw: st.DrawFn, deltas: Iterable[Json]) -> list[Json]:
    """Deltas of several kinds may share a chunk, and so may fragments of calls."""
    shared: list[Json] = []
    for delta in deltas:
        before = shared[-1] if shared else {}
        if before and _rank(before) < _rank(delta) and draw(st.booleans()):
            shared[-1] = {**before, **delta}
        elif _rank(before) == _rank(delta) == 2 and draw(st.booleans()):
            shared[-1] = {
                **before,
                "tool_calls": before["tool_calls"] + delta["tool_calls"],
            }
        else:
            shared.append(delta)
    return shared


def as_message(reply: Iterable[Block], way: Way) -> Json:
    """The reply in one piece, if it is a plain one."""
    said: Json = {"content": ""}
    for block in reply:
        match block:
            case Thinking(thinking):
                opening, closing = way.tags
                if way.thinks in ("content", "twice"):
                    said["content"] = f"{opening}{thinking}{closing}"
                if way.thinks != "content":
                    field = {"twice": "both", "turns": BOTH[0]}.get(
                        way.thinks, way.thinks
                    )
                    said |= thought_in(field)(thinking)
            case Text(text):
                said["content"] += text
            case ToolUse(id, name, input):
                whole = fragment(json.dumps(input), id=id, name=name, index=...)
                said.setdefault("tool_calls", []).append(whole)
    return said


@st.composite
def streams(draw: st.DrawFn, reply: list[Block], way: Way) -> list[Any]:
    """The events of a server that tells the reply in this way."""
    deltas = [
        delta
        for place in range(len(reply))
        for delta in told_block(draw, reply, place, way)
    ]
    chunks = [chunk(usage=way.blank, **delta) for delta in in_chunks(draw, deltas)]
    if not chunks or draw(st.booleans()):
        chunks.append(chunk(usage=way.blank, **draw(st.sampled_from([{}, says("")]))))
    end = chunks[-1]
    end["choices"][0]["finish_reason"] = "stop"
    if way.usage == "beside":
        end["usage"] = COUNT
    events: list[Any] = [*draw(st.sampled_from([[], [ROLE]])), *chunks]
    events += [counted(COUNT)] if way.usage == "apart" else []
    if sums_up(reply, way):
        usage = way.blank if way.usage == "none" else COUNT
        events.append(message(usage=usage, **as_message(reply, way)))
    return [*events, DONE] if way.done else events


def sums_up(reply: list[Block], way: Way) -> bool:
    return way.sums_up and bool(reply) and is_plain(reply)


def expected(reply: Iterable[Block], way: Way) -> list[Block]:
    sent_as = {
        **dict.fromkeys(("details", "both", "twice"), DETAILS),
        **dict.fromkeys(("reasoning_content", "turns"), CONTENT),
        "reasoning": REASONING,
        "content": tags(*way.tags),
    }[way.thinks]
    return [
        thought(block.thinking, sent_as) if isinstance(block, Thinking) else block
        for block in reply
    ]


@given(replies(), WAYS, st.data())
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_a_reply_is_the_same_however_a_server_tells_it(
    reply: list[Block], way: Way, data: st.DataObject
):
    if not fits(way, reply):
        reply = simple(reply)
    events = data.draw(streams(reply, way))
    deltas = streamed(events)
    check_grammar(deltas)
    assert blocks(deltas) == expected(reply, way)
    is_counted = way.usage in ("beside", "apart") or (
        way.usage == "summary" and sums_up(reply, way)
    )
    assert last(deltas) == Stopped("end_turn", Usage(7, 3) if is_counted else None)

    decoder, heard_so_far = openai.decoder(), []
    while events and not decoder.ended:
        heard_so_far += fed(decoder, events.pop(0))
    assert decoder.complete
    assert [*heard_so_far, *decoder.finish()] == deltas


@given(replies().map(simple), WAYS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_whole_reply_is_the_same_and_goes_back_as_it_came(
    reply: list[Block], way: Way
):
    told = blocks(whole(message(**as_message(reply, way))))
    assert told == expected(reply, way)
    if not told or isinstance(told[-1], Thinking):
        return
    once = replace(way, thinks="details") if way.thinks in ("both", "twice") else way
    sent = as_message(reply, once)
    sent["content"] = sent["content"] or None
    back = replied(*told, official=way.thinks != "reasoning")
    if "reasoning" in sent:
        sent |= plain(sent["reasoning"])
    for call in [*sent.get("tool_calls", []), *back.get("tool_calls", [])]:
        assert call.pop("type", "function") == "function"
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    assert back == sent


FRAGMENTS = {
    "a": [thinks("h"), thinks("m")],
    "b": [says("Aho"), says("y")],
    "c": [
        asks(fragment('{"a', id="c1", name="ping")),
        asks(fragment('": ')),
        asks(fragment("1}")),
    ],
    "d": [
        asks(fragment("", id="c2", name="pong", index=1)),
        asks(fragment('{"b": [', index=1)),
        asks(fragment("2]}", index=1)),
    ],
}


@given(st.permutations("aabbcccddd"))
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_blocks_are_the_same_however_a_server_mixes_them(turns: list[str]):
    rest = {name: iter(deltas) for name, deltas in FRAGMENTS.items()}
    made: list[Block] = []
    told = {"a": ["h", "m"], "b": ["Aho", "y"]}
    for turn in turns:
        match turn, made[-1:]:
            case "a", [Thinking(before)]:
                made[-1] = thought(before + told["a"].pop(0))
            case "a", _:
                made.append(thought(told["a"].pop(0)))
            case "b", [Text(before)]:
                made[-1] = Text(before + told["b"].pop(0))
            case "b", _:
                made.append(Text(told["b"].pop(0)))
            case _:
                call = PING if turn == "c" else PONG
                made += [call] if call not in made else []
    assert heard(*(next(rest[turn]) for turn in turns)) == made


# --- Replies: anything ---------------------------------------------------------------

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "id"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def field(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | ANY


def document(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


USAGES = document(
    prompt_tokens=ANY,
    completion_tokens=ANY,
    prompt_tokens_details=document(cached_tokens=ANY) | ANY,
    completion_tokens_details=ANY,
)
FUNCTIONS = document(name=field("ping", "pong"), arguments=field("{}", '{"a": ', "1}"))
SAYINGS = document(
    role=field("assistant", ""),
    content=field("a", "ab", "<think>", "</think>", " <thi", "nk>\n"),
    reasoning_content=field("a", "ab", "</think>"),
    reasoning=field("a", "ab"),
    reasoning_details=st.lists(
        document(id=field("t1", "t2"), index=field(0, 1), text=field("a", "ab")) | ANY,
        max_size=2,
    )
    | ANY,
    tool_calls=st.lists(
        document(id=field("c1", "c2"), index=field(0, 1), function=FUNCTIONS | ANY)
        | ANY,
        max_size=2,
    )
    | ANY,
)
CHOICES = document(
    index=st.just(0) | ANY,
    delta=SAYINGS | ANY,
    message=SAYINGS | ANY,
    finish_reason=field("stop", "tool_calls"),
)
CHUNKS = document(
    id=field("r1"),
    model=field("M"),
    choices=st.lists(CHOICES | ANY, min_size=1, max_size=2) | ANY,
    usage=USAGES | ANY,
    type=ANY,
    base_resp=ANY,
    input_sensitive=ANY,
)


def understand_or_refuse(understand: Callable[[Any], list[Delta]], given: Any) -> None:
    try:
        deltas = understand(given)
    except MiniMaxError:
        return
    check_grammar(deltas)


@given(st.lists(CHUNKS, max_size=8))
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_any_events_are_understood_or_refused(events: list[Json]):
    understand_or_refuse(streamed, events)


@given(CHUNKS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_document_is_understood_or_refused(document: Json):
    understand_or_refuse(whole, document)


STREAMS = samples(wire="openai", stream=True, self_hosted=None)


@given(data=st.data())
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_a_captured_stream_that_was_damaged_is_understood_or_refused(
    data: st.DataObject,
):
    one = data.draw(st.sampled_from(STREAMS))
    events = [json.loads(event.data) for event in captured(one) if event.data != DONE]
    event = data.draw(st.sampled_from(events))
    parts = [
        event,
        *event["choices"],
        *(one["delta"] for one in event["choices"] if "delta" in one),
    ]
    damaged = data.draw(st.sampled_from([part for part in parts if part]))
    damaged[data.draw(st.sampled_from(sorted(damaged)))] = data.draw(ANY)
    understand_or_refuse(streamed, events)


def test_however_deep_an_event_is_it_is_understood_or_refused():
    odd: Any = {"deep": "?"}
    templates = [
        json.dumps(chunk(**said))
        for said in (
            asks(fragment(odd, id="c1", name="ping")),
            asks(fragment("{}", index=odd), fragment("{}", index=odd)),
            {"reasoning_details": [item("é", odd=odd), item("é", odd=odd)]},
            {"reasoning_details": [item("é", id=odd), item("é", id=odd)]},
        )
    ]
    templates.append(json.dumps({"error": {"message": "é", "deep": "?"}}))
    for template in templates:
        for depth in range(1, 1200, 7):
            deep = template.replace('"?"', "[" * depth + "]" * depth).encode()
            understand_or_refuse(streamed, [deep])
