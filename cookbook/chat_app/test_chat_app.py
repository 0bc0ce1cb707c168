"""The chat app, driven in headless Chromium: `make chat-test`.

MiniMax is emulated. With `CHAT_PICTURES` set to a folder, screenshots are left there.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from tools import calculate, get_time, search_docs

from langchain_minimax.testing import Emulator, Fault, Reply, Text, Thinking, ToolUse

APP = Path(__file__).with_name("app.py")
CHROMIUM = shutil.which("chromium")


# --- The app, the browser, and a page ------------------------------------------------


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """The app in a process of its own; hands out its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # NiceGUI starts otherwise where it sees pytest's variables.
    ours = ("MINIMAX_", "PYTEST_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    with subprocess.Popen(
        [sys.executable, str(APP), "--port", str(port), "--no-browser"],
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if "ready to go" in line:
                    break
            else:
                pytest.fail("The app did not start:\n" + "".join(said))
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as server:
        yield server


@pytest.fixture(scope="module")
def address(emulator: Emulator) -> Iterator[str]:
    with served(
        MINIMAX_API_KEY=emulator.api_key, MINIMAX_BASE_URL=emulator.base_url
    ) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.exit("There is no chromium here: apt-get install chromium", 1)
    with sync_playwright() as playwright:
        # Chromium refuses to run its sandbox as root.
        sandbox = os.geteuid() != 0
        with playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=sandbox
        ) as chromium:
            yield chromium


Opener = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Opener]:
    """Opens pages, each in a browser session of its own; looks at what they asked for.

    Every request of every page, web sockets included, has to go to the app, and no page
    may complain.
    """
    asked, complaints, contexts = [], [], []

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):  # these go nowhere
            asked.append(request.url)

    def opened(url: str = address, **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = browser.new_context(**options)
        contexts.append(context)
        context.on("request", note)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.on("websocket", lambda websocket: asked.append(websocket.url))
        page.goto(url)
        expect(page.get_by_text("What would you like to know?")).to_be_visible()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert any(url.startswith("ws:") for url in asked)
    assert {urlsplit(url).hostname for url in asked} == {"127.0.0.1"}
    assert complaints == []


def ask(page: Page, question: str) -> None:
    page.get_by_label("Message").fill(question)
    page.get_by_label("Message").press("Enter")
    expect(page.locator(".bubble").last).to_have_text(question)


def until_done(page: Page) -> None:
    """Waits for the end of a turn; while it runs, the button says "Stop"."""
    expect(page.get_by_label("Send")).to_be_visible()


def usage(page: Page) -> list[int]:
    """The tokens of the last turn: in, from the cache, out, thinking."""
    line = page.locator(".usage").last.inner_text()
    numbers = re.findall(r"[\d,]*\d", line)
    return [int(number.replace(",", "")) for number in numbers[:4]]


def picture(width: int = 240, height: int = 240) -> bytes:
    """A PNG of the sun over the sea."""

    def colour(x: float, y: float) -> tuple[int, int, int]:
        if y > 0.65:
            return 20, int(150 - 110 * (y - 0.65)), 170
        if (x - 0.5) ** 2 + (y - 0.42) ** 2 < 0.03:
            return 255, 221, 120
        return int(255 - 60 * y), int(150 + 90 * y), int(110 + 80 * y)

    rows = (
        b"\0"
        + bytes(part for x in range(width) for part in colour(x / width, y / height))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def attach(page: Page, data: bytes, name: str = "sea.png") -> None:
    file = {"name": name, "mimeType": "image/png", "buffer": data}
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator(".composer img")).to_be_visible()


TAX = "What is left of 1,280 euros after 19 % of tax?"
CALL = Reply(
    [
        Thinking("19 % of it go, so 81 % stay. That is 1280 * 0.81; let me be exact."),
        ToolUse("calculate", {"expression": "1280 * (1 - 0.19)"}),
    ]
)
ANSWER = Reply(
    [
        Thinking("1036.8. I can say how it comes about, too."),
        Text(
            "You keep **1,036.80 euros**.\n\n| | euros |\n| --- | ---: |\n"
            "| before | 1,280.00 |\n| tax, 19 % | -243.20 |\n| left | 1,036.80 |\n"
        ),
    ]
)


streaming = pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="LangGraph needs Python 3.11 to hand out an agent's pieces asynchronously",
)


# --- The tests -----------------------------------------------------------------------


