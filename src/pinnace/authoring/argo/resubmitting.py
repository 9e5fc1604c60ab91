"""A Workflow once more, under a new name; memoized: what succeeded is not run again.

Pure. Source of the rules: upstream workflow/util (FormulateResubmitWorkflow). A memoized copy carries the
steps that succeeded as nodes of type Skipped with their outputs, under the ids that they will have; groups,
loops and retries are made anew around them. Callers: `objects/steering`.
"""

from __future__ import annotations

import copy
import random
import string

from pinnace.authoring.argo.mistake import Mistake
from pinnace.authoring.argo.names import fnv, node_id
from pinnace.authoring.argo.retrying import GROUPS
from pinnace.authoring.argo.submitting import override
from pinnace.kinds.argo import DOMAIN, FULFILLED
from pinnace.kinds.resource import Obj

PREVIOUS = f"{DOMAIN}resubmitted-from-workflow"
LEFT = frozenset({
    f"{DOMAIN}{name}" for name in
    ("creator", "creator-email", "creator-preferred-username", "phase", "completed",
     "workflow-archiving-status", "actor", "actor-email", "actor-preferred-username", "action")
})
LETTERS = string.ascii_lowercase + string.digits
KEPT = ("displayName", "templateName", "templateRef", "templateScope", "inputs", "outputs", "nodeFlag")


def resubmitted(
    workflow: Obj, now: str, *, memoized: bool = False, parameters: tuple[str, ...] = (), suffix: str = ""
) -> Obj:
    """The Workflow to create. Raises Mistake."""
    meta, status = workflow["metadata"], workflow.get("status") or {}
    if memoized and status.get("phase") not in ("Failed", "Error"):
        raise Mistake("workflow must be Failed/Error to resubmit in memoized mode")
    generate = meta.get("generateName") or f"{meta['name']}-"
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key not in LEFT}
    made: Obj = {
        "apiVersion": workflow["apiVersion"], "kind": workflow["kind"],
        "metadata": {
            "generateName": generate, "namespace": meta.get("namespace", ""),
            "labels": {**labels, PREVIOUS: meta["name"]},
            "annotations": dict(meta.get("annotations") or {}),
        },
        "spec": copy.deepcopy(workflow.get("spec") or {}),
    }
    if meta.get("ownerReferences"):
        made["metadata"]["ownerReferences"] = copy.deepcopy(meta["ownerReferences"])
    if made["spec"].get("activeDeadlineSeconds") == 0:
        del made["spec"]["activeDeadlineSeconds"]
    made["spec"].pop("shutdown", None)
    override(made, parameters)
    if memoized:
        made["metadata"]["name"] = generate + (suffix or _suffix())
        made["status"] = _remembered(workflow, made["metadata"]["name"], now)
    return made


def _suffix() -> str:
    return "".join(random.choices(LETTERS, k=5))  # noqa: S311 - a name, not a secret


def _remembered(workflow: Obj, name: str, now: str) -> Obj:
    old, status = workflow["metadata"]["name"], workflow.get("status") or {}
    nodes = status.get("nodes") or {}
    attempts = {child for node in nodes.values() if node.get("type") == "Retry"
                for child in node.get("children") or ()}
    kept: Obj = {}
    for key, node in nodes.items():
        whole = node.get("type") == "Retry" and _ran(nodes, node)
        step = node.get("type") in ("Pod", "Skipped") and key not in attempts and _original(node)
        if not (whole or step) or str(node.get("name")).startswith(f"{old}.onExit"):
            continue
        if node.get("phase") in ("Succeeded", "Skipped"):
            made = _skipped(node, nodes, old, name, now)
            kept[made["id"]] = made
    stored = status.get("storedTemplates")
    return {"nodes": kept, **({"storedTemplates": stored} if stored else {})}


def portable(nodes: Obj) -> Obj:
    """Of a picture of nodes what a new Workflow of the same name can carry: steps and retries that are done.
    Groups and loops are made anew around them."""
    attempts = {child for node in nodes.values() if node.get("type") == "Retry"
                for child in node.get("children") or ()}
    derived = ("children", "outboundNodes")
    return {
        key: {field: value for field, value in node.items() if field not in derived}
        for key, node in nodes.items()
        if node.get("type") not in GROUPS and key not in attempts and node.get("phase") in FULFILLED
    }


def _original(node: Obj) -> bool:
    """A step that ran, or was taken over from an earlier run; not one that was left out by a condition."""
    return node.get("type") == "Pod" or str(node.get("message") or "").startswith("original pod: ")


def _ran(nodes: Obj, node: Obj) -> bool:
    return any(nodes.get(child, {}).get("type") == "Pod" for child in node.get("children") or ())


def _skipped(node: Obj, nodes: Obj, old: str, new: str, now: str) -> Obj:
    name = _renamed(str(node.get("name")), old, new)
    pods = [child for child in node.get("children") or () if nodes.get(child, {}).get("type") == "Pod"]
    original = pods[-1] if node.get("type") == "Retry" and pods else node["id"]
    above = nodes.get(node.get("boundaryID") or "")
    made = {key: copy.deepcopy(node[key]) for key in KEPT if key in node}
    made |= {
        "id": node_id(new, name, fnv(name)), "name": name, "type": "Skipped", "phase": "Skipped",
        "message": f"original pod: {original}", "startedAt": now, "finishedAt": now,
    }
    if above is not None:
        boundary = _renamed(str(above.get("name")), old, new)
        made["boundaryID"] = node_id(new, boundary, fnv(boundary))
    return made


def _renamed(name: str, old: str, new: str) -> str:
    return new + name[len(old) :] if name.startswith(old) else name
