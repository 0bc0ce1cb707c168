"""What LangChain makes of a tool is remembered, and nobody can tell."""

from __future__ import annotations

import gc
import weakref
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, Tool, tool
from langchain_core.utils.function_calling import convert_to_openai_function
from pydantic import BaseModel, Field

from langchain_minimax._langchain.conversions import of_tool
from langchain_minimax._langchain.tools import to_tool


class Wind(BaseModel):
    """A wind."""

    knots: int = Field(3, description="How strong.", title="Knots")


class Sea(Enum):
    CALM = "calm"


def plain(port: str, days: int = 3, notes: list[str] | None = None) -> str:
    """Tell the tide.

    Args:
        port: Where.
        days: How many days.
        notes: What else.
    """
    return f"{port} {days} {notes}"


def rich(
    port: Annotated[str, "Where."],
    kind: Literal["high", 1] = "high",
    how: Optional[dict[str, tuple[int, ...]]] = None,  # noqa: UP045 - people do
    anything: Any = None,
) -> str:
    """Tell the tide."""
    return f"{port} {kind} {how} {anything}"


def classy(wind: Wind, sea: Sea = Sea.CALM) -> str:
    """Tell the tide."""
    return f"{wind} {sea}"


def listed(port: str, days: list[int] = [1]) -> str:  # noqa: B006 - it may change
    """Tell the tide."""
    return f"{port} {days}"


def secretive(port: str, key: Annotated[str, InjectedToolArg]) -> str:
    """Tell the tide."""
    return f"{port} {key}"


async def awaited(port: str) -> str:
    """Tell the tide."""
    return port


def bare(port, *more, **most):  # type: ignore[no-untyped-def]
    """Tell the tide."""
    return port, more, most


class Handmade(BaseTool):
    name: str = "handmade"
    description: str = "Tell the tide."

    def _run(self, port: str) -> str:
        return port


TOOLS = [
    *(tool(each) for each in (plain, rich, classy, secretive, awaited)),
    tool("renamed", args_schema=Wind)(lambda knots: knots),
    tool(plain, description="Tell."),
    StructuredTool.from_function(
        plain,
        args_schema={"type": "object", "properties": {"port": {"type": "string"}}},
    ),
    Tool("simple", str, "Tell the tide."),
    Handmade(),
]


@pytest.mark.parametrize("given", TOOLS, ids=lambda each: each.name)
def test_a_tool_is_what_langchain_makes_of_it_each_time(given: BaseTool) -> None:
    expected = convert_to_openai_function(given)
    assert of_tool(given) == of_tool(given) == expected


def test_a_tool_that_was_assigned_to_is_another() -> None:
    tide = tool(plain)
    assert of_tool(tide)["description"].startswith("Tell the tide.")
    tide.description = "Tell the wind."
    assert of_tool(tide)["description"] == "Tell the wind."
    tide.args_schema = Wind
    assert set(of_tool(tide)["parameters"]["properties"]) == {"knots"}


@pytest.mark.parametrize("given", [plain, tool(plain)], ids=["function", "tool"])
def test_what_is_done_to_one_answer_does_not_reach_the_next(given: Any) -> None:
    first = to_tool(given)
    first.input_schema["properties"].clear()  # type: ignore[union-attr]
    second = to_tool(given)
    assert set(second.input_schema["properties"]) == {"port", "days", "notes"}  # type: ignore[union-attr]


def test_a_class_whose_schema_changed_is_another() -> None:
    class Tide(BaseModel):
        """Tell the tide."""

        port: str

    class Fixed(Handmade):
        args_schema: Any = Tide

        @property
        def tool_call_schema(self) -> Any:
            return Tide

    assert of_tool(Fixed())["parameters"]["properties"]["port"]["type"] == "string"
    Tide.model_fields["port"].annotation = int
    Tide.model_rebuild(force=True)
    assert of_tool(Fixed())["parameters"]["properties"]["port"]["type"] == "integer"


def test_a_tool_that_nobody_has_any_more_is_not_kept() -> None:
    tide = tool(plain)
    of_tool(tide)
    gone = weakref.ref(tide.tool_call_schema)
    del tide
    gc.collect()
    assert gone() is None