def test_a_turn_shows_thinking_call_result_answer_and_usage(
    open_page: Opener, emulator: Emulator
) -> None:
    emulator.clear()
    emulator.script(CALL, ANSWER)
    page = open_page()
    ask(page, TAX)
    until_done(page)

    thoughts = page.locator(".thought")
    expect(thoughts).to_have_text([re.compile("81 % stay"), re.compile("how it comes")])
    expect(thoughts.first.locator(".words")).to_be_hidden()
    thoughts.first.locator("summary").click()
    expect(thoughts.first.locator(".words")).to_be_visible()

    call = page.locator(".call")
    expect(call.locator(".name")).to_have_text("calculate")
    expect(call.locator(".arguments")).to_have_text(
        '{"expression":"1280 * (1 - 0.19)"}'
    )
    expect(call.locator(".result")).to_have_text("1036.8")

    expect(page.locator(".answer strong")).to_have_text("1,036.80 euros")
    expect(page.locator(".answer td")).to_have_count(6)
    order = page.locator(".steps > *").evaluate_all("all => all.map(e => e.className)")
    assert order == ["thought", "call", "thought", "nicegui-markdown answer"]

    replies = [request.reply_content for request in emulator.requests]
    assert len(replies) == 2
    assert [replay.verdict for replay in emulator.requests[1].replayed] == ["verbatim"]
    given, cached, said, thought = usage(page)
    assert given > cached >= 0
    assert said > thought > 0


def test_an_image_goes_to_the_model_and_the_next_turn_reads_the_cache(
    open_page: Opener, emulator: Emulator
) -> None:
    emulator.clear()
    page = open_page()
    attach(page, picture())
    ask(page, "Describe it. " + "Look closely. " * 200)  # long enough to be cached
    until_done(page)
    expect(page.locator(".question img")).to_be_visible()
    expect(page.locator(".composer img")).to_have_count(0)
    blocks = emulator.requests[-1].body["messages"][-1]["content"]
    [image] = [block for block in blocks if block["type"] == "image"]
    assert base64.b64decode(image["source"]["data"]) == picture()

    ask(page, "And what did I ask before?")
    until_done(page)
    _, cached, *_ = usage(page)
    assert cached > 0


def test_what_is_no_image_is_not_attached(open_page: Opener) -> None:
    page = open_page()
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"}
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("PNG, JPEG, GIF or WEBP")).to_be_visible()
    expect(page.locator(".composer img")).to_have_count(0)


@streaming
def test_thinking_is_seen_as_it_comes_and_stop_hangs_up(
    open_page: Opener, emulator: Emulator
) -> None:
    slow = Reply([Thinking("First this. " * 200), Text("Never said.")])
    emulator.script(Fault.stall(at_byte=6000, reply=slow))
    page = open_page()
    ask(page, "Think for long.")
    thought = page.locator(".thought")
    expect(thought.locator("summary")).to_contain_text("Thinking …")
    expect(thought.locator(".words")).to_contain_text("First this. First this.")
    expect(page.locator(".answer")).to_have_count(0)

    page.get_by_label("Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    until(lambda: not emulator.busy)

    ask(page, "Are you there?")
    expect(page.locator(".answer")).to_contain_text("Are you there?")


@streaming
def test_who_leaves_hangs_up(open_page: Opener, emulator: Emulator) -> None:
    emulator.script(Fault.stall(at_byte=600))
    page = open_page()
    ask(page, "Are you there?")
    until(lambda: emulator.busy)
    page.close()
    until(lambda: not emulator.busy)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Waits for what another thread does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([Fault.error(2013)], "MiniMaxInvalidRequestError"),
        ([Fault.error(1002, retry_after=0)] * 3, "MiniMaxRateLimitError"),
        pytest.param(
            [Fault.cut(at_byte=1500, reply="A long story. " * 20)],
            "MiniMaxStreamTruncatedError",
            marks=streaming,
        ),
    ],
    ids=["2013", "429", "cut"],
)
def test_an_error_is_said_and_the_thread_goes_on(
    open_page: Opener, emulator: Emulator, faults: list[Any], words: str
) -> None:
    page = open_page()
    ask(page, "Good morning")
    until_done(page)
    emulator.script(*faults)
    ask(page, "Hello")
    expect(page.locator(".error")).to_contain_text(words)
    until_done(page)

    # The question is in the box again, and not in the thread.
    expect(page.get_by_label("Message")).to_have_value("Hello")
    emulator.clear()
    ask(page, "Hello again")
    expect(page.locator(".answer").last).to_contain_text("Hello again")
    turns = emulator.requests[-1].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]


def test_a_tool_that_fails_is_shown_as_such(
    open_page: Opener, emulator: Emulator
) -> None:
    emulator.script(Reply([ToolUse("calculate", {"sum": 5})]), "I see.")
    page = open_page()
    ask(page, "What is it?")
    expect(page.locator(".result.error")).to_contain_text("Field required")
    expect(page.locator(".answer")).to_have_text("I see.")


