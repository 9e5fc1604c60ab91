"""What the machine is not doing: shares of the CPU that bound pods hold and do not use.

A pod that sleeps or polls holds its share like one that computes; while the CPU idles and pods wait, `binder`
lends such shares to pods that asked for nothing in particular, as a cluster would have started them at once.
"""

from __future__ import annotations

from pinnace.controllers.pods.request import DEFAULT_SHARE

INTERVAL = 0.2
"""Seconds between two looks: long enough for what was just started to show."""
MOST = 110
"""Pods of one node, as upstream's kubelet has it; no more are lent to."""
SPARE_MEMORY = 0.25
"""Part of the memory that must be free: sleepers are many only while they are small."""


class Meter:
    def __init__(self) -> None:
        self._looked = 0.0
        self._idle = 0.0

    def idle(self, pods: int, now: float) -> int:
        """Whole default shares unused since the last look; 0 if that was just now or memory is short."""
        import psutil

        if now - self._looked < INTERVAL:
            return 0
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        cores = (idle - self._idle) / (now - self._looked)
        fresh = now - self._looked > 5 * INTERVAL
        self._looked, self._idle = now, idle
        if fresh or pods >= MOST or not _memory_to_spare():
            return 0
        return int(cores * 1000 / DEFAULT_SHARE)


def _memory_to_spare() -> bool:
    import psutil

    memory = psutil.virtual_memory()
    return bool(memory.available > SPARE_MEMORY * memory.total)
