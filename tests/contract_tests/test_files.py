"""The client of the Files API against the emulator, and against servers that break."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_minimax import (
    MiniMaxAuthenticationError,
    MiniMaxConnectionError,
    MiniMaxFiles,
    MiniMaxInvalidRequestError,
    MiniMaxStreamTruncatedError,
    MiniMaxTimeoutError,
)
from langchain_minimax.testing import Emulator
from support.sent import turns_of


def _sync(files: MiniMaxFiles, verb: str, *args: Any, **options: Any) -> Any:
    return getattr(files, verb)(*args, **options)


def _async(files: MiniMaxFiles, verb: str, *args: Any, **options: Any) -> Any:
    return asyncio.run(getattr(files, f"a{verb}")(*args, **options))


each_way = pytest.mark.parametrize("ask", [_sync, _async], ids=["sync", "async"])


def manage(emulator: Emulator, **fields: Any) -> MiniMaxFiles:
    return MiniMaxFiles(
        **{
            "api_key": emulator.api_key,
            "base_url": emulator.base_url,
            "max_retries": 0,
            **fields,
        }
    )


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / 'Katze "猫".mp4'
    path.write_bytes(os.urandom(3 * 2**20 + 7))
    return path


# --- What MiniMax does with files ----------------------------------------------------


@each_way
def test_the_life_of_a_file(ask: Any, serve: Any, video: Path) -> None:
    emulator: Emulator = serve()
    files = manage(emulator)
    assert ask(files, "list") == []

    told: list[tuple[int, int]] = []
    file = ask(files, "upload", video, progress=lambda *now: told.append(now))
    size = video.stat().st_size
    assert told[-1] == (size, size)
    assert told == sorted(set(told))
    assert (file.bytes, file.purpose) == (size, "video_understanding")
    now = datetime.now(timezone.utc)
    assert timedelta(minutes=-1) < now - file.created_at < timedelta(minutes=1)
    stored = emulator.files[file.file_id]
    assert stored.bytes == video.read_bytes()
    assert stored.filename == "Katze %22猫%22.mp4"  # as a browser would send it

    assert ask(files, "list") == [file]
    assert ask(files, "list", "voice_clone") == []
    assert ask(files, "retrieve", file.url).download_url
    ask(files, "delete", file)
    assert ask(files, "list") == []
    assert not emulator.files


@each_way
@pytest.mark.parametrize("path", ["", "/", "/v1", "/anthropic/v1/messages"])
def test_every_spelling_of_the_address_will_do(ask: Any, path: str, serve: Any) -> None:
    emulator: Emulator = serve()
    assert ask(manage(emulator, base_url=emulator.url + path), "list") == []


@each_way
def test_the_model_sees_what_was_uploaded(
    ask: Any, serve: Any, connect: Any, video: Path
) -> None:
    emulator: Emulator = serve("A cat.", "A cat.")
    files, model = manage(emulator), connect(emulator)
    file = ask(files, "upload", video)
    message = HumanMessage(["What is it?", file.block(fps=0.5)])
    assert model.invoke([message]).text == "A cat."
    source = turns_of(emulator.requests[-1])[0]["content"][1]["source"]
    assert source == {"type": "url", "url": file.url, "fps": 0.5}
    ask(files, "delete", file)
    with pytest.raises(MiniMaxInvalidRequestError):
        model.invoke([message])


@each_way
@pytest.mark.parametrize("verb", ["retrieve", "delete"])
def test_a_file_that_is_not_there(ask: Any, verb: str, serve: Any) -> None:
    emulator: Emulator = serve()
    with pytest.raises(MiniMaxInvalidRequestError, match="not exist") as caught:
        ask(manage(emulator, max_retries=2), verb, 7)
    assert (caught.value.code, caught.value.status_code) == (2013, 200)
    assert len(emulator.requests) == 1


@each_way
def test_a_wrong_key(ask: Any, serve: Any, video: Path) -> None:
    emulator: Emulator = serve()
    files = manage(emulator, api_key="sk-api-wrong-wrong-wrong", max_retries=2)
    with pytest.raises(MiniMaxAuthenticationError, match="MINIMAX_API_KEY") as caught:
        ask(files, "upload", video)
    assert (caught.value.code, caught.value.status_code) == (2049, 200)
    assert len(emulator.requests) == 1


@each_way
def test_a_purpose_that_is_none(ask: Any, serve: Any, video: Path) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="purpose"):
        ask(manage(serve()), "upload", video, purpose="vision")


def test_many_uploads_at_once_in_many_loops(serve: Any, video: Path) -> None:
    emulator: Emulator = serve()
    files = manage(emulator)

    async def upload() -> list[int]:
        found = await asyncio.gather(*(files.aupload(video) for _ in range(8)))
        return [each.bytes for each in found]

    size = video.stat().st_size
    for _ in range(2):
        assert asyncio.run(upload()) == [size] * 8
    assert len(emulator.files) == 16


def test_files_and_models_share_their_connections(serve: Any, connect: Any) -> None:
    emulator: Emulator = serve()
    for _ in range(5):
        manage(emulator).list()
        connect(emulator).invoke("Hello")
    assert emulator.connections <= 2


def test_an_upload_that_was_cancelled_leaves_the_client_usable(
    serve: Any, tmp_path: Path
) -> None:
    path = tmp_path / "long.mkv"
    path.write_bytes(bytes(64 * 2**20))
    emulator: Emulator = serve()
    files = manage(emulator)

    async def ask() -> list[Any]:
        began = asyncio.Event()
        upload = files.aupload(path, progress=lambda *_: began.set())
        task = asyncio.create_task(upload)
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await files.alist()

    assert asyncio.run(ask()) == []


# --- Servers that break --------------------------------------------------------------

LISTED = b'{"files": [], "base_resp": {"status_code": 0}}'
UPLOADED = b'{"file": {"file_id": 7, "bytes": 9}, "base_resp": {"status_code": 0}}'


def http(body: bytes, *, cut: int = 0) -> bytes:
    """A reply that closes the connection, `cut` bytes before its end."""
    head = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
    whole = head.encode() + b"content-type: application/json\r\n\r\n" + body
    return whole[: len(whole) - cut]


class Wire:
    """A socket that answers each connection with the next bytes of its script."""

    def __init__(self, *script: bytes | None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.taken: list[int] = []
        self._script = script
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for reply in self._script:
            connection, _ = self._socket.accept()
            with connection:
                self.taken.append(self._take(connection, reply))
                if reply is None:
                    self._over.wait()
                else:
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)

    def _take(self, connection: socket.socket, reply: bytes | None) -> int:
        """Reads the request, or only its beginning if it is never to be answered."""
        data = connection.recv(2**16)
        while b"\r\n\r\n" not in data:
            data += connection.recv(2**16)
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        lengths = [line for line in lines if line.startswith(b"content-length:")]
        left = int(lengths[0].split(b":")[1]) if lengths else 0
        left -= len(body)
        while left > 0 and reply is not None:
            left -= len(connection.recv(2**16))
        return left

    def stop(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    started: list[Wire] = []

    def start(*script: bytes | None) -> Wire:
        started.append(Wire(*script))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def manage_wire(server: Wire, **fields: Any) -> MiniMaxFiles:
    return MiniMaxFiles(base_url=server.url, **{"max_retries": 0, **fields})


@each_way
def test_an_upload_whose_connection_was_cut_is_made_again(
    ask: Any, wire: Any, video: Path
) -> None:
    server = wire(b"", http(UPLOADED))
    files = manage_wire(server, max_retries=1)
    assert ask(files, "upload", video).file_id == 7
    assert server.taken == [0, 0]


@each_way
def test_a_cut_without_another_attempt(ask: Any, wire: Any, video: Path) -> None:
    with pytest.raises(MiniMaxConnectionError, match="broke off"):
        ask(manage_wire(wire(b"")), "upload", video)


@each_way
def test_a_reply_that_broke_off(ask: Any, wire: Any) -> None:
    files = manage_wire(wire(http(LISTED, cut=9)))
    with pytest.raises(MiniMaxStreamTruncatedError, match="broke off"):
        ask(files, "list")


@each_way
def test_a_reply_that_broke_off_is_asked_for_again(ask: Any, wire: Any) -> None:
    files = manage_wire(wire(http(LISTED, cut=9), http(LISTED)), max_retries=1)
    assert ask(files, "list") == []


@each_way
def test_a_server_that_stalls(ask: Any, wire: Any, video: Path) -> None:
    files = manage_wire(wire(None), timeout=0.3)
    with pytest.raises(MiniMaxTimeoutError, match=r"its 0\.3 s.*a smaller file"):
        ask(files, "upload", video)


@each_way
def test_nobody_listens(ask: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(MiniMaxConnectionError, match="`base_url`"):
        ask(MiniMaxFiles(base_url=url, max_retries=0), "list")


def _full_disk(*_: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_the_progress_raises_comes_out_as_it_is(
    serve: Callable[..., Emulator], tmp_path: Path
) -> None:
    server = serve()
    video = tmp_path / "a.mp4"
    video.write_bytes(b"film" * 1000)
    files = MiniMaxFiles(base_url=server.base_url, api_key=server.api_key)
    with pytest.raises(OSError, match="No space left") as raised:
        files.upload(video, progress=_full_disk)
    assert type(raised.value) is OSError
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(files.aupload(video, progress=_full_disk))
    assert not server.files
