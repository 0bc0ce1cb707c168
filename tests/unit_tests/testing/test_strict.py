"""What the emulated server refuses, and in whose words."""

import base64
import json
from typing import Any

import pytest

from langchain_minimax.testing import Quirks, RecordedRequest, Replay
from langchain_minimax.testing._media import data_problems
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
LONG_RESULT = {**RESULT, "tool_use_id": "A-z_9" * 12}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/i.png"}}
VIDEO = {"type": "video", "source": {"type": "url", "url": "https://example.com/v.mp4"}}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "a1"}
TEXT = {"type": "text", "text": "Rain?"}
TOOL = {"name": "rain", "input_schema": {"type": "object", "properties": {}}}

NO_FOLLOW = "tool call result does not follow tool call"
NO_MATCH = "tool call and result not match"
EMPTY = "chat content is empty"
BLANK = "text content blocks must contain non-whitespace text"
BAD_ID = "tool call id is invalid"


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def result_of(content: Any) -> list[Any]:
    return [assistant(CALL), user({**RESULT, "content": content})]


def media(kind: str, **source: Any) -> dict[str, Any]:
    return request(messages=[user(TEXT, {"type": kind, "source": source})])


def encoded(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


def refusal(body: Any, quirks: Quirks | None = None, videos: Any = ()) -> Any:
    record = RecordedRequest(
        "POST", "/anthropic/v1/messages", {}, json.dumps(body).encode(), body
    )
    return refuse_body(record, quirks or Quirks(), videos)


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
        ({"messages": [{"role": "user", "content": None}]}, EMPTY),
        ({"messages": [user({"type": "text", "text": " "})]}, EMPTY),
        ({"messages": [user(text(" "), text(""))]}, EMPTY),
        ({"messages": [*HELLO, assistant(text("\n\n"))]}, EMPTY),
        ({"messages": result_of("")}, EMPTY),
        ({"messages": result_of(" \n")}, EMPTY),
        ({"messages": result_of([])}, EMPTY),
        ({"messages": result_of(None)}, EMPTY),
        ({"messages": result_of([text(" ")])}, EMPTY),
        ({"messages": [user({"type": "mid_conv_system"}, TEXT)]}, EMPTY),
        ({"messages": [user(TEXT, text(" "))]}, f"messages.0.content.1: {BLANK}"),
        ({"messages": [user(TEXT, text(""))]}, f"messages.0.content.1: {BLANK}"),
        (
            {"messages": [*HELLO, assistant(THOUGHT, text(""), text("Hi."))]},
            f"messages.1.content.1: {BLANK}",
        ),
        (
            {"messages": result_of([text(" "), IMAGE])},
            f"messages.1.content.0.content.0: {BLANK}",
        ),
        ({"system": [TEXT, text(" ")]}, f"system.1: {BLANK}"),
        ({"system": ["Be brief."]}, "Mismatch type content block with value str"),
        (
            {"messages": [{"role": "system", "content": "Be brief."}, *HELLO]},
            "chat content has invalid message role: system",
        ),
        (
            {"messages": [{"role": "tool", "content": "3 mm"}]},
            "chat content has invalid message role: tool",
        ),
        (
            {"messages": [{"role": ["user"], "content": "Hello"}]},
            "chat content has invalid message role: ['user']",
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
        (
            {"messages": [assistant({**CALL, "name": 3}), user(RESULT)]},
            "Mismatch type name string with value int",
        ),
        ({"messages": [assistant({**CALL, "id": ""}), user(RESULT)]}, BAD_ID),
        ({"messages": [assistant({**CALL, "id": "a|b"}), user(RESULT)]}, BAD_ID),
        ({"messages": [assistant({**CALL, "id": "a" * 65}), user(RESULT)]}, BAD_ID),
        ({"messages": [assistant({**CALL, "id": "ä"}), user(RESULT)]}, BAD_ID),
        ({"messages": [assistant({**CALL, "id": "a\n"}), user(RESULT)]}, BAD_ID),
        (
            {"messages": [assistant(CALL), user({**RESULT, "tool_use_id": "a.b"})]},
            BAD_ID,
        ),
        (
            {"messages": [assistant(CALL), user({**RESULT, "tool_use_id": None})]},
            "binding: expr_path=tool_use_id, cause=missing required parameter",
        ),
        (
            {"messages": [assistant(CALL, CALL), user(RESULT, RESULT)]},
            "messages.0.content: `tool_use` ids must be unique",
        ),
        (
            {"messages": [*HELLO, assistant({**THOUGHT, "thinking": None})]},
            "binding: expr_path=thinking, cause=missing required parameter",
        ),
        (
            {"messages": [*HELLO, assistant({**THOUGHT, "signature": 5})]},
            "Mismatch type signature string with value int",
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
        (
            {"model": "MiniMax-M2", "messages": [user(text("rain " * 164_000))]},
            "context window exceeds limit",
        ),
        ({"messages": [user(text("half \ud83d"))]}, '"invalid utf8"'),
        ({"metadata": {"user_id": "\udc00"}}, '"invalid utf8"'),
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
        {"messages": [*HELLO, assistant(THOUGHT, text("\n\n"), CALL), user(RESULT)]},
        {"messages": [assistant({**CALL, "id": "A-z_9" * 12}), user(LONG_RESULT)]},
        {"messages": [assistant(CALL), user({**RESULT, "is_error": True}), *HELLO]},
        {"messages": [user(TEXT, {"type": "mid_conv_system", "content": [TEXT]})]},
        {"messages": [{"role": "sample_message_ai", "content": [TEXT, IMAGE]}]},
        {"messages": result_of([TEXT, IMAGE])},
        {"messages": [user(text("whole \U0001f600 and \\ud83d"))]},
        {"messages": [user(VIDEO)], "system": ""},
        {"model": "MiniMax-M2", "messages": [user(text("rain " * 160_000))]},
    ],
)
def test_accepts(fields):
    assert refusal(request(**fields)) is None


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("field", ["model", "messages"])
def test_names_the_missing_field(field, null):
    body = request(**{field: None})
    if not null:
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
            request(messages=[user({"type": ["text"]})]),
            "messages.0.content.0",
            "['text']",
        ),
        (
            request(model="MiniMax-M2.7", messages=[user(IMAGE)]),
            "messages.0.content.0",
            "image",
        ),
        (
            request(model="MiniMax-M2.7", messages=[user(TEXT, VIDEO)]),
            "messages.0.content.1",
            "video",
        ),
        (
            request(messages=result_of([TEXT, VIDEO])),
            "messages.1.content.0.content.1",
            "video",
        ),
        (
            request(messages=result_of([RESULT])),
            "messages.1.content.0.content.0",
            "tool_result",
        ),
        (
            request(messages=[*HELLO, assistant(RESULT)]),
            "messages.1.content.0",
            "tool_result",
        ),
        (request(messages=[user(CALL)]), "messages.0.content.0", "tool_use"),
        (
            request(messages=[user(TEXT, THOUGHT)]),
            "messages.0.content.1",
            "thinking",
        ),
        (
            request(messages=[{"role": "group", "content": [RESULT]}]),
            "messages.0.content.0",
            "tool_result",
        ),
        (
            request(messages=[*HELLO, assistant(TEXT, IMAGE)]),
            "messages.1.content.1",
            "image",
        ),
        (
            request(messages=[*HELLO, assistant(TEXT, VIDEO)]),
            "messages.1.content.1",
            "video",
        ),
        (
            request(messages=[user({"type": "mid_conv_system", "content": [IMAGE]})]),
            "messages.0.content.0.content.0",
            "image",
        ),
        (request(system=[IMAGE]), "system.0", "image"),
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


