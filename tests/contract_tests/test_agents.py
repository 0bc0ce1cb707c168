"""Agents over many turns: every thought comes back to the server as it was sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator
from support.sent import turns_of

QUESTIONS = [
    "What is the weather in Paris?",
    "What is the population of Lima?",
    "Thank you. Was that all?",
]


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"18 degrees and sunny in {city}"


def get_population(city: str) -> int:
    """Tell the population of a city."""
    return 10_000_000 + len(city)


TOOLS = [get_weather, get_population]


@pytest.fixture
def server() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def model_of(connect: Callable[..., ChatMiniMax]) -> Callable[..., ChatMiniMax]:
    """Makes a model that thinks, of either protocol."""
    return lambda server, **fields: connect(server, thinking=True, **fields)


def agent_of(model: ChatMiniMax, saver: Any) -> Any:
    return create_agent(model, TOOLS, checkpointer=saver)


def graph_of(model: ChatMiniMax, saver: Any) -> Any:
    """The same agent, written by hand."""
    bound = model.bind_tools(TOOLS)

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    async def aask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", RunnableLambda(ask, aask))
    graph.add_node("tools", ToolNode(TOOLS))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=saver)


# --- Savers: what opens the one memory of a thread, again and again -------------------


def memory(_: Path) -> Callable[[], Any]:
    saver = InMemorySaver()
    return lambda: nullcontext(saver)


def sqlite(folder: Path) -> Callable[[], Any]:
    return lambda: SqliteSaver.from_conn_string(str(folder / "threads.db"))


def asqlite(folder: Path) -> Callable[[], Any]:
    return lambda: AsyncSqliteSaver.from_conn_string(str(folder / "threads.db"))


# --- Turns ---------------------------------------------------------------------------


def invoke(graph: Any, question: str, thread: Any) -> list[Any]:
    return graph.invoke({"messages": [("human", question)]}, thread)["messages"]


def stream(graph: Any, question: str, thread: Any) -> list[Any]:
    chunks = [
        chunk
        for chunk, _ in graph.stream(
            {"messages": [("human", question)]}, thread, stream_mode="messages"
        )
        if isinstance(chunk, AIMessageChunk)
    ]
    assert len(chunks) > 5
    return graph.get_state(thread).values["messages"]


async def ainvoke(graph: Any, question: str, thread: Any) -> list[Any]:
    state = await graph.ainvoke({"messages": [("human", question)]}, thread)
    return state["messages"]


async def astream(graph: Any, question: str, thread: Any) -> list[Any]:
    chunks = [
        chunk
        async for chunk, _ in graph.astream(
            {"messages": [("human", question)]}, thread, stream_mode="messages"
        )
        if isinstance(chunk, AIMessageChunk)
    ]
    # Before 3.11 a task takes no context along, and LangChain's agents stream nothing
    # in asynchronous nodes; the thread has to be right all the same.
    assert len(chunks) > 5 or sys.version_info < (3, 11)
    return (await graph.aget_state(thread)).values["messages"]


THREAD = {"configurable": {"thread_id": "1"}}

every_build = pytest.mark.parametrize(
    "build", [agent_of, graph_of], ids=["create_agent", "hand-written"]
)
every_layout = pytest.mark.parametrize("output_version", ["v0", "v1"])


@pytest.mark.parametrize("turn", [invoke, stream])
@pytest.mark.parametrize("saver_in", [memory, sqlite])
@every_build
@every_layout
def test_a_thread_keeps_its_thoughts(
    server: Emulator,
    model_of: Callable[..., ChatMiniMax],
    tmp_path: Path,
    build: Callable[..., Any],
    saver_in: Callable[[Path], Callable[[], Any]],
    turn: Callable[..., list[Any]],
    output_version: str,
) -> None:
    open_saver = saver_in(tmp_path)
    for question in QUESTIONS:  # each turn in a graph of its own, as in a server
        with open_saver() as saver:
            model = model_of(server, output_version=output_version)
            messages = turn(build(model, saver), question, THREAD)
    check(server, messages)


@pytest.mark.parametrize("turn", [ainvoke, astream])
@pytest.mark.parametrize("saver_in", [memory, asqlite])
@every_build
@every_layout
def test_a_thread_keeps_its_thoughts_async(
    server: Emulator,
    model_of: Callable[..., ChatMiniMax],
    tmp_path: Path,
    build: Callable[..., Any],
    saver_in: Callable[[Path], Callable[[], Any]],
    turn: Callable[..., Any],
    output_version: str,
) -> None:
    open_saver = saver_in(tmp_path)
    model = model_of(server, output_version=output_version)

    async def ask(question: str) -> list[Any]:
        async with open_saver() as saver:
            return await turn(build(model, saver), question, THREAD)

    for question in QUESTIONS:  # each turn in an event loop of its own
        messages = asyncio.run(ask(question))
    check(server, messages)


def check(server: Emulator, messages: list[Any]) -> None:
    """The thread went as it should, and the server's own record says so too."""
    assert [request.status for request in server.requests] == [200] * 5
    replies = [message for message in messages if isinstance(message, AIMessage)]
    assert [call["name"] for reply in replies for call in reply.tool_calls] == [
        "get_weather",
        "get_population",
    ]
    assert "18 degrees and sunny in Paris" in replies[1].text
    assert "10000004" in replies[3].text

    last = server.requests[-1]
    assert [replay.verdict for replay in last.replayed] == ["verbatim"] * 4
    for request in server.requests:
        assert request.stray_keys == []
        assert all(replay.verdict == "verbatim" for replay in request.replayed)
    thoughts = [
        block
        for turn in turns_of(last)
        for block in turn["content"]
        if block["type"] == "thinking"
    ]
    sent = [
        block
        for request in server.requests[:-1]
        for block in request.reply_content
        if block["type"] == "thinking"
    ]
    assert thoughts == sent
    assert len(sent) == 4


@every_build
@every_layout
def test_v3_streaming_keeps_its_thoughts_too(
    server: Emulator,
    model_of: Callable[..., ChatMiniMax],
    build: Callable[..., Any],
    output_version: str,
) -> None:
    graph = build(model_of(server, output_version=output_version), InMemorySaver())
    for question in QUESTIONS:
        run = graph.stream_events(
            {"messages": [("human", question)]}, THREAD, version="v3"
        )
        messages = run.output["messages"]
    check(server, messages)
