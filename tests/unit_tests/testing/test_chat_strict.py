"""What `/v1/chat/completions` refuses, and in whose words."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_minimax.testing import Quirks, RecordedRequest
from langchain_minimax.testing._chat_strict import refuse_chat, stray_chat_keys

HELLO = {"role": "user", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Be brief."}
FUNCTION = {"name": "rain", "arguments": "{}"}
CALL = {"id": "c1", "type": "function", "function": FUNCTION}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "3 mm"}
LOOP = [HELLO, CALLED, RESULT]
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/i.png"}}
TOOL = {
    "type": "function",
    "function": {"name": "rain", "parameters": {"type": "object", "properties": {}}},
}
WHOLE = {
    "model": "MiniMax-M3",
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_completion_tokens": 9,
    "temperature": 1,
    "top_p": 0.9,
    "thinking": {"type": "adaptive"},
    "reasoning_split": True,
    "messages": [
        SYSTEM,
        {
            "role": "user",
            "name": "Ada",
            "content": [{"type": "text", "text": "a"}, IMAGE],
        },
        {
            **CALLED,
            "reasoning_content": "Hm.",
            "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}],
        },
        RESULT,
    ],
    "tools": [TOOL],
    "tool_choice": "auto",
}

EMPTY = "chat content is empty"
NO_FOLLOW = "tool call result does not follow tool call"
NO_MATCH = "tool call and result not match"
SETTING = "invalid chat setting"
THINKING = "open_platform_oai.ThinkingConfig"


def request(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "MiniMax-M3", "messages": list(messages or [HELLO]), **fields}


def refusal(body: Any, quirks: Quirks | None = None, videos: Any = ()) -> Any:
    raw = json.dumps(body).encode()
    record = RecordedRequest("POST", "/v1/chat/completions", {}, raw, body)
    return refuse_chat(record, quirks or Quirks(), videos)


def calling(**function: Any) -> dict[str, Any]:
    return {**CALLED, "tool_calls": [{**CALL, "function": {**FUNCTION, **function}}]}


def offering(**function: Any) -> dict[str, Any]:
    offered = {**TOOL["function"], **function}  # type: ignore[dict-item]
    return request(tools=[{"type": "function", "function": offered}])


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        # Roles and the system's place
        (request(HELLO, SYSTEM), SETTING),
        (request(SYSTEM, SYSTEM, HELLO), SETTING),
        (request(SYSTEM, HELLO, SYSTEM, HELLO), SETTING),
        (request({"role": "developer", "content": "B"}), "message role: developer"),
        (request({"role": "function", "content": "B"}), "message role: function"),
        (request({"content": "B"}), "chat content has invalid message role: "),
        (request({"role": ["user"], "content": "B"}), "message role: ['user']"),
        # Content
        ({"model": "MiniMax-M3", "messages": []}, EMPTY),
        (request(SYSTEM), EMPTY),
        (request({"role": "system", "content": ""}, HELLO), EMPTY),
        (request({"role": "system", "content": []}, HELLO), EMPTY),
        (request(user("")), EMPTY),
        (request(user(" \n")), EMPTY),
        (request(user(None)), EMPTY),
        (request(user([])), EMPTY),
        (request(user([{"type": "text", "text": " "}])), EMPTY),
        (request(HELLO, assistant(None), HELLO), EMPTY),
        (request(HELLO, assistant(""), HELLO), EMPTY),
        (request(HELLO, assistant("", tool_calls=[]), HELLO), EMPTY),
        (request(HELLO, assistant(None, reasoning_content="Hm."), HELLO), EMPTY),
        (request(HELLO, assistant("", reasoning_content="Hm."), HELLO), EMPTY),
        (request(HELLO, assistant(" \n"), HELLO), EMPTY),
        (request(HELLO, CALLED, {**RESULT, "content": ""}), EMPTY),
        (request(HELLO, CALLED, {**RESULT, "content": None}), EMPTY),
        (request(user(3)), "Mismatch type content with value int"),
        (request(user(0)), "Mismatch type content with value int"),
        (request(user({"a": 1})), "Mismatch type content with value dict"),
        (request(HELLO, CALLED, {**RESULT, "content": {}}), "Mismatch type content"),
        (request(user(["Hi"])), "Mismatch type content part with value str"),
        (request(user([{"type": "text"}])), "expr_path=text, cause=missing"),
        (request(user([{"type": "image_url"}])), "expr_path=image_url, cause=missing"),
        (request(user([{**IMAGE, "image_url": {}}])), "expr_path=url, cause=missing"),
        (
            request(user([{"type": "video_url", "video_url": {"url": "mm_file://1"}}])),
            "file_id not exist",
        ),
        (request(3), "Mismatch type message with value int"),
        ({"model": "MiniMax-M3", "messages": "Hi"}, "Mismatch type messages list"),
        # Calls and results
        (request(HELLO, assistant("", tool_calls=[CALL]), RESULT), NO_FOLLOW),
        (request(HELLO, RESULT), NO_FOLLOW),
        (request(HELLO, CALLED, HELLO, RESULT), NO_FOLLOW),
        (request(HELLO, CALLED), NO_MATCH),
        (request(HELLO, CALLED, HELLO), NO_MATCH),
        (request(HELLO, CALLED, RESULT, RESULT), NO_MATCH),
        (
            request(HELLO, CALLED, {**RESULT, "tool_call_id": "X"}),
            "tool result's tool id(X) not found",
        ),
        (
            request(HELLO, CALLED, {"role": "tool", "content": "3 mm"}),
            "expr_path=tool_call_id, cause=missing required parameter",
        ),
        *(
            (
                request(HELLO, calling(arguments=given), RESULT),
                "invalid function arguments json string, tool_call_id: c1",
            )
            for given in ("{", "", "[]", "3", "null", None, {})
        ),
        (request(HELLO, calling(name=""), RESULT), "function name is empty"),
        (
            request(
                HELLO, {**CALLED, "tool_calls": [{**CALL, "id": "no id!"}]}, RESULT
            ),
            "tool call id is invalid",
        ),
        (
            request(HELLO, {**CALLED, "tool_calls": [{"id": "c1"}]}, RESULT),
            "function name is empty",
        ),
        (
            request(HELLO, {**CALLED, "tool_calls": [CALL, CALL]}, RESULT, RESULT),
            "ids must be unique",
        ),
        (
            request(HELLO, {**CALLED, "tool_calls": CALL}),
            "Mismatch type list of objects",
        ),
        (
            request(HELLO, {**CALLED, "tool_calls": [3]}),
            "Mismatch type list of objects",
        ),
        # Thinking that comes back
        (
            request(HELLO, assistant("Hi.", reasoning_details="Hm.")),
            "Mismatch type list of objects with value str",
        ),
        (
            request(HELLO, assistant("Hi.", reasoning_details=[{"text": 3}])),
            "Mismatch type text string with value int",
        ),
        (
            request(HELLO, assistant("Hi.", reasoning_content=["Hm."])),
            "Mismatch type reasoning_content string with value list",
        ),
        # Names
        (
            request(user("A", name="Ada"), assistant("Hi."), user("B", name="Bob")),
            "user name must be consistent",
        ),
        # Tools
        (request(tools=[]), "tools is empty"),
        (request(tools=3), "Mismatch type tools list"),
        (request(tools=["rain"]), "Mismatch type tool with value str"),
        (request(tools=[{"function": TOOL["function"]}]), "invalid tool type:"),
        (request(tools=[{**TOOL, "type": "custom"}]), "invalid tool type: custom"),
        (request(tools=[{"type": "function"}]), "function name is empty"),
        (offering(name=""), "function name is empty"),
        (offering(parameters=None), "function parameters is empty"),
        # Settings
        (request(thinking={"type": "enabled"}), 'invalid thinking.type: "enabled"'),
        (
            request(thinking={"type": "enabled"}),
            'thinking.type: "enabled" (allowed: adaptive, disabled)',
        ),
        (request(thinking=True), f"Mismatch type {THINKING} with value bool"),
        (request(thinking=False), f"Mismatch type {THINKING} with value bool"),
        (request(thinking="adaptive"), f"Mismatch type {THINKING} with value str"),
        (request(reasoning_split=1), "Mismatch type bool with value int"),
        (request(reasoning_split="true"), "Mismatch type bool with value str"),
        (request(stream="yes"), "Mismatch type stream bool with value str"),
        (request(stream_options=True), "Mismatch type open_platform_oai.StreamOptions"),
        (
            request(model="MiniMax-M3.1-Flash", thinking={"type": "disabled"}),
            'model "MiniMax-M3.1-Flash" requires adaptive thinking',
        ),
        (request(model="MiniMax-M3-highspeed"), "unknown model 'minimax-m3-highspeed'"),
        *(
            (
                request(**{name: 524_289}),
                "model[MiniMax-M3] does not support max tokens > 524288",
            )
            for name in ("max_completion_tokens", "max_tokens")
        ),
        (request(max_completion_tokens=0), "max_tokens must be at least 1"),
        (request(temperature=2.1), "temperature must be within [0, 2]"),
        (request(top_p=1.1), "top_p must be within [0, 1]"),
        (
            {"model": "MiniMax-M3"},
            "binding: expr_path=messages, cause=missing required",
        ),
        ({"messages": [HELLO]}, "binding: expr_path=model, cause=missing required"),
        (["Hello"], "Mismatch type object with value list"),
        (request(user("\ud83d")), '"invalid utf8"'),
    ],
)
def test_refuses(body, words):
    fault = refusal(body)

    assert fault is not None
    assert fault.status == 400
    assert fault.message.startswith("invalid params, ")
    assert fault.message.endswith(" (2013)")
    assert words in fault.message


def test_a_part_of_an_unknown_type_is_named():
    fault = refusal(request(HELLO, user([{"type": "input_audio"}])))

    words = "messages.1.content.0: unsupported content type 'input_audio'"
    assert (fault.status, fault.message) == (400, words)


def test_bad_json_is_quoted():
    raw = b'{"model": '
    fault = refuse_chat(RecordedRequest("POST", "/", {}, raw), Quirks())

    assert fault is not None
    assert '"Syntax error at index 10: eof' in fault.message


@pytest.mark.parametrize(
    "body",
    [
        WHOLE,
        request(*LOOP, tools=[TOOL], tool_choice="none"),
        request(SYSTEM, HELLO),
        # An official example has a system message with a name and no content.
        request({"role": "system", "name": "MiniMax AI"}, HELLO),
        request(HELLO, {**CALLED, "content": "I'll look."}, RESULT),
        request(HELLO, {k: v for k, v in CALLED.items() if k != "content"}, RESULT),
        request(HELLO, assistant("<think>\nHm.\n</think>\n\n"), HELLO),
        request(HELLO, assistant([{"type": "text", "text": "Hi."}]), HELLO),
        request(HELLO, assistant("\n", reasoning_content="Hm."), HELLO),
        request(HELLO, assistant("Hi."), HELLO, HELLO),
        request(user([{"type": "text", "text": " "}, IMAGE])),
        request(user([{"type": "text", "text": "Look."}, IMAGE]), model="minimax-m2.7"),
        request(
            user("A", name="Ada"), assistant("Hi.", name="B"), user("C", name="Ada")
        ),
        request(thinking={"type": "disabled"}),
        request(model="MiniMax-M2.7", thinking={"type": "disabled"}),
        request(model="MiniMax-M3.1-Flash", reasoning_effort="low"),
        request(max_completion_tokens=524_288, temperature=0, top_p=1),
        request(tools=None, thinking=None, stream_options=None, max_tokens=None),
        # Dropped in silence
        request(tools=[TOOL], tool_choice="required", parallel_tool_calls=False),
        request(n=2, stop=["x"], response_format={"type": "json_object"}, seed=1),
    ],
)
def test_accepts(body):
    assert refusal(body) is None


def test_two_results_follow_two_calls():
    second = {**CALL, "id": "c2"}
    called = {**CALLED, "tool_calls": [CALL, second]}
    other = {**RESULT, "tool_call_id": "c2"}

    assert refusal(request(HELLO, called, RESULT, other)) is None
    assert refusal(request(HELLO, called, other, RESULT)) is None
    assert NO_MATCH in refusal(request(HELLO, called, RESULT)).message
    assert NO_MATCH in refusal(request(HELLO, called, RESULT, HELLO)).message
    apart = refusal(request(HELLO, called, RESULT, HELLO, other))
    assert NO_FOLLOW in apart.message


def test_uploaded_videos_are_known():
    film = {"type": "video_url", "video_url": {"url": "mm_file://17", "fps": 2}}

    assert refusal(request(user([film])), videos={17}) is None


def test_quirks_of_the_other_wire_stay_there():
    quirks = Quirks(unknown_model="404", enforce_alternation=True)

    assert refusal(request(HELLO, HELLO), quirks) is None
    assert refusal(request(model="MiniMax-M9"), quirks).status == 400


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner: Any = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else inner:
        yield from places(item, (*path, key))


JUNK = [None, True, 0, -1, 1.5, "", "x", [], [3], [[]], [{}], {}, {"a": 1}]
JUNK += [{"type": []}, [{"type": []}], [{"role": {}}], {"content": [{"type": "text"}]}]


@pytest.mark.parametrize("path", list(places(WHOLE)), ids=str)
def test_nonsense_anywhere_is_refused_or_ignored(path):
    """Nothing that a client may send makes the server itself fail."""
    for junk in JUNK:
        body: Any = {"whole": copy.deepcopy(WHOLE)}
        holder = body
        *way, last = ("whole", *path)
        for step in way:
            holder = holder[step]
        holder[last] = junk
        fault = refusal(body["whole"])
        stray_chat_keys(body["whole"])

        assert fault is None or fault.status == 400


def test_lists_stray_keys():
    body = request(
        {**HELLO, "id": "m1"},
        user(
            [{"type": "text", "text": "x", "index": 0}, {**IMAGE, "cache_control": {}}]
        ),
        {
            **CALLED,
            "reasoning": "Hm.",
            "thinking": "Hm.",
            "tool_calls": [{**CALL, "extras": {}}],
            "reasoning_details": [{"type": "reasoning.text", "signature": "5e"}],
        },
        {**RESULT, "is_error": True},
    )

    assert stray_chat_keys(body) == [
        "messages[0].id",
        "messages[1].content[0].index",
        "messages[2].thinking",
        "messages[2].tool_calls[0].extras",
        "messages[2].reasoning_details[0].signature",
        "messages[3].is_error",
    ]
    assert stray_chat_keys(WHOLE) == []


@pytest.mark.parametrize("body", [None, [], {"messages": 3}, {"messages": ["x"]}])
def test_stray_keys_survive_nonsense(body):
    assert stray_chat_keys(body) == []
