"""The ways in which a model can be called; each gives one message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import add_ai_message_chunks

Ask = Callable[..., AIMessage]


def _invoke(model: Any, messages: Any, /, **options: Any) -> AIMessage:
    return model.invoke(messages, **options)


def _ainvoke(model: Any, messages: Any, /, **options: Any) -> AIMessage:
    return asyncio.run(model.ainvoke(messages, **options))


def _stream(model: Any, messages: Any, /, **options: Any) -> AIMessage:
    chunks = list(model.stream(messages, **options))
    return add_ai_message_chunks(chunks[0], *chunks[1:])


def _astream(model: Any, messages: Any, /, **options: Any) -> AIMessage:
    async def ask() -> AIMessage:
        chunks = [chunk async for chunk in model.astream(messages, **options)]
        return add_ai_message_chunks(chunks[0], *chunks[1:])

    return asyncio.run(ask())


def _events(model: Any, messages: Any, /, **options: Any) -> AIMessage:
    return model.stream_events(messages, version="v3", **options).output


def _aevents(model: Any, messages: Any, /, **options: Any) -> AIMessage:
    async def ask() -> AIMessage:
        stream = await model.astream_events(messages, version="v3", **options)
        return await stream.output

    return asyncio.run(ask())


CALLS: dict[str, Ask] = {
    "invoke": _invoke,
    "ainvoke": _ainvoke,
    "stream": _stream,
    "astream": _astream,
}
"""LangChain's four call ways."""

WAYS: dict[str, Ask] = {**CALLS, "events": _events, "aevents": _aevents}
"""The four, and the protocol's (v3) events."""
