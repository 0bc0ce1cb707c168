from __future__ import annotations

import asyncio
import io
import json
import os
import pickle
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timezone
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from pydantic import ValidationError

from langchain_minimax import (
    ChatMiniMax,
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxFile,
    MiniMaxFiles,
    MiniMaxInvalidRequestError,
    MiniMaxOverloadedError,
    MiniMaxResponseError,
    MiniMaxTimeoutError,
)
from langchain_minimax.files import _PIECE

KEY = "sk-api-0123456789abcdefghijklmnop"
GONE = {"base_resp": {"status_code": 0, "status_msg": "success"}}
WIRE = {
    "file_id": 412682927715209,
    "bytes": 4,
    "created_at": 1786000000,
    "filename": "cat.mp4",
    "purpose": "video_understanding",
}
FILE = MiniMaxFile(
    file_id=412682927715209,
    bytes=4,
    created_at=datetime(2026, 8, 6, 7, 6, 40, tzinfo=timezone.utc),
    filename="cat.mp4",
    purpose="video_understanding",
)
UPLOADED = {"file": WIRE, **GONE}


def _sync(files: MiniMaxFiles, verb: str, *args: Any, **options: Any) -> Any:
    return getattr(files, verb)(*args, **options)


def _async(files: MiniMaxFiles, verb: str, *args: Any, **options: Any) -> Any:
    return asyncio.run(getattr(files, f"a{verb}")(*args, **options))


each_way = pytest.mark.parametrize("ask", [_sync, _async], ids=["sync", "async"])


class Server:
    """Gives its answers in order, and keeps the requests."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer, headers={"trace-id": "0697"})

    def connect(self, **fields: Any) -> MiniMaxFiles:
        transport = httpx.MockTransport(self)
        return MiniMaxFiles(
            **{
                "api_key": KEY,
                "base_url": None,
                "region": "global",
                "max_retries": 0,
                "http_client": httpx.Client(transport=transport),
                "http_async_client": httpx.AsyncClient(transport=transport),
                **fields,
            }
        )


def parts(request: httpx.Request) -> dict[str, Any]:
    """The parts of a form by their names."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    payload: Any = message_from_bytes(head + request.content).get_payload()
    return {
        each.get_param("name", header="content-disposition"): each for each in payload
    }


def sent(request: httpx.Request) -> bytes:
    return parts(request)["file"].get_payload(decode=True)


def busy() -> httpx.Response:
    return httpx.Response(529, text="busy", headers={"retry-after": "0"})


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    path = tmp_path / "cat.mp4"
    path.write_bytes(b"meow")
    return path


# --- What is asked and answered ------------------------------------------------------


@each_way
@pytest.mark.parametrize("spelling", [str, Path])
def test_a_file_is_uploaded(ask: Any, spelling: Callable[[Path], Any], cat: Path):
    server = Server(UPLOADED)
    assert ask(server.connect(), "upload", spelling(cat)) == FILE
    (request,) = server.requests
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.minimax.io/v1/files/upload",
    )
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["user-agent"].startswith("langchain-minimax/")
    assert int(request.headers["content-length"]) == len(request.content)
    assert "transfer-encoding" not in request.headers
    form = parts(request)
    assert list(form) == ["purpose", "file"]
    assert form["purpose"].get_payload() == "video_understanding"
    assert form["file"].get_filename() == "cat.mp4"
    assert form["file"].get_content_type() == "video/mp4"
    assert sent(request) == b"meow"


@each_way
def test_files_are_listed(ask: Any):
    server = Server({"files": [WIRE, {**WIRE, "file_id": "7"}], **GONE})
    first, second = ask(server.connect(region="china"), "list")
    assert (first, second.file_id) == (FILE, 7)
    assert str(server.requests[0].url) == (
        "https://api.minimax.cn/v1/files/list?purpose=video_understanding"
    )
    assert server.requests[0].method == "GET"
    assert "content-type" not in server.requests[0].headers


@each_way
@pytest.mark.parametrize("empty", [[], None])
def test_an_empty_list(ask: Any, empty: Any):
    server = Server({"files": empty, **GONE})
    assert ask(server.connect(), "list", "voice_clone") == []
    assert server.requests[0].url.params["purpose"] == "voice_clone"


@each_way
@pytest.mark.parametrize("given", [7, "7", "mm_file://7", FILE])
def test_a_file_is_retrieved(ask: Any, given: Any):
    server = Server({"file": {**WIRE, "download_url": "https://cdn/x"}, **GONE})
    file = ask(server.connect(), "retrieve", given)
    assert file.download_url == "https://cdn/x"
    expected = FILE.file_id if given is FILE else 7
    assert str(server.requests[0].url) == (
        f"https://api.minimax.io/v1/files/retrieve?file_id={expected}"
    )


