"""The queue of one controller: which keys wait, which are being worked on, which failed how often.

Plain data without a loop; `manager` turns what `take` gives into calls. A key that is offered while it is
being worked on is remembered and stands at the end of the line when its call is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pinnace.controllers.controller import Key, Reconciler
from pinnace.controllers.metrics import QueueMetrics

FIRST_DELAY = 0.005
LAST_DELAY = 60.0
CONCURRENCY = 16
"""Calls of one controller at a time. They share the loop; more of them share one fsync."""
CONFLICTS_AT_ONCE = 20
"""A key that loses this many times in a row has a writer that never stops: back off like any error."""


class Queue:
    def __init__(self, reconciler: Reconciler, metrics: QueueMetrics, clock: Callable[[], float]) -> None:
        self.reconciler = reconciler
        self.metrics = metrics
        self.concurrency: int = getattr(reconciler, "concurrency", CONCURRENCY)
        self._clock = clock
        self._line: deque[Key] = deque()
        self._waiting: dict[Key, float] = {}
        self._active: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._conflicts: dict[Key, int] = {}
        self._timers: dict[Key, float] = {}
        self._closed = False
        metrics.observe(self._waiting, self._active)

    def add(self, key: Key) -> bool:
        """True if a slot is free for it now."""
        if key in self._active:
            self._again.add(key)
            return False
        if key in self._waiting or self._closed:
            return False
        self._waiting[key] = self._clock()
        self._line.append(key)
        self.metrics.adds += 1
        return len(self._active) < self.concurrency

    def take(self) -> Key | None:
        """The next key to work on, if one waits and a slot is free."""
        if not self._line or len(self._active) >= self.concurrency or self._closed:
            return None
        key = self._line.popleft()
        now = self._clock()
        self.metrics.queued.observe(now - self._waiting.pop(key))
        self._active[key] = now
        self._timers.pop(key, None)
        return key

    def done(self, key: Key, began: float) -> None:
        self._active.pop(key, None)
        self.metrics.worked.observe(self._clock() - began)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def forgive(self, key: Key) -> None:
        if self._failures or self._conflicts:
            self._failures.pop(key, None)
            self._conflicts.pop(key, None)

    def blame(self, key: Key) -> float:
        """Count a failure; seconds until the next try: 5 ms, doubling, 60 s at most."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.metrics.retries += 1
        return min(FIRST_DELAY * 2.0 ** min(failures, 30), LAST_DELAY)

    def patience(self, key: Key) -> bool:
        conflicts = self._conflicts.get(key, 0) + 1
        self._conflicts[key] = conflicts
        return conflicts < CONFLICTS_AT_ONCE

    def postpone(self, key: Key, due: float) -> bool:
        """Remember the earliest look asked for; False if an earlier one is already set."""
        if self._timers.get(key, float("inf")) <= due or self._closed:
            return False
        self._timers[key] = due
        return True

    def due(self, key: Key, due: float) -> bool:
        """Whether this timer is still the key's own (a later call may have replaced it)."""
        if self._timers.get(key) != due:
            return False
        del self._timers[key]
        return True

    def close(self) -> None:
        self._closed = True
        self._line.clear()
        self._waiting.clear()
