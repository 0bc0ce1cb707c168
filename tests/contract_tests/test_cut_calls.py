"""A call that was cut is never run; beside the client that runs it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import BaseTool, tool

from langchain_minimax import ChatMiniMax
from langchain_minimax.errors import MiniMaxStreamTruncatedError
from langchain_minimax.testing import (
    Cut,
    Emulator,
    Fault,
    Quirks,
    Raw,
    Reply,
    Text,
    ToolUse,
)

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]

WHOLE = {"path": "/home/user/proj/build"}
HALF = '{"path": "/home/user/proj'
HALF_RUN = "/home/user/proj"
QUESTION = {"messages": [("human", "Delete the build folder of my project.")]}

PIECES = Quirks(chat_fragments="indexed")
"""Chat Completions tells a call in pieces too."""

STOPPED = Reply([Text("I will."), ToolUse("delete_path", HALF)], "max_tokens")
"""The reply that `max_tokens` stopped in the middle of an argument."""


class Deleted(list):
    """What was deleted, and the tool that does it."""

    @property
    def tool(self) -> BaseTool:
        @tool
        def delete_path(path: str) -> str:
            """Delete a file or a folder, with all that is in it."""
            self.append(path)
            return f"deleted {path}"

        return delete_path


@pytest.fixture
def deleted() -> Deleted:
    return Deleted()


def chat_anthropic(server: Emulator) -> ChatAnthropic:
    return ChatAnthropic(
        model="MiniMax-M3",
        api_key=server.api_key,
        base_url=server.base_url,
        max_retries=0,
    )


def broken(
    serve: Serve, model: ChatMiniMax, reply: Reply, ending: str = "ends"
) -> Cut | Raw:
    """A reply whose connection breaks off where its call is not yet known to be whole.

    At which byte that is, a server of its own tells: behind the last piece of the
    arguments if they are half, else right before the end. A gateway that lost its
    server may well end the body properly.
    """
    heard: list[bytes] = []

    def measure(response: httpx.Response) -> None:
        body = response.read()
        if model.protocol == "openai":
            (ends,) = re.finditer(rb'data: [^\n]*"finish_reason": ?"', body)
            heard.append(body[: ends.start()])
            return
        is_half = reply.blocks[-1].input == HALF
        end = b"content_block_stop" if is_half else b"message_delta"
        heard.append(body[: body.rindex(b"event: " + end)])

    server = serve(reply, quirks=PIECES)
    with httpx.Client(event_hooks={"response": [measure]}) as client:
        fields = {"http_client": client, "base_url": server.base_url}
        list(model.model_copy(update=fields).stream("Hi"))
    return Raw(heard[0]) if ending == "ends" else Fault.cut(len(heard[0]), reply)


# --- The ways to run an agent --------------------------------------------------------


def _invoke(agent: Any) -> None:
    agent.invoke(QUESTION)


def _ainvoke(agent: Any) -> None:
    asyncio.run(agent.ainvoke(QUESTION))


def _stream(agent: Any) -> None:
    list(agent.stream(QUESTION))


def _messages(agent: Any) -> None:
    for _ in agent.stream(QUESTION, stream_mode="messages"):
        pass


def _amessages(agent: Any) -> None:
    async def run() -> None:
        async for _ in agent.astream(QUESTION, stream_mode="messages"):
            pass

    asyncio.run(run())


def _events(agent: Any) -> None:
    agent.stream_events(QUESTION, version="v3").output  # noqa: B018


RUNS = {
    "invoke": _invoke,
    "ainvoke": _ainvoke,
    "stream": _stream,
    "messages": _messages,
    "amessages": _amessages,
    "events": _events,
}
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
# Before Python 3.11 LangChain's agents stream nothing in asynchronous nodes.
ASYNC = ("amessages",) if sys.version_info >= (3, 11) else ()
STREAMED = {name: RUNS[name] for name in ("messages", *ASYNC, "events")}


# --- Stopped by `max_tokens` ---------------------------------------------------------


def test_the_peer_deletes_half_a_path_that_max_tokens_cut(
    serve: Serve, deleted: Deleted
) -> None:
    """If this fails, the peer has been mended: tell it in the guide."""
    server = serve(STOPPED, "Done.")
    _messages(create_agent(chat_anthropic(server), [deleted.tool]))
    assert deleted == [HALF_RUN]


@every_run
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_ours_does_not(
    serve: Serve, connect: Connect, deleted: Deleted, run: Any, output_version: str
) -> None:
    server = serve(STOPPED, "Done.")
    run(create_agent(connect(server, output_version=output_version), [deleted.tool]))
    assert deleted == []
    assert len(server.requests) == 1


@every_run
def test_nor_where_the_call_is_forced(
    serve: Serve, connect: Connect, deleted: Deleted, run: Any
) -> None:
    class ForcesACall(ChatMiniMax):
        def bind_tools(self, tools: Any, **said: Any) -> Any:
            return super().bind_tools(tools, **{**said, "tool_choice": "any"})

    server = serve(STOPPED, "Done.")
    model = ForcesACall(**connect(server).model_dump(exclude={"profile"}))
    with pytest.raises(Exception, match="max_tokens"):
        run(create_agent(model, [deleted.tool]))
    assert deleted == []
    assert len(server.requests) == 1


@every_run
def test_a_whole_call_is_run(
    serve: Serve, connect: Connect, deleted: Deleted, run: Any
) -> None:
    """So that the others do not pass for another reason."""
    server = serve(Reply([Text("I will."), ToolUse("delete_path", WHOLE)]), "Done.")
    run(create_agent(connect(server), [deleted.tool]))
    assert deleted == [WHOLE["path"]]


# --- Broken off ----------------------------------------------------------------------

every_ending = pytest.mark.parametrize("ending", ["ends", "breaks off"])

LONELY = Reply([Text("I will."), ToolUse("delete_path", HALF)])


def test_the_peer_deletes_half_a_path_when_the_stream_breaks_off(
    serve: Serve, deleted: Deleted
) -> None:
    """If this fails, the peer has been mended: tell it in the guide."""
    ours = ChatMiniMax(model="MiniMax-M3", api_key=serve().api_key, max_retries=0)
    server = serve(broken(serve, ours, LONELY), "Done.")
    _messages(create_agent(chat_anthropic(server), [deleted.tool]))
    assert deleted == [HALF_RUN]


@pytest.mark.parametrize("run", STREAMED.values(), ids=STREAMED)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@every_ending
def test_ours_raises_when_the_stream_breaks_off(
    serve: Serve,
    connect: Connect,
    deleted: Deleted,
    run: Any,
    output_version: str,
    ending: str,
) -> None:
    server = serve(quirks=PIECES)
    model = connect(server, output_version=output_version)
    server.script(broken(serve, model, LONELY, ending), "Done.")
    with pytest.raises(MiniMaxStreamTruncatedError) as caught:
        run(create_agent(model, [deleted.tool]))
    assert deleted == []
    assert caught.value.partial.tool_calls == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("run", STREAMED.values(), ids=STREAMED)
@every_ending
def test_nor_does_it_run_what_looks_whole_before_the_end(
    serve: Serve, connect: Connect, deleted: Deleted, run: Any, ending: str
) -> None:
    server = serve(quirks=PIECES)
    model = connect(server)
    reply = Reply([Text("I will."), ToolUse("delete_path", WHOLE)])
    server.script(broken(serve, model, reply, ending), "Done.")
    with pytest.raises(MiniMaxStreamTruncatedError):
        run(create_agent(model, [deleted.tool]))
    assert deleted == []
    assert len(server.requests) == 1


def test_what_is_shown_of_a_cut_call_is_no_valid_one(
    serve: Serve, connect: Connect, deleted: Deleted
) -> None:
    server = serve(STOPPED)
    agent = create_agent(connect(server), [deleted.tool])
    chunks = [
        chunk
        for chunk, _ in agent.stream(QUESTION, stream_mode="messages")
        if isinstance(chunk, AIMessageChunk)
    ]
    total = sum(chunks[1:], chunks[0])
    assert total.tool_calls == []
    (broken_call,) = total.invalid_tool_calls
    assert broken_call["name"] == "delete_path"
    assert total.response_metadata["stop_reason"] == "max_tokens"
