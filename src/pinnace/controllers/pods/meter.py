"""What bound pods hold of the CPU and do not use, so that `binder` can lend it to pods that wait.

A pod that sleeps or polls holds its share like one that computes; a cluster would have started the next one
at once. What other programs of the machine do says nothing here: only the node's own descendants count, and
one that is ready to run counts whole even while others keep it from the CPU.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from pinnace.controllers.pods.request import DEFAULT_SHARE

INTERVAL = 0.25
"""Seconds between two looks: long enough for what was just started to show."""
MOST = 110
"""Pods of one node, as upstream's kubelet has it; no more are lent to."""
SPARE_MEMORY = 0.25
"""Part of the memory that must be free: sleepers are many only while they are small."""


class Look(msgspec.Struct, frozen=True):
    """The node's descendants at one moment: seconds of CPU so far, and how many are ready to run."""

    at: float
    seconds: float
    ready: int


class Meter:
    """`look` runs in a thread: it reads some hundred small files of /proc."""

    def __init__(self) -> None:
        self.last = Look(0.0, 0.0, 0)

    def due(self, now: float) -> bool:
        return now - self.last.at >= INTERVAL

    def idle(self, node: int, milli_cpu: int, pods: int, now: float) -> int:
        """Default shares of `milli_cpu` unused since the last look; 0 if that is too long ago to say."""
        before, self.last = self.last, Look(now, *descendants(node))
        if now - before.at > 5 * INTERVAL or pods >= MOST or not memory_to_spare():
            return 0
        return unused(before, self.last, milli_cpu)


def unused(before: Look, after: Look, milli_cpu: int) -> int:
    used = max(0.0, after.seconds - before.seconds) / (after.at - before.at)
    return max(0, int((milli_cpu / 1000 - max(used, after.ready)) * 1000 / DEFAULT_SHARE))


def descendants(node: int) -> tuple[float, int]:
    """Seconds of CPU that the processes below `node` have used, and how many of them are ready to run."""
    import psutil

    try:
        own = psutil.Process(node)
        mine = own.cpu_times()
        below = own.children(recursive=True)
    except psutil.Error:
        return 0.0, 0
    seconds, ready = mine.children_user + mine.children_system, 0
    for process in below:
        with suppress(psutil.Error), process.oneshot():  # one that ended meanwhile counts in who awaited it
            seconds += sum(process.cpu_times()[:4])
            ready += process.status() == psutil.STATUS_RUNNING
    return seconds, ready


def memory_to_spare() -> bool:
    import psutil

    memory = psutil.virtual_memory()
    return bool(memory.available > SPARE_MEMORY * memory.total)
