from __future__ import annotations

import copy
import pickle
from typing import Annotated, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.outputs import ChatGeneration
from langchain_core.tools import InjectedToolArg, StructuredTool
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, field_validator
from typing_extensions import TypedDict

from langchain_minimax import ChatMiniMax
from langchain_minimax._langchain.structured_output import (
    METHODS,
    NeverNone,
    Validator,
    validator_of,
)
from langchain_minimax.errors import MiniMaxInvalidRequestError, MiniMaxOutputError
from support.play import playing
from support.samples import sample

every_method = pytest.mark.parametrize("method", METHODS)


class Even(BaseModel):
    """An even number."""

    value: int

    @field_validator("value")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            msg = "the number has to be even"
            raise ValueError(msg)
        return value


class Odd(BaseModel):
    """An odd number."""

    value: int


class Port(TypedDict):
    """A port."""

    name: str


PORT = {"title": "Port", "type": "object", "properties": {"name": {"type": "string"}}}
MODEL = ChatMiniMax(model="MiniMax-M3", api_key="sk-api-of-nobody")


def bound(schema: Any, **said: Any) -> dict[str, Any]:
    """What every call says."""
    return MODEL.with_structured_output(schema, **said).first.kwargs


# --- What is asked for ---------------------------------------------------------------


@pytest.mark.parametrize("schema", [Even, Port, PORT], ids=["class", "dict", "JSON"])
def test_by_default_the_schema_is_a_tool_that_has_to_be_called(schema: Any) -> None:
    said = bound(schema)
    (tool,) = said["tools"]
    assert said["tool_choice"] == tool["name"]
    assert {"type", "properties"} <= tool["input_schema"].keys()
    assert "response_format" not in said


def test_with_tools_along_any_of_them_will_do() -> None:
    said = bound(Even, tools=[Odd])
    assert {tool["name"] for tool in said["tools"]} == {"Even", "Odd"}
    assert said["tool_choice"] == "any"


def test_by_schema_the_text_has_to_fit_and_no_tool_is_bound() -> None:
    said = bound(PORT, method="json_schema")
    schema = said["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == PORT["properties"]
    assert not {"tools", "tool_choice"} & said.keys()


def test_in_json_mode_the_text_has_to_be_json() -> None:
    assert bound(PORT, method="json_mode")["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_tools_along_are_offered_and_not_forced(method: str) -> None:
    said = bound(Even, method=method, tools=[Odd])
    assert [tool["name"] for tool in said["tools"]] == ["Odd"]
    assert "tool_choice" not in said


@every_method
@pytest.mark.parametrize("schema", [Even, Port, PORT], ids=["class", "dict", "JSON"])
@pytest.mark.parametrize("strict", [None, True, False])
@pytest.mark.parametrize("include_raw", [True, False])
def test_tracers_are_told_the_schema(
    method: str, schema: Any, strict: Any, include_raw: bool
) -> None:
    seen: list[Any] = []

    class Tracer(BaseCallbackHandler):
        raise_error = True

        def on_chat_model_start(self, *_: Any, **said: Any) -> None:
            seen.append(said["options"])

    model = playing(sample("m2_7_whole_base_resp"))
    chain = model.with_structured_output(
        schema, method=method, strict=strict, include_raw=include_raw
    )
    try:
        found = chain.invoke("Hi", {"callbacks": [Tracer()]})
    except MiniMaxOutputError:
        assert not include_raw
    else:
        assert isinstance(found["parsing_error"], MiniMaxOutputError)
    (options,) = seen
    told = options["ls_structured_output_format"]
    assert told["schema"] == convert_to_json_schema(schema)
    assert told["kwargs"]["method"] == method


@every_method
def test_the_callers_schema_stays_as_it_is(method: str) -> None:
    nested = {**PORT, "properties": {"at": {"$ref": "#/$defs/at"}}}
    nested["$defs"] = {"at": {"type": "object", "properties": {}}}
    before = copy.deepcopy(nested)
    bound(nested, method=method)
    assert nested == before


def test_an_unknown_argument_is_refused_and_named() -> None:
    with pytest.raises(ValueError, match="bogus"):
        MODEL.with_structured_output(Even, bogus=1)


@pytest.mark.parametrize("include_raw", [True, False])
def test_an_unknown_method_is_refused_with_those_there_are(include_raw: bool) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="json_schem'") as refused:
        MODEL.with_structured_output(Even, method="json_schem", include_raw=include_raw)
    for method in METHODS:
        assert repr(method) in str(refused.value)


@every_method
@pytest.mark.parametrize("schema", [None, 5, "Even", int, {}, [Even]], ids=repr)
def test_what_is_no_schema_is_refused_at_once(schema: Any, method: str) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="This is no"):
        MODEL.with_structured_output(schema, method=method)


