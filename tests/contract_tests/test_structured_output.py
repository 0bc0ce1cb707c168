"""Structured output against a server that forces nothing: a result or a typed error."""

from __future__ import annotations

import asyncio
import copy
import enum
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal

import pydantic
import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.caches import InMemoryCache
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from langchain_minimax import ChatMiniMax
from langchain_minimax.errors import MiniMaxOutputError, MiniMaxToolChoiceError
from langchain_minimax.testing import Emulator, Reply, Text, Thinking, ToolUse
from support.sent import turns_of

Serve = Callable[..., Emulator]
Connect = Callable[..., ChatMiniMax]

METHODS = ("function_calling", "json_schema", "json_mode")
every_method = pytest.mark.parametrize("method", METHODS)


# --- Ways to ask ---------------------------------------------------------------------


def _invoke(chain: Any, said: Any) -> Any:
    return chain.invoke(said)


def _ainvoke(chain: Any, said: Any) -> Any:
    return asyncio.run(chain.ainvoke(said))


def _stream(chain: Any, said: Any) -> Any:
    return list(chain.stream(said))[-1]


def _astream(chain: Any, said: Any) -> Any:
    async def ask() -> Any:
        return [part async for part in chain.astream(said)][-1]

    return asyncio.run(ask())


WAYS = {
    "invoke": _invoke,
    "ainvoke": _ainvoke,
    "stream": _stream,
    "astream": _astream,
}
every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)


# --- Schemas -------------------------------------------------------------------------


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str
    rating: int | None = None


class JokeDict(TypedDict):
    """A joke."""

    setup: Annotated[str, ..., "How it begins."]
    punchline: Annotated[str, ..., "How it ends."]


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: int


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Zoo(BaseModel):
    """All at once: nested, a list, an enum, a union, an optional one."""

    pets: list[Dog | Cat]
    mood: Mood
    best: Cat | None = None


class Tree(BaseModel):
    """A tree."""

    label: str
    branches: list[Tree] = Field(default_factory=list)


class Even(BaseModel):
    """An even number."""

    value: int

    @pydantic.field_validator("value")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            msg = "the number has to be even"
            raise ValueError(msg)
        return value


JOKE = {"setup": "Why?", "punchline": "Because."}
ZOO = {
    "pets": [{"kind": "dog", "barks": 3}, {"kind": "cat", "lives": 9}],
    "mood": "bad",
    "best": None,
}
TREE = {
    "label": "a",
    "branches": [{"label": "b", "branches": [{"label": "c", "branches": []}]}],
}
PROPERTIES = {"setup": {"type": "string"}, "punchline": {"type": "string"}}
PLAIN = {"type": "object", "properties": PROPERTIES, "required": ["setup"]}

SCHEMAS: dict[str, tuple[Any, Any, Any]] = {
    # The schema, what the model writes, what comes out.
    "pydantic": (Joke, JOKE, Joke(**JOKE)),
    "TypedDict": (JokeDict, JOKE, JOKE),
    "JSON schema": ({"title": "Joke", "description": "A joke.", **PLAIN}, JOKE, JOKE),
    "OpenAI's": (
        {"type": "function", "function": {"name": "Joke", "parameters": PLAIN}},
        JOKE,
        JOKE,
    ),
    "all at once": (Zoo, ZOO, Zoo.model_validate(ZOO)),
    "with definitions": (Zoo.model_json_schema(), ZOO, ZOO),
    "recursive": (Tree, TREE, Tree.model_validate(TREE)),
    "recursive JSON schema": (
        {"title": "Tree", **Tree.model_json_schema()},
        TREE,
        TREE,
    ),
}
if sys.version_info < (3, 14):
    import pydantic.v1

    class OldJoke(pydantic.v1.BaseModel):
        """A joke."""

        setup: str
        punchline: str

    SCHEMAS["pydantic v1"] = (OldJoke, JOKE, OldJoke(**JOKE))

every_schema = pytest.mark.parametrize("kind", SCHEMAS)


def name_of(schema: Any) -> str:
    if isinstance(schema, dict):
        return schema.get("title") or schema["function"]["name"]
    return schema.__name__


