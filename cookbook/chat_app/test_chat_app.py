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
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from composer import KINDS, LARGEST, MOST, kind_of
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from tools import calculate, get_time, search_docs

from langchain_minimax.testing import Emulator, Fault, Reply, Text, Thinking, ToolUse

APP = Path(__file__).with_name("app.py")
CHROMIUM = shutil.which("chromium")


# --- The app, the browser, and a page ------------------------------------------------


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Waits for what another thread does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    *command: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The app in a process of its own; hands out its address, and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # NiceGUI starts otherwise where it sees pytest's variables.
    ours = ("MINIMAX_", "PYTEST_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    with subprocess.Popen(
        [sys.executable, *command, "--port", str(port), "--no-browser"],
        cwd=APP.parent,
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
            until(lambda: listens(port))  # it says so a little before
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.terminate()


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """Hands out the address only."""
    with running(str(APP), **environment) as (url, _):
        yield url


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


@pytest.mark.parametrize(
    "data",
    [b"<svg onload='alert(1)'>", picture() + bytes(LARGEST)],
    ids=["no image", "too large"],
)
def test_the_server_looks_at_an_upload_itself(open_page: Opener, data: bytes) -> None:
    page = open_page()
    with page.expect_request("**/upload/*") as request:
        attach(page, picture())
    # Sent without the page, and so without the browser's own checks.
    sent = httpx.post(request.value.url, files={"file": ("sea.png", data, "image/png")})
    assert sent.status_code == HTTPStatus.OK
    expect(page.get_by_text("PNG, JPEG, GIF or WEBP")).to_be_visible()
    expect(page.locator(".composer img")).to_have_count(1)


def test_images_of_a_question_are_limited(open_page: Opener) -> None:
    page = open_page()
    file = {"name": "sea.png", "mimeType": "image/png", "buffer": picture(8, 8)}
    page.locator("input[type=file]").set_input_files([file] * (MOST + 1))
    expect(page.get_by_text(f"{MOST} images at most")).to_be_visible()
    expect(page.locator(".composer img")).to_have_count(MOST)


def test_a_kind_is_told_by_the_first_bytes() -> None:
    beginnings = [
        *(picture(1, 1), b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\n\0\0\0WEBPVP8 ")
    ]
    assert [kind_of(data) for data in beginnings] == list(KINDS)
    assert [kind_of(data) for data in (b"", b"RIFF\n\0\0\0WAVE", b"<svg>")] == [
        None
    ] * 3


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
        f"![stolen]({emulator.url}/?secret) **so** "
        '<img src=x onerror="document.title=1"><script>document.title = 2</script>'
    )
    page = open_page()
    with page.expect_event("requestfailed") as failed:
        ask(page, "Hello")
    assert failed.value.url == f"{emulator.url}/?secret"
    assert failed.value.failure == "csp"  # the browser did not even ask
    expect(page.locator(".answer strong")).to_have_text("so")
    until_done(page)
    assert page.title() == "Chat with MiniMax-M3"
    assert not any("secret" in request.path for request in emulator.requests)


COVER = '<div style="position:fixed;inset:0;z-index:99999">{}</div>'


@pytest.mark.parametrize(
    "payload",
    [
        "<style>header{display:none !important}</style>",
        COVER.format('Your session ended. <a href="https://x.org">Log in again</a>'),
        '<div class="fullscreen bg-white z-max">Log in again</div>',
        '<form action="https://x.org"><input name="key"></form>',
        "<scr<script>ipt> <style",
    ],
    ids=["style", "cover", "class", "form", "torn"],
)
def test_what_the_model_writes_stays_text(
    open_page: Opener, emulator: Emulator, payload: str
) -> None:
    emulator.clear()
    emulator.script(f"So.\n\n{payload}\n\nAnd {payload}")
    page = open_page()
    ask(page, "Hello")
    until_done(page)
    answer = page.locator(".answer")
    expect(answer.locator("p")).to_have_text(["So.", payload, f"And {payload}"])
    kinds = answer.locator("*").evaluate_all("all => all.map(e => e.localName)")
    assert set(kinds) == {"p"}
    assert page.locator("header").is_visible()
    page.get_by_role("button", name="New chat").click()  # nothing lies over it
    expect(page.get_by_text("What would you like to know?")).to_be_visible()


def test_nothing_in_an_answer_is_painted_outside_it(open_page: Opener) -> None:
    page = open_page()
    ask(page, "Hello")
    until_done(page)
    page.locator(".answer").evaluate(
        "(answer, html) => { answer.innerHTML = html; }", COVER.format("Log in")
    )
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()


def test_code_lists_and_tables_are_shown_as_they_are_meant(
    open_page: Opener, emulator: Emulator
) -> None:
    emulator.script(
        "Is `a < b && <i>` in snake_case_names, ~~no~~ 3 < 4 & 5?\n"
        "- one\n- two\n\n"
        '```python\nif a < b & c:\n    print("<b>")\n```\n\n'
        "```\nplain <style>\n```\n\n"
        "| x < y | `<td>` |\n| --- | ---: |\n| 1 | [a](https://x.org/?a=1&b=2) |\n"
        "\n[b](javascript:alert(1))\n"
    )
    page = open_page()
    ask(page, "Hello")
    until_done(page)
    answer = page.locator(".answer")
    expect(answer.locator("p").first).to_have_text(
        "Is a < b && <i> in snake_case_names, no 3 < 4 & 5?"
    )
    expect(answer.locator("p code")).to_have_text("a < b && <i>")
    expect(answer.locator("p s")).to_have_text("no")
    expect(answer.locator("li")).to_have_text(["one", "two"])
    coded = answer.locator("pre").all_inner_texts()
    assert [text.rstrip() for text in coded] == [
        'if a < b & c:\n    print("<b>")',
        "plain <style>",
    ]
    keyword, plain = answer.locator("pre span.k"), answer.locator("pre").first
    expect(keyword).to_have_text("if")
    colour = "e => getComputedStyle(e).color"
    assert keyword.evaluate(colour) != plain.evaluate(colour)
    expect(answer.locator("th")).to_have_text(["x < y", "<td>"])
    expect(answer.locator("td a")).to_have_attribute("href", "https://x.org/?a=1&b=2")
    expect(answer.locator("a")).to_have_count(1)


SOCKET = "_nicegui_ws/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize("path", ["", SOCKET])
def test_only_this_machine_is_answered(address: str, path: str) -> None:
    port = urlsplit(address).port
    for host in ("127.0.0.1", "localhost"):
        assert httpx.get(f"http://{host}:{port}/{path}").status_code == HTTPStatus.OK
    for host in ("rebound.example", f"rebound.example:{port}", "127.0.0.1.example"):
        answer = httpx.get(address + path, headers={"Host": host})
        assert answer.status_code == HTTPStatus.BAD_REQUEST


def test_only_its_own_page_is_let_to_the_socket(address: str) -> None:
    port = urlsplit(address).port
    for host in ("127.0.0.1", "localhost"):
        own = httpx.get(address + SOCKET, headers={"Origin": f"http://{host}:{port}"})
        assert own.status_code == HTTPStatus.OK
    for origin in ("https://x.org", f"http://127.0.0.1:{port + 1}", "null"):
        strange = httpx.get(address + SOCKET, headers={"Origin": origin})
        assert strange.status_code == HTTPStatus.BAD_REQUEST
        assert "Access-Control-Allow-Origin" not in strange.headers
        handshake = {
            "Origin": origin,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(b"0" * 16).decode(),
        }
        socket_address = address + SOCKET.replace("polling", "websocket")
        refused = httpx.get(socket_address, headers=handshake)
        assert refused.status_code == HTTPStatus.FORBIDDEN


IMPATIENT = """
from nicegui import Client, app as server, ui

def forgotten():
    server.timer(1, lambda: print("forgotten", flush=True), once=True)

server.on_delete(forgotten)
server.timer(0.2, lambda: Client.prune_instances(client_age_threshold=0))
__import__("app").main()
"""


def test_who_opens_no_socket_leaves_no_traceback() -> None:
    # NiceGUI forgets a page without a socket after a minute; this one, sooner.
    with running("-c", IMPATIENT) as (url, process):
        assert httpx.get(url).status_code == HTTPStatus.OK
        said = list(iter(process.stdout.readline, "forgotten\n"))
    assert said == []


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
        *[(bad, "I cannot") for bad in ("2 ** 9", "x", "a(1)", "1 +", "", "\0")],
        ("True + 1", "I cannot calculate 'True + 1', only numbers"),
        ("1 / 0", "I cannot calculate '1 / 0': it divides by zero."),
        ("1e308 * 10", "I cannot calculate '1e308 * 10': a number in it becomes too"),
        ("1e999 - 1e999", "I cannot calculate '1e999 - 1e999': a number in it becomes"),
        ("9" * 400, "I cannot"),
        ("-" * 7_000 + "1", "I cannot calculate more than 1,000 characters."),
        ("-" * 996 + "1", ("1", "I cannot")),  # Pythons nest to different depths
        ("(" * 500 + "1" + ")" * 500, ("1", "I cannot")),
    ],
)
def test_the_calculator(expression: str, result: str | tuple[str, ...]) -> None:
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