MESSAGES = "/anthropic/v1/messages"
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("path", "headers", "words"),
    [
        (
            MESSAGES,
            {},
            "login fail: Please carry the API secret key in the 'X-Api-Key' field",
        ),
        (MESSAGES, {"authorization": "Bearer "}, "login fail"),
        (MESSAGES, {"x-api-key": "wrong"}, "invalid api key"),
        (
            MESSAGES,
            {"authorization": "Bearer wrong", "x-api-key": "right"},
            "invalid api key",
        ),
        (MESSAGES, {"authorization": "right-but-basic"}, "invalid api key"),
        (CHAT, {}, "login fail"),
        (CHAT, {"x-api-key": "right"}, "login fail"),
        (CHAT, {"authorization": "right"}, "login fail"),
        (CHAT, {"authorization": "Basic right"}, "login fail"),
        (CHAT, {"authorization": "Bearer wrong"}, "invalid api key"),
    ],
)
def test_refuses_keys(path, headers, words):
    fault = refuse_key(RecordedRequest("POST", path, headers), "right")

    assert fault is not None
    assert (fault.status, fault.type) == (401, "authentication_error")
    assert fault.message.startswith(words)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (MESSAGES, {"x-api-key": "right"}),
        (MESSAGES, {"authorization": "Bearer right"}),
        (MESSAGES, {"authorization": "right"}),
        (MESSAGES, {"authorization": "Bearer right", "x-api-key": "wrong"}),
        (CHAT, {"authorization": "Bearer right"}),
        (CHAT, {"authorization": "Bearer right", "x-api-key": "wrong"}),
    ],
)
def test_accepts_keys(path, headers):
    assert refuse_key(RecordedRequest("POST", path, headers), "right") is None


