"""What the brain says, and the arguments it makes up."""

import json
from typing import Any

import pytest

from langchain_minimax.testing import Reply, Text, Thinking, ToolUse
from langchain_minimax.testing._arguments import arguments
from langchain_minimax.testing._brain import think_up


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": [*properties]}
    return {"name": name, "description": description, "input_schema": schema}


STRING = {"type": "string"}
WEATHER = tool("get_weather", "Get the current weather in a city", location=STRING)
TIME = tool("get_time", "The time in a city", city=STRING)
MAGIC = tool("magic_function", "Applies a magic function.", input={"type": "integer"})
NOTHING = tool("magic_function_no_args", "Calculates a magic function.")


def ask(text: str, *tools: Any, **fields: Any) -> Reply:
    turns = [{"role": "user", "content": text}]
    offered = {"tools": list(tools)} if tools else {}
    return think_up({"model": "MiniMax-M3", "messages": turns, **offered, **fields})


def calls(reply: Reply) -> list[tuple[str, Any]]:
    return [(b.name, b.input) for b in reply.blocks if isinstance(b, ToolUse)]


def text(reply: Reply) -> str:
    return "".join(b.text for b in reply.blocks if isinstance(b, Text))


@pytest.mark.parametrize(
    ("question", "offered", "expected"),
    [
        (
            "What is the value of magic_function(3)? Use the tool.",
            [WEATHER, MAGIC],
            [("magic_function", {"input": 3})],
        ),
        (
            "What is the value of magic_function_no_args()? Use the tool.",
            [MAGIC, NOTHING],
            [("magic_function_no_args", {})],
        ),
        (
            "What is the weather in San Francisco, CA?",
            [MAGIC, WEATHER],
            [("get_weather", {"location": "San Francisco, CA"})],
        ),
        (
            "Tell me the weather and the time in Paris",
            [WEATHER, MAGIC, TIME],
            [("get_weather", {"location": "Paris"}), ("get_time", {"city": "Paris"})],
        ),
        (
            "Please use a tool.",
            [tool("ring_bell")],
            [("ring_bell", {})],
        ),
        (
            "Create a customer for company: 你好啊集团",
            [tool("create_customer", "", customer_name=STRING)],
            [("create_customer", {"customer_name": "你好啊集团"})],
        ),
        (
            "北京的天气怎么样",
            [tool("tianqi", "查询城市天气", city=STRING)],
            [("tianqi", {"city": "北京的天气怎么样"})],
        ),
    ],
)
def test_calls_the_tools_that_fit(question, offered, expected):
    assert calls(ask(question, *offered)) == expected


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ("Hello!", {}),
        ("Write a poem about love.", {}),
        ("What is the weather in Paris?", {"tool_choice": {"type": "none"}}),
        ("Hello!", {"tool_choice": {"type": "tool", "name": "never_offered"}}),
    ],
)
def test_answers_in_words_when_no_tool_fits(question, fields):
    reply = ask(question, WEATHER, MAGIC, **fields)

    assert calls(reply) == []
    assert question.split()[0] in text(reply)


def test_any_tool_is_called_when_asked_for_one():
    reply = ask("Hello!", MAGIC, WEATHER, tool_choice={"type": "any"})

    assert [name for name, _ in calls(reply)] == ["magic_function"]


def test_a_named_tool_is_called_after_some_prose():
    choice = {"type": "tool", "name": "get_weather"}
    reply = ask("Hello!", MAGIC, WEATHER, tool_choice=choice)

    assert isinstance(reply.blocks[0], Text)
    assert [name for name, _ in calls(reply)] == ["get_weather"]


def after_results(**fields: Any) -> Reply:
    question = "What is the weather in Paris and in San Francisco, CA?"
    use = {"type": "tool_use", "name": "get_weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "sunny, 18C"}
    parts = [{"type": "text", "text": "foggy"}]
    turns = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": [{**use, "id": "a"}, {**use, "id": "b"}]},
        {
            "role": "user",
            "content": [result, {**result, "tool_use_id": "b", "content": parts}],
        },
    ]
    body = {"model": "MiniMax-M3", "messages": turns, "tools": [WEATHER, TIME]}
    return think_up({**body, **fields})


def test_quotes_the_results_of_its_tools():
    reply = after_results()

    assert calls(reply) == []
    assert "get_weather: sunny, 18C" in text(reply)
    assert "get_weather: foggy" in text(reply)


def test_a_forced_choice_after_results_takes_what_was_not_called_yet():
    any_tool = after_results(tool_choice={"type": "any"})
    done = after_results(tool_choice={"type": "tool", "name": "get_weather"})

    assert [name for name, _ in calls(any_tool)] == ["get_time"]
    assert calls(done) == []


