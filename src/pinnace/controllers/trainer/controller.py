"""TrainJobs: each becomes a JobSet of its runtime, and shows what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from pinnace.controllers.built_in import CONFIG_MAP, SECRET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.sshkeys import ssh_keys
from pinnace.controllers.trainer import bootstrap, building, status
from pinnace.controllers.trainer.mpi import HOSTFILE, HOSTS, KEYS
from pinnace.kinds.jobset import JOB_SET
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.trainer import CLUSTER_KIND, CLUSTER_RUNTIME, MANAGER, RUNTIME, TRAIN_JOB
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class TrainJobs:
    name = "trainjobs"
    watches: tuple[Resource, ...] = (TRAIN_JOB, JOB_SET, CLUSTER_RUNTIME, RUNTIME)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "trainjob-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == TRAIN_JOB.key:
            return (Key(event.namespace, event.name),)
        if event.resource in (CLUSTER_RUNTIME.key, RUNTIME.key):
            return self._waiting(event)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == TRAIN_JOB.kind and owner.get("controller"):
                return (Key(event.namespace, owner["name"]),)
        return ()

    def _waiting(self, event: Event) -> tuple[Key, ...]:
        """Jobs that name a runtime which has just come or changed."""
        jobs = self.client.peek_list(TRAIN_JOB, event.namespace).items
        return tuple(
            Key(job["metadata"]["namespace"], job["metadata"]["name"]) for job in jobs
            if job["spec"]["runtimeRef"]["name"] == event.name and not status.finished(job)
        )

    async def run(self) -> None:
        """The runtimes that ship, before anybody can miss them; afterwards they are the user's to change."""
        with suppress(StatusError):
            await bootstrap.ship(self.client)

    async def reconcile(self, key: Key) -> Result:
        job = self.client.peek(TRAIN_JOB, key.name, key.namespace)
        if job is None or job["metadata"].get("deletionTimestamp") or status.finished(job):
            return Result()
        if (job["spec"].get("managedBy") or MANAGER) != MANAGER:
            return Result()
        now = self.clock()
        due = status.deadline(job)
        if due and now >= due:
            return await self._overdue(job, now)
        jobset = self.client.peek(JOB_SET, key.name, key.namespace)
        runtime = self._runtime(job)
        if runtime is None:
            words = f"the runtime {job['spec']['runtimeRef']['name']} is not there: create it"
            self.recorder.record(job, "TrainingRuntimeNotFound", words, warning=True)
        try:
            wanted = building.jobset(job, runtime) if runtime is not None else None
        except building.Unsupported as why:
            return await self._unsupported(job, str(why), now)
        await self._commit(job, runtime, jobset, wanted, now)
        return Result(after=due - now if due else None)

    def _runtime(self, job: Obj) -> Obj | None:
        reference = job["spec"]["runtimeRef"]
        if reference.get("kind", CLUSTER_KIND) == CLUSTER_KIND:
            return self.client.peek(CLUSTER_RUNTIME, reference["name"])
        return self.client.peek(RUNTIME, reference["name"], job["metadata"]["namespace"])

    async def _commit(
        self, job: Obj, runtime: Obj | None, jobset: Obj | None, wanted: Obj | None, now: float
    ) -> None:
        changes = []
        if jobset is None and wanted is not None and runtime is not None:
            changes += self._keys_and_hosts(job, runtime)
            changes.append(Change(verb="create", resource=JOB_SET, obj=wanted))
        elif jobset is not None and wanted is not None and jobset["spec"].get("suspend"):
            changed = {**jobset, "spec": {**jobset["spec"], **wanted["spec"]}}
            if _differs(jobset["spec"], wanted["spec"]):
                changes.append(Change(verb="update", resource=JOB_SET, obj=changed))
        elif jobset is not None and job["spec"].get("suspend") and not jobset["spec"].get("suspend"):
            changed = {**jobset, "spec": {**jobset["spec"], "suspend": True}}
            changes.append(Change(verb="update", resource=JOB_SET, obj=changed))
        new = status.described(job, jobset, now)
        if new != (job.get("status") or {}):
            changes.append(Change(verb="status", resource=TRAIN_JOB, obj={**job, "status": new}))
        if changes:
            await self.client.transact(changes)

    def _keys_and_hosts(self, job: Obj, runtime: Obj) -> list[Change]:
        """For MPI. The keys are made once and never change."""
        hosts = building.hostfile(job, runtime)
        if not hosts:
            return []
        name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
        meta = {"namespace": namespace, "ownerReferences": [building.reference(job)]}
        wanted: tuple[tuple[Resource, Obj], ...] = (
            (CONFIG_MAP, {"metadata": {**meta, "name": f"{name}-{HOSTS}"}, "data": {HOSTFILE: hosts}}),
            (SECRET, {
                "metadata": {**meta, "name": f"{name}-{KEYS}"}, "type": "kubernetes.io/ssh-auth",
                "data": ssh_keys(),
            }),
        )
        return [
            Change(verb="create", resource=resource, obj=obj) for resource, obj in wanted
            if self.client.peek(resource, obj["metadata"]["name"], namespace) is None
        ]

    async def _overdue(self, job: Obj, now: float) -> Result:
        meta = job["metadata"]
        new = status.with_condition(
            job.get("status") or {}, status.FAILED, "DeadlineExceeded", status.DEADLINE, now
        )
        await self.client.transact([Change(verb="status", resource=TRAIN_JOB, obj={**job, "status": new})])
        self.recorder.record(job, "DeadlineExceeded", status.DEADLINE, warning=True)
        with suppress(StatusError):
            await self.client.delete(
                JOB_SET, meta["name"], meta["namespace"], DeleteOptions(propagation="Background")
            )
        return Result()

    async def _unsupported(self, job: Obj, why: str, now: float) -> Result:
        new = status.with_condition(
            job.get("status") or {}, status.FAILED, "TrainingRuntimeNotSupported", why, now
        )
        await self.client.transact([Change(verb="status", resource=TRAIN_JOB, obj={**job, "status": new})])
        self.recorder.record(job, "TrainingRuntimeNotSupported", why, warning=True)
        return Result()


def _differs(stored: Obj, wanted: Obj) -> bool:
    """Whether something that the TrainJob says is not in the JobSet; defaults in it do not count."""
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(stored.get(key), dict):
            if _differs(stored[key], value):
                return True
        elif isinstance(value, list) and isinstance(stored.get(key), list):
            if len(value) != len(stored[key]) or any(
                _differs(one, other) if isinstance(one, dict) and isinstance(other, dict) else one != other
                for one, other in zip(stored[key], value, strict=True)
            ):
                return True
        elif stored.get(key) != value and not (value is False and key not in stored):
            return True
    return False
