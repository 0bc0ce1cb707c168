"""`python -m langchain_minimax.testing` in a process of its own."""

import re
import signal
import subprocess
import sys
import threading

import httpx
import pytest

DEADLINE = 30


@pytest.fixture
def command():
    """Starts the command; whatever still runs after the test is killed."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "error",
                "-m",
                "langchain_minimax.testing",
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines_until(process, pattern):
    """What the process printed up to a match, or to its end."""
    guard = threading.Timer(DEADLINE, process.kill)
    guard.start()
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if found := re.search(pattern, printed):
                return found
    finally:
        guard.cancel()
    pytest.fail(f"{pattern!r} never came; it printed {printed!r}")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_told_to_end(command, ending):
    process = command("--port", "0", "--api-key", "sk-mine", "--log")
    base_url = lines_until(
        process, r"base_url\s+(http://127\.0\.0\.1:\d+/anthropic)\n"
    )[1]
    chat_url = lines_until(process, r"OpenAI\s+(http://127\.0\.0\.1:\d+/v1)\n")[1]
    lines_until(process, r"curl .*\n.*-d '(\{.*\})'\n")

    reply = httpx.post(
        f"{base_url}/v1/messages",
        headers={"x-api-key": "sk-mine"},
        json={"model": "MiniMax-M3", "messages": [{"role": "user", "content": "Hi"}]},
        timeout=DEADLINE,
    )
    lines_until(process, r"POST /anthropic/v1/messages -> 200, 1 messages, 0 tools\n")
    process.send_signal(ending)
    rest, _ = process.communicate(timeout=DEADLINE)

    assert reply.status_code == 200
    assert base_url.removesuffix("/anthropic") == chat_url.removesuffix("/v1")
    assert process.returncode == 0
    assert "Traceback" not in rest


def test_help_names_every_option(command):
    output, _ = command("--help").communicate(timeout=DEADLINE)

    for option in ("--port", "--host", "--api-key", "--log"):
        assert option in output


def test_listens_elsewhere_only_when_told(command):
    process = command("--port", "0", "--host", "localhost")

    assert lines_until(process, r"base_url\s+(http://localhost:\d+/anthropic)\n")
