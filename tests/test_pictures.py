"""The pictures of the documentation say what the figures say."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from support.pictures import ASSETS, PICTURES, ROOT, beside, drawn, speed

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_from_the_figures_of_today(name: str) -> None:
    assert (ASSETS / name).read_text(encoding="utf-8") == drawn(name), (
        "run: make pictures"
    )


@pytest.mark.parametrize(
    "name", [*PICTURES, "batch_run.svg", "house.svg", "thinking.svg"]
)
def test_a_picture_can_be_read_aloud(name: str) -> None:
    root = ET.fromstring((ASSETS / name).read_text(encoding="utf-8"))
    named = (root.get("aria-labelledby") or "").split()
    told = {each.get("id"): each.text for each in root if each.get("id")}
    assert len(named) == 2
    assert all(told[name] for name in named)


@pytest.mark.parametrize("name", ["house.svg", "thinking.svg"])
def test_the_rooms_in_a_picture_are_there(name: str) -> None:
    told = re.findall(r"[\w/]+\.py", (ASSETS / name).read_text(encoding="utf-8"))
    assert told
    assert all((ROOT / "langchain_minimax" / room).exists() for room in told)


def test_a_bar_is_as_long_as_its_share() -> None:
    figures = """
| Client | cases | right answer | typed error | untyped error | silent loss | hang |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| One (one 1.0) | 1,000 | 250 | 500 | 0 | 240 | 10 |
"""
    root = ET.fromstring(beside(figures))
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("height") == "20.0"]
    widths = {each.get("class"): float(each.get("width", 0)) for each in bars}
    whole = sum(widths.values())
    shares = {kind: round(width / whole, 3) for kind, width in widths.items()}
    assert shares == {"green": 0.25, "blue": 0.5, "red": 0.24, "purple": 0.01}
    assert "One, 1,000 cases: 25 % right answer" in (root[1].text or "")


def test_twice_as_much_stands_as_far_right_as_half_as_much_left() -> None:
    figures = """
|  | ChatMiniMax, Messages | ChatMiniMax, Chat Completions | ChatAnthropic | \
ChatOpenAI | ChatMistralAI |
|---|--:|--:|--:|--:|--:|
| this, µs | 5 (0.50) | 10 (1.00) | 10 (1.00) | 20 (2.00) | 1 (0.10) |
"""
    root = ET.fromstring(speed(figures))
    row = max(float(each.get("cy", 0)) for each in root.iter(f"{SVG}circle"))
    half, same = (
        float(each.get("cx", 0))
        for each in root.iter(f"{SVG}circle")
        if float(each.get("cy", 0)) == row
    )
    double = max(
        float(each.get("x", 0)) + float(each.get("width", 0)) / 2
        for each in root.iter(f"{SVG}rect")
        if each.get("class") == "red"
    )
    assert double - same == pytest.approx(same - half, abs=0.2)
    assert double > same
