"""A JSON schema and a human's words in, arguments that fit both out."""

import re
from collections import deque
from math import inf
from typing import Any

from langchain_minimax.testing._replies import Json

CJK = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"

_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|「([^」]+)」|(?<!\w)\'([^\']+)\'(?!\w)')
_NAMED = re.compile(r"\b(?!I\b)[A-Z][\w'-]*(?:,? (?!I\b)[A-Z][\w'-]*)*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_OPENING = re.compile(r"(?:^|\n|[.!?]\s+)[\"'(]?[A-Z][\w']*")

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "12:00:00Z",
    "email": "user@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_DEEP = 5


def quoted(text: str) -> list[str]:
    """Everything in quotation marks."""
    return ["".join(groups) for groups in _QUOTED.findall(text)]


def arguments(schema: Json, text: str) -> Json:
    """An object that fits the schema, made of what the text offers where it can be."""
    value = _Writer(schema, text).value(schema, depth=0)
    return value if isinstance(value, dict) else {}


class _Writer:
    """Fills in one schema, spending what the text offers in the order it was said."""

    def __init__(self, root: Json, text: str) -> None:
        self._root = root
        self._text = text
        # The first word of a sentence has a capital whatever it means.
        inner = _OPENING.sub(lambda found: " " * len(found[0]), text)
        names = [*re.findall(CJK, text), *_NAMED.findall(inner)]
        self._strings = deque([*quoted(text), *names] or [text.strip() or "text"])
        self._numbers = deque(float(number) for number in _NUMBER.findall(text))

    def value(self, schema: Any, depth: int) -> Any:
        schema = self._resolve(schema)
        match schema:
            case {"const": value}:
                return value
            case {"enum": [first, *_] as options}:
                said = (o for o in options if str(o).lower() in self._text.lower())
                return next(said, first)
            case {"default": value}:
                return value
        return self._of_kind(_kind(schema), schema, depth)

    def _of_kind(self, kind: str, schema: Json, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                count = max(schema.get("minItems", 0), depth < _DEEP)
                items = schema.get("items", {})
                return [self.value(items, depth + 1) for _ in range(count)]
            case "integer":
                return int(self._number(schema))
            case "number":
                return self._number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema)

    def _object(self, schema: Json, depth: int) -> Json:
        properties = schema.get("properties", {})
        required = schema.get("required", [] if depth >= _DEEP else list(properties))
        return {
            name: self.value(properties[name], depth + 1)
            for name in properties
            if name in required
        }

    def _number(self, schema: Json) -> float:
        lowest = schema.get("minimum", schema.get("exclusiveMinimum", -inf) + 1)
        highest = schema.get("maximum", schema.get("exclusiveMaximum", inf) - 1)
        given = _take(self._numbers, default=float(max(lowest, 1)))
        number = float(min(max(given, lowest), highest))
        return int(number) if number.is_integer() else number

    def _string(self, schema: Json) -> str:
        form = _FORMATS.get(schema.get("format", ""))
        return form or _take(self._strings, default="")[: schema.get("maxLength")]

    def _resolve(self, schema: Any) -> Json:
        """The schema behind references and unions, as far as they lead anywhere."""
        for _ in range(16):
            match schema:
                case {"$ref": str(reference)}:
                    schema = self._root
                    for step in reference.removeprefix("#").split("/")[1:]:
                        schema = schema.get(step, {})
                case {"anyOf": [*options]} | {"oneOf": [*options]}:
                    kinds = [o for o in options if o != {"type": "null"}]
                    schema = (kinds or options)[0]
                case {"allOf": [*parts]}:
                    schema = {k: v for p in parts for k, v in self._resolve(p).items()}
                case dict():
                    return schema
                case _:
                    break
        return {}


def _kind(schema: Json) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "string"
    return str(kind)


def _take(offered: deque[Any], default: Any) -> Any:
    """The next thing on offer; the last one stays for whoever still asks."""
    if len(offered) > 1:
        return offered.popleft()
    return offered[0] if offered else default
