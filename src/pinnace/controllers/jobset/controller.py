"""JobSets: what `jobset` decides, committed. Jobs are run by the Job controller."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from pinnace.controllers.built_in import CLAIM, JOB, SERVICE
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.jobset import jobs as making
from pinnace.controllers.jobset.jobset import Decision, decide
from pinnace.controllers.recorder import Recorder
from pinnace.kinds.jobset import JOB_SET, MANAGER
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class JobSets:
    name = "jobsets"
    watches: tuple[Resource, ...] = (JOB_SET, JOB)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "jobset")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == JOB_SET.key:
            return (Key(event.namespace, event.name),)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == JOB_SET.kind and owner.get("controller"):
                return (Key(event.namespace, owner["name"]),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        jobset = self.client.peek(JOB_SET, key.name, key.namespace)
        if jobset is None or jobset["metadata"].get("deletionTimestamp"):
            return Result()
        if (jobset["spec"].get("managedBy") or MANAGER) != MANAGER:
            return Result()
        selection = Selection(owner=jobset["metadata"]["uid"])
        jobs = self.client.peek_list(JOB, key.namespace, selection).items
        decision = decide(jobset, jobs, self.clock())
        if decision.expired:
            options = DeleteOptions(propagation="Foreground", uid=jobset["metadata"]["uid"])
            with suppress(StatusError):
                await self.client.delete(JOB_SET, key.name, key.namespace, options)
            return Result()
        await self._commit(jobset, decision)
        return Result(after=decision.wait)

    async def _commit(self, jobset: Obj, decision: Decision) -> None:
        changes = self._surroundings(jobset) if decision.working else []
        changes += [Change(verb="create", resource=JOB, obj=job) for job in decision.make]
        changes += [Change(verb="update", resource=JOB, obj=job) for job in decision.change]
        if decision.status != jobset.get("status"):
            written = {**jobset, "status": decision.status}
            changes.append(Change(verb="status", resource=JOB_SET, obj=written))
        try:
            if changes:
                await self.client.transact(changes)
        except StatusError as error:
            if error.code not in (404, 409):
                words = f"job creation failed with error: {error.message}"
                self.recorder.record(jobset, "JobCreationFailed", words, warning=True)
            raise
        for event in decision.events:
            self.recorder.record(jobset, event.reason, event.message, warning=event.warning)
        for job in decision.end:
            meta = job["metadata"]
            options = DeleteOptions(propagation="Foreground", uid=meta["uid"])
            with suppress(StatusError):
                await self.client.delete(JOB, meta["name"], meta["namespace"], options)

    def _surroundings(self, jobset: Obj) -> list[Change]:
        """The Service and the claims that are not there yet."""
        wanted = [(SERVICE, making.service(jobset)), *((CLAIM, one) for one in making.claims(jobset))]
        return [
            Change(verb="create", resource=resource, obj=obj)
            for resource, obj in wanted
            if obj is not None
            and self.client.peek(resource, obj["metadata"]["name"], jobset["metadata"]["namespace"]) is None
        ]
