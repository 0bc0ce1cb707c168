"""`MiniMaxFiles`: large videos in, blocks for messages out, by MiniMax's Files API.

Endpoints and shapes: the File Management pages and their OpenAPI (platform.minimax.io,
summer 2026). Files are read here, and sent by `_http`.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from datetime import datetime, timezone
from inspect import iscoroutinefunction
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Literal

from pydantic import ConfigDict

from langchain_minimax._blocks import Json
from langchain_minimax._connection import Connection
from langchain_minimax._native import (
    Answer,
    FilePart,
    Form,
    NativeCall,
    native_call,
    resolve_native_url,
)
from langchain_minimax.errors import MiniMaxInvalidRequestError, MiniMaxResponseError

Progress = Callable[[int, int], object]
"""Is told the bytes sent so far, and the bytes in all."""

_VIDEOS = "video_understanding"
_SCHEME = "mm_file://"

# Formats of `video_understanding`: Upload File page.
_VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
}
_ANY_TYPE = "application/octet-stream"

# The File Management overview and the Messages API page say 512 MB. CLAIMED: MiniMax
# counts in powers of two (a third party's live test, 2026-08-05).
_LIMIT = 512 * 2**20
_DIGITS = 20  # an int64 has 19
_PIECE = 2**18  # bytes in memory at a time


@dataclass(frozen=True, slots=True)
class MiniMaxFile:
    """A file that MiniMax keeps.

    Attributes:
        file_id: Its id.
        bytes: Its size.
        created_at: When it was uploaded, in UTC.
        filename: Its name, without a folder.
        purpose: What it is for, such as `video_understanding`.
        download_url: Where it can be fetched, if MiniMax says so.
    """

    file_id: int
    bytes: int
    created_at: datetime
    filename: str
    purpose: str
    download_url: str | None = None

    @property
    def url(self) -> str:
        """Its address in a message: `mm_file://` and the id."""
        return f"{_SCHEME}{self.file_id}"

    def block(
        self,
        *,
        detail: Literal["low", "default", "high"] | None = None,
        fps: float | None = None,
        max_long_side_pixel: int | None = None,
    ) -> dict[str, Any]:
        """LangChain's content block for it, to go into a `HumanMessage`.

        Args:
            detail: How closely to look.
            fps: Frames to look at in a second, 0.2 to 5; the server's default is 1.
            max_long_side_pixel: Pixels of a frame's longer side, at least 1.

        Returns:
            `{"type": "video", "url": "mm_file://…", "extras": {…}}`, with no `extras`
            if there is nothing to say.
        """
        said = {
            "detail": detail,
            "fps": fps,
            "max_long_side_pixel": max_long_side_pixel,
        }
        extras = {name: value for name, value in said.items() if value is not None}
        block: dict[str, Any] = {"type": "video", "url": self.url}
        return {**block, "extras": extras} if extras else block


class MiniMaxFiles(Connection):
    """Uploads videos that are too large for a message, and manages what was uploaded.

    A message takes 50 MB of video; a file 512 MB of MP4, MOV, AVI or MKV. MiniMax keeps
    it for up to 7 days. It takes the same key, region, host and limits as
    `ChatMiniMax`, under the same names.

    Example: Ask about a video
        ```python
        from langchain_core.messages import HumanMessage
        from langchain_minimax import ChatMiniMax, MiniMaxFiles

        files = MiniMaxFiles()
        video = files.upload("lecture.mp4")

        question = {"type": "text", "text": "What is this lecture about?"}
        message = HumanMessage([question, video.block(fps=0.5)])
        ChatMiniMax(model="MiniMax-M3").invoke([message])

        files.delete(video)
        ```

    Example: Show how far it is
        ```python
        files.upload("lecture.mp4", progress=lambda sent, total: print(sent / total))
        ```

    Every method has an awaitable twin: `aupload`, `alist`, `aretrieve`, `adelete`.

    Note:
        What can be uploaded may still be too much to look at. A third party claims
        that M3 fails (`unknown error, 512`, code 1000) on videos of more than about
        100 MB (live test, 2026-08-05; unverified). Compressing them is said to help.

    Raises:
        MiniMaxError: From every call, one of its subclasses that says what to do; see
            `langchain_minimax.errors`.
    """

    model_config = ConfigDict(extra="forbid")

    def upload(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        *,
        filename: str | None = None,
        purpose: str = _VIDEOS,
        progress: Progress | None = None,
    ) -> MiniMaxFile:
        """Uploads a file, piece by piece: it is never in memory as a whole.

        Args:
            file: A path, or an open binary file, read from where it stands. It stays
                open; what cannot seek is copied to a temporary file first.
            filename: What to call it; by default its own name. The format is told by
                its extension.
            purpose: What it is for. Another than `video_understanding` takes other
                formats, which only MiniMax checks.
            progress: Called with the bytes sent so far and the bytes in all, as they go
                out; the last time with the two equal. An attempt that is repeated is
                told from where it gets further.

        Returns:
            The file as MiniMax keeps it; its `block()` goes into a message.

        Raises:
            MiniMaxInvalidRequestError: If there is no such file, or it is empty, of
                more than 512 MB or of a format that is not looked at. Nothing has been
                sent then.
        """
        with _own_errors(), _source(file, filename, purpose) as source:
            return self._transport.ask(self._upload(source, purpose, progress))

    async def aupload(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        *,
        filename: str | None = None,
        purpose: str = _VIDEOS,
        progress: Progress | None = None,
    ) -> MiniMaxFile:
        """The same as `upload`, awaited; the file is read on a thread."""
        with _own_errors(), ExitStack() as stack:
            opening = _source(file, filename, purpose)
            source = await asyncio.to_thread(stack.enter_context, opening)
            call = self._upload(source, purpose, progress)
            return await self._async_transport.ask(call)

    def list(self, purpose: str = _VIDEOS) -> builtins.list[MiniMaxFile]:
        """Lists what was uploaded for a purpose and is still kept.

        Args:
            purpose: `video_understanding`, `voice_clone`, `prompt_audio` or
                `t2a_async_input`.
        """
        return self._transport.ask(self._list(purpose))

    async def alist(self, purpose: str = _VIDEOS) -> builtins.list[MiniMaxFile]:
        """The same as `list`, awaited."""
        return await self._async_transport.ask(self._list(purpose))

    def retrieve(self, file: int | str | MiniMaxFile) -> MiniMaxFile:
        """Asks what MiniMax knows of a file, not for the file itself.

        Args:
            file: The file, its id, or its `mm_file://` address.
        """
        return self._transport.ask(self._retrieve(file))

    async def aretrieve(self, file: int | str | MiniMaxFile) -> MiniMaxFile:
        """The same as `retrieve`, awaited."""
        return await self._async_transport.ask(self._retrieve(file))

    def delete(
        self, file: int | str | MiniMaxFile, *, purpose: str | None = None
    ) -> None:
        """Deletes a file. Messages that show it cannot be sent any more.

        Args:
            file: The file, its id, or its `mm_file://` address.
            purpose: What it was uploaded for: by default what the file says, and
                `video_understanding` for an id.
        """
        self._transport.ask(self._delete(file, purpose))

    async def adelete(
        self, file: int | str | MiniMaxFile, *, purpose: str | None = None
    ) -> None:
        """The same as `delete`, awaited."""
        await self._async_transport.ask(self._delete(file, purpose))

    # --- What is asked ---------------------------------------------------------------

    def _upload(
        self, source: _Source, purpose: str, progress: Progress | None
    ) -> NativeCall[MiniMaxFile]:
        part = FilePart(
            filename=source.filename,
            content_type=_VIDEO_TYPES.get(_extension(source.filename), _ANY_TYPE),
            size=source.size,
            opened=source.opened,
            sent=_further(progress, source.size),
        )
        form = Form({"purpose": purpose}, part)
        remedy = "send a smaller file"
        return self._call("POST", "upload", _uploaded, body=form, remedy=remedy)

    def _list(self, purpose: str) -> NativeCall[builtins.list[MiniMaxFile]]:
        return self._call("GET", "list", _listed, params={"purpose": purpose})

    def _retrieve(self, file: int | str | MiniMaxFile) -> NativeCall[MiniMaxFile]:
        return self._call("GET", "retrieve", _uploaded, params={"file_id": _id(file)})

    def _delete(
        self, file: int | str | MiniMaxFile, purpose: str | None
    ) -> NativeCall[None]:
        known = file.purpose if isinstance(file, MiniMaxFile) else ""
        body = {"file_id": _id(file), "purpose": purpose or known or _VIDEOS}
        return self._call("POST", "delete", _deleted, body=body)

    def _call(
        self,
        method: Literal["GET", "POST"],
        verb: str,
        read: Callable[[Json], Answer],
        **said: Any,
    ) -> NativeCall[Answer]:
        url = resolve_native_url(self.base_url, self.region, f"/v1/files/{verb}")
        secret, headers = self._key(url), self._headers()
        return native_call(method, url, read, secret=secret, headers=headers, **said)


# --- What is answered ----------------------------------------------------------------


def _uploaded(document: Json) -> MiniMaxFile:
    return _file(document.get("file"))


def _listed(document: Json) -> list[MiniMaxFile]:
    files = document.get("files") or []  # Go's word for an empty list is null
    if not isinstance(files, list):
        raise _no_file(files)
    return [_file(each) for each in files]


def _deleted(_: Json) -> None:
    return None


def _file(said: Any) -> MiniMaxFile:
    if not isinstance(said, dict):
        raise _no_file(said)
    seconds = said.get("created_at") or 0
    try:
        return MiniMaxFile(
            # The pages' examples show a string; a number was claimed (2026-08).
            file_id=int(said["file_id"]),
            bytes=int(said.get("bytes") or 0),
            created_at=datetime.fromtimestamp(int(seconds), tz=timezone.utc),
            filename=str(said.get("filename") or ""),
            purpose=str(said.get("purpose") or ""),
            download_url=said.get("download_url") or None,
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise _no_file(said) from error


def _no_file(said: object) -> MiniMaxResponseError:
    kind = sorted(said) if isinstance(said, dict) else type(said).__name__
    return MiniMaxResponseError(
        f"The reply does not describe a file as MiniMax does, but has {kind}. Check "
        "that `base_url` is a server with MiniMax's Files API."
    )


def _id(file: int | str | MiniMaxFile) -> int:
    given = file.file_id if isinstance(file, MiniMaxFile) else file
    digits = str(given).strip().removeprefix(_SCHEME)
    if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS:
        return int(digits)
    msg = f"A file's id is a number, and this is {given!r}: give `file.file_id`."
    raise MiniMaxInvalidRequestError(msg)


# --- What is uploaded ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that can be read from its beginning as often as it takes."""

    filename: str
    size: int
    start: Callable[[], AbstractContextManager[BinaryIO]]

    @contextmanager
    def opened(self) -> Iterator[Callable[[], bytes]]:
        """Gives what reads the next piece; closes what it opened."""
        left = self.size
        with ExitStack() as stack:
            with _readable(self.filename):
                stream = stack.enter_context(self.start())

            def read() -> bytes:
                nonlocal left
                with _readable(self.filename):
                    piece = stream.read(min(_PIECE, left))
                if left and not piece:
                    msg = f"{self.filename} became shorter while it was sent."
                    raise MiniMaxInvalidRequestError(msg)
                left -= len(piece)
                return piece

            yield read


