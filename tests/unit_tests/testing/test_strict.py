"""What the emulated server refuses, and in whose words."""

import json
from typing import Any

import pytest

from langchain_minimax.testing import Quirks, RecordedRequest, Replay
from langchain_minimax.testing._strict import (
    refuse_body,
    refuse_key,
    refuse_replay,
    stray_keys,
)

HELLO = [{"role": "user", "content": "Hello"}]
CALL = {"type": "tool_use", "id": "call_1", "name": "rain", "input": {}}
CALL_2 = {**CALL, "id": "call_2"}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": "3 mm"}
RESULT_2 = {**RESULT, "tool_use_id": "call_2"}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/i.png"}}
TOOL = {"name": "rain", "input_schema": {"type": "object", "properties": {}}}

NO_FOLLOW = "tool call result does not follow tool call"
NO_MATCH = "tool call and result not match"
EMPTY = "chat content is empty"


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def refusal(body: Any, quirks: Quirks | None = None) -> Any:
    record = RecordedRequest(
        "POST", "/anthropic/v1/messages", {}, json.dumps(body).encode(), body
    )
    return refuse_body(record, quirks or Quirks())


def request(**fields: Any) -> dict[str, Any]:
    return {"model": "MiniMax-M3", "messages": HELLO, **fields}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, EMPTY),
        ({"messages": [user()]}, EMPTY),
        ({"messages": [{"role": "user", "content": ""}]}, EMPTY),
        ({"messages": [{"role": "user", "content": " \n"}]}, EMPTY),
        ({"messages": [{"role": "user"}]}, EMPTY),
        ({"messages": [user({"type": "text", "text": " "})]}, EMPTY),
        (
            {"messages": [{"role": "system", "content": "Be brief."}, *HELLO]},
            "chat content has invalid message role: system",
        ),
        (
            {"messages": [{"role": "tool", "content": "3 mm"}]},
            "chat content has invalid message role: tool",
        ),
        ({"messages": [*HELLO, user(RESULT)]}, NO_FOLLOW),
        ({"messages": [user(RESULT)]}, NO_FOLLOW),
        ({"messages": [*HELLO, assistant(CALL), *HELLO, user(RESULT)]}, NO_FOLLOW),
        (
            {
                "messages": [
                    assistant(CALL),
                    user(RESULT, {"type": "text", "text": "?"}),
                ]
            },
            NO_FOLLOW,
        ),
        (
            {"messages": [assistant(CALL, CALL_2), user(RESULT), user(RESULT_2)]},
            NO_FOLLOW,
        ),
        ({"messages": [*HELLO, assistant(CALL)]}, NO_MATCH),
        ({"messages": [*HELLO, assistant(CALL), *HELLO]}, NO_MATCH),
        ({"messages": [assistant(CALL, CALL_2), user(RESULT)]}, NO_MATCH),
        ({"messages": [assistant(CALL), user(RESULT, RESULT)]}, NO_MATCH),
        (
            {"messages": [assistant(CALL), user(RESULT_2)]},
            "tool result's tool id(call_2) not found",
        ),
        (
            {"messages": [assistant({**CALL, "input": "{"}), user(RESULT)]},
            "invalid function arguments json string, tool_call_id: call_1",
        ),
        (
            {"messages": [assistant({**CALL, "name": ""}), user(RESULT)]},
            "function name is empty",
        ),
        ({"tools": []}, "tools is empty"),
        ({"tools": [{**TOOL, "name": ""}]}, "function name is empty"),
        ({"tools": [{"name": "rain"}]}, "function parameters is empty"),
        ({"tools": ["rain"]}, "Mismatch type tool with value str"),
        (
            {"messages": [assistant({**CALL, "id": None})]},
            "binding: expr_path=id, cause=missing required parameter",
        ),
        (
            {"thinking": {"type": "often"}},
            'invalid thinking.type: "often" (allowed: adaptive, disabled)',
        ),
        (
            {"model": "MiniMax-M3.1-Flash", "thinking": {"type": "disabled"}},
            'model "MiniMax-M3.1-Flash" requires adaptive thinking',
        ),
        (
            {"max_tokens": 524_289},
            "model[MiniMax-M3] does not support max tokens > 524288",
        ),
        (
            {"model": "minimax-m2.7", "max_tokens": 204_801},
            "model[MiniMax-M2.7] does not support max tokens > 204800",
        ),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"temperature": 2.1}, "temperature must be within [0, 2]"),
        ({"temperature": -0.1}, "temperature must be within [0, 2]"),
        ({"top_p": 1.1}, "top_p must be within [0, 1]"),
        ({"stream": "yes"}, "Mismatch type stream bool with value str"),
        ({"thinking": True}, "Mismatch type thinking dict with value bool"),
        ({"messages": "Hello"}, "Mismatch type messages list with value str"),
        ({"messages": ["Hello"]}, "Mismatch type message with value str"),
        ({"messages": [user("Hello")]}, "Mismatch type content block with value str"),
        (
            {"messages": [{"role": "user", "content": {"type": "text"}}]},
            "Mismatch type content with value dict",
        ),
        (
            {"messages": [user({"type": "text"})]},
            "binding: expr_path=text, cause=missing required parameter",
        ),
        (
            {"messages": [user({"type": "image"})]},
            "binding: expr_path=source, cause=missing required parameter",
        ),
    ],
)
def test_refuses_with_2013(fields, words):
    fault = refusal(request(**fields))

    assert fault is not None
    assert fault.status == 400
    assert fault.type == "invalid_request_error"
    assert fault.message == f"invalid params, {words} (2013)"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": "minimax-m3"},
        {"max_tokens": 524_288},
        {"temperature": 0, "top_p": 0},
        {"temperature": 2, "top_p": 1, "max_tokens": None},
        {"tool_choice": {"type": "any"}, "tools": [TOOL]},
        {"tool_choice": {"type": "tool", "name": "rain"}, "tools": [TOOL]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"model": "MiniMax-M2", "thinking": {"type": "disabled"}},
        {"stop_sequences": ["x"], "top_k": 3, "never_heard_of": {"a": 1}},
        {"system": [{"type": "text", "text": "Be brief."}]},
        {"messages": [*HELLO, assistant(CALL), user(RESULT)]},
        {"messages": [assistant(CALL, CALL_2), user(RESULT_2, RESULT)]},
        {"messages": [assistant(CALL), user({**RESULT, "content": [IMAGE]}), *HELLO]},
        {"messages": [user(IMAGE)]},
        {"messages": [*HELLO, *HELLO]},
        {"messages": [{"role": "user_system", "content": "You are a pirate."}, *HELLO]},
        {"messages": [*HELLO, assistant({"type": "thinking", "thinking": "Hm."})]},
    ],
)
def test_accepts(fields):
    assert refusal(request(**fields)) is None


