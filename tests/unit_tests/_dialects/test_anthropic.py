from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_minimax._blocks import (
    Block,
    ChatRequest,
    Conversation,
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
    OpaqueBlock,
    Signature,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStarted,
    ToolUseStopped,
    Usage,
)
from langchain_minimax._dialects import anthropic
from langchain_minimax._sse import ServerSentEvent
from langchain_minimax.errors import (
    MiniMaxError,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
)
from support.samples import Sample, sample, samples

MARK = {"type": "ephemeral"}
SCHEMA = {"type": "object", "properties": {"port": {"type": "string"}}}
TIDE = Tool("get_tide", "Next high tide of a port", SCHEMA)
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
HELLO = Turn("user", (Text("Hello"),))


# --- Requests ------------------------------------------------------------------------


def encoded(*turns: Turn, system: tuple[Text, ...] = (), **options: Any) -> Any:
    fields = {"model": "MiniMax-M3", "max_tokens": 100, "stream": False, **options}
    return anthropic.encode(
        ChatRequest(conversation=Conversation(system, turns or (HELLO,)), **fields)
    )


def test_a_plain_request_says_nothing_that_was_not_asked_for():
    assert encoded() == {
        "model": "MiniMax-M3",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "stream": False,
    }


@pytest.mark.parametrize(
    ("block", "sent"),
    [
        (Text("a"), {"type": "text", "text": "a"}),
        (Text("a", MARK), {"type": "text", "text": "a", "cache_control": MARK}),
        (
            Thinking("hm", "5a84"),
            {"type": "thinking", "thinking": "hm", "signature": "5a84"},
        ),
        (Thinking("hm"), {"type": "thinking", "thinking": "hm"}),
        (Thinking("hm", ""), {"type": "thinking", "thinking": "hm", "signature": ""}),
        (
            ToolUse("c1", "get_tide", {"port": "Porto"}),
            {
                "type": "tool_use",
                "id": "c1",
                "name": "get_tide",
                "input": {"port": "Porto"},
            },
        ),
        (
            ToolUse("c1", "get_tide", {}, MARK),
            {
                "type": "tool_use",
                "id": "c1",
                "name": "get_tide",
                "input": {},
                "cache_control": MARK,
            },
        ),
        (
            ToolResult("c1", "16:39"),
            {"type": "tool_result", "tool_use_id": "c1", "content": "16:39"},
        ),
        (
            ToolResult("c1", ""),
            {"type": "tool_result", "tool_use_id": "c1", "content": ""},
        ),
        (
            ToolResult("c1", "no such port", is_error=True, cache_control=MARK),
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "content": "no such port",
                "is_error": True,
                "cache_control": MARK,
            },
        ),
        (
            ToolResult("c1", (Text("16:39", MARK), Opaque({"type": "image"}))),
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "content": [
                    {"type": "text", "text": "16:39", "cache_control": MARK},
                    {"type": "image"},
                ],
            },
        ),
        (Opaque({"type": "image", "x": 1}), {"type": "image", "x": 1}),
    ],
)
def test_a_block_is_written_as_the_wire_has_it(block: Block, sent: dict[str, Any]):
    for role in ("user", "assistant"):
        body = encoded(Turn(role, (Text("before"), block)))
        assert body["messages"] == [
            {"role": role, "content": [{"type": "text", "text": "before"}, sent]}
        ]


def test_turns_keep_their_order():
    turns = [Turn("user", (Text("a"),)), Turn("assistant", (Text("b"),)), HELLO]
    messages = encoded(*turns)["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "user"]
    assert [one["content"][0]["text"] for one in messages] == ["a", "b", "Hello"]


@pytest.mark.parametrize(
    ("options", "key", "sent"),
    [
        (
            {"system": (Text("Be brief."), Text("Be kind.", MARK))},
            "system",
            [
                {"type": "text", "text": "Be brief."},
                {"type": "text", "text": "Be kind.", "cache_control": MARK},
            ],
        ),
        ({"stream": True}, "stream", True),
        ({"temperature": 0.0}, "temperature", 0.0),
        ({"top_p": 0.9}, "top_p", 0.9),
        ({"thinking": {"type": "adaptive"}}, "thinking", {"type": "adaptive"}),
        ({"effort": "low"}, "output_config", {"effort": "low"}),
        ({"service_tier": "priority"}, "service_tier", "priority"),
        ({"user_id": "u1"}, "metadata", {"user_id": "u1"}),
        ({"extra": {"top_k": 40}}, "top_k", 40),
        (
            {"tools": (TIDE,)},
            "tools",
            [
                {
                    "name": "get_tide",
                    "description": "Next high tide of a port",
                    "input_schema": SCHEMA,
                }
            ],
        ),
        (
            {"tools": (Tool("get_tide", None, SCHEMA, MARK), Opaque(SEARCH))},
            "tools",
            [
                {"name": "get_tide", "input_schema": SCHEMA, "cache_control": MARK},
                SEARCH,
            ],
        ),
    ],
)
def test_an_option_adds_one_thing_to_the_body(
    options: dict[str, Any], key: str, sent: Any
):
    assert encoded(**options) == {**encoded(), key: sent}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("any"), {"type": "auto"}),
        (ToolChoice("tool", "get_tide"), {"type": "auto"}),
    ],
)
def test_the_wire_knows_no_forced_choice(choice: ToolChoice, sent: dict[str, str]):
    assert encoded(tools=(TIDE,), tool_choice=choice)["tool_choice"] == sent


def test_without_tools_there_is_nothing_to_choose():
    assert encoded(tools=(), tool_choice=ToolChoice("any")) == encoded()


