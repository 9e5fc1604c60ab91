"""How long pods of one sort live: only those known to be short are bound ahead of a free core.

A thousand no-op steps must never wait for a commit between two of them; three training runs must not become
twenty at once. What two pods run (image, command, arguments' number) tells the sorts apart.
"""

from __future__ import annotations

from collections import OrderedDict

from pinnace.kinds.resource import Obj

SHORT = 0.3
"""Seconds from bound to reported."""
SORTS = 256


def sort_of(pod: Obj) -> int:
    containers = pod["spec"].get("containers") or [{}]
    first = containers[0]
    return hash((first.get("image"), tuple(first.get("command") or ()), len(first.get("args") or ())))


class Pace:
    def __init__(self) -> None:
        self._mean: OrderedDict[int, float] = OrderedDict()

    def ended(self, sort: int, seconds: float) -> None:
        known = self._mean.pop(sort, seconds)
        self._mean[sort] = known + (seconds - known) * 0.2
        if len(self._mean) > SORTS:
            self._mean.popitem(last=False)

    def short(self, sort: int) -> bool:
        return self._mean.get(sort, SHORT) < SHORT
