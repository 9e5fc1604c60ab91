"""How many workflows run at once: in all, and in each namespace. Who waits goes by priority, then by age.

Pure. Caller: `controller`, before a workflow is opened, and when one has ended. A workflow that was let in
stays in until its end, whatever becomes of the limits. Source: upstream workflow/sync/multi_throttler.go,
docs/parallelism.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pinnace.controllers.controller import Key

LABEL = "workflows.argoproj.io/parallelism-limit"
"""Of a Namespace: its own limit."""
POSTPONED = "Workflow processing has been postponed because too many workflows are already running"


class Throttle:
    """`limits` gives those of the configuration (in all, each namespace), `own` a namespace's or None; 0 is
    no limit."""

    def __init__(self, limits: Callable[[], tuple[int, int]], own: Callable[[str], int | None]) -> None:
        self.limits = limits
        self.own = own
        self.running: set[Key] = set()
        self._waiting: dict[Key, tuple[int, str]] = {}

    def admit(self, key: Key, priority: int, created: str) -> bool:
        """Whether it may run now; if not, `leave` of another or `serve` will name it."""
        if key not in self.running:
            self._waiting[key] = (-priority, created)
            self.serve()
        return key in self.running

    def force(self, key: Key) -> None:
        """It runs already, or is to be let in whatever the limits say."""
        self._waiting.pop(key, None)
        self.running.add(key)

    def leave(self, key: Key) -> list[Key]:
        """It has ended or is gone: who may come in its place."""
        known = key in self.running or key in self._waiting
        self.running.discard(key)
        self._waiting.pop(key, None)
        return self.serve() if known else []

    def serve(self) -> list[Key]:
        """Those that may run now and could not before."""
        if not self._waiting:
            return []
        total, each = self.limits()
        counts = Counter(key.namespace for key in self.running)
        found = []
        for key in sorted(self._waiting, key=self._waiting.__getitem__):
            if total and len(self.running) >= total:
                break
            own = self.own(key.namespace)
            limit = each if own is None else own
            if not limit or counts[key.namespace] < limit:
                counts[key.namespace] += 1
                self.running.add(key)
                found.append(key)
        for key in found:
            del self._waiting[key]
        return found
