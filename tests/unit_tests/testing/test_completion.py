"""The whole replies of `/v1/chat/completions`, as captured."""

import json
import re
from typing import Any

import pytest

from langchain_minimax.testing import Quirks, Reply, Text, Thinking, ToolUse
from langchain_minimax.testing._chat_wire import render_chat

CALLING = Reply(
    [
        Thinking("The user wants rain.", "5e" * 32),
        Text("I'll look."),
        ToolUse("rain", {"city": "Oslo"}, "c1"),
    ]
)


def rendered(reply: Any, quirks: Quirks | None = None, **fields: Any) -> Any:
    body = {
        "model": "minimax-m3",
        "messages": [{"role": "user", "content": "What about the rain in Oslo?"}],
        "reasoning_split": True,
        **fields,
    }
    return render_chat(reply, body, quirks or Quirks())


def whole(reply: Any, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    answer = rendered(reply, quirks, **fields)
    assert answer.content_type == "application/json; charset=utf-8"
    assert answer.status == 200
    [piece] = answer.steps
    loaded: dict[str, Any] = json.loads(piece)
    assert loaded["id"] == answer.id
    return loaded


def message(reply: Any, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    [choice] = whole(reply, quirks, **fields)["choices"]
    said: dict[str, Any] = choice["message"]
    return said


def test_a_completion_has_the_captured_keys_in_order():
    reply = whole(CALLING, Quirks(chat_envelope=True))

    assert list(reply) == [
        "id",
        "choices",
        "created",
        "model",
        "object",
        "usage",
        "input_sensitive",
        "output_sensitive",
        "input_sensitive_type",
        "output_sensitive_type",
        "output_sensitive_int",
        "service_tier",
        "base_resp",
    ]
    assert re.fullmatch("[0-9a-f]{32}", reply["id"])
    assert (reply["model"], reply["object"]) == ("MiniMax-M3", "chat.completion")
    [choice] = reply["choices"]
    assert list(choice) == ["finish_reason", "index", "message"]
    assert list(choice["message"]) == [
        "content",
        "role",
        "name",
        "tool_calls",
        "audio_content",
        "reasoning_content",
        "reasoning_details",
    ]
    [call] = choice["message"]["tool_calls"]
    assert call == {
        "id": "c1",
        "type": "function",
        "function": {"name": "rain", "arguments": '{"city":"Oslo"}'},
        "index": 0,
    }
    assert reply["base_resp"] == {"status_code": 0, "status_msg": ""}


def test_the_newest_have_no_names_and_no_flags():
    reply = whole(CALLING)

    assert not any("sensitive" in key for key in reply)
    assert not {"name", "audio_content"} & message(CALLING).keys()


@pytest.mark.parametrize(
    ("fields", "quirks", "content"),
    [
        ({}, {}, "<think>\nA greeting.\n</think>\nHello."),
        ({"model": "MiniMax-M2.5"}, {}, "<think>\nA greeting.\n</think>\n\nHello."),
        ({}, {"chat_thinks_twice": True}, "<think>\nA greeting.\n</think>\nHello."),
        ({"reasoning_split": True}, {}, "Hello."),
        ({"model": "MiniMax-M3.1-Flash"}, {}, "Hello."),
        ({}, {"self_hosted": "reasoning"}, "Hello."),
        ({}, {"self_hosted": "append_think"}, "<think>A greeting.\n</think>\n\nHello."),
        (
            {"reasoning_split": True},
            {"self_hosted": "append_mm_think"},
            "<mm:think>A greeting.</mm:think>Hello.",
        ),
    ],
)
def test_thinking_stands_in_the_content_or_beside_it(fields, quirks, content):
    reply = Reply([Thinking("A greeting."), Text("Hello.")])
    said = message(reply, Quirks(**quirks), **{"reasoning_split": False, **fields})

    beside = said.keys() & {"reasoning", "reasoning_content", "reasoning_details"}
    assert said["content"] == content
    if quirks.get("self_hosted") == "reasoning":
        assert said["reasoning"] == "A greeting."
        assert beside == {"reasoning"}
    elif "think" not in content or "chat_thinks_twice" in quirks:
        assert said["reasoning_content"] == "A greeting."
        assert beside == {"reasoning_content", "reasoning_details"}
    else:
        assert not beside


def test_only_thinking_has_marks():
    assert message("Hello.", reasoning_split=False)["content"] == "Hello."
    assert message("Hello.", Quirks(chat_thinks_twice=True))["content"] == "Hello."


def test_thoughts_and_texts_run_together():
    reply = Reply([Thinking("One."), Text("A"), Thinking("Two."), Text("B")])

    said = message(reply)
    assert said["content"] == "AB"
    assert said["reasoning_content"] == "One.Two."
    [detail] = said["reasoning_details"]
    assert detail["text"] == "One.Two."


def test_empty_content_is_left_out_beside_calls():
    assert "content" not in message(Reply([Thinking("Hm."), ToolUse("rain")]))
    assert message(Reply([Thinking("Hm.")]))["content"] == ""
    assert message(Reply([]))["content"] == ""


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, "tool_calls"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
    ],
)
def test_reasons_have_the_names_of_this_wire(reason, expected):
    [choice] = whole(Reply(CALLING.blocks, reason))["choices"]

    assert choice["finish_reason"] == expected