URL = {"type": "url", "url": "https://example.com/x"}
PNG = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
MP4 = {"type": "base64", "media_type": "video/mp4", "data": "aGVsbG8="}


@pytest.mark.parametrize(
    ("kind", "source", "words"),
    [
        ("image", {}, "invalid source.type: 'None' (allowed: url, base64)"),
        (
            "video",
            {"type": "file", "file_id": "7"},
            "invalid source.type: 'file' (allowed: url, base64)",
        ),
        ("image", {"type": ["url"]}, "invalid source.type: '['url']' (allowed: "),
        ("image", {**URL, "detial": "low"}, "image source has no field detial"),
        ("image", {**PNG, "url": "https://x.y"}, "image source has no field url"),
        ("image", {**URL, "fps": 1}, "image source has no field fps"),
        ("image", {**URL, "media_type": "x"}, "image source has no field media_type"),
        ("image", {"type": "url"}, "binding: expr_path=url, cause=missing"),
        ("image", {**URL, "url": 7}, "binding: expr_path=url, cause=missing"),
        ("image", {**URL, "url": ""}, "source.url must begin with http://"),
        ("image", {**URL, "url": "https://"}, "source.url must begin with http://"),
        ("image", {**URL, "url": "/x.png"}, "source.url must begin with http://"),
        ("image", {**URL, "url": "file:///x"}, "source.url must begin with http://"),
        (
            "image",
            {**URL, "url": "data:image/png;base64,aGk="},
            "source.url must begin",
        ),
        ("image", {**URL, "url": "mm_file://7"}, "mm_file:// is for videos only"),
        ("video", {**URL, "url": "mm_file://8"}, "file_id not exist"),
        ("video", {**URL, "url": "mm_file://"}, "file_id not exist"),
        ("image", {**PNG, "media_type": None}, "binding: expr_path=media_type, cause="),
        ("image", {**PNG, "data": None}, "binding: expr_path=data, cause=missing"),
        ("image", {**PNG, "data": 7}, "Mismatch type data string with value int"),
        ("image", MP4, "unsupported image media_type 'video/mp4'"),
        ("image", {**PNG, "media_type": "image/bmp"}, "unsupported image media_type"),
        ("video", PNG, "unsupported video media_type 'image/png'"),
        (
            "video",
            {**MP4, "media_type": "video/quicktime"},
            "unsupported video media_type 'video/quicktime'",
        ),
        ("image", {**PNG, "data": ""}, "image data is not valid base64"),
        ("image", {**PNG, "data": "aGVsbG8"}, "image data is not valid base64"),
        ("image", {**PNG, "data": "aGVs bG8="}, "image data is not valid base64"),
        ("video", {**MP4, "data": "ää=="}, "video data is not valid base64"),
        ("image", {**URL, "detail": "auto"}, "invalid detail: 'auto'"),
        ("video", {**URL, "fps": 0.1}, "invalid fps: 0.1"),
        ("video", {**URL, "fps": 5.1}, "invalid fps: 5.1"),
        ("video", {**URL, "fps": "1"}, "invalid fps: '1'"),
        ("video", {**URL, "fps": True}, "invalid fps: True"),
        ("image", {**URL, "max_long_side_pixel": 0}, "invalid max_long_side_pixel: 0"),
        ("image", {**URL, "max_long_side_pixel": 1.5}, "invalid max_long_side_pixel:"),
        ("image", {**URL, "max_long_side_pixel": True}, "invalid max_long_side_pixel:"),
    ],
)
def test_refuses_sources(kind, source, words):
    fault = refusal(media(kind, **source), videos={7})

    assert fault is not None
    assert (fault.status, fault.type) == (400, "invalid_request_error")
    assert fault.message.startswith(f"invalid params, {words}")


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("image", URL),
        ("image", {**URL, "url": "HTTP://example.com"}),
        ("image", {**URL, "detail": "low", "max_long_side_pixel": 1}),
        ("image", {**URL, "detail": None}),
        *(
            ("image", {**PNG, "media_type": f"image/{name}"})
            for name in ("jpeg", "png", "gif", "webp")
        ),
        ("video", {**URL, "url": "mm_file://7"}),
        ("video", {**URL, "detail": "high", "fps": 0.2}),
        ("video", {**MP4, "detail": "default", "fps": 5}),
        *(
            ("video", {**MP4, "media_type": f"video/{name}"})
            for name in ("mp4", "mov", "avi", "x-msvideo", "x-matroska")
        ),
        ("image", {**PNG, "data": encoded(10 * 2**20)}),
    ],
)
def test_accepts_sources(kind, source):
    assert refusal(media(kind, **source), videos={7}) is None


