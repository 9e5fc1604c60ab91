"""Watches: the store's log turned into what each watcher asked to see.

One `Hub` stands for all identities. It listens to the store and hands each event to the watchers of its
resource through a bounded queue. Invariant: a watcher that does not keep up is closed (its client comes back
with its last resourceVersion); it never makes another one wait.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import Any

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.client import WatchEvent
from pinnace.objects.document import presented
from pinnace.objects.projection import Projection
from pinnace.objects.selector import Selector, matches
from pinnace.store.interface import Compacted, Event, Store

QUEUE = 20_000
BOOKMARK_SECONDS = 60.0
INITIAL_END = "k8s.io/initial-events-end"
BUDGET = 2 << 20
"""Bytes of pictures a second for one watcher: what it is sent grows with a run's nodes, not with their
square."""


class Watcher:
    """The queue of one watch. `after` is the revision up to which its client knows the world."""

    def __init__(
        self, resource: Resource, namespace: str, selector: Selector, projection: Projection | None,
        *, unfinished: bool = False,
    ) -> None:
        self.resource = resource
        self.namespace = namespace
        self.selector = selector
        self.projection = projection
        self.unfinished = unfinished
        self.rest_until = 0.0
        self.after = 0
        self.queue: deque[Event] = deque()
        self.wake = asyncio.Event()
        self.closed = False
        self.seen: set[tuple[str, str]] = set()

    def offer(self, event: Event) -> None:
        if self.namespace and event.namespace != self.namespace:
            return
        if len(self.queue) >= QUEUE:
            self.close()
            return
        if not self.closed:
            self.queue.append(event)
            self.wake.set()

    def close(self) -> None:
        self.closed = True
        self.queue.clear()
        self.wake.set()

    def next(self) -> tuple[str, Obj] | None:
        """The next event that this watcher is to see, as what and of which document; None: there is none, or
        none before `rest_until`."""
        while self.queue:
            if self._resting(self.queue[0]):
                return None
            event = self.queue.popleft()
            if event.rv <= self.after:
                continue
            if not self.queue or self.queue[0].rv > event.rv:
                # events of one commit may share a revision: it is passed when the last of them is
                self.after = event.rv
            if self.projection is not None and self._overtaken(event):
                continue
            kind = self._kind(event)
            if kind:
                return kind, event.obj
        return None

    async def shown(self, kind: str, obj: Obj) -> WatchEvent:
        if self.projection is not None:
            obj = await self.projection.passing(obj, unfinished=self.unfinished)
            self.rest_until = time.monotonic() + self.projection.weight(obj) / BUDGET
        return WatchEvent(kind, presented(self.resource, obj))

    def _resting(self, event: Event) -> bool:
        """Pictures between the first and the last may wait; one that is overtaken by then is never drawn."""
        if self.projection is None or event.type != "MODIFIED" or self._overtaken(event, after=1):
            return False
        return time.monotonic() < self.rest_until and not self.projection.settled(event.obj)

    def pause(self) -> float | None:
        """Seconds until a resting event is due; None if nothing rests."""
        return max(0.0, self.rest_until - time.monotonic()) if self.queue else None

    def _overtaken(self, event: Event, after: int = 0) -> bool:
        """The picture is put together when it is read: an older change of the same object says nothing."""
        return event.type == "MODIFIED" and any(
            later.name == event.name and later.namespace == event.namespace and later.type == "MODIFIED"
            for later in islice(self.queue, after, after + 64)
        )

    def _kind(self, event: Event) -> str:
        key = (event.namespace, event.name)
        if self.selector.changing:
            before, after = key in self.seen, self.selector.fits(event.obj)
            (self.seen.add if after and event.type != "DELETED" else self.seen.discard)(key)
        else:
            if not self.selector.fits_fields(event.obj):
                return ""
            labels = event.obj["metadata"].get("labels") or {}
            after = matches(self.selector.labels, labels)
            old = labels if event.labels is None else event.labels
            before = matches(self.selector.labels, old)
        if event.type == "ADDED":
            return "ADDED" if after else ""
        if event.type == "DELETED":
            return "DELETED" if before or after else ""
        return {(True, True): "MODIFIED", (False, True): "ADDED", (True, False): "DELETED"}.get(
            (before, after), ""
        )


class Hub:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._watchers: dict[str, set[Watcher]] = {}
        self._stop = store.listen(self.publish)

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            for watcher in tuple(self._watchers.get(event.resource, ())):
                watcher.offer(event)

    def watching(self, key: str) -> bool:
        return bool(self._watchers.get(key))

    def close(self) -> None:
        self._stop()
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close()

    async def watch(
        self, watcher: Watcher, since: int | None, *, bookmarks: bool, initial_end: bool = False
    ) -> AsyncIterator[WatchEvent]:
        """`since=None`: the present state first, as ADDED events; else the log after that revision."""
        queues = self._watchers.setdefault(watcher.resource.key, set())
        queues.add(watcher)
        try:
            try:
                for obj in self._begin(watcher, since):
                    yield await watcher.shown("ADDED", obj)
            except Compacted:
                yield WatchEvent("ERROR", refusals.too_old(since or 0, self.store.rv).status())
                return
            if bookmarks and initial_end:
                yield _bookmark(watcher, end=True)
            async for event in self._follow(watcher, bookmarks):
                yield event
        finally:
            queues.discard(watcher)

    def _begin(self, watcher: Watcher, since: int | None) -> list[Obj]:
        """The documents with which the watch begins; what it missed stands in its queue."""
        key, namespace = watcher.resource.key, watcher.namespace or None
        if since is None or watcher.selector.changing:
            listing = self.store.list(key, namespace, labels=watcher.selector.labels)
            fitting = [obj for obj in listing.items if watcher.selector.fits_fields(obj)]
            watcher.seen = {
                (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) for obj in fitting
            }
            if since is None:
                watcher.after = listing.rv
                return fitting
        if since is not None:
            watcher.after = since
            missed = list(self.store.events(key, since, namespace))
            live = [event for event in watcher.queue if not missed or event.rv > missed[-1].rv]
            watcher.queue = deque(missed + live)
            watcher.wake.set()
        return []

    async def _follow(self, watcher: Watcher, bookmarks: bool) -> AsyncIterator[WatchEvent]:
        told = time.monotonic()
        while True:
            while (change := watcher.next()) is not None:
                yield await watcher.shown(*change)
            if watcher.closed:
                return
            watcher.wake.clear()
            pause = watcher.pause()
            try:
                left = told + BOOKMARK_SECONDS - time.monotonic() if bookmarks else None
                await asyncio.wait_for(watcher.wake.wait(), left if pause is None else pause)
            except TimeoutError:
                if pause is not None:
                    continue
                told = time.monotonic()
                yield _bookmark(watcher)


def _bookmark(watcher: Watcher, *, end: bool = False) -> WatchEvent:
    metadata: dict[str, Any] = {"resourceVersion": str(watcher.after), "creationTimestamp": None}
    if end:
        metadata["annotations"] = {INITIAL_END: "true"}
    resource = watcher.resource
    return WatchEvent(
        "BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    )
