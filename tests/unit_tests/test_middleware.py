"""Prompt caching marks: where they are put, and that nothing of the agent's changes."""

from __future__ import annotations

import asyncio
import builtins
import copy
import importlib
import sys
from typing import Any

import pytest
from langchain.agents.middleware import ModelRequest, ModelResponse
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool

from langchain_minimax import ChatMiniMax, MiniMaxInvalidRequestError
from langchain_minimax._dialects import anthropic, openai
from langchain_minimax._langchain.messages import to_conversation
from langchain_minimax._langchain.options import Options
from langchain_minimax._repair import repair
from langchain_minimax.middleware import MiniMaxPromptCachingMiddleware

MARK = {"type": "ephemeral"}
DIALECTS = {"anthropic": anthropic, "openai": openai}
PICTURE = {"type": "image", "url": "https://example.com/a.png"}


@tool
def get_tide(port: str) -> str:
    """Next high tide of a port."""
    return f"16:39 at {port}"


@tool
def get_wind(port: str) -> str:
    """The wind at a port."""
    return f"calm at {port}"


def model(name: str = "MiniMax-M2.1", **fields: Any) -> ChatMiniMax:
    return ChatMiniMax(model=name, api_key="sk-api-of-nobody", **fields)


def call(id: str) -> AIMessage:
    return AIMessage(
        "", tool_calls=[{"name": "get_tide", "args": {"port": "Porto"}, "id": id}]
    )


def result(id: str, content: Any = "16:39") -> ToolMessage:
    return ToolMessage(content, tool_call_id=id)


LOOP = [
    HumanMessage("When is high water at Porto, and at Faro?"),
    AIMessage(
        "I look.",
        tool_calls=[
            {"name": "get_tide", "args": {"port": "Porto"}, "id": "a"},
            {"name": "get_tide", "args": {"port": "Faro"}, "id": "b"},
        ],
    ),
    result("a"),
    result("b"),
    call("c"),
    result("c"),
]


def request(**fields: Any) -> ModelRequest[Any]:
    return ModelRequest(
        **{
            "model": model(),
            "messages": [*LOOP],
            "system_message": SystemMessage("You know the tides."),
            "tools": [get_tide, get_wind],
            **fields,
        }
    )


def called(asked: ModelRequest[Any], **fields: Any) -> ModelRequest[Any]:
    """What the model is called with; the same is asked for, awaited."""
    before = copy.deepcopy((asked.system_message, asked.messages))
    extras = [getattr(each, "extras", None) for each in asked.tools]
    seen: list[ModelRequest[Any]] = []
    middleware = MiniMaxPromptCachingMiddleware(**fields)
    answer = ModelResponse(result=[AIMessage("At 16:39.")])

    def handler(request: ModelRequest[Any]) -> ModelResponse[Any]:
        seen.append(request)
        return answer

    async def ahandler(request: ModelRequest[Any]) -> ModelResponse[Any]:
        return handler(request)

    assert middleware.wrap_model_call(asked, handler) is answer
    assert asyncio.run(middleware.awrap_model_call(asked, ahandler)) is answer
    first, second = seen
    assert first.messages == second.messages
    assert first.system_message == second.system_message
    assert (asked.system_message, asked.messages) == before
    assert [getattr(each, "extras", None) for each in asked.tools] == extras
    return first


def body(asked: ModelRequest[Any], protocol: str) -> dict[str, Any]:
    """What goes over the wire for it."""
    prompt = [asked.system_message] if asked.system_message else []
    options = Options(model="MiniMax-M2.1", protocol=protocol, tools=asked.tools)
    conversation = repair(to_conversation([*prompt, *asked.messages]))
    said = options.request(conversation, stream=False, official=True)
    return DIALECTS[protocol].encode(said)


def marks(value: Any, path: str = "") -> list[str]:
    """Where in a body the marks are."""
    if isinstance(value, list):
        return [
            found
            for place, each in enumerate(value)
            for found in marks(each, f"{path}.{place}")
        ]
    if not isinstance(value, dict):
        return []
    assert value.get("cache_control", MARK) == MARK
    own = [path.lstrip(".")] if "cache_control" in value else []
    return own + [
        found for key, each in value.items() for found in marks(each, f"{path}.{key}")
    ]