@pytest.mark.parametrize("field", ["model", "messages"])
def test_names_the_missing_field(field):
    body = request()
    del body[field]

    fault = refusal(body)

    words = f"binding: expr_path={field}, cause=missing required parameter"
    assert fault.message == f"invalid params, {words} (2013)"


@pytest.mark.parametrize(
    ("body", "path", "kind"),
    [
        (
            request(messages=[user({"type": "document"})]),
            "messages.0.content.0",
            "document",
        ),
        (request(messages=[*HELLO, user({})]), "messages.1.content.0", "None"),
        (
            request(
                messages=[assistant(CALL), user({**RESULT, "content": [{"type": "x"}]})]
            ),
            "messages.1.content.0.content.0",
            "x",
        ),
        (
            request(model="MiniMax-M2.7", messages=[user(IMAGE)]),
            "messages.0.content.0",
            "image",
        ),
    ],
)
def test_refuses_blocks_it_does_not_know_as_documented(body, path, kind):
    fault = refusal(body)

    assert fault.status == 400
    assert fault.message == f"{path}: unsupported content type '{kind}'"


def test_unknown_models_are_404_or_2013():
    documented = refusal(request(model="MiniMax-M9"))
    observed = refusal(request(model="MiniMax-M9"), Quirks(unknown_model="2013"))

    assert (documented.status, documented.type) == (404, "not_found_error")
    assert observed.status == 400
    assert observed.message == "invalid params, unknown model 'minimax-m9' (2013)"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"model": "MiniMax-M3"', "Syntax error at index 22: eof"),
        (b"", "Syntax error at index 0: eof"),
        (b'{"model": MiniMax}', "Syntax error at index 10: invalid char"),
        (b'"\xff"', "Syntax error at index 1: invalid utf8"),
        (b"[]", "Mismatch type object with value list"),
        (b"null", "Mismatch type object with value NoneType"),
    ],
)
def test_refuses_what_is_no_json_object(raw, words):
    body = [] if raw == b"[]" else None

    fault = refuse_body(RecordedRequest("POST", "/", {}, raw, body), Quirks())

    assert fault is not None
    assert fault.status == 400
    assert words in fault.message
    assert fault.message.endswith("(2013)")


