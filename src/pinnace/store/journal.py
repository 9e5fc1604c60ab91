"""What is acknowledged and not yet in the tables: two files that take turns, written by appending alone.

The writer appends a frame a group and syncs it; only then is the group answered. When a generation of groups
is sealed, the next one goes to the other file, and when the applier has it in the tables for good its file is
written over from the beginning. A file is never cut: writing over blocks that are there is the cheapest sync
that there is. `frames` reads what a process that died has left. Invariant: frames of one file grow in
revision; the first that does not, or whose sum is wrong, ends what counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

HEAD = 8
"""Bytes before a frame: its length, and the sum of what follows."""

_encode = msgspec.msgpack.Encoder().encode
Commit = list[Any]
"""The writes of one commit as plain values, see `batch.plain`."""


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """A group: the revision before it, the one after it, and its commits in order."""

    before: int
    after: int
    commits: list[Commit]


_decoder = msgspec.msgpack.Decoder(Frame)


def files(database: Path) -> tuple[Path, Path]:
    return database.with_name(f"{database.name}-recent0"), database.with_name(f"{database.name}-recent1")


class Journal:
    def __init__(self, database: Path) -> None:
        self._files = [open_private(path) for path in files(database)]
        self._paths = files(database)
        self._turn = 0
        self._offset = 0

    def append(self, before: int, after: int, commits: Sequence[Commit]) -> None:
        """On disk when it returns. Raises OSError; what was written of it then does not count."""
        body = _encode((before, after, commits))
        head = len(body).to_bytes(4, "little") + crc32(body).to_bytes(4, "little")
        file, offset = self._files[self._turn], self._offset
        pieces: list[Any] = [head, body]
        left = HEAD + len(body)
        while left:
            written = os.pwritev(file, pieces, offset)
            offset += written
            left -= written
            if left:
                rest = (head + body)[HEAD + len(body) - left :]
                pieces = [rest]
        sync(file)
        self._offset = offset

    def turn(self) -> None:
        """The next frame begins the other file anew. What was there must be in the tables."""
        self._turn = 1 - self._turn
        self._offset = 0

    def close(self, *, remove: bool) -> None:
        """`remove`: everything is in the tables."""
        for file, path in zip(self._files, self._paths, strict=True):
            os.close(file)
            if remove:
                path.unlink(missing_ok=True)


def open_private(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # it holds Secrets


def sync(file: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(file)
        return
    import fcntl  # macOS, where fsync does not reach the platter

    fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined,unused-ignore]


def frames(database: Path, after: int) -> Iterator[Frame]:
    """What follows revision `after`, in order, up to the first gap."""
    found = sorted((frame for path in files(database) for frame in _read(path)), key=lambda one: one.after)
    for frame in found:
        if frame.before == after:
            yield frame
            after = frame.after


def _read(path: Path) -> Iterator[Frame]:
    try:
        content = path.read_bytes()
    except OSError:
        return
    offset = newest = 0
    while len(content) - offset > HEAD:
        length = int.from_bytes(content[offset : offset + 4], "little")
        body = content[offset + HEAD : offset + HEAD + length]
        if len(body) < length or crc32(body) != int.from_bytes(content[offset + 4 : offset + HEAD], "little"):
            return
        frame = _decoder.decode(body)
        if frame.before < newest:  # of an earlier turn of this file
            return
        yield frame
        newest = frame.after
        offset += HEAD + length
