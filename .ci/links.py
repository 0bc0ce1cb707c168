"""A built site in, each of its links that leads nowhere out: `links.py site`.

Looks at pages, anchors, pictures, scripts and styles, without a network. Of addresses
elsewhere only the form is looked at. LinkChecker 10.6.0 finds the same, but needs more
than two minutes for what takes this a second, and changes its user when root calls it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

_LINKS = ("href", "src", "poster", "data", "action", "xlink:href")
_ELSEWHERE = re.compile(r"(localhost|127\.0\.0\.1|([\w-]+\.)+[a-z]{2,})(:\d+)?")
_OF_NO_PLACE = ("data", "mailto")


@dataclass
class Page(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    path: Path
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=lambda: {"", "top"})

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value for name, value in attrs if value is not None}
        names = ("id", "name") if tag == "a" else ("id",)
        self.anchors |= {said[name] for name in names if name in said}
        if tag != "base":
            self.links += [said[name] for name in _LINKS if name in said]
            sizes = said.get("srcset", "").split(",")
            self.links += [size.split()[0] for size in sizes if size.strip()]

    def __hash__(self) -> int:
        return hash(self.path)


def broken(site: Path) -> Iterator[str]:
    """A line for each link that leads nowhere."""
    pages = {path: Page(path) for path in sorted(site.resolve().rglob("*.html"))}
    if not pages:
        yield f"{site}: there is no page"
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            trouble = _trouble(link, path, site.resolve(), pages)
            if trouble:
                yield f"{path.relative_to(site.resolve())}: {link!r}: {trouble}"


def _trouble(
    link: str, origin: Path, site: Path, pages: Mapping[Path, Page]
) -> str | None:
    try:
        parts = urlsplit(link)
    except ValueError as error:
        return str(error)
    if parts.scheme in _OF_NO_PLACE:
        return None
    if parts.scheme or parts.netloc:
        return _trouble_elsewhere(parts)
    target = _target(unquote(parts.path), origin, site)
    if not target.is_relative_to(site) or not target.is_file():
        return "there is no such file"
    if target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "there is no such anchor"
    return None


def _target(path: str, origin: Path, site: Path) -> Path:
    if not path:
        return origin
    start = site if path.startswith("/") else origin.parent
    target = (start / path.lstrip("/")).resolve()
    return target / "index.html" if target.is_dir() else target


def _trouble_elsewhere(parts: SplitResult) -> str | None:
    if parts.scheme not in ("http", "https"):
        return f"there is no address of the kind {parts.scheme!r}"
    if not _ELSEWHERE.fullmatch(parts.netloc) or re.search(r"[\s…]", parts.geturl()):
        return "this is no address"
    return None


def main(sites: Iterable[str]) -> int:
    lines = [line for site in sites for line in broken(Path(site))]
    print("\n".join([*lines, f"Links that lead nowhere: {len(lines)}."]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["site"]))