def test_refuses_bodies_over_64_megabytes():
    raw = json.dumps(request()).encode().ljust(64 * 2**20 + 1)

    fault = refuse_body(RecordedRequest("POST", "/", {}, raw, request()), Quirks())

    assert fault is not None
    assert (fault.status, fault.type) == (413, "request_too_large")


def test_alternation_is_enforced_on_demand():
    quirks = Quirks(enforce_alternation=True)
    answer = {"role": "assistant", "content": "Hi."}

    fault = refusal(request(messages=[*HELLO, *HELLO]), quirks)

    assert fault is not None
    assert "alternate" in fault.message
    assert refusal(request(messages=[*HELLO, answer, *HELLO]), quirks) is None


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "login fail: Please carry the API secret key in the 'X-Api-Key' field"),
        ({"authorization": "Bearer "}, "login fail"),
        ({"x-api-key": "wrong"}, "invalid api key"),
        ({"authorization": "Bearer wrong", "x-api-key": "right"}, "invalid api key"),
        ({"authorization": "right-but-basic"}, "invalid api key"),
    ],
)
def test_refuses_keys(headers, words):
    fault = refuse_key(headers, "right")

    assert fault is not None
    assert (fault.status, fault.type) == (401, "authentication_error")
    assert fault.message.startswith(words)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "right"},
        {"authorization": "Bearer right"},
        {"authorization": "Bearer right", "x-api-key": "wrong"},
    ],
)
def test_accepts_keys(headers):
    assert refuse_key(headers, "right") is None


@pytest.mark.parametrize("verdict", ["thinking_altered", "thinking_missing"])
def test_refuses_unfaithful_thinking_only_on_demand(verdict):
    replays = [Replay(1, "a", "verbatim"), Replay(3, "b", verdict)]
    told = Quirks(
        refuse_altered_thinking=verdict == "thinking_altered",
        refuse_missing_thinking=verdict == "thinking_missing",
    )

    assert refuse_replay(replays, Quirks()) is None
    fault = refuse_replay(replays, told)
    assert fault is not None
    assert "messages.3" in fault.message


def test_lists_stray_keys():
    body = request(
        messages=[
            {"role": "user", "content": "Hello", "name": "Ada"},
            assistant({"type": "text", "text": "Hi", "index": 0}, CALL),
            user({**RESULT, "content": [{"type": "text", "text": "x", "partial": 1}]}),
            user({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
        ]
    )

    assert stray_keys(body) == [
        "messages[0].name",
        "messages[1].content[0].index",
        "messages[2].content[0].content[0].partial",
    ]


@pytest.mark.parametrize("body", [None, [], {"messages": 3}, {"messages": ["x"]}])
def test_stray_keys_survive_nonsense(body):
    assert stray_keys(body) == []
