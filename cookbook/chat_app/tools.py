"""What the agent of the chat can do: three tools that need no network."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from zoneinfo import ZoneInfo, available_timezones

DOCS = Path(__file__).resolve().parents[2] / "docs"

LONGEST = 1_000  # characters of an expression

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
}


def calculate(expression: str) -> str:
    """Calculate an arithmetic expression, such as (17 + 4) * 2.5."""
    if len(expression) > LONGEST:
        return f"I cannot calculate more than {LONGEST:,} characters."
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
    except ZeroDivisionError:
        return f"I cannot calculate {expression!r}: it divides by zero."
    except OverflowError:
        return f"I cannot calculate {expression!r}: a number in it becomes too large."
    except (SyntaxError, KeyError, ValueError, RecursionError, MemoryError):
        return f"I cannot calculate {expression!r}, only numbers with + - * / // % ()."
    return str(value) if isinstance(value, int) else f"{value:.12g}"


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(bool()):  # an int, to Python
            raise SyntaxError
        case ast.Constant(int() | float() as number):
            value = number
        case ast.BinOp(left, sign, right):
            value = _OPERATORS[type(sign)](_value(left), _value(right))
        case ast.UnaryOp(sign, operand):
            value = _OPERATORS[type(sign)](_value(operand))
        case _:
            raise SyntaxError
    if math.isinf(value):
        raise OverflowError
    return value


def get_time(city: str) -> str:
    """Tell the time in a city that a time zone is named after."""
    name = city.strip().title().replace(" ", "_")
    zones = [zone for zone in available_timezones() if zone.split("/")[-1] == name]
    if not zones:
        return f"No time zone is named after {city}."
    return f"{datetime.now(ZoneInfo(min(zones))):%H:%M on %A, %d %B %Y}"


def search_docs(query: str) -> str:
    """Search the documentation of langchain-minimax."""
    words = set(re.findall(r"\w{3,}", query.lower()))
    ranked = sorted(_sections(), key=lambda section: -_score(section, words))
    found = [section for section in ranked[:2] if _score(section, words)]
    return "\n\n".join(found) or f"Nothing in the documentation has {query!r}."


def _sections() -> Iterator[str]:
    """Each heading of the pages with what stands below it, its page before it."""
    for page in sorted(DOCS.rglob("*.md")):
        for section in re.split(r"^#+ ", page.read_text("utf-8"), flags=re.MULTILINE):
            title, _, text = section.partition("\n")
            prose = re.sub(r"<!--.*?-->|```.*?```", "", text, flags=re.DOTALL)
            excerpt = shorten(prose, 400, placeholder=" …")
            if excerpt:
                yield f"{page.relative_to(DOCS)}, {title}: {excerpt}"


def _score(section: str, words: set[str]) -> int:
    """How many of the words a section has, its heading counting more."""
    title, _, text = section.lower().partition(": ")
    return sum(2 * (word in title) + (word in text) for word in words)


TOOLS = [calculate, get_time, search_docs]
