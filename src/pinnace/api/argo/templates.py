"""WorkflowTemplates, ClusterWorkflowTemplates and CronWorkflows: one table of verbs for the three.

Source: upstream server/{workflowtemplate,clusterworkflowtemplate,cronworkflow}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from pinnace.api.argo.call import Answer, Call, Entry, judged, typed
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError


class Kind(msgspec.Struct, frozen=True):
    """`field`: under what name a body carries the document."""

    kind: str
    base: str
    field: str
    namespaced: bool = True

    def resource(self, call: Call) -> Resource:
        return call.given.kind(self.kind)


WORKFLOW_TEMPLATES = Kind("WorkflowTemplate", "/api/v1/workflow-templates", "template")
CLUSTER_TEMPLATES = Kind("ClusterWorkflowTemplate", "/api/v1/cluster-workflow-templates", "template", False)
SCHEDULES = Kind("CronWorkflow", "/api/v1/cron-workflows", "cronWorkflow")


async def listed(kind: Kind, call: Call) -> Obj:
    resource, pattern = kind.resource(call), call.query.get("namePattern", "")
    selection = call.selection()
    if pattern:
        selection = msgspec.structs.replace(selection, limit=0, continue_="")
    page = await call.client.list(resource, call.namespace, selection)
    items = [one for one in page.items if pattern in one["metadata"]["name"]]
    items.sort(key=lambda one: (one["metadata"].get("namespace", ""), one["metadata"]["name"]))
    meta = {"resourceVersion": page.resource_version}
    if page.continue_ and not pattern:
        meta["continue"] = page.continue_
    return {"apiVersion": resource.api_version, "kind": resource.list_kind, "metadata": meta, "items": items}


async def _document(kind: Kind, call: Call) -> tuple[Obj, Obj]:
    given = await call.document()
    document = typed(given.get(kind.field), kind.resource(call), call.namespace)
    return judged(call, document, kind.kind.lower()), given


async def create(kind: Kind, call: Call) -> Obj:
    document, given = await _document(kind, call)
    options = Options(dry_run=bool((given.get("createOptions") or {}).get("dryRun")), field_manager="argo")
    return await call.client.create(kind.resource(call), document, call.namespace, options)


async def lint(kind: Kind, call: Call) -> Obj:
    return (await _document(kind, call))[0]


async def get(kind: Kind, call: Call) -> Obj:
    return await call.client.get(kind.resource(call), call.name, call.namespace)


async def update(kind: Kind, call: Call) -> Obj:
    document, _ = await _document(kind, call)
    document["metadata"].setdefault("name", call.name)
    if document["metadata"]["name"] != call.name:
        raise StatusError(400, "BadRequest", f"metadata.name: expected {call.name}, the name in the path")
    return await call.client.update(
        kind.resource(call), document, call.namespace, Options(field_manager="argo")
    )


async def delete(kind: Kind, call: Call) -> Obj:
    await call.client.delete(kind.resource(call), call.name, call.namespace)
    return {}


async def suspended(value: bool, call: Call) -> Obj:
    """A schedule rests or goes on."""
    await call.document()
    resource = SCHEDULES.resource(call)
    return await call.client.patch(
        resource, call.name, call.namespace, {"spec": {"suspend": value}}, "merge"
    )


def _table(kind: Kind) -> list[Entry]:
    def bound(answer: Any) -> Answer:
        made: Answer = partial(answer, kind)
        return made

    base = kind.base + ("/{namespace}" if kind.namespaced else "")
    everywhere = [("GET", kind.base + "/?", bound(listed))] if kind.namespaced else []
    return [
        *everywhere,
        ("GET", base, bound(listed)), ("POST", base, bound(create)), ("POST", f"{base}/lint", bound(lint)),
        ("GET", base + "/{name}", bound(get)), ("PUT", base + "/{name}", bound(update)),
        ("DELETE", base + "/{name}", bound(delete)),
    ]


ROUTES: list[Entry] = [
    *_table(WORKFLOW_TEMPLATES), *_table(CLUSTER_TEMPLATES), *_table(SCHEDULES),
    ("PUT", SCHEDULES.base + "/{namespace}/{name}/suspend", partial(suspended, True)),
    ("PUT", SCHEDULES.base + "/{namespace}/{name}/resume", partial(suspended, False)),
]
