"""Events (core/v1) that tell an object's story in `kubectl describe`.

Controllers call `record` and go on: writing happens beside them, many at once, and a lost event is not
worth a retry that delays work. The same story told again raises `count` instead of filling the list, as
upstream's correlator does. Invariant: what one object can cause is bounded (see BURST).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from pinnace.controllers.built_in import EVENT
from pinnace.controllers.moment import stamp
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError

log = logging.getLogger("pinnace.events")

REMEMBERED = 4096
"""Stories kept to recognise a repetition."""
BURST = 25
"""Different stories of one object a minute; more are dropped, as upstream's spam filter does."""
BATCH = 50


class Writer(Protocol):
    async def transact(self, changes: Sequence[Change], rows: Sequence[Any] = ()) -> list[Obj]: ...


class Story(msgspec.Struct):
    """One event that was written or is about to be."""

    obj: Obj
    stored: bool = False


_latest = 0


def _next() -> int:
    """This nanosecond, never twice: names in their order are events in theirs, as clients list them."""
    global _latest
    _latest = max(_latest + 1, time.time_ns())
    return _latest


class Recorder:
    """`component` is the writer that `kubectl describe` shows (`kubelet`, `job-controller` …)."""

    def __init__(self, client: Writer, component: str, host: str = "") -> None:
        self._client = client
        self._component = component
        self._host = host
        self._known: OrderedDict[tuple[str, ...], Story] = OrderedDict()
        self._waiting: dict[tuple[str, ...], Story] = {}
        self._bursts: dict[str, tuple[float, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def record(
        self, about: Obj, reason: str, message: str, *, warning: bool = False, field: str = "",
        when: float = 0.0,
    ) -> None:
        """`field` is a fieldPath such as `spec.containers{main}`; `when` the unix time it happened."""
        meta = about["metadata"]
        story = (meta.get("uid", ""), reason, message, field)
        moment = stamp(when or None)
        known = self._known.get(story)
        if known is None and not self._allowed(story[0]):
            return
        if known is None:
            known = Story(self._event(about, reason, message, warning, field, moment))
            self._known[story] = known
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        else:
            known.obj = {**known.obj, "count": known.obj["count"] + 1, "lastTimestamp": moment}
        self._waiting[story] = known
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def settled(self) -> None:
        """Wait until what was recorded is written (the end of a test, a clean stop)."""
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)

    def _allowed(self, uid: str) -> bool:
        now = time.monotonic()
        since, count = self._bursts.get(uid, (now, 0))
        if now - since > 60:
            since, count = now, 0
        if len(self._bursts) > REMEMBERED:
            self._bursts.clear()
        self._bursts[uid] = (since, count + 1)
        return count < BURST

    def _event(
        self, about: Obj, reason: str, message: str, warning: bool, field: str, moment: str
    ) -> Obj:
        meta = about["metadata"]
        subject = {
            "apiVersion": about.get("apiVersion"), "kind": about.get("kind"), "name": meta["name"],
            "namespace": meta.get("namespace"), "uid": meta.get("uid"),
            "resourceVersion": meta.get("resourceVersion"), "fieldPath": field,
        }
        source = {"component": self._component, "host": self._host}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name'][:230]}.{_next():x}",
                "namespace": meta.get("namespace") or "default",
            },
            "involvedObject": {key: value for key, value in subject.items() if value},
            "reason": reason,
            "message": message[:1024],
            "type": "Warning" if warning else "Normal",
            "source": {key: value for key, value in source.items() if value},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)
            batch = [self._waiting.pop(key) for key in list(self._waiting)[:BATCH]]
            try:
                await self._store(batch)
            except StatusError:
                for story in batch:
                    await self._store_one(story)

    async def _store(self, batch: Sequence[Story]) -> None:
        changes = [
            Change(verb="update" if story.stored else "create", resource=EVENT, obj=story.obj)
            for story in batch
        ]
        for story, written in zip(batch, await self._client.transact(changes), strict=True):
            version = {"resourceVersion": written["metadata"]["resourceVersion"]}
            story.obj = {**story.obj, "metadata": {**written["metadata"], **version}}
            story.stored = True

    async def _store_one(self, story: Story) -> None:
        try:
            await self._store([story])
        except StatusError as error:
            for key in [key for key, known in self._known.items() if known is story]:
                del self._known[key]
            log.debug("event %s not written: %s", story.obj["metadata"]["name"], error.message)
