"""The verbs that write one object: create, update, patch, apply.

Each reads, decides (pure modules), and commits with a precondition; again if somebody was faster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from pinnace.kinds.cause import shown
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion, refusals, scale
from pinnace.objects.admission import EPHEMERAL_CONTAINERS
from pinnace.objects.client import Options
from pinnace.objects.definitions import KEY as DEFINITIONS
from pinnace.objects.document import kept, name_of, namespace_of, presented, revision_of, uid_of
from pinnace.objects.errors import StatusError
from pinnace.objects.patches import merge, pointer, strategic
from pinnace.objects.projection import Part
from pinnace.objects.shipped import SHOWN, fresh
from pinnace.objects.verbs.door import ATTEMPTS, Door
from pinnace.objects.writing import STRICT
from pinnace.store.interface import ABSENT, Put, Remove, Row

_MEDIA = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"


class Writes(Door):
    async def create(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj:
        self._authorise("create", resource, namespace)
        self.house.writable(resource, "create")
        for attempt in range(8):
            judge = partial(
                self.house.admission.created, self.identity, resource, obj, namespace, options
            )
            new = await self.house.judged(resource, options, judge)
            generated = not (obj.get("metadata") or {}).get("name")
            try:
                return await self._enter(resource, new, options)
            except StatusError as error:
                if error.reason != "AlreadyExists" or not generated or attempt == 7:
                    raise
        raise AssertionError("unreachable")

    async def _enter(self, resource: Resource, new: Obj, options: Options) -> Obj:
        """Stored, as what its writer sees of it."""
        self._guard(resource, None, new)
        new = self.house.configurations.applied(resource, new)
        new = self.house.limits.applied(resource, new)
        self.house.secured(resource, new, options.warnings)
        async with self.house.turn(resource), self.house.ledger.turn((namespace_of(new),)):
            new, rows = self.house.entering(resource, new, options.warnings)
            self.house.ledger.check([(resource, None, new)])
            if options.dry_run:
                if self.house.store.get(resource.key, namespace_of(new), name_of(new)) is not None:
                    raise refusals.already_exists(resource, name_of(new))
                return new
            put = Put(resource.key, kept(resource, new), ABSENT)
            (stored,) = await self.house.commit([put, *rows], (resource,))
            return self.house.view(resource, stored)

    async def update(
        self, resource: Resource, obj: Obj, namespace: str = "", options: Options = Options()
    ) -> Obj:
        if not isinstance(obj, dict):
            raise refusals.bad_request(f"the body must be a {resource.kind} object")
        name = name_of(obj)
        if not name:
            raise refusals.bad_request("the name of the object (metadata.name) must be given")
        place = namespace or (namespace_of(obj) if resource.namespaced else "")
        self._authorise("update", resource, place, name, options.subresource)
        if options.subresource == "scale":
            return await self._modify(resource, name, place, options, lambda now: obj, scaled=True)
        return await self._modify(resource, name, place, options, lambda now: obj)

    async def patch(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        patch: Any,
        kind: str,
        options: Options = Options(),
    ) -> Obj:
        self._authorise("patch", resource, namespace, name, options.subresource)
        if kind == "strategic" and resource.custom:
            raise refusals.unsupported_media(
                f"application/strategic-merge-patch+json is not supported by {resource.api_version}, "
                f"Kind={resource.kind}: the body of the request was in an unknown format - accepted media "
                f"types include: {_MEDIA}"
            )
        change = self._patched(resource, patch, kind)
        scaled = options.subresource == "scale"
        try:
            merged = patch if kind == "merge" else None
            return await self._modify(
                resource, name, namespace, options, change, scaled=scaled, merged=merged
            )
        except StatusError as error:
            if STRICT not in error.message or error.reason != "BadRequest":
                raise
            text = shown(msgspec.json.encode(patch).decode())
            raise refusals.strict_patch(text, error.message[error.message.index(STRICT) :]) from None

    def _patched(self, resource: Resource, patch: Any, kind: str) -> Callable[[Obj], Obj]:
        def change(now: Obj) -> Obj:
            if kind == "json":
                result = pointer.apply(now, patch)
            elif kind == "merge":
                result = merge.apply(now, patch)
            elif kind == "strategic":
                result = strategic.apply(now, patch, self.house.catalogue.schema(resource))
            else:
                raise refusals.unsupported_media(f"there is no patch of kind {kind!r}: use {_MEDIA}")
            if not isinstance(result, dict):
                raise refusals.rejected_patch()
            _same_object(resource, now, result)
            return result

        return change

    async def apply(
        self, resource: Resource, name: str, namespace: str, obj: Obj, options: Options = Options()
    ) -> Obj:
        self._authorise("patch", resource, namespace, name, options.subresource)
        self.house.writable(resource, "apply")
        config = self._config(resource, name, namespace, obj, options)
        for _ in range(ATTEMPTS):
            current = self.house.store.get(resource.key, namespace if resource.namespaced else "", name)
            seen = self.house.view(resource, current) if current is not None else None
            judge = partial(self.house.admission.applied, resource, seen, config, options)
            merged, entries = await self.house.judged(resource, options, judge)
            try:
                if current is None:
                    return await self._create_applied(resource, merged, entries, namespace, options)
                wanted = {**merged, "metadata": {**merged["metadata"], "managedFields": entries}}
                return await self._replace(resource, current, wanted, _applying(options))
            except StatusError as error:
                if error.reason not in ("Conflict", "AlreadyExists") or config["metadata"].get(
                    "resourceVersion"
                ):
                    raise
                if self.house.unmoved(resource, current, name, namespace):
                    raise
        raise refusals.conflict(resource, name)

    def _config(self, resource: Resource, name: str, namespace: str, obj: Any, options: Options) -> Obj:
        if not isinstance(obj, dict) or not isinstance(obj.get("metadata") or {}, dict):
            raise refusals.bad_request(
                f"error decoding the applied document: it is no {resource.kind} object"
            )
        if not options.field_manager:
            raise refusals.bad_request(
                "PatchOptions: fieldManager: Required value: is required for apply patch"
            )
        meta = dict(obj.get("metadata") or {})
        if meta.setdefault("name", name) != name:
            raise refusals.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            )
        if resource.namespaced:
            meta.setdefault("namespace", namespace)
        return {**obj, "metadata": meta}

    async def _create_applied(
        self, resource: Resource, merged: Obj, entries: list[Any], namespace: str, options: Options
    ) -> Obj:
        if uid := merged["metadata"].get("uid"):
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise refusals.conflict(resource, name_of(merged), why)
        if merged["metadata"].get("resourceVersion"):
            raise refusals.not_found(resource, name_of(merged))
        wanted = {**merged, "metadata": {**merged["metadata"], "managedFields": entries}}
        return await self.create(resource, wanted, namespace, _applying(options))

    async def _modify(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        options: Options,
        change: Callable[[Obj], Obj],
        *,
        scaled: bool = False,
        merged: Any = None,
    ) -> Obj:
        """Read, change, admit, commit; again if somebody was faster and the caller asked for no revision.
        `merged`: the patch that is all of the change."""
        self.house.writable(resource, options.subresource or "update")
        if options.subresource == "status" and "status" not in resource.subresources:
            raise refusals.no_such_place()
        where = scale.paths(self.house.store, resource) if scaled else None
        projection = self.house.projections.get(resource.key)
        for _ in range(ATTEMPTS):
            current = await self._quiet(resource, name, namespace)
            part = projection.part(current, merged) if projection is not None else None
            seen = self.house.view(resource, current, part)
            if where is None:
                wanted = change(seen)
            else:
                wanted = scale.write(where, resource, seen, change(scale.read(where, seen)))
            try:
                result = await self._replace(resource, current, wanted, options, part)
                return result if where is None else scale.read(where, result)
            except StatusError as error:
                if error.reason != "Conflict" or self.house.unmoved(resource, current, name, namespace):
                    raise
        raise refusals.conflict(resource, name)

    async def _quiet(self, resource: Resource, name: str, namespace: str) -> Obj:
        """The stored object, read when no commit of its rows is under way."""
        current = await self._found(resource, name, namespace)
        if resource.key in self.house.projections:
            await self.house.settled(uid_of(current))
            current = self._stored(resource, name, namespace)
        return current

    async def _replace(
        self, resource: Resource, current: Obj, wanted: Obj, options: Options, part: Part | None = None
    ) -> Obj:
        if not isinstance(wanted, dict):
            raise refusals.bad_request(f"the body must be a {resource.kind} object")
        rows: list[Row] = []
        projection = self.house.projections.get(resource.key)
        if projection is not None:
            wanted, rows = projection.absorb(current, wanted, part)
        now = presented(resource, current)
        judge = partial(self.house.admission.updated, resource, now, wanted, options, self.identity)
        judged = await self.house.judged(resource, options, judge)
        self._guard(resource, now, judged)
        if options.subresource == EPHEMERAL_CONTAINERS:
            self.house.secured(resource, judged, options.warnings)
        async with self.house.turn(resource), self.house.ledger.turn((namespace_of(judged),)):
            new = self.house.defined(resource, judged, options.warnings)
            if options.subresource != "status":
                self.house.ledger.check([(resource, now, new)])
            return await self._store(resource, current, now, new, rows, options)

    async def _store(
        self, resource: Resource, current: Obj, now: Obj, new: Obj, rows: list[Row], options: Options
    ) -> Obj:
        """What was judged, in place of `current`, which this version's readers see as `now`."""
        if options.dry_run or (new is now and not rows):
            return await self.house.answer(resource, new, options)
        key = resource.key
        expect: Any = revision_of(current)
        if key == DEFINITIONS and expect == SHOWN:
            expect, new = ABSENT, fresh(new)
        if deletion.finished(resource, new):
            gone = Remove(key, namespace_of(new), name_of(new), uid_of(new), expect)
            await self.house.commit([gone, *self.house.leaving(resource, new)], (resource,))
            return new
        (stored,) = await self.house.commit([Put(key, kept(resource, new), expect), *rows], (resource,))
        return await self.house.answer(resource, stored, options)


def _same_object(resource: Resource, now: Obj, patched: Obj) -> None:
    """A patch after which a built-in object is of another kind is a mistake in the patch."""
    for field in ("kind", "apiVersion"):
        if patched.get(field) != now.get(field) and not resource.custom:
            why = f"{field} is {patched.get(field)!r} after the patch, and must be {now.get(field)!r}"
            raise refusals.strict_patch(shown(msgspec.json.encode(patched).decode()), why)


def _applying(options: Options) -> Options:
    """The write behind an apply: its managedFields are already worked out, unknown fields already judged."""
    return Options(
        dry_run=options.dry_run,
        field_manager="",
        field_validation=options.field_validation,
        force=options.force,
        subresource=options.subresource,
        big=options.big,
        passing=options.passing,
        warnings=options.warnings,
    )
