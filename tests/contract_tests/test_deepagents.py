"""A deep agent by the model's name, with nothing but this package installed."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from typing import Any

import pytest

from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator, Reply, Text, Thinking, ToolUse
from support.sent import turns_of

deepagents = pytest.importorskip("deepagents", reason="deepagents needs Python 3.11")

WRITE = ToolUse("write_file", {"file_path": "/tide.txt", "content": "16:39"})
DELEGATE = ToolUse(
    "task", {"description": "Say hello.", "subagent_type": "general-purpose"}
)


def play() -> list[Any]:
    """It writes a file, has a subagent say something, and ends."""
    return [
        Reply([Thinking("The file first."), WRITE]),
        Reply([Thinking("Now the other."), DELEGATE]),
        Reply([Text("Hello from below.")]),
        "All done.",
    ]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    def point_to(server: Emulator) -> None:
        monkeypatch.setenv("MINIMAX_API_KEY", server.api_key)
        monkeypatch.setenv("MINIMAX_BASE_URL", server.base_url)

    return point_to


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_deep_agent_is_made_by_the_models_name(environment: Any, way: str):
    with Emulator(play()) as server:
        environment(server)
        agent = deepagents.create_deep_agent(model="minimax:MiniMax-M3")
        asked: Any = {"messages": [("human", "Note the tide.")]}
        ended = agent.invoke(asked) if way == "invoke" else await agent.ainvoke(asked)
    assert ended["messages"][-1].text == "All done."
    assert ended["files"]["/tide.txt"]["content"] == "16:39"
    assert len(server.requests) == 4
    assert not any(request.stray_keys for request in server.requests)
    last = turns_of(server.requests[-1])
    thoughts = [
        block["thinking"]
        for turn in last
        for block in turn["content"]
        if block["type"] == "thinking"
    ]
    assert thoughts == ["The file first.", "Now the other."]
    assert "cache_control" not in json.dumps([r.body for r in server.requests])


def test_a_model_that_honours_marks_gets_them(environment: Any):
    with Emulator(play()) as server:
        environment(server)
        agent = deepagents.create_deep_agent(model="minimax:MiniMax-M2.1")
        agent.invoke({"messages": [("human", "Note the tide.")]})
    for request in server.requests:
        assert 2 <= json.dumps(request.body).count("cache_control") <= 4
        assert "cache_control" in request.body["tools"][-1]


def test_a_model_may_be_given_as_well(environment: Any):
    with Emulator(["Hello."]) as server:
        environment(server)
        agent = deepagents.create_deep_agent(model=ChatMiniMax(model="MiniMax-M3"))
        ended = agent.invoke({"messages": [("human", "Hi")]})
    assert ended["messages"][-1].text == "Hello."


def test_both_doors_are_in_the_installed_package():
    for group in ("deepagents.provider_profiles", "deepagents.harness_profiles"):
        (found,) = [
            each for each in entry_points(group=group) if each.name == "minimax"
        ]
        assert found.value.startswith("langchain_minimax._doors:")
