"""What the documentation says: its code is run, its tables are compared.

The table of models is written by this file: `python tests/test_docs.py --write`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from langchain_minimax import __version__, errors
from langchain_minimax.catalogue import CARDS, ModelCard, Price
from langchain_minimax.testing import Emulator

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


# --- Code ----------------------------------------------------------------------------


class Page:
    """The code of one page, whose blocks build on each other."""

    def __init__(self, path: Path) -> None:
        self.name = str(path.relative_to(ROOT))
        self.examples = list(Sybil([PythonCodeBlockParser()]).parse(path))
        self.done = 0

    def run(self, number: int) -> None:
        """Runs a block, and before it those above that did not run yet."""
        while self.done <= number:
            example = self.examples[self.done]
            self.done += 1
            example.evaluate()


PAGES = [
    Page(path)
    for path in (
        ROOT / "README.md",
        *sorted(DOCS.rglob("*.md")),
        ROOT / "langchain_minimax" / "chat_models.py",
        ROOT / "langchain_minimax" / "embeddings.py",
        ROOT / "langchain_minimax" / "costs.py",
        ROOT / "langchain_minimax" / "files.py",
        ROOT / "langchain_minimax" / "testing" / "__init__.py",
        ROOT / "langchain_minimax" / "testing" / "pytest_plugin.py",
    )
]


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    # Not the default key: an emulator in the page has to be given its own.
    with Emulator(api_key="sk-api-of-the-reader") as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page, number, id=f"{page.name}:{example.line}")
        for page in PAGES
        for number, example in enumerate(page.examples)
    ],
)
def test_code(
    page: Page,
    number: int,
    server: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It runs as it stands, where the reader's key, file and MiniMax would be."""
    (tmp_path / "lecture.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIMAX_API_KEY", server.api_key)
    monkeypatch.setenv("MINIMAX_BASE_URL", server.base_url)
    monkeypatch.delenv("MINIMAX_REGION", raising=False)
    page.run(number)


# --- The table of models -------------------------------------------------------------

MODELS = DOCS / "models.md"
_GENERATED = re.compile(
    r"(<!-- (\w+): begin[^>]*-->\n).*?(<!-- \2: end -->)", re.DOTALL
)


def models_table() -> str:
    """The rows of the catalogue, without prices."""
    lines = [
        "| Model | Released | Context | Maximum | Default | Thinks | Reads | State |\n",
        "| --- | --- | --: | --: | --: | --- | --- | --- |\n",
    ]
    lines += [_model(card) for card in CARDS]
    others = [f"{name} is {card.id}" for card in CARDS for name in card.aliases]
    if others:
        lines.append(f"\nOlder names: {', '.join(others)}.\n")
    return "".join(lines)


def _model(card: ModelCard) -> str:
    thinks = "always" if card.thinking == "always" else "if asked"
    if card.efforts:
        thinks += f"; effort {card.efforts[0]} to {card.efforts[-1]}"
    row = [
        card.id,
        card.released,
        f"{card.context_window:,}",
        f"{card.max_output_tokens:,}",
        f"{card.default_max_tokens:,}",
        thinks,
        ", ".join(sorted(card.inputs - {"text"}) or ["text only"]),
        card.status,
    ]
    return f"| {' | '.join(row)} |\n"


def prices_table() -> str:
    """The prices of the catalogue, a line each."""
    lines = [
        "| Model | Holds | Input | Output | Cache read | Cache write |\n",
        "| --- | --- | --: | --: | --: | --: |\n",
    ]
    lines += [_price(card, price) for card in CARDS for price in card.prices]
    plans = [card.id for card in CARDS if not card.prices]
    if plans:
        lines.append(f"\nOnly with a plan: {', '.join(plans)}.\n")
    return "".join(lines)


def _price(card: ModelCard, price: Price) -> str:
    bound = next((other.above for other in card.prices if other.above), None)
    holds = "always"
    if bound:
        holds = f"{'above' if price.above else 'up to'} {bound:,} input tokens"
    figures = (price.input, price.output, price.cache_read, price.cache_write)
    said = ["not known" if figure is None else _dollars(figure) for figure in figures]
    return f"| {card.id} | {' | '.join([holds, *said])} |\n"


def _dollars(figure: float) -> str:
    exact = f"{figure:g}"
    return exact if len(exact) > len("0.00") else f"{figure:.2f}"


def model_sources() -> str:
    """Where each row comes from; models of one source and note share an entry."""
    said = ((card.source, card.note) for card in CARDS)
    by_words = groupby(zip(CARDS, said, strict=True), key=lambda pair: pair[1])
    entries = []
    for (source, note), cards in by_words:
        names = ", ".join(card.id for card, _ in cards)
        entries.append(f"- {names}: {source}.{f' {note}' if note else ''}\n")
    return "".join(entries)


GENERATED = {
    "models": models_table,
    "prices": prices_table,
    "sources": model_sources,
}


def written(text: str) -> str:
    """The page with its generated parts as they should be."""
    return _GENERATED.sub(
        lambda found: f"{found[1]}\n{GENERATED[found[2]]()}\n{found[3]}", text
    )


def test_the_page_of_models_says_what_the_catalogue_says() -> None:
    text = MODELS.read_text(encoding="utf-8")
    assert {found[2] for found in _GENERATED.finditer(text)} == {*GENERATED}
    assert text == written(text), "run: python tests/test_docs.py --write"


# --- The table of errors -------------------------------------------------------------

_ROW = re.compile(
    r"^\| (HTTP )?(\d[\d, ]*)([^|]*)\| `(MiniMax\w+)` \| (yes|no)\b", re.MULTILINE
)


@dataclass(frozen=True)
class Row:
    """A code or a status, its words if they matter, and what the guide says of it."""

    status: int | None
    code: int | None
    words: str
    name: str
    retried: bool

    def error(self) -> errors.MiniMaxError:
        """What the client makes of it."""
        if self.code is None:
            return errors.failure(self.status or 0, {}, self.words.encode())
        said = {"status_code": self.code, "status_msg": self.words or "no"}
        return errors.failure(500, {}, json.dumps({"base_resp": said}).encode())


def error_rows() -> list[Row]:
    text = (DOCS / "guides" / "errors_and_retries.md").read_text(encoding="utf-8")
    return [
        Row(
            status=int(number) if http else None,
            code=None if http else int(number),
            words="".join(re.findall(r'"(.+)"', rest)),
            name=name,
            retried=retried == "yes",
        )
        for http, numbers, rest, name, retried in _ROW.findall(text)
        for number in re.findall(r"\d+", numbers)
    ]


@pytest.mark.parametrize("row", error_rows(), ids=str)
def test_the_table_of_errors_is_right(row: Row) -> None:
    assert type(row.error()).__name__ == row.name
    assert row.error().is_retryable is row.retried


def test_the_table_of_errors_is_whole() -> None:
    rows = error_rows()
    assert {*errors._BY_CODE} <= {row.code for row in rows}
    assert {*errors._BY_STATUS} <= {row.status for row in rows}


# --- Other promises ------------------------------------------------------------------


def test_the_changelog_has_a_section_for_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[?([^\]\s]+)", text, re.MULTILINE)
    assert __version__ in sections


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_into_the_checkout_lead_somewhere(name: str) -> None:
    """Those of the pages in `docs` are checked when the site is built."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (ROOT / target).exists(), target


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    MODELS.write_text(written(MODELS.read_text(encoding="utf-8")), encoding="utf-8")
