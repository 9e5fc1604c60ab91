"""`metadata` of every kind: its shape, what the server fills in, what may not change, and which names are
legal.

Called by `writing`. All but `check_shape` rely on the types that the schema has checked before.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals

_COUNTED = frozenset({"pods", "customresourcedefinitions.apiextensions.k8s.io"})
_COUNTED_GROUPS = frozenset({"apps", "batch", "networking.k8s.io", "policy"})


_this_second = (0, "")
_AT_ONCE = 64
_chances: list[str] = []
"""Random digits that no UUID has used yet. A forked child starts without: it would use its parent's."""
os.register_at_fork(after_in_child=_chances.clear)
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def now() -> str:
    """This second as Kubernetes writes times; formatted once a second."""
    global _this_second
    second = int(time.time())
    if second != _this_second[0]:
        _this_second = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return _this_second[1]


def new_uid() -> str:
    """A random UUID (version 4) at a sixth of the price of `uuid.uuid4`: the kernel is asked once in many."""
    if not _chances:
        found = os.urandom(16 * _AT_ONCE).hex()
        _chances.extend(found[at : at + 32] for at in range(0, len(found), 32))
    digits = _chances.pop()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def check_shape(resource: Resource, obj: Any) -> Obj:
    """StatusError 400 unless this is a document of the resource's kind (its fields are judged later)."""
    if not isinstance(obj, dict):
        raise refusals.bad_request(f"the body must be a {resource.kind} object, not {_json_type(obj)}")
    kind, version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if kind != resource.kind:
        raise refusals.bad_request(
            f"the kind in the data ({kind}) does not match the expected kind ({resource.kind})"
        )
    if version != resource.api_version:
        raise refusals.bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    obj["kind"], obj["apiVersion"] = kind, version
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    if not isinstance(obj["metadata"], dict):
        raise refusals.bad_request(f"metadata must be an object, not {_json_type(obj['metadata'])}")
    return obj


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return {str: "a string", list: "a list", type(None): "null"}.get(type(value), type(value).__name__)


def stamp_new(resource: Resource, obj: Obj, namespace: str) -> None:
    """Name, identity and birth of an object that is being created. StatusError 400: wrong namespace."""
    meta = obj["metadata"]
    _place(resource, meta, namespace)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = names.generated(meta["generateName"])
    for key in (
        "resourceVersion",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ):
        meta.pop(key, None)
    meta["uid"] = new_uid()
    meta["creationTimestamp"] = now()
    if counts_generations(resource):
        meta["generation"] = 1


def _place(resource: Resource, meta: dict[str, Any], namespace: str) -> None:
    if not resource.namespaced:
        meta.pop("namespace", None)
        return
    if namespace and meta.get("namespace", namespace) != namespace:
        raise refusals.bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request "
            f"({meta['namespace']} is not {namespace})"
        )
    place = namespace or meta.get("namespace")
    if not place:
        raise refusals.bad_request(f"an empty namespace may not be set during creation of {resource.key}")
    meta["namespace"] = place


def counts_generations(resource: Resource) -> bool:
    return resource.custom or resource.key in _COUNTED or resource.group in _COUNTED_GROUPS


def carry_over(resource: Resource, old: Obj, new: Obj) -> None:
    """What a writer cannot change, taken from the object that stands in the store."""
    before, meta = old["metadata"], new["metadata"]
    for key in (
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "name",
        "namespace",
        "resourceVersion",
        "generateName",
    ):
        if key in before:
            meta[key] = before[key]
        else:
            meta.pop(key, None)


def check_identity(resource: Resource, old: Obj, new: Obj) -> None:
    """StatusError: another object is meant than the one that stands there, or an older picture of it."""
    before, meta = old["metadata"], new["metadata"]
    name = before["name"]
    if meta.get("name", name) != name:
        raise refusals.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )
    if resource.namespaced and meta.get("namespace", before.get("namespace")) != before.get("namespace"):
        raise refusals.bad_request(
            f"the namespace of the object ({meta['namespace']}) does not match the namespace on the request "
            f"({before.get('namespace')})"
        )
    if meta.get("uid") and meta["uid"] != before["uid"]:
        raise refusals.precondition(resource, old, "UID", meta["uid"], before["uid"])
    for ending in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if meta.get(ending) and not before.get("deletionTimestamp"):
            found = cause.invalid(f"metadata.{ending}", meta[ending], "field is immutable")
            raise refusals.invalid(resource, name, [found])
    given = meta.get("resourceVersion")
    if given and given != before["resourceVersion"]:
        if not given.isascii() or not given.isdigit():
            raise refusals.invalid(
                resource, name, [cause.invalid("metadata.resourceVersion", given, "must be a number")]
            )
        raise refusals.conflict(resource, name)


def problems(resource: Resource, obj: Obj) -> list[Cause]:
    """What is wrong with the metadata of an object, all of it."""
    meta = obj["metadata"]
    found = names.metadata_causes(resource.key, meta)
    if sum(1 for owner in meta.get("ownerReferences") or [] if owner.get("controller") is True) > 1:
        text = "Only one reference can have Controller set to true"
        found.append(cause.invalid("metadata.ownerReferences", meta["ownerReferences"], text))
    return found


def update_problems(old: Obj, new: Obj) -> list[Cause]:
    """New finalizers are refused on what is being deleted."""
    if not old["metadata"].get("deletionTimestamp"):
        return []
    before = old["metadata"].get("finalizers") or []
    added = [name for name in new["metadata"].get("finalizers") or [] if name not in before]
    if not added:
        return []
    listed = "{" + ", ".join(f'"{name}"' for name in added) + "}"
    why = "no new finalizers can be added if the object is being deleted"
    text = f"{why}, found new finalizers []string{listed}"
    return [cause.forbidden("metadata.finalizers", text)]


def count_generation(resource: Resource, old: Obj, new: Obj) -> None:
    """A new generation when what was asked for changed: all but metadata, and status where it is apart."""
    if not counts_generations(resource):
        return
    apart = {"metadata", "apiVersion", "kind"}
    if not resource.custom or "status" in resource.subresources:
        apart.add("status")
    keys = (old.keys() | new.keys()) - apart
    if any(old.get(key) != new.get(key) for key in keys):
        new["metadata"]["generation"] = int(old["metadata"].get("generation") or 0) + 1
