"""The emulator as the official `anthropic` SDK sees it."""

from typing import Any

import anthropic
import pytest

from langchain_minimax.testing import (
    Emulator,
    Fault,
    Quirks,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the current weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
QUESTION: Any = {"role": "user", "content": "What is the weather in San Francisco, CA?"}
CALL = Reply(
    [Thinking("The user wants rain."), Text("I'll look."), ToolUse("rain", {"mm": 3})]
)


@pytest.fixture
def server():
    with Emulator() as running:
        yield running


def client_of(server: Emulator, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=server.base_url,
        **{"api_key": server.api_key, "max_retries": 0, **options},
    )


def asking(**fields: Any) -> dict[str, Any]:
    return {
        "model": "MiniMax-M3",
        "max_tokens": 1024,
        "messages": [QUESTION],
        "thinking": {"type": "adaptive"},
        "tools": [WEATHER],
        **fields,
    }


def as_said(message: Any) -> dict[str, Any]:
    blocks = [block.model_dump(include=_SENT[block.type]) for block in message.content]
    return {"role": "assistant", "content": blocks}


_SENT = {
    "thinking": {"type", "thinking", "signature"},
    "text": {"type", "text"},
    "tool_use": {"type", "id", "name", "input"},
}


def test_creates_a_message(server):
    with client_of(server) as client:
        message = client.messages.create(**asking())

    thinking, call = message.content
    assert thinking.type == "thinking"
    assert len(thinking.signature) == 64
    assert call.type == "tool_use"
    assert call.input == {"city": "San Francisco, CA"}
    assert message.stop_reason == "tool_use"
    assert message.model == "MiniMax-M3"
    assert message.usage.output_tokens_details is not None
    [request] = server.requests
    assert request.status == 200
    assert request.completed
    assert request.reply_content == as_said(message)["content"]
    assert any(server.api_key in value for value in request.headers.values())


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(),
        Quirks(
            ids="clock",
            tool_ids="call_function_",
            ping=False,
            start_usage="bogus",
            delta_usage_details=False,
            empty_first_json_delta=True,
            fine_deltas=False,
        ),
    ],
)
def test_streams_a_message(quirks):
    with Emulator([CALL], quirks=quirks) as server, client_of(server) as client:
        with client.messages.stream(**asking()) as stream:
            text = "".join(stream.text_stream)
            message = stream.get_final_message()
        [request] = server.requests

    assert text == "I'll look."
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert message.stop_reason == "tool_use"
    assert request.reply_content == as_said(message)["content"]
    assert request.completed


@pytest.mark.parametrize("streaming", [False, True])
def test_a_tool_loop_ends_with_the_thinking_intact(server, streaming):
    def say(turns: Any) -> Any:
        if not streaming:
            return client.messages.create(**asking(messages=turns))
        with client.messages.stream(**asking(messages=turns)) as stream:
            return stream.get_final_message()

    turns = [QUESTION]
    with client_of(server) as client:
        call = say(turns)
        result = {
            "type": "tool_result",
            "tool_use_id": call.content[-1].id,
            "content": "18C and sunny",
        }
        turns += [as_said(call), {"role": "user", "content": [result]}]
        answer = say(turns)

    assert answer.stop_reason == "end_turn"
    assert "18C and sunny" in answer.content[-1].text
    last = server.requests[-1]
    assert [(r.turn_index, r.reply_id, r.verdict) for r in last.replayed] == [
        (1, call.id, "verbatim")
    ]
    assert last.stray_keys == []
    first, second = server.report().splitlines()
    assert first == "1. POST /anthropic/v1/messages -> 200, 1 messages, 1 tools"
    assert "-> 200, 3 messages, 1 tools; message 1 (thinking <The user" in second
    assert second.endswith("came back verbatim")


def test_thinking_that_does_not_come_back_is_noticed_and_refused_on_demand():
    quirks = Quirks(refuse_missing_thinking=True, refuse_altered_thinking=True)
    answer = Reply([Thinking("The user greets."), Text("Hello, you.")])
    with (
        Emulator([answer, "Better."], quirks=quirks) as server,
        client_of(server) as client,
    ):
        said = as_said(client.messages.create(**asking()))
        bare = {**said, "content": said["content"][1:]}
        altered = {**said["content"][0], "signature": "5e"}
        forged = {**said, "content": [altered, *bare["content"]]}
        missing = r"messages\.1: thinking block is missing"
        invalid = r"messages\.1\.content\.0: Invalid `signature` in `thinking` block"
        for replay, words in ((bare, missing), (forged, invalid)):
            with pytest.raises(anthropic.BadRequestError, match=words):
                client.messages.create(**asking(messages=[QUESTION, replay, QUESTION]))
        whole = client.messages.create(**asking(messages=[QUESTION, said, QUESTION]))
        verdicts = [[r.verdict for r in q.replayed] for q in server.requests]
        report = server.report()

    # A refused request takes nothing from the script.
    assert whole.content[0].text == "Better."
    assert verdicts == [[], ["thinking_missing"], ["thinking_altered"], ["verbatim"]]
    assert "WITHOUT its thinking" in report


