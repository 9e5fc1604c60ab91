"""Admission: from what a caller sent to what is stored, or a refusal. The one pipeline of all writers.

Called by `Local`. Nothing here reads or writes the store; the order is decode checks → unknown fields →
pruning → defaults → mutation → schema → metadata → rules → managedFields, as in kubernetes/apiserver
pkg/endpoints/handlers and pkg/registry/generic/registry. Invariant: documents of the store are never
changed, and what the caller sent is copied first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from pinnace.kinds import reserved
from pinnace.kinds.cause import Cause
from pinnace.kinds.pruning import prune
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.review import review
from pinnace.kinds.schema import Node
from pinnace.objects import metadata, refusals
from pinnace.objects.admission import EPHEMERAL_CONTAINERS, isolation, rules
from pinnace.objects.admission.ephemeral import FIELD as GUESTS
from pinnace.objects.client import SYSTEM, Identity, Options
from pinnace.objects.document import clone, name_of
from pinnace.objects.errors import StatusError
from pinnace.objects.managed import ownership
from pinnace.objects.nulls import zeroed

_INDEX = re.compile(r"\[\d+\]")
STRICT = "strict decoding error"
PODS = "pods"


class Schemas(Protocol):
    """What admission asks of the catalogue of kinds."""

    def schema(self, resource: Resource) -> Node: ...


class Quota(Protocol):
    """The place of quotas: asked before each creation, may refuse with a StatusError 403."""

    def admit(self, identity: Identity, resource: Resource, namespace: str, obj: Obj) -> None: ...


class Admission:
    def __init__(self, schemas: Schemas, quota: Quota | None = None) -> None:
        self.schemas = schemas
        self.quota = quota
        self.isolation: Callable[[], str] = str
        """What the node runs with; '' while that is unknown."""

    def created(
        self, identity: Identity, resource: Resource, sent: Any, namespace: str, options: Options
    ) -> Obj:
        """The object to store for a creation."""
        obj = metadata.check_shape(resource, clone(sent))
        if "status" in resource.subresources:
            obj.pop("status", None)
        _bring_up_to_date(resource, obj, options)
        obj, causes = self._judged(resource, obj, None, options)
        if obj["metadata"].get("resourceVersion"):
            raise refusals.bad_request("resourceVersion should not be set on objects to be created")
        obj = clone(obj)
        metadata.stamp_new(resource, obj, namespace)
        own = rules(resource)
        own.prepare(obj)
        own.default(obj)
        causes = _ordered(metadata.problems(resource, obj) + own.check(obj), causes)
        if resource.key == PODS and identity != SYSTEM:
            causes += reserved.forged(obj, {})
        causes += isolation.dropped(obj, None, self.isolation())
        self._refuse(resource, obj, causes)
        if self.quota is not None:
            self.quota.admit(identity, resource, namespace, obj)
        self._own(resource, None, obj, options)
        return obj

    def updated(
        self, resource: Resource, current: Obj, sent: Any, options: Options, identity: Identity = SYSTEM
    ) -> Obj:
        """The object to store in place of `current`; `current` itself when nothing changes."""
        obj = metadata.check_shape(resource, clone(sent))
        obj = _through_subresource(resource, current, obj, options.subresource)
        _bring_up_to_date(resource, obj, options)
        obj, causes = self._judged(resource, obj, current, options)
        metadata.check_identity(resource, current, obj)
        obj = clone(obj)
        metadata.carry_over(resource, current, obj)
        own = rules(resource, options.subresource)
        if options.subresource not in ("finalize", "status"):
            own.carry(current, obj)
        own.default(obj)
        if resource.key == PODS and identity != SYSTEM:
            causes += reserved.forged(obj, reserved.of(current))
            reserved.carry(current, obj)
        causes += isolation.dropped(obj, current, self.isolation())
        asked = metadata.problems(resource, obj) + metadata.update_problems(current, obj)
        asked += own.check(obj) if options.subresource != "status" else []
        causes = _ordered(asked + own.change(current, obj), causes)
        self._refuse(resource, obj, causes)
        metadata.count_generation(resource, current, obj)
        if _untracked(obj) == _untracked(current) and "managedFields" not in obj["metadata"]:
            return current
        self._own(resource, current, obj, options)
        return current if obj == current else obj

    def _judged(
        self, resource: Resource, obj: Obj, old: Obj | None, options: Options
    ) -> tuple[Obj, list[Cause]]:
        """Pruned and defaulted by the schema, with what the schema finds wrong."""
        node = self.schemas.schema(resource)
        zeroed(node, obj)
        verdict = review(node, obj, old, _mutation(resource, options))
        if verdict.misfit is not None:
            raise refusals.bad_request(_unhandled(resource, verdict.misfit))
        if verdict.unknown or options.complaints:
            self._unknown(resource, verdict.unknown, options)
        return verdict.obj, list(verdict.causes)

    def _unknown(self, resource: Resource, paths: list[str], options: Options) -> None:
        texts = [*(f'unknown field "{path}"' for path in paths), *options.complaints]
        if options.field_validation == "Strict":
            raise refusals.bad_request(_unhandled(resource, f"{STRICT}: {', '.join(texts)}"))
        if options.field_validation == "Warn":
            options.warnings.extend(texts)

    def _refuse(self, resource: Resource, obj: Obj, causes: list[Cause]) -> None:
        if causes:
            raise refusals.invalid(resource, name_of(obj), list(dict.fromkeys(causes)))

    def _own(self, resource: Resource, current: Obj | None, obj: Obj, options: Options) -> None:
        """managedFields of a plain write. What nobody tracks stays untracked until it is applied."""
        tracked = current is None or current["metadata"].get("managedFields")
        if not options.field_manager or not (tracked or obj["metadata"].get("managedFields")):
            if current is not None and tracked and "managedFields" not in obj["metadata"]:
                obj["metadata"]["managedFields"] = tracked
            elif not obj["metadata"].get("managedFields"):
                obj["metadata"].pop("managedFields", None)
            return
        if obj["metadata"].get("managedFields") == [{}]:
            obj["metadata"]["managedFields"] = []
        writer = self.writer(resource, options)
        entries = ownership.updated(self.schemas.schema(resource), current, obj, writer)
        if entries:
            obj["metadata"]["managedFields"] = entries
        else:
            obj["metadata"].pop("managedFields", None)

    def writer(self, resource: Resource, options: Options) -> ownership.Writer:
        if options.subresource == "status":
            ignored: tuple[str, ...] = ("spec",) if not resource.custom else ("spec", "metadata")
        else:
            ignored = ("status",) if "status" in resource.subresources else ()
            ignored += rules(resource).filled
        return ownership.Writer(
            options.field_manager,
            resource.api_version,
            metadata.now(),
            options.subresource,
            typed=not resource.custom,
            ignored=ignored,
        )

    def applied(
        self, resource: Resource, current: Obj | None, sent: Any, options: Options
    ) -> tuple[Obj, list[dict[str, Any]]]:
        """What server-side apply makes of a document: the whole wanted object and its managedFields."""
        config = metadata.check_shape(resource, clone(sent))
        _bring_up_to_date(resource, config, options)
        node = self.schemas.schema(resource)
        verdict = review(node, config)  # it may be partial, but what it says must be readable
        if verdict.misfit is not None:
            raise refusals.bad_request(_unhandled(resource, verdict.misfit))
        if verdict.unknown:
            self._unknown(resource, verdict.unknown, options)
            config = prune(node, config)
        if config["metadata"].get("managedFields"):
            raise refusals.bad_request("metadata.managedFields must be nil")
        writer = self.writer(resource, options)
        return ownership.applied(node, current, config, writer, force=options.force)


def _bring_up_to_date(resource: Resource, obj: Obj, options: Options) -> None:
    older = rules(resource).older
    if older is not None and options.subresource != "status":
        options.warnings.extend(older(obj))


def _ordered(asked: list[Cause], by_schema: list[Cause]) -> list[Cause]:
    """A kind's own rules first, in upstream's order; then what only its schema finds wrong."""
    if not asked or not by_schema:
        return asked + by_schema
    said = {one.field for one in asked}
    return asked + [one for one in by_schema if not any(_inside(one.field, field) for field in said)]


def _inside(one: str, other: str) -> bool:
    """Whether one of two fields is the other or lies in it; upstream leaves out some indices."""
    short, long = sorted((_INDEX.sub("", one), _INDEX.sub("", other)), key=len)
    return bool(short) and long.startswith(short) and long[len(short) :][:1] in ("", ".", "[")


def _mutation(resource: Resource, options: Options) -> Callable[[Obj], Obj] | None:
    """The kind's own mutation, as a function that leaves its argument alone."""
    own_rules = rules(resource)
    mutate, concerns = own_rules.mutate, own_rules.concerns
    if mutate is None or options.subresource == "status":
        return None

    def mutated(obj: Obj) -> Obj:
        if concerns is not None and not concerns(obj):
            return obj
        own = clone(obj)
        mutate(own)
        return own

    return mutated


