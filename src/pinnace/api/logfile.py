"""Log files with their sparse time index, read backwards, forwards and while they grow.

The node appends raw bytes; beside a log lies `<log>.idx`, fixed records (offset u64, microseconds u64, little
endian): at that time the file was that long. So a byte's time is that of the first record beyond it.
Callers: `kube/podlogs`, `argo/lines`. Every read is bounded; nothing here holds a whole log.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

BLOCK = 32 * 1024
WINDOW = 512
RECORD = struct.Struct("<QQ")
LINE_LIMIT = 1024 * 1024
"""A longer line is treated as several."""


class Index:
    """The times of one log. A window of records is held, so reading forward costs one look-up in many."""

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(log.name + ".idx")
        self._log = log
        self._begin = 0
        self._offsets: list[int] = []
        self._times: list[int] = []

    def __len__(self) -> int:
        try:
            return self._path.stat().st_size // RECORD.size
        except FileNotFoundError:
            return 0

    def time_of(self, offset: int) -> float:
        """Unix seconds at which the byte at `offset` was there."""
        return self.span(offset)[0]

    def span(self, offset: int) -> tuple[float, int]:
        """The time of the byte at `offset`, and the offset up to which bytes have the same."""
        if not (self._offsets and self._begin <= offset < self._offsets[-1]):
            self._load(offset)
        place = bisect_right(self._offsets, offset)
        if place < len(self._offsets):
            return self._times[place] / 1e6, self._offsets[place]
        size = self._log.stat().st_size if self._log.exists() else 0
        return self._modified(), max(size, offset + 1)

    def _load(self, offset: int) -> None:
        """Hold the records from the first beyond `offset` on."""
        place = self._first(len(self), lambda record: record[0] > offset)
        self._begin = self._record(place - 1)[0] if place else 0
        raw = b""
        if self._path.exists():
            with self._path.open("rb") as file:
                raw = os.pread(file.fileno(), WINDOW * RECORD.size, place * RECORD.size)
        records = list(RECORD.iter_unpack(raw[: len(raw) // RECORD.size * RECORD.size]))
        self._offsets = [record[0] for record in records]
        self._times = [record[1] for record in records]

    def offset_at(self, seconds: float) -> int:
        """Every byte that was written at or after this time lies at or behind the returned offset."""
        count = len(self)
        place = self._first(count, lambda record: record[1] >= seconds * 1e6)
        if place == count and self._modified() < seconds:
            return self._log.stat().st_size if self._log.exists() else 0
        return self._record(place - 1)[0] if place else 0

    def _modified(self) -> float:
        try:
            return self._log.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _first(self, count: int, beyond: Callable[[tuple[int, int]], bool]) -> int:
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if beyond(self._record(middle)) else (middle + 1, high)
        return low

    def _record(self, place: int) -> tuple[int, int]:
        with self._path.open("rb") as file:
            offset, time = RECORD.unpack(os.pread(file.fileno(), RECORD.size, place * RECORD.size))
        return offset, time


def tail_offset(log: Path, lines: int) -> int:
    """Where the last `lines` lines begin (0: the end)."""
    end = log.stat().st_size
    if lines <= 0:
        return end
    with log.open("rb") as file:
        left, position = lines, end
        if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
            left -= 1
        while position > 0:
            begin = max(0, position - BLOCK)
            block = os.pread(file.fileno(), position - begin, begin)
            place = len(block)
            while (place := block.rfind(b"\n", 0, place)) >= 0:
                left -= 1
                if left < 0:
                    return begin + place + 1
            position = begin
    return 0


def next_line(log: Path, offset: int) -> int:
    """`offset` if a line begins there, else where the next one does (or the end)."""
    with log.open("rb") as file:
        if offset == 0 or os.pread(file.fileno(), 1, offset - 1) == b"\n":
            return offset
        while block := os.pread(file.fileno(), BLOCK, offset):
            place = block.find(b"\n")
            if place >= 0:
                return offset + place + 1
            offset += len(block)
    return offset


def blocks(log: Path, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of the file from `offset` to `end`, in whole lines where lines are not enormous."""
    with log.open("rb") as file:
        while offset < end:
            block = os.pread(file.fileno(), min(BLOCK, end - offset), offset)
            if not block:
                return
            cut = block.rfind(b"\n") + 1
            if cut and offset + len(block) < end:
                block = block[:cut]
            yield offset, block
            offset += len(block)


def stamp(seconds: float) -> bytes:
    """RFC 3339 with nanoseconds, as the kubelet writes times before lines."""
    whole = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{int(seconds % 1 * 1e6):06d}000Z".encode()
