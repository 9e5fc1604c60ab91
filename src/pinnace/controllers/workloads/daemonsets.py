"""apps/v1 DaemonSets: what `daemonset` decides for this one Node, done and told."""

from __future__ import annotations

import time
from collections.abc import Callable

from pinnace.controllers.built_in import DAEMON_SET, NODE, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.workloads.daemonset import decide, described, pod_of
from pinnace.controllers.workloads.making import Maker
from pinnace.controllers.workloads.ownership import Household
from pinnace.controllers.workloads.revisions import HASH, Revisions
from pinnace.kinds import names
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change
from pinnace.objects.local import Local
from pinnace.store.interface import Event

AGAIN = 10.0
"""Seconds after which a refused creation is tried again."""


class DaemonSets:
    name = "daemonsets"
    watches: tuple[Resource, ...] = (DAEMON_SET, POD, NODE)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "daemonset-controller")
        self.household = Household(client, DAEMON_SET, POD)
        self.revisions = Revisions(client)
        self.maker = Maker(client, self.recorder)
        self._node: object = None

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource != NODE.key:
            return self.household.keys(event)
        taints = (event.obj.get("spec") or {}).get("taints")
        matters = (event.type, event.obj["metadata"].get("labels"), taints)
        if matters == self._node:
            return ()
        self._node = matters
        items = self.client.peek_list(DAEMON_SET).items
        return tuple(Key(one["metadata"]["namespace"], one["metadata"]["name"]) for one in items)

    async def reconcile(self, key: Key) -> Result:
        daemons = self.client.peek(DAEMON_SET, key.name, key.namespace)
        if daemons is None:
            return Result()
        nodes = self.client.peek_list(NODE).items
        node = nodes[0] if nodes else None
        owned = await self.household.settle(daemons, self.household.of(daemons))
        pair = await self.revisions.pair(daemons)
        short = pair.update["metadata"]["labels"][HASH]
        now = self.clock()
        decision = decide(daemons, node, owned, short, now)
        for pod in decision.failed:
            text = f"Found failed daemon pod {key.namespace}/{pod['metadata']['name']} on node "
            text += f"{pod['spec'].get('nodeName')}, will try to kill it"
            self.recorder.record(daemons, "FailedDaemonPod", text, warning=True)
        await self.maker.end(daemons, decision.end)
        refused = await self._create(daemons, node, decision.create, short)
        status = described(daemons, decision, owned, short, now)
        if status != daemons.get("status"):
            change = Change(verb="status", resource=DAEMON_SET, obj={**daemons, "status": status})
            await self.client.transact([change])
        live = {pair.update["metadata"]["name"]}
        live |= {f"{key.name}-{(pod['metadata'].get('labels') or {}).get('controller-revision-hash')}"
                 for pod in owned}
        await self.revisions.forget(daemons, live)
        return Result(after=AGAIN if refused else decision.wait)

    async def _create(self, daemons: Obj, node: Obj | None, count: int, short: str) -> bool:
        if node is None or not count:
            return False
        name = names.generated(f"{daemons['metadata']['name']}-")
        pod = pod_of(daemons, name, short, node["metadata"]["name"])
        return await self.maker.create(daemons, [pod]) is not None
