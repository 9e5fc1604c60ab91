"""Runs reconcilers: watch events become keys, keys become calls, errors become delays.

`cli`'s control process builds one Manager with every controller. A controller has one queue, in which a key
stands at most once; a key is never in two calls at a time; keys are served in the order in which they came.
What the callback of an event costs is paid by every write of the platform, so it only looks up and appends.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from pinnace.controllers.controller import Key, Reconciler
from pinnace.controllers.metrics import Metrics
from pinnace.controllers.queue import Queue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Client, Selection
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event

log = logging.getLogger("pinnace.controllers")

GLANCE = 10.0
"""Seconds after which a waiting alarm looks whether the clock on the wall has jumped: the one that it waits
by stands still while a machine sleeps."""
JUMP = 1.0
PAGE = 100
"""Objects read in one turn of the loop at start: some milliseconds."""
SLICE = 0.0005
"""Seconds after which a queue whose calls never wait lets the loop serve others."""


class Source(Client, Protocol):
    """What the manager needs of `Local` besides the verbs: committed events, in order, on the loop."""

    def listen(self, callback: Callable[[Sequence[Event]], None]) -> Callable[[], None]: ...


@runtime_checkable
class Companion(Protocol):
    """A reconciler that also lives beside its calls (a connection, a clock): run until cancelled, and begun
    when everything that stood at the start has been through its `keys`."""

    def run(self) -> Coroutine[Any, Any, None]: ...


@runtime_checkable
class Counting(Protocol):
    """A reconciler with metrics of its own."""

    def measured(self) -> Iterable[str]:
        """Lines in the Prometheus text format."""


@runtime_checkable
class Waking(Protocol):
    """A reconciler that asks for calls by itself (news from a node, a timer): gets its queue's door."""

    wake: Callable[[Key], None]


@runtime_checkable
class Owning(Protocol):
    """A reconciler that of some resources wants only what certain kinds control. Most pods are somebody's:
    most reconcilers that watch pods need not be asked about most of them."""

    owners: Mapping[str, frozenset[str]]
    """Resource key → kinds; '' stands for what nobody controls."""


class Audience:
    """Who is asked about an event of one resource: all of these, and some by the kind of its controller."""

    def __init__(self) -> None:
        self.all: list[Queue] = []
        self.by_owner: dict[str, list[Queue]] = {}

    def admit(self, queue: Queue, resource: str) -> None:
        reconciler = queue.reconciler
        kinds = reconciler.owners.get(resource) if isinstance(reconciler, Owning) else None
        if kinds is None:
            self.all.append(queue)
        for kind in kinds or ():
            self.by_owner.setdefault(kind, []).append(queue)

    def of(self, obj: Obj) -> list[Queue]:
        if not self.by_owner:
            return self.all
        return self.all + self.by_owner.get(_controlling_kind(obj), [])


