"""The pages for LangChain's own documentation: their form, and what they claim.

Their code is run with that of the other pages, in `test_docs.py`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import langchain_minimax
from langchain_minimax import ChatMiniMax
from langchain_minimax.testing import Emulator

PAGES = Path(__file__).resolve().parent.parent / "docs" / "langchain"
CHAT = PAGES / "chat" / "minimax.mdx"
_FRONT_MATTER = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)
_FEATURES = re.compile(r"### Model features\n\n(.+)\n.+\n(.+)\n")


def front_matter(page: Path) -> dict[str, str]:
    found = _FRONT_MATTER.match(page.read_text(encoding="utf-8"))
    assert found, "every page begins with what it is"
    lines = (line.partition(":") for line in found[1].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def features() -> dict[str, bool]:
    """The ticks of the table."""
    found = _FEATURES.search(CHAT.read_text(encoding="utf-8"))
    assert found
    heads, ticks = (
        [cell.strip() for cell in row.split("|")[1:-1]] for row in found.groups()
    )
    names = [re.sub(r"\[(.+)\]\(.+\)", r"\1", head) for head in heads]
    return {name: tick == "✅" for name, tick in zip(names, ticks, strict=True)}


@pytest.mark.parametrize(
    "page", sorted(PAGES.rglob("*.mdx")), ids=lambda p: p.parent.name
)
def test_a_page_says_what_it_is_about(page: Path) -> None:
    said = front_matter(page)
    assert said["title"].startswith("MiniMax") or said["name"] in said["title"]
    assert said["description"].endswith("using LangChain Python.")
    assert said.get("pypi", "langchain-minimax") == "langchain-minimax"
    if "name" in said:
        assert said["name"] in langchain_minimax.__all__


def test_the_features_are_those_of_the_profile() -> None:
    profile: Any = ChatMiniMax(model="MiniMax-M3").profile
    ticks = features()
    assert ticks.pop("Image input") is profile["image_inputs"]
    assert ticks.pop("Video input") is profile["video_inputs"]
    assert ticks.pop("Audio input") is profile["audio_inputs"]
    assert ticks.pop("Tool calling") is profile["tool_calling"]
    # The rest is no matter of the model; the wire has no log probabilities.
    assert not ticks.pop("Logprobs")
    assert all(ticks.values())
    assert len(ticks) == len(
        ["Structured output", "Token-level streaming", "Native async", "Token usage"]
    )


def test_the_usage_that_is_shown_is_one_that_came() -> None:
    with Emulator() as server:
        model = ChatMiniMax(
            model="MiniMax-M3",
            thinking=True,
            api_key=server.api_key,
            base_url=server.base_url,
        )
        usage = model.invoke("Hello!").usage_metadata
    text = CHAT.read_text(encoding="utf-8")
    shown = text.partition("response.usage_metadata\n```\n\n```python\n")[2]
    assert ast.literal_eval(shown.partition("```")[0]) == usage
