"""A JSON schema and a value in, what is wrong with it out; or the schema without refs.

A schema is whatever a tool's author wrote: what is malformed in it, or unknown here,
demands nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sized
from copy import deepcopy
from fractions import Fraction
from functools import cache
from itertools import chain, repeat
from operator import ge, gt, le, lt
from typing import Any, NamedTuple
from urllib.parse import unquote

from pydantic_core import from_json, to_json

from langchain_minimax._blocks import Json

_Path = tuple[str | int, ...]

# --- What is wrong with a value ------------------------------------------------------


def problem(value: object, schema: Json) -> str | None:
    """The first thing that is wrong with a value, for a model and a person to read.

    Refs are followed within the schema; those that lead out of it, unknown keywords and
    `format` demand nothing. `nullable` means what it means in OpenAPI.

    Args:
        value: A JSON value.
        schema: What it is to fit.

    Returns:
        A sentence, or `None` if the value fits.
    """
    found = _first_problem(value, schema)
    return found.sentence() if found else None


def typed(text: str, schema: Json) -> Any:
    """A parameter that a model wrote as text, as the schema wants it.

    Args:
        text: What the model wrote.
        schema: The parameter's own, together with the definitions it refers to.

    Returns:
        The text, to the letter, where a string is allowed; else the JSON value that it
        stands for, if that is of an allowed type; else the text.
    """

    def distance(value: object) -> int:
        wrong = _first_problem(value, schema)
        if not wrong:
            return 0
        is_of_wrong_type = wrong.keyword == "type" and not wrong.path
        return 2 if is_of_wrong_type else 1

    return min((text, *_read(text)), key=distance)


def _read(text: str) -> list[Any]:
    """The value that a text stands for, if any, in JSON's words or in Python's."""
    try:
        value = json.loads(_IN_JSON.get(text.strip(), text), strict=False)
        json.dumps(value, allow_nan=False)  # refuses `NaN` and `1e999`
    except (ValueError, RecursionError):
        return []
    return [value]


_IN_JSON = {"True": "true", "False": "false", "None": "null"}

_NOT_SHOWN = object()
_LONGEST = 200


class _Problem(NamedTuple):
    """Where something is wrong, which keyword says so, and in what words."""

    path: _Path
    keyword: str
    complaint: str
    value: object = _NOT_SHOWN

    def sentence(self) -> str:
        steps = (f"[{at}]" if isinstance(at, int) else f".{at}" for at in self.path)
        place = f"`{_cut(''.join(steps).removeprefix('.'))}`" if self.path else "It"
        if self.value is _NOT_SHOWN:
            return f"{place} {self.complaint}."
        return f"{place} is {_shown(self.value)}, which {self.complaint}."


def _shown(value: object) -> str:
    try:
        return _cut(json.dumps(value, ensure_ascii=False, default=str))
    except (RecursionError, ValueError):
        return "…"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _first_problem(value: object, schema: Json) -> _Problem | None:
    try:
        return _Comparison(schema).problem(value, schema, ())
    except (RecursionError, ValueError):  # a number can have thousands of digits
        return _Problem((), "", "is nested too deep or too large to be checked")


class _Comparison:
    """One value against one schema.

    Each part of the value is held against each part of the schema once: unions within
    unions cost no more than their size, and a ref in a circle demands nothing.
    """

    def __init__(self, root: Json) -> None:
        self._root = root
        self._known: dict[tuple[_Path, int], _Problem | None] = {}

    def problem(self, value: Any, schema: Any, path: _Path) -> _Problem | None:
        if schema is False:
            return _Problem(path, "", "is not allowed")
        if not isinstance(schema, dict):
            return None
        pair = path, id(schema)
        if pair not in self._known:
            self._known[pair] = None
            self._known[pair] = next(self._problems(value, schema, path), None)
        return self._known[pair]

    def _problems(self, value: Any, schema: Json, path: _Path) -> Iterator[_Problem]:
        if value is None and schema.get("nullable") is True:
            return
        for keyword, complaint in _complaints(value, schema):
            yield _Problem(path, keyword, complaint, value)
        for step, part, its_schema in self._parts(value, schema):
            if found := self.problem(part, its_schema, path + step):
                yield found
        for name in _list(schema, "required") if isinstance(value, dict) else ():
            if isinstance(name, str) and name not in value:
                yield _Problem((*path, name), "required", "is missing")
        yield from self._choices(value, schema, path)

    def _parts(self, value: Any, schema: Json) -> Iterator[tuple[_Path, Any, Any]]:
        """The parts of a value, each with a schema that it is to fit as well."""
        yield (), value, _target(self._root, schema.get("$ref"))
        for also in _list(schema, "allOf"):
            yield (), value, also
        if isinstance(value, dict):
            for name, part in value.items():
                for its_schema in _of_property(name, schema):
                    yield (name,), part, its_schema
        elif isinstance(value, list):
            pairs = zip(value, _of_items(schema), strict=False)
            for place, (part, its_schema) in enumerate(pairs):
                yield (place,), part, its_schema

    def _choices(self, value: Any, schema: Json, path: _Path) -> Iterator[_Problem]:
        for keyword in ("anyOf", "oneOf"):
            options = _list(schema, keyword)
            found = [self.problem(value, option, path) for option in options]
            wrong = [each for each in found if each]
            if wrong and len(wrong) == len(found):
                yield _closest(wrong, path)
            elif keyword == "oneOf" and len(found) - len(wrong) > 1:
                yield _Problem(path, keyword, "fits more than one alternative", value)
        refused = schema.get("not")
        if isinstance(refused, dict | bool) and not self.problem(value, refused, path):
            yield _Problem(path, "not", "is ruled out", value)


def _of_property(name: str, schema: Json) -> list[Any]:
    """What an object's schema says of a property."""
    named = _dict(schema, "properties")
    said = [named[name]] if name in named else []
    for pattern, its_schema in _dict(schema, "patternProperties").items():
        if (fits := _matches(name, pattern)) is not False:
            said.append(its_schema if fits else True)
    return said or [schema.get("additionalProperties")]


