"""Artifacts, what made and used them, and the tasks that ran: lists over the runs that there are.

Of a run that has ended the record knows them, so they outlive its Workflow; of one that runs its Workflow
does. Source: kubeflow/pipelines backend/api/v2beta1/artifact.proto, run.proto (read_artifact).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

from pinnace.api.kfp import tasks
from pinnace.api.kfp.errors import absent
from pinnace.api.kfp.face import Call
from pinnace.api.kfp.listing import page
from pinnace.authoring.kfp.step import key_of
from pinnace.kinds import pipelines
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError

KIND = "Artifact"


async def known(call: Call, only: str = "") -> AsyncIterator[tuple[Obj, Obj]]:
    """(record, what its tasks did) of each run. `only`: ids of runs, with commas."""
    wanted = {one for one in only.split(",") if one}
    for record in await call.records.all(pipelines.RUN):
        if wanted and record["metadata"]["name"] not in wanted:
            continue
        details = (record.get("status") or {}).get("details")
        if details is None or "links" not in details:
            details = await _live(call, record)
        yield record, details


async def _live(call: Call, record: Obj) -> Obj:
    spec = record["spec"]
    try:
        found = await call.client.get(WORKFLOW, spec["workflow"], spec["namespace"])
    except StatusError:
        return (record.get("status") or {}).get("details") or {}
    return tasks.details(record["metadata"]["name"], found)


async def _artifacts(call: Call) -> dict[str, Obj]:
    """By id; one that several runs share (the cache) is one."""
    found: dict[str, Obj] = {}
    async for record, details in known(call):
        for one in details.get("artifacts") or []:
            found.setdefault(one["artifact_id"], {**one, "namespace": record["spec"]["namespace"]})
    return found


async def listed(call: Call) -> Obj:
    found = list((await _artifacts(call)).values())
    namespace = call.query.get("namespace")
    if namespace:
        found = [one for one in found if one["namespace"] == namespace]
    return page(found, call.query, "artifacts", "artifact_id")


async def get(call: Call) -> Obj:
    found = (await _artifacts(call)).get(call.names["id"])
    if found is None:
        raise absent(KIND, call.names["id"])
    return found


async def links(call: Call) -> Obj:
    """Which task made or used which artifact."""
    query, found = call.query, []
    for_tasks, for_artifacts = _ids(query, "task_ids"), _ids(query, "artifact_ids")
    async for _, details in known(call, query.get("run_ids") or ""):
        found += [
            one
            for one in details.get("links") or []
            if (not for_tasks or one["task_id"] in for_tasks)
            and (not for_artifacts or one["artifact_id"] in for_artifacts)
            and query.get("type", one["type"]) == one["type"]
        ]
    return page(found, query, "artifact_tasks", "id")


def _ids(query: dict[str, str], name: str) -> set[str]:
    return {one for one in (query.get(name) or "").split(",") if one}


async def executions(call: Call) -> Obj:
    query, found = call.query, []
    async for _, details in known(call, query.get("run_id") or ""):
        found += [
            one
            for one in details.get("task_details") or []
            if query.get("parent_id", "") in ("", one.get("parent_task_id"))
        ]
    return page([{"name": one["display_name"], **one} for one in found], query, "tasks", "task_id")


async def execution(call: Call) -> Obj:
    async for _, details in known(call):
        for one in details.get("task_details") or []:
            if one["task_id"] == call.names["id"]:
                return {"name": one["display_name"], **one}
    raise absent("Task", call.names["id"])


async def read(call: Call) -> Obj:
    """The bytes of what a node left; a folder as tar.gz."""
    run = await call.records.get(pipelines.RUN, call.names["id"], "Run")
    spec, name = run["spec"], call.names["name"]
    found = await call.client.get(WORKFLOW, spec["workflow"], spec["namespace"])
    node = (found["status"].get("nodes") or {}).get(call.names["node"])
    if node is None:
        raise absent("Node", call.names["node"])
    for one in tasks.made_by(node):
        if one["name"] == name and call.read is not None:
            content = await asyncio.to_thread(call.read, spec["namespace"], key_of(one["uri"]))
            if content is not None:
                return {"data": base64.b64encode(content).decode()}
    raise absent("artifact", f"{name} of node {call.names['node']}")


READ = ("GET", "/runs/{id}/nodes/{node}/artifacts/{name}:read", read)
ROUTES = [
    ("GET", "/artifacts", listed),
    ("GET", "/artifacts/{id}", get),
    ("GET", "/artifact_tasks", links),
    ("GET", "/tasks", executions),
    ("GET", "/tasks/{id}", execution),
    READ,
]