def said(method: str, schema: Any, value: Any, *, ends: str | None = None) -> Reply:
    """The reply with a value, as a method wants it."""
    if method == "function_calling":
        return Reply([ToolUse(name_of(schema), value)], stop_reason=ends)
    text = value if isinstance(value, str) else json.dumps(value)
    return Reply([Text(text)] if text else [], stop_reason=ends)


# --- A right answer ------------------------------------------------------------------


@every_schema
@every_method
@pytest.mark.parametrize("ask", [_invoke, _astream], ids=["invoke", "astream"])
def test_an_answer_that_fits_comes_back_as_its_schema_says(
    serve: Serve, connect: Connect, kind: str, method: str, ask: Any
) -> None:
    schema, value, wanted = SCHEMAS[kind]
    before = copy.deepcopy(schema) if isinstance(schema, dict) else None
    server = serve(said(method, schema, value))
    chain = connect(server).with_structured_output(schema, method=method)

    assert ask(chain, "Tell me.") == wanted
    assert len(server.requests) == 1
    if before is not None:
        assert schema == before


@every_schema
@every_method
def test_the_raw_message_comes_with_it(
    serve: Serve, connect: Connect, kind: str, method: str
) -> None:
    schema, value, wanted = SCHEMAS[kind]
    server = serve(said(method, schema, value))
    chain = connect(server).with_structured_output(
        schema, method=method, include_raw=True
    )
    found = chain.invoke("Tell me.")
    assert (found["parsed"], found["parsing_error"]) == (wanted, None)
    assert found["raw"].response_metadata["attempts"] == 1
    assert found["raw"].usage_metadata["output_tokens"] > 0


@every_method
@pytest.mark.parametrize("strict", [None, True, False])
@pytest.mark.parametrize("include_raw", [False, True])
@pytest.mark.filterwarnings("ignore:MiniMax keeps to no schema strictly")
def test_strict_changes_nothing_and_is_not_sent(
    serve: Serve, connect: Connect, method: str, strict: Any, include_raw: bool
) -> None:
    server = serve(said(method, Joke, JOKE))
    chain = connect(server).with_structured_output(
        Joke, method=method, strict=strict, include_raw=include_raw
    )
    found = chain.invoke("Tell me.")
    assert (found["parsed"] if include_raw else found) == Joke(**JOKE)
    assert "strict" not in json.dumps(server.requests[0].body)


@every_method
def test_the_body_has_nothing_that_the_wire_does_not_know(
    serve: Serve, connect: Connect, method: str
) -> None:
    server = serve(said(method, Zoo, ZOO))
    connect(server).with_structured_output(Zoo, method=method).invoke("Tell me.")
    body = server.requests[0].body
    unknown = {"response_format", "validator", "ls_structured_output_format", "strict"}
    assert not unknown & body.keys()
    assert body.get("tool_choice") in (None, {"type": "auto"}, "auto")
    assert server.requests[0].stray_keys == []
    if method == "function_calling":
        assert "$ref" not in json.dumps(body["tools"])
    if method == "json_schema":
        assert '"barks"' in json.dumps(body).replace("\\", "")
        assert "$ref" not in json.dumps(body)


@every_method
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("ask", [_invoke, _astream], ids=["invoke", "astream"])
def test_thoughts_and_fences_do_not_disturb(
    serve: Serve, connect: Connect, method: str, thinking: bool, ask: Any
) -> None:
    text = f"Here it is:\n\n```json\n{json.dumps(JOKE, indent=1)}\n```"
    blocks = [Thinking('A joke… {"setup": "no"}')] if thinking else []
    server = serve(Reply([*blocks, Text(text)]))
    chain = connect(server, thinking=thinking).with_structured_output(
        Joke, method=method
    )
    assert ask(chain, "Tell me.") == Joke(**JOKE)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["TypedDict", "JSON schema"])
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_of_a_call_yields_what_has_come_of_it(
    serve: Serve, connect: Connect, kind: str, way: str
) -> None:
    schema, value, wanted = SCHEMAS[kind]
    reply = Reply([ToolUse(name_of(schema), value)], delta_size=5)
    chain = connect(serve(reply)).with_structured_output(schema)

    async def collect() -> list[Any]:
        return [part async for part in chain.astream("Tell me.")]

    parts = list(chain.stream("Hi")) if way == "stream" else asyncio.run(collect())
    assert parts[-1] == wanted
    # Each has all of the one before; Chat Completions sends a call in one piece.
    for earlier, later in pairwise(parts):
        assert all(later[key].startswith(earlier[key]) for key in earlier)


