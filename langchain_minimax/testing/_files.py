"""A request to the Files API in, what is stored and its answer out.

Paths, fields and replies are those of the official OpenAPI of file management
(platform.minimax.io/docs/api-reference/file-management-*.md, M2.7 era and later).
"""

import builtins
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from typing import Any

from langchain_minimax.testing._native import OK, answer_of, invalid, required
from langchain_minimax.testing._records import RecordedRequest
from langchain_minimax.testing._replies import Json, Raw

# The purposes of an upload and the formats that the upload page has for them. Texts
# are not held to theirs: the page's own example is a .docx.
_FORMATS = {
    "voice_clone": ("mp3", "m4a", "wav"),
    "prompt_audio": ("mp3", "m4a", "wav"),
    "t2a_async_input": (),
    "video_understanding": ("mp4", "avi", "mov", "mkv"),
}
_MAX_FILE = 512 * 2**20

# What can be listed and deleted: all that can be uploaded, and to delete also what
# other services made. Their pages do not name `video_understanding` (yet): that it can
# be listed and deleted is an assumption.
_LISTED = tuple(_FORMATS)
_DELETED = (*_FORMATS, "t2a_async", "video_generation")


@dataclass(frozen=True)
class StoredFile:
    """An uploaded file.

    Attributes:
        file_id: Its id.
        filename: Its name, as it was uploaded.
        purpose: What it was uploaded for.
        bytes: What it holds.
        created_at: When it came, in seconds since 1970.
    """

    file_id: int
    filename: str
    purpose: str
    bytes: builtins.bytes
    created_at: int


Files = dict[int, StoredFile]


def videos(files: Files) -> Collection[int]:
    """The ids that a message may name as `mm_file://…`."""
    return {f.file_id for f in files.values() if f.purpose == "video_understanding"}


def serve_file(record: RecordedRequest, files: Files, api_key: str) -> Raw | None:
    """The answer of the Files API; `None` for what is none of its paths."""
    serve = _ENDPOINTS.get((record.method, record.path))
    if serve is None:
        return None
    return answer_of(record, api_key, lambda: serve(record, files))


def _upload(record: RecordedRequest, files: Files) -> Json:
    form = dict(_parts(record.headers.get("content-type", ""), record.raw))
    purpose = required(form, "purpose").content.decode("utf-8", "replace")
    file = required(form, "file")
    _check_purpose(purpose, _LISTED)
    check_file(purpose, file.filename, len(file.content))
    # As large as those in public examples, and small enough for JavaScript.
    file_id = 10**14 + secrets.randbelow(9 * 10**14)
    now = int(time.time())
    files[file_id] = StoredFile(file_id, file.filename, purpose, file.content, now)
    return {"file": _described(files[file_id]), "base_resp": OK}


def check_file(purpose: str, filename: str, size: int) -> None:
    """Refuse what the purpose does not take; all words are ours."""
    formats = _FORMATS[purpose]
    suffix = filename.rpartition(".")[2].lower()
    if formats and suffix not in formats:
        raise invalid(f"{purpose} does not support .{suffix} files")
    if not size:
        raise invalid("file is empty")
    if size > _MAX_FILE:
        raise invalid("file exceeds 512 MB")


def _list(record: RecordedRequest, files: Files) -> Json:
    purpose = required(record.query, "purpose")
    _check_purpose(purpose, _LISTED)
    found = [_described(f) for f in files.values() if f.purpose == purpose]
    return {"files": found, "base_resp": OK}


def _retrieve(record: RecordedRequest, files: Files) -> Json:
    given = required(record.query, "file_id")
    if not given.isdecimal():
        raise invalid("file_id must be an integer")  # ours
    file = _found(files, int(given))
    # The field is documented; a real address would lead to a store of MiniMax's.
    address = f"https://minimax.invalid/{file.file_id}/{file.filename}"
    described = {**_described(file), "download_url": address}
    return {"file": described, "base_resp": OK}


def _delete(record: RecordedRequest, files: Files) -> Json:
    body = record.body if isinstance(record.body, dict) else {}
    file_id, purpose = required(body, "file_id"), required(body, "purpose")
    if type(file_id) is not int:
        raise invalid("file_id must be an integer")  # ours
    _check_purpose(purpose, _DELETED)
    if _found(files, file_id).purpose != purpose:
        raise invalid("file_id not exist")
    del files[file_id]
    return {"file_id": file_id, "base_resp": OK}


_ENDPOINTS: dict[tuple[str, str], Callable[[RecordedRequest, Files], Json]] = {
    ("POST", "/v1/files/upload"): _upload,
    ("GET", "/v1/files/list"): _list,
    ("GET", "/v1/files/retrieve"): _retrieve,
    ("POST", "/v1/files/delete"): _delete,
}


def _check_purpose(purpose: Any, allowed: Collection[str]) -> None:
    if purpose not in allowed:
        raise invalid(f"invalid purpose: {purpose}")  # ours


def _found(files: Files, file_id: int) -> StoredFile:
    if file_id not in files:
        # Seen of `/v1/voice_clone`, not of the Files API itself.
        raise invalid("file_id not exist")
    return files[file_id]


def _described(file: StoredFile) -> Json:
    return {
        "file_id": file.file_id,
        "bytes": len(file.bytes),
        "created_at": file.created_at,
        "filename": file.filename,
        "purpose": file.purpose,
    }


@dataclass(frozen=True)
class _Part:
    filename: str
    content: bytes


def _parts(content_type: str, raw: bytes) -> Iterator[tuple[str, _Part]]:
    """The fields of a form, as RFC 7578 writes them."""
    outer = Message()
    outer["content-type"] = content_type
    boundary = outer.get_boundary()
    if outer.get_content_type() != "multipart/form-data" or not boundary:
        raise invalid("the body is no multipart/form-data")  # ours
    _, *pieces = (b"\r\n" + raw).split(b"\r\n--" + boundary.encode())
    for piece in pieces:
        head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if blank and not piece.startswith(b"--"):
            headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
            name = headers.get_param("name", header="content-disposition")
            yield str(name), _Part(headers.get_filename("") or "", content)
