"""Other LangChain clients, talking to the emulator, and threads written with them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_openai import ChatOpenAI

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator
from support.ways import CALLS, WAYS, Ask

MakeClient = Callable[..., Any]


def ways_in(loop: asyncio.AbstractEventLoop) -> dict[str, Ask]:
    """LangChain's four call ways and its events, all in one event loop.

    The other clients keep connections in the loop of their first call, and fail in the
    next one.
    """

    async def collect(model: Any, messages: Any) -> AIMessage:
        chunks = [chunk async for chunk in model.astream(messages)]
        return add_ai_message_chunks(chunks[0], *chunks[1:])

    return {
        "invoke": CALLS["invoke"],
        "stream": CALLS["stream"],
        "events": WAYS["events"],
        "ainvoke": lambda model, said: loop.run_until_complete(model.ainvoke(said)),
        "astream": lambda model, said: loop.run_until_complete(collect(model, said)),
    }


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"18 degrees and sunny in {city}"


def get_population(city: str) -> int:
    """Tell the population of a city."""
    return 10_000_000 + len(city)


TOOLS = [get_weather, get_population]
RUN: dict[str, Callable[[str], Any]] = {tool.__name__: tool for tool in TOOLS}


def chat_minimax(server: Emulator, **fields: Any) -> ChatMiniMax:
    return ChatMiniMax(
        **{
            "model": "MiniMax-M3",
            "thinking": True,
            "api_key": server.api_key,
            "base_url": server.base_url,
            "max_retries": 0,
            **fields,
        }
    )


def chat_anthropic(server: Emulator, **fields: Any) -> ChatAnthropic:
    """The way to MiniMax that its own documents name for LangChain."""
    return ChatAnthropic(
        **{
            "model": "MiniMax-M3",
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "api_key": server.api_key,
            "base_url": server.base_url,
            "max_retries": 0,
            **fields,
        }
    )


def chat_openai(server: Emulator, **fields: Any) -> ChatOpenAI:
    return ChatOpenAI(
        **{
            "model": "MiniMax-M3",
            "api_key": server.api_key,
            "base_url": f"{server.url}/v1",
            "max_retries": 0,
            **fields,
        }
    )


def talk(ask: Ask, model: Any, history: Sequence[BaseMessage]) -> list[BaseMessage]:
    """What follows in a conversation until the model calls no more tools."""
    said: list[BaseMessage] = []
    while True:
        messages = [*history, *said]
        before = copy.deepcopy(messages)
        reply = ask(model, messages)
        assert messages == before  # nobody's messages are touched
        said.append(reply)
        if not reply.tool_calls:
            return said
        said += [
            ToolMessage(str(RUN[call["name"]](**call["args"])), tool_call_id=call["id"])
            for call in reply.tool_calls
        ]


def thread(ask: Ask, model: Any, *questions: str) -> list[BaseMessage]:
    """A thread in which a model answers questions."""
    messages: list[BaseMessage] = []
    for question in questions:
        messages.append(HumanMessage(question))
        messages += talk(ask, model, messages)
    return messages
