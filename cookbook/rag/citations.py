"""Passages in, a text with their numbers out; an answer in, what it cites out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from langchain_core.documents import Document

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MARK = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\](?!\()")


@dataclass(frozen=True)
class Citations:
    """What an answer cites.

    Attributes:
        sources: The passages by their numbers, in the order in which they are cited.
        unknown: Cited numbers that no passage has: the model made them up.
    """

    sources: dict[int, Document]
    unknown: list[int]


def numbered(passages: Iterable[Document]) -> str:
    """The passages as the model reads them, each behind the number to cite it by.

    Args:
        passages: Documents with a `number` in their metadata.
    """
    return "\n\n".join(
        f"[{passage.metadata['number']}] {passage.page_content}" for passage in passages
    )


def citations(answer: str, passages: Iterable[Document]) -> Citations:
    """What an answer cites with marks such as `[3]` or `[3, 12]`.

    What stands in code is no mark: there, `[3]` is an index.

    Args:
        answer: What the model said.
        passages: What it was shown, with a `number` in their metadata.
    """
    shown = {passage.metadata["number"]: passage for passage in passages}
    marks = _MARK.findall(_CODE.sub("", answer))
    numbers = dict.fromkeys(int(n) for mark in marks for n in mark.split(","))
    return Citations(
        sources={n: shown[n] for n in numbers if n in shown},
        unknown=[n for n in numbers if n not in shown],
    )