def test_flags_of_sensitive_content():
    flags = {"output_sensitive": True, "output_sensitive_type": 2}
    reply = whole(Reply([Text("Hm.")], sensitive=flags))

    assert (reply["output_sensitive"], reply["output_sensitive_type"]) == (True, 2)
    assert (reply["input_sensitive"], reply["input_sensitive_type"]) == (False, 0)


def test_a_reply_may_have_failed_after_all():
    failed = {"status_code": 1027, "status_msg": "output new_sensitive"}

    assert whole(Reply([Text("Hm.")], base_resp=failed))["base_resp"] == failed
    hosted = Quirks(self_hosted="reasoning")
    assert "base_resp" not in whole("Hm.", hosted)
    assert whole(Reply([], base_resp=failed), hosted)["base_resp"] == failed


def test_usage_includes_what_was_cached():
    long = [{"role": "user", "content": "Rain? " * 1000}]
    body = {"model": "MiniMax-M3", "messages": long}
    [piece] = render_chat(CALLING, body, Quirks(), 640).steps
    usage = json.loads(piece)["usage"]

    assert list(usage) == [
        "total_tokens",
        "total_characters",
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
    ]
    assert 1000 < usage["prompt_tokens"] < 2000
    assert usage["prompt_tokens_details"] == {"cached_tokens": 640}
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["total_tokens"] == total
    # What was not cached is not mentioned.
    assert "prompt_tokens_details" not in whole("Hi")["usage"]


@pytest.mark.parametrize(
    ("model", "told"), [("MiniMax-M2.7", True), ("MiniMax-M3", False)]
)
def test_m3_does_not_say_how_much_it_thought(model, told):
    usage = whole(CALLING, model=model)["usage"]

    details = usage.get("completion_tokens_details", {})
    assert details == ({"reasoning_tokens": 5} if told else {})


def test_the_script_counts_in_either_language():
    theirs = {"total_tokens": 9, "prompt_tokens": 8, "completion_tokens": 1}
    assert whole(Reply([Text("Hi")], usage=theirs))["usage"] == theirs

    ours = {
        "input_tokens": 21,
        "output_tokens": 393,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 60,
        "output_tokens_details": {"thinking_tokens": 300},
    }
    assert whole(Reply([Text("Hi")], usage=ours))["usage"] == {
        "total_tokens": 574,
        "total_characters": 0,
        "prompt_tokens": 181,
        "completion_tokens": 393,
        "completion_tokens_details": {"reasoning_tokens": 300},
        "prompt_tokens_details": {
            "cached_tokens": 60,
            "cache_creation_input_tokens": 100,
        },
    }
    assert whole(Reply([Text("Hi")], usage={}))["usage"]["total_tokens"] == 0


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("quirks", "fields", "thought"),
    [
        ({}, {}, "The user wants rain."),
        ({}, {"reasoning_split": False}, "The user wants rain."),
        ({"chat_thinks_twice": True}, {}, "The user wants rain."),
        ({"chat_stray_close": True}, {}, "The user wants rain.\n</think>"),
        ({"self_hosted": "append_think"}, {}, "The user wants rain."),
        ({"self_hosted": "append_mm_think"}, {}, "The user wants rain."),
        ({"self_hosted": "reasoning"}, {}, "The user wants rain."),
    ],
)
def test_what_was_said_is_written_down_as_blocks(streaming, quirks, fields, thought):
    answer = rendered(CALLING, Quirks(**quirks), **fields, stream=streaming)

    assert answer.content == [
        {"type": "thinking", "thinking": thought},
        {"type": "text", "text": "I'll look."},
        {"type": "tool_use", "id": "c1", "name": "rain", "input": {"city": "Oslo"}},
    ]


def test_quirks_of_the_other_wire_stay_there():
    quirks = Quirks(leading_newlines=True, base_resp_on_success=True)
    reply = whole(Reply([Thinking("Hm."), Text("Hello.")]), quirks)

    assert reply["choices"][0]["message"]["content"] == "Hello."
    assert reply["base_resp"] == {"status_code": 0, "status_msg": ""}


def test_quirks_of_both_wires():
    reply = Reply([ToolUse("f"), ToolUse("g")])
    old = Quirks(ids="clock", tool_ids="call_function_")

    [first, second] = message(reply, old)["tool_calls"]
    assert re.fullmatch(r"call_function_[a-z0-9]{12}_1", first["id"])
    assert re.fullmatch(r"call_function_[a-z0-9]{12}_2", second["id"])
    assert int(whole(reply, old)["id"][:8], 16) > 0x06000000

    leaked = message(CALLING, Quirks(xml_tool_leak=True))
    assert "tool_calls" not in leaked
    assert leaked["content"].startswith("I'll look.<minimax:tool_call>")

    off = {"type": "disabled"}
    silent = whole("Hello", Quirks(empty_content=True), thinking=off)
    assert silent["choices"][0]["message"]["content"] == ""
    assert silent["usage"]["completion_tokens"] == 1


def test_engines_have_ids_of_their_own():
    reply = whole(CALLING, Quirks(self_hosted="reasoning"), service_tier="priority")

    assert re.fullmatch("chatcmpl-[0-9a-f]{24}", reply["id"])
    assert "service_tier" not in reply
    fresh = message(Reply([ToolUse("rain")]), Quirks(self_hosted="reasoning"))
    assert re.fullmatch("chatcmpl-tool-[0-9a-f]{32}", fresh["tool_calls"][0]["id"])


def test_the_tier_is_echoed():
    assert whole("Hello")["service_tier"] == "standard"
    assert whole("Hello", service_tier="priority")["service_tier"] == "priority"
