"""HTTP/1.1 replies in, the same replies out, with fewer and larger chunks. No I/O.

Servers send each event of a stream as a chunk of its own, and httpcore's parser takes
about ten times as long for a chunk as it takes to join it to the next. So the chunks
that came in one read are joined to one. Whatever is not a plain chunk is passed on
untouched, for the parser to judge.

The parser keeps what follows a reply and takes it for the beginning of the next. So it
is told here whether anything did.

Grammar: RFC 9112, 6.2, 7.1 and 7.1.1.
"""

from __future__ import annotations

import re

_LONGEST_HEAD = 2**17  # bytes; httpcore refuses 100 kB
_IS_CHUNKED = re.compile(
    rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE
)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_IS_AHEAD_OF_ANOTHER = re.compile(rb"HTTP/1\.1 1(?!01)\d\d ")
_HAS_NO_BODY = re.compile(rb"HTTP/1\.1 (204|304)")
_SIZE = re.compile(rb"([\da-fA-F]{1,8})\r\n")
_MAY_BE_A_SIZE = re.compile(rb"[\da-fA-F]{0,8}\r?")
_END = b"\r\n"
_UNKNOWN = -1


class ChunkedReply:
    """One reply, from its first byte on."""

    __slots__ = ("_head", "_held", "_is_plain", "_left")

    def __init__(self) -> None:
        self._head: bytes | None = b""  # what there is of it; `None` after its end
        self._is_plain = False  # nothing more is joined
        # Bytes of the chunk that has begun, its own end included, or of the reply.
        self._left = 0
        self._held = b""  # what may be the beginning of a chunk's size

    @property
    def is_over(self) -> bool:
        """Whether it has ended for certain, and nothing has come after it."""
        return self._is_plain and self._left == 0

    def joined(self, data: bytes) -> bytes:
        """What to parse instead of the next bytes; nothing, if it takes more."""
        if self._is_plain:
            self._left -= len(data)
            return data
        if self._head is None:
            return self._in_body(data)
        self._head += data
        return self._in_head(data)

    def _in_head(self, data: bytes) -> bytes:
        head, found, body = (self._head or b"").partition(_END * 2)
        if not found:
            if len(head) > _LONGEST_HEAD:
                self._is_plain, self._left = True, _UNKNOWN
            return data
        told = data[: len(data) - len(body)]
        if _IS_AHEAD_OF_ANOTHER.match(head):
            self._head = body
            return told + self._in_head(body)
        self._head = None
        # Where lines end otherwise, the head has ended somewhere else.
        is_strict = head.count(b"\n") == head.count(_END)
        is_clear = is_strict and not _HAS_NO_BODY.match(head)
        self._is_plain = not (is_clear and _IS_CHUNKED.search(head + _END))
        if self._is_plain:
            length = _LENGTH.search(head + _END) if is_clear else None
            self._left = int(length[1]) if length else _UNKNOWN
        return told + self.joined(body)

    def _in_body(self, data: bytes) -> bytes:
        data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        place, end = 0, len(data)
        while place < end:
            if self._left > len(_END):
                piece = data[place : place + self._left - len(_END)]
                pieces.append(piece)
                place += len(piece)
                self._left -= len(piece)
            elif self._left:
                expected = _END[-self._left :]
                found = data[place : place + self._left]
                if not expected.startswith(found):
                    # An empty line is no size: the parser will say so.
                    return self._rest(pieces, _END + data[place:])
                place += len(found)
                self._left -= len(found)
            elif (size := _SIZE.match(data, place)) is not None:
                length = int(size[1], 16)
                if length == 0:
                    return self._last(pieces, data[place:], data[size.end() :])
                start, stop = size.end(), size.end() + length
                place = stop + len(_END)
                if data[stop:place] == _END:
                    pieces.append(data[start:stop])
                else:
                    place, self._left = start, length + len(_END)
            elif _MAY_BE_A_SIZE.fullmatch(data, place):
                self._held = data[place:]
                break
            else:
                return self._rest(pieces, data[place:])
        return _chunk(pieces)

    def _last(self, pieces: list[bytes], data: bytes, behind: bytes) -> bytes:
        """What to parse once the chunk without bytes has come, which ends a body."""
        if behind in (b"", _END[:1]):
            self._held = data
            return _chunk(pieces)
        return self._rest(pieces, data, 0 if behind == _END else _UNKNOWN)

    def _rest(self, pieces: list[bytes], data: bytes, left: int = _UNKNOWN) -> bytes:
        self._is_plain, self._left = True, left
        return _chunk(pieces) + data


def _chunk(pieces: list[bytes]) -> bytes:
    payload = b"".join(pieces)
    return b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""
