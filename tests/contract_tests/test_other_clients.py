"""Threads of other LangChain clients go on with ChatMiniMax, and back with them.

The server is MiniMax for all of them: it refuses what MiniMax refuses, and its record
says whether what it once said came back as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_minimax.testing import (
    Emulator,
    Fault,
    Quirks,
    RecordedRequest,
    Reply,
    Text,
    Thinking,
    ToolUse,
)
from support.clients import (
    TOOLS,
    MakeClient,
    chat_anthropic,
    chat_minimax,
    chat_openai,
    talk,
    thread,
    ways_in,
)
from support.ways import CALLS, Ask

PARALLEL = "What is the weather and the population of Paris?"
SINGLE = "What is the population of Lima?"
THANKS = "Thank you. Was that all?"

CLIENTS: dict[str, MakeClient] = {"anthropic": chat_anthropic, "openai": chat_openai}
every_client = pytest.mark.parametrize("client", list(CLIENTS))
their_layouts = pytest.mark.parametrize("theirs", ["v0", "v1"], ids="theirs {}".format)
our_layouts = pytest.mark.parametrize("ours", ["v0", "v1"], ids="ours {}".format)


@pytest.fixture
def server() -> Iterator[Emulator]:
    """A server that is stricter with signatures than MiniMax was ever seen."""
    with Emulator(quirks=Quirks(refuse_altered_thinking=True)) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())  # closes our connections
    loop.close()


@pytest.fixture(params=list(CALLS))
def call(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Ask:
    """LangChain's four ways to call whatever there is."""
    return ways_in(loop)[request.param]


