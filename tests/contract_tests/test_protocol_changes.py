"""Threads that change protocol: every thought comes back, whichever way it came."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.runnables import ConfigurableField, RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import (
    Emulator,
    Quirks,
    RecordedRequest,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from support.sent import CHAT, turns_of
from support.ways import WAYS, Ask

Json = dict[str, Any]
PROTOCOLS = ("anthropic", "openai")
LAYOUTS = ("v0", "v1")
TURNS = 10

every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
every_layout = pytest.mark.parametrize("layout", LAYOUTS)
either_first = pytest.mark.parametrize("first", PROTOCOLS)

# It refuses what a client forgot or changed, over and above writing it down.
STRICT = Quirks(refuse_missing_thinking=True, refuse_altered_thinking=True)


def dig(at: int) -> str:
    """Dig a hole."""
    return f"A stone, at {at}."


def turn(number: int) -> Reply:
    """A reply with all that a reply may have; every third says nothing aloud."""
    thought = Thinking(f"Hole {number}.\n\nIs it <deep>? é漢🎈")
    call = ToolUse("dig", {"at": number})
    words = [Text(f"\n\nI dig {number}.")] if number % 3 else []
    more = [ToolUse("dig", {"at": -number})] if number % 4 == 0 else []
    return Reply([thought, *words, call, *more])


LAST = Reply([Thinking("That is all."), Text("All stones.")])
SCRIPT = [*(turn(number) for number in range(1, TURNS + 1)), LAST]


@pytest.fixture
def server() -> Iterator[Emulator]:
    with Emulator(SCRIPT, quirks=STRICT) as emulator:
        yield emulator


def model_of(server: Emulator, **fields: Any) -> ChatMiniMax:
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


def results(reply: AIMessage) -> list[ToolMessage]:
    return [
        ToolMessage(dig(**call["args"]), tool_call_id=call["id"])
        for call in reply.tool_calls
    ]


def alternating(first: str) -> Iterator[str]:
    return cycle(PROTOCOLS if first == "anthropic" else PROTOCOLS[::-1])


# --- What the server wrote down ------------------------------------------------------


def check(server: Emulator, protocols: Sequence[str]) -> None:
    """All of what was said came back with every request, in whichever shape."""
    paths = {"anthropic": "/anthropic/v1/messages", "openai": CHAT}
    requests = server.requests
    assert [request.status for request in requests] == [200] * len(protocols)
    assert [request.path for request in requests] == [*map(paths.get, protocols)]
    for number, request in enumerate(requests):
        assert request.stray_keys == []
        assert [each.verdict for each in request.replayed] == ["verbatim"] * number
        assert thoughts_in(request) == [
            block["thinking"]
            for earlier in requests[:number]
            for block in earlier.reply_content
            if block["type"] == "thinking"
        ]
    assert len(thoughts_in(requests[-1])) == len(requests) - 1
    check_signatures(requests)


def thoughts_in(request: RecordedRequest) -> list[str]:
    return [
        block["thinking"]
        for each in turns_of(request)
        for block in each["content"]
        if block["type"] == "thinking"
    ]


def check_signatures(requests: Sequence[RecordedRequest]) -> None:
    """What Messages signed comes back signed, over Messages, and nothing else is."""
    last = [each for each in requests if each.path != CHAT][-1]
    signed = [
        (block["thinking"], block["signature"])
        for earlier in requests[: requests.index(last)]
        for block in earlier.reply_content
        if block.get("signature")
    ]
    assert signed == [
        (block["thinking"], block["signature"])
        for each in last.body["messages"]
        for block in each["content"]
        if block.get("signature")
    ]
    assert not any(
        "signature" in json.dumps(r.body) for r in requests if r.path == CHAT
    )


# --- Protocols per call --------------------------------------------------------------


@every_way
@pytest.mark.parametrize(("first", "layout"), [*zip(PROTOCOLS, LAYOUTS, strict=True)])
def test_a_thread_that_alternates_through_ten_tool_turns(
    first: str, layout: str, ask: Ask, server: Emulator
) -> None:
    model = model_of(server, output_version=layout)
    thread: list[BaseMessage] = [SystemMessage("Be deep."), HumanMessage("Dig ten!")]
    protocols = alternating(first)
    for _ in SCRIPT:
        reply = ask(model, thread, protocol=next(protocols))
        thread += [reply, *results(reply)]
    assert thread[-1].text == "All stones."
    protocols = alternating(first)
    check(server, [next(protocols) for _ in SCRIPT])


@pytest.mark.parametrize("way", ["invoke", "stream", "events"])
@every_layout
@either_first
def test_on_minimaxs_own_host_thoughts_have_one_place(
    first: str, layout: str, way: str, server: Emulator, as_official: Any
) -> None:
    """There `reasoning_details` come back, byte for byte, and no other field."""
    model = model_of(server, output_version=layout, **as_official(server))
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    protocols = alternating(first)
    spoken = [next(protocols) for _ in range(6)]
    for protocol in spoken:
        reply = WAYS[way](model, thread, protocol=protocol)
        thread += [reply, *results(reply)]
    check(server, spoken)
    for request in server.requests:
        if request.path == CHAT:
            replies = [m for m in request.body["messages"] if m["role"] == "assistant"]
            for number, message in enumerate(replies, 1):
                assert message.keys() <= {
                    *("role", "content", "tool_calls", "reasoning_details"),
                }
                assert message["reasoning_details"] == [detail(number)]


def detail(number: int) -> Json:
    """A thought as the server said it, or as it would have."""
    return {
        "type": "reasoning.text",
        "id": "reasoning-text-1",
        "format": "MiniMax-response-v1",
        "index": 0,
        "text": turn(number).blocks[0].text,
    }


@either_first
@pytest.mark.parametrize("how", ["bind", "model_copy", "constructor", "configurable"])
def test_every_way_to_say_it(how: str, first: str, server: Emulator) -> None:
    model = model_of(server)
    there = {
        "bind": lambda protocol: model.bind(protocol=protocol),
        "model_copy": lambda protocol: model.model_copy(update={"protocol": protocol}),
        "constructor": lambda protocol: model_of(server, protocol=protocol),
        "configurable": lambda protocol: model.configurable_fields(
            protocol=ConfigurableField(id="wire")
        ).with_config(configurable={"wire": protocol}),
    }
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    protocols = alternating(first)
    spoken = [next(protocols) for _ in range(4)]
    for protocol in spoken:
        reply = there[how](protocol).invoke(thread)
        thread += [reply, *results(reply)]
    check(server, spoken)


@every_layout
def test_a_thread_in_which_each_turn_is_called_otherwise(
    layout: str, server: Emulator
) -> None:
    """Invoke, stream and events, sync and async, taking turns with the protocols."""
    model = model_of(server, output_version=layout)
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    spoken = []
    ways = [*WAYS.values()]
    for number in range(TURNS + 1):
        protocol = PROTOCOLS[number // 2 % 2]
        reply = ways[number % len(ways)](model, thread, protocol=protocol)
        thread += [reply, *results(reply)]
        spoken.append(protocol)
    check(server, spoken)


@every_layout
def test_many_threads_at_once(layout: str) -> None:
    """One model, both protocols at the same time."""

    async def dig_on(model: ChatMiniMax, number: int) -> list[BaseMessage]:
        bound = model.bind_tools([dig])
        thread: list[BaseMessage] = [HumanMessage(f"Please dig at {number}.")]
        for protocol in (*PROTOCOLS, *PROTOCOLS):
            reply = await bound.ainvoke(thread, protocol=protocol)
            thread += [reply, *(results(reply) or [HumanMessage("Dig again.")])]
        return thread

    async def all_of_them(model: ChatMiniMax) -> list[list[BaseMessage]]:
        return await asyncio.gather(*(dig_on(model, number) for number in range(12)))

    with Emulator(quirks=STRICT) as server:
        threads = asyncio.run(all_of_them(model_of(server, output_version=layout)))
        assert all(len(thread) == 9 for thread in threads)
        assert (
            sum(
                bool(message.tool_calls)
                for thread in threads
                for message in thread
                if isinstance(message, AIMessage)
            )
            >= 24
        )
        assert len(server.requests) == 48
        verdicts = [each.verdict for r in server.requests for each in r.replayed]
        assert verdicts == ["verbatim"] * (12 * (0 + 1 + 2 + 3))


# --- Agents --------------------------------------------------------------------------


class Alternate(AgentMiddleware):
    """Asks each time over the other protocol."""

    def __init__(self, protocols: Iterator[str]) -> None:
        super().__init__()
        self._protocols = protocols

    def _changed(self, request: ModelRequest) -> ModelRequest:
        settings = {**request.model_settings, "protocol": next(self._protocols)}
        return request.override(model_settings=settings)

    def wrap_model_call(
        self, request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]
    ) -> ModelResponse:
        return handler(self._changed(request))

    async def awrap_model_call(self, request: ModelRequest, handler: Any) -> Any:
        return await handler(self._changed(request))


THREAD: RunnableConfig = {"configurable": {"thread_id": "1"}, "recursion_limit": 60}
ASK: Any = {"messages": [("human", "Dig ten!")]}


def _run(graph: Any, way: str) -> list[BaseMessage]:
    match way:
        case "invoke":
            graph.invoke(ASK, THREAD)
        case "stream":
            list(graph.stream(ASK, THREAD, stream_mode="messages"))
        case "events":
            graph.stream_events(ASK, THREAD, version="v3").output  # noqa: B018
        case "ainvoke":
            asyncio.run(graph.ainvoke(ASK, THREAD))
    return graph.get_state(THREAD).values["messages"]


@pytest.mark.parametrize("way", ["invoke", "stream", "events", "ainvoke"])
@every_layout
@either_first
def test_an_agent_whose_middleware_changes_the_protocol(
    first: str, layout: str, way: str, server: Emulator
) -> None:
    agent = create_agent(
        model_of(server, output_version=layout),
        [dig],
        middleware=[Alternate(alternating(first))],
        checkpointer=InMemorySaver(),
    )
    messages = _run(agent, way)
    assert messages[-1].text == "All stones."
    protocols = alternating(first)
    check(server, [next(protocols) for _ in SCRIPT])


@pytest.mark.parametrize("way", ["invoke", "stream"])
@either_first
def test_a_graph_whose_configuration_changes_the_protocol(
    first: str, way: str, server: Emulator
) -> None:
    model = model_of(server).configurable_fields(protocol=ConfigurableField(id="wire"))
    protocols = alternating(first)

    def think(state: MessagesState) -> Any:
        wire = model.with_config(configurable={"wire": next(protocols)})
        return {"messages": [wire.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([dig]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    messages = _run(graph.compile(checkpointer=InMemorySaver()), way)
    assert messages[-1].text == "All stones."
    protocols = alternating(first)
    check(server, [next(protocols) for _ in SCRIPT])


QUESTIONS = ["Dig at 1.", "Dig at 2.", "Dig at 3.", "Thank you. Was that all?"]


@every_layout
@either_first
def test_two_agents_with_one_thread(first: str, layout: str, tmp_path: Path) -> None:
    """Each question goes to a new agent, over the other protocol, out of SQLite."""
    path, spoken = str(tmp_path / "threads.db"), []
    protocols = alternating(first)
    with Emulator(quirks=STRICT) as server:
        for question in QUESTIONS:
            protocol = next(protocols)
            model = model_of(server, protocol=protocol, output_version=layout)
            with SqliteSaver.from_conn_string(path) as saver:
                agent = create_agent(model, [dig], checkpointer=saver)
                state = agent.invoke({"messages": [("human", question)]}, THREAD)
            spoken += [protocol] * (1 if question is QUESTIONS[-1] else 2)
        assert len(state["messages"]) == 14
        check(server, spoken)


@every_layout
def test_two_agents_with_one_thread_async(layout: str, tmp_path: Path) -> None:
    path = str(tmp_path / "threads.db")

    async def ask(server: Emulator, protocol: str, question: str) -> None:
        model = model_of(server, protocol=protocol, output_version=layout)
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            agent = create_agent(model, [dig], checkpointer=saver)
            stream = agent.astream(
                {"messages": [("human", question)]}, THREAD, stream_mode="messages"
            )
            assert [chunk async for chunk in stream]

    spoken = []
    with Emulator(quirks=STRICT) as server:
        for question, protocol in zip(QUESTIONS, PROTOCOLS * 2, strict=True):
            asyncio.run(ask(server, protocol, question))
            spoken += [protocol] * (1 if question is QUESTIONS[-1] else 2)
        check(server, spoken)


# --- Threads that were put away in between -------------------------------------------


def _checkpointed(thread: list[BaseMessage], folder: Path) -> list[BaseMessage]:
    graph = StateGraph(MessagesState)
    graph.add_node("nothing", lambda _: {})
    graph.add_edge(START, "nothing")
    for messages in (thread, []):
        with SqliteSaver.from_conn_string(str(folder / "threads.db")) as saver:
            compiled = graph.compile(checkpointer=saver)
            state = compiled.invoke({"messages": messages}, THREAD)
    return state["messages"]


def _by_fields(thread: list[BaseMessage], _: Path) -> list[BaseMessage]:
    return [type(message)(**message.model_dump()) for message in thread]


PUT_AWAY: dict[str, Callable[[list[BaseMessage], Path], list[BaseMessage]]] = {
    "pickle": lambda thread, _: pickle.loads(pickle.dumps(thread)),
    "dumps": lambda thread, _: loads(dumps(thread), allowed_objects="messages"),
    "dicts": lambda thread, _: messages_from_dict(messages_to_dict(thread)),
    "json": lambda thread, _: messages_from_dict(
        json.loads(json.dumps(messages_to_dict(thread)))
    ),
    "fields": _by_fields,
    "checkpoint": _checkpointed,
}


@pytest.mark.parametrize("way", ["invoke", "events"])
@every_layout
@either_first
@pytest.mark.parametrize("put_away", PUT_AWAY.values(), ids=PUT_AWAY)
def test_a_thread_that_goes_on_over_the_other_protocol(
    put_away: Any, first: str, layout: str, way: str, server: Emulator, tmp_path: Path
) -> None:
    model = model_of(server, output_version=layout)
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    protocols = alternating(first)
    before, after = next(protocols), next(protocols)
    spoken = [before, before, after, after]
    for number, protocol in enumerate(spoken):
        if number == spoken.index(after):
            thread = put_away(thread, tmp_path)
        reply = WAYS[way](model, thread, protocol=protocol)
        thread += [reply, *results(reply)]
    check(server, spoken)


@either_first
@pytest.mark.parametrize("layouts", [("v0", "v1"), ("v1", "v0")])
def test_a_thread_that_changes_its_layout_too(
    layouts: tuple[str, str], first: str, server: Emulator
) -> None:
    thread: list[BaseMessage] = [HumanMessage("Dig!")]
    protocols = alternating(first)
    spoken = [next(protocols) for _ in range(6)]
    for number, protocol in enumerate(spoken):
        model = model_of(server, output_version=layouts[number % 3 % 2])
        reply = model.invoke(thread, protocol=protocol)
        thread += [reply, *results(reply)]
    check(server, spoken)


@every_layout
@either_first
@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(chat_stray_close=True),
        Quirks(chat_thinks_twice=True),
        Quirks(chat_snapshots=True),
        Quirks(chat_summary=True, leading_newlines=True),
        Quirks(signature_in_stream=False),
    ],
    ids=["stray tag", "twice", "snapshots", "summary", "unsigned"],
)
def test_thoughts_that_came_oddly(quirks: Quirks, first: str, layout: str) -> None:
    protocols = alternating(first)
    script: Any = SCRIPT[:4]
    if quirks.chat_thinks_twice:  # line ends behind a tag are the tag's
        script = [replace(each, blocks=_stripped(each)) for each in script]
    with Emulator(script, quirks=quirks) as server:
        model = model_of(server, output_version=layout)
        thread: list[BaseMessage] = [HumanMessage("Dig!")]
        for _ in range(4):
            chunks = list(model.stream(thread, protocol=next(protocols)))
            reply = sum(chunks[1:], chunks[0])
            thread += [reply, *results(reply)]
        for number, request in enumerate(server.requests):
            assert request.status == 200
            assert [each.verdict for each in request.replayed] == ["verbatim"] * number


def _stripped(reply: Reply) -> list[Any]:
    return [
        Text(block.text.strip()) if isinstance(block, Text) else block
        for block in reply.blocks
    ]
