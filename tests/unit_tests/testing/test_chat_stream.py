"""The streams of `/v1/chat/completions`, as recorded on 2026-09-07 and before."""

import json
from itertools import accumulate
from typing import Any

import pytest

from langchain_minimax.testing import Quirks, Reply, Text, Thinking, ToolUse
from langchain_minimax.testing._chat_wire import render_chat

THOUGHT = "The user wants me to look up the rain in Oslo."
CALLING = Reply(
    [
        Thinking(THOUGHT),
        ToolUse("get_rain", {"city": "Oslo"}, "call_0123456789abcdef01234567"),
    ],
    usage={"input_tokens": 428, "output_tokens": 75},
)
ANSWER = Reply([Thinking("A greeting."), Text("Hello, how are you today?")])
PARALLEL = Reply(
    [
        Text("Both."),
        ToolUse("rain", {"city": "Oslo"}, "c1"),
        ToolUse("snow", {"city": "Bergen"}, "c2"),
    ]
)
COUNT: dict[str, Any] = {"stream_options": {"include_usage": True}}


def frames(reply: Any, quirks: Quirks | None = None, **fields: Any) -> list[Any]:
    body = {
        "model": "MiniMax-M3",
        "messages": [{"role": "user", "content": "What about the rain in Oslo?"}],
        "stream": True,
        "reasoning_split": True,
        **fields,
    }
    rendered = render_chat(reply, body, quirks or Quirks())
    assert rendered.content_type == "text/event-stream; charset=utf-8"
    return list(rendered.steps)


def stream(reply: Any, quirks: Quirks | None = None, **fields: Any) -> list[Any]:
    events = []
    for frame in frames(reply, quirks, **fields):
        assert frame.startswith(b"data: {")
        assert frame.endswith(b"}\n\n")
        events.append(json.loads(frame.removeprefix(b"data: ")))
    return events


def deltas(events: list[Any]) -> list[Any]:
    return [c["delta"] for e in events for c in e["choices"] if "delta" in c]


def told(events: list[Any], field: str) -> list[str]:
    return [delta[field] for delta in deltas(events) if field in delta]


def fragments(events: list[Any]) -> list[Any]:
    return [call for calls in told(events, "tool_calls") for call in calls]


def reasons(events: list[Any]) -> list[Any]:
    return [c.get("finish_reason") for e in events for c in e["choices"]]


def test_a_stream_is_the_recorded_one_to_the_byte():
    sent = frames(CALLING, **COUNT)

    first = json.loads(sent[0].removeprefix(b"data: "))
    id, created = first["id"], first["created"]
    wire = b"".join(sent).decode()
    wire = wire.replace(id, "ID").replace(f'"created":{created}', '"created":1')
    before = 'data: {"id":"ID","choices":[{"index":0,"delta":{"role":"assistant"'
    after = (
        '"created":1,"model":"MiniMax-M3","object":"chat.completion.chunk",'
        '"usage":null,"service_tier":"standard"}\n\n'
    )

    def reasoning(text: str) -> str:
        return (
            f'"reasoning_content":"{text}","reasoning_details":[{{"type":'
            '"reasoning.text","id":"reasoning-text-1","format":"MiniMax-response-v1",'
            f'"index":0,"text":"{text}"}}]}}}}],{after}'
        )

    assert wire == (
        f"{before}}}}}],{after}"
        f"{before},{reasoning('The user wants me')}"
        f"{before},{reasoning(' to look up the')}"
        f"{before},{reasoning(' rain in Oslo')}"
        'data: {"id":"ID","choices":[{"finish_reason":"tool_calls","index":0,'
        '"delta":{"content":"","role":"assistant","tool_calls":[{"id":'
        '"call_0123456789abcdef01234567","type":"function","function":{"name":'
        '"get_rain","arguments":"{\\"city\\":\\"Oslo\\"}"},"index":0}],'
        f"{reasoning('.')}"
        'data: {"id":"ID","choices":[],"created":1,"model":"MiniMax-M3",'
        '"object":"chat.completion.chunk","usage":{"total_tokens":503,'
        '"total_characters":0,"prompt_tokens":428,"completion_tokens":75},'
        '"service_tier":"standard","base_resp":{"status_code":0,"status_msg":""}}\n\n'
    )


def test_an_answer_follows_its_thinking_as_recorded():
    first, *thoughts, hello, last = deltas(stream(ANSWER))

    assert first == {"role": "assistant"}
    assert [d.get("reasoning_content") for d in thoughts] == ["A greeting."]
    # The last thought comes beside an empty content.
    assert thoughts[-1]["content"] == ""
    assert hello == {"content": "Hello, how are", "role": "assistant"}
    assert last == {"content": " you today?", "role": "assistant"}
    assert reasons(stream(ANSWER)) == [None, None, None, "stop"]


def test_a_reply_of_nothing_still_ends():
    events = stream(Reply([]))

    assert told(events, "content") == [""]
    assert reasons(events) == [None, "stop"]