@pytest.fixture(params=[*CALLS, "events"])
def ask(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Ask:
    """LangChain's four ways to call a model, and its events (v3)."""
    return ways_in(loop)[request.param]


def verdicts(request: RecordedRequest) -> list[str]:
    return [replay.verdict for replay in request.replayed]


def check_ours(requests: list[RecordedRequest]) -> None:
    """What ChatMiniMax sent was taken, and everything came back as it was said."""
    assert requests
    for request in requests:
        assert request.status == 200, request.body
        assert request.stray_keys == []
        assert verdicts(request) == ["verbatim"] * len(request.replayed)


def check_theirs(requests: list[RecordedRequest]) -> None:
    """The server took it, and knows every turn again; thoughts may be missing."""
    assert requests
    for request in requests:
        assert request.status == 200, request.body
        assert {*verdicts(request)} <= {"verbatim", "thinking_missing"}


def blocks(request: RecordedRequest, kind: str) -> list[Any]:
    return [
        block
        for turn in request.body["messages"]
        if isinstance(turn["content"], list)
        for block in turn["content"]
        if block["type"] == kind
    ]


# --- ChatAnthropic -------------------------------------------------------------------


@our_layouts
@their_layouts
def test_a_thread_of_chat_anthropic_goes_on_here_and_back_there(
    server: Emulator, ask: Ask, theirs: str, ours: str
) -> None:
    other = chat_anthropic(server, output_version=theirs).bind_tools(TOOLS)
    model = chat_minimax(server, output_version=ours).bind_tools(TOOLS)

    messages = thread(ask, other, "Hello", PARALLEL)
    calls = [call["id"] for m in messages[:4] for call in getattr(m, "tool_calls", ())]
    assert len(calls) == 2
    server.clear()

    messages += [
        HumanMessage(SINGLE),
        *talk(ask, model, [*messages, HumanMessage(SINGLE)]),
    ]
    check_ours(server.requests)
    assert len(server.requests) == 2
    assert len(blocks(server.requests[-1], "thinking")) == 4
    assert [b["id"] for b in blocks(server.requests[-1], "tool_use")][:2] == calls
    server.clear()

    question = HumanMessage(PARALLEL)
    messages += [question, *talk(ask, other, [*messages, question])]
    check_theirs(server.requests)
    assert len(blocks(server.requests[-1], "tool_use")) == 5
    assert "10000005" in messages[-1].text
    server.clear()

    question = HumanMessage(THANKS)
    talk(ask, model, [*messages, question])
    check_ours(server.requests)
    assert len(server.requests[-1].replayed) == 7


@their_layouts
def test_our_agent_takes_over_a_thread_of_chat_anthropic(
    server: Emulator, ask: Ask, theirs: str
) -> None:
    other = chat_anthropic(server, output_version=theirs).bind_tools(TOOLS)
    messages = thread(ask, other, "Hello", PARALLEL)
    server.clear()

    agent = create_agent(chat_minimax(server), TOOLS)
    messages = agent.invoke({"messages": [*messages, HumanMessage(SINGLE)]})["messages"]

    check_ours(server.requests)
    assert [len(request.replayed) for request in server.requests] == [3, 4]
    assert "10000004" in messages[-1].text


KEPT: dict[str, Callable[[list[BaseMessage]], list[BaseMessage]]] = {
    "messages_to_dict": lambda m: messages_from_dict(messages_to_dict(m)),
    "dumps": lambda m: loads(dumps(m), allowed_objects="messages"),
    "model_dump": lambda m: [type(each)(**each.model_dump()) for each in m],
}


@pytest.mark.parametrize("keep", list(KEPT))
@their_layouts
def test_a_stored_thread_of_chat_anthropic_goes_on_here(
    server: Emulator, ask: Ask, theirs: str, keep: str
) -> None:
    other = chat_anthropic(server, output_version=theirs).bind_tools(TOOLS)
    messages = KEPT[keep](thread(ask, other, "Hello", PARALLEL))
    server.clear()

    talk(ask, chat_minimax(server), [*messages, HumanMessage(THANKS)])

    check_ours(server.requests)
    assert len(blocks(server.requests[0], "thinking")) == 3


@our_layouts
def test_the_mixed_lists_of_chat_anthropics_streams_are_put_in_order(
    server: Emulator, ours: str
) -> None:
    # A model that thinks without being asked to, and no tools (langchain#39687).
    other = chat_anthropic(server, model="MiniMax-M2.5", thinking=None)
    messages = thread(CALLS["stream"], other, "Hello")
    if [type(part) for part in messages[1].content] != [str, dict, str]:
        pytest.skip("langchain#39687 is mended, and there are none any more")
    server.clear()

    model = chat_minimax(server, output_version=ours)
    messages += [HumanMessage(PARALLEL)]
    messages += talk(CALLS["astream"], model.bind_tools(TOOLS), messages)

    check_ours(server.requests)
    assert [b["type"] for b in server.requests[0].body["messages"][1]["content"]] == [
        "thinking",
        "text",
    ]


@their_layouts
def test_thoughts_between_the_calls_keep_their_places(
    server: Emulator, ask: Ask, theirs: str
) -> None:
    server.script(
        Reply(
            [
                Thinking("First the weather."),
                Text("Let me see."),
                ToolUse("get_weather", {"city": "Paris"}),
                Thinking("Now the population."),
                ToolUse("get_population", {"city": "Paris"}),
            ]
        )
    )
    other = chat_anthropic(server, output_version=theirs).bind_tools(TOOLS)
    messages = thread(ask, other, "Both, please")
    server.clear()

    talk(ask, chat_minimax(server), [*messages, HumanMessage(THANKS)])

    check_ours(server.requests)
    sent = server.requests[0].body["messages"][1]["content"]
    assert [block["type"] for block in sent] == [
        "thinking",
        "text",
        "tool_use",
        "thinking",
        "tool_use",
    ]


@their_layouts
def test_a_call_that_chat_anthropic_took_for_whole_does_not_end_the_thread(
    server: Emulator, theirs: str
) -> None:
    server.script(Reply([Thinking("Go."), ToolUse("get_weather", '{"city": "Par')]))
    other = chat_anthropic(server, output_version=theirs).bind_tools(TOOLS)
    messages = thread(CALLS["stream"], other, "The weather?")
    server.clear()

    talk(CALLS["invoke"], chat_minimax(server), [*messages, HumanMessage(THANKS)])

    (request,) = server.requests
    assert request.status == 200
    (call,) = blocks(request, "tool_use")
    (result,) = blocks(request, "tool_result")
    assert call["input"] == messages[1].tool_calls[0]["args"]
    assert call["id"] == result["tool_use_id"]


@pytest.mark.parametrize(
    "broken",
    [
        lambda m: [*m[:3], HumanMessage("Faster!"), m[3]],
        lambda m: m[:3],
        lambda m: [m[0], *m[2:]],
        lambda m: [*m[:2], m[3], m[2]],
    ],
    ids=["speech between", "one unanswered", "no calls", "results swapped"],
)
@their_layouts
def test_a_thread_of_chat_anthropic_that_is_out_of_order_goes_on_here(
    server: Emulator,
    ask: Ask,
    theirs: str,
    broken: Callable[[list[BaseMessage]], list[BaseMessage]],
) -> None:
    other = chat_anthropic(server, output_version=theirs).bind_tools(TOOLS)
    messages = broken(thread(ask, other, PARALLEL)[:-1])
    messages += [HumanMessage("And?")]
    server.clear()

    reply = ask(chat_minimax(server), messages)

    check_ours(server.requests)
    calls = [block["id"] for block in blocks(server.requests[0], "tool_use")]
    results = [b["tool_use_id"] for b in blocks(server.requests[0], "tool_result")]
    assert calls == results
    assert reply.text


@their_layouts
@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_a_search_of_minimaxs_own_ends_no_thread(
    server: Emulator, way: str, theirs: str
) -> None:
    found = {
        "type": "web_search_result",
        "url": "https://example.com",
        "title": "Paris",
        "encrypted_content": "",
        "page_age": None,
    }
    searched: list[dict[str, Any]] = [
        {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "Paris"},
        },
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [found],
        },
    ]
    server.script(Reply([Thinking("I search."), *searched, Text("Sunny.")]))
    other = chat_anthropic(server, output_version=theirs)
    search = {"type": "web_search_20250305", "name": "web_search"}
    messages = thread(CALLS[way], other.bind_tools([search]), "The weather?")
    server.clear()

    talk(CALLS[way], chat_minimax(server), [*messages, HumanMessage(THANKS)])

    (request,) = server.requests
    assert (request.status, request.stray_keys) == (200, [])
    assert [block["text"] for block in blocks(request, "text")][1] == "Sunny."
    assert len(blocks(request, "thinking")) == 1


