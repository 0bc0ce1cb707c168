from __future__ import annotations

import copy
from types import MappingProxyType
from typing import Annotated, Any

import pydantic
import pydantic.v1
import pytest
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, tool
from typing_extensions import TypedDict

from langchain_minimax._blocks import JsonAnswer, Opaque, Tool, ToolChoice
from langchain_minimax._langchain.tools import (
    to_answer,
    to_json,
    to_tool,
    to_tool_choice,
)
from langchain_minimax.errors import MiniMaxInvalidRequestError

MARK = {"type": "ephemeral"}
PORT = {"type": "object", "properties": {"port": {"type": "string"}}}
NOTHING = {"type": "object", "properties": {}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def a_function(port: str, days: int = 1) -> str:
    """Tell the tide.

    Args:
        port: Where.
        days: How far ahead.
    """
    return f"{port} {days}"


@tool
def a_decorated_function(port: str) -> str:
    """Tell the tide."""
    return port


class ATool(BaseTool):
    name: str = "a_tool"
    description: str = "Tell the tide."

    def _run(self, port: str) -> str:
        return port


class APydanticClass(pydantic.BaseModel):
    """Tell the tide."""

    port: str


class AnOldPydanticClass(pydantic.v1.BaseModel):
    """Tell the tide."""

    port: str


class ATypedDict(TypedDict):
    """Tell the tide."""

    port: Annotated[str, ..., "Where."]


# --- Tools ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        a_function,
        a_decorated_function,
        ATool(),
        StructuredTool.from_function(a_function),
        APydanticClass,
        AnOldPydanticClass,
        ATypedDict,
    ],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
def test_whatever_python_calls_a_tool_is_one(given: Any) -> None:
    found = to_tool(given)
    assert isinstance(found, Tool)
    assert found.name == getattr(given, "name", getattr(given, "__name__", None))
    assert str(found.description).startswith("Tell the tide.")
    assert found.input_schema["type"] == "object"
    assert found.input_schema["properties"]["port"]["type"] == "string"
    assert found.input_schema["required"] == ["port"]
    assert found.cache_control is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (
            {"title": "tide", "description": "Tell.", **PORT},
            Tool("tide", "Tell.", PORT),
        ),
        ({"title": "tide", **NOTHING}, Tool("tide", None, NOTHING)),
        (
            {"title": "tide", **PORT, "type": ["object", "null"]},
            Tool("tide", None, {**PORT, "type": ["object", "null"]}),
        ),
        (
            {
                "type": "function",
                "function": {
                    "name": "tide",
                    "description": "Tell.",
                    "parameters": PORT,
                    "strict": True,
                },
            },
            Tool("tide", "Tell.", PORT),
        ),
        (
            {"name": "tide", "description": "Tell.", "parameters": PORT},
            Tool("tide", "Tell.", PORT),
        ),
        (
            {"type": "function", "name": "tide", "parameters": PORT},
            Tool("tide", None, PORT),
        ),
        (
            {"type": "tool", "name": "tide", "parameters": PORT},
            Tool("tide", None, PORT),
        ),
        (
            {"name": "tide", "description": "Tell.", "input_schema": PORT},
            Tool("tide", "Tell.", PORT),
        ),
        ({"name": "tide", "input_schema": PORT}, Tool("tide", None, PORT)),
        (
            {"type": "custom", "name": "tide", "input_schema": PORT},
            Tool("tide", None, PORT),
        ),
        (
            MappingProxyType({"name": "tide", "input_schema": PORT}),
            Tool("tide", None, PORT),
        ),
        (
            {"toolSpec": {"name": "tide", "inputSchema": {"json": PORT}}},
            Tool("tide", None, PORT),
        ),
    ],
    ids=[
        "JSON schema",
        "JSON schema without properties",
        "JSON schema of two types",
        "OpenAI's",
        "OpenAI's, bare",
        "OpenAI's, flat",
        "OpenAI's, of another type",
        "Anthropic's",
        "Anthropic's without a description",
        "Anthropic's with a type",
        "a mapping",
        "Bedrock's",
    ],
)
def test_a_dict_of_any_provider_is_a_tool(given: Any, found: Tool) -> None:
    assert to_tool(given) == found


@tool
def ask_nothing() -> str:
    """Ask nothing."""
    return ""