@pytest.mark.parametrize("model", ["MiniMax-M3", "MiniMax-M2.7"])
def test_the_marks_of_thinking_come_whole_and_not_alone(model):
    events = stream(ANSWER, model=model, reasoning_split=False)

    gap = "\n\n" if model == "MiniMax-M2.7" else "\n"
    assert told(events, "content") == [
        "<think>\nA greeting.",
        f"\n</think>{gap}Hello, how are",
        " you today?",
    ]


def test_small_deltas_cut_the_marks_too():
    events = stream(Reply(ANSWER.blocks, delta_size=3), reasoning_split=False)

    pieces = told(events, "content")
    assert pieces[:3] == ["<th", "ink", ">\nA"]
    assert "".join(pieces) == (
        "<think>\nA greeting.\n</think>\nHello, how are you today?"
    )


def test_usage_is_told_to_whoever_asks():
    assert [event["usage"] for event in stream("Hello")] == [None, None]
    # All that tells of it is the last chunk, which has no choice.
    *others, last = stream("Hello", **COUNT)
    assert [event["usage"] for event in others] == [None, None]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 1


def test_usage_has_several_places():
    beside = stream("Hello", Quirks(chat_usage="last chunk"), **COUNT)
    assert reasons(beside) == [None, "stop"]
    assert beside[0]["usage"] is None
    assert beside[-1]["usage"]["total_tokens"] > 0
    assert beside[-1]["base_resp"]["status_code"] == 0

    never = stream("Hello", Quirks(chat_usage="none"), **COUNT)
    assert [event["usage"] for event in never] == [None, None]
    assert "base_resp" not in never[-1]


@pytest.mark.parametrize("fields", [{}, COUNT])
def test_a_last_event_may_tell_everything_again(fields):
    *chunks, summary = stream(CALLING, Quirks(chat_summary=True), **fields)

    nothing = {"total_tokens": 0, "total_characters": 0}
    assert all(chunk["usage"] == nothing for chunk in chunks)
    assert reasons(chunks)[-1] == "tool_calls"
    assert summary["object"] == "chat.completion"
    assert summary["id"] == chunks[0]["id"]
    [choice] = summary["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["reasoning_content"] == THOUGHT
    assert choice["message"]["tool_calls"] == fragments(chunks)
    assert summary["usage"]["total_tokens"] == 503
    assert summary["base_resp"] == {"status_code": 0, "status_msg": ""}


def test_done_may_be_said():
    assert frames("Hello")[-1] != b"data: [DONE]\n\n"
    assert frames("Hello", Quirks(chat_done=True))[-1] == b"data: [DONE]\n\n"


def test_the_envelope_of_the_summer():
    events = stream(ANSWER, Quirks(chat_envelope=True))

    for event in events:
        assert event["input_sensitive"] is event["output_sensitive"] is False
        assert event["output_sensitive_int"] == 0
    for delta in deltas(events):
        assert delta["name"] == "MiniMax AI"
        assert delta["audio_content"] == ""
    assert list(deltas(events)[1]) == [
        "content",
        "role",
        "name",
        "audio_content",
        "reasoning_content",
        "reasoning_details",
    ]
    assert not any("output_sensitive" in event for event in stream(ANSWER))


def test_flags_of_sensitive_content_are_raised_by_the_script():
    flags = {"output_sensitive": True, "output_sensitive_type": 6}
    events = stream(Reply([Text("Hm.")], "content_filter", sensitive=flags))

    for event in events:
        assert event["output_sensitive"] is True
        assert event["output_sensitive_type"] == 6
        assert event["input_sensitive"] is False
    assert reasons(events)[-1] == "content_filter"
    assert "name" not in deltas(events)[0]


def test_the_first_chunk_may_be_of_nobody():
    nobody, *others = stream("Hello", Quirks(chat_empty_role=True))

    assert "id" not in nobody
    assert nobody["choices"] == [
        {"index": 0, "delta": {"role": "", "reasoning_content": ""}}
    ]
    assert [event["choices"] for event in others] == [
        event["choices"] for event in stream("Hello")
    ]


def test_snapshots_repeat_all_that_came_before():
    reply = Reply([Thinking(THOUGHT), Text("Hello, how are you today?")])
    plain = stream(reply)
    grown = stream(reply, Quirks(chat_snapshots=True))

    for field in ("content", "reasoning_content"):
        assert told(grown, field) == list(accumulate(told(plain, field)))
    texts = [item["text"] for [item] in told(grown, "reasoning_details")]
    assert texts == told(grown, "reasoning_content")
    calls = stream(PARALLEL, Quirks(chat_snapshots=True))
    assert fragments(calls) == fragments(stream(PARALLEL))


@pytest.mark.parametrize("split", [True, False])
def test_thinking_may_be_said_twice(split):
    events = stream(ANSWER, Quirks(chat_thinks_twice=True), reasoning_split=split)

    assert "".join(told(events, "reasoning_content")) == "A greeting."
    assert "".join(told(events, "content")) == (
        "<think>\nA greeting.\n</think>\nHello, how are you today?"
    )
    # At once, not one after the other.
    both = deltas(events)[1]
    assert both["reasoning_content"] == "A greeting."
    assert both["content"] == "<think>\nA greeting."


def test_thinking_may_end_with_a_stray_mark_that_is_cut():
    events = stream(ANSWER, Quirks(chat_stray_close=True))

    assert told(events, "reasoning_content") == ["A greeting.", "\n</th", "ink>"]
    assert "</think>" not in "".join(told(events, "content"))
    inline = stream(ANSWER, Quirks(chat_stray_close=True), reasoning_split=False)
    assert "".join(told(inline, "content")).count("</think>") == 1


def test_parallel_calls_have_an_index_each():
    events = stream(PARALLEL)

    calls = fragments(events)
    assert [call["index"] for call in calls] == [0, 1]
    assert [call["id"] for call in calls] == ["c1", "c2"]
    same = fragments(stream(PARALLEL, Quirks(chat_same_index=True)))
    assert [call["index"] for call in same] == [0, 0]
    assert [call["id"] for call in same] == ["c1", "c2"]


@pytest.mark.parametrize("kind", ["indexed", "bare"])
def test_arguments_come_in_pieces(kind):
    first, *others, second, last, end = fragments(
        stream(PARALLEL, Quirks(chat_fragments=kind))
    )

    place: Any = {"index": 0} if kind == "indexed" else {}
    assert first == {
        "id": "c1",
        "type": "function",
        "function": {"name": "rain", "arguments": '{"city":'},
        "index": 0,
    }
    assert others == [{"function": {"arguments": '"Oslo"}'}, **place}]
    assert (second["id"], second["index"]) == ("c2", 1)
    pieces = [each["function"]["arguments"] for each in (second, last, end)]
    assert pieces == ['{"city":', '"Bergen"', "}"]
    assert "id" not in last
    assert last.get("index") == (1 if kind == "indexed" else None)


def test_pieces_can_be_of_any_size():
    small = Reply(PARALLEL.blocks, delta_size=5)
    pieces = [each["function"]["arguments"] for each in fragments(stream(small))]

    assert pieces == ['{"cit', 'y":"O', 'slo"}', '{"cit', 'y":"B', "ergen", '"}']


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("empty", "spelled"), [(False, "{}"), (True, "")])
def test_no_arguments_may_be_an_empty_string(streaming, empty, spelled):
    reply = Reply([ToolUse("now", {}), ToolUse("rain", {"mm": 3})])
    quirks = Quirks(chat_empty_arguments=empty)
    if streaming:
        calls = fragments(stream(reply, quirks))
    else:
        [step] = render_chat(
            reply, {"model": "MiniMax-M3", "messages": []}, quirks
        ).steps
        calls = json.loads(step)["choices"][0]["message"]["tool_calls"]

    assert [c["function"]["arguments"] for c in calls] == [spelled, '{"mm":3}']