def _unhandled(resource: Resource, complaint: str) -> str:
    return (
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {complaint}'
    )


def _through_subresource(resource: Resource, current: Obj, obj: Obj, subresource: str) -> Obj:
    """Only what this endpoint is for: status through `status`, all but status through the object."""
    if subresource == "status":
        meta = {**current["metadata"]}
        for key in ("resourceVersion", "uid", "name", "namespace", "managedFields"):
            if key in obj["metadata"]:
                meta[key] = obj["metadata"][key]
        if not resource.custom:  # built-in kinds take labels and annotations through /status as well
            for key in ("labels", "annotations", "finalizers"):
                if key in obj["metadata"]:
                    meta[key] = obj["metadata"][key]
        kept = {**current, "metadata": meta, "apiVersion": obj["apiVersion"]}
        kept.pop("status", None)
        if "status" in obj:
            kept["status"] = obj["status"]
        return clone(kept)
    if subresource == EPHEMERAL_CONTAINERS:
        return _with_guests(current, obj)
    if subresource == "finalize":
        meta = {**current["metadata"], "resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return clone({**current, "metadata": meta, "spec": obj.get("spec") or {}})
    if "status" in resource.subresources:
        obj.pop("status", None)
        if "status" in current:
            obj["status"] = clone(current["status"])
    return obj


def _with_guests(current: Obj, obj: Obj) -> Obj:
    """Of what was sent, the ephemeral containers alone."""
    meta = {**current["metadata"]}
    for key in ("resourceVersion", "uid", "name", "namespace", "managedFields"):
        if key in obj["metadata"]:
            meta[key] = obj["metadata"][key]
    spec = {**current["spec"], GUESTS: (obj.get("spec") or {}).get(GUESTS) or []}
    if not spec[GUESTS]:
        del spec[GUESTS]
    return clone({**current, "metadata": meta, "spec": spec})


def _untracked(obj: Obj) -> Obj:
    meta = {k: v for k, v in obj["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return {**obj, "metadata": meta}


def unserved(resource: Resource, subresource: str) -> StatusError:
    return refusals.method_not_allowed(resource, subresource)
