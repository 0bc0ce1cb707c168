"""One request to MiniMax's native API and its reply: bytes in, JSON out. Does no I/O.

Native is what speaks neither of the two chat protocols: files, embeddings. Failures
come with HTTP 200 and say so in `base_resp`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from secrets import token_hex
from typing import ClassVar, Generic, Literal, TypeVar
from urllib.parse import urlencode, urlunsplit

from langchain_minimax._address import base_address, is_official, without_endpoint
from langchain_minimax._blocks import Json
from langchain_minimax._exchange import PACKED, Reader, secrets_in
from langchain_minimax._json import encoded
from langchain_minimax.errors import (
    MiniMaxError,
    MiniMaxInvalidRequestError,
    failure_in_reply,
)

_ENDPOINT = re.compile(r"(/v1)?(/embeddings|/models|/files(/\w+)?)$")
_DIALECT = "/anthropic"

Answer = TypeVar("Answer")


def resolve_native_url(base_url: str | None, region: str, path: str) -> str:
    """Where native requests go.

    Args:
        base_url: Any spelling that a chat model takes; `None` for the region's own
            host. MiniMax's hosts are completed, whatever path was given; of others,
            `/anthropic`, `/v1` and what follows them are taken off.
        region: `"global"` or `"china"`.
        path: The endpoint's, such as `/v1/files/list`.

    Raises:
        ValueError: If it is no address, or holds a user name and password.
    """
    parts = base_address(base_url, region)
    root, query = _ENDPOINT.sub("", without_endpoint(parts.path)), parts.query
    if is_official(parts.geturl()):
        root, query = "", ""
    root = root.removesuffix(_DIALECT)
    return urlunsplit((parts.scheme, parts.netloc, root + path, query, ""))


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file on its way out.

    Attributes:
        filename: What it is called on the other side.
        content_type: Its media type.
        size: In bytes.
        opened: Opens it at its beginning, once for each attempt, and gives what reads
            the next piece: `b""` after the last.
        sent: Is told how many bytes of it this attempt has handed over so far.
    """

    filename: str
    content_type: str
    size: int
    opened: Callable[[], AbstractContextManager[Callable[[], bytes]]]
    sent: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of texts and, last, one file, which is never held as a whole."""

    fields: Mapping[str, str]
    file: FilePart
    boundary: str = field(default_factory=lambda: token_hex(16))

    @property
    def headers(self) -> dict[str, str]:
        """What the request has to say of it."""
        length = len(self.head) + self.file.size + len(self.tail)
        return {
            "content-type": f"multipart/form-data; boundary={self.boundary}",
            "content-length": str(length),
        }

    @property
    def head(self) -> bytes:
        """All that goes before the file."""
        texts = [
            f'{self._part}; name="{_quoted(name)}"\r\n\r\n{text}\r\n'
            for name, text in self.fields.items()
        ]
        file = (
            f'{self._part}; name="file"; filename="{_quoted(self.file.filename)}"\r\n'
            f"content-type: {self.file.content_type}\r\n\r\n"
        )
        return "".join([*texts, file]).encode("utf-8", "replace")

    @property
    def tail(self) -> bytes:
        """All that goes after it."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    @property
    def _part(self) -> str:
        return f"--{self.boundary}\r\ncontent-disposition: form-data"


def _quoted(name: str) -> str:
    """As browsers write it (HTML standard, multipart/form-data encoding)."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


@dataclass(frozen=True, slots=True)
class NativeCall(Generic[Answer]):
    """A request on the wire, and how its reply is to be read.

    Attributes:
        method: How it is sent.
        url: Where to, parameters included.
        headers: All of them, the key included.
        body: What goes along, encoded.
        secrets: The API key and what the caller's headers hold, kept out of errors.
        read: Finds the answer in the reply's JSON, or raises.
        remedy: What helps, besides more time, when it takes too long.
    """

    stream: ClassVar[bool] = False

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | Form = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    read: Callable[[Json], Answer]
    remedy: str

    def reader(self) -> NativeReader[Answer]:
        """A reader for the reply to one attempt."""
        return NativeReader(self.read, self.secrets)


def native_call(
    method: Literal["GET", "POST"],
    url: str,
    read: Callable[[Json], Answer],
    *,
    secret: str | None,
    headers: Mapping[str, str],
    params: Mapping[str, str | int] | None = None,
    body: Json | Form | None = None,
    remedy: str = "try again later",
) -> NativeCall[Answer]:
    """Puts a request on paper; `headers` are the caller's and win over ours.

    Raises:
        MiniMaxInvalidRequestError: If something in the body is no JSON.
    """
    if params:
        url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
    paper, kind = _on_paper(body)
    return NativeCall(
        method=method,
        url=url,
        headers={
            "accept": "application/json",
            "accept-encoding": PACKED,
            **kind,
            **({"authorization": f"Bearer {secret}"} if secret else {}),
            **{name.lower(): value for name, value in headers.items()},
            # Without its own boundary and length a form cannot be read.
            **(kind if isinstance(body, Form) else {}),
        },
        body=paper,
        secrets=[secret or "", *secrets_in(headers)],
        read=read,
        remedy=remedy,
    )


def _on_paper(body: Json | Form | None) -> tuple[bytes | Form, dict[str, str]]:
    """What is sent, and the headers that say what it is."""
    if body is None:
        return b"", {}
    if isinstance(body, Form):
        return body, body.headers
    try:
        return encoded(body), {"content-type": "application/json"}
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"The request holds something that is no JSON: {error}."
        raise MiniMaxInvalidRequestError(msg) from error


class NativeReader(Reader[Answer]):
    """Reads the reply to a native call: an error, or the one answer."""

    def __init__(self, read: Callable[[Json], Answer], secrets: Sequence[str]) -> None:
        super().__init__(secrets)
        self._read = read

    def feed(self, data: bytes) -> Sequence[Answer]:
        """Takes the next bytes of the body, and says nothing until its end."""
        self._keep(data)
        return ()

    def finish(self) -> Sequence[Answer]:
        """Takes the end of the body; gives the answer.

        Raises:
            MiniMaxError: If the reply was a refusal, or not a reply.
        """
        try:
            return (self._answer(bytes(self._body)),)
        except MiniMaxError as error:
            raise self.told(error) from None

    def _answer(self, body: bytes) -> Answer:
        if self._status != HTTPStatus.OK:
            raise self._refusal(body)
        document = self._document(body)
        refused = failure_in_reply(document)
        if refused is not None:
            raise refused
        return self._read(document)
