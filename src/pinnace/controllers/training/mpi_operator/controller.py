"""The reconciler of v2beta1 MPIJobs: what `lifecycle` decides, committed. Those of `v1` are `training`'s."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pinnace.controllers.built_in import CONFIG_MAP, JOB, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.succession import Succession
from pinnace.controllers.training.mpi_operator import making
from pinnace.controllers.training.mpi_operator.lifecycle import Decision, decide
from pinnace.controllers.training.view import Job, read
from pinnace.kinds.mpijob import MANAGER, is_operators, problems
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.training import MPI_JOB
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class MPIJobs:
    name = "mpi-operator"
    watches: tuple[Resource, ...] = (MPI_JOB.resource, JOB, POD)
    owners: Mapping[str, frozenset[str]] = {POD.key: frozenset({"MPIJob"}), JOB.key: frozenset({"MPIJob"})}

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "mpi-job-controller")
        self.succession = Succession()

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == MPI_JOB.resource.key:
            return (Key(event.namespace, event.name),)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == "MPIJob" and owner.get("controller"):
                self.succession.note(event)
                return (Key(event.namespace, owner["name"]),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        obj = self.client.peek(MPI_JOB.resource, key.name, key.namespace)
        if obj is None or not is_operators(obj) or obj["metadata"].get("deletionTimestamp"):
            return Result()
        job = read(MPI_JOB, obj)
        if job.policy.get("managedBy", MANAGER) != MANAGER:
            return Result()
        if wrong := problems(obj):
            text = f"Found validation errors: {wrong[0]}" if len(wrong) == 1 else (
                f"Found validation errors: [{', '.join(wrong)}]"
            )
            self.recorder.record(obj, "ValidationError", text[:1024], warning=True)
            return Result()
        launcher = self.client.peek(JOB, making.launcher_name(job), key.namespace)
        if launcher is not None and not _owns(obj, launcher):
            return self._taken(obj, launcher)
        workers = self._owned(obj)
        launched = self._owned(launcher) if launcher is not None else []
        decision = decide(job, launcher, launched, workers, self.clock())
        names = [job.pod_name("Worker", index) for index in decision.make]
        if wait := self.succession.longest(job.namespace, names):
            return Result(after=wait)
        await self._commit(job, launcher, workers, decision)
        return Result()

    def _owned(self, owner: Obj) -> list[Obj]:
        meta = owner["metadata"]
        return self.client.peek_list(POD, meta["namespace"], Selection(owner=meta["uid"])).items

    def _taken(self, obj: Obj, other: Obj) -> Result:
        words = (
            f'Resource "{other["metadata"]["name"]}" of Kind "{other["kind"]}" already exists and is not '
            "managed by MPIJob"
        )
        self.recorder.record(obj, "ErrResourceExists", words, warning=True)
        return Result(after=10)

    async def _commit(
        self, job: Job, launcher: Obj | None, workers: Sequence[Obj], decision: Decision
    ) -> None:
        changes = self._companions(job, workers) if decision.companions else []
        changes += [
            Change(verb="create", resource=POD, obj=making.worker(job, index)) for index in decision.make
        ]
        if decision.launch:
            changes.append(Change(verb="create", resource=JOB, obj=making.launcher(job)))
        elif launcher is not None and decision.suspend is not None:
            spec = {**launcher["spec"], "suspend": decision.suspend}
            changes.append(Change(verb="update", resource=JOB, obj={**launcher, "spec": spec}))
        if decision.status != job.obj.get("status"):
            told = {**job.obj, "status": decision.status}
            changes.append(Change(verb="status", resource=MPI_JOB.resource, obj=told))
        try:
            if changes:
                await self.client.transact(changes)
        except StatusError as error:
            if error.code != 409:
                words = f"creating the job's objects failed: {error.message}"
                self.recorder.record(job.obj, "MPIJobFailed", words, warning=True)
            raise
        for event in decision.events:
            self.recorder.record(job.obj, event.reason, event.message, warning=event.warning)
        await self._end(decision.end)

    def _companions(self, job: Job, workers: Sequence[Obj]) -> list[Change]:
        """Objects that are missing, and hosts that are others now."""
        found = []
        for resource, wanted in making.companions(job, workers):
            there = self.client.peek(resource, wanted["metadata"]["name"], job.namespace)
            if there is None:
                found.append(Change(verb="create", resource=resource, obj=wanted))
            elif resource is CONFIG_MAP and there.get("data") != wanted["data"]:
                found.append(Change(verb="update", resource=resource, obj={**there, "data": wanted["data"]}))
        return found

    async def _end(self, pods: Sequence[Obj]) -> None:
        for pod in pods:
            meta = pod["metadata"]
            with suppress(StatusError):
                await self.client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta["uid"]))


def _owns(owner: Obj, thing: Obj) -> bool:
    return any(
        one.get("uid") == owner["metadata"]["uid"] and one.get("controller")
        for one in thing["metadata"].get("ownerReferences") or ()
    )