# --- Where they are put --------------------------------------------------------------


def test_messages_takes_four_marks():
    assert marks(body(called(request()), "anthropic")) == [
        "system.0",
        "messages.2.content.1",  # the last result of the call before
        "messages.4.content.0",
        "tools.1",
    ]


def test_chat_takes_them_in_words():
    asked = request(model=model(protocol="openai"))
    assert marks(body(called(asked), "openai")) == [
        "messages.0.content.0",
        "messages.4.content.0",
        "messages.6.content.0",
    ]


@pytest.mark.parametrize("protocol", ["anthropic", "openai"])
def test_a_first_question_has_one_end(protocol: str):
    asked = request(
        model=model(protocol=protocol),
        messages=[HumanMessage("Hi")],
        system_message=None,
        tools=[],
    )
    assert marks(body(called(asked), protocol)) == ["messages.0.content.0"]


def test_the_last_part_that_can_carry_one_is_marked():
    shown = HumanMessage([{"type": "text", "text": "Look:"}, PICTURE])
    for protocol, place in (("anthropic", 1), ("openai", 0)):
        asked = request(model=model(protocol=protocol), messages=[shown], tools=[])
        (marked,) = called(asked).messages
        assert [("cache_control" in part) for part in marked.content] == [
            at == place for at in (0, 1)
        ]


def test_strings_in_a_list_are_words_too():
    asked = request(messages=[HumanMessage(["Look.", "Well?"])], tools=[])
    assert called(asked).messages[0].content == [
        "Look.",
        {"type": "text", "text": "Well?", "cache_control": MARK},
    ]


def test_results_of_several_parts_are_marked_as_one():
    parts = [{"type": "text", "text": "16:39"}, {"type": "text", "text": "3.4 m"}]
    asked = request(messages=[LOOP[0], call("a"), result("a", parts)])
    assert "messages.2.content.0" in marks(body(called(asked), "anthropic"))
    chat = called(request(model=model(protocol="openai"), messages=asked.messages))
    assert "messages.3.content.1" in marks(body(chat, "openai"))


def test_the_models_own_words_are_never_marked():
    said = [HumanMessage("Hi"), AIMessage("Hello"), AIMessage("And?")]
    assert marks(body(called(request(messages=said)), "anthropic"))[1] == (
        "messages.0.content.0"
    )
    alone = called(request(messages=[AIMessage("Hello")], tools=[]))
    assert alone.messages == [AIMessage("Hello")]


@pytest.mark.parametrize("content", ["", " \n", [], [{"type": "text", "text": ""}]])
def test_what_is_empty_takes_no_mark(content: Any):
    asked = request(messages=[HumanMessage(content)], tools=[])
    marked = called(asked)
    assert marked.messages == asked.messages
    empty = request(system_message=SystemMessage(content), tools=[])
    assert called(empty).system_message == empty.system_message


@pytest.mark.parametrize(
    "last",
    [
        {"name": "t", "description": "", "input_schema": {"type": "object"}},
        {"type": "function", "function": {"name": "t", "parameters": {}}},
        get_wind,
    ],
    ids=["anthropic", "openai", "tool"],
)
def test_the_last_tool_is_marked_whatever_it_is(last: Any):
    web = {"type": "web_search_20250305", "name": "web_search"}
    for tools in ([get_tide, last], [get_tide, last, web]):
        assert "tools.1" in marks(body(called(request(tools=tools)), "anthropic"))


def test_a_server_tool_alone_takes_none():
    web = {"type": "web_search_20250305", "name": "web_search"}
    assert called(request(tools=[web])).tools == [web]


# --- Marks of the caller's own -------------------------------------------------------


def own(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text, "cache_control": {**MARK}}]


def test_there_are_never_more_than_four():
    prompt = SystemMessage(own("You know the tides."))
    asked = [HumanMessage(own("Hi")), AIMessage("Hello"), HumanMessage("Well?")]
    found = marks(
        body(called(request(system_message=prompt, messages=asked)), "anthropic")
    )
    assert found == [
        "system.0",
        "messages.0.content.0",
        "messages.2.content.0",
        "tools.1",
    ]
    asked = [HumanMessage(own(str(n)) * 4) for n in range(1)] + [HumanMessage("Well?")]
    assert called(request(messages=asked)).messages == asked


