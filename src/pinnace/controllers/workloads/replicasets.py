"""apps/v1 ReplicaSets: what `replicaset` decides, done and told."""

from __future__ import annotations

import time
from collections.abc import Callable

from pinnace.controllers.built_in import POD, REPLICA_SET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.workloads import pods
from pinnace.controllers.workloads.making import Maker
from pinnace.controllers.workloads.ownership import Household
from pinnace.controllers.workloads.replicaset import decide, described
from pinnace.kinds import names
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change
from pinnace.objects.local import Local
from pinnace.store.interface import Event

AGAIN = 5.0
"""Seconds after which a refused creation is tried again, doubling up to LONGEST."""
LONGEST = 300.0


class ReplicaSets:
    name = "replicasets"
    watches: tuple[Resource, ...] = (REPLICA_SET, POD)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "replicaset-controller")
        self.household = Household(client, REPLICA_SET, POD)
        self.maker = Maker(client, self.recorder)
        self._refused: dict[str, float] = {}

    def keys(self, event: Event) -> tuple[Key, ...]:
        return self.household.keys(event)

    async def reconcile(self, key: Key) -> Result:
        replica_set = self.client.peek(REPLICA_SET, key.name, key.namespace)
        if replica_set is None:
            return Result()
        candidates = [pod for pod in self.household.of(replica_set) if not pods.over(pod)]
        owned = await self.household.settle(replica_set, candidates)
        active = [pod for pod in owned if pods.active(pod)]
        now = self.clock()
        decision = decide(replica_set, active, now)
        failure = await self._make(replica_set, decision.create)
        await self.maker.end(replica_set, decision.end)
        status = described(replica_set, active, now, failure)
        if status != replica_set.get("status"):
            change = Change(verb="status", resource=REPLICA_SET, obj={**replica_set, "status": status})
            await self.client.transact([change])
        return self._next(replica_set, failure is not None, decision.wait)

    async def _make(self, replica_set: Obj, count: int) -> tuple[str, str] | None:
        template, prefix = replica_set["spec"]["template"], f"{replica_set['metadata']['name']}-"
        made = [pods.made(replica_set, template, names.generated(prefix)) for _ in range(count)]
        for pod in made:
            pod["metadata"]["generateName"] = prefix
        return await self.maker.create(replica_set, made)

    def _next(self, replica_set: Obj, refused: bool, wait: float | None) -> Result:
        uid = replica_set["metadata"]["uid"]
        if not refused:
            self._refused.pop(uid, None)
            return Result(after=wait)
        pause = self._refused.get(uid, AGAIN)
        self._refused[uid] = min(pause * 2, LONGEST)
        return Result(after=pause)