def test_a_stream_of_a_call_has_several_parts_on_the_messages_api(
    serve: Serve,
) -> None:
    server = serve(Reply([ToolUse("JokeDict", JOKE)], delta_size=5))
    model = ChatMiniMax(
        model="MiniMax-M3", api_key=server.api_key, base_url=server.base_url
    )
    parts = list(model.with_structured_output(JokeDict).stream("Tell me."))
    assert len(parts) > 3
    assert {"setup": "Why?"} in parts


# --- Asked once more -----------------------------------------------------------------

WRONG: dict[str, tuple[Any, str]] = {
    # A reply that is no joke, and the reason.
    "prose": ("I would rather not.", "prose"),
    "empty": (Reply([Thinking("Hm.")]), "empty"),
    "invalid": ({"setup": "Why?"}, "invalid"),
    "wrong type": ({"setup": 5, "punchline": "x"}, "invalid"),
}


def wrong(method: str, kind: str) -> tuple[Any, str]:
    given, reason = WRONG[kind]
    return (said(method, Joke, given) if isinstance(given, dict) else given), reason


@every_method
@pytest.mark.parametrize("kind", WRONG)
@every_way
def test_a_wrong_answer_is_asked_for_once_more(
    serve: Serve, connect: Connect, method: str, kind: str, ask: Any
) -> None:
    first, _ = wrong(method, kind)
    server = serve(first, said(method, Joke, JOKE))
    chain = connect(server, thinking=True).with_structured_output(Joke, method=method)
    assert ask(chain, "Tell me.") == Joke(**JOKE)
    assert len(server.requests) == 2


@every_method
@pytest.mark.parametrize("kind", WRONG)
@every_way
def test_two_wrong_answers_end_in_an_error_that_says_why(
    serve: Serve, connect: Connect, method: str, kind: str, ask: Any
) -> None:
    reply, reason = wrong(method, kind)
    server = serve(reply, reply, said(method, Joke, JOKE))
    chain = connect(server, thinking=True).with_structured_output(Joke, method=method)
    with pytest.raises(OutputParserException) as caught:
        ask(chain, "Tell me.")
    kind_of_error = (
        MiniMaxToolChoiceError if method == "function_calling" else MiniMaxOutputError
    )
    assert type(caught.value) is kind_of_error
    assert (caught.value.reason, caught.value.attempts) == (reason, 2)
    assert len(server.requests) == 2


@every_method
@every_way
def test_what_max_tokens_cut_is_not_asked_for_again(
    serve: Serve, connect: Connect, method: str, ask: Any
) -> None:
    half = '{"setup": "Why?", "punchline": "Beca'
    server = serve(said(method, Joke, half, ends="max_tokens"))
    chain = connect(server).with_structured_output(Joke, method=method)
    with pytest.raises(OutputParserException, match="max_tokens") as caught:
        ask(chain, "Tell me.")
    assert (caught.value.reason, caught.value.attempts) == ("cut", 1)
    assert len(server.requests) == 1


@every_method
@pytest.mark.parametrize("kind", [*WRONG, "cut"])
@pytest.mark.parametrize("ask", [_invoke, _ainvoke], ids=["invoke", "ainvoke"])
def test_with_the_raw_message_the_error_is_handed_out(
    serve: Serve, connect: Connect, method: str, kind: str, ask: Any
) -> None:
    if kind == "cut":
        reply, reason = said(method, Joke, '{"setup": "', ends="max_tokens"), "cut"
    else:
        reply, reason = wrong(method, kind)
    server = serve(reply, reply)
    chain = connect(server, thinking=True).with_structured_output(
        Joke, method=method, include_raw=True
    )
    found = ask(chain, "Tell me.")
    assert found["parsed"] is None
    assert isinstance(found["parsing_error"], MiniMaxOutputError)
    assert found["parsing_error"].reason == reason
    assert found["raw"] is found["parsing_error"].partial
    assert found["raw"].tool_calls == []
    if kind == "prose":
        assert "I would rather not." in found["raw"].text


