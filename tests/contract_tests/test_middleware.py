"""LangChain's agent middleware, and our own, around the model on both protocols."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain_core.exceptions import ModelError
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxOverloadedError,
)
from langchain_minimax.middleware import MiniMaxPromptCachingMiddleware
from langchain_minimax.testing import Emulator, Fault, Reply, Text, Thinking, ToolUse
from support.clients import chat_anthropic, chat_openai
from support.sent import body_of, turns_of

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]
Json = dict[str, Any]

SECRET = "the-signature-of-a-thought-" * 2


def delete_path(path: str) -> str:
    """Delete a file or a folder."""
    return f"deleted {path}"


def read_log(name: str) -> str:
    """Read a log."""
    return f"{name}: " + "nothing happened; " * 100


@pytest.fixture(params=["invoke", "ainvoke"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs an agent once, either way; always awaited."""

    async def start(agent: Any, asked: Any, config: Any = None) -> Json:
        if request.param == "invoke":
            return agent.invoke(asked, config)
        return await agent.ainvoke(asked, config)

    return start


def ask(words: str) -> Json:
    return {"messages": [("human", words)]}


def call(tool: str, id: str, thought: str = "", **arguments: Any) -> Reply:
    thoughts = [Thinking(thought, SECRET)] if thought else []
    return Reply([*thoughts, ToolUse(tool, arguments, id)])


def blocks(server: Emulator, kind: str, request: int = -1) -> list[Json]:
    """The blocks of a kind that a request held."""
    return [
        block
        for turn in turns_of(server.requests[request])
        for block in turn["content"]
        if block["type"] == kind
    ]


def signed(protocol: str) -> set[str]:
    return {SECRET} if protocol == "anthropic" else {""}


# --- Summaries -----------------------------------------------------------------------


async def test_a_thread_is_summarised_at_a_fraction_of_the_models_window(
    serve: Serve, connect: Connect, run: Any
):
    server = serve("A first answer.", "SUMMARY: they said hello.", "A second answer.")
    model = connect(server)
    # Most of what is billed are the tools, which no counter of messages sees: it is
    # the usage that the model reported that tells. 0.1 % of the window are 1,000.
    assert model.profile["max_input_tokens"] == 1_000_000

    def long_tool(path: str) -> str:
        return path

    long_tool.__doc__ = "Looks at a path. " * 400
    agent = create_agent(
        model,
        [long_tool],
        middleware=[
            SummarizationMiddleware(
                model, trigger=("fraction", 0.001), keep=("messages", 1)
            )
        ],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}
    first = await run(agent, ask("Hello"), thread)
    assert first["messages"][-1].usage_metadata["input_tokens"] > 1000
    assert len(server.requests) == 1
    ended = await run(agent, ask("And now?"), thread)
    assert len(server.requests) == 3
    asked = blocks(server, "text", 1)
    assert "A first answer." in asked[0]["text"]
    said = [block["text"] for block in blocks(server, "text", 2)]
    assert any("SUMMARY: they said hello." in text for text in said)
    assert not any("A first answer." in text for text in said)
    assert ended["messages"][-1].text == "A second answer."