def test_signatures_are_refused_on_demand_until_they_are_gone():
    answer = Reply([Text("Let me see."), Thinking("The user greets."), Text("Hello.")])
    quirks = Quirks(refuse_signatures=True)
    with (
        Emulator([answer, "Better."], quirks=quirks) as server,
        client_of(server) as client,
    ):
        said = as_said(client.messages.create(**asking()))
        invalid = r"messages\.1\.content\.1: Invalid `signature` in `thinking` block"
        with pytest.raises(anthropic.BadRequestError, match=invalid):
            client.messages.create(**asking(messages=[QUESTION, said, QUESTION]))
        bare = {**said, "content": said["content"][::2]}
        again = client.messages.create(**asking(messages=[QUESTION, bare, QUESTION]))

    assert again.content[0].text == "Better."


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        (
            {"model": "MiniMax-M9"},
            anthropic.NotFoundError,
            r"unknown model 'minimax-m9'",
        ),
        (
            {"messages": [{"role": "system", "content": "Be brief."}]},
            anthropic.BadRequestError,
            r"chat content has invalid message role: system \(2013\)",
        ),
        (
            {"extra_body": {"temperature": 3}},
            anthropic.BadRequestError,
            "temperature must be within",
        ),
    ],
)
def test_refusals_become_the_errors_of_the_sdk(server, fields, error, words):
    with client_of(server) as client, pytest.raises(error, match=words):
        client.messages.create(**asking(**fields))

    [request] = server.requests
    assert request.status == error.status_code
    assert request.reply_content is None


@pytest.mark.parametrize("code", [1000, 1008, 2056, 2064])
def test_scripted_errors_become_the_errors_of_the_sdk(code):
    fault = Fault.error(code)
    with (
        Emulator([fault]) as server,
        client_of(server) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        client.messages.create(**asking())

    assert caught.value.status_code == fault.status
    assert fault.message in str(caught.value)


def test_the_sdk_retries_past_a_fault():
    faults = [Fault.error(2064, retry_after=0.01), "Here I am."]
    with Emulator(faults) as server, client_of(server, max_retries=2) as client:
        message = client.messages.create(**asking())
        assert [request.status for request in server.requests] == [529, 200]

    assert message.content[0].text == "Here I am."


def test_keys_are_checked(server):
    wrong = pytest.raises(anthropic.AuthenticationError, match="invalid api key")
    with client_of(server, api_key="wrong") as client, wrong:
        client.messages.create(**asking())
    with client_of(server, api_key=None, auth_token=server.api_key) as client:
        client.messages.create(**asking())


def test_an_error_event_reaches_the_sdk():
    fault = Fault.error_event("content", reply="Hello there, you.")
    with (
        Emulator([fault]) as server,
        client_of(server) as client,
        pytest.raises(anthropic.APIStatusError, match="under high load"),
        client.messages.stream(**asking()) as stream,
    ):
        list(stream)


def test_counts_tokens_and_lists_models(server):
    with client_of(server) as client:
        counted = client.messages.count_tokens(model="MiniMax-M3", messages=[QUESTION])
        models = list(client.models.list())

    assert counted.input_tokens > 10
    assert {"MiniMax-M3", "MiniMax-M2"} <= {model.id for model in models}
    assert [request.method for request in server.requests] == ["POST", "GET"]


async def test_the_async_client_works_too(server):
    client = anthropic.AsyncAnthropic(
        base_url=server.base_url, api_key=server.api_key, max_retries=0
    )
    async with client:
        message = await client.messages.create(**asking())
        async with client.messages.stream(**asking()) as stream:
            streamed = await stream.get_final_message()

    for said in (message, streamed):
        assert said.content[-1].input == {"city": "San Francisco, CA"}
    assert all(request.completed for request in server.requests)
