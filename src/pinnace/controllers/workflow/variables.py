"""The variables `workflow.*` that a run begins with. Source: upstream docs/variables.md, setGlobalParameters.

Caller: `context`. What changes under way (`workflow.status`, parameters, global outputs) is set by `run`.
"""

from __future__ import annotations

import msgspec

from pinnace.controllers.workflow import clock
from pinnace.kinds.argo import text
from pinnace.kinds.resource import Obj


def of(workflow: Obj, spec: Obj) -> dict[str, str]:
    meta = workflow.get("metadata") or {}
    created = clock.seconds(meta.get("creationTimestamp") or clock.stamp(0))
    values = {
        "workflow.name": meta["name"],
        "workflow.namespace": meta.get("namespace") or "default",
        "workflow.uid": meta.get("uid") or "",
        "workflow.mainEntrypoint": spec.get("entrypoint") or "",
        "workflow.serviceAccountName": spec.get("serviceAccountName") or "default",
        "workflow.priority": text(spec.get("priority")),
        "workflow.status": "Running",
        "workflow.duration": "0.000000",
    }
    values |= clock.formats("workflow.creationTimestamp", created)
    annotations = meta.get("annotations") or {}
    scheduled = annotations.get("workflows.argoproj.io/scheduled-time")
    if scheduled:
        values["workflow.scheduledTime"] = scheduled
    for kind in ("labels", "annotations"):
        found = meta.get(kind) or {}
        values[f"workflow.{kind}"] = values[f"workflow.{kind}.json"] = msgspec.json.encode(
            found, order="sorted"
        ).decode()
        values |= {f"workflow.{kind}.{name}": text(value) for name, value in found.items()}
    return values