async def test_a_thread_within_the_window_is_left_alone(
    serve: Serve, connect: Connect, run: Any
):
    server = serve("One.", "Two.")
    model = connect(server)
    summary = SummarizationMiddleware(model, trigger=("fraction", 0.8))
    agent = create_agent(model, [], middleware=[summary], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    await run(agent, ask("Hello"), thread)
    await run(agent, ask("And now?"), thread)
    assert len(server.requests) == 2


# --- Context -------------------------------------------------------------------------


async def test_editing_a_context_leaves_the_thoughts(
    serve: Serve, connect: Connect, run: Any
):
    calls = [
        call("read_log", f"call_{number}", f"Log {number} next.", name=f"{number}.log")
        for number in range(4)
    ]
    server = serve(*calls, "All quiet.")
    edit = ClearToolUsesEdit(trigger=1000, keep=1, clear_tool_inputs=True)
    agent = create_agent(
        connect(server, thinking=True),
        [read_log],
        middleware=[ContextEditingMiddleware(edits=[edit])],
    )
    ended = await run(agent, ask("What do the logs say?"))
    assert ended["messages"][-1].text == "All quiet."
    thoughts = blocks(server, "thinking")
    assert [each["thinking"] for each in thoughts] == [
        f"Log {number} next." for number in range(4)
    ]
    protocol = "openai" if "chat" in server.requests[-1].path else "anthropic"
    assert {each.get("signature", "") for each in thoughts} == signed(protocol)
    results = [each["content"][0]["text"] for each in blocks(server, "tool_result")]
    assert results[0] == edit.placeholder
    assert results[-1].startswith("3.log")
    assert blocks(server, "tool_use")[0]["input"] == {}


# --- Retries -------------------------------------------------------------------------


async def test_what_may_pass_is_tried_again(serve: Serve, connect: Connect, run: Any):
    server = serve(Fault.error(2064), Fault(429), "At last.")
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
    agent = create_agent(connect(server), [], middleware=[retry])
    ended = await run(agent, ask("Hello"))
    assert ended["messages"][-1].text == "At last."
    assert len(server.requests) == 3


async def test_what_lasts_is_given_up(serve: Serve, connect: Connect, run: Any):
    server = serve(*[Fault.error(2064)] * 3)
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
    agent = create_agent(connect(server), [], middleware=[retry])
    with pytest.raises(MiniMaxOverloadedError):
        await run(agent, ask("Hello"))
    assert len(server.requests) == 3


def may_pass(error: Exception) -> bool:
    """What newer versions of LangChain ask by themselves."""
    return isinstance(error, ModelError) and error.is_retryable


async def test_what_cannot_pass_is_not_tried_again(
    serve: Serve, connect: Connect, run: Any
):
    server = serve("Hello.")
    retry = ModelRetryMiddleware(
        max_retries=2, initial_delay=0, retry_on=may_pass, on_failure="error"
    )
    model = connect(server, api_key="sk-api-of-another")
    agent = create_agent(model, [], middleware=[retry])
    with pytest.raises(MiniMaxAuthenticationError):
        await run(agent, ask("Hello"))
    assert len(server.requests) == 1


# --- Fallbacks -----------------------------------------------------------------------

OTHERS = pytest.mark.parametrize("other", [chat_anthropic, chat_openai])


@OTHERS
async def test_another_provider_takes_over_in_the_middle_of_a_loop(
    serve: Serve, connect: Connect, run: Any, other: Callable[..., Any]
):
    ours = serve(call("read_log", "call_a", "The log.", name="a.log"), Fault(500))
    theirs = serve("All quiet, says the other.")
    agent = create_agent(
        connect(ours, thinking=True),
        [read_log],
        system_prompt="Read the logs.",
        middleware=[ModelFallbackMiddleware(other(theirs))],
    )
    ended = await run(agent, ask("What does a.log say?"))
    assert ended["messages"][-1].text == "All quiet, says the other."
    (request,) = theirs.requests
    assert request.status == 200
    body = body_of(request)
    assert "The log." not in json.dumps(body), "a thought is its own model's"
    (used,) = blocks(theirs, "tool_use")
    (result,) = blocks(theirs, "tool_result")
    assert used["input"] == {"name": "a.log"}
    assert result["tool_use_id"] == used["id"]


@OTHERS
async def test_we_take_over_from_another_provider(
    serve: Serve, connect: Connect, run: Any, other: Callable[..., Any]
):
    theirs = serve(call("read_log", "toolu_01", "A log.", name="a.log"), Fault(500))
    ours = serve("All quiet, say we.")
    agent = create_agent(
        other(theirs),
        [read_log],
        system_prompt="Read the logs.",
        middleware=[ModelFallbackMiddleware(connect(ours))],
    )
    ended = await run(agent, ask("What does a.log say?"))
    assert ended["messages"][-1].text == "All quiet, say we."
    (request,) = ours.requests
    assert request.status == 200
    assert not request.stray_keys
    (used,) = blocks(ours, "tool_use")
    (result,) = blocks(ours, "tool_result")
    assert used["input"] == {"name": "a.log"}
    assert result["tool_use_id"] == used["id"]


async def test_marks_for_the_cache_do_not_reach_another_provider(
    serve: Serve, connect: Connect, run: Any
):
    ours, theirs = serve(Fault(500)), serve("Hello.")
    agent = create_agent(
        connect(ours, model="MiniMax-M2.1"),
        [read_log],
        system_prompt="Read the logs.",
        # The first is the outermost: ours has to be within.
        middleware=[
            ModelFallbackMiddleware(chat_openai(theirs)),
            MiniMaxPromptCachingMiddleware(),
        ],
    )
    await run(agent, ask("Hello"))
    assert "cache_control" in json.dumps(ours.requests[0].body)
    assert "cache_control" not in json.dumps(theirs.requests[0].body)


# --- A human in the loop -------------------------------------------------------------

INSTEAD = {"name": "delete_path", "args": {"path": "/tmp/b"}}
DECISIONS: dict[str, tuple[Json, str]] = {
    "approve": ({"type": "approve"}, "deleted /tmp/a"),
    "edit": ({"type": "edit", "edited_action": INSTEAD}, "deleted /tmp/b"),
    "reject": ({"type": "reject", "message": "Not that one."}, "Not that one."),
}


@pytest.mark.parametrize(("decision", "told"), DECISIONS.values(), ids=DECISIONS)
async def test_a_human_decides_and_the_thread_goes_on(
    serve: Serve,
    connect: Connect,
    run: Any,
    decision: Json,
    told: str,
    request: pytest.FixtureRequest,
):
    if "ainvoke" in request.node.name and sys.version_info < (3, 11):
        pytest.skip("LangGraph interrupts no asynchronous node before Python 3.11")
    server = serve(
        call("delete_path", "call_a", "That file can go.", path="/tmp/a"), "Done."
    )
    model = connect(server, thinking=True)
    agent = create_agent(
        model,
        [delete_path],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"delete_path": True})],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}
    paused = await run(agent, ask("Tidy up."), thread)
    (interrupt,) = paused["__interrupt__"]
    (action,) = interrupt.value["action_requests"]
    assert (action["name"], action["args"]) == ("delete_path", {"path": "/tmp/a"})
    assert len(server.requests) == 1
    ended = await run(agent, Command(resume={"decisions": [decision]}), thread)
    assert ended["messages"][-1].text == "Done."
    (used,) = blocks(server, "tool_use")
    (result,) = blocks(server, "tool_result")
    assert used["input"]["path"] in ("/tmp/a", "/tmp/b")  # after an edit, by version
    assert told in result["content"][0]["text"]
    assert result["tool_use_id"] == used["id"]
    (thought,) = blocks(server, "thinking")
    assert thought["thinking"] == "That file can go."
    assert {thought.get("signature", "")} == signed(model.protocol)