def test_refuses_images_that_are_too_large():
    fault = refusal(media("image", **{**PNG, "data": encoded(10 * 2**20 + 1)}))

    assert (fault.status, fault.type) == (413, "request_too_large")
    assert fault.message == "image exceeds 10 MB"


@pytest.mark.parametrize("size", [40 * 2**20, 50 * 2**20 + 1])
def test_videos_may_be_larger_than_images(size):
    """Without the request around it, which may not be much larger itself."""
    faults = list(data_problems("video", "video/mp4", encoded(size)))

    assert [(f.status, f.message) for f in faults] == (
        [(413, "video exceeds 50 MB")] if size > 50 * 2**20 else []
    )


def test_images_in_tool_results_are_looked_at_too():
    broken = {"type": "image", "source": {**URL, "url": "data:,x"}}

    fault = refusal(request(messages=result_of([broken])))

    assert "source.url must begin with" in fault.message


def test_refuses_half_characters_that_come_as_bytes():
    raw = json.dumps(request()).encode().replace(b"Hello", b"\xed\xa0\xbd")
    record = RecordedRequest("POST", "/", {}, raw, json.loads(raw))

    fault = refuse_body(record, Quirks())

    assert fault is not None
    assert fault.message == 'invalid params, "invalid utf8" (2013)'


@pytest.mark.parametrize(
    ("replay", "quirk", "message"),
    [
        (
            Replay(3, "b", "thinking_altered", signed=(0, 2), altered=(2,)),
            "refuse_altered_thinking",
            "messages.3.content.2: Invalid `signature` in `thinking` block",
        ),
        (
            # Where there is no signature, there is none to speak of.
            Replay(3, "b", "thinking_altered", altered=(0,)),
            "refuse_altered_thinking",
            "invalid params, messages.3: thinking block is altered (2013)",
        ),
        (
            Replay(3, None, "unknown", signed=(1,)),
            "refuse_signatures",
            "messages.3.content.1: Invalid `signature` in `thinking` block",
        ),
        (
            Replay(3, "b", "thinking_missing", signed=(0,)),
            "refuse_missing_thinking",
            "invalid params, messages.3: thinking block is missing (2013)",
        ),
    ],
)
def test_refuses_unfaithful_thinking_only_on_demand(replay, quirk, message):
    replays = [Replay(1, "a", "verbatim"), replay]

    assert refuse_replay(replays, Quirks()) is None
    fault = refuse_replay(replays, Quirks(**{quirk: True}))
    assert fault is not None
    assert (fault.status, fault.type) == (400, "invalid_request_error")
    assert fault.message == message


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


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"messages": 3},
        {"messages": ["x"]},
        {"messages": [{"content": ["x", {"type": []}]}]},
    ],
)
def test_stray_keys_survive_nonsense(body):
    assert stray_keys(body) == []
