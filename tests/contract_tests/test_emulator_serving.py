"""Scripts, records, threads and sockets of the emulator."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from langchain_minimax.testing import Emulator, Fault, Raw, Reply

DEADLINE = 20
HELLO = [{"role": "user", "content": "Hello"}]


def post(server, path="/v1/messages", **fields):
    return httpx.post(
        server.base_url + path,
        headers={"x-api-key": server.api_key},
        json={"model": "MiniMax-M3", "messages": HELLO, **fields},
        timeout=DEADLINE,
    )


def said(response):
    return "".join(block.get("text", "") for block in response.json()["content"])


def test_the_script_is_spoken_in_order_and_then_the_brain_takes_over():
    script = ["one", Reply(stop_reason="max_tokens"), lambda _: lambda _: "three"]
    with Emulator(script) as server:
        replies = [post(server) for _ in range(4)]

    assert said(replies[0]) == "one"
    assert replies[1].json()["stop_reason"] == "max_tokens"
    assert said(replies[2]) == "three"
    assert said(replies[3]).startswith('You said "Hello"')


def test_functions_of_the_script_see_the_request():
    def answer(request):
        return f"{request.body['messages'][0]['content']} via {request.path}"

    with Emulator([answer]) as server:
        assert said(post(server)) == "Hello via /anthropic/v1/messages"


@pytest.mark.parametrize("item", [lambda _: 1 // 0, lambda _: 4711])
def test_a_broken_script_is_said_to_the_client(item):
    """With a status that no client tries again: the next answer would hide it."""
    with Emulator([item]) as server:
        response = post(server)

    assert response.status_code == 400
    assert "the emulator's script" in response.json()["error"]["message"]


@pytest.mark.parametrize("replies", ["hello", [4711], [{"a": 1}]])
def test_what_is_no_script_is_refused_at_once(replies):
    with pytest.raises(TypeError, match="answer"):
        Emulator(replies)


def test_a_script_can_be_continued():
    with Emulator(["one"]) as server:
        server.script("two", "three")
        assert [said(post(server)) for _ in range(3)] == ["one", "two", "three"]


def test_only_good_requests_to_the_messages_path_take_from_the_script():
    with Emulator(["kept"]) as server:
        post(server, messages=[])
        post(server, "/v1/messages/count_tokens")
        httpx.get(f"{server.base_url}/v1/models", headers={"x-api-key": server.api_key})
        httpx.post(f"{server.base_url}/v1/messages", json={})
        assert said(post(server)) == "kept"
        assert [r.status for r in server.requests] == [400, 200, 200, 401, 200]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages"),
        ("POST", "/anthropic/messages"),
        ("POST", "/anthropic/v1/messages/"),
        ("GET", "/anthropic/v1/messages"),
        ("GET", "/"),
    ],
)
def test_wrong_paths_are_a_plain_404(method, path):
    with Emulator() as server:
        response = httpx.request(method, server.url + path)
        [request] = server.requests

    assert (response.status_code, response.text) == (404, "404 page not found")
    assert response.headers["content-type"] == "text/plain"
    assert (request.method, request.path, request.status) == (method, path, 404)


def test_requests_are_recorded_as_they_came_and_can_be_forgotten():
    with Emulator() as server:
        raw = b'{"model":"MiniMax-M3", "messages": '
        httpx.post(
            f"{server.base_url}/v1/messages?beta=true",
            headers={"X-Api-Key": server.api_key, "X-Own": "Yes"},
            content=raw,
        )
        post(server)
        broken, good = server.requests
        server.clear()
        assert server.requests == []
        assert server.report() == ""

    assert (broken.raw, broken.body, broken.status) == (raw, None, 400)
    assert broken.path == "/anthropic/v1/messages"
    assert broken.headers["x-own"] == "Yes"
    assert good.body["messages"] == HELLO
    assert good.reply_content == [
        {"text": good.reply_content[0]["text"], "type": "text"}
    ]


def test_twenty_at_once_get_one_answer_each():
    with Emulator([f"answer {n}" for n in range(20)]) as server:
        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(lambda _: said(post(server)), range(20)))
        assert len(server.requests) == 20

    assert sorted(replies) == sorted(f"answer {n}" for n in range(20))


def test_connections_are_counted():
    with Emulator() as server:
        assert (server.connections, server.busy) == (0, False)
        with httpx.Client() as client:
            for _ in range(3):
                client.get(server.url)
        assert server.connections == 1
        httpx.get(server.url)
        assert server.connections == 2


def test_many_emulators_run_side_by_side():
    with Emulator(["left"]) as left, Emulator(["right"]) as right:
        assert left.url != right.url
        assert (said(post(right)), said(post(left))) == ("right", "left")


def test_starting_and_stopping():
    server = Emulator(["first", "second"])
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    server.start()
    with pytest.raises(RuntimeError, match="already running"):
        server.start()
    assert said(post(server)) == "first"
    port = int(server.url.rpartition(":")[2])
    server.stop()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/")
    with server:
        assert said(post(server)) == "second"


def test_a_taken_port_is_an_error():
    with Emulator() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Emulator(port=port).start()


def test_a_port_can_be_chosen():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Emulator(port=port) as server:
        assert server.base_url == f"http://127.0.0.1:{port}/anthropic"


@pytest.mark.parametrize(
    "answer", [Fault.stall(3, reply=Raw("data: x\n\n")), Fault.stall(reply="late")]
)
def test_stopping_breaks_off_open_replies_and_leaves_nothing_behind(answer):
    before = threading.active_count()
    arrived = threading.Event()

    def notice(_):
        arrived.set()
        return answer

    server = Emulator([notice])
    server.start()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post, server, stream=True)
        assert arrived.wait(DEADLINE)
        assert server.busy
        server.stop()
        assert isinstance(waiting.exception(DEADLINE), httpx.TransportError)
    assert threading.active_count() == before
    assert not server.requests[0].completed


def test_stopping_ends_idle_and_half_sent_connections():
    server = Emulator()
    server.start()
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as half_sent:
        half_sent.sendall(b"POST /anthropic/v1/messages HTTP/1.1\r\nHost: x\r\n")
        half_sent.sendall(b"Content-Length: 10\r\n\r\n{")
        with httpx.Client() as client:
            client.get(server.url)
            server.stop()
        with contextlib.suppress(ConnectionResetError):
            assert half_sent.recv(1) == b""


def test_a_client_may_leave_before_its_request_is_whole():
    with Emulator() as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
            client.sendall(b"POST /anthropic/v1/messages HTTP/1.1\r\nHost: x\r\n")
            client.sendall(b"Content-Length: 10\r\n\r\n{")
        assert post(server).status_code == 200
        assert len(server.requests) == 1


def test_nothing_is_logged_by_default(caplog):
    with caplog.at_level("INFO"), Emulator([Fault.cut(5), Fault.reset()]) as server:
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                post(server)
        post(server)

    speakers = {record.name.partition(".")[0] for record in caplog.records}
    assert not speakers & {"uvicorn", "starlette", "langchain_minimax"}


def test_the_fixture_of_the_plugin(pytester_like_run):
    code, output = pytester_like_run(
        'pytest_plugins = ["langchain_minimax.testing.pytest_plugin"]\n',
        "import urllib.error, urllib.request, pytest\n"
        "def test_it(minimax_emulator):\n"
        "    with pytest.raises(urllib.error.HTTPError) as caught:\n"
        "        urllib.request.urlopen(minimax_emulator.url)\n"
        "    caught.value.close()\n"
        "    assert minimax_emulator.requests[0].status == 404\n",
    )

    assert code == 0, output
    assert "1 passed" in output


@pytest.fixture
def pytester_like_run(tmp_path):
    def run(conftest, test):
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_it.py").write_text(test)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-W", "error", str(tmp_path)],
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def run_python(code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_is_light_until_an_emulator_is_made():
    run_python(
        "import sys, langchain_minimax.testing.pytest_plugin\n"
        "assert not {'starlette', 'uvicorn'} & set(sys.modules)"
    )


def test_a_missing_extra_is_named():
    output = run_python(
        "import sys\n"
        "sys.modules['starlette'] = None\n"
        "from langchain_minimax.testing import Emulator\n"
        "try:\n    Emulator()\n"
        "except ImportError as error:\n    print(error)"
    )

    assert 'pip install "langchain-minimax[testing]"' in output