async def test_a_human_is_asked_in_a_stream_too(
    serve: Serve, connect: Connect, protocol: str
):
    server = serve(
        call("delete_path", "call_a", "That file can go.", path="/tmp/a"), "Done."
    )
    agent = create_agent(
        connect(server, thinking=True),
        [delete_path],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"delete_path": True})],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}
    approve = Command(resume={"decisions": [{"type": "approve"}]})
    modes = ["messages", "updates"]
    seen = list(agent.stream(ask("Tidy up."), thread, stream_mode=modes))
    assert any("__interrupt__" in said for mode, said in seen if mode == "updates")
    texts = [
        said[0].text
        for mode, said in agent.stream(approve, thread, stream_mode=modes)
        if mode == "messages" and isinstance(said[0], AIMessage)
    ]
    assert "".join(texts) == "Done."
    (thought,) = blocks(server, "thinking")
    assert {thought.get("signature", "")} == signed(protocol)


# --- Our own -------------------------------------------------------------------------


async def test_an_agent_marks_what_it_says_again(
    serve: Serve, connect: Connect, run: Any
):
    server = serve(
        call("read_log", "call_a", "The log.", name="a.log"), Reply([Text("Quiet.")])
    )
    model = connect(server, model="MiniMax-M2.1")
    agent = create_agent(
        model,
        [delete_path, read_log],
        system_prompt="Read the logs.",
        middleware=[MiniMaxPromptCachingMiddleware()],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}
    ended = await run(agent, ask("What does a.log say?"), thread)
    first, second = (body_of(request) for request in server.requests)
    mark = {"type": "ephemeral"}
    for body in (first, second):
        assert body["system"][-1]["cache_control"] == mark
        assert body["messages"][0]["content"][-1]["cache_control"] == mark
    assert 2 <= json.dumps(first).count("cache_control") <= 4
    (result,) = blocks(server, "tool_result")
    if model.protocol == "anthropic":
        assert second["tools"][-1]["cache_control"] == mark
        assert result["cache_control"] == mark
    else:
        assert result["content"][-1]["cache_control"] == mark
    assert not any(request.stray_keys for request in server.requests)
    kept: list[BaseMessage] = ended["messages"]
    assert not any("cache_control" in str(message) for message in kept)
    assert [type(message) for message in kept] == [
        HumanMessage,
        AIMessage,
        ToolMessage,
        AIMessage,
    ]
