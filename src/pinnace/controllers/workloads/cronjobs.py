"""batch/v1 CronJobs: what `cronjob` decides, done: the Job first, then the status that names it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from pinnace.controllers.built_in import CRON_JOB, JOB
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.workloads import pods
from pinnace.controllers.workloads.cronjob import active_reference, decide
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

LONGEST = 3600.0
"""Seconds after which a schedule is looked at in any case: the machine's clock may have been set."""


class CronJobs:
    name = "cronjobs"
    watches: tuple[Resource, ...] = (CRON_JOB, JOB)

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "cronjob-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == CRON_JOB.key:
            return (Key(event.namespace, event.name),)
        holder = pods.controller_of(event.obj)
        if holder is None or holder.get("kind") != CRON_JOB.kind:
            return ()
        return (Key(event.namespace, holder["name"]),)

    async def reconcile(self, key: Key) -> Result:
        cron_job = self.client.peek(CRON_JOB, key.name, key.namespace)
        if cron_job is None:
            return Result()
        uid = cron_job["metadata"]["uid"]
        jobs = self.client.peek_list(JOB, key.namespace, Selection(owner=uid)).items
        decision = decide(cron_job, jobs, self.clock())
        for reason, message, warning in decision.told:
            self.recorder.record(cron_job, reason, message, warning=warning)
        for job in decision.end:
            await self._end(cron_job, job)
        status = decision.status
        if decision.create is not None:
            made = await self._create(cron_job, decision.create)
            if made is None:
                return Result(after=10)
            status = {**status, "active": [*(status.get("active") or ()), active_reference(made)]}
        if status != (cron_job.get("status") or {}):
            change = Change(verb="status", resource=CRON_JOB, obj={**cron_job, "status": status})
            await self.client.transact([change])
        return Result(after=None if decision.wait is None else min(decision.wait, LONGEST))

    async def _create(self, cron_job: Obj, job: Obj) -> Obj | None:
        """The Job of this time, made now or found; None: it was refused."""
        meta = job["metadata"]
        try:
            (made,) = await self.client.transact([Change(verb="create", resource=JOB, obj=job)])
        except StatusError as error:
            if error.reason == "AlreadyExists":
                return self.client.peek(JOB, meta["name"], meta["namespace"])
            words = f"Error creating job: {error.message}"
            self.recorder.record(cron_job, "FailedCreate", words, warning=True)
            return None
        self.recorder.record(cron_job, "SuccessfulCreate", f"Created job {meta['name']}")
        return made

    async def _end(self, cron_job: Obj, job: Obj) -> None:
        meta = job["metadata"]
        options = DeleteOptions(uid=meta["uid"], propagation="Background")
        with suppress(StatusError):
            await self.client.delete(JOB, meta["name"], meta["namespace"], options)
            self.recorder.record(cron_job, "SuccessfulDelete", f"Deleted job {meta['name']}")