def _of_items(schema: Json) -> Iterable[Any]:
    """What an array's schema says of one item after the other."""
    first, rest = _list(schema, "prefixItems"), schema.get("items")
    if isinstance(rest, list):  # before 2020
        first, rest = rest, schema.get("additionalItems")
    return chain(first, repeat(rest))


def _closest(wrong: list[_Problem], path: _Path) -> _Problem:
    """What is wrong with the alternative that was meant: the one that fits furthest."""

    def rank(each: _Problem) -> tuple[int, bool]:
        # What has another type here, or another tag below, was not meant.
        others = ("type",) if each.path == path else ("const", "enum")
        return len(each.path), each.keyword not in others

    best = max(wrong, key=rank)
    meant = [each for each in wrong if rank(each) == rank(best)]
    said = dict.fromkeys(each.complaint for each in meant if each.path == best.path)
    return best._replace(complaint=_cut(" and ".join(said)))


# --- Keywords that look at a value as a whole ----------------------------------------


def _complaints(value: object, schema: Json) -> Iterator[tuple[str, str]]:
    types = _list(schema, "type") or [schema.get("type", "any")]
    if not any(_is(type, value) for type in types):
        yield "type", " and ".join(f"is no {type}" for type in types)
    for keyword, said in schema.items():
        rule = _RULES.get(keyword)
        if rule and rule.is_broken_by(value, said):
            yield keyword, rule.complaint.format(_shown(said))


