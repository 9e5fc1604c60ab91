"""Memory and CPU limits: control groups where this process may make them, else a watchdog on memory.

The watchdog adds up proportional memory (PSS) of a container's processes, so that shared pages count once,
and kills past the limit. Never RLIMIT_AS: address space is not memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pinnace.node.launchers import Handle

PERIOD = 0.25
CPU_PERIOD = 100_000
V1 = Path("/sys/fs/cgroup")


class Groups:
    """Control groups below our own: v2 if delegated, else v1. `make` returns folders to enter, or none."""

    def __init__(self, name: str) -> None:
        self.name = f"pinnace-{name}"
        self.memory: Path | None = None
        self.cpu: Path | None = None
        self.unified = False
        self.count = 0
        if sys.platform == "linux":
            self.find()

    def find(self) -> None:
        own = own_groups()
        unified = own.get("")
        if unified is not None and self.delegated(V1 / unified.lstrip("/")):
            self.unified = True
            return
        self.memory = self.usable(V1 / "memory" / own.get("memory", "/").lstrip("/"), "memory.limit_in_bytes")
        self.cpu = self.usable(V1 / "cpu" / own.get("cpu", "/").lstrip("/"), "cpu.cfs_quota_us")

    def delegated(self, group: Path) -> bool:
        """A cgroup v2 of ours, with the memory controller to hand on."""
        try:
            if "memory" not in (group / "cgroup.controllers").read_text().split():
                return False
            base = group / self.name
            base.mkdir(exist_ok=True)
            have = (group / "cgroup.subtree_control").read_text().split()
            if "memory" not in have:
                (group / "cgroup.subtree_control").write_text("+memory +cpu")
            (base / "cgroup.subtree_control").write_text("+memory +cpu")
        except OSError:
            return False
        self.memory = self.cpu = base
        return True

    def usable(self, parent: Path, needed: str) -> Path | None:
        base = parent / self.name
        try:
            base.mkdir(exist_ok=True)
            return base if os.access(base / needed, os.W_OK) else None
        except OSError:
            return None

    def make(self, memory: int, milli_cpu: int) -> tuple[str, ...]:
        """The folders whose `cgroup.procs` the container's first process must enter."""
        self.count += 1
        made: dict[str, Path] = {}
        if memory and self.memory:
            made["memory"] = self.memory / str(self.count)
        if milli_cpu and self.cpu:
            made["cpu"] = self.cpu / str(self.count)
        try:
            for path in made.values():
                path.mkdir(exist_ok=True)
            if "memory" in made:
                self.limit_memory(made["memory"], memory)
            if "cpu" in made:
                self.limit_cpu(made["cpu"], milli_cpu)
        except OSError:
            return ()
        return tuple(dict.fromkeys(map(str, made.values())))

    def limit_memory(self, group: Path, memory: int) -> None:
        (group / ("memory.max" if self.unified else "memory.limit_in_bytes")).write_text(str(memory))
        swap = group / ("memory.swap.max" if self.unified else "memory.memsw.limit_in_bytes")
        if swap.exists():
            swap.write_text("0" if self.unified else str(memory))

    def limit_cpu(self, group: Path, milli_cpu: int) -> None:
        quota = max(milli_cpu * CPU_PERIOD // 1000, 1000)
        if self.unified:
            (group / "cpu.max").write_text(f"{quota} {CPU_PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(CPU_PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))

    def killed(self, groups: tuple[str, ...]) -> bool:
        """Whether the kernel has killed for memory in one of them."""
        for group in groups:
            for name in ("memory.events", "memory.oom_control"):
                try:
                    lines = (Path(group) / name).read_text().splitlines()
                except OSError:
                    continue
                if any(line.startswith("oom_kill ") and not line.endswith(" 0") for line in lines):
                    return True
        return False

    def drop(self, groups: tuple[str, ...]) -> None:
        for group in groups:
            try:
                os.rmdir(group)
            except OSError:
                pass

    def close(self) -> None:
        for base in {self.memory, self.cpu} - {None}:
            assert base is not None
            for path in (*(p for p in base.iterdir() if p.is_dir()), base):
                self.drop((str(path),))


def own_groups() -> dict[str, str]:
    """Controller → path of this process; '' is the unified hierarchy."""
    found: dict[str, str] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            found[name] = path
    return found


class Watchdog:
    """Kills a container whose processes' memory passes its limit; `over` is told first."""

    def __init__(self, handle: Handle, limit: int, over: Callable[[], None]) -> None:
        self.handle = handle
        self.limit = limit
        self.over = over
        self.timer = asyncio.get_running_loop().call_later(PERIOD, self.look)

    def look(self) -> None:
        if sum(map(proportional, self.handle.members())) > self.limit:
            self.over()
            self.handle.kill()
        else:
            self.timer = asyncio.get_running_loop().call_later(PERIOD, self.look)

    def stop(self) -> None:
        self.timer.cancel()


def proportional(pid: int) -> int:
    """PSS in bytes; resident memory where the kernel does not say; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0 if sys.platform == "linux" else resident(pid)


def resident(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
