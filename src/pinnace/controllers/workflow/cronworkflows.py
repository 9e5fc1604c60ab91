"""CronWorkflows: what `cron` decides, done. A run is made in the very commit that records its time.

Keys are CronWorkflows. Looked at every ten seconds at the latest, as upstream does: a machine that slept must
notice that its clock has moved on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from pinnace.authoring.argo.validation import cron_workflow
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.workflow import cron
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE, CRON_WORKFLOW, WORKFLOW, WORKFLOW_TEMPLATE
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

LONGEST = 10.0
SLACK = 0.05
"""Seconds after its time at which a schedule is looked at again, so that it surely is past."""


class CronWorkflows:
    name = "cronworkflow"
    watches: tuple[Resource, ...] = (CRON_WORKFLOW, WORKFLOW)
    owners: Mapping[str, frozenset[str]] = {WORKFLOW.key: frozenset({CRON_WORKFLOW.kind})}

    def __init__(self, client: Local, *, now: Callable[[], float] = time.time) -> None:
        self.client = client
        self.now = now

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == CRON_WORKFLOW.key:
            return (Key(event.namespace, event.name),)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner.get("controller") and owner.get("kind") == CRON_WORKFLOW.kind:
                return (Key(event.namespace, owner["name"]),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        obj = self.client.peek(CRON_WORKFLOW, key.name, key.namespace)
        if obj is None:
            return Result()
        uid = obj["metadata"]["uid"]
        runs = self.client.peek_list(WORKFLOW, key.namespace, Selection(owner=uid)).items
        problems = cron_workflow(obj, self.template)
        decision = cron.decide(obj, runs, self.now(), problems[0] if problems else "")
        for name in decision.terminate:
            await self._terminate(name, key.namespace)
        await self._commit(obj, decision)
        for name in decision.remove:
            with suppress(StatusError):
                await self.client.delete(WORKFLOW, name, key.namespace, DeleteOptions())
        if decision.wait is None:
            return Result()
        return Result(after=min(decision.wait + SLACK, LONGEST))

    def template(self, name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        if cluster:
            return self.client.peek(CLUSTER_WORKFLOW_TEMPLATE, name)
        return self.client.peek(WORKFLOW_TEMPLATE, name, namespace or "")

    async def _commit(self, obj: Obj, decision: cron.Decision) -> None:
        if decision.obj is obj and decision.create is None:
            return
        own = Change(verb="system", resource=CRON_WORKFLOW, obj=decision.obj)
        made = [Change(verb="create", resource=WORKFLOW, obj=decision.create)] if decision.create else []
        try:
            await self.client.transact([own, *made])
        except StatusError as error:
            if not made or (error.code == 409 and error.reason != "AlreadyExists"):
                raise
            known = error.reason == "AlreadyExists"
            told = decision.obj if known else cron.failed(obj, decision.obj, error.message)
            await self.client.transact([Change(verb="system", resource=CRON_WORKFLOW, obj=told)])

    async def _terminate(self, name: str, namespace: str) -> None:
        with suppress(StatusError):
            patch = {"spec": {"shutdown": "Terminate"}}
            await self.client.patch(WORKFLOW, name, namespace, patch, "merge", Options())
