"""What the RAG notebook brings along."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest
from langchain_core.documents import Document

from langchain_minimax.testing import RecordedRequest, Text, ToolUse

COOKBOOK = Path(__file__).resolve().parent.parent / "cookbook"
sys.path.append(str(COOKBOOK))

from rag.citations import citations, numbered  # noqa: E402
from rag.stand_in import stand_in  # noqa: E402

TIDES = Document("Sea > Tides\nThe moon pulls at the sea.", metadata={"number": 3})
SALT = Document("Sea > Salt\nRivers bring salt to the sea.", metadata={"number": 12})
SEA = [TIDES, SALT]
TOOL = {"name": "search", "input_schema": {"type": "object"}}


def test_passages_stand_behind_their_numbers() -> None:
    assert numbered(SEA) == (
        "[3] Sea > Tides\nThe moon pulls at the sea.\n\n"
        "[12] Sea > Salt\nRivers bring salt to the sea."
    )


@pytest.mark.parametrize(
    ("answer", "cited", "unknown"),
    [
        ("The moon pulls [3].", [3], []),
        ("The moon pulls[3]. Salt comes too [12].", [3, 12], []),
        ("Salt [12], then the moon [3], and salt [12].", [12, 3], []),
        ("Both [3, 12].", [3, 12], []),
        ("Both [3][12].", [3, 12], []),
        ("Neither.", [], []),
        ("The wind [4] and the moon [3].", [3], [4]),
        ("In code, `sea[3]` is an index.", [], []),
        ("```python\nsea[12]\n```\nThe moon [3].", [3], []),
        ("```python\nsea[12]", [], []),
        ("A link: [3](tides.md).", [], []),
        ("Not a number: [x], [], [-3].", [], []),
    ],
)
def test_marks_become_sources(
    answer: str, cited: list[int], unknown: list[int]
) -> None:
    found = citations(answer, SEA)

    assert list(found.sources) == cited
    assert found.unknown == unknown
    assert all(passage in SEA for passage in found.sources.values())


def request(*turns: dict[str, object], **fields: object) -> RecordedRequest:
    body = {"messages": list(turns), **fields}
    return RecordedRequest("POST", "/", {}, body=body)


def says(text: str) -> dict[str, object]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


QUESTION = "Question: Why is there salt in the sea?"


@pytest.mark.parametrize(
    "asked",
    [
        request(says(f"{numbered(SEA)}\n\n{QUESTION}")),
        request(says(QUESTION), system=numbered(SEA)),
        request(says(QUESTION), system=[{"type": "text", "text": numbered(SEA)}]),
    ],
    ids=["with the question", "in the system prompt", "in a block of it"],
)
def test_the_stand_in_quotes_what_fits(asked: RecordedRequest) -> None:
    *_, answer = stand_in(asked).blocks

    assert answer == Text("Rivers bring salt to the sea. [12]")


def test_the_stand_in_does_not_answer_from_elsewhere() -> None:
    asked = request(says(f"{numbered([TIDES])}\n\nQuestion: Who won the match?"))

    assert stand_in(asked).blocks == [Text("The passages do not answer that.")]


def test_the_stand_in_searches_once_and_then_answers() -> None:
    question = says("Does MiniMax know why there is salt?")
    *_, call = stand_in(request(question, tools=[TOOL])).blocks
    assert isinstance(call, ToolUse)
    assert call.name == "search"

    result = {
        "type": "tool_result",
        "tool_use_id": "1",
        "content": [{"type": "text", "text": numbered(SEA)}],
    }
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]}
    results = {"role": "user", "content": [result]}
    *_, answer = stand_in(request(question, called, results, tools=[TOOL])).blocks
    assert answer == Text("Rivers bring salt to the sea. [12]")

    thanks = request(question, called, results, says("Thank you."), tools=[TOOL])
    assert stand_in(thanks).blocks[-1] == Text("You are welcome!")


def test_the_frozen_documents_are_pages_of_markdown() -> None:
    # `git archive` made it: the archive's comment is the commit.
    with zipfile.ZipFile(COOKBOOK / "rag" / "docs.zip") as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        texts = [archive.read(name).decode() for name in names]
        commit = archive.comment.decode()

    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    assert names
    assert all(name.startswith("docs/") and name.endswith(".md") for name in names)
    assert all("\n# " in f"\n{text}" for text in texts)