@every_method
@every_way
def test_a_validators_words_are_in_the_second_question(
    serve: Serve, connect: Connect, method: str, ask: Any
) -> None:
    server = serve(said(method, Even, {"value": 3}), said(method, Even, {"value": 4}))
    chain = connect(server).with_structured_output(Even, method=method)
    assert ask(chain, "A number, please.") == Even(value=4)

    first, second = (json.dumps(turns_of(request)) for request in server.requests)
    assert "has to be even" not in first
    assert "has to be even" in second
    assert second.index("A number, please.") < second.index("has to be even")


@every_method
def test_a_validator_that_is_never_content_ends_in_an_error(
    serve: Serve, connect: Connect, method: str
) -> None:
    server = serve(*[said(method, Even, {"value": 3})] * 3)
    chain = connect(server).with_structured_output(Even, method=method)
    with pytest.raises(OutputParserException, match="has to be even") as caught:
        chain.invoke("A number, please.")
    assert caught.value.reason == "invalid"
    assert len(server.requests) == 2


@every_method
def test_the_tokens_of_both_attempts_are_counted(
    serve: Serve, connect: Connect, method: str
) -> None:
    server = serve("No.", said(method, Joke, JOKE))
    alone = serve("No.")
    refused = connect(alone).invoke("Tell me.").usage_metadata
    chain = connect(server).with_structured_output(
        Joke, method=method, include_raw=True
    )
    raw = chain.invoke("Tell me.")["raw"]
    assert raw.response_metadata["attempts"] == 2
    assert raw.usage_metadata["output_tokens"] > refused["output_tokens"]
    assert raw.usage_metadata["input_tokens"] > 2 * refused["input_tokens"]


# --- Further tools -------------------------------------------------------------------


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"18 degrees in {city}"


@every_method
@pytest.mark.parametrize("ask", [_invoke, _ainvoke], ids=["invoke", "ainvoke"])
def test_with_tools_along_the_model_may_call_or_answer(
    serve: Serve, connect: Connect, method: str, ask: Any
) -> None:
    call = Reply([ToolUse("get_weather", {"city": "Lima"})])
    server = serve(call, said(method, Joke, JOKE))
    chain = connect(server).with_structured_output(
        Joke, method=method, tools=[get_weather], include_raw=True
    )
    found = ask(chain, "The weather in Lima?")
    assert [call["args"] for call in found["raw"].tool_calls] == [{"city": "Lima"}]
    assert (found["parsed"], found["parsing_error"]) == (None, None)

    found = ask(chain, "A joke?")
    assert (found["parsed"], found["parsing_error"]) == (Joke(**JOKE), None)
    assert len(server.requests) == 2


@every_method
@pytest.mark.parametrize("kind", ["pydantic", "TypedDict"])
@pytest.mark.parametrize("ask", [_invoke, _ainvoke], ids=["invoke", "ainvoke"])
def test_a_call_of_another_tool_is_an_error_and_not_none(
    serve: Serve, connect: Connect, method: str, kind: str, ask: Any
) -> None:
    schema, *_ = SCHEMAS[kind]
    server = serve(Reply([ToolUse("get_weather", {"city": "Lima"})]))
    chain = connect(server).with_structured_output(
        schema, method=method, tools=[get_weather]
    )
    with pytest.raises(OutputParserException):
        ask(chain, "The weather in Lima?")


# --- The cache -----------------------------------------------------------------------


@every_method
def test_the_cache_knows_a_schema_again_and_confuses_none(
    serve: Serve, connect: Connect, method: str
) -> None:
    other = pydantic.create_model("Other", setup=(str, ...), __doc__="Another.")
    script = [
        said(method, Joke, JOKE),
        said(method, other, {"setup": "Other"}),
        said(method, JokeDict, {**JOKE, "setup": "Dict"}),
    ]
    server = serve(*script)
    model = connect(server, cache=InMemoryCache())

    def ask(schema: Any) -> Any:
        return model.with_structured_output(schema, method=method).invoke("Tell me.")

    assert ask(Joke) == Joke(**JOKE)
    assert ask(Joke) == Joke(**JOKE)
    assert len(server.requests) == 1
    assert ask(other) == other(setup="Other")
    assert ask(JokeDict)["setup"] == "Dict"
    assert len(server.requests) == 3
    assert ask(Joke) == Joke(**JOKE)
    assert len(server.requests) == 3