def test_what_the_caller_adds_wins():
    extra = {"temperature": 0.3, "tool_choice": {"type": "any"}, "thinking": None}
    body = encoded(temperature=1.0, thinking={"type": "adaptive"}, extra=extra)
    del extra["thinking"]  # `None` leaves out what is ours
    assert body == {**encoded(), **extra}
    assert encoded(extra={"top_k": None}) == {**encoded(), "top_k": None}


def test_a_request_that_a_server_took_is_written_again():
    asked, told = sample("m3_stream_loop_answer").request, sample("m3_stream_loop_call")
    assert asked is not None
    thought, call = told.content
    assert asked == encoded(
        Turn("user", (Text(asked["messages"][0]["content"][0]["text"]),)),
        Turn(
            "assistant",
            (
                Thinking(thought["thinking"], thought["signature"]),
                ToolUse(call["id"], call["name"], call["input"]),
            ),
        ),
        Turn(
            "user",
            (
                ToolResult(
                    call["id"],
                    asked["messages"][2]["content"][0]["content"],
                    cache_control=MARK,
                ),
            ),
        ),
        model="MiniMax-M3",
        max_tokens=1536,
        stream=True,
        thinking={"type": "adaptive"},
        tool_choice=ToolChoice("none"),
        tools=(
            Tool(
                "get_tide",
                "Next high tide of a port",
                asked["tools"][0]["input_schema"],
                MARK,
            ),
        ),
    )


# --- Replies: helpers ----------------------------------------------------------------


def streamed(events: Iterable[Any], *, finished: bool = True) -> list[Delta]:
    """What a stream of these events (bytes, or JSON to be) is understood as."""
    decoder = anthropic.decoder()
    deltas: list[Delta] = []
    for event in events:
        data = event if isinstance(event, bytes) else json.dumps(event).encode()
        deltas += decoder.feed(ServerSentEvent("", data))
    return [*deltas, *decoder.finish()] if finished else deltas


def whole(document: dict[str, Any]) -> list[Delta]:
    decoder = anthropic.decoder()
    return [*decoder.whole(document), *decoder.finish()]


def captured(one: Sample) -> list[ServerSentEvent]:
    """The events of a sample, cut apart without the code under test."""
    parts = one.body.replace(b"\r\n", b"\n").strip().split(b"\n\n")
    events = []
    for part in parts:
        name, _, data = part.partition(b"data:")
        events.append(ServerSentEvent(name.decode()[7:].strip(), data.strip(b" ")))
    return events


def decoded(one: Sample) -> list[Delta]:
    if not one.stream:
        return whole(json.loads(one.body))
    decoder = anthropic.decoder()
    deltas = [delta for event in captured(one) for delta in decoder.feed(event)]
    return [*deltas, *decoder.finish()]


def blocks(deltas: Iterable[Delta]) -> list[dict[str, Any]]:
    """The blocks of the wire, put together again; calls that are none are left out."""
    told: dict[int, dict[str, Any]] = {}
    for delta in deltas:
        match delta:
            case TextDelta(place, text):
                block = told.setdefault(place, {"type": "text", "text": ""})
                block["text"] += text
            case ThinkingDelta(place, thinking):
                block = told.setdefault(place, {"type": "thinking", "thinking": ""})
                block["thinking"] += thinking
            case Signature(place, signature):
                block = told.setdefault(place, {"type": "thinking", "thinking": ""})
                block["signature"] = signature
            case ToolUseStopped(place, id, name, dict(arguments), _):
                call = {"type": "tool_use", "id": id, "name": name, "input": arguments}
                told[place] = call
            case OpaqueBlock(place, block):
                told[place] = block
    return [told[place] for place in sorted(told)]