def test_what_is_marked_stays_as_it_is():
    marked = called(request())
    again = called(marked)
    assert again.messages == marked.messages
    assert again.system_message == marked.system_message
    assert [each.extras for each in again.tools] == [None, {"cache_control": MARK}]


def test_marks_in_extras_count():
    block = {"type": "text", "text": "Hi", "extras": {"cache_control": {**MARK}}}
    asked = request(messages=[HumanMessage([block])])
    assert called(asked).messages == asked.messages


# --- Which models --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["MiniMax-M2", "minimax-m2.1", "MiniMaxAI/MiniMax-M2.7"]
)
def test_models_that_honour_marks_get_them(name: str):
    assert called(request(model=model(name))).messages != LOOP


def test_a_configurable_model_is_asked_for_the_model_inside():
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    from langchain_minimax import register_provider  # noqa: PLC0415

    register_provider()
    for name, expected in (("MiniMax-M2.1", True), ("MiniMax-M3", False)):
        configurable = init_chat_model(
            f"minimax:{name}",
            configurable_fields=("temperature",),
            api_key="sk-api-of-nobody",
        )
        asked = request(model=configurable)
        assert (called(asked).messages != LOOP) is expected


def test_a_bound_model_is_asked_for_the_model_inside():
    assert called(request(model=model().bind(temperature=0))).messages != LOOP
    other = model().bind(model="MiniMax-M3")
    assert called(request(model=other)).messages == LOOP


def test_the_protocol_of_a_binding_and_of_the_call_wins():
    tools = [get_tide]
    bound = called(request(model=model().bind(protocol="openai"), tools=tools))
    assert bound.tools == tools
    settings = {"protocol": "openai"}
    asked = called(request(model=model(), model_settings=settings, tools=tools))
    assert asked.tools == tools
    assert called(request(model=model(), tools=tools)).tools != tools


def test_the_model_of_the_call_wins():
    asked = request(model=model("MiniMax-M3"), model_settings={"model": "MiniMax-M2.1"})
    assert called(asked).messages != LOOP


OTHERS = [
    pytest.param(model("MiniMax-M3"), id="M3"),
    pytest.param(model("MiniMax-M9"), id="unknown"),
    pytest.param(ChatAnthropic(model="claude-x", api_key="k"), id="Claude"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_others_are_passed_on_as_they_are(other: Any):
    middleware = MiniMaxPromptCachingMiddleware()
    asked = request(model=other)
    seen: list[ModelRequest[Any]] = []
    middleware.wrap_model_call(asked, seen.append)
    assert seen == [asked]
    assert seen[0] is asked


@pytest.mark.parametrize("other", OTHERS)
def test_others_are_told_of_if_that_is_wanted(other: Any):
    asked = request(model=other)
    careful = MiniMaxPromptCachingMiddleware(unsupported_model_behavior="warn")
    with pytest.warns(UserWarning, match=r"[Pp]rompt caching"):
        careful.wrap_model_call(asked, lambda _: None)
    strict = MiniMaxPromptCachingMiddleware(unsupported_model_behavior="raise")
    with pytest.raises(MiniMaxInvalidRequestError, match=r"[Pp]rompt caching"):
        strict.wrap_model_call(asked, lambda _: None)
    with pytest.raises(MiniMaxInvalidRequestError):
        asyncio.run(strict.awrap_model_call(asked, lambda _: None))


def test_a_short_conversation_may_go_without():
    asked = request(messages=[HumanMessage("Hi")])
    assert called(asked, min_messages_to_cache=3).messages == asked.messages
    assert called(asked, min_messages_to_cache=2).messages != asked.messages


def test_without_langchain_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    plain_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "langchain":
            raise ImportError(name)
        return plain_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "langchain_minimax.middleware")
    with pytest.raises(ImportError, match=r"langchain-minimax\[langchain\]"):
        importlib.import_module("langchain_minimax.middleware")
