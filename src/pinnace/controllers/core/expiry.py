"""Events are forgotten after an hour, as a cluster forgets them: they tell a story, they are no archive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from pinnace.controllers.built_in import EVENT
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import unix
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

KEPT = 3600.0
EVERY = 300.0
PAGE = 100


class Expiry:
    """Watches nothing: it lives beside the manager and looks at all Events every few minutes, in slices."""

    name = "expiry"
    watches: tuple[Resource, ...] = ()

    def __init__(self, client: Local, *, kept: float = KEPT, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.kept = kept
        self.clock = clock

    def keys(self, event: Event) -> tuple[Key, ...]:
        return ()

    async def reconcile(self, key: Key) -> Result:
        return Result()

    async def run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(EVERY)

    async def sweep(self) -> int:
        """How many Events were removed."""
        before = self.clock() - self.kept
        following, removed = "", 0
        while True:
            page = self.client.peek_list(EVENT, "", Selection(limit=PAGE, continue_=following))
            old = [event for event in page.items if 0 < last_seen(event) < before]
            if old:
                with suppress(StatusError):
                    await self.client.transact(
                        [Change(verb="delete", resource=EVENT, obj=each) for each in old]
                    )
                    removed += len(old)
            following = page.continue_
            if not following:
                return removed
            await asyncio.sleep(0)


def last_seen(event: Obj) -> float:
    """Unix time of the last occurrence, whichever of the two APIs wrote it."""
    series = event.get("series") or {}
    meta = event["metadata"]
    times = (
        series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"),
        meta.get("creationTimestamp"),
    )
    return max(unix(each) for each in times)
