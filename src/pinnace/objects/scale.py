"""The `scale` subresource: one number of an object under a form that every scalable kind shares.

Called by `Local`. A definition says by paths where the number lives; built-in kinds keep it in
`spec.replicas`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds import cause, selecting, training
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion, refusals
from pinnace.objects.document import at, clone, metadata, put_at
from pinnace.store.interface import Store


class Paths(msgspec.Struct, frozen=True):
    wanted: str = ".spec.replicas"
    actual: str = ".status.replicas"
    selector: str = ""


def paths(store: Store, resource: Resource) -> Paths:
    """StatusError 404: the kind has no scale."""
    if "scale" not in resource.subresources:
        raise refusals.not_found(resource, "scale")
    if (shipped := training.scale_paths(resource)) is not None:
        return Paths(*shipped)
    definition = store.get(deletion.DEFINITIONS, "", resource.key) or {}
    for version in (definition.get("spec") or {}).get("versions") or []:
        found = (version.get("subresources") or {}).get("scale")
        if version.get("name") == resource.version and found:
            return Paths(
                found.get("specReplicasPath", ""),
                found.get("statusReplicasPath", ""),
                found.get("labelSelectorPath") or "",
            )
    return Paths()


def read(where: Paths, obj: Obj) -> Obj:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: dict[str, Any] = {"replicas": at(obj, where.actual) or 0}
    selector = at(obj, where.selector) if where.selector else _spoken((obj.get("spec") or {}).get("selector"))
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata(obj)[key] for key in kept if key in metadata(obj)},
        "spec": {"replicas": at(obj, where.wanted) or 0},
        "status": status,
    }


def write(where: Paths, resource: Resource, obj: Obj, scale: Any) -> Obj:
    """The object with the number that the Scale asks for. StatusError 422: it is none."""
    replicas = at(scale, "spec.replicas") or 0
    if type(replicas) is not int or replicas < 0 or replicas >= 1 << 31:
        wrong = cause.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise refusals.invalid(resource, metadata(obj)["name"], [wrong])
    changed = clone(obj)
    put_at(changed, where.wanted, replicas)
    revision = at(scale, "metadata.resourceVersion")
    if isinstance(revision, str) and revision:
        changed["metadata"]["resourceVersion"] = revision
    return changed


def _spoken(selector: Any) -> str:
    if not isinstance(selector, dict):
        return ""
    plain = all(isinstance(value, str) for value in selector.values())
    return selecting.spoken({"matchLabels": selector} if plain else selector)
