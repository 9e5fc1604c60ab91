"""Pods leave a Node that has a NoExecute taint which they do not tolerate, at once or when their time is up.

Source: kubernetes pkg/controller/tainteviction. Nothing is looked at while the Node has no such taint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from pinnace.controllers.built_in import NODE, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import unix
from pinnace.controllers.recorder import Recorder
from pinnace.kinds import placement
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class Taints:
    name = "taints"
    watches: tuple[Resource, ...] = (NODE,)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "taint-eviction-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        return (Key("", event.name),) if event.type != "DELETED" and driving(event.obj) else ()

    async def reconcile(self, key: Key) -> Result:
        node = self.client.peek(NODE, key.name)
        taints = driving(node) if node is not None else []
        if not taints:
            return Result()
        waits: list[float] = []
        for pod in self.client.peek_list(POD, "", Selection(fields=f"spec.nodeName={key.name}")).items:
            stays = stay(pod, taints, self.clock())
            if stays is None or pod["metadata"].get("deletionTimestamp"):
                continue
            if stays > 0:
                waits.append(stays)
            else:
                await self._evict(pod)
        return Result(after=min(waits, default=None))

    async def _evict(self, pod: Obj) -> None:
        meta = pod["metadata"]
        words = f"Marking for deletion Pod {meta['namespace']}/{meta['name']}"
        self.recorder.record(pod, "TaintManagerEviction", words)
        with suppress(StatusError):
            await self.client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta["uid"]))


def driving(node: Obj) -> list[Obj]:
    return [one for one in placement.taints_of(node) if one["effect"] == "NoExecute"]


def stay(pod: Obj, taints: Sequence[Obj], now: float) -> float | None:
    """Seconds that the Pod may stay; None: for ever."""
    least: float | None = None
    for taint in taints:
        fitting = [
            one for one in pod["spec"].get("tolerations") or () if placement.tolerates((one,), taint)
        ]
        if not fitting:
            return 0.0
        times = [one.get("tolerationSeconds") for one in fitting]
        given = [float(seconds) for seconds in times if seconds is not None]
        if given:
            since = unix(taint.get("timeAdded")) or now
            left = max(0.0, since + min(given) - now)
            least = left if least is None else min(least, left)
    return least