@contextmanager
def _source(file: Any, filename: str | None, purpose: str) -> Iterator[_Source]:
    """What is to be uploaded, checked.

    Raises:
        MiniMaxInvalidRequestError: If it cannot be.
    """
    with ExitStack() as stack:
        if isinstance(file, str | os.PathLike):
            path = Path(os.fsdecode(file))
            name = _name(filename or path.name)
            with _readable(str(path)), path.open("rb") as video:
                source = _Source(name, _length(video), lambda: path.open("rb"))
        else:
            with _readable(str(filename or file)):
                stream = stack.enter_context(_rewindable(file))
                name = _name(filename or getattr(file, "name", None))
                source = _Source(name, _length(stream), _rewinder(stream))
        _check(source, purpose)
        yield source


@contextmanager
def _rewindable(file: Any) -> Iterator[BinaryIO]:
    """The file itself, or a copy that can be rewound for another attempt."""
    if not hasattr(file, "read") or not isinstance(file.read(0), bytes):
        msg = (
            "What is to be uploaded is a path or a file that is open in binary mode; "
            "put bytes into an `io.BytesIO`, and say their `filename`."
        )
        raise MiniMaxInvalidRequestError(msg)
    if hasattr(file, "seekable") and file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        while copy.tell() <= _LIMIT and (piece := file.read(_PIECE)):
            copy.write(piece)
        copy.seek(0)
        yield copy


