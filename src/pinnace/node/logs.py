"""Container logs: one O_APPEND file that the processes write themselves, and a sparse index of its growth.

The index (`<file>.idx`) is a row of 16-byte records (offset u64, unix microseconds u64, little endian, both
non-decreasing): the bytes from `offset` on were first seen at that time. So the time of a byte is that of the
last record at or before it. Past the limit the head becomes a hole: it reads as zeros, offsets stay true.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
import time
from pathlib import Path

RECORD = struct.Struct("<QQ")
PERIOD = 0.25
LIMIT = 100 * 1024 * 1024
RESULT_LIMIT = 256 * 1024
BLOCK = 4096
KEEP_SIZE, PUNCH_HOLE = 1, 2


class Log:
    """One life of a container. `descriptor` is what its processes write to."""

    __slots__ = ("descriptor", "path", "punched", "seen")

    def __init__(self, path: str) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        self.descriptor = os.open(path, flags, 0o600)
        self.seen = 0
        self.punched = 0

    def sample(self) -> None:
        """Note growth since the last sample."""
        size = os.fstat(self.descriptor).st_size
        if size <= self.seen:
            return
        record = RECORD.pack(self.seen, time.time_ns() // 1000)
        index = os.open(f"{self.path}.idx", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            os.write(index, record)
        finally:
            os.close(index)
        self.seen = size

    def cap(self, limit: int) -> None:
        """Give the blocks before the last `limit` bytes back to the disk."""
        end = (self.seen - limit) // BLOCK * BLOCK
        if end - self.punched >= max(limit // 8, BLOCK) and punch(self.descriptor, self.punched, end):
            self.punched = end

    def undo(self) -> str:
        """Take back what a launcher has written instead of the container; returns it."""
        text = Path(self.path).read_bytes()[-4096:].decode(errors="replace")
        os.ftruncate(self.descriptor, 0)
        return text

    def close(self) -> None:
        if self.descriptor >= 0:
            self.sample()
            os.close(self.descriptor)
            self.descriptor = -1


class Sampler:
    """Samples all open logs every PERIOD, and rests while there are none."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.open: set[Log] = set()
        self.timer: asyncio.TimerHandle | None = None

    def add(self, log: Log) -> None:
        self.open.add(log)
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(PERIOD, self.tick)

    def end(self, log: Log) -> None:
        self.open.discard(log)
        log.close()

    def tick(self) -> None:
        self.timer = None
        for log in self.open:
            log.sample()
            if log.seen - log.punched > self.limit:
                log.cap(self.limit)
        if self.open:
            self.timer = asyncio.get_running_loop().call_later(PERIOD, self.tick)


class Tail:
    """Standard output that passes the node because a later step wants it: on to the log, the end kept."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.read, self.write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.write, True)
        self.kept = bytearray()
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.read, self.take)

    def started(self) -> None:
        os.close(self.write)

    def take(self) -> bool:
        """Move what is there; False at the end."""
        try:
            data = os.read(self.read, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            self.loop.remove_reader(self.read)
            return False
        os.write(self.log.descriptor, data)
        self.kept += data
        if len(self.kept) > 2 * RESULT_LIMIT:
            del self.kept[:-RESULT_LIMIT]
        return True

    def finish(self) -> str:
        """The result: the last 256 KiB, one newline less. Call when the last process is gone."""
        while self.take():
            pass
        self.loop.remove_reader(self.read)
        os.close(self.read)
        return bytes(self.kept[-RESULT_LIMIT:]).decode(errors="replace").removesuffix("\n")


def punch(descriptor: int, start: int, end: int) -> bool:
    """fallocate(PUNCH_HOLE); False where the file system cannot."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    call = libc.fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return bool(call(descriptor, KEEP_SIZE | PUNCH_HOLE, start, end - start) == 0)