def broken(deltas: Iterable[Delta]) -> list[dict[str, str]]:
    return [
        {"id": delta.id, "name": delta.name, "partial_json": delta.json}
        for delta in deltas
        if isinstance(delta, ToolUseStopped) and delta.input is None
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
    began = [index for index, one in enumerate(deltas) if isinstance(one, Started)]
    assert began in ([], [0])
    *steps, stopped = deltas[len(began) :]
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
        case [OpaqueBlock()]:
            pass
        case [ToolUseStarted(_, id, name), *pieces, ToolUseStopped() as stopped]:
            assert (stopped.id, stopped.name) == (id, name)
            assert id
            assert all(isinstance(one, ToolUseDelta) for one in pieces)
            assert stopped.json == "".join(one.partial_json for one in pieces)
            assert "" not in [one.partial_json for one in pieces]
        case [*thoughts, Signature(_, signature), BlockStopped()]:
            assert signature
            assert all(isinstance(one, ThinkingDelta) for one in thoughts)
        case [first, *_, BlockStopped()]:
            assert isinstance(first, TextDelta | ThinkingDelta)
            assert all(type(one) is type(first) for one in run[:-1])
        case _:
            pytest.fail(f"no block: {run}")


def start(**message: Any) -> dict[str, Any]:
    told = {"id": "r1", "model": "MiniMax-M3", **message}
    return {"type": "message_start", "message": told}


def opened(block: Any, index: Any = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, value: Any, index: Any = 0) -> dict[str, Any]:
    key = {"signature": "signature", "input_json": "partial_json"}.get(kind, kind)
    piece = {"type": f"{kind}_delta", key: value}
    return {"type": "content_block_delta", "index": index, "delta": piece}


def closed(index: Any = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def note(reason: Any = "end_turn", **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


END = {"type": "message_stop"}
CALL = {"type": "tool_use", "id": "c1", "name": "get_tide", "input": {}}


# --- Replies: the captured wire ------------------------------------------------------


@pytest.mark.parametrize("one", samples(), ids=lambda one: one.name)
def test_a_captured_reply_means_what_was_written_beside_it(one: Sample):
    deltas = decoded(one)
    check_grammar(deltas)
    assert blocks(deltas) == one.content
    assert broken(deltas) == one.broken_tool_calls
    assert figures(last(deltas).usage) == one.usage
    assert last(deltas).stop_reason == one.stop_reason


@pytest.mark.parametrize("one", samples(), ids=lambda one: one.name)
def test_a_captured_reply_names_itself(one: Sample):
    told = json.loads(captured(one)[0].data)["message"] if one.stream else None
    told = told or json.loads(one.body)
    assert decoded(one)[0] == Started(told["id"], one.model)


@pytest.mark.parametrize(
    "one",
    [one for one in samples(errors=True) if one.status == 200],
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
    "one", samples(stream=True, errors=True), ids=lambda one: one.name
)
def test_what_came_before_a_failure_was_told(one: Sample):
    *before, failed = captured(one)
    decoder = anthropic.decoder()
    deltas = [delta for event in before for delta in decoder.feed(event)]
    assert blocks(deltas) == one.content
    with pytest.raises(MiniMaxError):
        decoder.feed(failed)


@pytest.mark.parametrize("one", samples(stream=False), ids=lambda one: one.name)
def test_a_whole_reply_is_told_as_the_stream_it_could_have_been(one: Sample):
    document = json.loads(one.body)
    events: list[dict[str, Any]] = [start(id=document["id"], model=document["model"])]
    for index, block in enumerate(document["content"]):
        events += [opened(block, index), closed(index)]
    events += [note(document["stop_reason"], **document["usage"]), END]
    assert whole(document) == streamed(events)


# --- Replies: blocks -----------------------------------------------------------------

SIGNED = "5a5a5a5a84c0de"


def test_every_word_is_told_as_it_comes():
    decoder = anthropic.decoder()

    def feed(event: dict[str, Any]) -> Sequence[Delta]:
        return decoder.feed(ServerSentEvent("", json.dumps(event).encode()))

    assert list(feed(start())) == [Started("r1", "MiniMax-M3")]
    assert list(feed({"type": "ping"})) == []
    assert list(feed(opened({"type": "thinking", "thinking": ""}))) == []
    assert list(feed(delta("thinking", "hm"))) == [ThinkingDelta(0, "hm")]
    assert list(feed(delta("signature", "5a84"))) == []
    assert list(feed(closed())) == [Signature(0, "5a84"), BlockStopped(0)]
    assert list(feed(opened({"type": "text", "text": ""}, 1))) == []
    assert list(feed(delta("text", "Aho", 1))) == [TextDelta(1, "Aho")]
    assert list(feed(delta("text", "y", 1))) == [TextDelta(1, "y")]
    assert list(feed(closed(1))) == [BlockStopped(1)]
    assert list(feed(opened(CALL, 2))) == [ToolUseStarted(2, "c1", "get_tide")]
    assert list(feed(delta("input_json", "", 2))) == []
    assert list(feed(delta("input_json", "{}", 2))) == [ToolUseDelta(2, "{}")]
    assert list(feed(closed(2))) == [ToolUseStopped(2, "c1", "get_tide", {}, "{}")]
    assert (decoder.complete, decoder.ended) == (False, False)
    assert list(feed(note("tool_use", output_tokens=3))) == []
    assert (decoder.complete, decoder.ended) == (True, True)
    assert list(feed(END)) == []
    assert (decoder.complete, decoder.ended) == (True, True)
    assert list(decoder.finish()) == [Stopped("tool_use", Usage(0, 3))]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [opened({"type": "thinking"}), delta("signature", SIGNED)], id="delta"
        ),
        pytest.param([opened({"type": "thinking", "signature": SIGNED})], id="start"),
        pytest.param(
            [
                opened({"type": "thinking", "signature": SIGNED}),
                delta("signature", SIGNED),
            ],
            id="start and delta",
        ),
        pytest.param(
            [
                opened({"type": "thinking", "signature": ""}),
                delta("signature", SIGNED),
                delta("signature", SIGNED),
                delta("signature", ""),
            ],
            id="repeated",
        ),
        pytest.param(
            [
                opened({"type": "thinking"}),
                delta("signature", "5a5a"),
                delta("signature", "5a5a"),
                delta("signature", "84c0de"),
            ],
            id="split",
        ),
    ],
)
def test_a_signature_is_told_once_and_whole(events: list[dict[str, Any]]):
    thought = delta("thinking", "hm")
    said = [ThinkingDelta(0, "hm"), Signature(0, SIGNED), BlockStopped(0)]
    assert streamed([events[0], thought, *events[1:], closed()])[:-1] == said


@pytest.mark.parametrize(
    "event",
    [opened({"type": "thinking", "signature": SIGNED}), delta("signature", SIGNED)],
)
def test_a_signature_without_a_thought_is_kept(event: dict[str, Any]):
    deltas = streamed([event, closed()])
    assert blocks(deltas) == [{"type": "thinking", "thinking": "", "signature": SIGNED}]


@pytest.mark.parametrize("empty", ["text", "thinking"])
def test_an_empty_block_takes_no_place(empty: str):
    block = {"type": empty, empty: "", "signature": ""}
    deltas = streamed(
        [
            opened(block),
            closed(),
            opened({"type": "text", "text": "a"}, 1),
            closed(1),
            opened(block, 2),
            delta(empty, "", 2),
            closed(2),
            opened(CALL, 3),
            closed(3),
            opened(block, 4),
        ]
    )
    check_grammar(deltas)
    assert blocks(deltas) == [{"type": "text", "text": "a"}, CALL]


