"""Finding the processes that a plain pod leaves behind: by session, and by a mark in their environment.

Without a pid namespace a program may leave its session or clear its environment; the two together find all
but one that does both. A small table of (pid, start) lets the next node find what this one had to leave: a
file mapped into memory, so that writing to it costs no system call and outlives a kill.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import msgspec

from pinnace.home import Home

MARK = "PINNACE_POD"
SLACK = 1.0
SLOT = struct.Struct("<qd")
SLOTS = 4096
READ = 1 << 12


BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Process(msgspec.Struct, frozen=True):
    pid: int
    parent: int
    session: int
    start: float
    """Seconds since boot."""


class Orphans:
    """`born` and `end` bracket each process; `sweep` is for the next life of the node."""

    def __init__(self, home: Home, started: Container[int]) -> None:
        """`started`: the pids that this node waits for. Other children of it are orphans."""
        self.started = started
        self.path = home.run / "node.sessions"
        self.prefix = hashlib.blake2s(str(home.root).encode(), digest_size=6).hexdigest()
        self.leaders: dict[int, int] = {}
        """Pid of each process that lives → its slot in the table."""
        self.free: list[int] = []
        self.table: mmap.mmap | None = None
        self.children = -1

    def marked(self, env: Mapping[str, str], uid: str) -> dict[str, str]:
        return {**env, MARK: f"{self.prefix}/{uid}"}

    def born(self, pid: int) -> None:
        table = self.table = self.table or self.make()
        slot = self.free.pop() if self.free else -1
        self.leaders[pid] = slot
        if slot >= 0:  # beyond so many at once, the mark alone has to do
            SLOT.pack_into(table, slot, pid, time.clock_gettime(BOOT_CLOCK))

    def make(self) -> mmap.mmap:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            size = SLOTS * SLOT.size
            os.ftruncate(descriptor, size)
            self.free = list(range(0, size, SLOT.size))
            return mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)

    def end(self, pid: int, uid: str) -> bool:
        """Kill what is left of this pod's process: one small read when nothing is. True: nothing was."""
        slot = self.leaders.pop(pid, -1)
        if slot >= 0 and self.table is not None:
            SLOT.pack_into(self.table, slot, 0, 0.0)
            self.free.append(slot)
        strangers = self.adopted()
        for child in strangers:
            if mark_of(child) == f"{self.prefix}/{uid}":
                kill_tree(child)
        return not strangers and sys.platform == "linux"

    def adopted(self) -> list[int]:
        """Children of this process that it did not start: orphans that came to the subreaper."""
        return [pid for pid in map(int, self.own_children().split()) if pid not in self.started]

    def own_children(self) -> bytes:
        if self.children < 0:
            try:
                self.children = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
            except OSError:
                return b""
        text = os.pread(self.children, READ, 0)
        return text if len(text) < READ // 2 else whole(self.children)

    def session(self, pid: int) -> list[int]:
        return [p.pid for p in processes() if p.session == pid]

    def sweep(self) -> None:
        """Kill what an earlier node of this home has started, then forget it."""
        known = dict(recorded(self.path))
        for process in processes():
            begun = known.get(process.session)
            mine = begun is not None and process.start >= begun - SLACK
            if process.pid != os.getpid() and (mine or mark_of(process.pid).startswith(self.prefix + "/")):
                kill(process.pid)
        self.path.unlink(missing_ok=True)


def recorded(path: Path) -> Iterator[tuple[int, float]]:
    if path.exists():
        table = path.read_bytes()
        for pid, start in SLOT.iter_unpack(table[: len(table) // SLOT.size * SLOT.size]):
            if pid > 0:
                yield pid, start


def whole(descriptor: int) -> bytes:
    """A longer list of children: procfs gives it a page at a time."""
    parts: list[bytes] = []
    while part := os.pread(descriptor, 1 << 16, sum(map(len, parts))):
        parts.append(part)
    return b"".join(parts)


def mark_of(pid: int) -> str:
    """The pod that a process says it belongs to, '' for none."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    start = environ.find(MARK.encode() + b"=")
    if start < 0 or (start > 0 and environ[start - 1]):
        return ""
    return environ[start + len(MARK) + 1 :].split(b"\0", 1)[0].decode(errors="replace")


def processes() -> Iterator[Process]:
    if sys.platform != "linux":
        yield from portable_processes()
        return
    ticks = os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            yield Process(int(name), int(fields[1]), int(fields[3]), int(fields[19]) / ticks)


def portable_processes() -> Iterator[Process]:
    import psutil

    booted = psutil.boot_time()
    for process in psutil.process_iter(["pid", "ppid", "create_time"]):
        try:
            session = os.getsid(process.pid)
        except OSError:
            continue
        yield Process(process.pid, process.info["ppid"] or 0, session, process.info["create_time"] - booted)


def kill_tree(pid: int) -> None:
    children: dict[int, list[int]] = {}
    for process in processes():
        children.setdefault(process.parent, []).append(process.pid)
    doomed = [pid]
    for parent in doomed:
        doomed += children.get(parent, [])
    for each in doomed:
        kill(each)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
