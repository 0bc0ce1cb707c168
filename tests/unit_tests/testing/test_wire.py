"""The shape of replies, as recorded on 2026-09-29 and before."""

import json
import re
from typing import Any

import pytest

from langchain_minimax.testing import (
    Fault,
    Quirks,
    Raw,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from langchain_minimax.testing._wire import render

CALLING = Reply(
    [
        Thinking("The user wants me to look up the rain in Oslo.", "5e" * 32),
        ToolUse("get_rain", {"city": "Oslo"}, "call_0123456789abcdef01234567"),
    ]
)
USAGE = {"input_tokens", "output_tokens", "cache_read_input_tokens", "service_tier"}


def body(**fields: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": "What about the rain in Oslo?"}]
    return {"model": "minimax-m3", "messages": turns, **fields}


def whole(reply: Any, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    rendered = render(reply, body(**fields), quirks or Quirks())
    assert rendered.content_type == "application/json; charset=utf-8"
    [piece] = rendered.steps
    loaded: dict[str, Any] = json.loads(piece)
    return loaded


def stream(reply: Any, quirks: Quirks | None = None, **fields: Any) -> list[Any]:
    rendered = render(reply, body(stream=True, **fields), quirks or Quirks())
    assert rendered.content_type == "text/event-stream; charset=utf-8"
    events = []
    for frame in rendered.steps:
        found = re.fullmatch(rb"(?:event: (\w+)\n)?data: (.*)\n\n", frame)
        assert found, frame
        event = json.loads(found[2])
        assert found[1] is None or found[1].decode() in (event["type"], "error")
        events.append(event)
    return events


def deltas(events: list[Any]) -> list[Any]:
    return [e["delta"] for e in events if e["type"] == "content_block_delta"]


def names(events: list[Any]) -> list[str]:
    return [event["type"] for event in events]


def test_a_whole_reply_has_the_captured_keys_in_order():
    reply = whole(CALLING)

    keys = ["id", "type", "role", "model", "content", "usage", "stop_reason"]
    assert list(reply) == keys
    assert re.fullmatch("[0-9a-f]{32}", reply["id"])
    assert reply["model"] == "MiniMax-M3"
    assert reply["stop_reason"] == "tool_use"
    thinking, call = reply["content"]
    assert list(thinking) == ["thinking", "signature", "type"]
    assert list(call) == ["type", "id", "name", "input"]
    assert call["input"] == {"city": "Oslo"}


def test_a_stream_is_the_recorded_one_to_the_byte():
    reply = Reply(
        CALLING.blocks,
        usage={"input_tokens": 239, "output_tokens": 68, "service_tier": "standard"},
    )
    rendered = render(reply, body(stream=True), Quirks())

    sent = b"".join(step for step in rendered.steps if isinstance(step, bytes))
    assert sent.decode().replace(rendered.id, "ID") == (
        "event: message_start\n"
        'data: {"type":"message_start","message":{"id":"ID","type":"message",'
        '"role":"assistant","content":[],"model":"MiniMax-M3","stop_reason":null,'
        '"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0,'
        '"service_tier":"standard"},"service_tier":"standard"}}\n\n'
        "event: ping\n"
        'data: {"type":"ping"}\n\n'
        "event: content_block_start\n"
        'data: {"type":"content_block_start","index":0,'
        '"content_block":{"type":"thinking","thinking":""}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"thinking_delta","thinking":"The user wants me"}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"thinking_delta","thinking":" to look up the"}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"thinking_delta","thinking":" rain in Oslo"}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"thinking_delta","thinking":"."}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,'
        f'"delta":{{"type":"signature_delta","signature":"{"5e" * 32}"}}}}\n\n'
        "event: content_block_stop\n"
        'data: {"type":"content_block_stop","index":0}\n\n'
        "event: content_block_start\n"
        'data: {"type":"content_block_start","index":1,"content_block":'
        '{"type":"tool_use","id":"call_0123456789abcdef01234567",'
        '"name":"get_rain","input":{}}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":1,'
        '"delta":{"type":"input_json_delta",'
        '"partial_json":"{\\"city\\":\\"Oslo\\"}"}}\n\n'
        "event: content_block_stop\n"
        'data: {"type":"content_block_stop","index":1}\n\n'
        "event: message_delta\n"
        'data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},'
        '"usage":{"input_tokens":239,"output_tokens":68,"service_tier":"standard"}}\n\n'
        "event: message_stop\n"
        'data: {"type":"message_stop"}\n\n'
    )


def test_usage_is_plausible_and_leaves_out_what_was_cached():
    long = [{"role": "user", "content": "Rain? " * 1000}]
    usage = whole(CALLING, messages=long)["usage"]

    assert set(usage) == USAGE | {"output_tokens_details"}
    assert 1000 < usage["input_tokens"] + usage["cache_read_input_tokens"] < 2000
    assert usage["cache_read_input_tokens"] % 64 == 0
    assert (
        0 < usage["output_tokens_details"]["thinking_tokens"] < usage["output_tokens"]
    )
    assert set(whole("Hello")["usage"]) == USAGE


def test_the_bytes_of_an_image_are_not_billed_as_text():
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}
    turns = [{"role": "user", "content": [{"type": "image", "source": source}]}]

    assert whole("Hello", messages=turns)["usage"]["input_tokens"] < 100


def test_stop_reason_and_service_tier_follow_the_script_and_the_request():
    assert whole("Hello")["stop_reason"] == "end_turn"
    assert (
        whole(Reply(["x"][:0], stop_reason="max_tokens"))["stop_reason"] == "max_tokens"
    )
    start, *_, delta, _ = stream("Hello", service_tier="priority")
    assert start["message"]["service_tier"] == "priority"
    assert delta["usage"]["service_tier"] == "priority"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_delta_size_is_kept(size):
    call = ToolUse("f", {"city": "Ærø"})
    parts = deltas(stream(Reply([Thinking("Ümläute hier"), call], delta_size=size)))

    thought = [part["thinking"] for part in parts if "thinking" in part]
    given = [part["partial_json"] for part in parts if "partial_json" in part]
    assert "".join(thought) == "Ümläute hier"
    assert json.loads("".join(given)) == {"city": "Ærø"}
    assert {len(piece) for piece in thought[:-1]} <= {size}


@pytest.mark.parametrize("fine", [True, False])
@pytest.mark.parametrize(
    "text", ["", "x", "  two  spaces \n\n", "你好啊集团" * 40, "words and words " * 20]
)
def test_deltas_lose_nothing(text, fine):
    parts = deltas(stream(Reply([Text(text)]), Quirks(fine_deltas=fine)))

    assert "".join(part["text"] for part in parts) == text
    assert all(part["text"] for part in parts)


def test_deltas_are_fine_by_default_and_can_be_coarse():
    text = "The user wants a great many words about the rain. " * 4

    fine = deltas(stream(text))
    coarse = deltas(stream(text, Quirks(fine_deltas=False)))

    assert max(len(part["text"]) for part in fine) < 40
    assert coarse[0]["text"] == "The user"
    assert max(len(part["text"]) for part in coarse) > 50


def test_signatures_can_be_given_empty_or_absent():
    reply = Reply(
        [Thinking("a"), Thinking("b", "5e"), Thinking("c", ""), Thinking("d", False)]
    )

    signatures = [block.get("signature") for block in whole(reply)["content"]]
    assert re.fullmatch("[0-9a-f]{64}", signatures[0])
    assert signatures[1:] == ["5e", "", None]
    streamed = [
        part["signature"] for part in deltas(stream(reply)) if "signature" in part
    ]
    assert streamed[1:] == ["5e", ""]


@pytest.mark.parametrize(
    ("given", "whole_input"), [('{"a": 1}', {"a": 1}), ('{"a": ', '{"a": ')]
)
def test_tool_input_may_be_sent_as_it_is(given, whole_input):
    reply = Reply([ToolUse("f", given)])

    assert whole(reply)["content"][0]["input"] == whole_input
    assert [part["partial_json"] for part in deltas(stream(reply))] == [given]


def test_plain_dicts_are_sent_as_they_are():
    block = {"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}}
    reply = Reply([block])

    assert whole(reply)["content"] == [block]
    starts = [e for e in stream(reply) if e["type"] == "content_block_start"]
    assert starts[0]["content_block"] == block


def test_ids_and_tool_ids_have_a_style():
    old = Quirks(ids="clock", tool_ids="call_function_")
    reply = Reply([ToolUse("f"), ToolUse("g")])

    ids = [block["id"] for block in whole(reply, old)["content"]]
    assert re.fullmatch(r"call_function_[a-z0-9]{12}_1", ids[0])
    assert re.fullmatch(r"call_function_[a-z0-9]{12}_2", ids[1])
    assert int(whole(reply, old)["id"][:8], 16) > 0x06000000
    [new, _] = [block["id"] for block in whole(reply)["content"]]
    assert re.fullmatch(r"call_[0-9a-f]{24}", new)


@pytest.mark.parametrize(
    ("quirk", "missing"),
    [({"ping": False}, "ping"), ({"message_stop": False}, "message_stop")],
)
def test_events_can_be_missing(quirk, missing):
    assert missing in names(stream("Hello"))
    assert missing not in names(stream("Hello", Quirks(**quirk)))


def test_start_usage_can_lie():
    def start(kind: Any) -> dict[str, Any]:
        usage: dict[str, Any] = stream("Hi", Quirks(start_usage=kind))[0]["message"][
            "usage"
        ]
        return usage

    final = whole("Hi")["usage"]
    prompt = final["input_tokens"] + final["cache_read_input_tokens"]
    assert start("zeros") == {
        "input_tokens": 0,
        "output_tokens": 0,
        "service_tier": "standard",
    }
    assert start("bogus")["cache_read_input_tokens"] == prompt
    assert start("bogus")["input_tokens"] == 0
    assert start("truth") == {**final, "output_tokens": 0}


def test_the_older_usage_has_four_keys():
    usage = whole(CALLING, Quirks(delta_usage_details=False))["usage"]

    assert list(usage) == [
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    ]


def test_quirks_of_the_content():
    spoken = Reply([Thinking("Hm."), Text("Hello"), Text("again")])
    told = whole(spoken, Quirks(leading_newlines=True))["content"]
    assert [block.get("text") for block in told] == [None, "\n\nHello", "again"]

    unsigned = Quirks(signature_in_stream=False)
    assert not any("signature" in part for part in deltas(stream(CALLING, unsigned)))
    assert "signature" in whole(CALLING, unsigned)["content"][0]

    opened = deltas(stream(CALLING, Quirks(empty_first_json_delta=True)))
    given = [part["partial_json"] for part in opened if "partial_json" in part]
    assert given == ["", '{"city":"Oslo"}']

    leaked = whole(CALLING, Quirks(xml_tool_leak=True))
    assert leaked["stop_reason"] == "end_turn"
    assert leaked["content"][1]["text"] == (
        '<minimax:tool_call>\n  <invoke name="get_rain">\n'
        '    <parameter name="city">Oslo</parameter>\n'
        "  </invoke>\n</minimax:tool_call>"
    )

    empty = Quirks(empty_content=True)
    assert whole("Hello", empty)["content"] == []
    assert whole("Hello", empty)["usage"]["output_tokens"] == 1
    assert whole("Hello", empty, thinking={"type": "adaptive"})["content"]


def test_quirks_of_the_envelope():
    fine = whole("Hello", Quirks(base_resp_on_success=True))
    assert fine["base_resp"] == {"status_code": 0, "status_msg": "success"}
    failed = Reply([], base_resp={"status_code": 1008, "status_msg": "no money"})
    assert whole(failed)["base_resp"]["status_code"] == 1008
    assert stream(failed)[-2]["base_resp"]["status_code"] == 1008

    rendered = render("Hello", body(stream=True), Quirks(summary_event=True))
    assert rendered.steps[-1].startswith(b'data: {"id":')
    assert b'"type":"message"' in rendered.steps[-1]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (
            "reasoning",
            [
                {"thinking": "A greeting, then.", "type": "thinking"},
                {"text": "Hello.", "type": "text"},
            ],
        ),
        (
            "append_think",
            [{"text": "<think>A greeting, then.\n</think>\n\nHello.", "type": "text"}],
        ),
        (
            "append_mm_think",
            [{"text": "<mm:think>A greeting, then.</mm:think>Hello.", "type": "text"}],
        ),
    ],
)
def test_engines_have_another_wire(kind, content):
    quirks = Quirks(self_hosted=kind)
    reply = Reply([Thinking("A greeting, then.", "5e" * 32), Text("Hello.")])

    told = whole(reply, quirks, service_tier="priority")
    assert told["content"] == content
    assert re.fullmatch("msg_[0-9a-f]{24}", told["id"])
    assert set(told["usage"]) == {"input_tokens", "output_tokens"}

    *frames, done = render(reply, body(stream=True), quirks).steps
    assert done == b"data: [DONE]\n\n"
    events = [json.loads(frame.split(b"data: ")[1]) for frame in frames]
    assert names(events)[0] == "message_start"
    assert names(events)[-2:] == ["message_delta", "message_stop"]
    assert "ping" not in names(events)
    assert not any("signature" in delta for delta in deltas(events))
    start = events[0]["message"]
    assert "service_tier" not in start
    assert start["usage"] == {
        "input_tokens": told["usage"]["input_tokens"],
        "output_tokens": 0,
    }
    assert "[DONE]" not in str(render(reply, body(stream=True), Quirks()).steps)


@pytest.mark.parametrize("kind", ["append_think", "append_mm_think"])
def test_engines_leave_thinking_in_the_text_behind_it(kind):
    mark = "mm:think" if kind == "append_mm_think" else "think"
    blocks = [Thinking("A"), Thinking("B"), Text("C"), Thinking("D"), ToolUse("f")]
    first, second, call, *rest = whole(
        Reply([*blocks, Thinking("E")]), Quirks(self_hosted=kind)
    )["content"]

    assert re.sub(r"\n", "", first["text"]) == (
        f"<{mark}>A</{mark}><{mark}>B</{mark}>C"
    )
    assert re.sub(r"\n", "", second["text"]) == f"<{mark}>D</{mark}>"
    assert re.fullmatch("chatcmpl-tool-[0-9a-f]{32}", call["id"])
    assert [re.sub(r"\n", "", b["text"]) for b in rest] == [f"<{mark}>E</{mark}>"]


def test_errors_are_said_as_captured():
    rendered = render(Fault.error(2064, retry_after=1.5), body(), Quirks())

    [piece] = rendered.steps
    said = json.loads(piece)
    assert list(said) == ["type", "error", "request_id"]
    assert said["type"] == "error"
    assert list(said["error"]) == ["type", "message"]
    assert said["error"]["type"] == "overloaded_error"
    assert said["error"]["message"].endswith("(2064) (529)")
    assert said["request_id"] == rendered.id
    assert rendered.status == 529
    assert rendered.headers == {"retry-after": "1.5"}


def test_errors_can_hide_behind_200():
    rendered = render(Fault.ok_with_base_resp(1008), body(stream=True), Quirks())

    assert rendered.status == 200
    [piece] = rendered.steps
    assert json.loads(piece) == {
        "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}
    }


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("after", ["start", "content"])
def test_error_events_end_a_stream(after, wrapped):
    events = stream(Fault.error_event(after, wrapped=wrapped, reply="Hello there"))

    before = ["message_start", "ping"]
    if after == "content":
        before += ["content_block_start", "content_block_delta"]
    assert names(events[:-1]) == before
    error = events[-1]["error"] if wrapped else events[-1]
    assert error["type"] == "overloaded_error"
    assert "(2064)" in error["message"]


def test_error_events_are_plain_errors_without_a_stream():
    assert render(Fault.error_event(), body(), Quirks()).status == 529


def test_raw_bytes_are_cut_where_told():
    raw = Raw("data: ä\n\n", 202, {"x-a": "b"}, "text/x", pieces=[2, 7])

    rendered = render(raw, body(), Quirks())

    assert rendered.steps == [b"da", b"ta: \xc3", b"\xa4\n\n"]
    assert (rendered.status, rendered.content_type) == (202, "text/x")
    assert rendered.headers == {"x-a": "b"}
    assert render(Raw(b""), body(), Quirks()).steps == [b""]


@pytest.mark.parametrize(
    ("at", "before", "after"), [(0, b"", b"abc"), (2, b"ab", b"c"), (9, b"abc", b"")]
)
def test_cuts_fall_on_their_byte(at, before, after):
    cut = Fault.cut(at, Raw("abc"))

    assert render(cut, body(), Quirks()).steps == [before, cut, after]


def test_cuts_can_come_before_everything():
    cut = Fault.cut(reply=Raw("abc"))

    assert render(cut, body(), Quirks()).steps == [cut, b"abc"]


def test_text_is_never_escaped_but_lone_surrogates_are_replaced():
    [piece] = render(Reply([Text("你好 \ud83d")]), body(), Quirks()).steps

    assert "你好 ?" in piece.decode()


@pytest.mark.parametrize("blocks", ["hello", [4711], ["hello"]])
def test_a_reply_is_made_of_blocks(blocks):
    with pytest.raises(TypeError, match="made of blocks"):
        Reply(blocks)