def test_what_a_block_holds_when_it_starts_counts():
    deltas = streamed(
        [
            opened({"type": "thinking", "thinking": "h"}),
            delta("thinking", "m"),
            closed(),
            opened({"type": "text", "text": "Aho"}, 1),
            delta("text", "y", 1),
            closed(1),
        ]
    )
    check_grammar(deltas)
    assert blocks(deltas) == [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Ahoy"},
    ]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [
                delta("thinking", "hm"),
                delta("signature", "5a84"),
                delta("text", "a", 1),
                delta("input_json", "{}", 2),
            ],
            id="without starts and stops",
        ),
        pytest.param(
            [
                opened({"type": "thinking"}),
                delta("thinking", "hm"),
                delta("signature", "5a84"),
                opened({"type": "text"}, 1),
                delta("text", "a", 1),
                opened({"type": "tool_use"}, 2),
            ],
            id="without stops",
        ),
        pytest.param(
            [
                opened({"type": "thinking"}, None),
                delta("thinking", "hm", None),
                delta("signature", "5a84", None),
                closed(None),
                opened({"type": "text"}, None),
                delta("text", "a", None),
                closed(None),
                opened({"type": "tool_use"}, None),
                delta("input_json", "{}", None),
                closed(None),
            ],
            id="without indices",
        ),
        pytest.param(
            [
                opened({"type": "thinking"}),
                delta("thinking", "hm"),
                delta("signature", "5a84"),
                closed(),
                opened({"type": "text"}),
                delta("text", "a"),
                closed(),
                opened({"type": "tool_use"}),
            ],
            id="all with one index",
        ),
    ],
)
def test_blocks_are_told_apart_however_poorly_they_are_marked(
    events: list[dict[str, Any]],
):
    deltas = streamed([start(), *events, note("tool_use")])
    check_grammar(deltas)
    assert blocks(deltas) == [
        {"type": "thinking", "thinking": "hm", "signature": "5a84"},
        {"type": "text", "text": "a"},
    ]
    assert [type(one) for one in deltas][-2:] == [ToolUseStopped, Stopped]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [delta("thinking", "hm", None), delta("text", "Ahoy", None)],
            id="neither start nor index",
        ),
        pytest.param(
            [
                opened({"type": "thinking"}),
                delta("thinking", "hm"),
                delta("text", "Ahoy"),
            ],
            id="one start for two kinds",
        ),
        pytest.param(
            [
                opened({"type": "thinking", "thinking": "hm"}),
                opened(None, 1),
                delta("text", "Ahoy", 1),
            ],
            id="a start that does not say of what",
        ),
    ],
)
def test_words_of_another_kind_than_their_block_are_not_lost(
    events: list[dict[str, Any]],
):
    assert blocks(streamed([start(), *events, note()])) == [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Ahoy"},
    ]


@pytest.mark.parametrize(
    "odd", [{"type": "citations_delta", "citation": {}}, {}, None, {"text": ""}]
)
def test_a_delta_of_an_unknown_kind_breaks_no_block(odd: Any):
    event = {"type": "content_block_delta", "index": 0, "delta": odd}
    text = [opened({"type": "text"}), delta("text", "Aho"), delta("text", "y")]
    for place in range(len(text) + 1):
        deltas = streamed([*text[:place], event, *text[place:]])
        check_grammar(deltas)
        assert blocks(deltas) == [{"type": "text", "text": "Ahoy"}]


def test_a_delta_without_a_kind_belongs_to_the_open_block():
    event = {"type": "content_block_delta", "index": 0, "delta": {"text": "Ahoy"}}
    assert blocks(streamed([opened({"type": "text"}), event])) == [
        {"type": "text", "text": "Ahoy"}
    ]


@pytest.mark.parametrize("kind", ["text", "thinking"])
def test_blocks_of_one_kind_without_a_start_are_told_apart_by_their_index(kind: str):
    deltas = streamed([delta(kind, "a"), delta(kind, "b", 1), delta(kind, "c", 1)])
    check_grammar(deltas)
    assert blocks(deltas) == [{"type": kind, kind: "a"}, {"type": kind, kind: "bc"}]


def test_a_block_of_an_unknown_kind_is_carried_as_it_is():
    block = {"type": "mid_conv_system", "content": [{"type": "text", "text": "a"}]}
    found = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    deltas = streamed(
        [
            opened(block),
            delta("odd", "x"),
            closed(),
            opened(found, 1),
            delta("input_json", '{"query": ', 1),
            delta("input_json", '"tide"}', 1),
            closed(1),
        ]
    )
    assert blocks(deltas) == [block, {**found, "input": {"query": "tide"}}]


@pytest.mark.parametrize("json", ["", "{}", "{", "[]", "null"])
def test_an_unknown_block_keeps_the_input_that_came_with_it(json: str):
    found = {"type": "server_tool_use", "id": "s1", "input": {"query": "tide"}}
    deltas = streamed([opened(found), delta("input_json", json), closed()])
    assert blocks(deltas) == [found]


@pytest.mark.parametrize("kind", ["text", "thinking"])
def test_words_amid_an_unknown_block_are_told(kind: str):
    found = {"type": "server_tool_use", "id": "s1", "input": {"query": "tide"}}
    query = delta("input_json", '{"query": "tide"}')
    deltas = streamed([opened({**found, "input": {}}), query, delta(kind, "Ahoy")])
    check_grammar(deltas)
    assert blocks(deltas) == [found, {"type": kind, kind: "Ahoy"}]


