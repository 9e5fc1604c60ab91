"""Finding the processes that a plain pod leaves behind: by session, and by a mark in their environment.

Without a pid namespace a program may leave its session or clear its environment; the two together find all
but one that does both. A small file of (pid, start) lets the next node find what this one had to leave.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from pinnace.home import Home

MARK = "PINNACE_POD"
SLACK = 1.0


class Process(msgspec.Struct, frozen=True):
    pid: int
    parent: int
    session: int
    start: float
    """Seconds since boot."""


class Orphans:
    """`born` and `end` bracket each process; `sweep` is for the next life of the node."""

    def __init__(self, home: Home) -> None:
        self.path = home.run / "node.sessions"
        self.prefix = hashlib.blake2s(str(home.root).encode(), digest_size=6).hexdigest()
        self.leaders: set[int] = set()
        self.file = -1

    def marked(self, env: Mapping[str, str], uid: str) -> dict[str, str]:
        return {**env, MARK: f"{self.prefix}/{uid}"}

    def born(self, pid: int) -> None:
        if self.file < 0:
            self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.leaders.add(pid)
        os.write(self.file, b"%d %.2f\n" % (pid, time.clock_gettime(boot_clock())))

    def end(self, pid: int, uid: str) -> None:
        """Kill what is left of this pod's process; costs one small read when nothing is."""
        self.leaders.discard(pid)
        for child in adopted(self.leaders):
            if mark_of(child) == f"{self.prefix}/{uid}":
                kill_tree(child)

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


def boot_clock() -> int:
    return getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def recorded(path: Path) -> Iterator[tuple[int, float]]:
    if path.exists():
        for line in path.read_text().splitlines():
            pid, _, start = line.partition(" ")
            if pid.isdigit():
                yield int(pid), float(start)


def adopted(leaders: set[int]) -> list[int]:
    """Children of this process that it did not start: orphans that came to the subreaper."""
    try:
        descriptor = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
    except OSError:
        return []
    try:
        text = os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)
    return [pid for pid in map(int, text.split()) if pid not in leaders]


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
