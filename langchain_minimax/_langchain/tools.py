"""Everything LangChain calls a tool in, neutral tools out; likewise demands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.utils.function_calling import convert_to_openai_function

from langchain_minimax._blocks import Check, Json, JsonAnswer, Opaque, Tool, ToolChoice
from langchain_minimax._json import shown
from langchain_minimax._langchain.conversions import of_tool
from langchain_minimax._schema import inlined
from langchain_minimax.errors import MiniMaxInvalidRequestError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    ToolLike = Mapping[str, Any] | type | Callable[..., Any] | BaseTool

_FUNCTION_TYPES = frozenset({"function", "custom", "object"})


def to_tool(tool: ToolLike) -> Tool | Opaque:
    """One tool, of any kind that LangChain accepts.

    Args:
        tool: A `BaseTool`, a function, a Pydantic class, a `TypedDict`, a JSON schema
            with a title, an OpenAI or an Anthropic tool dict. A dict of another `type`
            is one of MiniMax's server tools and is passed on as it is.

    Raises:
        MiniMaxInvalidRequestError: If it is none of these.
    """
    if not isinstance(tool, Mapping):
        # Whoever has one has imported it: it takes longer than this package.
        from langchain_core.tools import BaseTool  # noqa: PLC0415

        if isinstance(tool, BaseTool):
            mark = (tool.extras or {}).get("cache_control")
            return _function(tool, mark, of_tool)
        return _function(tool, None)
    mark = tool.get("cache_control")
    if "input_schema" in tool:
        schema = _schema(tool["input_schema"])
        return Tool(_name(tool), tool.get("description"), schema, mark)
    kind = tool.get("type", "function")
    is_other = isinstance(kind, str) and kind not in _FUNCTION_TYPES
    if is_other and "parameters" not in tool:
        return Opaque(dict(tool))
    return _function(dict(tool), mark)


def _function(
    tool: Any,
    cache_control: Json | None,
    convert: Callable[[Any], Json] = convert_to_openai_function,
) -> Tool:
    if isinstance(tool, dict) and "function" in tool:
        tool = tool["function"]
    if isinstance(tool, dict) and "name" in tool:
        # Already one: LangChain's converter would lose a missing `parameters`.
        function = tool
    else:
        try:
            function = convert(tool)
        except (RecursionError, TypeError, ValueError) as error:
            msg = f"This is no tool: {shown(tool)}. {error}"
            raise MiniMaxInvalidRequestError(msg) from error
    return Tool(
        _name(function),
        function.get("description"),
        _schema(function.get("parameters")),
        cache_control,
    )


def _schema(parameters: object) -> Json:
    """A tool without parameters has an empty object's: the server wants one.

    References are spelled out, since self-hosted servers read none.
    """
    schema = parameters or {"type": "object", "properties": {}}
    if isinstance(schema, Mapping):
        try:
            return inlined(dict(schema))
        except RecursionError:
            pass
    msg = f"This is no JSON schema, or it is nested too deep: {shown(schema)}."
    raise MiniMaxInvalidRequestError(msg)


def _name(function: Mapping[str, Any]) -> str:
    name = function.get("name")
    if isinstance(name, str) and name:
        return name
    msg = f"A tool needs a name: {shown(dict(function))}."
    raise MiniMaxInvalidRequestError(msg)


def to_json(tool: Tool | Opaque) -> Json:
    """A tool as an Anthropic tool dict, which `bind` keeps and tracers can read."""
    if isinstance(tool, Opaque):
        return tool.block
    said = {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "cache_control": tool.cache_control,
    }
    return {key: value for key, value in said.items() if value is not None}


def to_tool_choice(choice: object, tools: Sequence[Tool | Opaque]) -> ToolChoice | None:
    """Every spelling of a tool choice.

    Args:
        choice: `None` or `False` for the server's default; `"auto"`, `"none"`,
            `"any"`, `"required"`, `True`; a tool's name; or the dict of Anthropic
            (`{"type": "tool", "name": …}`) or OpenAI
            (`{"type": "function", "function": {"name": …}}`).
        tools: The tools to choose from.

    Raises:
        MiniMaxInvalidRequestError: If there is no such choice or no such tool.
    """
    names = _names(tools)
    match choice:
        case None | False:
            return None
        case "auto" | {"type": "auto"}:
            return ToolChoice("auto")
        case "none" | {"type": "none"}:
            return ToolChoice("none")
        case True | "any" | "required" | {"type": "any" | "required"} if names:
            return ToolChoice("any")
        case (
            str(name)
            | {"type": "tool", "name": str(name)}
            | {"type": "function", "function": {"name": str(name)}}
        ) if name in names:
            return ToolChoice("tool", name)
    known = ", ".join(map(repr, names)) or "none is bound"
    msg = (
        f"There is no tool choice {shown(choice)}: say 'auto', 'none', 'any', "
        f"'required' or the name of a tool ({known})."
    )
    raise MiniMaxInvalidRequestError(msg)


def to_answer(response_format: object, check: Check | None) -> JsonAnswer | None:
    """What the text of a reply has to be.

    Args:
        response_format: OpenAI's: `{"type": "json_schema", "json_schema": {"schema":
            …}}`, `{"type": "json_object"}` or `{"type": "text"}`; or a Pydantic class,
            a `TypedDict` or a JSON schema.
        check: What it has to pass besides.

    Raises:
        MiniMaxInvalidRequestError: If it is none of these.
    """
    match response_format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return JsonAnswer(None, check)
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return JsonAnswer(_schema(schema), check)
        case type() as schema:
            return JsonAnswer(_function(schema, None).input_schema, check)
        case {"properties": _} | {"$ref": _} as schema:
            return JsonAnswer(_schema(schema), check)
    msg = (
        f"There is no response format {shown(response_format)}: say "
        '{"type": "json_schema", "json_schema": {"schema": …}} or '
        '{"type": "json_object"}.'
    )
    raise MiniMaxInvalidRequestError(msg)


def _names(tools: Sequence[Tool | Opaque]) -> list[str]:
    # A server tool is not ours to see called.
    return [tool.name for tool in tools if isinstance(tool, Tool)]
