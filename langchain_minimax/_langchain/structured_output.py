"""A schema in, a runnable out that answers with what fits it; never with `None`."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import (
    BaseCumulativeTransformOutputParser,
    JsonOutputParser,
    PydanticOutputParser,
)
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from typing_extensions import override

from langchain_minimax._blocks import Json, Tool
from langchain_minimax._json import shown
from langchain_minimax._langchain.tools import to_tool
from langchain_minimax.errors import MiniMaxInvalidRequestError, MiniMaxOutputError

METHODS = ("function_calling", "json_schema", "json_mode")

Method = Literal["function_calling", "json_schema", "json_mode"]
Schema = Json | type
Tools = Json | type | Callable[..., Any] | BaseTool
Parser = BaseCumulativeTransformOutputParser[Any]


@dataclass(frozen=True)
class Validator:
    """What Pydantic classes say of objects; they may take what their schemas do not.

    Attributes:
        schemas: The class of a tool's arguments, by the tool's name; an answer's class
            has the name `None`.
    """

    schemas: tuple[tuple[str | None, type[Any]], ...]

    def knows(self, tool: str | None) -> bool:
        """Whether it has the class of this tool's arguments."""
        return tool in dict(self.schemas)

    def __call__(self, value: Json, tool: str | None) -> str | None:
        """What is wrong, in Pydantic's words; `None` if nothing is."""
        schema: Any = dict(self.schemas).get(tool)
        if schema is None:
            return None
        read = getattr(schema, "model_validate", None) or schema.parse_obj
        try:
            read(copy.deepcopy(value))  # a validator may change what it is given
        except ValueError as error:  # Pydantic's, of either version
            return _complaint(error)
        return None

    def __repr__(self) -> str:
        # It is part of LangChain's cache key.
        known = (f"{each.__module__}.{each.__qualname__}" for _, each in self.schemas)
        return f"Validator({', '.join(known)})"


def _complaint(error: Any) -> str:
    """What Pydantic objects to, without its links."""
    said = (
        (".".join(map(str, each["loc"])), each["msg"])
        for each in getattr(error, "errors", list)()
    )
    return " ".join(f"`{place}`: {words}." for place, words in said) or str(error)


def validator_of(tools: Sequence[Tools]) -> Validator | None:
    """What LangChain's tools check their arguments with, if they check any."""
    known = [
        (tool.name, schema)
        for tool in tools
        if isinstance(tool, BaseTool) and (schema := _arguments_class(tool))
    ]
    return Validator(tuple(known)) if known else None


def _arguments_class(tool: BaseTool) -> type[Any] | None:
    """The class of a tool's arguments, if the model has to give all of them."""
    schema: Any = tool.args_schema
    if not isinstance(schema, type) or not is_basemodel_subclass(schema):
        return None
    asked: Any = tool.tool_call_schema  # without what is injected
    return schema if _fields_of(schema) == _fields_of(asked) else None


def _fields_of(schema: Any) -> set[str]:
    """The names of a class's fields, in either version of Pydantic."""
    known = hasattr(schema, "model_fields")
    fields: Json = schema.model_fields if known else getattr(schema, "__fields__", {})
    return set(fields)


def structured(
    model: BaseChatModel,
    schema: Schema,
    *,
    method: Method,
    include_raw: bool,
    tools: Sequence[Tools],
) -> Runnable[LanguageModelInput, Any]:
    """The model, made to answer with what fits a schema.

    Args:
        model: Who answers.
        schema: A Pydantic class, a `TypedDict`, a JSON schema or a tool dict.
        method: By a tool that it has to call, or by the text of its reply.
        include_raw: Whether the message is handed out too, and an error with it.
        tools: Further tools, which it may call instead.

    Raises:
        MiniMaxInvalidRequestError: If there is no such method, or no such schema.
    """
    if method not in METHODS:
        msg = f"There is no method {method!r}: say {' or '.join(map(repr, METHODS))}."
        raise MiniMaxInvalidRequestError(msg)
    known, tool = _pydantic(schema), _tool(schema)
    is_call = method == "function_calling"
    said: Json = {
        "ls_structured_output_format": {
            "kwargs": {"method": method},
            "schema": convert_to_json_schema(schema),
        },
        **_checked(known, tool.name if is_call else None),
    }
    parser: Parser
    if is_call:
        choice = "any" if tools else tool.name
        asked = model.bind_tools([*tools, schema], tool_choice=choice, **said)
        parser = _tool_parser(known, tool.name)
    else:
        schema_of = {"schema": tool.input_schema}
        wanted: Json = {"type": "json_object"}
        if method == "json_schema":
            wanted = {"type": "json_schema", "json_schema": schema_of}
        said["response_format"] = wanted
        asked = model.bind_tools(tools, **said) if tools else model.bind(**said)
        parser = (
            PydanticOutputParser(pydantic_object=known) if known else JsonOutputParser()
        )
    told = NeverNone(parser=parser, tool=tool.name if is_call else None)
    return _with_raw(asked, told) if include_raw else asked | told


