"""What running containers use, measured when somebody asks: `kubectl top`, autoscalers.

Nobody asks: nothing is read. A measure is all processes below a container's first one: CPU as the difference
of two looks, memory as what is resident. Invariant: a look is made in a thread, and many who ask at once
share one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import msgspec

FRESH = 4.0
"""Seconds for which a measure is not taken again."""
STALE = 60.0
"""A look so old says nothing about now: two new ones are made."""
SHORTEST = 0.5
Place = tuple[str, str]
"""uid of the pod, name of the container"""


class Amount(msgspec.Struct, frozen=True):
    """Cores and bytes, between two unix times."""

    cpu: float
    memory: float
    since: float
    until: float


class Look(msgspec.Struct, frozen=True):
    """Seconds of CPU so far and resident bytes of each container, and of the machine."""

    at: float
    containers: dict[Place, tuple[int, float, float]]
    machine: tuple[float, float]


class Gauge:
    """`processes()`: container → its first process."""

    def __init__(self, processes: Callable[[], Mapping[Place, int]]) -> None:
        self._processes = processes
        self._looks: list[Look] = []
        self._lock = asyncio.Lock()
        self.containers: dict[Place, Amount] = {}
        self.machine = Amount(0.0, 0.0, 0.0, 0.0)

    async def refresh(self) -> None:
        """Have a measure that is not older than FRESH and knows everything that runs."""
        async with self._lock:
            now = time.time()
            last = self._looks[-1] if self._looks else None
            complete = last is not None and self._knows_all(last)
            if last is not None and complete and now - last.at < FRESH:
                return
            if last is None or not complete or now - last.at > STALE:
                self._looks = [await asyncio.to_thread(look, dict(self._processes()))]
                await asyncio.sleep(SHORTEST)
            self._looks = [*self._looks[-1:], await asyncio.to_thread(look, dict(self._processes()))]
            self._compare(*self._looks)

    def _knows_all(self, last: Look) -> bool:
        return self._processes().keys() <= last.containers.keys()

    def _compare(self, before: Look, after: Look) -> None:
        span = max(after.at - before.at, 0.001)
        self.containers = {}
        for place, (pid, seconds, memory) in after.containers.items():
            known = before.containers.get(place)
            if known is None or known[0] != pid:
                continue
            used = max(0.0, seconds - known[1]) / span
            self.containers[place] = Amount(used, memory, before.at, after.at)
        busy = max(0.0, after.machine[0] - before.machine[0]) / span
        self.machine = Amount(busy, after.machine[1], before.at, after.at)


def look(processes: Mapping[Place, int]) -> Look:
    import psutil

    parents: dict[int, list[int]] = {}
    used: dict[int, tuple[float, float]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error), process.oneshot():  # it may end meanwhile
            parents.setdefault(process.ppid(), []).append(process.pid)
            used[process.pid] = (sum(process.cpu_times()[:4]), float(process.memory_info().rss))
    found = {
        place: (pid, *_sum(_below(pid, parents), used)) for place, pid in processes.items() if pid in used
    }
    times, memory = psutil.cpu_times(), psutil.virtual_memory()
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
    return Look(time.time(), found, (busy, float(memory.total - memory.available)))


def _below(pid: int, parents: Mapping[int, list[int]]) -> Iterable[int]:
    found = [pid]
    for each in found:
        found += parents.get(each, ())
    return found


def _sum(pids: Iterable[int], used: Mapping[int, tuple[float, float]]) -> tuple[float, float]:
    each = [used[pid] for pid in pids if pid in used]
    return sum(seconds for seconds, _ in each), sum(memory for _, memory in each)
