"""The emulator's `/v1/chat/completions` as the `openai` SDK and `ChatOpenAI` see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from langchain_minimax.testing import (
    Emulator,
    Fault,
    Quirks,
    Raw,
    Reply,
    Text,
    Thinking,
    ToolUse,
)


def a_tool(name: str, description: str, parameter: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {parameter: {"type": "string"}},
        "required": [parameter],
    }
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


WEATHER = a_tool("get_weather", "Get the current weather in a city", "city")
TIME = a_tool("get_time", "Get the local time in a city", "city")
QUESTION = {"role": "user", "content": "The weather and the time in Paris, please."}
HELLO = {"role": "user", "content": "Hello"}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
        }
    ],
}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "18C"}


@pytest.fixture
def client_of() -> Iterator[Callable[..., openai.OpenAI]]:
    opened: list[openai.OpenAI] = []

    def client(emulator: Emulator, **options: Any) -> openai.OpenAI:
        opened.append(
            openai.OpenAI(
                base_url=f"{emulator.url}/v1",
                **{"api_key": emulator.api_key, "max_retries": 0, **options},
            )
        )
        return opened[-1]

    yield client
    for one in opened:
        one.close()


def asking(*messages: Any, **fields: Any) -> Any:
    split = {"reasoning_split": True, **fields.pop("extra_body", {})}
    return {
        "model": "MiniMax-M3",
        "messages": list(messages) or [QUESTION],
        "extra_body": split,
        **fields,
    }


def said(client: openai.OpenAI, request: Any, *, streaming: bool) -> dict[str, Any]:
    """The message of the reply, put together again if it was streamed."""
    if not streaming:
        reply = client.chat.completions.create(**request)
        return reply.choices[0].message.model_dump(exclude_unset=True)
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    for chunk in client.chat.completions.create(**request, stream=True):
        for choice in chunk.choices:
            _add(message, choice.delta.model_dump(exclude_unset=True))
    # Beside calls, "" would be refused.
    return message if message["content"] else {**message, "content": None}


def _add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    message["content"] += delta.get("content") or ""
    if thought := delta.get("reasoning_content"):
        message["reasoning_content"] = message.get("reasoning_content", "") + thought
    calls = message.setdefault("tool_calls", []) if delta.get("tool_calls") else []
    for call in delta.get("tool_calls") or ():
        if call["index"] == len(calls):
            calls.append(call)
        else:
            more = call["function"]["arguments"]
            calls[call["index"]]["function"]["arguments"] += more


def test_creates_a_completion(serve, client_of):
    server = serve()
    request = asking(tools=[WEATHER], max_completion_tokens=1024)
    completion = client_of(server).chat.completions.create(**request)

    [choice] = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    [call] = choice.message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    thought = choice.message.reasoning_content
    assert thought.startswith("The user says")
    assert choice.message.reasoning_details == [
        {
            "type": "reasoning.text",
            "id": "reasoning-text-1",
            "format": "MiniMax-response-v1",
            "index": 0,
            "text": thought,
        }
    ]
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert completion.base_resp == {"status_code": 0, "status_msg": ""}
    [record] = server.requests
    assert record.body["messages"] == [QUESTION]
    assert record.body["reasoning_split"] is True
    assert record.completed
    assert record.stray_keys == []
    assert record.reply_content == [
        {"type": "thinking", "thinking": thought},
        {
            "type": "tool_use",
            "id": call.id,
            "name": "get_weather",
            "input": {"city": "Paris"},
        },
    ]


@pytest.mark.parametrize(
    ("model", "fields", "content", "reasoning"),
    [
        ("MiniMax-M3", {}, "<think>\nA greeting.\n</think>\nHello.", None),
        ("minimax-m2.7", {}, "<think>\nA greeting.\n</think>\n\nHello.", None),
        ("MiniMax-M3", {"reasoning_split": True}, "Hello.", "A greeting."),
        ("MiniMax-M3.1-Flash", {"reasoning_split": False}, "Hello.", "A greeting."),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_thinking_stands_where_it_was_asked_for(
    serve, client_of, model, fields, content, reasoning, streaming
):
    server = serve(Reply([Thinking("A greeting."), Text("Hello.")]))
    request = {"model": model, "messages": [HELLO], "extra_body": fields}
    message = said(client_of(server), request, streaming=streaming)

    assert message["content"] == content
    assert message.get("reasoning_content") == reasoning


@pytest.mark.parametrize(
    ("model", "thinking", "thinks"),
    [
        ("MiniMax-M3", {}, True),
        ("MiniMax-M3", {"thinking": {"type": "adaptive"}}, True),
        ("MiniMax-M3", {"thinking": {"type": "disabled"}}, False),
        ("MiniMax-M2.7", {"thinking": {"type": "disabled"}}, True),
    ],
)
def test_m3_thinks_unless_told_not_to(serve, client_of, model, thinking, thinks):
    server = serve()
    request = asking(HELLO, model=model, extra_body=thinking)
    message = said(client_of(server), request, streaming=False)

    assert bool(message.get("reasoning_content")) is thinks
    assert 'You said "Hello"' in message["content"]


def test_streams_as_recorded(serve):
    call = Reply([Thinking("The user wants rain."), ToolUse("rain", {"mm": 3}, "c1")])
    server = serve(call, "Two words.", "One.")

    def chunks(**fields: Any) -> list[Any]:
        reply = httpx.post(
            f"{server.url}/v1/chat/completions",
            headers={"authorization": f"Bearer {server.api_key}"},
            json={
                "model": "MiniMax-M3",
                "messages": [HELLO],
                "stream": True,
                "reasoning_split": True,
                **fields,
            },
        )
        assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = [line for line in reply.text.split("\n\n") if line]
        assert all(line.startswith("data: {") for line in lines)  # no [DONE]
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    first, second, last, counted = chunks(stream_options={"include_usage": True})
    assert list(first) == [
        "id",
        "choices",
        "created",
        "model",
        "object",
        "usage",
        "service_tier",
    ]
    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant"}}]
    assert first["usage"] is None
    thought = second["choices"][0]["delta"]
    assert thought["reasoning_content"] == "The user wants rain"
    assert thought["reasoning_details"][0]["text"] == "The user wants rain"
    [choice] = last["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert list(choice["delta"]) == [
        "content",
        "role",
        "tool_calls",
        "reasoning_content",
        "reasoning_details",
    ]
    assert choice["delta"]["content"] == ""
    assert choice["delta"]["reasoning_content"] == "."
    assert choice["delta"]["tool_calls"] == [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "rain", "arguments": '{"mm":3}'},
            "index": 0,
        }
    ]
    assert counted["choices"] == []
    assert counted["usage"]["total_tokens"] > 0
    assert counted["base_resp"]["status_code"] == 0
    # Nobody asked for the usage.
    *_, last = chunks()
    assert last["usage"] is None
    assert last["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_a_tool_loop_with_parallel_calls(serve, client_of, streaming, split):
    server, results = serve(), {"get_weather": "18C and sunny", "get_time": "12:34"}
    client = client_of(server)
    system = {"role": "system", "content": "Be brief."}
    fields = {"tools": [WEATHER, TIME], "extra_body": {"reasoning_split": split}}
    asked = said(client, asking(system, QUESTION, **fields), streaming=streaming)
    answered = [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": results[call["function"]["name"]],
        }
        for call in asked["tool_calls"]
    ]
    thread = [system, QUESTION, asked, *answered]
    answer = said(client, asking(*thread, **fields), streaming=streaming)
    again = {"role": "user", "content": "Thank you."}
    said(client, asking(*thread, answer, again), streaming=streaming)

    assert [call["index"] for call in asked["tool_calls"]] == [0, 1]
    assert {call["function"]["name"] for call in asked["tool_calls"]} == set(results)
    assert all(result in answer["content"] for result in results.values())
    assert all(record.stray_keys == [] for record in server.requests)
    came_back = [(r.turn_index, r.verdict) for r in server.requests[-1].replayed]
    assert came_back == [(2, "verbatim"), (5, "verbatim")]
    assert "5 messages, 2 tools; message 2 (thinking <" in server.report()


def test_thinking_that_does_not_come_back_is_noticed(serve, client_of):
    server = serve(quirks=Quirks(refuse_missing_thinking=True))
    client = client_of(server)
    reply = said(client, asking(HELLO), streaming=False)
    del reply["reasoning_content"], reply["reasoning_details"]
    missing = pytest.raises(openai.BadRequestError, match="thinking block is missing")
    with missing:
        said(client, asking(HELLO, reply, HELLO), streaming=False)

    [replay] = server.requests[-1].replayed
    assert (replay.turn_index, replay.verdict) == (1, "thinking_missing")


def test_the_recorded_replay_is_taken(serve, client_of):
    thought = {"type": "reasoning.text", "id": "reasoning-text-1", "text": "Rain?"}
    replay = {
        **CALLED,
        "content": None,
        "reasoning_content": "Rain?",
        "reasoning_details": [thought],
    }
    request = asking(QUESTION, replay, RESULT, tools=[WEATHER], tool_choice="none")

    assert "18C" in said(client_of(serve()), request, streaming=True)["content"]


@pytest.mark.parametrize("size", [3, None])
def test_scripted_replies_stay_as_they_are(serve, client_of, size):
    broken = ToolUse("rain", '{"mm": ', "c1")
    blocks = [Text("I'll look."), ToolUse("sun", {"h": 12}, "c0"), broken]
    server = serve(
        Reply(blocks, "max_tokens", delta_size=size), Reply(blocks, "max_tokens")
    )
    client = client_of(server)
    streamed = said(client, asking(), streaming=True)
    plain = client.chat.completions.create(**asking()).choices[0]

    for message in (streamed, plain.message.model_dump(exclude_unset=True)):
        assert message["content"] == "I'll look."
        calls = [(c["id"], c["function"]) for c in message["tool_calls"]]
        assert calls == [
            ("c0", {"name": "sun", "arguments": '{"h":12}'}),
            ("c1", {"name": "rain", "arguments": '{"mm": '}),
        ]
    assert plain.finish_reason == "length"


def test_pictures_are_looked_at_or_dropped_in_silence(serve, client_of):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    words = {"type": "text", "text": "What is it?"}
    seen = {"role": "user", "content": [words, picture]}
    broken = {"role": "user", "content": [words, {**picture, "image_url": {"url": 3}}]}
    client = client_of(serve())
    for model in ("MiniMax-M3", "MiniMax-M2.7"):
        said(client, asking(seen, model=model), streaming=False)
    said(client, asking(broken, model="MiniMax-M2.7"), streaming=False)
    with pytest.raises(openai.BadRequestError, match="expr_path=url"):
        said(client, asking(broken), streaming=False)


def _call(**fields: Any) -> Any:
    [call] = CALLED["tool_calls"]
    function = {**call["function"], **fields}
    return {**CALLED, "tool_calls": [{**call, "function": function}]}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asking(HELLO, {"role": "system", "content": "B"}), "invalid chat setting"),
        (
            asking(*[{"role": "system", "content": "B"}] * 2, HELLO),
            "invalid chat setting",
        ),
        (asking({"role": "system", "content": "B"}), "chat content is empty"),
        (asking({"role": "system", "content": ""}, HELLO), "chat content is empty"),
        (asking({"role": "user", "content": ""}), "chat content is empty"),
        (asking({"role": "user", "content": None}), "chat content is empty"),
        (asking({"role": "user", "content": 3}), "Mismatch type content"),
        (asking({"role": "user", "content": [3]}), "Mismatch type content part"),
        (asking(messages=[]), "chat content is empty"),
        (asking(messages=["Hello"]), "Mismatch type message"),
        (asking({"role": "dev", "content": "B"}), "invalid message role: dev"),
        (asking(HELLO, CALLED), "tool call and result not match"),
        (asking(HELLO, RESULT), "tool call result does not follow tool call"),
        (
            asking(HELLO, CALLED, HELLO, RESULT),
            "tool call result does not follow tool call",
        ),
        (
            asking(HELLO, CALLED, {**RESULT, "tool_call_id": "X"}),
            r"tool result's tool id\(X\) not found",
        ),
        (asking(HELLO, CALLED, RESULT, RESULT), "tool call and result not match"),
        (
            # TinyHarness #36, 2026-06-24: `null` is right.
            asking(HELLO, {**CALLED, "content": ""}, RESULT),
            "tool call result does not follow tool call",
        ),
        (
            asking(HELLO, CALLED, {**RESULT, "tool_call_id": ""}),
            "expr_path=tool_call_id",
        ),
        *(
            (
                asking(HELLO, _call(arguments=given), RESULT),
                "invalid function arguments json string, tool_call_id: call_1",
            )
            for given in ("{", "[]", "", {"city": "Paris"})
        ),
        (asking(HELLO, _call(name=""), RESULT), "function name is empty"),
        (asking(HELLO, {**CALLED, "tool_calls": [{}]}), "function name is empty"),
        (asking(HELLO, {**CALLED, "tool_calls": [3]}), "Mismatch type"),
        (asking(tools=[]), "tools is empty"),
        (asking(tools=[{"function": {}}]), r"invalid tool type: \(2013\)"),
        (
            asking(tools=[{**WEATHER, "type": "custom"}]),
            r"invalid tool type: custom \(2013\)",
        ),
        (asking(tools=[{"type": "function"}]), "function name is empty"),
        (
            asking(tools=[{"type": "function", "function": {"name": "a"}}]),
            "function parameters is empty",
        ),
        (asking(tools=[3]), "Mismatch type tool"),
        (asking(extra_body={"tools": 3}), "Mismatch type tools list with value int"),
        (
            asking(extra_body={"thinking": {"type": "enabled", "budget_tokens": 9}}),
            r'invalid thinking.type: "enabled" \(allowed: adaptive, disabled\)',
        ),
        (
            asking(extra_body={"thinking": False}),
            "Mismatch type open_platform_oai.ThinkingConfig with value bool",
        ),
        (asking(extra_body={"reasoning_split": 1}), "Mismatch type bool"),
        (
            asking(
                model="MiniMax-M3.1-Flash",
                extra_body={"thinking": {"type": "disabled"}},
            ),
            'model "MiniMax-M3.1-Flash" requires adaptive thinking',
        ),
        (asking(model="MiniMax-M9"), r"unknown model 'minimax-m9' \(2013\)"),
        (asking(max_completion_tokens=524_289), "does not support max tokens > 524288"),
        (asking(temperature=3), "temperature must be within"),
    ],
)
def test_refuses_what_minimax_refuses(serve, client_of, request_, words):
    server = serve("never said")
    with pytest.raises(openai.BadRequestError, match=words) as caught:
        client_of(server).chat.completions.create(**request_)

    error = caught.value.body
    assert error["type"] == "bad_request_error"
    assert error["http_code"] == "400"
    assert error["message"].endswith("(2013)")
    [record] = server.requests
    assert record.status == 400
    assert record.reply_content is None


@pytest.mark.parametrize("field", ["tool_choice", "response_format", "stop", "n"])
def test_ignores_what_minimax_ignores(serve, client_of, field):
    ignored = {
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "response_format": {"type": "json_object"},
        "stop": ["o"],
        "n": 2,
    }
    request = asking(HELLO, tools=[WEATHER], **{field: ignored[field]})
    [choice] = client_of(serve()).chat.completions.create(**request).choices

    assert choice.finish_reason == "stop"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"api_key": "wrong"}, r"invalid api key \(2049\)"),
        (
            {"default_headers": {"Authorization": ""}},
            r"in the 'Authorization' field of the request header \(1004\)",
        ),
        (
            # Only the Messages protocol knows that one.
            {
                "default_headers": {
                    "Authorization": "",
                    "x-api-key": "sk-api-emulated",
                }
            },
            r"in the 'Authorization' field of the request header \(1004\)",
        ),
    ],
)
def test_keys_are_checked(serve, client_of, options, words):
    with pytest.raises(openai.AuthenticationError, match=words) as caught:
        said(client_of(serve(), **options), asking(), streaming=False)

    assert caught.value.body["type"] == "authorized_error"


@pytest.mark.parametrize(
    ("code", "status", "kind", "error"),
    [
        (2013, 400, "bad_request_error", openai.BadRequestError),
        (2049, 401, "authorized_error", openai.AuthenticationError),
        (1008, 402, "insufficient_balance_error", openai.APIStatusError),
        (1026, 422, "unprocessable_entity_error", openai.UnprocessableEntityError),
        (1002, 429, "rate_limit_error", openai.RateLimitError),
        (2056, 429, "rate_limit_error", openai.RateLimitError),
        (1000, 500, "api_error", openai.InternalServerError),
        (2064, 529, "overloaded_error", openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_faults_become_the_errors_of_the_sdk(
    serve, client_of, code, status, kind, error, streaming
):
    with pytest.raises(error, match=rf"\({code}\)") as caught:
        said(client_of(serve(Fault.error(code))), asking(), streaming=streaming)

    assert type(caught.value) is error
    assert caught.value.status_code == status
    assert caught.value.body["type"] == kind
    assert caught.value.body["http_code"] == str(status)


def test_the_sdk_retries_past_a_fault(serve, client_of):
    server = serve(Fault.error(2064, retry_after=0.01), "Here I am.")
    message = said(client_of(server, max_retries=1), asking(), streaming=False)

    assert message["content"] == "Here I am."
    assert [record.status for record in server.requests] == [529, 200]


def test_other_faults_work_here_too(serve, client_of):
    greeting = "Hello there, you."
    server = serve(
        Fault.error_event("content", reply=greeting),
        Fault.error_event("start", reply=greeting),
        Fault.cut(150),
        Fault.cut(),
        Raw('{"choices": [], "mine": true}', content_type="application/json"),
        Fault.ok_with_base_resp(1039),
        lambda record: record.body["messages"][0]["content"],
    )
    client = client_of(server)
    for _ in range(2):
        with pytest.raises(openai.APIError, match="under high load"):
            said(client, asking(), streaming=True)
    # Its second major version lets the error of httpx through.
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        said(client, asking(), streaming=True)
    with pytest.raises(openai.APIConnectionError):
        said(client, asking(), streaming=False)
    assert client.chat.completions.create(**asking()).mine is True
    failed = client.chat.completions.create(**asking())
    assert failed.choices is None
    assert failed.base_resp == {"status_code": 1039, "status_msg": "token limit"}
    assert said(client, asking(HELLO), streaming=False)["content"] == "Hello"


@pytest.mark.parametrize("streaming", [False, True])
def test_a_filter_may_end_a_reply(serve, client_of, streaming):
    flags = {"output_sensitive": True, "output_sensitive_type": 6}
    server = serve(Reply([Text("Well,")], "content_filter", sensitive=flags))
    client = client_of(server)
    if streaming:
        *_, last = client.chat.completions.create(**asking(), stream=True)
    else:
        last = client.chat.completions.create(**asking())

    assert last.choices[0].finish_reason == "content_filter"
    assert (last.output_sensitive, last.output_sensitive_type) == (True, 6)
    assert last.input_sensitive is False


async def test_the_async_client_works_too(serve):
    server = serve()
    client = openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key=server.api_key, max_retries=0
    )
    request = asking(tools=[WEATHER, TIME])
    async with client:
        whole = await client.chat.completions.create(**request)
        chunks = await client.chat.completions.create(**request, stream=True)
        deltas = [c.choices[0].delta async for c in chunks]
        with pytest.raises(openai.BadRequestError, match="chat content is empty"):
            await client.chat.completions.create(**asking(messages=[]))

    calls = whole.choices[0].message.tool_calls
    streamed = [call for delta in deltas for call in delta.tool_calls or ()]
    for each in (calls, streamed):
        names = [call.function.name for call in each]
        assert names == ["get_weather", "get_time"]
        assert all(json.loads(c.function.arguments) == {"city": "Paris"} for c in each)
    assert [request.completed for request in server.requests] == [True, True, True]


def test_lists_models(serve, client_of):
    listed = list(client_of(serve()).models.list())

    assert {"MiniMax-M3", "MiniMax-M2"} <= {model.id for model in listed}
    assert {model.owned_by for model in listed} == {"minimax"}
    with pytest.raises(openai.AuthenticationError, match="2049"):
        client_of(serve(), api_key="wrong").models.list()


def test_a_user_has_one_name(serve, client_of):
    ada, bob = ({**HELLO, "name": name} for name in ("Ada", "Bob"))
    client = client_of(serve())
    said(
        client,
        asking(ada, {"role": "assistant", "content": "Hi."}, ada),
        streaming=False,
    )
    with pytest.raises(openai.BadRequestError, match="user name must be consistent"):
        said(client, asking(ada, bob), streaming=False)


def test_one_script_serves_both_protocols(serve, client_of, connect):
    server = serve("First.", "Second.", "Third.")
    client, model = client_of(server), connect(server)

    assert said(client, asking(), streaming=False)["content"] == "First."
    assert model.invoke("Hello").text == "Second."
    assert said(client, asking(), streaming=True)["content"] == "Third."


@tool
def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"18C in {city}"


@tool
def get_time(city: str) -> str:
    """Get the local time in a city."""
    return f"12:34 in {city}"


@pytest.fixture
def langchain_of() -> Callable[..., ChatOpenAI]:
    def model(emulator: Emulator, **fields: Any) -> ChatOpenAI:
        return ChatOpenAI(
            model="MiniMax-M3",
            api_key=emulator.api_key,
            base_url=f"{emulator.url}/v1",
            max_retries=0,
            **fields,
        )

    return model


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("split", "verdict"), [(False, "verbatim"), (True, "thinking_missing")]
)
def test_chat_openai_runs_a_tool_loop(serve, langchain_of, streaming, split, verdict):
    server, tools = serve(), {t.name: t for t in (get_weather, get_time)}
    model = langchain_of(
        server, stream_usage=True, extra_body={"reasoning_split": split}
    ).bind_tools(list(tools.values()))

    def say(thread: list[Any]) -> AIMessage:
        if not streaming:
            return model.invoke(thread)
        chunks = list(model.stream(thread))
        assert len(chunks) > 3
        return sum(chunks[1:], chunks[0])

    thread: list[Any] = [SystemMessage("Be brief."), HumanMessage(QUESTION["content"])]
    called = say(thread)
    assert {call["name"] for call in called.tool_calls} == set(tools)
    assert all(call["args"] == {"city": "Paris"} for call in called.tool_calls)
    results = [tools[call["name"]].invoke(call) for call in called.tool_calls]
    assert all(isinstance(result, ToolMessage) for result in results)
    answer = say([*thread, called, *results])

    assert "18C in Paris" in answer.text
    assert "12:34 in Paris" in answer.text
    assert answer.response_metadata["finish_reason"] == "stop"
    usage = answer.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    [replay] = server.requests[-1].replayed
    # ChatOpenAI keeps thinking only where it stands in the content.
    assert (replay.turn_index, replay.verdict) == (2, verdict)


def test_chat_openai_raises_what_is_refused(serve, langchain_of):
    with pytest.raises(openai.BadRequestError, match="invalid chat setting"):
        langchain_of(serve()).invoke([HumanMessage("Hi"), SystemMessage("Be brief.")])
