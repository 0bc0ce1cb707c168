"""Pydantic's fields in, what a reader of the reference asks about them out.

An extension of griffe, which reads the package for `make docs`: `Field(…)` becomes the
default, and its other names and its variable of the environment a sentence.
"""

from __future__ import annotations

from typing import Any

from griffe import Attribute, Expr, ExprCall, ExprKeyword, Extension


class Fields(Extension):
    def on_attribute(self, *, attr: Attribute, **_: Any) -> None:
        if not _is_call(attr.value, "Field") or not attr.docstring:
            return
        said = _keywords(attr.value)
        default, names = said.get("default"), []
        if alias := said.get("validation_alias"):
            others = map(_unquoted, alias.arguments)
            names = [f"`{name}`" for name in others if name != attr.name]
        factory = said.get("default_factory")
        if isinstance(factory, ExprCall):  # of from_env or secret_from_env
            variable = _unquoted(factory.arguments[0])
            if variable not in attr.docstring.value:
                names.append(f"`{variable}` in the environment")
            default = _keywords(factory)["default"]
        elif factory:
            default = f"{factory}()"
        attr.value = default
        if names:
            attr.docstring.value += f"\n\nAlso: {', '.join(names)}."


def _is_call(value: str | Expr | None, name: str) -> bool:
    return isinstance(value, ExprCall) and str(value.function) == name


def _keywords(call: ExprCall) -> dict[str, Any]:
    arguments = call.arguments
    return {
        each.name: each.value for each in arguments if isinstance(each, ExprKeyword)
    }


def _unquoted(value: str | Expr) -> str:
    return str(value).strip("\"'")