# --- ChatOpenAI ----------------------------------------------------------------------


def check_among(request: RecordedRequest, messages: list[BaseMessage]) -> None:
    """All words and calls of a thread were sent, and our own turns as they were.

    ChatOpenAI leaves MiniMax's thoughts in the words, between tags.
    """
    assert request.status == 200, request.body
    assert request.stray_keys == []
    by_us = "langchain-minimax" in request.headers["user-agent"]
    replies = [message for message in messages if isinstance(message, AIMessage)]
    turns = [turn for turn in request.body["messages"] if turn["role"] == "assistant"]
    for reply, turn, replay in zip(replies, turns, request.replayed, strict=True):
        content = turn["content"]
        parts = content if isinstance(content, list) else [{"text": content or ""}]
        words = "".join(part.get("text", "") for part in parts)
        assert reply.text.rpartition("</think>")[2].strip() in words
        assert calls_of(turn) == [call["id"] for call in reply.tool_calls]
        assert not replay.altered
        if by_us and reply.response_metadata["model_provider"] == "minimax":
            assert replay.verdict == "verbatim"


@our_layouts
@their_layouts
def test_a_thread_of_chat_openai_goes_on_here_and_back_there(
    server: Emulator, ask: Ask, theirs: str, ours: str
) -> None:
    other = chat_openai(server, output_version=theirs).bind_tools(TOOLS)
    model = chat_minimax(server, output_version=ours).bind_tools(TOOLS)
    messages = thread(ask, other, "Hello", PARALLEL)
    assert {request.path for request in server.requests} == {"/v1/chat/completions"}

    for answering, question in ((model, SINGLE), (other, PARALLEL), (model, THANKS)):
        server.clear()
        messages.append(HumanMessage(question))
        messages += talk(ask, answering, messages)
        check_among(server.requests[-1], messages[:-1])
    assert len(server.requests[-1].replayed) == 7


@their_layouts
def test_our_agent_takes_over_a_thread_of_chat_openai(
    server: Emulator, ask: Ask, theirs: str
) -> None:
    other = chat_openai(server, output_version=theirs).bind_tools(TOOLS)
    messages = thread(ask, other, "Hello", PARALLEL)
    server.clear()

    agent = create_agent(chat_minimax(server), TOOLS)
    messages = agent.invoke({"messages": [*messages, HumanMessage(SINGLE)]})["messages"]

    assert [len(request.replayed) for request in server.requests] == [3, 4]
    check_among(server.requests[-1], messages[:-1])
    assert "10000004" in messages[-1].text


