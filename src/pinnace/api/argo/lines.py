"""Lines of log files with the pod that said them and when, merged by time.

Files are opened for each read only, so that a workflow of thousands of pods holds no descriptors. All reading
blocks: the caller (`logs`) does it beside the loop.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from pinnace.api import logfile
from pinnace.api.argo.errors import invalid

BLOCK = 64 * 1024
LINE = 1024 * 1024
"""A longer line is told as several."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """`since` in unix seconds; `limit` in bytes of each pod."""

    tail: int | None = None
    since: float | None = None
    limit: int | None = None
    timestamps: bool = False
    grep: str = ""


class Line(msgspec.Struct, frozen=True):
    time: float
    content: str
    pod: str

    def message(self) -> dict[str, str]:
        return {"content": self.content, "podName": self.pod}


def moment(query: dict[str, str]) -> float | None:
    """`logOptions.sinceTime`: RFC 3339, or seconds and nanoseconds. StatusError 400."""
    text = query.get("logOptions.sinceTime", "")
    try:
        if text:
            return datetime.fromisoformat(text).timestamp()
        if seconds := query.get("logOptions.sinceTime.seconds", ""):
            return int(seconds) + int(query.get("logOptions.sinceTime.nanos") or 0) / 1e9
    except (ValueError, OverflowError):
        raise invalid(f"logOptions.sinceTime: {text[:60]!r} is not an RFC 3339 time") from None
    return None


def pattern(text: str) -> Callable[[str], bool]:
    """Whether a line holds what is looked for; linear in its length, whatever the expression. ValueError."""
    if not text:
        return lambda line: True
    import re2

    try:
        search = re2.compile(text).search
    except re2.error as problem:
        raise ValueError(f"{text[:100]!r} is no regular expression: {problem}") from None
    return lambda line: search(line) is not None


class Tail:
    """One pod's log, from where it is wanted on. `dry`: the last read found no more."""

    def __init__(self, pod: str, uid: str, path: Path, wanted: Wanted) -> None:
        self.pod, self.uid, self.path, self.wanted = pod, uid, path, wanted
        self.index = logfile.Index(path)
        self.offset = -1
        self.left = wanted.limit
        self.dry = False
        self.last = 0.0

    def __iter__(self) -> Iterator[Line]:
        """To the end, the last line even if no newline ends it."""
        while found := self.more(last=True):
            yield from found

    def more(self, *, last: bool = False) -> list[Line]:
        """The next whole lines; `last`: what no newline ends yet too."""
        if self.offset < 0 and not self._begin():
            self.dry = True
            return []
        block = self._read()
        cut = block.rfind(b"\n") + 1
        if not cut and (len(block) >= LINE or last or self.dry):
            cut = len(block)
        found: list[Line] = []
        position = self.offset
        for part in _parts(block[:cut]):
            if self.left is not None and self.left <= 0:
                break
            found.append(self._line(position, part))
            position += len(part)
            if self.left is not None:
                self.left -= len(part)
        self.offset += cut
        self.dry = cut == 0
        return found

    def _read(self) -> bytes:
        if self.left is not None and self.left <= 0:
            return b""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError:
            return b""
        try:
            block = os.pread(descriptor, BLOCK, self.offset)
            while b"\n" not in block and BLOCK <= len(block) < LINE:
                block += os.pread(descriptor, BLOCK, self.offset + len(block))
            return block
        finally:
            os.close(descriptor)

    def _begin(self) -> bool:
        if not self.path.exists():
            return False
        offset = 0
        if self.wanted.since is not None:
            offset = logfile.next_line(self.path, self.index.offset_at(self.wanted.since))
        if self.wanted.tail is not None:
            offset = max(offset, logfile.tail_offset(self.path, self.wanted.tail))
        self.offset = offset
        return True

    def _line(self, offset: int, raw: bytes) -> Line:
        # What the index does not cover yet has the file's time, which ticks more coarsely.
        time = self.last = max(self.last, self.index.time_of(offset))
        content = raw.removesuffix(b"\n").decode(errors="replace")
        if self.wanted.timestamps:
            content = f"{logfile.stamp(time).decode()} {content}"
        return Line(time, content, self.pod)


def _parts(block: bytes) -> list[bytes]:
    """Lines end at newlines only (a carriage return redraws one)."""
    parts = block.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def merged(tails: list[Tail]) -> Iterator[Line]:
    """Of all, the earliest first; lines of one pod keep their order."""
    return heapq.merge(*tails, key=lambda line: line.time)
