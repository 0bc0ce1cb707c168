"""A LangChain tool in, OpenAI's function for it out, which LangChain makes once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from langchain_core.utils.function_calling import convert_to_openai_function
from pydantic import BaseModel

from langchain_minimax._blocks import Json

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

_MADE: WeakKeyDictionary[type[BaseModel], tuple[Json, Json]] = WeakKeyDictionary()
"""What the schema of a class was, and what LangChain made of the class then."""


def of_tool(tool: BaseTool) -> Json:
    """The function that a tool stands for; not to be changed."""
    # A class that LangChain makes of the tool, and keeps until the tool is changed.
    kind = tool.tool_call_schema if isinstance(tool.args_schema, type) else None
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return convert_to_openai_function(tool)
    made = _made(kind)
    return {
        "name": tool.name or made["name"],
        "description": tool.description or made["description"],
        "parameters": made["parameters"],
    }


def _made(kind: type[BaseModel]) -> Json:
    schema = kind.model_json_schema()
    known = _MADE.get(kind)
    if known is None or known[0] != schema:
        known = schema, convert_to_openai_function(kind)
        _MADE[kind] = known
    return known[1]