# --- Agents --------------------------------------------------------------------------

STRATEGIES: dict[str, Any] = {
    "ToolStrategy": ToolStrategy(Joke),
    "ProviderStrategy": ProviderStrategy(Joke),
    "bare": Joke,
}
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


def run(agent: Any, way: str) -> Any:
    question = {"messages": [("human", "Tell me a joke.")]}
    match way:
        case "invoke":
            return agent.invoke(question)
        case "ainvoke":
            return asyncio.run(agent.ainvoke(question))
        case "stream":
            *_, (_, last) = agent.stream(question, stream_mode=["messages", "values"])
            return last
        case _:
            return agent.stream_events(question, version="v3").output


def answer(strategy: str, value: Any = None) -> Reply:
    method = "json_schema" if strategy == "ProviderStrategy" else "function_calling"
    return said(method, Joke, JOKE if value is None else value)


agent_ways = pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "events"])


@every_strategy
@agent_ways
def test_an_agent_whose_model_writes_prose_twice_ends_in_an_error(
    serve: Serve, connect: Connect, strategy: str, way: str
) -> None:
    server = serve("No.", "Still no.", answer(strategy))
    agent = create_agent(connect(server), [], response_format=STRATEGIES[strategy])
    with pytest.raises(MiniMaxOutputError) as caught:
        run(agent, way)
    assert caught.value.reason == "prose"
    assert len(server.requests) == 2


@every_strategy
@agent_ways
def test_an_agent_whose_models_second_reply_is_right_has_it(
    serve: Serve, connect: Connect, strategy: str, way: str
) -> None:
    server = serve("No.", answer(strategy))
    agent = create_agent(connect(server), [], response_format=STRATEGIES[strategy])
    assert run(agent, way)["structured_response"] == Joke(**JOKE)
    assert len(server.requests) == 2


@every_strategy
@agent_ways
def test_an_agent_calls_its_tool_and_then_answers(
    serve: Serve, connect: Connect, strategy: str, way: str
) -> None:
    call = Reply([ToolUse("get_weather", {"city": "Lima"})])
    server = serve(call, "Fine weather.", answer(strategy))
    agent = create_agent(
        connect(server), [get_weather], response_format=STRATEGIES[strategy]
    )
    state = run(agent, way)
    assert state["structured_response"] == Joke(**JOKE)
    assert "18 degrees in Lima" in [str(each.content) for each in state["messages"]]
    assert len(server.requests) == 3


@every_strategy
def test_an_agent_that_called_its_tool_and_then_writes_prose_ends_too(
    serve: Serve, connect: Connect, strategy: str
) -> None:
    call = Reply([ToolUse("get_weather", {"city": "Lima"})])
    server = serve(call, *["No."] * 5)
    agent = create_agent(
        connect(server), [get_weather], response_format=STRATEGIES[strategy]
    )
    with pytest.raises(MiniMaxOutputError):
        run(agent, "invoke")
    assert len(server.requests) == 3


@pytest.mark.parametrize("strategy", ["ToolStrategy", "bare"])
def test_json_as_text_is_an_agents_answer(
    serve: Serve, connect: Connect, strategy: str
) -> None:
    server = serve(f"```json\n{json.dumps(JOKE)}\n```")
    agent = create_agent(connect(server), [], response_format=STRATEGIES[strategy])
    assert run(agent, "stream")["structured_response"] == Joke(**JOKE)
    assert len(server.requests) == 1


@pytest.mark.parametrize("strategy", [ToolStrategy(Even), Even], ids=["tool", "bare"])
@pytest.mark.xfail(
    strict=True,
    reason="LangChain gives us the schema and keeps the class: it asks on and on.",
)
def test_an_agent_whose_class_is_never_content_ends_too(
    serve: Serve, connect: Connect, strategy: Any
) -> None:
    server = serve(*[said("function_calling", Even, {"value": 3})] * 20)
    agent = create_agent(connect(server), [], response_format=strategy)
    with pytest.raises(MiniMaxOutputError):
        agent.invoke({"messages": [("human", "A number.")]}, {"recursion_limit": 9})
    assert len(server.requests) == 2
