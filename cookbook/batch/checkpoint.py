"""Replies in, files that outlive whoever wrote them out; later, what is finished.

    folder/settings.json          what the run is about; another run is refused
    folder/lock                   held by the run that is at it; a second is refused
    folder/chunk-00042.1.jsonl    the first attempt at chunk 42, a line for each reply
    folder/chunk-00042.2.jsonl    the second, by whoever came after a lost worker

Each file has one writer. To begin an attempt is to create its file, which only one can,
and an attempt is over as soon as the next one's file is there. So a worker that was
given up for dead, and is not, looks there before each request and begins no more.

A line goes to the system in one piece as soon as its reply was read, so a killed
process loses none; the disk has it for certain at the end of the attempt. What cannot
be read, such as a line that was cut off, counts as never written.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

_log = logging.getLogger(__name__)


class OtherRunError(ValueError):
    """The folder holds a run with other settings or records."""


class InUseError(RuntimeError):
    """Another run is at the folder."""


@dataclass(frozen=True)
class Reply:
    """What one request brought: a line of a file.

    Attributes:
        at: When it was read, in seconds since 1970.
        worker: The process that asked.
        usage: Its tokens, as LangChain counts them.
        results: What came out, by the record's number.
        errors: Why nothing came out, by the record's number.
    """

    at: float
    worker: int
    usage: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[int, Any] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)


class Attempt:
    """One go at a chunk, from its claim to its end; the only writer of its file."""

    def __init__(self, folder: Path, chunk: int) -> None:
        for number in count(1):
            try:
                self._file = _path(folder, chunk, number).open("xb", buffering=0)
            except FileExistsError:
                continue
            break
        self._next = _path(folder, chunk, number + 1)
        _sync_folder(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    @property
    def is_over(self) -> bool:
        """Whether somebody else has begun the next attempt."""
        return self._next.exists()

    def write(self, reply: Reply) -> None:
        """Append a line, or nothing.

        Raises:
            OSError: If there is no room for all of it; the attempt has to end then.
        """
        line = json.dumps(asdict(reply), ensure_ascii=False).encode() + b"\n"
        start = self._file.tell()
        try:
            self._put(line)
        except OSError:
            self._file.seek(start)  # or the next line would be glued to half of this
            self._file.truncate()
            raise

    def _put(self, line: bytes) -> None:
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)


class Checkpoint:
    """A folder with all that a run has finished so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out, until the end of the block or of this process.

        Python's child processes do not inherit the file, so that none of them holds it
        longer than that.

        Raises:
            InUseError: If another run is at it: both would pay, at twice the rate.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                msg = f"Another run is at {self.folder}; wait for its end, or end it."
                raise InUseError(msg) from None
            yield

    def open(self, settings: Mapping[str, Any], texts: Sequence[str]) -> None:
        """Begin a run, or go on with the one of the same settings.

        Args:
            settings: What has to stay the same.
            texts: What is asked about each record, in order. There may be more of them
                than before, behind those that were there.

        Raises:
            OtherRunError: If its settings or records were others, or if it had more
                records; results would be mixed up.
        """
        path = self.folder / "settings.json"
        if path.exists():
            before = json.loads(path.read_bytes())
            had = before.get("records", 0)
            if len(texts) < had:
                msg = f"{self.folder} holds a run of {had} records, not {len(texts)}."
                raise OtherRunError(msg)
            now = _described(settings, texts[:had])
            others = sorted(name for name in now if now[name] != before.get(name))
            if others:
                msg = f"{self.folder} holds a run with another {', '.join(others)}."
                raise OtherRunError(msg)
        write_whole(path, [json.dumps(_described(settings, texts), indent=1)])

    def replies(self, chunk: int) -> Iterator[Reply]:
        """All lines about a chunk, the oldest attempt first."""
        for number in count(1):
            path = _path(self.folder, chunk, number)
            if not path.exists():
                return
            yield from read(path)

    def finished(self, chunk: int) -> dict[int, Reply]:
        """By record, the reply that counts: the first with a result, else an error."""
        found: dict[int, Reply] = {}
        for reply in self.replies(chunk):
            for record in reply.results:
                if record not in found or record in found[record].errors:
                    found[record] = reply
            for record in reply.errors:
                found.setdefault(record, reply)
        return found


def read(path: Path) -> Iterator[Reply]:
    """The lines of a file that are whole."""
    *lines, rest = path.read_bytes().split(b"\n")
    replies = [_reply(line) for line in lines]
    if rest or None in replies:
        _log.warning("Something in %s cannot be read, and is done again.", path)
    yield from filter(None, replies)


def write_whole(path: Path, lines: Iterable[str]) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _described(settings: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    return {**settings, "records": len(texts), "digest of the records": digest}


def _reply(line: bytes) -> Reply | None:
    try:
        told = json.loads(line)
        results = {int(record): value for record, value in told["results"].items()}
        errors = {int(record): why for record, why in told["errors"].items()}
        return Reply(told["at"], told["worker"], told["usage"], results, errors)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _path(folder: Path, chunk: int, attempt: int) -> Path:
    return folder / f"chunk-{chunk:05}.{attempt}.jsonl"


def _sync_folder(folder: Path) -> None:
    """A file that was made or renamed is there after a power cut, too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