def test_what_is_no_block_is_not_handed_back_as_one():
    document = {"content": ["Ahoy", None, {}, {"type": "text", "text": "a"}]}
    assert {} not in blocks(whole(document))


# --- Replies: calls ------------------------------------------------------------------


def called(*pieces: str, **block: Any) -> ToolUseStopped:
    events = [delta("input_json", piece) for piece in pieces]
    deltas = streamed([start(), opened({**CALL, **block}), *events, closed()])
    check_grammar(deltas)
    (call,) = (one for one in deltas if isinstance(one, ToolUseStopped))
    return call


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([], {}),
        ([""], {}),
        (["{}"], {}),
        (["", '{"port": "Porto"}'], {"port": "Porto"}),
        (['{"port": "Po', 'rto"}'], {"port": "Porto"}),
        (["{", '"a"', ":", "[1, 2.5, true, null]", "}"], {"a": [1, 2.5, True, None]}),
        (['{"a": "two\nlines\tand a tab"}'], {"a": "two\nlines\tand a tab"}),
        (['{"a": "\\ud83c\\udf0a 潮水"}'], {"a": "🌊 潮水"}),
        ([' {"a": 1} \n'], {"a": 1}),
    ],
)
def test_the_arguments_of_a_call_are_put_together(
    pieces: list[str], arguments: dict[str, Any]
):
    call = called(*pieces)
    assert call.input == arguments
    assert call.json == "".join(pieces)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"path": "/home/user/proj', id="cut in a string"),
        pytest.param('{"path": 1', id="cut before the brace"),
        pytest.param('{"path": nope}', id="garbage"),
        pytest.param('{"a": 1} {"b": 2}', id="two objects"),
        pytest.param("[1, 2]", id="a list"),
        pytest.param('"text"', id="a string"),
        pytest.param("null", id="null"),
        pytest.param(" ", id="blank"),
        pytest.param('{"a": NaN}', id="NaN"),
        pytest.param('{"a": -Infinity}', id="infinity"),
        pytest.param('{"a": 1e999}', id="a number beyond all bounds"),
        pytest.param('{"a": ' + "1" * 5000 + "}", id="a number of many digits"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, id="too deep"),
    ],
)
def test_arguments_that_are_no_json_object_make_no_call(text: str):
    call = called(text)
    assert call.input is None
    assert call.json == text


def test_arguments_may_come_with_the_start_of_a_call():
    call = called(input={"port": "Póvoa"})
    assert call.input == {"port": "Póvoa"}
    assert json.loads(call.json) == {"port": "Póvoa"}
    assert "Póvoa" in call.json


def test_arguments_that_come_twice_are_told_once():
    call = called('{"port": "Porto"}', input={"port": "Porto"})
    assert (call.input, call.json) == ({"port": "Porto"}, '{"port": "Porto"}')


@pytest.mark.parametrize("input", [None, {}, ""])
def test_an_input_that_is_not_there_is_empty(input: Any):
    assert called(input=input).input == {}


def test_an_input_in_words_is_read():
    assert called(input='{"port": "Porto"}').input == {"port": "Porto"}


@pytest.mark.parametrize("input", ["Porto", '{"port": "Por', ["Porto"], 7])
def test_an_input_that_is_no_object_makes_no_call(input: Any):
    """A whole reply that was cut has half of it, and defaults must not take over."""
    assert called(input=input).input is None


@pytest.mark.parametrize("id", [None, "", 7])
def test_a_call_without_an_id_is_given_one(id: Any):
    blank = {**CALL, "id": id}
    deltas = streamed([start(), opened(blank), closed(), opened(blank, 1), closed(1)])
    check_grammar(deltas)
    first, second = blocks(deltas)
    assert first["id"] != second["id"]
    assert "r1" in first["id"]
    (nameless, *_) = streamed([opened(blank)])
    assert isinstance(nameless, ToolUseStarted)
    assert nameless.id


@pytest.mark.parametrize("name", [None, "", 7])
def test_a_call_without_a_name_is_none(name: Any):
    call = called('{"port": "Porto"}', name=name)
    assert (call.name, call.input, call.json) == ("", None, '{"port": "Porto"}')


def test_a_call_that_is_not_finished_ends_with_the_reply():
    events = [start(), opened(CALL), delta("input_json", '{"port": "Po')]
    deltas = streamed([*events, note("max_tokens")])
    check_grammar(deltas)
    assert broken(deltas) == [
        {"id": "c1", "name": "get_tide", "partial_json": '{"port": "Po'}
    ]


@pytest.mark.parametrize(
    ("reason", "usable"), [("max_tokens", False), ("tool_use", True), (None, True)]
)
@pytest.mark.parametrize("ends", [[closed(1)], []], ids=["ended", "open"])
def test_a_cut_call_of_which_nothing_was_heard_is_none(
    reason: str | None, usable: bool, ends: list[Any]
):
    """Before its first argument a call looks like one that takes none."""
    whole_call = [opened({**CALL, "id": "c0"}), closed()]
    events = [start(), *whole_call, opened(CALL, 1), *ends, note(reason), END]
    deltas = streamed(events)
    check_grammar(deltas)
    empty = {"id": "c1", "name": "get_tide", "partial_json": ""}
    assert broken(deltas) == ([] if usable else [empty])
    document = {
        "id": "r1",
        "model": "MiniMax-M3",
        "content": [{**CALL, "id": "c0"}, CALL],
        "stop_reason": reason,
    }
    assert broken(whole(document)) == broken(deltas)


