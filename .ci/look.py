"""Opens the built documentation in a browser: pages in, pictures and faults out.

    .venv/bin/python .ci/look.py [--site site] [--to looks] [page …]

Each page, or those named (`guides/agents`), as wide as a desk and as a phone, light and
dark. Fails if one asks anybody but this machine for anything, is wider than the window,
lacks a picture or says an error in the console, or if the search finds nothing. Needs
the group `look` and a Chromium; nothing is let out of this machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Request,
    Response,
    TimeoutError,
    sync_playwright,
)

WIDTHS = {"wide": 1280, "narrow": 390}
HEIGHT = 800
SCHEMES = ("light", "dark")
SLICE = 8000  # pixels of a long page in one picture; Chromium draws 16,384 at most
ALONE = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")

TOO_WIDE = """() => {
  const page = document.documentElement
  return page.scrollWidth - page.clientWidth
}"""
SIZE = "() => [innerWidth, document.documentElement.scrollHeight]"
LOAD_PICTURES = """() => {
  for (const each of document.images) each.loading = "eager"
  return Promise.all([...document.images].map(each => each.decode().catch(() => 0)))
}"""
MISSING_PICTURES = """() => [...document.images]
  .filter(each => !each.naturalWidth).map(each => each.src)"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The site's address on this machine."""
    handler = partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Window:
    """A window of one width, light or dark, and what pages do in it."""

    def __init__(self, browser: Browser, address: str, kind: str, scheme: str) -> None:
        self.name = f"{kind}-{scheme}"
        self._address = address
        self._faults: list[str] = []
        size = {"width": WIDTHS[kind], "height": HEIGHT}
        context = browser.new_context(viewport=size, color_scheme=scheme)
        context.on("console", self._said)
        context.on("weberror", lambda error: self._faults.append(str(error.error)))
        context.on("request", self._asked)
        context.on("response", self._answered)
        self._page = context.new_page()

    def _said(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self._faults.append(said.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._address, "data:", "blob:")):
            self._faults.append(f"asks elsewhere: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST:
            self._faults.append(f"{response.status}: {response.url}")

    def look(self, name: str, to: Path) -> list[str]:
        """Opens a page and takes pictures of all of it: its faults."""
        self._faults = []
        self._page.goto(f"{self._address}/{name}", wait_until="networkidle")
        self._page.evaluate(LOAD_PICTURES)
        missing = self._page.evaluate(MISSING_PICTURES)
        self._faults += [f"no picture: {url}" for url in missing]
        if (pixels := self._page.evaluate(TOO_WIDE)) > 0:
            self._faults.append(f"{pixels} pixels wider than the window")
        self._picture(to / name.removesuffix(".html"))
        return self._faults

    def _picture(self, folder: Path) -> None:
        for old in folder.glob(f"{self.name}.*.png"):
            old.unlink()
        width, height = self._page.evaluate(SIZE)
        for number, top in enumerate(range(0, height, SLICE), start=1):
            self._page.screenshot(
                path=folder / f"{self.name}.{number}.png",
                full_page=True,
                clip={"x": 0, "y": top, "width": width, "height": SLICE},
            )

    def search(self) -> list[str]:
        """Asks the search of the first page for something that is there."""
        self._faults = []
        self._page.goto(f"{self._address}/index.html", wait_until="networkidle")
        self._page.keyboard.press("Control+k")
        self._page.keyboard.type("ChatMiniMax")
        try:
            self._page.get_by_text(re.compile(r"^\d+ results$")).wait_for()
        except TimeoutError:
            self._faults.append("the search finds nothing")
        return self._faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=Path("site"))
    parser.add_argument("--to", type=Path, default=Path("looks"))
    parser.add_argument("pages", nargs="*")
    told = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if not chromium:
        parser.error("no Chromium on PATH; on Debian: apt-get install chromium")
    every = sorted(
        str(path.relative_to(told.site)) for path in told.site.rglob("*.html")
    )
    pages = [f"{name}.html" for name in told.pages] or every
    wrong = []
    with served(told.site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ALONE)
        for kind, scheme in product(WIDTHS, SCHEMES):
            window = Window(browser, address, kind, scheme)
            wrong += [f"search, {window.name}: {each}" for each in window.search()]
            for page in pages:
                faults = window.look(page, told.to)
                wrong += [f"{page}, {window.name}: {each}" for each in faults]
    print(*wrong, f"{len(pages)} pages, {len(wrong)} faults; see {told.to}", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