@pytest.mark.parametrize(
    ("model", "thinking", "thinks"),
    [
        ("MiniMax-M3", None, False),
        ("MiniMax-M3", {"type": "disabled"}, False),
        ("MiniMax-M3", {"type": "adaptive"}, True),
        ("minimax-m3", {"type": "enabled", "budget_tokens": 1024}, True),
        ("MiniMax-M2.7", None, True),
        ("MiniMax-M2.7", {"type": "disabled"}, True),
        ("MiniMax-M3.1-Flash", None, True),
    ],
)
def test_thinks_as_the_model_does(model, thinking, thinks):
    fields = {"thinking": thinking} if thinking else {}

    first = ask("Hello!", model=model, **fields).blocks[0]

    assert isinstance(first, Thinking) == thinks
    assert not thinks or first.text.startswith("The user")


def test_says_the_same_to_the_same():
    question = "What is the weather in Paris?"

    assert ask(question, WEATHER) == ask(question, WEATHER)


def test_answers_a_picture():
    blocks = [{"type": "image", "source": {"type": "url", "url": "https://x.test/i"}}]
    reply = think_up(
        {"model": "MiniMax-M3", "messages": [{"role": "user", "content": blocks}]}
    )

    assert text(reply)


def test_answers_in_json_when_a_schema_was_spelled_out():
    schema = tool("", "", setup=STRING, rating={"type": "integer"})["input_schema"]
    system = [{"type": "text", "text": f"Reply with {json.dumps(schema)} and no more."}]

    reply = ask("Tell me a joke about cats, rated 7.", system=system)

    assert json.loads(text(reply)) == {
        "setup": "Tell me a joke about cats, rated 7.",
        "rating": 7,
    }


def test_answers_in_json_when_keys_were_named():
    reply = ask('A joke as JSON with a "setup" key and a "punchline" key. {broken')

    assert set(json.loads(text(reply))) == {"setup", "punchline"}


@pytest.mark.parametrize(
    ("schema", "said", "expected"),
    [
        ({"enum": ["red", "green"]}, "The Green one", "green"),
        ({"enum": ["red", "green"]}, "whichever", "red"),
        ({"const": 5}, "6", 5),
        ({"type": "string", "default": "en"}, "In Paris", "en"),
        ({"type": "string"}, "say 'good morning' to Ada", "good morning"),
        ({"type": "string"}, "say “你好” to Ada", "你好"),
        ({"type": "string"}, "Can I fly to New York? Now.", "New York"),
        ({"type": "string"}, "nothing to see", "nothing to see"),
        ({"type": "string", "maxLength": 4}, "to Paris", "Pari"),
        ({"type": "string", "format": "date"}, "today", "2026-01-01"),
        ({"type": ["null", "integer"]}, "take 12 of them", 12),
        ({"type": "integer", "minimum": 5}, "3", 5),
        ({"type": "integer", "maximum": 2}, "3", 2),
        ({"type": "integer", "exclusiveMinimum": 7}, "none", 8),
        ({"type": "number"}, "-2.5 degrees", -2.5),
        ({"type": "number"}, "none", 1),
        ({"type": "boolean"}, "", True),
        ({"type": "null"}, "", None),
        ({"type": "array", "items": {"type": "integer"}}, "4", [4]),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "4, 5",
            [4, 5],
        ),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "9", 9),
        ({"allOf": [{"type": "integer"}, {"minimum": 10}]}, "9", 10),
        ({"$ref": "#/$defs/Place"}, "in Rome", {"city": "Rome"}),
        ({"$ref": "#/$defs/Loop"}, "in Rome", "Rome"),
        ({"properties": {"city": STRING}}, "in Rome", {"city": "Rome"}),
        ({}, "in Rome", "Rome"),
        (True, "in Rome", "Rome"),
    ],
)
def test_arguments_fit_their_schema(schema, said, expected):
    root = {
        "type": "object",
        "properties": {"value": schema, "optional": {"type": "string"}},
        "required": ["value"],
        "$defs": {
            "Place": {"type": "object", "properties": {"city": {"type": "string"}}},
            "Loop": {"$ref": "#/$defs/Loop"},
        },
    }

    assert arguments(root, said) == {"value": expected}


def test_arguments_spend_what_was_said_in_order():
    number = {"type": "integer"}
    schema = tool("add", "", a=number, b=number, c=number)["input_schema"]

    assert arguments(schema, "What is 3 + 4?") == {"a": 3, "b": 4, "c": 4}


def test_arguments_without_properties_are_empty():
    assert arguments({"type": "object"}, "Paris") == {}
    assert arguments({"type": "string"}, "Paris") == {}


def test_arguments_of_a_tree_end_somewhere():
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["children"],
    }

    value = arguments(node, "a tree")

    depth = 0
    while value["children"]:
        value, depth = value["children"][0], depth + 1
    assert depth > 0
