"""Keeps each run's record in step with its Workflow, and makes one for Workflows that kfp 1.8 compiled.

The record outlives the Workflow: state, history, times and the details of its tasks stay. Keys are Workflows.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

from pinnace.authoring.kfp import metrics
from pinnace.authoring.kfp.submission import stamp, told
from pinnace.controllers.controller import Key, Result
from pinnace.kinds import pipelines
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Options
from pinnace.objects.document import clone
from pinnace.objects.local import Local
from pinnace.store.interface import Event

Details = Callable[[str, Obj], Obj]
Reading = Callable[[str, str], bytes | None]


class PipelineRuns:
    """`details` gives a run's task details of its Workflow with nodes; `read` what lies in the artifact
    repository under a namespace's key."""

    name = "pipeline-runs"
    watches: tuple[Resource, ...] = (WORKFLOW,)

    def __init__(
        self,
        client: Local,
        details: Details,
        now: Callable[[], float] = time.time,
        read: Reading | None = None,
    ) -> None:
        self.client = client
        self.details = details
        self.read = read
        self.now = now

    def keys(self, event: Event) -> tuple[Key, ...]:
        meta = event.obj["metadata"]
        ours = pipelines.RUN_LABEL in (meta.get("labels") or {})
        if ours or pipelines.OLD_SPEC in (meta.get("annotations") or {}):
            return (Key(event.namespace, event.name),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        workflow = self.client.peek(WORKFLOW, key.name, key.namespace)
        if workflow is None:
            return Result()
        run = (workflow["metadata"].get("labels") or {}).get(pipelines.RUN_LABEL)
        if not run:
            await self._adopt(workflow)
            return Result()
        record = self.client.peek(pipelines.RUN, run, pipelines.NAMESPACE)
        if record is None:
            if pipelines.OLD_SPEC in (workflow["metadata"].get("annotations") or {}):
                await self.client.create(pipelines.RUN, self._old(workflow, run), pipelines.NAMESPACE)
            return Result()
        status = told(record, workflow, self.now())
        if status is not None:
            if status["state"] in pipelines.ENDED:
                full = await self.client.get(WORKFLOW, key.name, key.namespace)
                status["details"] = self.details(run, full)
                await self._measured(status, full)
            changed = {**clone(record), "status": status}
            await self.client.update(pipelines.RUN, changed, pipelines.NAMESPACE)
        return Result()

    async def _measured(self, status: Obj, workflow: Obj) -> None:
        """The numbers that kfp 1.8's steps left as artifacts are the run's."""
        places = [
            (node["id"], key)
            for node in ((workflow.get("status") or {}).get("nodes") or {}).values()
            for one in (node.get("outputs") or {}).get("artifacts") or []
            if one["name"] == metrics.ARTIFACT and (key := (one.get("s3") or {}).get("key"))
        ]
        if not places or self.read is None:
            return
        namespace, found = workflow["metadata"]["namespace"], []
        for node, key in places:
            content = await asyncio.to_thread(self.read, namespace, key)
            if content is not None:
                found.append((node, content))
        status["metrics"] = metrics.left(found, status.get("metrics") or [])

    async def _adopt(self, workflow: Obj) -> None:
        """A Workflow of kfp 1.8 gets its label, then its record."""
        meta = workflow["metadata"]
        patch = {"metadata": {"labels": {pipelines.RUN_LABEL: str(uuid.uuid4())}}}
        await self.client.patch(WORKFLOW, meta["name"], meta["namespace"], patch, "merge", Options())

    def _old(self, workflow: Obj, run: str) -> Obj:
        meta = workflow["metadata"]
        notes = meta.get("annotations") or {}
        return {
            "apiVersion": pipelines.RUN.api_version,
            "kind": pipelines.RUN.kind,
            "metadata": {"name": run, "namespace": pipelines.NAMESPACE},
            "spec": {
                "displayName": notes.get(pipelines.RUN_NAME) or meta["name"],
                "workflow": meta["name"],
                "namespace": meta["namespace"],
                "request": {"pipeline_spec": {"workflow_manifest": meta["name"]}},
            },
            "status": {
                "state": "PENDING",
                "storageState": "AVAILABLE",
                "history": [{"update_time": stamp(self.now()), "state": "PENDING"}],
            },
        }