def test_two_sessions_do_not_mix(open_page: Opener, emulator: Emulator) -> None:
    emulator.clear()
    one, other = open_page(), open_page()
    for number in ("first", "second"):
        ask(one, f"My {number} word is lighthouse.")
        ask(other, f"My {number} word is marmalade.")
    for page, own, strange in (
        (one, "lighthouse", "marmalade"),
        (other, "marmalade", "lighthouse"),
    ):
        expect(page.locator(".answer")).to_have_text([re.compile(own)] * 2)
        expect(page.get_by_text(strange)).to_have_count(0)
    said = [request.raw.decode() for request in emulator.requests]
    assert len(said) == 4
    assert not any("lighthouse" in raw and "marmalade" in raw for raw in said)


def test_a_reload_keeps_the_thread_and_a_new_chat_does_not(
    open_page: Opener, emulator: Emulator
) -> None:
    emulator.script(CALL, ANSWER)
    page = open_page()
    ask(page, TAX)
    until_done(page)
    steps = page.locator(".steps > *").all_inner_texts()
    line = page.locator(".usage").inner_text()
    page.reload()
    expect(page.locator(".usage")).to_have_text(line)
    assert page.locator(".steps > *").all_inner_texts() == steps

    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    expect(page.locator(".question")).to_have_count(0)


def test_what_the_model_writes_does_no_harm(
    open_page: Opener, emulator: Emulator
) -> None:
    emulator.clear()
    emulator.script(
        f"![stolen]({emulator.url}/?secret) <b>so</b> "
        '<img src=x onerror="document.title=1"><script>document.title = 2</script>'
    )
    page = open_page()
    with page.expect_event("requestfailed") as failed:
        ask(page, "Hello")
    assert failed.value.url == f"{emulator.url}/?secret"
    assert failed.value.failure == "csp"  # the browser did not even ask
    expect(page.locator(".answer b")).to_have_text("so")
    until_done(page)
    assert page.title() == "Chat with MiniMax-M3"
    assert not any("secret" in request.path for request in emulator.requests)


def test_without_a_key_the_page_says_that_it_is_an_emulator(open_page: Opener) -> None:
    with served() as url:
        page = open_page(url)
        expect(page.get_by_text("MINIMAX_API_KEY is not set")).to_be_visible()
        page.get_by_role("button", name="Calculate").click()
        expect(page.locator(".answer")).to_contain_text("52.5")
        expect(page.get_by_text("emulated", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("(17 + 4) * 2.5", "52.5"),
        ("-7 // 2 % 3", "2"),
        ("123456789 * 1000", "123456789000"),
        ("0.1 + 0.2", "0.3"),
        *[(bad, "I cannot") for bad in ("1 / 0", "2 ** 9", "x", "a(1)", "1 +", "")],
        ("+".join("1" * 10_000), "I cannot"),
    ],
)
def test_the_calculator(expression: str, result: str) -> None:
    assert calculate(expression).startswith(result)


def test_the_clock() -> None:
    assert re.match(r"\d\d:\d\d on \w+day", get_time("new york"))
    assert get_time("Atlantis") == "No time zone is named after Atlantis."


def test_the_search() -> None:
    assert search_docs("retries").startswith("guides/errors_and_retries.md")
    assert search_docs("zzzz") == "Nothing in the documentation has 'zzzz'."


def test_pictures(open_page: Opener, emulator: Emulator, tmp_path: Path) -> None:
    folder = Path(os.environ.get("CHAT_PICTURES") or tmp_path)
    seen = Reply(
        [
            Thinking("A low sun over a calm sea. Nothing in it has to be calculated."),
            Text("The **sun** low over a calm **sea**, under a warm sky."),
        ],
        usage={
            "input_tokens": 604,
            "cache_read_input_tokens": 1_216,  # what a longer thread would have
            "output_tokens": 28,
            "output_tokens_details": {"thinking_tokens": 15},
        },
    )
    for name, options in {
        "wide": {"viewport": {"width": 1280, "height": 940}},
        "narrow": {
            "viewport": {"width": 390, "height": 844},
            "color_scheme": "dark",
            "device_scale_factor": 2,
        },
    }.items():
        emulator.script(CALL, ANSWER, seen)
        page = open_page(**options)
        ask(page, TAX)
        until_done(page)
        attach(page, picture())
        ask(page, "And what is in this picture?")
        until_done(page)
        page.locator(".thought summary").last.click()
        expect(page.locator(".thought .words").last).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= options["viewport"]["width"]
        shot = folder / f"chat_app_{name}.png"
        page.screenshot(path=shot, animations="disabled")
        assert shot.stat().st_size < 200_000