@pytest.mark.parametrize("keep", list(KEPT))
@their_layouts
def test_a_stored_thread_of_chat_openai_goes_on_here(
    server: Emulator, ask: Ask, theirs: str, keep: str
) -> None:
    other = chat_openai(server, output_version=theirs).bind_tools(TOOLS)
    messages = KEPT[keep](thread(ask, other, "Hello", PARALLEL))
    server.clear()

    talk(ask, chat_minimax(server), [*messages, HumanMessage(THANKS)])

    check_among(server.requests[0], messages)


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_broken_arguments_that_chat_openai_kept_do_not_end_the_thread(
    server: Emulator, way: str
) -> None:
    broken = '{"city": "Paris", "unit": C}'
    server.script(Reply([ToolUse("get_weather", broken, id="c1")]))
    other = chat_openai(server).bind_tools(TOOLS)
    reply = CALLS[way](other, [HumanMessage("The weather?")])
    assert [call["args"] for call in reply.invalid_tool_calls] == [broken]
    server.clear()

    refused = ToolMessage("What?", tool_call_id="c1", status="error")
    again = [HumanMessage("The weather?"), reply, refused, HumanMessage("Well?")]
    talk(CALLS[way], chat_minimax(server), again)

    (request,) = server.requests
    assert request.status == 200
    (call,) = blocks(request, "tool_use")
    assert call["input"] == {"invalid_arguments": broken}
    (result,) = blocks(request, "tool_result")
    assert (result["tool_use_id"], result["is_error"]) == (call["id"], True)


def calls_of(turn: dict[str, Any]) -> list[str]:
    content = turn["content"] if isinstance(turn["content"], list) else []
    called = [part["id"] for part in content if part["type"] == "tool_use"]
    return called or [call["id"] for call in turn.get("tool_calls", ())]


# --- Fallbacks -----------------------------------------------------------------------


def brain(_: RecordedRequest) -> None:
    """Whatever the emulator itself would say."""


@our_layouts
@their_layouts
@pytest.mark.parametrize("we_are_first", [True, False], ids=["ours first", "ours last"])
@every_client
def test_one_client_takes_over_when_the_other_fails_in_the_middle(
    server: Emulator,
    call: Ask,
    client: str,
    we_are_first: bool,
    theirs: str,
    ours: str,
) -> None:
    other = CLIENTS[client](server, output_version=theirs).bind_tools(TOOLS)
    model = chat_minimax(server, output_version=ours).bind_tools(TOOLS)
    first, second = (model, other) if we_are_first else (other, model)
    server.script(brain, Fault(529), brain, brain, Fault(529))

    messages = thread(call, first.with_fallbacks([second]), PARALLEL, SINGLE)

    statuses = [request.status for request in server.requests]
    assert statuses == [200, 529, 200, 200, 529, 200]
    in_turn = ["minimax", client] if we_are_first else [client, "minimax"]
    assert providers(messages) == in_turn * 2
    check_among(server.requests[2], messages[:4])
    check_among(server.requests[3], messages[:6])
    check_among(server.requests[5], messages[:-1])
    assert "10000004" in messages[-1].text


def providers(messages: list[BaseMessage]) -> list[str]:
    return [
        message.response_metadata["model_provider"]
        for message in messages
        if isinstance(message, AIMessage)
    ]


# --- One thread, many models ---------------------------------------------------------


def memory(_: Path) -> Callable[[], Any]:
    saver = InMemorySaver()
    return lambda: nullcontext(saver)


def sqlite(folder: Path) -> Callable[[], Any]:
    return lambda: SqliteSaver.from_conn_string(str(folder / "threads.db"))


