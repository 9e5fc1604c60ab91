"""What a delete means for an object: gone at once, marked and waiting for someone, or nothing new.

Pure. Called by `Local`. The garbage collector (dependents) and the namespace controller are others' work;
they see the finalizers and timestamps that are decided here. Source: kubernetes/apiserver
pkg/registry/rest/delete.go and pkg/registry/generic/registry/store.go.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from pinnace.kinds import cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.client import DeleteOptions
from pinnace.objects.metadata import counts_generations

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
CUSTOM_RESOURCES = "customresourcecleanup.apiextensions.k8s.io"
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
"""Namespaces that a cluster cannot do without (admission plugin NamespaceLifecycle)."""
_POLICIES = ("", "Background", "Foreground", "Orphan")


class Outcome(msgspec.Struct, frozen=True):
    """`marked`: the object to write instead of removing it. Neither: the delete was asked before."""

    remove: bool = False
    marked: Obj | None = None


def check(resource: Resource, name: str, current: Obj, options: DeleteOptions) -> None:
    """StatusError: a precondition fails or an option is none."""
    meta = current["metadata"]
    for label, wanted, found in (
        ("UID", options.uid, meta["uid"]),
        ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
    ):
        if wanted and wanted != found:
            since = "deleted and then recreated" if label == "UID" else "modified"
            why = (
                f"the {label} in the precondition ({wanted}) does not match the {label} in record ({found}). "
                f"The object might have been {since}"
            )
            raise refusals.conflict(resource, name, why, subject=_kind(resource))
    if resource.key == "namespaces" and name in IMMORTAL:
        raise refusals.forbidden(resource, name, "this namespace may not be deleted")
    if options.propagation not in _POLICIES:
        wrong = cause.unsupported(
            "propagationPolicy", options.propagation, ("Foreground", "Background", "Orphan")
        )
        raise refusals.invalid(resource, name, [wrong])
    if options.grace_seconds is not None and options.grace_seconds < 0:
        wrong = cause.invalid(
            "gracePeriodSeconds", options.grace_seconds, "must be greater than or equal to 0"
        )
        raise refusals.invalid(resource, name, [wrong])


def _kind(resource: Resource) -> str:
    return f"{resource.kind}.{resource.group}" if resource.group else resource.kind


def decide(resource: Resource, current: Obj, options: DeleteOptions) -> Outcome:
    meta = current["metadata"]
    finalizers = _finalizers(resource, meta.get("finalizers") or [], options.propagation)
    grace = _grace(resource, current, options)
    held = bool(finalizers) or _empties_first(resource, current)
    if not held and grace == 0:
        return Outcome(remove=True)
    waiting = meta.get("deletionTimestamp")
    shorter = grace < int(meta.get("deletionGracePeriodSeconds") or 0)
    if waiting and finalizers == (meta.get("finalizers") or []) and not shorter:
        return Outcome()
    return Outcome(marked=_marked(resource, current, finalizers, grace))


def _marked(resource: Resource, current: Obj, finalizers: list[str], grace: int) -> Obj:
    meta = dict(current["metadata"])
    if not meta.get("deletionTimestamp"):
        if counts_generations(resource):
            meta["generation"] = int(meta.get("generation") or 0) + 1
        meta["deletionTimestamp"] = _after(grace)
    elif grace < int(meta.get("deletionGracePeriodSeconds") or 0):
        meta["deletionTimestamp"] = _after(grace)
    meta["deletionGracePeriodSeconds"] = grace
    meta.pop("finalizers", None)
    if finalizers:
        meta["finalizers"] = finalizers
    marked = {**current, "metadata": meta}
    if resource.key == "namespaces":
        marked["status"] = {**(current.get("status") or {}), "phase": "Terminating"}
    return marked


def finished(resource: Resource, obj: Obj) -> bool:
    """Nothing holds an object that is being deleted any more: this write removes it."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds") and not _empties_first(resource, obj)


def _finalizers(resource: Resource, present: list[str], propagation: str) -> list[str]:
    kept = [name for name in present if name not in (FOREGROUND, ORPHAN)] if propagation else list(present)
    if propagation == "Foreground":
        kept.append(FOREGROUND)
    elif propagation == "Orphan":
        kept.append(ORPHAN)
    if resource.key == DEFINITIONS and CUSTOM_RESOURCES not in kept:
        kept.append(CUSTOM_RESOURCES)
    return kept


def _empties_first(resource: Resource, obj: Obj) -> bool:
    """A namespace stays until its controller has emptied it and finalized it."""
    return resource.key == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))


def _grace(resource: Resource, current: Obj, options: DeleteOptions) -> int:
    """Only a pod that may still run is given time; when it is over its node says so and it is removed."""
    if resource.key != "pods":
        return 0
    spec: dict[str, Any] = current.get("spec") or {}
    phase = (current.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    asked = options.grace_seconds
    if asked is None:
        asked = current["metadata"].get("deletionGracePeriodSeconds")
    if asked is None:
        asked = spec.get("terminationGracePeriodSeconds", 30)
    return int(asked)


def _after(seconds: int) -> str:
    at = min(int(time.time()) + seconds, 253402300799)
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
