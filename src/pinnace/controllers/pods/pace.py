"""How long pods of one sort live and how quickly they end: how far ahead of a free core pods are bound.

A thousand no-op steps must never wait for a commit between two of them; three training runs must not become
twenty at once. What two pods run (image, command, arguments' number) tells the sorts apart. While many end
every second, a commit has its price for each of them, so the books may wait for company.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from math import exp

from pinnace.kinds.resource import Obj

SHORT = 0.3
"""Seconds from bound to reported."""
SORTS = 256
AHEAD = 16
"""Short pods bound beyond the cores, so that no core waits for a commit between two of them."""
MOST_AHEAD = 128
HORIZON = 0.1
"""Seconds of work that lie ready at the node: twice what a commit, and the company it waits for, take."""
MEMORY = 0.25
"""Seconds over which ends are counted."""
BUSY = 100.0
"""Ends a second from which on commits wait for company."""
COMPANY = 0.025
"""Seconds that the first of them waits at most."""


def sort_of(pod: Obj) -> int:
    containers = pod["spec"].get("containers") or [{}]
    first = containers[0]
    return hash((first.get("image"), tuple(first.get("command") or ()), len(first.get("args") or ())))


class Pace:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._mean: OrderedDict[int, float] = OrderedDict()
        self._clock = clock
        self._heat = 0.0
        self._counted = clock()

    def ended(self, sort: int, seconds: float) -> None:
        self._heat = self._now() + 1
        known = self._mean.pop(sort, seconds)
        self._mean[sort] = known + (seconds - known) * 0.2
        if len(self._mean) > SORTS:
            self._mean.popitem(last=False)

    def short(self, sort: int) -> bool:
        return self._mean.get(sort, SHORT) < SHORT

    @property
    def rate(self) -> float:
        """Pods that end in a second, of late."""
        return self._now() / MEMORY

    @property
    def ahead(self) -> int:
        """How many short pods may be bound beyond the cores: what ends within HORIZON, AHEAD at least."""
        return max(AHEAD, min(MOST_AHEAD, int(self.rate * HORIZON)))

    def _now(self) -> float:
        now = self._clock()
        self._heat *= exp((self._counted - now) / MEMORY)
        self._counted = now
        return self._heat
