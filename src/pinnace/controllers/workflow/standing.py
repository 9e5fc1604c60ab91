"""The Pod that stands for what control does itself: a resource action that its own manifest may name.

Callers: `leaves` (begun), `live` (over). No scheduler sees it, no node runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnace.controllers.built_in import POD
from pinnace.controllers.workflow.blueprint import EXECUTOR_IMAGE, meta_of
from pinnace.controllers.workflow.status import NODE_ID
from pinnace.controllers.workflow.tags import compile_tree
from pinnace.kinds import reserved
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import completed

if TYPE_CHECKING:
    from pinnace.controllers.workflow.leaves import Leaf

STANDING = "control"



def standing(frame: Leaf) -> Obj:
    """The Pod of a resource action: labelled and named as any, run by control itself, so on no node that the
    scheduler knows. Its status is the action's (`stood`)."""
    run, program = frame.run, frame.program
    assert program is not None
    template = program.template
    document: Obj = {
        "labels": {**meta_of(run.spec.pod_metadata, "labels"), **meta_of(template.metadata, "labels")},
        "annotations": meta_of(template.metadata, "annotations"),
    }
    command = ["argoexec", "resource", template.resource.action if template.resource else ""]
    spec: Obj = {
        "restartPolicy": "Never",
        "nodeName": STANDING,
        "terminationGracePeriodSeconds": 0,
        "serviceAccountName": template.service_account_name or run.spec.service_account_name or "default",
        "containers": [{"name": "main", "image": EXECUTOR_IMAGE, "command": command}],
    }
    scope = frame.scope()
    render = compile_tree(document)
    shown: Obj = document if render is None else render(scope)
    own = {NODE_ID: frame.node.id, "workflows.argoproj.io/node-name": frame.node.name}
    meta = {
        "name": run.pod_name(frame),
        "namespace": run.namespace,
        "labels": {**shown["labels"], **run.pod_labels},
        "annotations": {**own, **reserved.without(shown["annotations"])},
        "ownerReferences": run.owner_references,
    }
    made = completed(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    made["status"] = {
        **(made.get("status") or {}),
        "phase": "Running",
        "startTime": run.stamp(),
        "containerStatuses": [_stood_state({"running": {"startedAt": run.stamp()}})],
    }
    return made


def stood(pod: Obj, phase: str, message: str, now: str) -> Obj:
    """The same at the action's end."""
    good = phase == "Succeeded"
    ended = {"exitCode": 0 if good else 1, "reason": "Completed" if good else "Error", "finishedAt": now}
    status = {
        **(pod.get("status") or {}),
        "phase": "Succeeded" if good else "Failed",
        "containerStatuses": [_stood_state({"terminated": ended})],
    }
    if message:
        status["message"] = message
    return {**pod, "status": status}


def _stood_state(state: Obj) -> Obj:
    image = {"image": EXECUTOR_IMAGE, "imageID": ""}
    return {"name": "main", "ready": "running" in state, "restartCount": 0, "state": state, **image}
