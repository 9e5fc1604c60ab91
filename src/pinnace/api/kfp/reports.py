"""Calls that upstream's own parts make: its agents' reports, and the log of a task.

An agent reports what this server sees by itself: the report of an object that is here is true already, one
of an object that is not here is refused. Source: kubeflow/pipelines backend/src/apiserver/server/
{report_server,run_log_server,visualization_server}.go.
"""

from __future__ import annotations

import json
from typing import Any

from pinnace.api.kfp import tasks
from pinnace.api.kfp.errors import Refusal, absent, invalid
from pinnace.api.kfp.face import Call, Moved
from pinnace.authoring.kfp.step import task_id
from pinnace.kinds import pipelines
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj, Resource


async def workflow(call: Call) -> Obj:
    return await _reported(call, "workflow", WORKFLOW)


async def scheduled(call: Call) -> Obj:
    return await _reported(call, "scheduled_workflow", pipelines.SCHEDULED_WORKFLOW)


async def _reported(call: Call, field: str, resource: Resource) -> Obj:
    """The body is the document as text, plain or under its field's name."""
    given: Any = await call.document()
    text = given.get(field)
    try:
        found = json.loads(text) if isinstance(text, str) else given
    except ValueError as error:
        raise invalid(f"{field}: could not unmarshal it: {error}") from None
    meta = (found.get("metadata") or {}) if isinstance(found, dict) else {}
    for name in ("name", "namespace", "uid"):
        if not meta.get(name):
            raise invalid(f"{field}: it must have a {name}")
    known = call.client.peek(resource, meta["name"], meta["namespace"])
    if known is None or known["metadata"]["uid"] != meta["uid"]:
        raise absent(resource.kind, f"{meta['namespace']}/{meta['name']}")
    return {}


async def log(call: Call) -> Moved:
    """`/apis/v1alpha1/runs/{id}/nodes/{node}/log`: where the cluster's own face shows the pod's log."""
    run = await call.records.get(pipelines.RUN, call.names["id"], "Run")
    spec, node = run["spec"], call.names["node"]
    details = (run.get("status") or {}).get("details")
    if details is None:
        found = await call.client.get(WORKFLOW, spec["workflow"], spec["namespace"])
        details = tasks.details(call.names["id"], found)
    for one in details.get("task_details") or []:
        pod = one.get("pod_name")
        if pod and (pod == node or one["task_id"] in (node, task_id(node))):
            follow = "&follow=true" if call.query.get("follow") == "true" else ""
            place = f"/api/v1/namespaces/{spec['namespace']}/pods/{pod}/log"
            return Moved(f"{place}?container=main{follow}")
    raise absent("a pod of node", node)


async def visualization(call: Call) -> Obj:
    raise Refusal(
        501,
        "pictures are not made by this server: let a step write an HTML or Markdown artifact, or metrics; "
        "the console shows these",
    )


async def filters(call: Call) -> Obj:
    """Upstream has the path for its schema's sake, and answers nothing under it."""
    raise Refusal(501, "Method Not Allowed: filters are given as the query `filter` of a list")


ROUTES = [
    ("POST", "/workflows", workflow),
    ("POST", "/scheduledworkflows", scheduled),
    ("POST", "/visualizations/{namespace}", visualization),
    ("GET", "/filters", filters),
]
LOG = ("GET", "/runs/{id}/nodes/{node}/log", log)
