"""One change of a transaction turned into store writes: the careful way, or the fast one for our own hand.

Called by `Local.transact`. Invariant of the fast way: it copies nothing but the top of a document and
metadata, and judges nothing; what may take it was judged before (a pod's template) or is not for anyone to
judge (a status).
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import names
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion, refusals
from pinnace.objects.admission import rules
from pinnace.objects.client import SYSTEM, Change, DeleteOptions, Identity, Options
from pinnace.objects.document import name_of, namespace_of, presented, revision_of, uid_of
from pinnace.objects.house import House
from pinnace.objects.metadata import counts_generations, new_uid, now
from pinnace.store.interface import ABSENT, Put, Remove, Write

_UNTRACKED = Options(field_manager="")
_UNTRACKED_STATUS = Options(field_manager="", subresource="status")
_AT_ONCE = DeleteOptions(grace_seconds=0)


def prepare(house: House, identity: Identity, change: Change) -> list[Write]:
    """The object writes first; StatusError as the single verbs raise it."""
    match change.verb:
        case "create":
            return _create(house, identity, change)
        case "status" | "update" if not (change.trusted or (change.verb == "status" and identity is SYSTEM)):
            return _judged(house, identity, change)
        case "status" | "update" | "system":
            return _as_given(house, change.resource, change.obj)
        case "delete":
            return _delete(house, change)
    raise refusals.bad_request(f"a transaction has no verb {change.verb!r}")


def _create(house: House, identity: Identity, change: Change) -> list[Write]:
    resource, obj = change.resource, change.obj
    if change.trusted:
        new = identified(resource, obj) if change.complete else newborn(resource, obj)
        new = house.configured(resource, new)
        new = house.priorities.applied(resource, new)
        new = house.limits.applied(resource, new)
        if resource.namespaced:
            house.open_namespace(resource, new["metadata"]["namespace"], new["metadata"]["name"])
        return [Put(resource.key, new, ABSENT)]
    new = house.admission.created(identity, resource, obj, namespace_of(obj), _UNTRACKED)
    new = house.configurations.applied(resource, new)
    new = house.limits.applied(resource, new)
    house.secured(resource, new, [])
    new, rows = house.entering(resource, new)
    return [Put(resource.key, new, ABSENT), *rows]


def newborn(resource: Resource, obj: Obj) -> Obj:
    """An object with identity, first status and its kind's own defaults, nothing judged.

    A uid that the caller chose is kept (a controller may have to know it before the commit)."""
    meta: dict[str, Any] = dict(obj["metadata"])
    if "name" not in meta:
        meta["name"] = names.generated(meta["generateName"])
    if "uid" not in meta:
        meta["uid"] = new_uid()
    meta["creationTimestamp"] = now()
    if counts_generations(resource):
        meta["generation"] = 1
    new = {"apiVersion": resource.api_version, "kind": resource.kind, **obj, "metadata": meta}
    if "spec" in new:
        new["spec"] = dict(new["spec"])
    own = rules(resource)
    own.prepare(new)
    own.default(new)
    return new


def identified(resource: Resource, obj: Obj) -> Obj:
    """A complete document becomes an object, in place: a commit that is tried again keeps its identity."""
    meta = obj["metadata"]
    if "uid" not in meta:
        meta["uid"] = new_uid()
        meta["creationTimestamp"] = now()
        if counts_generations(resource):
            meta["generation"] = 1
    return obj


def _as_given(house: House, resource: Resource, obj: Obj) -> list[Write]:
    if deletion.finished(resource, obj):
        gone = Remove(resource.key, namespace_of(obj), name_of(obj), uid_of(obj), revision_of(obj))
        return [gone, *house.leaving(resource, obj)]
    expected = revision_of(obj)
    obj, rows = house.ending(resource, obj)
    return [Put(resource.key, obj, expected), *rows]


def _judged(house: House, identity: Identity, change: Change) -> list[Write]:
    resource, obj = change.resource, change.obj
    current = house.store.get(resource.key, namespace_of(obj), name_of(obj))
    if current is None:
        raise refusals.not_found(resource, name_of(obj))
    options = (
        _UNTRACKED_STATUS if change.verb == "status" and "status" in resource.subresources else _UNTRACKED
    )
    new = house.admission.updated(resource, presented(resource, current), obj, options, identity)
    if deletion.finished(resource, new):
        return _as_given(house, resource, new)
    return [Put(resource.key, house.defined(resource, new), revision_of(current))]


def _delete(house: House, change: Change) -> list[Write]:
    """At once, whatever grace the object asks for; finalizers are respected."""
    resource, obj = change.resource, change.obj
    current = house.store.get(resource.key, namespace_of(obj), name_of(obj))
    if current is None or (uid_of(obj) and uid_of(current) != uid_of(obj)):
        raise refusals.not_found(resource, name_of(obj))
    outcome = deletion.decide(resource, current, _AT_ONCE)
    if outcome.marked is not None:
        return [Put(resource.key, outcome.marked, revision_of(current))]
    gone = Remove(
        resource.key, namespace_of(current), name_of(current), uid_of(current), revision_of(current)
    )
    return [gone, *house.leaving(resource, current)]
