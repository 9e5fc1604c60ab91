"""A failed run goes on: its Workflow's nodes are edited as `argo retry` edits them; the engine goes on.

What succeeded stays; what failed, was left out or stood above it is taken back. Caller: `runs`.
"""

from __future__ import annotations

from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import DeleteOptions, Selection
from pinnace.objects.document import clone
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

POD = Resource(group="", version="v1", kind="Pod", plural="pods", singular="pod")
NODE_ID = "workflows.argoproj.io/node-id"
COMPLETED = "workflows.argoproj.io/completed"
PHASE = "workflows.argoproj.io/phase"
ABOVE = ("DAG", "Steps", "StepGroup", "TaskGroup")
KEPT = ("Succeeded", "Skipped")


async def again(client: Local, workflow: Obj) -> None:
    made: Obj = clone(workflow)
    nodes: dict[str, Obj] = made["status"].get("nodes") or {}
    gone = {name for name, node in nodes.items() if _starts_anew(node)}
    for name in gone:
        del nodes[name]
    for node in nodes.values():
        if node.get("type") in ABOVE and node.get("phase") not in KEPT:
            node["phase"] = "Running"
            node.pop("finishedAt", None)
            node.pop("message", None)
        if node.get("children"):
            node["children"] = [child for child in node["children"] if child not in gone]
    await _remove_pods(client, workflow, gone)
    _reopen(made)
    await client.update(WORKFLOW, made, workflow["metadata"]["namespace"])


def _starts_anew(node: Obj) -> bool:
    return (node.get("type") not in ABOVE and node.get("phase") not in KEPT) or node.get("phase") == "Omitted"


def _reopen(workflow: Obj) -> None:
    workflow["spec"].pop("shutdown", None)
    labels = workflow["metadata"].get("labels") or {}
    labels.pop(COMPLETED, None)
    labels[PHASE] = "Running"
    workflow["metadata"]["labels"] = labels
    status = workflow["status"]
    status["phase"] = "Running"
    for field in ("finishedAt", "message", "conditions"):
        status.pop(field, None)


async def _remove_pods(client: Local, workflow: Obj, gone: set[str]) -> None:
    meta = workflow["metadata"]
    selection = Selection(labels=f"workflows.argoproj.io/workflow={meta['name']}")
    page = await client.list(POD, meta["namespace"], selection)
    for pod in page.items:
        if (pod["metadata"].get("annotations") or {}).get(NODE_ID) not in gone:
            continue
        try:
            await client.delete(
                POD, pod["metadata"]["name"], meta["namespace"], DeleteOptions(grace_seconds=0)
            )
        except StatusError as error:
            if error.code != 404:
                raise