def _checked(known: type[Any] | None, tool: str | None) -> Json:
    return {"validator": Validator(((tool, known),))} if known else {}


def _pydantic(schema: Schema) -> type[Any] | None:
    """The schema, if it is a Pydantic class."""
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    return schema if is_class and isinstance(schema, type) else None


def _tool(schema: Schema) -> Tool:
    try:
        tool = to_tool(schema)
    except MiniMaxInvalidRequestError as error:
        msg = (
            f"This is no schema: {shown(schema)}. Give a Pydantic class, a "
            f"`TypedDict` or a JSON schema with a title. ({error})"
        )
        raise MiniMaxInvalidRequestError(msg) from error
    if isinstance(tool, Tool):
        return tool
    msg = f"This is no schema: {shown(schema)}."
    raise MiniMaxInvalidRequestError(msg)


def _tool_parser(schema: type[Any] | None, name: str) -> Parser:
    if schema is not None:
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


class NeverNone(BaseCumulativeTransformOutputParser[Any]):
    """Says why there is nothing to parse, where LangChain's parsers say nothing.

    Attributes:
        parser: What parses.
        tool: Of which calls, if it parses calls.
    """

    parser: Any
    tool: str | None = None

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """What was parsed; while it comes, `None` if nothing is there yet."""
        message = getattr(result[0], "message", None)
        calls = getattr(message, "tool_calls", [])
        own = [call for call in calls if call["name"] == self.tool]
        if self.tool is not None and isinstance(message, AIMessage):
            told = message.model_copy(update={"tool_calls": own})
            result = [ChatGeneration(message=told)]
        try:
            parsed = self.parser.parse_result(result, partial=partial)
        except OutputParserException:
            if not calls or own:
                raise
            parsed = None
        if parsed is None and not partial:
            raise _no_answer([call["name"] for call in calls])
        return parsed

    def parse(self, text: str) -> Any:
        """What a text is parsed to."""
        return self.parser.parse(text)

    @override
    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        parsed = None
        for parsed in super()._transform(input):
            yield parsed
        if parsed is None:
            raise _no_answer([])

    @override
    async def _atransform(
        self, input: AsyncIterator[str | BaseMessage]
    ) -> AsyncIterator[Any]:
        parsed = None
        async for parsed in super()._atransform(input):
            yield parsed
        if parsed is None:
            raise _no_answer([])


def _no_answer(called: Sequence[str]) -> MiniMaxOutputError:
    what = ", ".join(f"`{name}`" for name in called) or "something else"
    return MiniMaxOutputError(
        f"The model called {what} instead of answering. With `tools=` it may: say "
        "`include_raw=True` to get the message.",
        reason="wrong tool",
    )


def _with_raw(
    asked: Runnable[LanguageModelInput, AIMessage], parser: Parser
) -> Runnable[LanguageModelInput, Json]:
    chain = _WithRaw(asked, parser)
    return RunnableLambda(chain.ask, chain.aask, name="with_structured_output")


@dataclass(frozen=True)
class _WithRaw:
    """The message, what it was parsed to, and the error if that failed."""

    asked: Runnable[LanguageModelInput, AIMessage]
    parser: Parser

    def ask(self, said: LanguageModelInput, config: RunnableConfig) -> Json:
        try:
            message = self.asked.invoke(said, config)
        except MiniMaxOutputError as error:
            return self._failed(error)
        return self._parsed(message, config)

    async def aask(self, said: LanguageModelInput, config: RunnableConfig) -> Json:
        try:
            message = await self.asked.ainvoke(said, config)
        except MiniMaxOutputError as error:
            return self._failed(error)
        return self._parsed(message, config)

    def _parsed(self, message: AIMessage, config: RunnableConfig) -> Json:
        try:
            value = self.parser.invoke(message, config)
        except MiniMaxOutputError:  # another tool was called, which it may
            return {"raw": message, "parsed": None, "parsing_error": None}
        except (OutputParserException, ValueError) as error:
            return {"raw": message, "parsed": None, "parsing_error": error}
        return {"raw": message, "parsed": value, "parsing_error": None}

    def _failed(self, error: MiniMaxOutputError) -> Json:
        return {"raw": error.partial, "parsed": None, "parsing_error": error}