# --- Replies: start and end ----------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "usages", "told"),
    [
        pytest.param(None, [None], None, id="nothing"),
        pytest.param({"input_tokens": 7}, [None], Usage(7, 0), id="only a start"),
        pytest.param(
            None,
            [{"input_tokens": 7, "output_tokens": 3}],
            Usage(7, 3),
            id="only an end",
        ),
        pytest.param(
            {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 1365},
            [
                {
                    "input_tokens": 1251,
                    "output_tokens": 3,
                    "cache_read_input_tokens": 114,
                }
            ],
            Usage(1251, 3, cache_read=114),
            id="a start that is wrong",
        ),
        pytest.param(
            {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 1365},
            [{"input_tokens": 1365, "output_tokens": 3}],
            Usage(1365, 3),
            id="a wrong start does not shine through",
        ),
        pytest.param(
            {"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 5},
            [{"output_tokens": 3}],
            Usage(7, 3, cache_read=5),
            id="an end without the input",
        ),
        pytest.param(
            {"input_tokens": 7},
            [{"input_tokens": None, "output_tokens": 3}],
            Usage(7, 3),
            id="an end with no input",
        ),
        pytest.param(
            {"input_tokens": 7, "output_tokens": 1},
            [{"input_tokens": 0, "output_tokens": 0}],
            Usage(7, 1),
            id="an end of zeros",
        ),
        pytest.param(
            {"input_tokens": 0, "output_tokens": 0, "service_tier": "standard"},
            [None],
            None,
            id="a start of zeros",
        ),
        pytest.param(
            None,
            [
                {"input_tokens": 7, "output_tokens": 3},
                {
                    "input_tokens": 0,
                    "service_tier": "standard",
                    "output_tokens_details": {"thinking_tokens": 0},
                },
            ],
            Usage(7, 3),
            id="zeros and a tier",
        ),
        pytest.param(
            None,
            [{"input_tokens": 7, "output_tokens": 3}, {}, {"output_tokens": 0}],
            Usage(7, 3),
            id="an empty afterthought",
        ),
        pytest.param(
            None,
            [{"input_tokens": 7, "output_tokens": 1}, {"output_tokens": 3}],
            Usage(7, 3),
            id="two ends",
        ),
        pytest.param(
            None,
            [
                {
                    "input_tokens": 0,
                    "output_tokens": 259,
                    "cache_creation_input_tokens": 21,
                    "cache_read_input_tokens": 36,
                    "output_tokens_details": {"thinking_tokens": 200},
                }
            ],
            Usage(0, 259, cache_read=36, cache_creation=21, reasoning=200),
            id="all there is",
        ),
        pytest.param(
            None,
            [
                {
                    "input_tokens": 7,
                    "output_tokens": 3,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "output_tokens_details": {"thinking_tokens": 0},
                }
            ],
            Usage(7, 3, cache_read=0, cache_creation=0, reasoning=0),
            id="zero is not nothing",
        ),
        pytest.param(
            None,
            [
                {
                    "input_tokens": "7",
                    "output_tokens": 3,
                    "cache_read_input_tokens": -1,
                    "cache_creation_input_tokens": [2],
                    "output_tokens_details": 200,
                }
            ],
            Usage(0, 3),
            id="figures that are none",
        ),
        pytest.param("7", [7, [7]], None, id="no figures at all"),
    ],
)
def test_the_last_honest_figures_win(
    started: Any, usages: list[Any], told: Usage | None
):
    notes = [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
        for usage in usages
    ]
    assert last(streamed([start(usage=started), *notes, END])).usage == told


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"service_tier": "priority"}, {}),
        ({"usage": {"service_tier": "priority"}}, {}),
        ({}, {"service_tier": "priority"}),
        ({"service_tier": "standard"}, {"service_tier": "priority"}),
        ({"service_tier": "priority"}, {"service_tier": None}),
    ],
)
def test_the_service_tier_may_stand_in_many_places(
    message: dict[str, Any], usage: dict[str, Any]
):
    stopped = last(streamed([start(**message), note("end_turn", **usage), END]))
    assert stopped.service_tier == "priority"
    document = {"content": [], "usage": {**message.get("usage", {}), **usage}}
    assert last(whole({**message, **document})).service_tier == "priority"


def test_a_second_start_does_not_begin_another_reply():
    deltas = streamed(
        [
            start(usage={"input_tokens": 7}),
            opened({"type": "text", "text": "a"}),
            start(id="r2", usage={"input_tokens": 9}),
            delta("text", "b"),
            note("end_turn", output_tokens=3),
        ]
    )
    check_grammar(deltas)
    assert deltas[0] == Started("r1", "MiniMax-M3")
    assert blocks(deltas) == [{"type": "text", "text": "ab"}]
    assert last(deltas).usage == Usage(9, 3)


@pytest.mark.parametrize("message", [{}, {"id": None, "model": None}, {"id": 7}])
def test_a_reply_need_not_name_itself(message: dict[str, Any]):
    nameless = {"type": "message_start", "message": message}
    assert streamed([nameless, nameless]) == [Started("", None), Stopped(None)]


@pytest.mark.parametrize(
    "reasons", [["tool_use"], ["tool_use", None], [None, "tool_use"]]
)
def test_a_stop_reason_stays(reasons: list[str | None]):
    assert last(streamed(note(reason) for reason in reasons)).stop_reason == "tool_use"


@pytest.mark.parametrize("reason", [None, "", 7, []])
def test_without_a_stop_reason_only_the_end_completes_a_reply(reason: Any):
    decoder = anthropic.decoder()
    decoder.feed(ServerSentEvent("", json.dumps(note(reason)).encode()))
    assert not decoder.complete
    decoder.feed(ServerSentEvent("", b'{"type": "message_stop"}'))
    assert decoder.complete