def _is(type: object, value: object) -> bool:
    """Whether a value is of a type; it is of each that JSON does not know."""
    fits = _TYPES.get(str(type))
    return fits is None or fits(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and value % 1 == 0,
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _comparable(value: object) -> object:
    """Equal for what JSON holds equal: 1 and 1.0 are, 1 and `true` are not."""
    match value:
        case bool():
            return "boolean", value
        case list():
            return "array", *map(_comparable, value)
        case dict():
            return frozenset((key, _comparable(part)) for key, part in value.items())
        case _:
            return value


def _is_one_of(value: object, options: Iterable[object]) -> bool:
    return _comparable(value) in map(_comparable, options)


def _is_distinct(items: list[Any], must_be: bool) -> bool:
    return not must_be or len(set(map(_comparable, items))) == len(items)


def _is_multiple(number: float, of: float) -> bool:
    # As written: 0.3 is a multiple of 0.1.
    return not of or Fraction(str(number)) % Fraction(str(of)) == 0


def _matches(text: str, pattern: str) -> bool | None:
    """Whether a pattern is found; `None` if it is broken, or JavaScript's only."""
    try:
        return re.search(pattern, text) is not None
    except (re.error, OverflowError):
        return None


def _may_match(text: str, pattern: str) -> bool:
    return _matches(text, pattern) is not False


def _has_at_least(value: Sized, number: float) -> bool:
    return len(value) >= number


def _has_at_most(value: Sized, number: float) -> bool:
    return len(value) <= number


class _Rule(NamedTuple):
    """What a keyword speaks of, the type that it takes, its test, and its complaint."""

    of: str
    takes: str
    fits: Callable[[Any, Any], bool]
    complaint: str

    def is_broken_by(self, value: object, said: object) -> bool:
        applies = _is(self.of, value) and _is(self.takes, said)
        return applies and not self.fits(value, said)


_RULES = {
    "enum": _Rule("any", "array", _is_one_of, "is none of {}"),
    "const": _Rule("any", "any", lambda x, y: _is_one_of(x, [y]), "is not {}"),
    "minimum": _Rule("number", "number", ge, "is less than {}"),
    "maximum": _Rule("number", "number", le, "is more than {}"),
    "exclusiveMinimum": _Rule("number", "number", gt, "is not more than {}"),
    "exclusiveMaximum": _Rule("number", "number", lt, "is not less than {}"),
    "multipleOf": _Rule("number", "number", _is_multiple, "is no multiple of {}"),
    "pattern": _Rule("string", "string", _may_match, "does not match {}"),
    "minLength": _Rule("string", "number", _has_at_least, "is shorter than {}"),
    "maxLength": _Rule("string", "number", _has_at_most, "is longer than {}"),
    "minItems": _Rule("array", "number", _has_at_least, "has fewer items than {}"),
    "maxItems": _Rule("array", "number", _has_at_most, "has more items than {}"),
    "uniqueItems": _Rule("array", "boolean", _is_distinct, "has an item twice"),
    "minProperties": _Rule("object", "number", _has_at_least, "has fewer keys than {}"),
    "maxProperties": _Rule("object", "number", _has_at_most, "has more keys than {}"),
}


# --- A schema without refs -----------------------------------------------------------

_MOST_NODES = 100_000

_DEFINITIONS = frozenset({"$defs", "definitions"})

_NAMED = _DEFINITIONS | {
    *("properties", "patternProperties", "dependentSchemas", "dependencies"),
}
"""What holds schemas by names, which are no keywords."""

_DATA = frozenset({"const", "default", "enum", "example", "examples"})
"""What holds no schema, whatever it looks like."""

_NOTES = _DATA - {"const", "enum"} | {
    *("title", "description", "deprecated", "readOnly", "writeOnly"),
    *("$comment", "$id", "$schema"),
}
"""What demands nothing."""


def inlined(schema: Json) -> Json:
    """The parameters of a tool, with what its refs stand for in their place.

    A note beside a ref, such as a description, replaces the definition's own. The
    definitions at the top go. One that leads back to itself stays, with the refs to it
    and what it needs; so do all, if the schema would have more than 100,000 nodes or
    be nested too deep. A ref that leads nowhere stays.

    Args:
        schema: What a tool's author wrote; it is left as it is.

    Returns:
        A schema that accepts the same, of its own parts only. What says nothing of
        alternatives is an `object` with `properties`: the server wants to see both.

    Raises:
        RecursionError: If the schema itself is nested by hundreds of levels.
    """
    copy = _plain(schema) or _spelled_out(schema)
    if not copy.keys() & {"type", "anyOf", "oneOf", "allOf", "$ref"}:
        copy["type"] = "object"
    if copy.get("type") == "object":
        copy.setdefault("properties", {})
    return copy


def _plain(schema: Json) -> Json | None:
    """A copy of a schema without refs, as most are; `None` of all others.

    What is no JSON, such as a tuple or bytes, would come back as something else.
    """
    try:
        text = to_json(schema)
        copy: Json | None = None if b'"$ref"' in text else from_json(text)
    except (RecursionError, ValueError):  # nested by hundreds of levels
        return None
    if copy != schema:
        return None
    return {key: copy[key] for key in copy if key not in _DEFINITIONS}


def _spelled_out(schema: Json) -> Json:
    try:
        return _Copy(schema, _finite_refs(schema)).whole()
    except (OverflowError, RecursionError):
        return _Copy(schema, ()).whole()


class _Copy:
    """A schema, written once more, with some of its refs written out."""

    def __init__(self, root: Json, refs: Collection[str]) -> None:
        self._root = root
        self._refs = refs
        self._nodes = 0
        self.kept: list[str] = []

    def whole(self) -> Json:
        """All of it, and of the definitions those that the refs which stay need."""
        top = {key: self._root[key] for key in self._root if key not in _DEFINITIONS}
        copy = self.of(top)
        target = _target(self._root, copy.get("$ref"))
        if target is not None and target is not self._root:
            # Once, even if it leads back to itself: the server wants to see a type.
            self.kept.pop()
            copy = self._written_out(copy)
        needed: Json = {}
        for ref in self.kept:  # grows with each definition
            match _steps(ref):
                case [("$defs" | "definitions") as keyword, name, *_]:
                    known = _dict(self._root, keyword)
                    if name in known and name not in needed.get(keyword, ()):
                        definition = self.of(known[name])
                        needed.setdefault(keyword, {})[name] = definition
        return {**copy, **needed}

    def of(self, schema: Any) -> Any:
        """A part of it."""
        if not isinstance(schema, dict):
            return deepcopy(schema)
        self._nodes += 1
        if self._refs and self._nodes > _MOST_NODES:
            raise OverflowError
        said = _with_plain_ref(schema)
        copy = {key: self._held(key, held) for key, held in said.items()}
        ref = copy.get("$ref")
        if not isinstance(ref, str):
            return copy
        if ref in self._refs:
            return self._written_out(copy)
        self.kept.append(ref)
        return copy

    def _held(self, keyword: str, held: Any) -> Any:
        match held:
            case _ if keyword in _DATA:
                return deepcopy(held)
            case dict() if keyword in _NAMED:
                return {name: self.of(part) for name, part in held.items()}
            case list():
                return [self.of(part) for part in held]
            case _:
                return self.of(held)

    def _written_out(self, copy: Json) -> Json:
        """What a ref stands for, together with what stands beside it."""
        target = self.of(_target(self._root, copy.pop("$ref")))
        if isinstance(target, dict) and copy.keys() <= _NOTES:
            return {**target, **copy}
        return {**copy, "allOf": [*_list(copy, "allOf"), target]}


def _with_plain_ref(schema: Json) -> Json:
    """Takes a lone ref out of `allOf`, where Pydantic put it before 2.10."""
    match schema:
        case {"$ref": _}:
            return schema
        case {"allOf": [{"$ref": _, **more} as lone], **beside} if not more:
            return {**lone, **beside}
        case _:
            return schema


def _finite_refs(root: Json) -> set[str]:
    """The refs that can be written out: they are known and never lead to themselves."""

    @cache
    def behind(ref: str) -> list[str]:
        return _refs_in(_target(root, ref))

    def reached(refs: list[str]) -> set[str]:
        seen: set[str] = set()
        todo = [*refs]
        while todo:
            if (ref := todo.pop()) not in seen:
                seen.add(ref)
                todo += behind(ref)
        return seen

    return {
        ref
        for ref in reached(_refs_in(root))
        if _target(root, ref) is not None and ref not in reached(behind(ref))
    }


def _refs_in(schema: Any) -> list[str]:
    copy = _Copy({}, ())
    copy.of(schema)
    return copy.kept


# --- Ways in a schema ----------------------------------------------------------------


def _target(root: Json, ref: object) -> Any:
    """The schema that a ref stands for; `None` if it is not in this one."""
    steps = _steps(ref)
    found: Any = None if steps is None else root
    for step in steps or ():
        if isinstance(found, list):
            found = {str(place): part for place, part in enumerate(found)}
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict | bool) else None


def _steps(ref: object) -> list[str] | None:
    """The way that a ref describes, as a JSON pointer does; `None` if it leads out."""
    start, *steps = unquote(ref).split("/") if isinstance(ref, str) else [""]
    if start != "#":
        return None
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def _list(schema: Json, keyword: str) -> list[Any]:
    held = schema.get(keyword)
    return held if isinstance(held, list) else []


def _dict(schema: Json, keyword: str) -> Json:
    held = schema.get(keyword)
    return held if isinstance(held, dict) else {}
