"""Each keyword as a table of values that fit and of sentences for those that do not."""

from __future__ import annotations

import copy
import enum
import json
import os
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict

from langchain_minimax._blocks import Json
from langchain_minimax._schema import inlined, problem, typed

EXAMPLES = int(os.environ.get("MINIMAX_EXAMPLES", "60"))

NODE: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
    },
    "required": ["name"],
}
TREE: Json = {"$defs": {"Node": NODE}, "$ref": "#/$defs/Node"}


def nested(depth: int, innermost: Any = 1, key: str | None = None) -> Any:
    value = innermost
    for _ in range(depth):
        value = [value] if key is None else {key: value}
    return value


def each(keywords: str, held: Any) -> Json:
    return dict.fromkeys(keywords.split(), held)


def containers(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list):
        yield id(value)
        for part in value.values() if isinstance(value, dict) else value:
            yield from containers(part)


def taken_apart(value: Any) -> None:
    """Frees what is nested too deep for the interpreter to free by itself."""
    while isinstance(value, list | dict) and value:
        value = value.pop() if isinstance(value, list) else value.popitem()[1]


# --- What is wrong with a value ------------------------------------------------------

FITTING: dict[str, tuple[Json, list[Any]]] = {
    "nothing demanded": ({}, [None, 1, "a", [], {}]),
    "null": ({"type": "null"}, [None]),
    "boolean": ({"type": "boolean"}, [True, False]),
    "integer": ({"type": "integer"}, [0, -3, 1.0, 1e300, 10**400]),
    "number": ({"type": "number"}, [0, 1.5, -1e300]),
    "string": ({"type": "string"}, ["", "é"]),
    "array": ({"type": "array"}, [[], [1, "a"]]),
    "object": ({"type": "object"}, [{}, {"a": 1}]),
    "several types": ({"type": ["integer", "null"]}, [3, None]),
    "a type of another world": ({"type": "file"}, ["a", 1]),
    "one such among others": ({"type": ["string", {"x": 1}]}, [3]),
    "nullable": ({"type": "string", "nullable": True, "enum": ["a"]}, [None, "a"]),
    "enum": ({"enum": [1, "a", None, {"x": [True]}]}, [1.0, "a", None, {"x": [True]}]),
    "const": ({"const": {"a": [1, 2.0]}}, [{"a": [1.0, 2]}]),
    "const null": ({"const": None}, [None]),
    "minimum": ({"minimum": 2}, [2, 2.5, "a", True]),
    "maximum": ({"maximum": 2}, [2, -5, None]),
    "exclusiveMinimum": ({"exclusiveMinimum": 2}, [2.1, "a"]),
    "exclusiveMaximum": ({"exclusiveMaximum": 2}, [1.9, "a"]),
    "multipleOf": ({"multipleOf": 0.1}, [0.3, 1, 1e300, "a"]),
    "multipleOf nothing": ({"multipleOf": 0}, [3]),
    "minLength": ({"minLength": 2}, ["éé", 1]),
    "maxLength": ({"maxLength": 2}, ["", "ab", "🙂🙂", [1, 2, 3]]),
    "pattern": ({"pattern": "b+"}, ["abc", 1]),
    "a broken pattern": ({"pattern": "("}, ["a"]),
    "a pattern for JavaScript": ({"pattern": r"^\p{L}$"}, ["1"]),
    "a pattern that repeats too often": ({"pattern": "a{99999999999}"}, ["a"]),
    "minItems": ({"minItems": 1}, [[1], "", {}]),
    "maxItems": ({"maxItems": 1}, [[], [1], "ab"]),
    "uniqueItems": ({"uniqueItems": True}, [[1, True, "1", [1], {"a": 1}, None], "aa"]),
    "uniqueItems not": ({"uniqueItems": False}, [[1, 1]]),
    "items": ({"items": {"type": "integer"}}, [[], [1, 2], "a"]),
    "prefixItems": (
        {"prefixItems": [{"type": "string"}], "items": False},
        [[], ["a"]],
    ),
    "items of before 2020": (
        {"items": [{"type": "string"}], "additionalItems": {"type": "null"}},
        [[], ["a"], ["a", None]],
    ),
    "minProperties": ({"minProperties": 1}, [{"a": 1}, []]),
    "maxProperties": ({"maxProperties": 1}, [{}, {"a": 1}, [1, 2]]),
    "properties": ({"properties": {"a": {"type": "null"}}}, [{}, {"a": None}, []]),
    "properties without limits": (
        {"properties": {"a": True}, "additionalProperties": True},
        [{"a": 1, "b": 1}],
    ),
    "required": ({"required": ["a"]}, [{"a": None}, "a"]),
    "patternProperties": (
        {"patternProperties": {"^x": {"type": "null"}}, "additionalProperties": False},
        [{"x1": None}, {}],
    ),
    "a broken pattern of properties": (
        {"patternProperties": {"(": False}, "additionalProperties": False},
        [{"a": 1}],
    ),
    "anyOf": ({"anyOf": [{"type": "null"}, {"minimum": 2}]}, [None, 2, "a"]),
    "no alternatives": ({"anyOf": [], "oneOf": []}, [1]),
    "oneOf": ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, [1, 2.5]),
    "allOf": ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2]),
    "not": ({"not": {"type": "string"}}, [1, None]),
    "a definition": ({"$defs": {"A": {"minimum": 1}}, "$ref": "#/$defs/A"}, [1, "a"]),
    "a ref to nowhere": ({"$ref": "#/$defs/A"}, [1]),
    "a ref to elsewhere": ({"$ref": "https://example.com/a.json"}, [1]),
    "an anchor": ({"$ref": "#a", "type": "integer"}, [1]),
    "a ref to what is no schema": ({"$ref": "#/title", "title": "A"}, [1]),
    "a ref beyond a list": ({"$ref": "#/anyOf/7", "anyOf": [True]}, [1]),
    "a recursive definition": (
        TREE,
        [{"name": "a", "children": [{"name": "b"}, {"name": "c", "children": []}]}],
    ),
    "a circle": ({"$ref": "#"}, [1]),
    "a circle of two": (
        {
            "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"allOf": [{"$ref": "#"}]}},
            "anyOf": [{"$ref": "#/$defs/A"}],
        },
        [1],
    ),
    "formats": ({"format": "date-time", "contentEncoding": "base64"}, ["no"]),
    "what is unknown": ({"x-order": 1, "if": False, "then": False}, [1]),
    "what is malformed": (
        {
            **each("minimum minLength minItems pattern", {}),
            **each("exclusiveMaximum required uniqueItems", "yes"),
            **each("properties patternProperties items", [3]),
            **each("anyOf oneOf allOf enum prefixItems", {}),
            "additionalProperties": "no",
            "not": "this",
            "$ref": 5,
            "type": None,
        },
        [1, "a", [1, 1], {"a": 1}],
    ),
    "required names that are none": ({"required": [1, {}, None]}, [{}]),
}