@pytest.mark.parametrize(
    "given",
    [
        ask_nothing,
        {"name": "ask_nothing"},
        {"name": "ask_nothing", "parameters": None},
        {"name": "ask_nothing", "input_schema": {}},
        {"type": "function", "function": {"name": "ask_nothing"}},
        {"title": "ask_nothing"},
    ],
    ids=["function", "bare", "null", "empty", "OpenAI's", "JSON schema"],
)
def test_a_tool_without_parameters_takes_an_empty_object(given: Any) -> None:
    found = to_tool(given)
    assert isinstance(found, Tool)
    assert (found.name, found.input_schema) == ("ask_nothing", NOTHING)


def test_an_argument_that_the_program_fills_in_is_not_shown_to_the_model() -> None:
    @tool
    def dig(at: int, key: Annotated[str, InjectedToolArg]) -> str:
        """Dig."""
        return f"{at} {key}"

    found = to_tool(dig)
    assert isinstance(found, Tool)
    assert list(found.input_schema["properties"]) == ["at"]


@pytest.mark.parametrize(
    "given",
    [
        tool(a_function, extras={"cache_control": MARK}),
        {"name": "tide", "input_schema": PORT, "cache_control": MARK},
        {"name": "tide", "parameters": PORT, "cache_control": MARK},
        {
            "type": "function",
            "function": {"name": "tide", "parameters": PORT},
            "cache_control": MARK,
        },
    ],
    ids=["extras", "Anthropic's", "OpenAI's, bare", "OpenAI's"],
)
def test_a_cache_mark_stays_on_its_tool(given: Any) -> None:
    found = to_tool(given)
    assert isinstance(found, Tool)
    assert found.cache_control == MARK


def test_a_server_tool_is_passed_on_as_it_is() -> None:
    assert to_tool({**SEARCH, "max_uses": 3}) == Opaque({**SEARCH, "max_uses": 3})


@pytest.mark.parametrize(
    "given",
    [
        {"input_schema": PORT},
        {"name": "", "input_schema": PORT},
        {"name": None, "parameters": PORT},
        {"name": 5, "input_schema": PORT},
        {"type": "function", "function": {"name": "", "parameters": PORT}},
    ],
)
def test_a_tool_needs_a_name(given: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="needs a name"):
        to_tool(given)


@pytest.mark.parametrize(
    "given",
    [
        None,
        5,
        "tide",
        ["tide"],
        int,
        {},
        PORT,
        {"type": "function"},
        {"type": "function", "function": "tide"},
        {"function": {"parameters": PORT}},
    ],
    ids=repr,
)
def test_what_is_no_tool_is_refused(given: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="This is no tool"):
        to_tool(given)


@pytest.mark.parametrize(
    "given",
    [
        {"title": "tide", **PORT},
        {"type": "function", "function": {"name": "tide", "parameters": PORT}},
        {"type": "function", "function": {"name": "tide"}, "cache_control": MARK},
        {"name": "tide", "input_schema": PORT, "cache_control": MARK},
        {"name": "tide", "input_schema": {}},
        SEARCH,
    ],
)
def test_the_callers_dicts_stay_as_they_are(given: dict[str, Any]) -> None:
    before = copy.deepcopy(given)
    found = to_tool(given)
    to_json(found)["name"] = "another"
    assert given == before


# --- Tools as `bind` keeps them ------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (
            Tool("tide", "Tell.", PORT, MARK),
            {
                "name": "tide",
                "description": "Tell.",
                "input_schema": PORT,
                "cache_control": MARK,
            },
        ),
        (Tool("tide", None, PORT), {"name": "tide", "input_schema": PORT}),
        (Opaque(SEARCH), SEARCH),
    ],
    ids=["all", "little", "server tool"],
)
def test_a_bound_tool_is_a_dict_that_means_the_same(
    found: Tool | Opaque, kept: dict[str, Any]
) -> None:
    assert to_json(found) == kept
    assert to_tool(kept) == found


# --- Choices -------------------------------------------------------------------------

