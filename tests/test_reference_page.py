"""Every public name is on the page of reference."""

from __future__ import annotations

from pathlib import Path

import pytest

import langchain_minimax
from langchain_minimax import errors, testing

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"
WITH_THEIR_MODULE = {name for name in vars(errors) if name.startswith("MiniMax")}


@pytest.mark.parametrize(
    "module", [langchain_minimax, testing], ids=lambda m: m.__name__
)
def test_what_can_be_imported_is_described(module: object) -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {*module.__all__} - WITH_THEIR_MODULE - {"__version__"}
    missing = [name for name in names if f"::: {module.__name__}.{name}\n" not in text]
    assert names
    assert not missing


def test_all_errors_are_described() -> None:
    assert "::: langchain_minimax.errors\n" in PAGE.read_text(encoding="utf-8")
    assert {*langchain_minimax.__all__} >= WITH_THEIR_MODULE