class Manager:
    """`await Manager(client, reconcilers).run()` until cancelled or `stop()`; `synced` is set once every
    object that stood there at the start has been handed to its controllers."""

    def __init__(
        self,
        client: Source,
        reconcilers: Sequence[Reconciler],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.clock = clock
        self.wall = wall
        self._offset = wall() - clock()
        self.metrics = Metrics()
        self.queues: list[Queue] = []
        self.synced = asyncio.Event()
        self._by_resource: dict[str, Audience] = {}
        self._companions: list[asyncio.Task[None]] = []
        self._admit(reconcilers)
        self._timers: list[tuple[float, int, Queue, Key]] = []
        self._sequence = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = float("inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone: list[set[tuple[str, str, str]]] = []
        """What was deleted while a listing is under way, for each listing."""
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        stop_feed = self.client.listen(self.feed)
        try:
            queues = list(self.queues)
            await self._resync(queues)
            self.synced.set()
            self._begin_companions(queues)
            await self._stopping.wait()
        finally:
            stop_feed()
            await self._end()

    async def join(self, reconcilers: Sequence[Reconciler]) -> None:
        """More controllers, while the others are at work; returns when all that stood there is handed to
        them."""
        queues = self._admit(reconcilers)
        await self.synced.wait()
        await self._resync(queues)
        self._begin_companions(queues)

    def _admit(self, reconcilers: Sequence[Reconciler]) -> list[Queue]:
        queues = [Queue(each, self.metrics.queue(each.name), self.clock) for each in reconcilers]
        self.queues += queues
        for queue in queues:
            if isinstance(queue.reconciler, Waking):
                queue.reconciler.wake = partial(self._add, queue)
            if isinstance(queue.reconciler, Counting):
                self.metrics.others.append(queue.reconciler.measured)
            for resource in queue.reconciler.watches:
                self._by_resource.setdefault(resource.key, Audience()).admit(queue, resource.key)
        return queues

    def _begin_companions(self, queues: Sequence[Queue]) -> None:
        self._companions += [
            asyncio.create_task(self._accompany(queue.reconciler), name=queue.reconciler.name)
            for queue in queues
            if isinstance(queue.reconciler, Companion)
        ]

    def stop(self) -> None:
        """Let `run` return; calls under way are cancelled at their next await, which is as safe as a
        crash."""
        self._stopping.set()

    def feed(self, events: Sequence[Event]) -> None:
        """Take committed events; called by the client on the loop, in revision order."""
        by_resource = self._by_resource
        for event in events:
            audience = by_resource.get(event.resource)
            if audience is None:
                continue
            if self._gone and event.type == "DELETED":
                for gone in self._gone:
                    gone.add((event.resource, event.namespace, event.name))
            for queue in audience.of(event.obj):
                self._offer(queue, event)

    def enqueue(self, controller: str, key: Key) -> None:
        """Ask for a look at a key from outside of events (a timer of another room, a person's command)."""
        for queue in self.queues:
            if queue.reconciler.name == controller:
                self._add(queue, key)

    def _offer(self, queue: Queue, event: Event) -> None:
        try:
            keys = queue.reconciler.keys(event)
        except Exception:
            log.exception("%s: keys of %s %s/%s", queue.reconciler.name, event.resource, *_place(event))
            return
        for key in keys:
            self._add(queue, key)

    def _add(self, queue: Queue, key: Key) -> None:
        if queue.add(key):
            self._start(queue)

    def _start(self, queue: Queue) -> None:
        while (key := queue.take()) is not None:
            task = asyncio.get_running_loop().create_task(self._serve(queue, key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, queue: Queue, key: Key) -> None:
        """One slot of a queue: this key, then whatever waits, so that a busy queue starts no new tasks."""
        following: Key | None = key
        pause_at = self.clock() + SLICE
        while following is not None:
            await self._call(queue, following)
            following = queue.take()
            if self.clock() > pause_at:
                await asyncio.sleep(0)
                pause_at = self.clock() + SLICE

    async def _call(self, queue: Queue, key: Key) -> None:
        began = self.clock()
        outcome = "success"
        after: float | None = None
        try:
            result = await queue.reconciler.reconcile(key)
            after = result.after
            outcome = "success" if after is None else "requeue_after"
            queue.forgive(key)
        except StatusError as error:
            outcome, after = self._refused(queue, key, error)
        except Exception:
            outcome, after = "error", queue.blame(key)
            log.exception("%s: %s/%s failed; again in %.3f s", queue.reconciler.name, *key, after)
        finally:
            queue.done(key, began)
        queue.metrics.reconciled(outcome, self.clock() - began)
        if outcome == "conflict":
            queue.add(key)
        elif after is not None:
            self._after(queue, key, after)

    def _refused(self, queue: Queue, key: Key, error: StatusError) -> tuple[str, float | None]:
        """A 409 says that somebody was faster: look again at once, unless it goes on and on."""
        if error.code == 409 and queue.patience(key):
            return "conflict", None
        after = queue.blame(key)
        log.warning("%s: %s/%s: %s; again in %.3f s", queue.reconciler.name, *key, error.message, after)
        return "error", after

    def _after(self, queue: Queue, key: Key, seconds: float) -> None:
        due = self.clock() + max(0.0, seconds)
        if not queue.postpone(key, due):
            return
        self._sequence += 1
        heapq.heappush(self._timers, (due, self._sequence, queue, key))
        if due < self._alarm_at:
            self._set_alarm(due)

    def _set_alarm(self, due: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        delay = min(max(0.0, due - self.clock()), GLANCE)
        self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        now = float("inf") if self._jumped() else self.clock()
        self._alarm_at = float("inf")
        while self._timers and self._timers[0][0] <= now:
            due, _, queue, key = heapq.heappop(self._timers)
            if queue.due(key, due):
                self._add(queue, key)
        if self._timers:
            self._set_alarm(self._timers[0][0])

    def _jumped(self) -> bool:
        """A lid was closed, or somebody set the clock: what waits for a time of day may be overdue, and being
        asked too early harms nobody."""
        offset, before = self.wall() - self.clock(), self._offset
        self._offset = offset
        return abs(offset - before) > JUMP

    async def _resync(self, queues: Sequence[Queue]) -> None:
        """Every object of every kind that these watch, once. The events that arrive meanwhile are newer: an
        object deleted while its page was on the way is not brought back."""
        gone: set[tuple[str, str, str]] = set()
        self._gone.append(gone)
        audiences: dict[str, Audience] = {}
        resources = {r.key: r for queue in queues for r in queue.reconciler.watches}
        for queue in queues:
            for resource in queue.reconciler.watches:
                audiences.setdefault(resource.key, Audience()).admit(queue, resource.key)
        try:
            for resource in resources.values():
                await self._list(resource, audiences[resource.key], gone)
        finally:
            self._gone.remove(gone)

    async def _list(self, resource: Resource, audience: Audience, gone: set[tuple[str, str, str]]) -> None:
        following = ""
        while True:
            selection = Selection(limit=PAGE, continue_=following, projected=False)
            page = await self.client.list(resource, "", selection)
            for obj in page.items:
                meta = obj["metadata"]
                place = (resource.key, meta.get("namespace", ""), meta["name"])
                if place not in gone:
                    self._present(place, obj, audience)
            following = page.continue_
            if not following:
                return
            await asyncio.sleep(0)

    def _present(self, place: tuple[str, str, str], obj: Obj, audience: Audience) -> None:
        event = Event(int(obj["metadata"].get("resourceVersion") or 0), "ADDED", *place, obj)
        for queue in audience.of(obj):
            self._offer(queue, event)

    async def _accompany(self, reconciler: Any) -> None:
        """Keep a companion alive: its errors are bugs, and a dead one would stop a whole family."""
        pause = 0.1
        while True:
            try:
                await reconciler.run()
                return
            except Exception:
                log.exception("%s stopped; started again in %.1f s", reconciler.name, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)

    async def _end(self) -> None:
        companions = self._companions
        if self._alarm is not None:
            self._alarm.cancel()
        tasks: list[Awaitable[None]] = [*companions, *self._tasks]
        for queue in self.queues:
            queue.close()
        for task in [*companions, *self._tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _controlling_kind(obj: Obj) -> str:
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["kind"])
    return ""


def _place(event: Event) -> tuple[str, str]:
    return event.namespace, event.name