def test_broken_arguments_are_streamed_as_they_are():
    broken = Reply([ToolUse("rain", '{"mm": ')], "max_tokens")

    assert fragments(stream(broken))[0]["function"]["arguments"] == '{"mm": '
    assert reasons(stream(broken))[-1] == "length"


def test_a_reply_that_failed_says_so_at_the_end():
    failed = Reply([Text("Hm.")], base_resp={"status_code": 1027, "status_msg": "no"})
    for fields in ({}, COUNT):
        assert stream(failed, **fields)[-1]["base_resp"]["status_code"] == 1027
    assert "base_resp" not in stream("Hm.")[-1]


@pytest.mark.parametrize(
    ("kind", "reasoning", "content"),
    [
        ("reasoning", "A greeting.", "Hello, how are you today?"),
        (
            "append_think",
            "",
            "<think>A greeting.\n</think>\n\nHello, how are you today?",
        ),
        (
            "append_mm_think",
            "",
            "<mm:think>A greeting.</mm:think>Hello, how are you today?",
        ),
    ],
)
def test_engines_stream_otherwise(kind, reasoning, content):
    *sent, done = frames(ANSWER, Quirks(self_hosted=kind), **COUNT)

    assert done == b"data: [DONE]\n\n"
    events = [json.loads(frame.removeprefix(b"data: ")) for frame in sent]
    assert "".join(told(events, "reasoning")) == reasoning
    assert "".join(told(events, "content")) == content
    for event in events:
        assert event["id"].startswith("chatcmpl-")
        assert not {"base_resp", "service_tier", "output_sensitive"} & event.keys()
    assert told(events, "reasoning_content") == told(events, "reasoning_details") == []
    assert set(events[-1]["usage"]) == {
        "total_tokens",
        "prompt_tokens",
        "completion_tokens",
    }