@pytest.mark.parametrize(("schema", "values"), FITTING.values(), ids=FITTING)
def test_nothing_is_wrong(schema: Json, values: list[Any]) -> None:
    assert [problem(value, schema) for value in values] == [None] * len(values)


PERSON: Json = {
    "type": "object",
    "properties": {
        "user": {
            "type": "object",
            "properties": {"age": {"type": "integer"}, "tags": {"items": {"const": 1}}},
            "required": ["age"],
            "additionalProperties": False,
        },
    },
    "required": ["user"],
}

WRONG: list[tuple[Any, Json, str]] = [
    (1, {"type": "string"}, "It is 1, which is no string."),
    (True, {"type": "integer"}, "It is true, which is no integer."),
    (True, {"type": "number"}, "It is true, which is no number."),
    (1.5, {"type": "integer"}, "It is 1.5, which is no integer."),
    (float("inf"), {"type": "integer"}, "It is Infinity, which is no integer."),
    (0, {"type": "boolean"}, "It is 0, which is no boolean."),
    (0, {"type": "null"}, "It is 0, which is no null."),
    ({}, {"type": "array"}, "It is {}, which is no array."),
    (
        "é",
        {"type": ["object", "null"]},
        'It is "é", which is no object and is no null.',
    ),
    (None, {"type": "string", "nullable": False}, "It is null, which is no string."),
    (None, {"type": "string", "nullable": "yes"}, "It is null, which is no string."),
    (True, {"enum": [1, "true"]}, 'It is true, which is none of [1, "true"].'),
    ([1], {"enum": [[True]]}, "It is [1], which is none of [[true]]."),
    (0, {"const": False}, "It is 0, which is not false."),
    (1, {"const": None}, "It is 1, which is not null."),
    (1, {"minimum": 2}, "It is 1, which is less than 2."),
    (3, {"maximum": 2}, "It is 3, which is more than 2."),
    (2, {"exclusiveMinimum": 2}, "It is 2, which is not more than 2."),
    (2, {"exclusiveMaximum": 2}, "It is 2, which is not less than 2."),
    (0.35, {"multipleOf": 0.1}, "It is 0.35, which is no multiple of 0.1."),
    ("a", {"minLength": 2}, 'It is "a", which is shorter than 2.'),
    ("abc", {"maxLength": 2}, 'It is "abc", which is longer than 2.'),
    ("{}", {"pattern": "^a"}, 'It is "{}", which does not match "^a".'),
    ([], {"minItems": 1}, "It is [], which has fewer items than 1."),
    ([1, 2], {"maxItems": 1.0}, "It is [1, 2], which has more items than 1.0."),
    ([1, 1.0], {"uniqueItems": True}, "It is [1, 1.0], which has an item twice."),
    ([1, "a"], {"items": {"type": "integer"}}, '`[1]` is "a", which is no integer.'),
    ([1], {"prefixItems": [{"type": "null"}]}, "`[0]` is 1, which is no null."),
    ([1], {"items": False}, "`[0]` is not allowed."),
    ([1], {"items": [], "additionalItems": False}, "`[0]` is not allowed."),
    ({}, {"minProperties": 1}, "It is {}, which has fewer keys than 1."),
    ({"a": 1}, {"maxProperties": 0}, 'It is {"a": 1}, which has more keys than 0.'),
    ({}, {"required": ["setup"]}, "`setup` is missing."),
    ({"a": 1}, {"properties": {"a": False}}, "`a` is not allowed."),
    ({"a": 1}, {"additionalProperties": False}, "`a` is not allowed."),
    (
        {"a": 1, "b": 1},
        {"properties": {"a": {}}, "additionalProperties": {"type": "null"}},
        "`b` is 1, which is no null.",
    ),
    (
        {"xa": 1},
        {"properties": {"xa": {}}, "patternProperties": {"^x": {"type": "null"}}},
        "`xa` is 1, which is no null.",
    ),
    (3, {"allOf": [{"minimum": 1}, {"maximum": 2}]}, "It is 3, which is more than 2."),
    (1, {"not": {"type": "integer"}}, "It is 1, which is ruled out."),
    (1, {"not": {}}, "It is 1, which is ruled out."),
    (1, {"not": True}, "It is 1, which is ruled out."),
    (
        2,
        {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
        "It is 2, which fits more than one alternative.",
    ),
    ({"user": {"age": "x"}}, PERSON, '`user.age` is "x", which is no integer.'),
    ({"user": {}}, PERSON, "`user.age` is missing."),
    ({"user": {"age": 1, "x": 2}}, PERSON, "`user.x` is not allowed."),
    (
        {"user": {"age": 1, "tags": [1, 2]}},
        PERSON,
        "`user.tags[1]` is 2, which is not 1.",
    ),
    ({}, PERSON, "`user` is missing."),
    ({"name": "a", "children": [{}]}, TREE, "`children[0].name` is missing."),
    (1, {"$ref": "#/$defs/N", "$defs": {"N": False}}, "It is not allowed."),
    (
        1,
        {"$ref": "#/definitions/a~1b~01c%20d", "definitions": {"a/b~1c d": False}},
        "It is not allowed.",
    ),
    (
        [[1]],
        {"items": {"$ref": "#/anyOf/0/items"}, "anyOf": [{"items": {"const": 2}}]},
        "`[0]` is [1], which is not 2.",
    ),
    (
        {"a": {"b": 1}},
        {"additionalProperties": {"$ref": "#"}, "type": "object"},
        "`a.b` is 1, which is no object.",
    ),
    (
        "x" * 300,
        {"type": "null"},
        f'It is "{"x" * 199}…, which is no null.',
    ),
]


@pytest.mark.parametrize(("value", "schema", "sentence"), WRONG)
def test_the_first_thing_that_is_wrong_is_said(
    value: Any, schema: Json, sentence: str
) -> None:
    assert problem(value, schema) == sentence


DOG: Json = {
    "properties": {
        "kind": {"const": "dog", "type": "string"},
        "barks": {"type": "null"},
    },
    "required": ["kind", "barks"],
    "type": "object",
}
CAT: Json = {
    "properties": {"kind": {"const": "cat", "type": "string"}, "lives": {"minimum": 1}},
    "required": ["kind", "lives"],
    "type": "object",
}
NULL: Json = {"type": "null"}
INTEGER: Json = {"type": "integer"}
LETTERS: Json = {"enum": ["a", "b"], "type": "string"}
SHORT: Json = {"maxLength": 1, "type": "string"}

ALTERNATIVES: list[tuple[Any, list[Json], str]] = [
    ("x", [INTEGER, NULL], 'It is "x", which is no integer and is no null.'),
    ("x", [INTEGER, INTEGER], 'It is "x", which is no integer.'),
    ("x", [NULL, LETTERS], 'It is "x", which is none of ["a", "b"].'),
    (
        "xy",
        [SHORT, LETTERS, NULL],
        'It is "xy", which is longer than 1 and is none of ["a", "b"].',
    ),
    ({"kind": "dog"}, [CAT, DOG], "`barks` is missing."),
    ({"kind": "dog"}, [DOG, CAT], "`barks` is missing."),
    ({"kind": "dog", "barks": 1}, [CAT, DOG], "`barks` is 1, which is no null."),
    ({"kind": "cat", "lives": 0}, [CAT, DOG], "`lives` is 0, which is less than 1."),
    (
        {"kind": "cow"},
        [CAT, DOG],
        '`kind` is "cow", which is not "cat" and is not "dog".',
    ),
    ({}, [CAT, DOG], "`kind` is missing."),
    (1, [CAT, DOG], "It is 1, which is no object."),
    ([{"kind": "dog"}], [NULL, {"items": DOG}], "`[0].barks` is missing."),
    (
        {"user": {"age": "x"}},
        [{"required": ["z"]}, PERSON],
        '`user.age` is "x", which is no integer.',
    ),
    (
        {"a": 1, "b": 3},
        [{"properties": {"a": {"minimum": 2}}}, {"properties": {"b": {"maximum": 2}}}],
        "`a` is 1, which is less than 2.",
    ),
]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize(("value", "options", "sentence"), ALTERNATIVES)
def test_of_alternatives_the_one_that_was_meant_is_spoken_of(
    keyword: str, value: Any, options: list[Json], sentence: str
) -> None:
    assert problem(value, {keyword: options}) == sentence


TOO_MUCH = "It is nested too deep or too large to be checked."


def test_a_hostile_depth_is_not_followed() -> None:
    deep = nested(100_000)
    assert problem(deep, {"items": {"$ref": "#"}}) == TOO_MUCH
    assert problem(deep, {"type": "object"}) == "It is …, which is no object."
    assert problem(deep, {"const": 1}) == TOO_MUCH
    taken_apart(deep)
    schema: Json = nested(100_000, {}, "not")
    assert problem(1, schema) == TOO_MUCH
    assert typed("1", schema) == "1"
    with pytest.raises(RecursionError):
        inlined(schema)
    taken_apart(schema)


def test_a_number_of_thousands_of_digits_is_not_written_out() -> None:
    assert problem(10**10_000, {"type": "string"}) == "It is …, which is no string."
    assert problem(10**10_000, {"multipleOf": 7}) == TOO_MUCH


def test_what_is_no_json_is_shown_as_well_as_can_be() -> None:
    assert problem(b"x", {"type": "string"}) == "It is \"b'x'\", which is no string."


def test_unions_in_unions_cost_no_more_than_their_size() -> None:
    step: Json = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    options: list[Json] = [{**step, "required": [name]} for name in "bcde"]
    value = nested(50, 1, "a")
    said = problem(value, {"anyOf": [*options, NULL]})
    assert said == f"`{'.'.join('a' * 50)}` is 1, which is no object and is no null."


def test_definitions_that_double_are_compared_once() -> None:
    schema = doubling(60)
    assert problem({"a": 3}, schema) == "`a` is 3, which is no string."


def doubling(times: int) -> Json:
    definitions: Json = {f"D{times}": {"type": "string"}}
    for n in range(times):
        definitions[f"D{n}"] = {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 2}
    properties = {"a": {"$ref": "#/$defs/D0"}}
    return {"type": "object", "properties": properties, "$defs": definitions}


# --- A parameter that was written as text --------------------------------------------

STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
BOOLEAN: Json = {"type": "boolean"}
ARRAY: Json = {"type": "array", "items": INTEGER, "minItems": 1}
POINT: Json = {"type": "object", "properties": {"x": INTEGER}, "required": ["x"]}

TEXTS: list[tuple[str, Json, Any]] = [
    ("3", STRING, "3"),
    ("  null\n", STRING, "  null\n"),
    ("null", {"anyOf": [STRING, NULL]}, "null"),
    ("3", {}, "3"),
    ("3", {"anyOf": [INTEGER, STRING]}, "3"),
    ("12", {"anyOf": [SHORT, NULL]}, "12"),
    ("12", {"anyOf": [SHORT, INTEGER]}, 12),
    ("1", {"enum": ["a", 1]}, 1),
    ("1", {"enum": ["1", 1]}, "1"),
    ("c", LETTERS, "c"),
    ("3", INTEGER, 3),
    (" -3\n", INTEGER, -3),
    ("3.5", INTEGER, "3.5"),
    ("3.0", INTEGER, 3.0),
    ("3.5", NUMBER, 3.5),
    ("5", {"enum": [1, 2], "type": "integer"}, 5),
    ("2", {"enum": [1, 2]}, 2),
    ("2", {"const": 2}, 2),
    ("true", BOOLEAN, True),
    (" False\n", BOOLEAN, False),
    ("1", BOOLEAN, "1"),
    ("yes", BOOLEAN, "yes"),
    ("True", INTEGER, "True"),
    ("null", {"anyOf": [INTEGER, NULL]}, None),
    ("None", {"oneOf": [INTEGER, NULL]}, None),
    ("null", {"type": ["integer", "null"]}, None),
    ("null", {"type": "integer", "nullable": True}, None),
    ("null", INTEGER, "null"),
    ("None", INTEGER, "None"),
    ("", {"anyOf": [INTEGER, NULL]}, ""),
    ("[1, 2]", ARRAY, [1, 2]),
    ('["a"]', ARRAY, ["a"]),
    ("[]", ARRAY, []),
    ("[1", ARRAY, "[1"),
    ("1, 2", ARRAY, "1, 2"),
    ("[1]", POINT, "[1]"),
    ('{"x": 1}', POINT, {"x": 1}),
    ('{"y": 1}', POINT, {"y": 1}),
    ('{"y": 1}', {"anyOf": [POINT, NULL]}, {"y": 1}),
    ('{"x": "a\nb"}', POINT, {"x": "a\nb"}),
    ('{"x": 1}', {"$ref": "#/$defs/P", "$defs": {"P": POINT}}, {"x": 1}),
    ('{"x": 1}', {"allOf": [POINT]}, {"x": 1}),
    ('{"name": "a"}', TREE, {"name": "a"}),
    ("NaN", NUMBER, "NaN"),
    ("-Infinity", NUMBER, "-Infinity"),
    ("[1e999]", {"type": "array"}, "[1e999]"),
    ("[" * 100_000, ARRAY, "[" * 100_000),
    ("9" * 10_000, INTEGER, "9" * 10_000),
    ("3", {"not": STRING}, 3),
    ("a", {"not": STRING}, "a"),
]


@pytest.mark.parametrize(
    ("text", "schema", "value"), TEXTS, ids=[text[:20] for text, _, _ in TEXTS]
)
def test_a_text_becomes_what_the_schema_wants(
    text: str, schema: Json, value: Any
) -> None:
    found = typed(text, schema)
    assert (found, type(found)) == (value, type(value))


# --- A schema without refs -----------------------------------------------------------


def with_property(schema: Any, **more: Any) -> Json:
    return {"type": "object", "properties": {"a": schema}, **more}


def everywhere(schema: Json) -> Json:
    """A schema that has another one in every place for one."""
    return {
        **each("items additionalProperties not if then else contains", schema),
        **each("anyOf oneOf allOf prefixItems", [schema, True]),
        **each("properties patternProperties dependentSchemas", {"items": schema}),
    }


A: Json = {"title": "A", "description": "Of A.", "type": "string", "minLength": 2}
DATA: Json = {"$ref": "#/$defs/A", "$defs": {"A": 1}}

INLINED: dict[str, tuple[Json, Json]] = {
    "nothing": ({}, {"type": "object", "properties": {}}),
    "an object without properties": (
        {"type": "object", "title": "T"},
        {"type": "object", "title": "T", "properties": {}},
    ),
    "properties without a type": (
        {"properties": {"a": A}},
        {"properties": {"a": A}, "type": "object"},
    ),
    "no object": ({"type": "string"}, {"type": "string"}),
    "anyOf": ({"anyOf": [POINT]}, {"anyOf": [POINT]}),
    "oneOf": ({"oneOf": [POINT]}, {"oneOf": [POINT]}),
    "allOf": ({"allOf": [POINT]}, {"allOf": [POINT]}),
    "a ref": (
        with_property({"$ref": "#/$defs/A"}, **{"$defs": {"A": A}}),
        with_property(A),
    ),
    "of before 2019": (
        with_property({"$ref": "#/definitions/A"}, definitions={"A": A}),
        with_property(A),
    ),
    "a ref at the top": (
        {"$id": "p", "$ref": "#/$defs/P", "$defs": {"P": POINT}, "title": "T"},
        {**POINT, "$id": "p", "title": "T"},
    ),
    "a ref in a ref": (
        with_property(
            {"$ref": "#/$defs/B"},
            **{"$defs": {"B": {"items": {"$ref": "#/$defs/A"}}, "A": A}},
        ),
        with_property({"items": A}),
    ),
    "an alias": (
        with_property(
            {"$ref": "#/$defs/B", "title": "T"},
            **{"$defs": {"B": {"$ref": "#/$defs/A", "description": "B."}, "A": A}},
        ),
        with_property({**A, "description": "B.", "title": "T"}),
    ),
    "notes beside a ref": (
        with_property(
            {"$ref": "#/$defs/A", "description": "Mine.", "default": "ab"},
            **{"$defs": {"A": A}},
        ),
        with_property({**A, "description": "Mine.", "default": "ab"}),
    ),
    "demands beside a ref": (
        with_property(
            {"maxLength": 5, "$ref": "#/$defs/A", "allOf": [{"pattern": "b"}]},
            **{"$defs": {"A": A}},
        ),
        with_property({"maxLength": 5, "allOf": [{"pattern": "b"}, A]}),
    ),
    "notes beside a ref as Pydantic wrote them before 2.10": (
        with_property(
            {"allOf": [{"$ref": "#/$defs/A"}], "description": "Mine."},
            **{"$defs": {"A": A}},
        ),
        with_property({**A, "description": "Mine."}),
    ),
    "a recursive definition at the top as it was written then": (
        {"$defs": {"Node": NODE}, "allOf": [{"$ref": "#/$defs/Node"}]},
        {**NODE, "$defs": {"Node": NODE}},
    ),
    "two refs for one": (
        with_property(
            {"$ref": "#/$defs/A", "allOf": [{"$ref": "#/$defs/B"}]},
            **{"$defs": {"A": A, "B": SHORT}},
        ),
        with_property({"allOf": [SHORT, A]}),
    ),
    "OpenAPI's null beside a ref": (
        with_property({"$ref": "#/$defs/A", "nullable": True}, **{"$defs": {"A": A}}),
        with_property({"nullable": True, "allOf": [A]}),
    ),
    "a boolean": (
        with_property({"$ref": "#/$defs/A"}, **{"$defs": {"A": False}}),
        with_property({"allOf": [False]}),
    ),
    "every place": (
        with_property(everywhere({"$ref": "#/$defs/A"}), **{"$defs": {"A": A}}),
        with_property(everywhere(A)),
    ),
    "keywords as names": (
        {
            "type": "object",
            "properties": {
                "$ref": {"$ref": "#/$defs/A"},
                "$defs": {"type": "string"},
                "definitions": {"$ref": "#/$defs/A"},
                "default": {"$ref": "#/$defs/A"},
                "properties": {"properties": {"enum": {"$ref": "#/$defs/A"}}},
            },
            "$defs": {"A": A},
        },
        {
            "type": "object",
            "properties": {
                "$ref": A,
                "$defs": {"type": "string"},
                "definitions": A,
                "default": A,
                "properties": {"properties": {"enum": A}},
            },
        },
    ),
    "data": (
        with_property(
            {"default": DATA, "const": DATA, "enum": [DATA], "examples": [DATA]},
            **{"$defs": {"A": A}},
        ),
        with_property(
            {"default": DATA, "const": DATA, "enum": [DATA], "examples": [DATA]}
        ),
    ),
    "a way through the schema": (
        with_property({"items": {"$ref": "#/properties/b~1c/anyOf/0"}})
        | {"properties": {"a": {"$ref": "#/properties/b~1c"}, "b/c": {"anyOf": [A]}}},
        {
            "type": "object",
            "properties": {"a": {"anyOf": [A]}, "b/c": {"anyOf": [A]}},
        },
    ),
    "refs that lead nowhere": (
        with_property(
            {"anyOf": [{"$ref": "#/$defs/X"}, {"$ref": "x.json"}, {"$ref": 5}]},
            **{"$defs": {"A": A}},
        ),
        with_property(
            {"anyOf": [{"$ref": "#/$defs/X"}, {"$ref": "x.json"}, {"$ref": 5}]}
        ),
    ),
    "definitions further down": (
        with_property(
            {"$defs": {"enum": {"$ref": "#/$defs/A"}}, "dependencies": {"b": ["c"]}},
            **{"$defs": {"A": A}},
        ),
        with_property({"$defs": {"enum": A}, "dependencies": {"b": ["c"]}}),
    ),
    "what is malformed": (
        {"type": "object", "properties": [1], "$defs": [A], "anyOf": 5, "items": None},
        {"type": "object", "properties": [1], "anyOf": 5, "items": None},
    ),
    "a recursive definition": (
        with_property({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": NODE, "A": A}}),
        with_property({"$ref": "#/$defs/Node"}, **{"$defs": {"Node": NODE}}),
    ),
    "a recursive definition at the top": (TREE, {**NODE, "$defs": {"Node": NODE}}),
    "what a recursive definition needs": (
        with_property(
            {"$ref": "#/definitions/B"},
            definitions={
                "A": A,
                "B": {"prefixItems": [{"$ref": "#/definitions/A"}], "items": False}
                | {"not": {"items": {"$ref": "#/definitions/C"}}},
                "C": {"items": {"$ref": "#/definitions/B", "title": "T"}},
            },
        ),
        with_property(
            {"$ref": "#/definitions/B"},
            definitions={
                "B": {"prefixItems": [A], "items": False}
                | {"not": {"items": {"$ref": "#/definitions/C"}}},
                "C": {"items": {"$ref": "#/definitions/B", "title": "T"}},
            },
        ),
    ),
    "a way into a recursive definition": (
        with_property(
            {"$ref": "#/$defs/B/items"},
            **{"$defs": {"A": A, "B": {"items": {"not": {"$ref": "#/$defs/B/items"}}}}},
        ),
        with_property(
            {"$ref": "#/$defs/B/items"},
            **{"$defs": {"B": {"items": {"not": {"$ref": "#/$defs/B/items"}}}}},
        ),
    ),
    "recursion without definitions": (
        with_property({"items": {"$ref": "#"}}),
        with_property({"items": {"$ref": "#"}}),
    ),
    "recursion by way of a definition": (
        {"$ref": "#/$defs/B", "$defs": {"B": with_property({"$ref": "#"})}},
        with_property({"$ref": "#"}),
    ),
    "a circle": ({"$ref": "#", "minLength": 1}, {"$ref": "#", "minLength": 1}),
}


@pytest.mark.parametrize(("schema", "expected"), INLINED.values(), ids=INLINED)
def test_refs_become_what_they_stand_for(schema: Json, expected: Json) -> None:
    before = json.dumps(schema)
    after = inlined(schema)
    # As text, since the order of the keys is that of the schema.
    assert json.dumps(after, indent=1) == json.dumps(expected, indent=1)
    assert json.dumps(schema) == before
    assert not set(containers(after)) & set(containers(schema))


def test_what_would_explode_keeps_its_refs() -> None:
    schema = doubling(60)
    assert inlined(schema) == schema
    assert "$ref" not in json.dumps(inlined(doubling(10)))


def test_what_is_large_is_not_too_large_for_itself() -> None:
    schema: Json = {
        "type": "object",
        "properties": {f"p{n}": {} for n in range(100_001)},
    }
    assert inlined(schema) == schema


def test_what_would_be_nested_too_deep_keeps_its_refs() -> None:
    definitions: Json = {"D1000": A}
    for n in range(1000):
        definitions[f"D{n}"] = {"items": {"$ref": f"#/$defs/D{n + 1}"}}
    schema = with_property({"$ref": "#/$defs/D0"}, **{"$defs": definitions})
    assert inlined(schema) == schema


def test_a_large_web_of_recursion_ends() -> None:
    names = [f"D{n}" for n in range(40)]
    web = {"properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    schema = with_property(web, **{"$defs": dict.fromkeys(names, web)})
    assert inlined(schema) == schema


# --- Of schemas at random ------------------------------------------------------------

NAMES = ("A", "B", "C")
KEYS = st.sampled_from(["a", "b", "$ref"])
SCALARS = st.sampled_from([None, True, 0, 1, 1.5, "", "a", "bb"])
VALUES = st.recursive(
    SCALARS,
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(KEYS, parts, max_size=3)
    ),
    max_leaves=6,
)
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


def to(names: tuple[str, ...]) -> st.SearchStrategy[Json]:
    return st.sampled_from([{"$ref": f"#/$defs/{name}"} for name in names])


ANYWHERE = to((*NAMES, "Nobody")) | st.sampled_from(
    [{"$ref": "#"}, {"$ref": "#/properties/a"}, {"$ref": "#/$defs/B/items"}]
)


@st.composite
def schemas(draw: st.DrawFn, later: tuple[str, ...], depth: int = 2) -> Any:
    """A schema whose refs lead to later definitions, or down: there is no paradox."""
    if depth == 0:
        return draw(st.booleans() | st.builds(lambda type: {"type": type}, a_type))
    same = schemas(later, depth - 1)
    if later:
        same |= to(later)
    below = schemas(later, depth - 1) | ANYWHERE
    words: dict[str, st.SearchStrategy[Any]] = {
        "type": a_type | st.lists(a_type, min_size=1, max_size=2),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "nullable": st.booleans(),
        "minimum": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "minItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "properties": st.dictionaries(KEYS, below, max_size=2),
        "additionalProperties": below,
        "patternProperties": st.dictionaries(st.just("^a"), below, max_size=1),
        "required": st.lists(KEYS, max_size=2),
        "items": below,
        "prefixItems": st.lists(below, max_size=2),
        "anyOf": st.lists(same, min_size=1, max_size=3),
        "oneOf": st.lists(same, min_size=1, max_size=3),
        "allOf": st.lists(same, min_size=1, max_size=2),
        "not": same,
        "title": st.sampled_from(["T", "U"]),
        "description": st.just("Of it."),
        "default": st.just({"$ref": "#/$defs/A"}),
    }
    if later:
        words["$ref"] = to(later).map(lambda ref: ref["$ref"])
    chosen = draw(st.lists(st.sampled_from(sorted(words)), max_size=4, unique=True))
    return {word: draw(words[word]) for word in chosen}


a_type = st.sampled_from(TYPES)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    definitions = {
        name: draw(schemas(NAMES[place + 1 :])) for place, name in enumerate(NAMES)
    }
    top = {**draw(schemas(NAMES).filter(lambda part: isinstance(part, dict)))}
    # Something has to be said of the type, or else `inlined` says that it is an object.
    top.setdefault("type", TYPES)
    return {**top, "$defs": definitions}


@settings(max_examples=EXAMPLES, deadline=None)
@given(schema=documents(), values=st.lists(VALUES, max_size=6))
def test_an_inlined_schema_accepts_what_the_schema_accepts(
    schema: Json, values: list[Any]
) -> None:
    before = copy.deepcopy(schema)
    after = inlined(schema)
    assert json.dumps(schema) == json.dumps(before)
    assert not set(containers(after)) & set(containers(schema))
    for value in values:
        assert (problem(value, after) is None) == (problem(value, schema) is None)


@settings(max_examples=EXAMPLES, deadline=None)
@given(schema=documents())
def test_what_is_inlined_is_inlined_once_and_for_all(schema: Json) -> None:
    once = inlined(schema)
    assert inlined(once) == once


KEYWORDS = each(
    "$ref $defs A type enum const properties required items prefixItems nullable not "
    "additionalProperties patternProperties anyOf oneOf allOf pattern minimum minItems "
    "multipleOf minLength uniqueItems",
    None,
)
GARBAGE = st.recursive(
    SCALARS | st.sampled_from(["#", "#/$defs/A", "object", "("]),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(
            st.sampled_from([*KEYWORDS]),
            parts,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    schema=GARBAGE.filter(lambda part: isinstance(part, dict)),
    value=VALUES,
    text=st.sampled_from(["", "1", "null", "[1]", '{"a": 1}', "{"]),
)
def test_no_schema_breaks_anything(schema: Any, value: Any, text: str) -> None:
    said = problem(value, schema)
    assert said is None or said.endswith(".")
    problem(value, inlined(schema))
    read = typed(text, schema)
    assert read == text or read == json.loads(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(value=VALUES)
def test_what_was_written_as_json_is_read_as_it_was(value: Any) -> None:
    type = {"type": [*TYPES]}
    type["type"].remove("string")
    text = json.dumps(value)
    assert typed(text, type) == (text if isinstance(value, str) else value)


# --- Of Pydantic's schemas -----------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    """Where somebody lives."""

    model_config = ConfigDict(extra="forbid")

    street: str = Field(min_length=1)
    number: int | None = None


class Dog(BaseModel):
    kind: Literal["dog"]
    bark: int = Field(ge=0, le=10)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: list[bool] = Field(max_length=9)


class Person(BaseModel):
    name: str
    home: Address = Field(description="Where to send it.")
    former: list[Address] = []
    colour: Colour = Colour.RED
    level: Optional[Level] = None  # noqa: UP045
    pet: Annotated[Dog | Cat, Field(discriminator="kind")] | None = None
    scores: dict[str, float] = {}
    pair: tuple[int, str] | None = None


class Branch(BaseModel):
    name: str
    left: Branch | None = None
    right: Branch | None = None
    leaf: Address | None = None


class Ticket(TypedDict):
    title: str
    address: NotRequired[Address]
    tags: list[Literal["new", "old"]]


HOME = {"street": "High Street", "number": 1}
REX = {"kind": "dog", "bark": 3}

PYDANTIC: list[tuple[Any, Any, str | None]] = [
    (Person, {"name": "A", "home": HOME}, None),
    (
        Person,
        {"name": "A", "home": HOME, "former": [HOME, HOME], "colour": "blue"}
        | {"level": 2, "pet": REX, "scores": {"x": 1.5}, "pair": [1, "a"]},
        None,
    ),
    (Person, {"name": "A", "home": HOME, "level": None, "pet": None}, None),
    (Person, {"name": "A", "home": {}}, "`home.street` is missing."),
    (Person, {"home": HOME}, "`name` is missing."),
    (
        Person,
        {"name": "A", "home": {**HOME, "zip": 1}},
        "`home.zip` is not allowed.",
    ),
    (
        Person,
        {"name": "A", "home": {"street": ""}},
        '`home.street` is "", which is shorter than 1.',
    ),
    (
        Person,
        {"name": "A", "home": HOME, "former": [HOME, {**HOME, "number": "x"}]},
        '`former[1].number` is "x", which is no integer and is no null.',
    ),
    (
        Person,
        {"name": "A", "home": HOME, "colour": "green"},
        '`colour` is "green", which is none of ["red", "blue"].',
    ),
    (
        Person,
        {"name": "A", "home": HOME, "level": 3},
        "`level` is 3, which is none of [1, 2].",
    ),
    (
        Person,
        {"name": "A", "home": HOME, "pet": {**REX, "bark": 11}},
        "`pet.bark` is 11, which is more than 10.",
    ),
    (
        Person,
        {"name": "A", "home": HOME, "pet": {"kind": "cat"}},
        "`pet.lives` is missing.",
    ),
    (
        Person,
        {"name": "A", "home": HOME, "scores": {"x": "y"}},
        '`scores.x` is "y", which is no number.',
    ),
    (
        Person,
        {"name": "A", "home": HOME, "pair": [1]},
        "`pair` is [1], which has fewer items than 2.",
    ),
    (Branch, {"name": "a", "left": {"name": "b", "right": {"name": "c"}}}, None),
    (
        Branch,
        {"name": "a", "left": {"name": "b", "right": {}}},
        "`left.right.name` is missing.",
    ),
    (Ticket, {"title": "T", "tags": ["new"], "address": HOME}, None),
    (
        Ticket,
        {"title": "T", "tags": ["new", "none"]},
        '`tags[1]` is "none", which is none of ["new", "old"].',
    ),
]


@pytest.mark.parametrize(("model", "value", "sentence"), PYDANTIC)
def test_a_model_is_obeyed_as_pydantic_obeys_it(
    model: Any, value: Any, sentence: str | None
) -> None:
    adapter = TypeAdapter(model)
    schema = adapter.json_schema()
    assert problem(value, schema) == sentence
    assert problem(value, inlined(schema)) == sentence
    if sentence is None:
        adapter.validate_python(value)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_a_model_is_written_without_refs() -> None:
    schema = inlined(Person.model_json_schema())
    assert "$ref" not in json.dumps(schema)
    assert "$defs" not in schema
    assert schema["properties"]["home"] == {
        "additionalProperties": False,
        "description": "Where to send it.",
        "properties": {
            "street": {"minLength": 1, "title": "Street", "type": "string"},
            "number": {
                "anyOf": [{"type": "integer"}, {"type": "null"}],
                "default": None,
                "title": "Number",
            },
        },
        "required": ["street"],
        "title": "Address",
        "type": "object",
    }


def test_a_recursive_model_keeps_what_is_recursive() -> None:
    schema = inlined(Branch.model_json_schema())
    assert schema["type"] == "object"
    assert [*schema["properties"]] == ["name", "left", "right", "leaf"]
    assert [*schema["$defs"]] == ["Branch"]
    assert json.dumps(schema).count('"$ref": "#/$defs/Branch"') == 4
    address = schema["$defs"]["Branch"]["properties"]["leaf"]["anyOf"][0]
    assert address["title"] == "Address"
