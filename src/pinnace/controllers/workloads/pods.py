"""What the controllers of workloads want to know of a Pod, and the Pod that they make from a template.

Pure. Source: kubernetes pkg/controller/controller_utils.go, pkg/api/v1/pod/util.go.
"""

from __future__ import annotations

from typing import Any

from pinnace.controllers.moment import unix
from pinnace.kinds import reserved
from pinnace.kinds.resource import Obj

NEVER = float("inf")


def phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def over(pod: Obj) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def leaving(pod: Obj) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def active(pod: Obj) -> bool:
    return not over(pod) and not leaving(pod)


def condition(obj: Obj, kind: str) -> Obj | None:
    found: list[Any] = (obj.get("status") or {}).get("conditions") or []
    return next((each for each in found if each["type"] == kind), None)


def ready(pod: Obj) -> bool:
    return (condition(pod, "Ready") or {}).get("status") == "True"


def ready_since(pod: Obj) -> float:
    """Unix time; 0.0 for one that is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return 0.0
    return unix(found.get("lastTransitionTime"))


def available_in(pod: Obj, min_ready: int, now: float) -> float:
    """Seconds until the Pod counts as available: 0 if it does, NEVER while it is not ready."""
    if not ready(pod):
        return NEVER
    return max(0.0, ready_since(pod) + min_ready - now) if min_ready else 0.0


def restarts(pod: Obj) -> int:
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(each.get("restartCount") or 0) for each in containers), default=0)


def created(obj: Obj) -> float:
    return unix(obj["metadata"].get("creationTimestamp"))


def controller_of(obj: Obj) -> Obj | None:
    owners: list[Any] = obj["metadata"].get("ownerReferences") or []
    return next((each for each in owners if each.get("controller")), None)


def reference(owner: Obj) -> Obj:
    """The ownerReference of a controller."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }


def made(owner: Obj, template: Obj, name: str) -> Obj:
    """A Pod of the template, owned."""
    own: dict[str, Any] = template.get("metadata") or {}
    meta: Obj = {
        "name": name, "namespace": owner["metadata"]["namespace"], "labels": dict(own.get("labels") or {}),
        "annotations": reserved.without(own.get("annotations")), "ownerReferences": [reference(owner)],
    }
    if own.get("finalizers"):
        meta["finalizers"] = list(own["finalizers"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": dict(template["spec"])}