@pytest.mark.parametrize("saver_in", [memory, sqlite])
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
@our_layouts
@their_layouts
def test_a_thread_in_which_the_model_changes_at_every_turn(
    server: Emulator,
    tmp_path: Path,
    theirs: str,
    ours: str,
    streamed: bool,
    saver_in: Callable[[Path], Callable[[], Any]],
) -> None:
    open_saver = saver_in(tmp_path)
    claude = chat_anthropic(server, output_version=theirs)
    gpt = chat_openai(server, output_version=theirs)
    model = chat_minimax(server, output_version=ours)
    questions = ["Hello", PARALLEL, SINGLE, PARALLEL, SINGLE, THANKS, SINGLE, THANKS]
    config = {"configurable": {"thread_id": "1"}}
    messages: list[BaseMessage] = []
    for question, one in zip(questions, [claude, model, gpt, model] * 2, strict=True):
        server.clear()
        with open_saver() as saver:
            agent = create_agent(one, TOOLS, checkpointer=saver)
            said = {"messages": [("human", question)]}
            if streamed:
                assert list(agent.stream(said, config, stream_mode="messages"))
            else:
                agent.invoke(said, config)
            messages = agent.get_state(config).values["messages"]
        check_among(server.requests[-1], messages[:-1])

    replies = [message for message in messages if isinstance(message, AIMessage)]
    assert len(replies) == 13
    assert {*providers(messages)} == {"anthropic", "minimax", "openai"}
    assert len([m for m in messages if isinstance(m, ToolMessage)]) == 7


# --- What is none of MiniMax's business -----------------------------------------------

SECRET = "c2lnbmF0dXJlIG9mIHNvbWVib2R5IGVsc2U"
CALL = {"name": "get_weather", "args": {"city": "Paris"}, "id": "c1"}
FOREIGN = {
    "Claude": AIMessage(
        [
            {"type": "thinking", "thinking": "Secret.", "signature": SECRET},
            {"type": "redacted_thinking", "data": SECRET},
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {}},
        ],
        tool_calls=[CALL],
        response_metadata={
            "model_provider": "anthropic",
            "model_name": "claude-sonnet-4-5",
        },
    ),
    "Claude v1": AIMessage(
        [
            {
                "type": "reasoning",
                "reasoning": "Secret.",
                "extras": {"signature": SECRET},
            },
            {"type": "text", "text": "Let me see."},
            {**CALL, "type": "tool_call"},
        ],
        tool_calls=[CALL],
        response_metadata={
            "model_provider": "anthropic",
            "model_name": "claude-sonnet-4-5",
            "output_version": "v1",
        },
    ),
    "OpenAI": AIMessage(
        [
            {
                "type": "reasoning",
                "id": f"rs_{SECRET}",
                "summary": [{"type": "summary_text", "text": "Secret."}],
                "encrypted_content": SECRET,
            },
            {"type": "text", "text": "Let me see.", "id": f"msg_{SECRET}"},
            {
                "type": "function_call",
                "id": f"fc_{SECRET}",
                "call_id": "c1",
                "name": "get_weather",
                "arguments": '{"city":"Paris"}',
            },
        ],
        tool_calls=[CALL],
        response_metadata={"model_provider": "openai", "model_name": "gpt-5"},
    ),
    "Gemini": AIMessage(
        [
            {"type": "thinking", "thinking": "Secret.", "signature": SECRET},
            {
                "type": "text",
                "text": "Let me see.",
                "extras": {"signature": SECRET},
            },
        ],
        tool_calls=[CALL],
        additional_kwargs={
            "function_call": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
            "__gemini_function_call_thought_signatures__": {"c1": SECRET},
        },
        response_metadata={
            "model_provider": "google_genai",
            "model_name": "gemini-3-pro-preview",
        },
    ),
    "DeepSeek": AIMessage(
        "Let me see.",
        tool_calls=[CALL],
        additional_kwargs={"reasoning_content": f"Secret. {SECRET}"},
        response_metadata={
            "model_provider": "deepseek",
            "model_name": "deepseek-reasoner",
        },
    ),
}


@pytest.mark.parametrize("provider", list(FOREIGN))
def test_signatures_of_other_providers_are_never_sent(
    server: Emulator, ask: Ask, provider: str
) -> None:
    messages = [
        HumanMessage("The weather in Paris?"),
        FOREIGN[provider],
        ToolMessage("sunny", tool_call_id="c1"),
    ]

    talk(ask, chat_minimax(server).bind_tools(TOOLS), messages)

    (request,) = server.requests
    assert request.status == 200
    assert request.stray_keys == []
    assert SECRET.encode() not in request.raw
    assert b"Secret." not in request.raw
    assert request.body["messages"][1] == {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Let me see."},
            {
                "type": "tool_use",
                "id": "c1",
                "name": "get_weather",
                "input": {"city": "Paris"},
            },
        ],
    }
