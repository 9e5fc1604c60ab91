"""The contract of a controller, and the loop that keeps it.

A controller is level-triggered: it gets a key, never an event, reads what it needs and moves the world one
step towards the spec. It may be called again for a key at any time, also when nothing changed, and after a
crash of the whole process; whatever it did before must then be found, not done twice.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from pinnace.kinds.resource import Resource
from pinnace.store.interface import Event


class Key(NamedTuple):
    """Which object to look at. Cluster-scoped objects have namespace ''."""

    namespace: str
    name: str


class Result(msgspec.Struct, frozen=True):
    """`after`: look again in so many seconds even if nothing changes (timers are absolute in the object)."""

    after: float | None = None


class Reconciler(Protocol):
    """Raise StatusError with code 409 to be called again at once; any other exception is logged with its
    key and retried with exponential back-off (5 ms to 60 s)."""

    @property
    def name(self) -> str: ...

    @property
    def watches(self) -> tuple[Resource, ...]: ...

    def keys(self, event: Event) -> tuple[Key, ...]:
        """Which keys a change of a watched object touches (itself, its owner, what mounts it …)."""

    async def reconcile(self, key: Key) -> Result: ...
