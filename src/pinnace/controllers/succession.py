"""When the name of a Pod that has gone may be taken by its successor.

Controllers whose Pods have fixed names (StatefulSets, training jobs) ask here before they make one again.
`kubectl delete` and `kubectl wait --for=delete` read the object, then list it by name and watch for its end:
what was replaced between the two reads looks to them as if it had never gone, and they wait for ever. A
cluster is slow enough to hide that race; a name that rests for a moment hides it here. Nothing is written
down: after a crash of control a name may come back a moment too soon, never twice.
Source: kubernetes/kubectl pkg/cmd/wait/delete.go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pinnace.controllers.built_in import POD
from pinnace.store.interface import Event

REST = 0.25
"""Seconds between a Pod's end and its successor: many times what lies between two requests of a client."""


class Succession:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._free: dict[tuple[str, str], float] = {}
        """Names in the order in which they become free."""

    def note(self, event: Event) -> None:
        if event.resource == POD.key and event.type == "DELETED":
            self._forget()
            name = (event.namespace, event.name)
            self._free.pop(name, None)
            self._free[name] = self.clock() + REST

    def wait(self, namespace: str, name: str) -> float:
        """Seconds until the name is free; 0.0 if it is."""
        return max(0.0, self._free.get((namespace, name), 0.0) - self.clock())

    def longest(self, namespace: str, names: Iterable[str]) -> float:
        """Seconds until all of them are free."""
        return max((self.wait(namespace, name) for name in names), default=0.0)

    def _forget(self) -> None:
        now = self.clock()
        for name, free in list(self._free.items()):
            if free > now:
                return
            del self._free[name]