TOOLS = (Tool("tide", None, PORT), Tool("wind", None, PORT), Opaque(SEARCH))


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (None, None),
        (False, None),
        ("auto", ToolChoice("auto")),
        ({"type": "auto"}, ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ({"type": "none"}, ToolChoice("none")),
        ("any", ToolChoice("any")),
        ("required", ToolChoice("any")),
        (True, ToolChoice("any")),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("any")),
        ({"type": "required"}, ToolChoice("any")),
        ("wind", ToolChoice("tool", "wind")),
        ({"type": "tool", "name": "wind"}, ToolChoice("tool", "wind")),
        (
            {"type": "function", "function": {"name": "wind"}},
            ToolChoice("tool", "wind"),
        ),
    ],
    ids=repr,
)
def test_every_spelling_of_a_choice_is_understood(
    choice: object, meant: ToolChoice | None
) -> None:
    assert to_tool_choice(choice, TOOLS) == meant


@pytest.mark.parametrize(
    "choice",
    [
        "rain",
        "",
        "web_search",  # MiniMax calls its server tools itself
        {"type": "tool", "name": "rain"},
        {"type": "function", "function": {"name": "rain"}},
        {"type": "tool"},
        {"name": "wind"},
        {},
        [],
        1,
    ],
    ids=repr,
)
def test_a_choice_that_is_none_is_refused_and_told_what_there_is(
    choice: object,
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError) as refused:
        to_tool_choice(choice, TOOLS)
    for word in (repr(choice), "'required'", "'tide'", "'wind'"):
        assert word in str(refused.value)


@pytest.mark.parametrize("choice", ["tide", "any", "required", True, {"type": "any"}])
def test_a_call_cannot_be_forced_without_tools(choice: object) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="none is bound"):
        to_tool_choice(choice, ())


# --- Schemas -------------------------------------------------------------------------


class AHarbour(pydantic.BaseModel):
    """A harbour with a tide."""

    port: APydanticClass
    other: APydanticClass | None = None


class ATree(pydantic.BaseModel):
    """A tree."""

    branches: list[ATree] = []


def test_references_are_spelled_out_in_a_tool() -> None:
    found = to_tool(AHarbour)
    assert isinstance(found, Tool)
    assert "$ref" not in str(found.input_schema)
    assert "$defs" not in found.input_schema
    port = found.input_schema["properties"]["port"]
    assert port["properties"]["port"]["type"] == "string"


def test_what_refers_to_itself_stays_with_its_definition() -> None:
    schema = ATree.model_json_schema()
    found = to_tool({"name": "tree", "input_schema": schema})
    assert isinstance(found, Tool)
    assert found.input_schema["type"] == "object"
    assert "branches" in found.input_schema["properties"]
    assert "#/$defs/ATree" in str(found.input_schema["properties"])
    assert "ATree" in found.input_schema["$defs"]


@pytest.mark.parametrize(
    "parameters", [{}, {"type": "object"}, {"properties": {}}, {"description": "No."}]
)
def test_every_tool_has_a_type_and_properties(parameters: dict[str, Any]) -> None:
    found = to_tool({"name": "tide", "parameters": parameters})
    assert isinstance(found, Tool)
    assert found.input_schema["type"] == "object"
    assert found.input_schema["properties"] == {}


# --- Answers -------------------------------------------------------------------------


def no_check(_: dict[str, Any]) -> str | None:
    return None


@pytest.mark.parametrize(
    ("response_format", "meant"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, JsonAnswer(None, no_check)),
        (
            {"type": "json_schema", "json_schema": {"name": "Port", "schema": PORT}},
            JsonAnswer(PORT, no_check),
        ),
        (
            {
                "type": "json_schema",
                "json_schema": {"name": "Port", "strict": True, "schema": PORT},
            },
            JsonAnswer(PORT, no_check),
        ),
        ({"title": "Port", **PORT}, JsonAnswer({"title": "Port", **PORT}, no_check)),
    ],
    ids=["none", "text", "object", "schema", "strict schema", "bare schema"],
)
def test_every_spelling_of_an_answer_is_understood(
    response_format: Any, meant: JsonAnswer | None
) -> None:
    before = copy.deepcopy(response_format)
    assert to_answer(response_format, no_check) == meant
    assert response_format == before


@pytest.mark.parametrize("given", [APydanticClass, AnOldPydanticClass, ATypedDict])
def test_an_answer_can_be_a_class(given: Any) -> None:
    found = to_answer(given, None)
    assert found is not None
    assert found.schema is not None
    assert found.schema["properties"]["port"]["type"] == "string"


@pytest.mark.parametrize(
    "given",
    ["json", 5, [], {}, {"type": "xml"}, {"type": "json_schema"}],
    ids=repr,
)
def test_an_answer_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="response format"):
        to_answer(given, None)
