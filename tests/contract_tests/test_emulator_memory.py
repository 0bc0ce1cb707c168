"""Replies of one protocol that come back over the other, by the vendors' own SDKs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from langchain_minimax.testing import (
    Emulator,
    Quirks,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

QUESTION = "What about the rain?"
TOOL: Any = {"name": "rain", "description": "Tell how it rains."}
SCHEMA: Any = {"type": "object", "properties": {"mm": {"type": "integer"}}}
CALLING = Reply([Thinking("The user wants rain."), Text("Look:"), ToolUse("rain")])
INTERLEAVED = Reply(
    [Thinking("One."), Text("A"), Thinking("Two."), Text("B"), ToolUse("rain")]
)
TALK = Reply([Thinking("A greeting."), Text("Hello.")])

Ask = Callable[[Emulator, list[Any]], list[Any]]


@pytest.fixture
def over_messages() -> Iterator[Ask]:
    """Sends turns of blocks over the Messages protocol; the blocks of the reply."""

    def ask(server: Emulator, turns: list[Any]) -> list[Any]:
        with anthropic.Anthropic(
            base_url=server.base_url, api_key=server.api_key
        ) as client:
            reply = client.messages.create(
                model="MiniMax-M3",
                max_tokens=100,
                messages=turns,
                thinking={"type": "adaptive"},
                tools=[{**TOOL, "input_schema": SCHEMA}],
            )
        return [block.model_dump(exclude_unset=True) for block in reply.content]

    return ask


@pytest.fixture(params=[True, False], ids=["split", "in the content"])
def split(request: pytest.FixtureRequest) -> bool:
    """Whether the thinking of Chat Completions has fields of its own."""
    return request.param


@pytest.fixture
def over_chat(split: bool) -> Ask:
    """Sends the same turns over Chat Completions, and reads the reply as blocks."""

    def ask(server: Emulator, turns: list[Any]) -> list[Any]:
        with openai.OpenAI(
            base_url=f"{server.url}/v1", api_key=server.api_key
        ) as client:
            reply = client.chat.completions.create(
                model="MiniMax-M3",
                messages=[m for turn in turns for m in as_chat(turn, split=split)],
                tools=[
                    {"type": "function", "function": {**TOOL, "parameters": SCHEMA}}
                ],
                extra_body={"reasoning_split": split},
            )
        return as_blocks(reply.choices[0].message.model_dump(exclude_unset=True))

    return ask


def as_chat(turn: Any, *, split: bool) -> Iterator[Any]:
    if isinstance(turn["content"], str):
        yield turn
        return
    blocks = turn["content"]
    for block in blocks:
        if block["type"] == "tool_result":
            yield {
                "role": "tool",
                "tool_call_id": block["tool_use_id"],
                "content": block["content"],
            }
    if turn["role"] == "assistant":
        thoughts = [b["thinking"] for b in blocks if b["type"] == "thinking"]
        text = "".join(b["text"] for b in blocks if b["type"] == "text")
        if thoughts and not split:
            text = f"<think>\n{''.join(thoughts)}\n</think>\n{text}"
        calls = [
            {
                "id": b["id"],
                "type": "function",
                "function": {"name": b["name"], "arguments": json.dumps(b["input"])},
            }
            for b in blocks
            if b["type"] == "tool_use"
        ]
        yield {
            "role": "assistant",
            "content": text or None,
            **({"tool_calls": calls} if calls else {}),
            **({"reasoning_details": [*map(detail, thoughts)]} if split else {}),
        }


def detail(text: str) -> Any:
    return {"type": "reasoning.text", "id": "reasoning-text-1", "text": text}


def as_blocks(message: Any) -> list[Any]:
    text = message.get("content") or ""
    thought = message.get("reasoning_content", "")
    if text.startswith("<think>\n"):
        thought, text = text.removeprefix("<think>\n").split("\n</think>\n")
    said = {"thinking": thought, "text": text}
    calls = [
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": json.loads(call["function"]["arguments"]),
        }
        for call in message.get("tool_calls") or ()
    ]
    return [*({"type": k, k: words} for k, words in said.items() if words), *calls]


def thread(blocks: list[Any]) -> list[Any]:
    """The reply where it belongs, with its call answered if it has one."""
    replied = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": blocks},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "3 mm"}
        for block in blocks
        if block["type"] == "tool_use"
    ]
    return [*replied, {"role": "user", "content": results or QUESTION}]


def verdicts(server: Emulator) -> list[str]:
    return [replay.verdict for replay in server.requests[-1].replayed]


@pytest.mark.parametrize("reply", [CALLING, INTERLEAVED, TALK])
def test_what_messages_said_comes_back_over_chat(
    serve, over_messages, over_chat, reply
):
    server = serve(reply, "Done.", quirks=Quirks(refuse_missing_thinking=True))
    blocks = over_messages(server, [{"role": "user", "content": QUESTION}])
    over_chat(server, thread(blocks))

    assert verdicts(server) == ["verbatim"]
    assert server.requests[-1].stray_keys == []
    first, second = server.report().splitlines()
    assert first.startswith("1. POST /anthropic/v1/messages -> 200")
    assert second.startswith("2. POST /v1/chat/completions -> 200, 3 messages, 1 tools")
    assert second.endswith("came back verbatim")


@pytest.mark.parametrize("reply", [CALLING, INTERLEAVED, TALK])
def test_what_chat_said_comes_back_over_messages(
    serve, over_messages, over_chat, reply
):
    server = serve(reply, "Done.", quirks=Quirks(refuse_missing_thinking=True))
    blocks = over_chat(server, [{"role": "user", "content": QUESTION}])
    assert blocks[0]["type"] == "thinking"
    over_messages(server, thread(blocks))

    assert verdicts(server) == ["verbatim"]
    assert server.report().endswith("came back verbatim")


def test_a_stray_mark_may_stay_behind_when_the_protocol_changes(
    serve, over_messages, over_chat
):
    server = serve(TALK, quirks=Quirks(chat_stray_close=True))
    thought, *rest = over_chat(server, [{"role": "user", "content": QUESTION}])
    without = thought["thinking"].removesuffix("\n</think>")
    for words in (thought["thinking"], without):
        over_messages(server, thread([{**thought, "thinking": words}, *rest]))
        assert verdicts(server) == ["verbatim"]


def test_a_thread_may_change_its_protocol_at_every_turn(
    serve, over_messages, over_chat
):
    server = serve(*[CALLING, INTERLEAVED] * 2)
    turns: list[Any] = [{"role": "user", "content": QUESTION}]
    for ask in (over_messages, over_chat) * 2:
        *_, replied, answered = thread(ask(server, turns))
        turns += [replied, answered]

    counts = [[r.verdict for r in request.replayed] for request in server.requests]
    assert counts == [["verbatim"] * n for n in range(4)]


@pytest.mark.parametrize("there", ["messages", "chat"])
def test_unfaithful_thinking_is_noticed_on_the_other_side(
    serve, over_messages, over_chat, there
):
    quirks = Quirks(refuse_altered_thinking=True, refuse_missing_thinking=True)
    server = serve(CALLING, quirks=quirks)
    here, other = over_messages, over_chat
    refused: Any = openai.BadRequestError
    if there == "messages":
        here, other = other, here
        refused = anthropic.BadRequestError
    thought, *rest = here(server, [{"role": "user", "content": QUESTION}])

    with pytest.raises(refused, match=r"messages\.1: thinking block is missing"):
        other(server, thread(rest))
    assert verdicts(server) == ["thinking_missing"]
    altered = {"type": "thinking", "thinking": f"{thought['thinking']} Or snow."}
    with pytest.raises(refused, match=r"messages\.1: thinking block is altered"):
        other(server, thread([altered, *rest]))
    assert verdicts(server) == ["thinking_altered"]
    assert server.report().splitlines()[-1].endswith("with its thinking ALTERED")
