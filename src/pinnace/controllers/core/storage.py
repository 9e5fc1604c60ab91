"""Which PersistentVolume a claim gets: one that stands there, or a new one of its class. Pure.

Called by `claims`. Source: kubernetes pkg/controller/volume/persistentvolume (pv_controller.go, index.go).
Every volume is a folder of this machine: those of the platform's own class lie under the home's `volumes`,
hostPath volumes that people make lie there too, under `.host`, as on the disk of a node that is not theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj
from pinnace.kinds.selecting import matches

STANDARD = "standard"
PROVISIONER = "pinnace.dev/local"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
BY = "pv.kubernetes.io/provisioned-by"
COMPLETED, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"


class Answer(msgspec.Struct):
    """One of three: bind to `volume`, make one of `class_name`, or wait and say why."""

    volume: Obj | None = None
    class_name: str | None = None
    reclaim: str = "Delete"
    reason: str = ""
    message: str = ""


def decide(claim: Obj, volumes: Sequence[Obj], classes: Sequence[Obj]) -> Answer:
    spec = claim["spec"]
    name = spec.get("storageClassName")
    if name is None:
        name = default_class(classes)
    if spec.get("volumeName"):
        return _named(claim, volumes)
    found = best(claim, volumes, name)
    if found is not None:
        return Answer(volume=found)
    chosen = next((one for one in classes if one["metadata"]["name"] == name), None)
    if not name or (chosen or {}).get("provisioner") == NO_PROVISIONER:
        words = "no persistent volumes available for this claim and no storage class is set"
        return Answer(reason="FailedBinding", message=words)
    return Answer(class_name=name, reclaim=(chosen or {}).get("reclaimPolicy") or "Delete")


def default_class(classes: Iterable[Obj]) -> str:
    """The newest of those that say they are; the platform's own if none does."""
    marked = [one for one in classes if (one["metadata"].get("annotations") or {}).get(DEFAULT) == "true"]
    newest = max(marked, key=lambda one: one["metadata"].get("creationTimestamp") or "", default=None)
    return newest["metadata"]["name"] if newest else STANDARD


def _named(claim: Obj, volumes: Sequence[Obj]) -> Answer:
    """A claim that says which volume it wants waits for that one."""
    name = claim["spec"]["volumeName"]
    found = next((one for one in volumes if one["metadata"]["name"] == name), None)
    if found is None:
        if name == dynamic_name(claim):
            return Answer(class_name=claim["spec"].get("storageClassName") or STANDARD)
        return Answer(reason="FailedBinding", message=f'volume "{name}" not found')
    if not _free(found, claim):
        return Answer(reason="FailedBinding", message=f'volume "{name}" already bound to a different claim.')
    if why := _mismatch(claim, found):
        return Answer(reason="VolumeMismatch", message=f'Cannot bind to requested volume "{name}": {why}')
    return Answer(volume=found)


def best(claim: Obj, volumes: Iterable[Obj], class_name: str) -> Obj | None:
    """The smallest volume that is free and large enough; one that was made for this claim first."""
    fitting = [
        one for one in volumes
        if (one["spec"].get("storageClassName") or "") == class_name and _free(one, claim)
        and not _mismatch(claim, one) and not one["metadata"].get("deletionTimestamp")
        and matches(claim["spec"].get("selector") or {}, one["metadata"].get("labels"))
    ]
    return min(fitting, key=lambda one: (not one["spec"].get("claimRef"), size(one), one["metadata"]["name"]),
               default=None)


def _free(volume: Obj, claim: Obj) -> bool:
    reference, meta = volume["spec"].get("claimRef"), claim["metadata"]
    if (volume.get("status") or {}).get("phase") in ("Released", "Failed"):
        return False
    if not reference:
        return True
    same = (reference.get("namespace"), reference.get("name")) == (meta["namespace"], meta["name"])
    return same and reference.get("uid") in (None, "", meta["uid"])


def _mismatch(claim: Obj, volume: Obj) -> str:
    wanted, spec = claim["spec"], volume["spec"]
    if size(volume) < requested(claim):
        return "requested PV is too small"
    if (wanted.get("volumeMode") or "Filesystem") != (spec.get("volumeMode") or "Filesystem"):
        return "incompatible volumeMode"
    if not set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ()):
        return "incompatible accessMode"
    return ""


def size(volume: Obj) -> Any:
    return quantity.parse((volume["spec"].get("capacity") or {}).get("storage") or "0")


def requested(claim: Obj) -> Any:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return quantity.parse(requests.get("storage") or "0")


def dynamic_name(claim: Obj) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def reference(claim: Obj) -> Obj:
    meta = claim["metadata"]
    place = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in meta}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **place}


def provisioned(claim: Obj, answer: Answer, path: str) -> Obj:
    """The new volume of a claim, bound from its birth."""
    spec = claim["spec"]
    requests = (spec.get("resources") or {}).get("requests") or {}
    return {
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": dynamic_name(claim), "annotations": {BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": requests.get("storage", "1Gi")},
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": answer.reclaim, "storageClassName": answer.class_name,
            "volumeMode": spec.get("volumeMode") or "Filesystem", "claimRef": reference(claim),
            "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        },
    }


def bound(claim: Obj, volume: Obj) -> Obj:
    """The claim with its volume."""
    spec, theirs = claim["spec"], volume["spec"]
    meta = dict(claim["metadata"])
    meta["annotations"] = {**(meta.get("annotations") or {}), COMPLETED: "yes", BY_CONTROLLER: "yes"}
    given = {**spec, "volumeName": volume["metadata"]["name"]}
    given.setdefault("storageClassName", theirs.get("storageClassName") or "")
    status = {
        **(claim.get("status") or {}), "phase": "Bound",
        "accessModes": theirs.get("accessModes") or ["ReadWriteOnce"],
        "capacity": dict(theirs.get("capacity") or {}),
    }
    return {**claim, "metadata": meta, "spec": given, "status": status}


def phase_of(volume: Obj, claim: Obj | None) -> str:
    """What a volume is, given the claim that its reference names (None: there is none of that uid)."""
    taken = volume["spec"].get("claimRef") or {}
    if not taken.get("uid"):
        return "Available"
    return "Bound" if claim is not None else "Released"
