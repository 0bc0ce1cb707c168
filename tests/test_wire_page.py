"""The page on what MiniMax does and the client agree on MiniMax's numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from langchain_minimax import errors

PAGE = Path(__file__).resolve().parent.parent / "docs" / "wire.md"
_ROW = re.compile(
    r"^\| ([\d, ]+) \| .+ \| (yes|no|later|with fewer|after its reset) \|$"
)


def rows() -> dict[int, bool]:
    """Each code, and whether the same request may succeed when it is sent again."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("### By number\n")[2].partition("\nSource:")[0]
    found = [match for line in table.splitlines() if (match := _ROW.match(line))]
    return {
        int(code): match[2] in ("yes", "later")
        for match in found
        for code in match[1].split(",")
    }


def test_the_page_has_the_codes_that_the_client_knows() -> None:
    assert rows().keys() == errors._BY_CODE.keys()


@pytest.mark.parametrize(("code", "helps"), rows().items())
def test_they_agree_on_what_helps(code: int, helps: bool) -> None:
    said = {"base_resp": {"status_code": code, "status_msg": "no"}}
    error = errors.failure(500, {}, json.dumps(said).encode())
    assert error.is_retryable is helps
