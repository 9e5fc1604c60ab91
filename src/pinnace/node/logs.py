"""Container logs: one O_APPEND file that the processes write themselves, and a sparse index of its growth.

The index (`<file>.idx`) is a row of 16-byte records (offset u64, unix microseconds u64, little endian, both
non-decreasing): the bytes from `offset` on were first seen at that time. So the time of a byte is that of the
last record at or before it. Past the limit the head becomes a hole: it reads as zeros, offsets stay true.

Most steps say nothing, and a new file costs more than their process: so a log begins as a spare, empty file,
gets its place in the pod's folder once it holds something (within PERIOD, at the latest with the container's
end), and serves the next container if it never did. No file at its place: an empty log.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import stat
import struct
import sys
import time
from concurrent.futures import Executor
from itertools import count
from pathlib import Path

RECORD = struct.Struct("<QQ")
PERIOD = 0.25
LIMIT = 100 * 1024 * 1024
RESULT_LIMIT = 256 * 1024
BLOCK = 4096
KEEP_SIZE, PUNCH_HOLE = 1, 2
SPARE = 128
APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
CREATE = APPEND | os.O_CREAT | os.O_EXCL


class Spares:
    """Empty files for logs to come. Opened anew by each: flags and locks of a description end with it."""

    def __init__(self, folder: Path, cleaner: Executor) -> None:
        from pinnace.node.roots import cleared

        cleared(folder, cleaner)
        self.folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.names: list[str] = []
        self.numbers = count()

    def take(self) -> tuple[str, int]:
        """Name in the pool, descriptor."""
        if self.names:
            name = self.names.pop()
            return name, os.open(name, APPEND, dir_fd=self.folder)
        name = str(next(self.numbers))
        return name, os.open(name, CREATE, 0o600, dir_fd=self.folder)

    def give(self, name: str, info: os.stat_result, *, alone: bool) -> None:
        """Back, unless a process may still hold it or has changed more than its times."""
        if alone and len(self.names) < SPARE and info.st_nlink == 1 and stat.S_IMODE(info.st_mode) == 0o600:
            self.names.append(name)
        else:
            os.unlink(name, dir_fd=self.folder)

    def settle(self, name: str, path: str) -> None:
        """Give it its place; whatever lies there is replaced."""
        try:
            os.mkdir(os.path.dirname(path), 0o700)
        except FileExistsError:
            pass
        os.rename(name, path, src_dir_fd=self.folder)


class Log:
    """One life of a container. `descriptor` is what its processes write to. With `on`, it goes on after an
    earlier one at the same place."""

    __slots__ = ("descriptor", "name", "path", "punched", "seen", "spares", "start")

    def __init__(self, path: str, spares: Spares, *, on: bool = False) -> None:
        self.path = path
        self.spares = spares
        self.seen = self.punched = 0
        if on and os.path.exists(path):
            self.name, self.descriptor = "", os.open(path, APPEND)
            self.seen = os.fstat(self.descriptor).st_size
        else:
            self.name, self.descriptor = spares.take()
        self.start = self.seen

    def settle(self) -> None:
        """From now on it lies at `path`."""
        if self.name:
            self.spares.settle(self.name, self.path)
            self.name = ""

    def sample(self) -> None:
        """Note growth since the last sample."""
        self.note(os.fstat(self.descriptor).st_size)

    def note(self, size: int) -> None:
        if size <= self.seen:
            return
        self.settle()
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
        self.settle()
        text = Path(self.path).read_bytes()[self.start :][-4096:].decode(errors="replace")
        os.ftruncate(self.descriptor, self.start)
        return text

    def close(self, *, alone: bool, limit: int = LIMIT) -> None:
        """`alone`: no process is left that could write. What came since the last sample is capped, too."""
        if self.descriptor < 0:
            return
        info = os.fstat(self.descriptor)
        try:
            self.note(info.st_size)
            self.cap(limit)
            if self.name:
                self.spares.give(self.name, info, alone=alone)
        except OSError as error:
            print(f"node: the log {self.path}: {error.strerror}", file=sys.stderr, flush=True)
        os.close(self.descriptor)
        self.descriptor = -1


class Sampler:
    """Samples all open logs every PERIOD, and rests while there are none."""

    def __init__(self, spares: Spares, limit: int = LIMIT) -> None:
        self.spares = spares
        self.limit = limit
        self.open: set[Log] = set()
        self.timer: asyncio.TimerHandle | None = None

    def add(self, log: Log) -> None:
        self.open.add(log)
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(PERIOD, self.tick)

    def end(self, log: Log, *, alone: bool = False) -> None:
        self.open.discard(log)
        log.close(alone=alone, limit=self.limit)

    def tick(self) -> None:
        self.timer = None
        for log in self.open:
            try:
                log.sample()
            except OSError:  # a full disk: the next tick tries again
                continue
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