@each_way
@pytest.mark.parametrize(
    ("given", "options", "body"),
    [
        (7, {}, {"file_id": 7, "purpose": "video_understanding"}),
        ("mm_file://7", {}, {"file_id": 7, "purpose": "video_understanding"}),
        (7, {"purpose": "a"}, {"file_id": 7, "purpose": "a"}),
        (
            MiniMaxFile(8, 1, FILE.created_at, "a.mp3", "voice_clone"),
            {},
            {"file_id": 8, "purpose": "voice_clone"},
        ),
    ],
)
def test_a_file_is_deleted(ask: Any, given: Any, options: Any, body: Any):
    server = Server({"file_id": 7, **GONE})
    assert ask(server.connect(), "delete", given, **options) is None
    assert server.requests[0].url.path == "/v1/files/delete"
    assert json.loads(server.requests[0].content) == body


@each_way
@pytest.mark.parametrize("verb", ["retrieve", "delete"])
@pytest.mark.parametrize("given", ["cat.mp4", "", -1, "mm_file://"])
def test_what_is_no_id_is_not_sent(ask: Any, verb: str, given: Any):
    server = Server()
    with pytest.raises(MiniMaxInvalidRequestError, match=r"`file\.file_id`"):
        ask(server.connect(), verb, given)


# --- In a message --------------------------------------------------------------------


def test_a_file_makes_a_block():
    assert FILE.url == "mm_file://412682927715209"
    assert FILE.block() == {"type": "video", "url": FILE.url}
    assert FILE.block(fps=0.5, detail="low") == {
        "type": "video",
        "url": FILE.url,
        "extras": {"detail": "low", "fps": 0.5},
    }


def test_langchain_knows_the_block_as_its_own():
    block = FILE.block(max_long_side_pixel=640)
    assert HumanMessage([block]).content_blocks == [block]