# --- Validators ----------------------------------------------------------------------


EVEN, ODD = Validator((("Even", Even),)), Validator((("Odd", Odd),))


def test_a_validator_says_what_is_wrong_in_pydantics_words() -> None:
    assert EVEN({"value": 4}, "Even") is None
    assert "has to be even" in str(EVEN({"value": 3}, "Even"))
    assert "http" not in str(EVEN({"value": 3}, "Even"))
    assert "`value`" in str(EVEN({}, "Even"))
    assert Validator(((None, Even),))({"value": 3}, None) is not None


def test_a_validator_has_nothing_to_say_of_other_tools() -> None:
    assert EVEN({"value": 3}, "Odd") is None
    assert EVEN({"value": 3}, None) is None


def test_validators_of_two_classes_differ_and_of_one_do_not() -> None:
    assert Validator((("Even", Even),)) == EVEN
    assert " at 0x" not in repr(EVEN)
    assert EVEN != ODD
    assert repr(EVEN) != repr(ODD)


def test_a_validator_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(EVEN)) == EVEN


def test_a_tool_that_is_given_all_its_arguments_is_checked_by_its_class() -> None:
    def run(value: int) -> int:
        """Run."""
        return value

    def inject(value: int, state: Annotated[dict, InjectedToolArg]) -> int:
        """Run."""
        return value + len(state)

    plain = StructuredTool.from_function(run, name="Even", args_schema=Even)
    injected = StructuredTool.from_function(inject)
    assert validator_of([plain, Odd, run]) == EVEN
    assert validator_of([injected]) is None


def test_a_dict_has_no_validator() -> None:
    assert "validator" in bound(Even)
    assert "validator" not in bound(PORT)


@every_method
def test_the_key_of_the_cache_is_the_same_for_the_same_schema(method: str) -> None:
    def key(schema: Any) -> str:
        said = bound(schema, method=method)
        said = {k: v for k, v in said.items() if not k.startswith("ls_")}
        return MODEL._get_llm_string(**said)

    assert key(Even) == key(Even)
    assert key(Even) != key(Odd)
    assert key(Even) != key(Port)


# --- What is parsed ------------------------------------------------------------------


@pytest.mark.parametrize(
    "parser",
    [
        NeverNone(parser=PydanticToolsParser(tools=[Even], first_tool_only=True)),
        NeverNone(
            parser=JsonOutputKeyToolsParser(key_name="Even", first_tool_only=True)
        ),
    ],
    ids=["class", "dict"],
)
def test_nothing_to_parse_is_an_error_and_never_none(parser: Any) -> None:
    def generation(*calls: tuple[str, dict[str, Any]]) -> list[ChatGeneration]:
        said = [
            {"name": name, "args": args, "id": f"c{place}"}
            for place, (name, args) in enumerate(calls)
        ]
        return [ChatGeneration(message=AIMessage("", tool_calls=said))]

    assert parser.parse_result(generation(("Even", {"value": 4}))) is not None
    with pytest.raises(OutputParserException):
        parser.parse_result(generation())
    with pytest.raises(OutputParserException, match="Odd"):
        parser.parse_result(generation(("Odd", {"value": 3})))