def _length(stream: BinaryIO) -> int:
    """The bytes from where it stands."""
    here = stream.tell()
    length = stream.seek(0, os.SEEK_END) - here
    stream.seek(here)
    return length


def _rewinder(stream: BinaryIO) -> Callable[[], AbstractContextManager[BinaryIO]]:
    here = stream.tell()

    def rewound() -> AbstractContextManager[BinaryIO]:
        stream.seek(here)
        return nullcontext(stream)

    return rewound


def _name(given: object) -> str:
    name = PurePath(given).name if isinstance(given, str | PurePath) else ""
    if name:
        return name
    msg = "This file has no name that says its format: give one with `filename`."
    raise MiniMaxInvalidRequestError(msg)


def _extension(filename: str) -> str:
    return PurePath(filename).suffix.lower()


def _check(source: _Source, purpose: str) -> None:
    filename, size = source.filename, source.size
    if purpose == _VIDEOS and _extension(filename) not in _VIDEO_TYPES:
        msg = (
            f"MiniMax looks at MP4, MOV, AVI and MKV, told by the extension, and this "
            f"is {filename!r}. Convert it, or name it with `filename`."
        )
        raise MiniMaxInvalidRequestError(msg)
    if size <= 0:
        msg = f"There is nothing in {filename!r}. Is an open file at its end?"
        raise MiniMaxInvalidRequestError(msg)
    if size > _LIMIT:
        msg = (
            f"{filename!r} has {size / 2**20:.1f} MB, and MiniMax takes files of up to "
            f"{_LIMIT // 2**20} MB. Compress it, or cut it."
        )
        raise MiniMaxInvalidRequestError(msg)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Says what is wrong with the file, which is no trouble of the network's."""
    try:
        yield
    except FileNotFoundError as error:
        msg = f"There is no file {name!r}. Check the path."
        raise MiniMaxInvalidRequestError(msg) from error
    except (OSError, ValueError) as error:
        words = str(error).rstrip(".")
        msg = f"{name!r} cannot be read: {words}."
        raise MiniMaxInvalidRequestError(msg) from error


def _further(progress: Progress | None, total: int) -> Callable[[int], None]:
    """What tells the progress, but never a step back when an attempt is repeated."""
    if iscoroutinefunction(progress):
        msg = "`progress` is called, not awaited: give a plain function."
        raise MiniMaxInvalidRequestError(msg)
    furthest = 0

    def sent(gone: int) -> None:
        nonlocal furthest
        if progress is not None and gone > furthest:
            furthest = gone
            try:
                progress(gone, total)
            except OSError as error:
                raise _ProgressError(error) from error

    return sent


class _ProgressError(Exception):
    """An `OSError` of the caller's own, which is no trouble of the network's."""


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except _ProgressError as error:
        # Kept by itself, since httpcore takes the cause away.
        raise error.args[0] from None