def test_figures_of_the_start_do_not_end_a_reply():
    decoder = anthropic.decoder()
    counted = start(usage={"input_tokens": 7, "output_tokens": 1})
    for event in (counted, note("end_turn")):
        decoder.feed(ServerSentEvent("", json.dumps(event).encode()))
    assert (decoder.complete, decoder.ended) == (True, False)
    decoder.feed(ServerSentEvent("", json.dumps(note(output_tokens=3)).encode()))
    assert (decoder.complete, decoder.ended) == (True, True)


@pytest.mark.parametrize("events", [[], [{"type": "ping"}]])
def test_an_end_without_a_beginning_completes_nothing(events: list[Any]):
    decoder = anthropic.decoder()
    for event in [*events, END]:
        decoder.feed(ServerSentEvent("", json.dumps(event).encode()))
    assert (decoder.complete, decoder.ended) == (False, True)


def test_blocks_that_a_gateway_mixes_are_told_one_after_the_other():
    first, second = ({**CALL, "id": id, "name": id} for id in ("c1", "c2"))
    mixed = [
        opened(first, 0),
        opened(second, 1),
        delta("input_json", '{"port": ', 0),
        delta("input_json", '{"port": "Faro"}', 1),
        delta("input_json", '"Porto"}', 0),
        closed(1),
        closed(0),
    ]
    deltas = streamed([start(), *mixed, note("tool_use")])
    check_grammar(deltas)
    calls = [(one.id, one.input) for one in deltas if isinstance(one, ToolUseStopped)]
    assert calls == [("c1", {"port": "Porto"}), ("c2", {"port": "Faro"})]


MIXED = [
    [
        opened({"type": "thinking"}, 0),
        delta("thinking", "h", 0),
        delta("thinking", "m", 0),
        delta("signature", SIGNED, 0),
        closed(0),
    ],
    [
        opened({"type": "text", "text": "A"}, 1),
        delta("text", "ho", 1),
        delta("text", "y", 1),
        closed(1),
    ],
    [opened(CALL, 2), delta("input_json", '{"a":', 2), delta("input_json", "1}", 2)],
]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_blocks_are_the_same_however_a_gateway_mixes_them(data: st.DataObject):
    turns = data.draw(st.permutations([0] * 5 + [1] * 4 + [2] * 3))
    rest = [iter(events) for events in MIXED]
    deltas = streamed([start(), *(next(rest[turn]) for turn in turns), note()])
    check_grammar(deltas)
    order = sorted(range(3), key=turns.index)
    told = [
        {"type": "thinking", "thinking": "hm", "signature": SIGNED},
        {"type": "text", "text": "Ahoy"},
        {**CALL, "input": {"a": 1}},
    ]
    assert blocks(deltas) == [told[index] for index in order]


@pytest.mark.parametrize("kind", ["text", "thinking"])
def test_a_reply_that_names_itself_late_is_one_all_the_same(kind: str):
    deltas = streamed([delta(kind, "a"), start(), delta(kind, "b"), note()])
    check_grammar(deltas)
    assert blocks(deltas) == [{"type": kind, kind: "ab"}]


def test_blocks_that_wait_under_one_index_are_all_told():
    events = [
        opened({"type": "thinking", "thinking": "hm"}, 0),
        opened({"type": "text", "text": "Ahoy"}, 1),
        opened({**CALL, "input": {"a": 1}}, 1),
    ]
    assert blocks(streamed([start(), *events, note()])) == [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Ahoy"},
        {**CALL, "input": {"a": 1}},
    ]


def test_any_number_of_blocks_may_wait():
    text = {"type": "text", "text": "a"}
    waiting = [
        event for at in range(1, 1001) for event in (opened(text, at), closed(at))
    ]
    deltas = streamed([start(), opened(text, 0), *waiting, closed(0), note()])
    check_grammar(deltas)
    assert blocks(deltas) == [text] * 1001


@pytest.mark.parametrize("index", [[], {}, [0], "1", 1.5])
def test_an_index_may_be_anything(index: Any):
    text = [opened({"type": "text"}, 1), delta("text", "b", 1), closed(1)]
    odd = [opened({"type": "text"}, index), delta("text", "c", index), closed(index)]
    first = opened({"type": "text", "text": "a"}, 0)
    deltas = streamed([start(), first, *text, *odd, note()])
    check_grammar(deltas)
    assert "".join(block["text"] for block in blocks(deltas)) == "abc"


def test_arguments_with_a_strange_index_belong_to_the_open_call():
    events = [opened(CALL, 0), delta("input_json", '{"port": "Faro"}', 7), closed(0)]
    (call,) = (
        one
        for one in streamed([start(), *events, note("tool_use")])
        if isinstance(one, ToolUseStopped)
    )
    assert call.input == {"port": "Faro"}


# --- Replies: what is passed over, and what is refused -------------------------------


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ping"},
        {"type": "message", "content": [{"type": "text", "text": "again"}]},
        {"type": "message_summary"},
        {"type": None},
        {"type": ["message_stop"]},
        {},
        b"[DONE]",
    ],
)
def test_events_of_another_kind_are_passed_over(event: Any):
    known = [start(), opened({"type": "text"}), delta("text", "a"), note(), END]
    expected = streamed(known)
    for place in range(len(known) + 1):
        assert streamed([*known[:place], event, *known[place:]]) == expected


@pytest.mark.parametrize(("name", "data"), [("ping", b""), ("", b""), ("ping", b" ")])
def test_an_event_that_holds_nothing_is_passed_over(name: str, data: bytes):
    assert list(anthropic.decoder().feed(ServerSentEvent(name, data))) == []


