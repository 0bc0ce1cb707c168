"""Each thing that goes wrong gives one typed error that says what to do, in every way
of calling, with no key in it."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_minimax import (
    MiniMaxAPIError,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxContentFilterError,
    MiniMaxContextOverflowError,
    MiniMaxError,
    MiniMaxInsufficientBalanceError,
    MiniMaxInvalidRequestError,
    MiniMaxModelNotFoundError,
    MiniMaxOverloadedError,
    MiniMaxPermissionDeniedError,
    MiniMaxQuotaExceededError,
    MiniMaxRateLimitError,
    MiniMaxResponseError,
    MiniMaxStreamTruncatedError,
)
from langchain_minimax.testing import Fault, Raw, Reply, Text, Thinking, ToolUse
from support.samples import Sample, samples
from support.sent import turns_of
from support.ways import WAYS, Ask

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

JSON = "application/json; charset=utf-8"
THOUGHTFUL = Reply(blocks=[Thinking("The user greets me."), Text("Hello, you there!")])


def refused(ask: Ask, model: Any, kind: type[MiniMaxError], words: str) -> MiniMaxError:
    """The error of a call, which is exactly of this kind and shows no key."""
    with pytest.raises(MiniMaxError, match=words) as caught:
        ask(model, "Hello")
    error = caught.value
    assert type(error) is kind
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert model.api_key.get_secret_value() not in shown
    return error


# --- What the caller got wrong -------------------------------------------------------


@every_way
def test_a_wrong_key(ask: Ask, serve: Any, connect: Any) -> None:
    model = connect(serve(), api_key="sk-api-wrong")
    error = refused(ask, model, MiniMaxAuthenticationError, 'region="china"')
    assert error.status_code == 401
    assert error.request_id


@every_way
@pytest.mark.parametrize("code", [1004, 2049])
def test_a_key_of_the_other_region(
    ask: Ask, code: int, serve: Any, connect: Any
) -> None:
    """MiniMax says the same as of a wrong key; the error names both regions."""
    model = connect(serve(Fault.error(code)))
    error = refused(ask, model, MiniMaxAuthenticationError, 'region="global"')
    assert "one region only" in str(error)


@every_way
def test_an_unknown_model(ask: Ask, serve: Any, connect: Any) -> None:
    model = connect(serve(), model="MiniMax-M99")
    refused(ask, model, MiniMaxModelNotFoundError, "name")


@every_way
def test_an_unknown_role_speaks_as_a_person(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve("So it is.")
    spell = ChatMessage(role="wizard", content="Abracadabra")
    assert ask(connect(server), [spell]).text == "So it is."
    (request,) = server.requests
    (message,) = turns_of(request)
    assert message["role"] == "user"
    assert [part["text"] for part in message["content"]] == [
        *('<message role="wizard">', "Abracadabra", "</message>"),
    ]


@every_way
@pytest.mark.parametrize(
    "messages",
    [[], [HumanMessage("")], [SystemMessage("\n"), HumanMessage(" ")]],
    ids=["none", "empty", "blank"],
)
def test_an_empty_conversation(
    ask: Ask, messages: list, serve: Any, connect: Any
) -> None:
    server = serve()
    with pytest.raises(MiniMaxInvalidRequestError, match="empty"):
        ask(connect(server), messages)
    assert server.requests == []


IMAGE = {"type": "image", "url": "https://example.com/a.png"}


@every_way
@pytest.mark.parametrize(
    ("model", "part", "words"),
    [
        ("MiniMax-M2.7", IMAGE, r"M2\.7 cannot see.*MiniMax-M3"),
        ("MiniMax-M2.7", {**IMAGE, "type": "video"}, r"M2\.7 cannot see.*a video"),
        ("MiniMax-M3", {**IMAGE, "type": "audio"}, "no audio"),
        ("MiniMax-M3", {**IMAGE, "type": "file"}, "no documents"),
        ("MiniMax-M3", {**IMAGE, "url": "file:///srv/a.png"}, "cannot fetch"),
    ],
    ids=["image", "video", "audio", "document", "out of reach"],
)
def test_what_the_model_cannot_see(
    ask: Ask, model: str, part: dict, words: str, serve: Any, connect: Any
) -> None:
    server = serve()
    with pytest.raises(MiniMaxInvalidRequestError, match=words):
        ask(connect(server, model=model), [HumanMessage(["Look:", part])])
    assert server.requests == []


@every_way
def test_a_history_in_disorder(ask: Ask, serve: Any, connect: Any) -> None:
    """The emulator refuses what MiniMax refuses; nothing of this is left to refuse."""
    server = serve("So it is.")
    call = {"id": "functions.dig:0", "name": "dig", "args": {"at": 1}}
    history = [
        ToolMessage("gone", tool_call_id="c0"),
        SystemMessage("Be kind."),
        AIMessage("", tool_calls=[call, {**call, "id": "c2"}]),
        HumanMessage(["Wait!", IMAGE]),
        ToolMessage(["Look:", IMAGE], tool_call_id="functions.dig:0"),
        AIMessage(""),
        HumanMessage("", name="ann"),
        SystemMessage("Be brief."),
    ]
    assert ask(connect(server), history).text == "So it is."
    (request,) = server.requests
    assert request.stray_keys == []
    assert [turn["role"] for turn in turns_of(request)] == [
        *("user", "assistant", "user", "user"),
    ]


@every_way
def test_a_wrong_path(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server, base_url=server.url + "/nowhere")
    refused(ask, model, MiniMaxInvalidRequestError, "base_url")


@every_way
def test_nobody_there(ask: Ask, serve: Any, connect: Any) -> None:
    server = serve()
    model = connect(server)
    server.stop()
    refused(ask, model, MiniMaxConnectionError, "base_url")


# --- What the server says ------------------------------------------------------------


@every_way
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (1000, MiniMaxAPIError, "later"),
        (1002, MiniMaxRateLimitError, "rate_limiter"),
        (1008, MiniMaxInsufficientBalanceError, "Top up"),
        (1026, MiniMaxContentFilterError, "filter"),
        (1027, MiniMaxContentFilterError, "filter"),
        (1039, MiniMaxInvalidRequestError, "max_tokens"),
        (2013, MiniMaxInvalidRequestError, "invalid params"),
        (2056, MiniMaxQuotaExceededError, "resets at"),
        (2061, MiniMaxPermissionDeniedError, "plan"),
        (2064, MiniMaxOverloadedError, "later"),
    ],
)
@pytest.mark.parametrize("inside_200", [False, True])
def test_a_code_of_minimax(
    ask: Ask,
    code: int,
    kind: type[MiniMaxError],
    words: str,
    inside_200: bool,
    serve: Any,
    connect: Any,
) -> None:
    """The code decides, whatever the HTTP status."""
    fault = Fault.ok_with_base_resp(code) if inside_200 else Fault.error(code)
    error = refused(ask, connect(serve(fault)), kind, words)
    assert error.code == code
    assert error.response.status_code == error.status_code
    if isinstance(error, MiniMaxQuotaExceededError):
        assert error.resets_at is not None


@every_way
def test_a_prompt_that_is_too_long(ask: Ask, serve: Any, connect: Any) -> None:
    fault = Fault.error(2013, "context window exceeds limit")
    refused(ask, connect(serve(fault)), MiniMaxContextOverflowError, "trim_messages")


@every_way
@pytest.mark.parametrize(
    ("sample", "protocol"),
    [
        pytest.param(each, each.wire, id=each.name)
        for each in samples(errors=True, wire=None, self_hosted=None)
    ],
)
def test_every_captured_error_is_read(
    ask: Ask, sample: Sample, serve: Any, connect: Any
) -> None:
    kind = "text/event-stream" if sample.stream else JSON
    server = serve(Raw(sample.body, status=sample.status, content_type=kind))
    with pytest.raises(MiniMaxError) as caught:
        ask(connect(server), "Hello")
    assert caught.value.code == sample.error["code"]
    assert sample.error["message"] in str(caught.value)
    if sample.error["request_id"]:
        assert caught.value.request_id == sample.error["request_id"]


# --- What is no reply ----------------------------------------------------------------


@every_way
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Fault.html(200), MiniMaxResponseError, "proxy"),
        (Fault.html(502), MiniMaxAPIError, "Bad Gateway"),
        (Raw("{]", content_type=JSON), MiniMaxResponseError, "no reply"),
        (Raw("[1]", content_type=JSON), MiniMaxResponseError, "no reply"),
        (Raw("", content_type=JSON), MiniMaxResponseError, "empty body"),
        *(
            (Raw(body, content_type=JSON), MiniMaxResponseError, "The reply has no")
            for body in (
                *('{"content": null}', '{"type": "message"}'),
                *('{"choices": null}', '{"object": "chat.completion"}'),
            )
        ),
        (Fault.garbage(), MiniMaxStreamTruncatedError, "broke off"),
        (Fault.empty(), MiniMaxStreamTruncatedError, "broke off"),
        (Raw("data: {]\n\n"), MiniMaxResponseError, "no event"),
        (Raw("", status=204), MiniMaxAPIError, "204"),
        (
            Raw("", status=302, headers={"location": "/login"}),
            MiniMaxInvalidRequestError,
            "302",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_reply(
    ask: Ask,
    answer: Any,
    kind: type[MiniMaxError],
    words: str,
    serve: Any,
    connect: Any,
) -> None:
    refused(ask, connect(serve(answer)), kind, words)


@every_way
@pytest.mark.parametrize("stop_reason", ["end_turn", "max_tokens"])
def test_an_empty_answer_is_an_answer(
    ask: Ask, stop_reason: str, serve: Any, connect: Any
) -> None:
    server = serve(Reply(blocks=[], stop_reason=stop_reason))
    message = ask(connect(server), "Hello")
    assert message.text == ""
    assert message.tool_calls == []
    assert message.response_metadata["stop_reason"] == stop_reason


@every_way
def test_a_key_that_the_server_repeats_is_not_passed_on(
    ask: Ask, serve: Any, connect: Any
) -> None:
    key = "sk-api-emulated"
    body = json.dumps(
        {"type": "error", "error": {"type": "x_error", "message": f"bad {key}"}}
    )
    headers = {"x-echo": f"Bearer {key}"}
    server = serve(Raw(body, status=400, headers=headers, content_type=JSON))
    error = refused(ask, connect(server), MiniMaxInvalidRequestError, r"bad \*\*\*")
    assert error.response.headers["x-echo"] == "Bearer ***"


# --- Streams that break --------------------------------------------------------------

STREAMS = ["stream", "astream", "events", "aevents"]


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("after", ["start", "content"])
def test_an_error_event(
    way: str, wrapped: bool, after: str, serve: Any, connect: Any
) -> None:
    server = serve(Fault.error_event(after, wrapped=wrapped, reply=THOUGHTFUL))
    error = refused(WAYS[way], connect(server), MiniMaxOverloadedError, "high load")
    assert error.code == 2064
    if after == "content":
        (block,) = error.partial.additional_kwargs["thinking_blocks"]
        assert THOUGHTFUL.blocks[0].text.startswith(block["thinking"])


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("ending", [Fault.cut, Fault.reset])
def test_a_stream_that_ends_early(
    way: str, ending: Any, serve: Any, connect: Any
) -> None:
    half = Reply(blocks=[Text("Once upon a time there was a king.")])
    server = serve(ending(at_byte=700, reply=half))
    error = refused(
        WAYS[way], connect(server), MiniMaxStreamTruncatedError, "broke off"
    )
    assert half.blocks[0].text.startswith(error.partial.text)


@every_way
@pytest.mark.parametrize("ending", [Fault.cut, Fault.reset])
def test_a_connection_that_ends_before_the_reply(
    ask: Ask, ending: Any, serve: Any, connect: Any
) -> None:
    refused(ask, connect(serve(ending())), MiniMaxConnectionError, "connection")


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_whole_reply_that_ends_early(way: str, serve: Any, connect: Any) -> None:
    server = serve(Fault.cut(at_byte=100, reply="A long story."))
    refused(WAYS[way], connect(server), MiniMaxStreamTruncatedError, "broke off")


@pytest.mark.parametrize("way", STREAMS)
def test_a_tool_call_that_was_cut_is_no_call(
    way: str, serve: Any, connect: Any
) -> None:
    call = ToolUse("delete", '{"path": "/srv/a', id="call_cut")
    done = ToolUse("look", {"path": "/srv"}, id="call_whole")
    server = serve(Reply(blocks=[done, call], stop_reason="max_tokens"))
    message = WAYS[way](connect(server), "Clean up")
    assert [each["id"] for each in message.tool_calls] == ["call_whole"]
    assert [each["id"] for each in message.invalid_tool_calls] == ["call_cut"]


@pytest.mark.parametrize("way", STREAMS)
def test_a_tool_call_that_was_open_when_the_stream_broke_is_no_call(
    way: str, serve: Any, connect: Any
) -> None:
    body = Reply(blocks=[ToolUse("delete", {"path": "/srv/a/b/c/d"}, id="call_cut")])
    for at in range(600, 1000, 40):
        server = serve(Fault.cut(at_byte=at, reply=body))
        try:
            WAYS[way](connect(server), "Clean up")
        except MiniMaxStreamTruncatedError as error:
            calls = error.partial.tool_calls if error.partial else []
            assert all(call["args"] == {"path": "/srv/a/b/c/d"} for call in calls)