def test_a_model_sends_the_block():
    bodies = []

    def reply(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        text = {"type": "text", "text": "A cat."}
        return httpx.Response(200, json={"content": [text], "stop_reason": "end_turn"})

    client = httpx.Client(transport=httpx.MockTransport(reply))
    model = ChatMiniMax(model="MiniMax-M3", api_key=KEY, http_client=client)
    model.invoke([HumanMessage([FILE.block(fps=2)])])
    (part,) = bodies[0]["messages"][0]["content"]
    assert part["type"] == "video"
    assert part["source"] == {"type": "url", "url": FILE.url, "fps": 2}


def test_a_file_is_a_value():
    assert pickle.loads(pickle.dumps(FILE)) == FILE
    assert len({FILE, FILE}) == 1


# --- Where the bytes come from -------------------------------------------------------


class Pipe(io.RawIOBase):
    """Can be read once, like a pipe or a response."""

    def __init__(self, content: bytes) -> None:
        self._left = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._left.read(size)


@each_way
@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_an_open_file_is_uploaded_and_stays_open(ask: Any, kind: Any):
    server = Server(UPLOADED)
    file = kind(b"meow")
    ask(server.connect(), "upload", file, filename="/tmp/x/Cat.MOV")
    assert sent(server.requests[0]) == b"meow"
    assert parts(server.requests[0])["file"].get_filename() == "Cat.MOV"
    assert parts(server.requests[0])["file"].get_content_type() == "video/quicktime"
    assert not file.closed


@each_way
def test_an_open_file_tells_its_own_name(ask: Any, cat: Path):
    server = Server(UPLOADED)
    with cat.open("rb") as file:
        ask(server.connect(), "upload", file)
    assert parts(server.requests[0])["file"].get_filename() == "cat.mp4"


@each_way
@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_an_open_file_is_sent_again_from_where_it_stood(ask: Any, kind: Any):
    server = Server(busy(), busy(), UPLOADED)
    file = kind(b"<head>meow")
    file.read(6)
    ask(server.connect(max_retries=2), "upload", file, filename="cat.mp4")
    assert [sent(each) for each in server.requests] == [b"meow"] * 3


@each_way
def test_a_path_is_opened_anew_for_each_attempt(ask: Any, cat: Path):
    server = Server(busy(), httpx.ConnectError("no"), UPLOADED)
    assert ask(server.connect(max_retries=2), "upload", cat) == FILE
    assert [sent(each) for each in server.requests] == [b"meow"] * 3


@each_way
def test_other_purposes_take_other_formats(ask: Any, tmp_path: Path):
    path = tmp_path / "voice.mp3"
    path.write_bytes(b"la")
    server = Server({"file": {**WIRE, "purpose": "voice_clone"}, **GONE})
    file = ask(server.connect(), "upload", path, purpose="voice_clone")
    assert file.purpose == "voice_clone"
    assert parts(server.requests[0])["purpose"].get_payload() == "voice_clone"


class Swallowing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Keeps nothing of what it is sent but the sizes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        stream: Any = request.stream
        pieces: Iterator[bytes] = iter(stream)
        self.sizes += [len(piece) for piece in pieces]
        return httpx.Response(200, json=UPLOADED)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        stream: Any = request.stream
        pieces: AsyncIterator[bytes] = aiter(stream)
        self.sizes += [len(piece) async for piece in pieces]
        return httpx.Response(200, json=UPLOADED)


@each_way
def test_a_large_file_is_never_in_memory_as_a_whole(ask: Any, tmp_path: Path):
    path, size = tmp_path / "large.mkv", 200 * 2**20
    with path.open("wb") as file:
        file.truncate(size)
    transport = Swallowing()
    files = Server().connect(
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )
    ask(files, "list")  # what is imported late is imported now
    transport.sizes.clear()
    tracemalloc.start()
    try:
        ask(files, "upload", path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(transport.sizes) == _PIECE
    assert sum(transport.sizes) > size
    assert peak < 8 * 2**20


# --- Progress ------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("size", [1, _PIECE - 1, _PIECE, _PIECE + 1, 3 * _PIECE])
def test_progress_is_told_as_bytes_go_out(ask: Any, size: int, tmp_path: Path):
    path = tmp_path / "cat.avi"
    path.write_bytes(os.urandom(size))
    told: list[tuple[int, int]] = []
    server = Server(UPLOADED)
    ask(server.connect(), "upload", path, progress=lambda *now: told.append(now))
    assert told == [
        *((gone, size) for gone in range(_PIECE, size, _PIECE)),
        (size, size),
    ]
    assert sent(server.requests[0]) == path.read_bytes()


@each_way
def test_progress_never_steps_back(ask: Any, tmp_path: Path):
    """An attempt that is repeated starts again; what was told stays told."""
    path, size = tmp_path / "cat.mp4", 4 * _PIECE
    path.write_bytes(bytes(size))
    told: list[int] = []

    class Breaking(Swallowing):
        def _taken(self) -> int:
            return 3 if not self.sizes else 99

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            stream: Any = request.stream
            first = self._taken()
            for count, piece in enumerate(stream):
                self.sizes.append(len(piece))
                if count == first:
                    raise httpx.WriteError("broken pipe")
            return httpx.Response(200, json=UPLOADED)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            stream: Any = request.stream
            first, count = self._taken(), 0
            async for piece in stream:
                self.sizes.append(len(piece))
                if count == first:
                    raise httpx.WriteError("broken pipe")
                count += 1
            return httpx.Response(200, json=UPLOADED)

    transport = Breaking()
    files = Server().connect(
        max_retries=1,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )
    ask(files, "upload", path, progress=lambda gone, _: told.append(gone // _PIECE))
    assert told == [1, 2, 3, 4]


# --- What is not sent ----------------------------------------------------------------


def _refused(ask: Any, match: str, *args: Any, **options: Any) -> str:
    server = Server()
    with pytest.raises(MiniMaxInvalidRequestError, match=match) as caught:
        ask(server.connect(), "upload", *args, **options)
    assert not server.requests
    return str(caught.value)


@each_way
def test_a_file_that_is_not_there(ask: Any, tmp_path: Path):
    _refused(ask, r"no file '.*cat\.mp4'.*Check the path", tmp_path / "cat.mp4")


@each_way
def test_a_folder(ask: Any, tmp_path: Path):
    _refused(ask, "cannot be read", tmp_path)


@each_way
@pytest.mark.parametrize("name", ["cat.webm", "cat", "cat.mp3", ".mp4"])
def test_a_format_that_is_not_looked_at(ask: Any, name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(b"meow")
    _refused(ask, "MP4, MOV, AVI and MKV", path)


@each_way
def test_an_empty_file(ask: Any, tmp_path: Path):
    path = tmp_path / "cat.mp4"
    path.touch()
    _refused(ask, "nothing in 'cat.mp4'", path)


@each_way
def test_a_file_at_its_end(ask: Any, cat: Path):
    with cat.open("rb") as file:
        file.read()
        _refused(ask, "at its end", file)


@each_way
def test_a_file_that_is_too_large(ask: Any, tmp_path: Path):
    path = tmp_path / "cat.mp4"
    with path.open("wb") as file:
        file.truncate(512 * 2**20 + 1)
    _refused(ask, "up to 512 MB", path)


@each_way
def test_a_file_without_a_name(ask: Any):
    _refused(ask, "`filename`", io.BytesIO(b"meow"))


@each_way
@pytest.mark.parametrize("given", [b"meow", io.StringIO("meow"), 7, None])
def test_what_is_no_file(ask: Any, given: Any):
    _refused(ask, r"binary mode.*`io\.BytesIO`", given, filename="cat.mp4")


@each_way
def test_a_file_that_was_closed(ask: Any):
    file = io.BytesIO(b"meow")
    file.close()
    _refused(ask, "closed file", file, filename="cat.mp4")


@each_way
def test_a_file_that_shrinks_on_the_way(ask: Any, tmp_path: Path):
    path = tmp_path / "cat.mp4"
    path.write_bytes(bytes(2 * _PIECE))
    server = Server(UPLOADED)
    with pytest.raises(MiniMaxInvalidRequestError, match="became shorter"):
        ask(
            server.connect(max_retries=2),
            "upload",
            path,
            progress=lambda *_: os.truncate(path, _PIECE),
        )


@each_way
def test_a_file_that_grows_on_the_way_is_sent_as_it_was(ask: Any, cat: Path):
    server = Server(busy(), UPLOADED)

    def grow(*_: int) -> None:
        with cat.open("ab") as file:
            file.write(b"!")

    ask(server.connect(max_retries=1), "upload", cat, progress=grow)
    assert [sent(each) for each in server.requests] == [b"meow"] * 2


@each_way
def test_a_file_that_is_gone_for_the_second_attempt(ask: Any, cat: Path):
    server = Server(busy())
    with pytest.raises(MiniMaxInvalidRequestError, match="no file"):
        ask(
            server.connect(max_retries=2),
            "upload",
            cat,
            progress=lambda *_: cat.unlink(),
        )


# --- What goes wrong -----------------------------------------------------------------

each_call = pytest.mark.parametrize("verb", ["upload", "list", "retrieve", "delete"])


def _call(ask: Any, files: MiniMaxFiles, verb: str) -> Any:
    if verb == "upload":
        return ask(files, verb, io.BytesIO(b"meow"), filename="cat.mp4")
    return ask(files, verb, *([] if verb == "list" else [7]))


def _base(code: int, message: str) -> dict[str, Any]:
    return {
        "file": None,
        "base_resp": {"status_code": code, "status_msg": message},
    }


@each_way
@each_call
def test_a_wrong_key(ask: Any, verb: str):
    server = Server(_base(1004, f"login fail: {KEY}"))
    with pytest.raises(MiniMaxAuthenticationError, match="MINIMAX_API_KEY") as caught:
        _call(ask, server.connect(max_retries=2), verb)
    assert caught.value.code == 1004
    assert caught.value.status_code == 200
    assert caught.value.request_id == "0697"
    assert KEY not in str(caught.value)
    assert KEY not in repr(vars(caught.value))
    assert len(server.requests) == 1


@each_way
@each_call
def test_a_refusal(ask: Any, verb: str):
    server = Server(_base(2013, "invalid params, invalid file purpose"))
    with pytest.raises(MiniMaxInvalidRequestError, match="invalid file purpose"):
        _call(ask, server.connect(max_retries=2), verb)
    assert len(server.requests) == 1


@each_way
@each_call
def test_a_page_of_a_proxy(ask: Any, verb: str):
    server = Server(httpx.Response(200, html="<html>Sign in</html>"))
    with pytest.raises(MiniMaxResponseError, match=r"Sign in.*`proxy`"):
        _call(ask, server.connect(), verb)


@each_way
@pytest.mark.parametrize(
    ("verb", "reply"),
    [
        ("upload", GONE),
        ("upload", {"file": {"bytes": 4}, **GONE}),
        ("retrieve", {"file": {**WIRE, "file_id": "cat"}, **GONE}),
        ("retrieve", {"file": {**WIRE, "created_at": 10**30}, **GONE}),
        ("list", {"files": "none", **GONE}),
        ("list", {"files": [None], **GONE}),
    ],
)
def test_a_reply_that_describes_no_file(ask: Any, verb: str, reply: Any):
    with pytest.raises(MiniMaxResponseError, match="Files API") as caught:
        _call(ask, Server(reply).connect(), verb)
    assert caught.value.request_id == "0697"


@each_way
@each_call
def test_no_connection(ask: Any, verb: str):
    server = Server(httpx.ConnectError("Connection refused"))
    with pytest.raises(MiniMaxConnectionError, match=r"api\.minimax\.io.*refused"):
        _call(ask, server.connect(), verb)


@each_way
@each_call
def test_a_connection_that_was_cut(ask: Any, verb: str):
    server = Server(httpx.RemoteProtocolError("peer closed connection"))
    with pytest.raises(MiniMaxConnectionError, match="peer closed"):
        _call(ask, server.connect(), verb)


@each_way
def test_a_server_that_does_not_answer(ask: Any, cat: Path):
    server = Server(httpx.ReadTimeout("timed out"))
    with pytest.raises(MiniMaxTimeoutError, match="send a smaller file"):
        ask(server.connect(timeout=httpx.Timeout(1)), "upload", cat)


@each_way
def test_an_upload_takes_no_longer_than_it_may(ask: Any, tmp_path: Path):
    """However steadily it goes on."""
    path, server = tmp_path / "cat.mp4", Server(UPLOADED)
    path.write_bytes(bytes(20 * _PIECE))
    told: list[int] = []
    pause = threading.Event()

    def linger(gone: int, _: int) -> None:
        told.append(gone)
        pause.wait(0.05)

    with pytest.raises(MiniMaxTimeoutError, match=r"its 0\.2 s"):
        ask(server.connect(timeout=0.2), "upload", path, progress=linger)
    assert 1 < len(told) < 20


@each_way
@each_call
def test_what_may_pass_is_tried_again(ask: Any, verb: str):
    answers = {"list": {"files": [WIRE], **GONE}, "delete": {"file_id": 7, **GONE}}
    server = Server(busy(), busy(), answers.get(verb, UPLOADED))
    _call(ask, server.connect(max_retries=2), verb)
    assert len(server.requests) == 3


@each_way
def test_no_more_attempts_than_allowed(ask: Any):
    server = Server(busy(), busy())
    with pytest.raises(MiniMaxOverloadedError):
        ask(server.connect(max_retries=1), "list")
    assert len(server.requests) == 2


@each_way
def test_a_failure_that_is_called_success_is_tried_again(ask: Any):
    server = Server(_base(1000, "unknown error"), {"files": [], **GONE})
    assert ask(server.connect(max_retries=1), "list") == []


# --- Where it goes, and with what ----------------------------------------------------


@each_way
@each_call
def test_minimaxs_own_host_needs_a_key(
    ask: Any, verb: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    with pytest.raises(MiniMaxAuthenticationError, match="Set MINIMAX_API_KEY"):
        _call(ask, Server().connect(api_key=None), verb)


@each_way
def test_another_host_needs_none(ask: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    server = Server({"files": [], **GONE})
    ask(server.connect(api_key=None, base_url="localhost:8000/anthropic"), "list")
    assert str(server.requests[0].url).startswith("http://localhost:8000/v1/files/")
    assert "authorization" not in server.requests[0].headers


@each_way
def test_the_callers_headers_go_along(ask: Any, cat: Path):
    server = Server(UPLOADED)
    headers = {"X-Team": "7", "Content-Type": "application/json"}
    ask(server.connect(default_headers=headers), "upload", cat)
    assert server.requests[0].headers["x-team"] == "7"
    assert sent(server.requests[0]) == b"meow"


def test_the_fields_are_those_of_a_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.setenv("MINIMAX_REGION", "cn")
    monkeypatch.setenv("MINIMAX_BASE_URL", "https://gate.example.com")
    files = MiniMaxFiles(request_timeout=5)
    assert (files.region, files.base_url, files.timeout) == (
        "china",
        "https://gate.example.com",
        5,
    )
    assert MiniMaxFiles(minimax_api_key="sk-other").api_key != files.api_key


@pytest.mark.parametrize(
    "fields",
    [{"base_url": "ftp://x"}, {"api_kye": "sk-1"}, {"base_url": "https://u:p@x"}],
)
def test_a_wrong_field_is_refused_at_once(fields: Any):
    with pytest.raises(ValidationError):
        MiniMaxFiles(**fields)


def test_nobody_sees_the_key():
    files = MiniMaxFiles(api_key=KEY)
    assert KEY not in f"{files!r} {files} {files.model_dump()}"


def test_a_client_can_be_copied_and_pickled():
    files = MiniMaxFiles(api_key=KEY, region="china")
    assert pickle.loads(pickle.dumps(files)) == files
    assert files.model_copy(update={"api_key": "sk-2"}).region == "china"


def test_a_client_can_be_closed():
    with MiniMaxFiles(api_key=KEY) as files:
        files.close()
    asyncio.run(files.aclose())