@pytest.mark.parametrize(
    "data",
    [b"<html>", b"[]", b"null", b"7", b'{"type": ', rb'{"type": "\u', b"\xff"],
)
def test_what_is_no_event_is_quoted(data: bytes):
    with pytest.raises(MiniMaxResponseError, match="no event") as raised:
        streamed([data])
    assert repr(data.decode(errors="replace")) in str(raised.value)


def test_a_long_thing_that_is_no_event_is_quoted_in_part():
    with pytest.raises(MiniMaxResponseError) as raised:
        streamed([b"x" * 100_000])
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
            MiniMaxOverloadedError,
        ),
        ({"type": "overloaded_error", "message": "busy"}, MiniMaxOverloadedError),
        ({"error": {"message": "slow down (1002)"}}, MiniMaxRateLimitError),
        ({"base_resp": {"status_code": 1002}}, MiniMaxRateLimitError),
        (start(base_resp={"status_code": 1002}), MiniMaxRateLimitError),
        ({**note(), "base_resp": {"status_code": 1039}}, MiniMaxInvalidRequestError),
    ],
)
@pytest.mark.parametrize("name", ["error", ""])
def test_an_event_may_report_a_failure(
    event: dict[str, Any], kind: type[MiniMaxError], name: str
):
    with pytest.raises(MiniMaxError) as raised:
        anthropic.decoder().feed(ServerSentEvent(name, json.dumps(event).encode()))
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "error": {"type": "overloaded_error"}},
        {"type": "error"},
    ],
)
@pytest.mark.parametrize("name", ["error", ""])
def test_an_error_without_words_is_an_error_all_the_same(
    event: dict[str, Any], name: str
):
    with pytest.raises(MiniMaxError):
        anthropic.decoder().feed(ServerSentEvent(name, json.dumps(event).encode()))


def test_an_error_event_of_no_known_form_is_quoted():
    with pytest.raises(MiniMaxResponseError, match="潮"):
        anthropic.decoder().feed(ServerSentEvent("error", '{"odd": "潮"}'.encode()))


@pytest.mark.parametrize("content", [None, "Ahoy", {}, 7, ...])
def test_a_whole_reply_without_blocks_is_no_reply(content: Any):
    document = {"id": "r1"} | ({} if content is ... else {"content": content})
    with pytest.raises(MiniMaxResponseError, match="no content array"):
        whole(document)


def test_a_whole_reply_is_complete():
    decoder = anthropic.decoder()
    decoder.whole({"content": []})
    assert (decoder.complete, decoder.ended) == (True, True)


def test_a_whole_reply_may_report_a_failure():
    with pytest.raises(MiniMaxRateLimitError):
        whole({"content": [], "base_resp": {"status_code": 1002}})


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


def document(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


USAGES = document(input_tokens=ANY, output_tokens=ANY, output_tokens_details=ANY)
BLOCKS = document(
    type=field("text", "thinking", "tool_use", "server_tool_use"),
    text=field("a"),
    thinking=field("hm"),
    signature=field("5a84"),
    id=field("c1"),
    name=field("get_tide"),
    input=field({}, {"a": 1}),
)
DELTAS = document(
    type=field("text_delta", "thinking_delta", "signature_delta", "input_json_delta"),
    text=field("a"),
    thinking=field("hm"),
    signature=field("5a84"),
    partial_json=field("{}", '{"a": '),
    stop_reason=field("end_turn"),
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
                "ping",
            ]
        )
    },
    optional={
        "index": st.sampled_from([0, 1, 2]) | ANY,
        "message": document(id=field("r1"), model=field("M"), usage=USAGES) | ANY,
        "content_block": BLOCKS | ANY,
        "delta": DELTAS | ANY,
        "usage": USAGES | ANY,
    },
)


def understand_or_refuse(events: Sequence[Any]) -> None:
    try:
        deltas = streamed(events)
    except MiniMaxError:
        return
    check_grammar([one for one in deltas if not isinstance(one, Started)])


@given(st.lists(EVENTS, max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_events_are_understood_or_refused(events: list[dict[str, Any]]):
    understand_or_refuse(events)


@given(
    document(
        id=field("r1"),
        content=st.lists(BLOCKS | ANY, max_size=4) | ANY,
        usage=USAGES | ANY,
        stop_reason=field("end_turn"),
        base_resp=ANY,
        error=ANY,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_document_is_understood_or_refused(document: dict[str, Any]):
    try:
        deltas = whole(document)
    except MiniMaxError:
        return
    check_grammar(deltas)


@pytest.mark.parametrize("one", samples(stream=True), ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_captured_stream_that_was_damaged_is_understood_or_refused(
    one: Sample, data: st.DataObject
):
    events = [json.loads(event.data) for event in captured(one)]
    part = data.draw(st.sampled_from(events))
    inner = [value for value in part.values() if isinstance(value, dict) and value]
    part = data.draw(st.sampled_from([part, *inner]))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(ANY)
    understand_or_refuse(events)


def test_however_deep_an_event_is_it_is_understood_or_refused():
    call = json.dumps(opened({**CALL, "input": {"deep": "?"}}))
    failed = json.dumps({"error": {"message": "no"}, "deep": "?"})
    index = json.dumps(delta("text", "é", {"deep": "?"}))
    for template in (call, failed, failed.replace("no", r"\u00e9"), index):
        for depth in range(1, 1200):
            deep = template.replace('"?"', "[" * depth + "]" * depth).encode()
            understand_or_refuse([deep])
