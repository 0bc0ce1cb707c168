"""The emulator as vLLM or SGLang, to the `openai` and `anthropic` SDKs."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import openai
import pytest

from langchain_minimax.testing import Quirks, Reply, Text, Thinking, ToolUse

ANSWER = Reply([Thinking("A greeting."), Text("Hello, how are you today?")])
TEXT = "Hello, how are you today?"
KINDS = {
    "reasoning": TEXT,
    "append_think": f"<think>A greeting.\n</think>\n\n{TEXT}",
    "append_mm_think": f"<mm:think>A greeting.</mm:think>{TEXT}",
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))
both_ways = pytest.mark.parametrize("streaming", [False, True])
HELLO: Any = {"role": "user", "content": "Hello"}


def ask_openai(server: Any, *messages: Any, streaming: bool) -> Any:
    """The message of the reply, its deltas put together."""
    request: Any = {"model": "MiniMax-M2.1", "messages": messages or [HELLO]}
    url = f"{server.base_url}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        if not streaming:
            [choice] = client.chat.completions.create(**request).choices
            return choice.message.model_dump(exclude_unset=True)
        message = {"role": "assistant", "content": "", "reasoning": ""}
        for chunk in client.chat.completions.create(**request, stream=True):
            for choice in chunk.choices:
                message["content"] += choice.delta.content or ""
                message["reasoning"] += getattr(choice.delta, "reasoning", "")
        return {name: said for name, said in message.items() if said}


def ask_anthropic(server: Any, *messages: Any, streaming: bool) -> Any:
    request: Any = {
        "model": "MiniMax-M2.1",
        "max_tokens": 100,
        "messages": messages or [HELLO],
    }
    url = server.base_url
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        if not streaming:
            return client.messages.create(**request)
        with client.messages.stream(**request) as stream:
            return stream.get_final_message()


@every_kind
@both_ways
def test_chat_completions(serve, kind, streaming):
    server = serve(ANSWER, "Fine.", quirks=Quirks(self_hosted=kind))
    message = ask_openai(server, streaming=streaming)
    ask_openai(server, HELLO, message, HELLO, streaming=streaming)

    assert message["content"] == KINDS[kind]
    assert message.get("reasoning") == ("A greeting." if kind == "reasoning" else None)
    first, second = server.requests
    assert first.path == "/v1/chat/completions"
    assert second.stray_keys == []
    assert [replay.verdict for replay in second.replayed] == ["verbatim"]
    assert "(thinking <A greeting.…>) came back verbatim" in server.report()


@every_kind
@both_ways
def test_messages(serve, kind, streaming):
    server = serve(ANSWER, "Fine.", quirks=Quirks(self_hosted=kind))
    message = ask_anthropic(server, streaming=streaming)
    content = [block.model_dump(exclude_none=True) for block in message.content]
    again: Any = {"role": "assistant", "content": content}
    ask_anthropic(server, HELLO, again, HELLO, streaming=streaming)

    assert message.id.startswith("msg_")
    assert message.content[-1].text == KINDS[kind]
    thoughts = [b.thinking for b in message.content if b.type == "thinking"]
    assert thoughts == (["A greeting."] if kind == "reasoning" else [])
    first, second = server.requests
    assert first.path == "/v1/messages"
    assert first.completed
    assert [replay.verdict for replay in second.replayed] == ["verbatim"]


def test_calls_have_the_ids_of_the_engine(serve):
    calls = [Reply([ToolUse("rain", {"mm": 3})])] * 2
    server = serve(*calls, quirks=Quirks(self_hosted="reasoning"))

    [chat] = ask_openai(server, streaming=False)["tool_calls"]
    [message] = ask_anthropic(server, streaming=False).content
    assert chat["id"].startswith("chatcmpl-tool-")
    assert chat["function"] == {"name": "rain", "arguments": '{"mm":3}'}
    assert message.id.startswith("chatcmpl-tool-")
    assert message.input == {"mm": 3}


def test_a_reply_is_known_again_over_the_other_protocol(serve):
    server = serve(ANSWER, quirks=Quirks(self_hosted="append_think"))
    said = ask_openai(server, streaming=True)
    thinking = {"type": "thinking", "thinking": "A greeting.", "signature": ""}
    apart = {
        "role": "assistant",
        "content": [thinking, {"type": "text", "text": TEXT}],
    }
    for turn in (said, apart):
        ask_anthropic(server, HELLO, turn, HELLO, streaming=False)
        assert [r.verdict for r in server.requests[-1].replayed] == ["verbatim"]


def test_it_serves_the_paths_of_an_engine_without_a_key(serve):
    server = serve("Hi.", quirks=Quirks(self_hosted="reasoning"))
    assert server.base_url == server.url
    body = {"model": "MiniMax-M2.1", "messages": [HELLO]}

    def status(method: str, path: str) -> int:
        return httpx.request(method, f"{server.url}{path}", json=body).status_code

    assert status("POST", "/v1/chat/completions") == 200
    assert status("POST", "/v1/messages") == 200
    assert status("POST", "/v1/messages/count_tokens") == 200
    assert status("GET", "/v1/models") == 200
    assert status("POST", "/anthropic/v1/messages") == 404
    assert status("GET", "/anthropic/v1/models") == 404
    assert status("GET", "/v1/files/list?purpose=voice_clone") == 404
    assert status("POST", "/v1/responses") == 404


def test_it_refuses_what_minimax_refuses(serve):
    server = serve(quirks=Quirks(self_hosted="reasoning"))
    system = {"role": "system", "content": "Be brief."}
    with pytest.raises(openai.BadRequestError, match="invalid chat setting"):
        ask_openai(server, HELLO, system, streaming=False)
    with pytest.raises(anthropic.BadRequestError, match="chat content is empty"):
        ask_anthropic(server, {**HELLO, "content": ""}, streaming=False)
