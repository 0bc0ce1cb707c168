"""`.ci/links.py` finds every link of a built site that leads nowhere, and no other.

Pages that stand on GitHub and in the site name what they link to, and say where that is
once for each.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECKER = ROOT / ".ci" / "links.py"
GOOD = """<!doctype html><title>A site</title><link href="style.css" rel="stylesheet">
<h1 id="top-of-all">It <a href="#top-of-all">stands</a></h1>
<a href="guides/one.html">a page</a> <a href="guides/one.html#two%20words">its part</a>
<a href="guides/">a folder</a> <a href="/guides/one.html">from the root</a>
<a href="https://example.com/a?b=c#d">elsewhere</a> <a href="mailto:a@example.com">a</a>
<img src="picture.svg" alt=""><img src="data:image/png;base64,AA==" alt="">
"""


def looked_at(site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, CHECKER, site], check=False, capture_output=True, text=True
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "guides").mkdir()
    (tmp_path / "index.html").write_text(GOOD, encoding="utf-8")
    (tmp_path / "guides" / "index.html").write_text("<p>All guides")
    part = '<h2 id="two words">Two</h2><a href="../index.html#top">back</a>'
    (tmp_path / "guides" / "one.html").write_text(part)
    for name in ("style.css", "picture.svg"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_a_site_whose_links_lead_somewhere_passes(site: Path) -> None:
    seen = looked_at(site)
    assert seen.returncode == 0, seen.stdout
    assert seen.stdout == "Links that lead nowhere: 0.\n"


@pytest.mark.parametrize(
    ("tag", "trouble"),
    [
        ('<a href="two.html">', "'two.html': there is no such file"),
        ('<a href="one.html#three">', "'one.html#three': there is no such anchor"),
        ('<a href="#three">', "'#three': there is no such anchor"),
        ('<a href="/two.html">', "'/two.html': there is no such file"),
        ('<a href="../../secret.html">', "'../../secret.html': there is no such file"),
        ('<a href="../docs/">', "'../docs/': there is no such file"),
        ('<img src="../lost.svg" alt="">', "'../lost.svg': there is no such file"),
        ('<script src="lost.js"></script>', "'lost.js': there is no such file"),
        ('<a href="https://host/…">', "'https://host/…': this is no address"),
        ('<a href="https://host">', "'https://host': this is no address"),
        ('<a href="http://[::1">', "'http://[::1': Invalid IPv6 URL"),
        ('<a href="htps://a.io">', "'htps://a.io': there is no address of the kind"),
    ],
)
def test_one_that_leads_nowhere_is_named(site: Path, tag: str, trouble: str) -> None:
    page = site / "guides" / "one.html"
    page.write_text(page.read_text() + tag, encoding="utf-8")
    seen = looked_at(site)
    assert seen.returncode == 1
    assert f"guides/one.html: {trouble}" in seen.stdout
    assert seen.stdout.endswith("Links that lead nowhere: 1.\n")


def test_a_site_without_pages_is_none(tmp_path: Path) -> None:
    assert looked_at(tmp_path).returncode == 1


_USED = re.compile(r"\]\[(\w+)\]")
_DEFINED = re.compile(r"^\[(\w+)\]: ", re.MULTILINE)


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("CHANGELOG.md", "changelog.md"),
        ("CONTRIBUTING.md", "contributing.md"),
        ("SECURITY.md", "security.md"),
        ("cookbook/README.md", "cookbook.md"),
    ],
)
def test_what_a_page_links_to_is_defined_in_both_places(source: str, page: str) -> None:
    text = (ROOT / source).read_text(encoding="utf-8")
    shown = (ROOT / "docs" / page).read_text(encoding="utf-8")
    used = set(_USED.findall(text))
    assert f'"{source}:page"' in shown
    assert used == {*_DEFINED.findall(text)} == {*_DEFINED.findall(shown)}


def test_all_that_runs_in_the_cookbook_is_on_its_page() -> None:
    page = (ROOT / "cookbook" / "README.md").read_text(encoding="utf-8")
    cookbook = ROOT / "cookbook"
    scripts = [path for path in cookbook.glob("*.py") if "__main__" in path.read_text()]
    for path in [*scripts, *cookbook.glob("*.ipynb")]:
        assert f"]: {path.name}\n" in page, path.name
