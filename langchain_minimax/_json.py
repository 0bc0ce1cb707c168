"""JSON text in, values out, and back; what is broken or hostile gives no exception."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

from pydantic_core import (
    PydanticSerializationError,
    from_json,
    to_json,
    to_jsonable_python,
)

_EXCERPT = 200  # characters of a wrong value that an error quotes


def parsed(data: bytes) -> Any:
    """The value that the text stands for, or `None` if it is no JSON."""
    try:
        return from_json(data)
    except ValueError:
        pass
    if b"\\u" not in data:
        return None
    try:
        # A lone surrogate, half an emoji, is JSON to Python's own parser only.
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def arguments_in(text: str) -> dict[str, Any] | None:
    """The arguments of a call, or `None` if the text is not one whole JSON object."""
    if not text:
        return {}
    try:
        value = json.loads(
            text, strict=False, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_constant(name: str) -> NoReturn:
    """`NaN` and its kin are no JSON, and no server would take them back."""
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _finite(digits: str) -> float:
    """A number that is too large for a float would come back as `Infinity`."""
    value = float(digits)
    return value if isfinite(value) else _no_constant(digits)


def string_in(source: Mapping[str, Any], key: str) -> str:
    """The text under a key; empty if there is none."""
    value = source.get(key)
    return value if isinstance(value, str) else ""


def object_in(source: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under a key; empty if there is none."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def count_in(source: Mapping[str, Any], key: str) -> int | None:
    """The number of something under a key, if there is one."""
    value = source.get(key)
    return value if isinstance(value, int) and value >= 0 else None


def with_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A body under what the caller adds; `None` for something of ours leaves it out."""
    ours = {key for key in body if key in extra and extra[key] is None}
    return {key: value for key, value in {**body, **extra}.items() if key not in ours}


def encoded(value: Any) -> bytes:
    """JSON for the wire.

    A lone surrogate has no bytes: U+FFFD takes its place, as in every decoder.
    """
    try:
        return to_json(value, inf_nan_mode="null")  # JSON has no word for infinity
    except PydanticSerializationError:
        text = json.dumps(value, ensure_ascii=False, default=to_jsonable_python)
        plain = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        legal = json.loads(plain, parse_constant=lambda _: None)
        return json.dumps(legal, ensure_ascii=False).encode()


def dumped(value: Any) -> str:
    """JSON for people, and for what is to be parsed again; what is none, as text."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_described)
    except (RecursionError, TypeError, ValueError):
        pass
    try:
        return str(value)  # keys that are no strings; circles
    except (RecursionError, ValueError):  # Python shows no number of 5,000 digits
        return "(nested too deep or too long to be shown)"


def _described(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"({len(value)} bytes)"  # as text they would cost a token or two each
    return str(value)


def shown(value: object) -> str:
    """What an error quotes of a value, which may be anything."""
    try:
        return excerpt(repr(value), _EXCERPT)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}, nested too deep or too long to be shown"


def excerpt(text: str, length: int) -> str:
    """The beginning of a text, with a mark where it was cut."""
    return text if len(text) <= length else f"{text[:length]}…"
