"""What the documentation says: its code is run, its tables are compared.

What stands between marks is written by this file, from the catalogue, from the wire
and from `tests/figures`: `python tests/test_docs.py --write`.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from langchain_minimax import ChatMiniMax, __version__, errors
from langchain_minimax._address import resolve_url
from langchain_minimax._dialects import anthropic, openai
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
        *sorted(DOCS.rglob("*.mdx")),
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


# --- The tables of models ------------------------------------------------------------


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


def abilities_table() -> str:
    """What each model can do, by its card and its profile."""
    lines = [
        "| Model | Thinking | `effort` | Sees | Tools | Forced, schemas | Caches |\n",
        "| --- | --- | --- | --- | --- | --- | --- |\n",
    ]
    return "".join([*lines, *map(_abilities, CARDS)])


def _abilities(card: ModelCard) -> str:
    profile = ChatMiniMax(model=card.id).profile
    seen = sorted(card.inputs - {"text"})
    by_itself = card.explicit_cache or any(price.cache_read for price in card.prices)
    caches = ["by itself"] * by_itself + ["by marks"] * card.explicit_cache
    row = [
        card.id,
        "always on" if card.thinking == "always" else "can be switched",
        ", ".join(card.efforts) or "no levels",
        ", ".join(seen) or "nothing",
        "yes" if profile["tool_calling"] else "no",
        "by the server" if profile["structured_output"] else "by the client",
        ", ".join(caches) or "not known",
    ]
    return f"| {' | '.join(row)} |\n"


def _tool(name: str) -> dict[str, Any]:
    return {"name": name, "description": "A tool.", "input_schema": {"type": "object"}}


# What is asked for, in words and in code, and of which model.
ASKED: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("`thinking=True`", "MiniMax-M3", "Hello", {"thinking": True}),
    ("`thinking=False`", "MiniMax-M3", "Hello", {"thinking": False}),
    ('`effort="high"`', "MiniMax-M3.1-Flash", "Hello", {"effort": "high"}),
    ("`max_tokens=100`", "MiniMax-M3", "Hello", {"max_tokens": 100}),
    ("`temperature=0.2`", "MiniMax-M3", "Hello", {"temperature": 0.2}),
    ('`stop=["END"]`', "MiniMax-M3", "Hello", {"stop": ["END"]}),
    ('`service_tier="priority"`', "MiniMax-M3", "Hello", {"service_tier": "priority"}),
    ('`user_id="u1"`', "MiniMax-M3", "Hello", {"user_id": "u1"}),
    ("tools", "MiniMax-M3", "Hello", {"tools": [_tool("look_up")]}),
    (
        '`tool_choice="none"`',
        "MiniMax-M3",
        "Hello",
        {"tools": [_tool("look_up")], "tool_choice": "none"},
    ),
    ("an image", "MiniMax-M3", {"type": "image", "url": "https://a.io/b.png"}, {}),
    ("a video", "MiniMax-M3", {"type": "video", "url": "https://a.io/b.mp4"}, {}),
]
_SHORT = 50  # characters of JSON that a cell can hold


def wire_table() -> str:
    """What goes over the wire for what is said, as the emulator sees it."""
    lines = [
        "| You say | Messages | Chat Completions |\n",
        "| --- | --- | --- |\n",
    ]
    with Emulator() as server:
        for words, model, content, options in ASKED:
            cells = [
                _sent(server, protocol, model, content, options)
                for protocol in ("anthropic", "openai")
            ]
            lines.append(f"| {' | '.join([words, *cells])} |\n")
    return "".join(lines)


def _sent(
    server: Emulator,
    protocol: str,
    model: str,
    content: Any,
    options: Mapping[str, Any],
) -> str:
    chat = ChatMiniMax(
        model=model,
        protocol=protocol,
        api_key=server.api_key,
        base_url=server.base_url,
    )
    parts = [content] if isinstance(content, dict) else content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is not sent
        chat.invoke("Hello")
        chat.invoke([("human", parts)], **options)
    plain, body = (request.body for request in server.requests[-2:])
    if isinstance(content, dict):
        return f"a part of type `{body['messages'][-1]['content'][0]['type']}`"
    said = [
        _field(name, value)
        for name, value in body.items()
        if value != plain.get(name) or name in options
    ]
    return ", ".join(said) or "not sent"


def _field(name: str, value: Any) -> str:
    text = json.dumps(value)
    return f"`{name}: {text}`" if len(text) <= _SHORT else f"`{name}`"


# --- The table of addresses ----------------------------------------------------------

ADDRESSES = (
    "https://api.minimax.io",
    "https://api.minimax.io/anthropic",
    "http://localhost:8000",
    "http://localhost:8000/v1",
    "https://gw.example/minimax",
    "https://gw.example/anthropic",
    "https://gw.example/a/messages",
    "https://gw.example/b/chat/completions",
)


def addresses_table() -> str:
    """Where requests go, by what was given."""
    lines = [
        "| `base_url` | Path of Messages | of Chat Completions |\n",
        "| --- | --- | --- |\n",
    ]
    for given in ADDRESSES:
        urls = [
            resolve_url(given, "global", dialect) for dialect in (anthropic, openai)
        ]
        shown = [f"`{urlsplit(url).path}`" for url in urls]
        lines.append(f"| `{given}` | {' | '.join(shown)} |\n")
    return "".join(lines)


# --- What is generated ---------------------------------------------------------------

# `<!-- speed 3:9: begin, … -->` is of that table the lines 3 to 9.
_GENERATED = re.compile(
    r"(<!-- ((\w+)(?: (\d+):(\d*))?): begin, written by tests/test_docs\.py -->\n)"
    r".*?(<!-- \2: end -->)",
    re.DOTALL,
)

GENERATED: dict[str, Callable[[], str]] = {
    "models": models_table,
    "abilities": abilities_table,
    "wire": wire_table,
    "addresses": addresses_table,
    "prices": prices_table,
    "sources": model_sources,
    # What was measured last; GitHub shows no file inside of another.
    **{
        path.stem: partial(path.read_text, encoding="utf-8")
        for path in sorted((ROOT / "tests" / "figures").glob("*.md"))
    },
}


def pages_with_generated_parts() -> dict[Path, str]:
    pages = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    return {path: text for path, text in pages.items() if _GENERATED.search(text)}


def written(text: str) -> str:
    """The page with its generated parts as they should be."""
    return _GENERATED.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    begin, _, name, first, last, end = found.groups()
    lines = GENERATED[name]().splitlines(keepends=True)
    shown = "".join(lines[int(first or 1) - 1 : int(last) if last else None])
    return f"{begin}\n{shown.rstrip()}\n\n{end}"


def write() -> None:
    for path, text in pages_with_generated_parts().items():
        path.write_text(written(text), encoding="utf-8")


@pytest.mark.parametrize(
    "path", pages_with_generated_parts(), ids=lambda path: str(path.relative_to(DOCS))
)
def test_what_is_generated_is_what_would_be_generated(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == written(text), "run: python tests/test_docs.py --write"


def test_all_that_can_be_generated_stands_on_a_page() -> None:
    texts = pages_with_generated_parts().values()
    stands = {found[3] for text in texts for found in _GENERATED.finditer(text)}
    assert stands == {*GENERATED}


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


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "cookbook/README.md"]
)
def test_links_into_the_checkout_lead_somewhere(name: str) -> None:
    """Those of the pages in `docs` are checked when the site is built."""
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\](?:\(|: )([^)#\s]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    write()
