"""Counting tokens over loopback: by the server, and in an agent's context editing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ClearToolUsesEdit, ContextEditingMiddleware
from langchain_core.messages import HumanMessage, SystemMessage, trim_messages

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxError,
)
from langchain_minimax.testing import Emulator, Quirks, Reply, ToolUse
from support.sent import turns_of

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]

COUNT = "/anthropic/v1/messages/count_tokens"
ASKED = [SystemMessage("Be brief."), HumanMessage("When is high water at Porto?")]


def read_log(name: str) -> str:
    """Read a log."""
    return f"{name}: " + "nothing happened; " * 200


def test_the_server_counts_the_same_for_both_protocols(serve: Serve, connect: Connect):
    server = serve("At 16:39.")
    model = connect(server, token_counting="api")
    alone = model.get_num_tokens_from_messages(ASKED)
    with_tool = model.get_num_tokens_from_messages(ASKED, [read_log])
    assert [request.path for request in server.requests] == [COUNT, COUNT]
    assert not any(request.stray_keys for request in server.requests)
    for request in server.requests:
        assert not {"max_tokens", "stream"} & request.body.keys()
    assert 0 < alone < with_tool
    if model.protocol == "anthropic":
        assert model.invoke(ASKED).usage_metadata["input_tokens"] == alone


def test_a_local_count_asks_nobody(serve: Serve, connect: Connect):
    server = serve()
    assert connect(server).get_num_tokens_from_messages(ASKED, [read_log]) > 100
    assert not server.requests


def test_refusals_are_typed(serve: Serve, connect: Connect):
    server = serve()
    wrong = connect(server, token_counting="api", api_key="sk-api-of-another")
    with pytest.raises(MiniMaxAuthenticationError):
        wrong.get_num_tokens_from_messages(ASKED)
    unknown = connect(server, token_counting="api", model="MiniMax-M9")
    with pytest.raises(MiniMaxError, match="minimax-m9") as caught:
        unknown.get_num_tokens_from_messages(ASKED)
    assert caught.value.request_id
    unreachable = connect(server, token_counting="api")
    server.stop()
    with pytest.raises(MiniMaxConnectionError):
        unreachable.get_num_tokens_from_messages(ASKED)


def test_self_hosted_servers_count_too(serve: Serve):
    server = serve(quirks=Quirks(self_hosted=True))
    for protocol, base_url in (
        ("anthropic", server.url),
        ("openai", f"{server.url}/v1"),
    ):
        model = ChatMiniMax(
            model="MiniMax-M2.1",
            protocol=protocol,
            base_url=base_url,
            token_counting="api",
        )
        assert model.get_num_tokens_from_messages(ASKED) > 0
    assert [request.path for request in server.requests] == [
        "/v1/messages/count_tokens"
    ] * 2


@pytest.mark.parametrize("counting", ["local", "api"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_agents_context_is_edited_by_the_models_own_count(
    serve: Serve, connect: Connect, counting: str, way: str
):
    calls = [
        Reply([ToolUse("read_log", {"name": f"{number}.log"}, f"call_{number}")])
        for number in range(5)
    ]
    server = serve(*calls, "All quiet.")
    edit = ClearToolUsesEdit(trigger=2000, keep=1)
    agent = create_agent(
        connect(server, token_counting=counting),
        [read_log],
        system_prompt="Read the logs.",
        middleware=[ContextEditingMiddleware(edits=[edit], token_count_method="model")],
    )
    asked: Any = {"messages": [("human", "What do the five logs say?")]}
    ended = agent.invoke(asked) if way == "invoke" else await agent.ainvoke(asked)
    assert ended["messages"][-1].text == "All quiet."
    counts = [request for request in server.requests if request.path == COUNT]
    assert bool(counts) == (counting == "api")
    last = turns_of(server.requests[-1])
    results = [
        block["content"][0]["text"]
        for turn in last
        for block in turn["content"]
        if block["type"] == "tool_result"
    ]
    assert len(results) == 5
    assert results[0] == edit.placeholder
    assert results[-1].startswith("4.log")


def test_a_history_is_trimmed_by_the_servers_count(serve: Serve, connect: Connect):
    server = serve()
    history = [HumanMessage(f"Question {number}? " * 30) for number in range(12)]
    kept = trim_messages(
        history, max_tokens=600, token_counter=connect(server, token_counting="api")
    )
    assert 0 < len(kept) < 12
    assert kept[-1] == history[-1]
    assert len(server.requests) > 1
