"""apps/v1 Deployments: what `deployment` decides, committed in one step with what is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pinnace.controllers.built_in import DEPLOYMENT, POD, REPLICA_SET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.workloads import pods, progress
from pinnace.controllers.workloads.deployment import REVISION, Step, decide, revision, same_template
from pinnace.controllers.workloads.ownership import Household
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class Deployments:
    name = "deployments"
    watches: tuple[Resource, ...] = (DEPLOYMENT, REPLICA_SET, POD)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "deployment-controller")
        self.household = Household(client, DEPLOYMENT, REPLICA_SET)

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource != POD.key:
            return self.household.keys(event)
        return self._last_of_recreate(event)

    def _last_of_recreate(self, event: Event) -> tuple[Key, ...]:
        """A Deployment that waits for its old Pods to end hears of each that does."""
        if event.type != "DELETED" and not pods.over(event.obj):
            return ()
        holder = pods.controller_of(event.obj)
        if holder is None or holder.get("kind") != "ReplicaSet":
            return ()
        replica_set = self.client.peek(REPLICA_SET, holder["name"], event.namespace)
        above = pods.controller_of(replica_set) if replica_set else None
        return (Key(event.namespace, above["name"]),) if above and above["kind"] == "Deployment" else ()

    async def reconcile(self, key: Key) -> Result:
        deployment = self.client.peek(DEPLOYMENT, key.name, key.namespace)
        if deployment is None:
            return Result()
        sets = await self.household.settle(deployment, self.household.of(deployment))
        finished = progress.complete(deployment, deployment.get("status") or {})
        step = decide(deployment, sets, self._running(deployment, sets), finished)
        try:
            return await self._commit(deployment, step)
        except StatusError as error:
            if step.create is None or error.reason != "AlreadyExists":
                raise
            return await self._collided(deployment, step.create)

    def _running(self, deployment: Obj, sets: Sequence[Obj]) -> frozenset[str]:
        if (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
            return frozenset()
        namespace = deployment["metadata"]["namespace"]
        uids = [one["metadata"]["uid"] for one in sets]
        return frozenset(
            uid for uid in uids
            if any(
                not pods.over(pod)
                for pod in self.client.peek_list(POD, namespace, Selection(owner=uid)).items
            )
        )

    async def _commit(self, deployment: Obj, step: Step) -> Result:
        now = self.clock()
        status = progress.described(deployment, step, now)
        changes = [
            Change(verb="update", resource=REPLICA_SET, obj=each, trusted=True)
            for each in step.update.values()
        ]
        if step.create is not None:
            changes.append(Change(verb="create", resource=REPLICA_SET, obj=step.create, trusted=True))
        written = self._written(deployment, step, status)
        if written is not None:
            changes.append(Change(verb="update", resource=DEPLOYMENT, obj=written, trusted=True))
        if changes:
            await self.client.transact(changes)
        self._tell(deployment, step)
        for one in step.delete:
            meta = one["metadata"]
            options = DeleteOptions(uid=meta["uid"], propagation="Background")
            await self.client.delete(REPLICA_SET, meta["name"], meta["namespace"], options)
        return Result(after=progress.check_in(deployment, status, now))

    def _written(self, deployment: Obj, step: Step, status: Obj) -> Obj | None:
        """The Deployment with its status and the revision it is at; None if it says so already."""
        meta = deployment["metadata"]
        annotations = dict(meta.get("annotations") or {})
        if step.new is not None and revision(step.new):
            annotations[REVISION] = str(revision(step.new))
        same = annotations == (meta.get("annotations") or {})
        if same and status == deployment.get("status"):
            return None
        return {**deployment, "metadata": {**meta, "annotations": annotations}, "status": status}

    def _tell(self, deployment: Obj, step: Step) -> None:
        for each in step.scaled:
            way = "up" if each.after > each.before else "down"
            if each.after != each.before:
                text = f"Scaled {way} replica set {each.name} from {each.before} to {each.after}"
                self.recorder.record(deployment, "ScalingReplicaSet", text)

    async def _collided(self, deployment: Obj, wanted: Obj) -> Result:
        """Another object has the name that the hash makes: another hash, unless it is ours after all."""
        meta = wanted["metadata"]
        there = self.client.peek(REPLICA_SET, meta["name"], meta["namespace"])
        if there is not None and same_template(there, wanted["spec"]["template"]):
            holder = pods.controller_of(there)
            if holder is not None and holder["uid"] == deployment["metadata"]["uid"]:
                return Result(after=0)
        status = dict(deployment.get("status") or {})
        status["collisionCount"] = int(status.get("collisionCount") or 0) + 1
        change = Change(verb="status", resource=DEPLOYMENT, obj={**deployment, "status": status})
        await self.client.transact([change])
        return Result(after=0)
