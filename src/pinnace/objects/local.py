"""`Local`: the one door to state on this machine's store.

Every caller holds a `Local` with its own identity (`as_`); all of them share one house: store, kinds, watch
hub. A verb is: authorise, read, decide (pure modules), commit with a precondition, answer. Invariant:
whoever asks, an object has passed the same admission; only `trusted` changes of our own controllers skip
the judging of what was judged as a template before.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.kinds.cause import shown
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion, reading, refusals, scale, selector
from pinnace.objects.admission import EPHEMERAL_CONTAINERS
from pinnace.objects.authorisation import Authoriser, MastersOnly, RoleBased, refusal
from pinnace.objects.client import (
    SYSTEM,
    Change,
    DeleteOptions,
    Identity,
    Options,
    Page,
    Selection,
    WatchEvent,
)
from pinnace.objects.definitions import KEY as DEFINITIONS
from pinnace.objects.document import clone, kept, name_of, namespace_of, presented, revision_of, uid_of
from pinnace.objects.emptying import Emptier
from pinnace.objects.errors import StatusError
from pinnace.objects.house import Catalogue, House
from pinnace.objects.patches import merge, pointer, strategic
from pinnace.objects.projection import Projection
from pinnace.objects.rights import escalation
from pinnace.objects.rights.register import GROUP as RBAC
from pinnace.objects.shipped import KEPT, SHOWN, fresh
from pinnace.objects.single_nodes import SingleNodes
from pinnace.objects.transaction import prepare
from pinnace.objects.virtual import Virtual
from pinnace.objects.watching import Watcher
from pinnace.objects.workflow_nodes import WORKFLOWS, WorkflowNodes
from pinnace.objects.writing import STRICT, Quota
from pinnace.store.interface import ABSENT, Event, Put, Remove, Row, Store

ATTEMPTS = 30
_MEDIA = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"


class Local:
    """See `client.Transactional` for the verbs."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        identity: Identity = SYSTEM,
        *,
        authoriser: Authoriser | None = None,
        projections: Mapping[str, Projection] | None = None,
        virtual: Mapping[str, Virtual] | None = None,
        quota: Quota | None = None,
    ) -> None:
        self.identity = identity
        self.house = House(store, catalogue, authoriser or MastersOnly(), dict(projections or {}), quota)
        self.house.virtual.update(virtual or {})
        system = self if identity is SYSTEM else self.as_(SYSTEM)
        self.house.emptier = Emptier(store, catalogue, system)

    @classmethod
    def open(cls, store: Store, catalogue: Catalogue, identity: Identity = SYSTEM) -> Local:
        """With everything of ours: the definitions that are stored, Workflows with their nodes."""
        workflows = catalogue.key(WORKFLOWS)
        assert workflows is not None
        nodes = WorkflowNodes(store, workflows)
        return cls(
            store, catalogue, identity, authoriser=RoleBased(store), projections={WORKFLOWS: nodes},
            virtual={WORKFLOW_NODES.key: SingleNodes(store)},
        )

    def as_(self, identity: Identity) -> Local:
        """The same house, entered by somebody else."""
        other = object.__new__(Local)
        other.identity = identity
        other.house = self.house
        return other

    def close(self) -> None:
        """Ends every watch."""
        self.house.hub.close()
        self.house.emptier.close()

    def runs_in(self, isolation: Callable[[], str]) -> None:
        """Who knows in what isolation the node runs: no manifest may ask for less."""
        self.house.admission.isolation = isolation

    def start(self) -> None:
        """Once the loop runs: take up what an earlier life of the process left half done."""
        self.house.emptier.start()

    def _authorise(
        self, verb: str, resource: Resource, namespace: str, name: str = "", subresource: str = ""
    ) -> None:
        asked = (self.identity, verb, resource, namespace, name, subresource)
        if not self.house.authoriser.allow(*asked):
            raise refusal(*asked)

    def _guard(self, resource: Resource, old: Obj | None, new: Obj) -> None:
        """Nobody grants what they do not hold."""
        if resource.group == RBAC:
            escalation.check(self.house.authoriser, self.identity, resource, old, new)

    # Reading --------------------------------------------------------------------------------------------

    def peek(self, resource: Resource, name: str, namespace: str = "") -> Obj | None:
        """For controllers: the stored document (without what a projection adds), or None. Never change it."""
        return self.house.store.get(resource.key, namespace, name)

    def peek_list(self, resource: Resource, namespace: str = "", selection: Selection = Selection()) -> Page:
        """For controllers: stored documents, at once. Never change them."""
        return reading.page(self.house.store, resource, namespace, selection)

    def listen(self, callback: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        """Every committed change, on the event loop, in revision order. Returns what stops it."""
        return self.house.store.listen(callback)

    def subscribe(
        self, keys: Collection[str], callback: Callable[[Sequence[Event]], None]
    ) -> Callable[[], None]:
        """For the controllers' loop: committed changes of these resource keys. Returns what stops it."""
        wanted = frozenset(keys)

        def told(events: Sequence[Event]) -> None:
            found = [event for event in events if event.resource in wanted]
            if found:
                callback(found)

        return self.house.store.listen(told)

    async def get(self, resource: Resource, name: str, namespace: str = "", subresource: str = "") -> Obj:
        self._authorise("get", resource, namespace, name, subresource)
        if virtual := self.house.virtual.get(resource.key):
            await virtual.ready()
            return await virtual.get(name, namespace)
        obj = self.house.view(resource, await self._found(resource, name, namespace))
        return scale.read(scale.paths(self.house.store, resource), obj) if subresource == "scale" else obj

    async def passing(self, resource: Resource, name: str, namespace: str = "") -> Obj:
        """`get` for who only passes the document on: big parts of it may be raw JSON (`msgspec.Raw`), read
        and put together beside the loop."""
        projection = self.house.projections.get(resource.key)
        if projection is None:
            return await self.get(resource, name, namespace)
        self._authorise("get", resource, namespace, name)
        obj = await projection.gathered(namespace, name)
        if obj is None:
            raise refusals.not_found(resource, name)
        return presented(resource, obj)

    async def _found(self, resource: Resource, name: str, namespace: str) -> Obj:
        """What is stored, or the definition of a kind that ships."""
        if resource.key != DEFINITIONS or self.peek(resource, name) is not None:
            return self._stored(resource, name, namespace)
        obj = await asyncio.to_thread(self.house.shipped.find, name)
        return obj if obj is not None else self._stored(resource, name, namespace)

    def _stored(self, resource: Resource, name: str, namespace: str) -> Obj:
        obj = self.house.store.get(resource.key, namespace if resource.namespaced else "", name)
        if obj is None:
            raise refusals.not_found(resource, name)
        return obj

    async def list(self, resource: Resource, namespace: str = "", selection: Selection = Selection()) -> Page:
        self._authorise("list", resource, namespace, _named(selection))
        if virtual := self.house.virtual.get(resource.key):
            await virtual.ready()
            return await virtual.list(namespace, selection)
        if resource.key == DEFINITIONS:
            every = msgspec.structs.replace(selection, limit=0, continue_="")
            page = reading.page(self.house.store, resource, namespace, every)
            return await self.house.shipped.page(page, resource, every)
        page = reading.page(self.house.store, resource, namespace, selection)
        items = await self._viewed(resource, page.items, selection)
        return Page(items, page.resource_version, page.continue_, page.remaining)

    def paged(self, resource: Resource) -> bool:
        """Whether a page of a list costs less than the whole."""
        return resource.key not in self.house.virtual

    async def _viewed(
        self, resource: Resource, items: builtins.list[Obj], selection: Selection
    ) -> builtins.list[Obj]:
        """Big pictures are put together one by one, so that nobody waits for all of them."""
        projection = self.house.projections.get(resource.key)
        if projection is None or not selection.projected:
            return [presented(resource, obj) for obj in items]
        found = []
        for obj in items:
            if not selection.passing:
                found.append(self.house.view(resource, obj))
                await asyncio.sleep(0)
                continue
            now = await projection.gathered(
                namespace_of(obj), name_of(obj), unfinished=selection.unfinished
            )
            if now is not None:
                found.append(presented(resource, now))
        return found

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        selection: Selection = Selection(),
        *,
        bookmarks: bool = False,
        initial_end: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """`initial_end`: after the present state one bookmark that says so (`sendInitialEvents`)."""
        self._authorise("watch", resource, namespace, _named(selection))
        if virtual := self.house.virtual.get(resource.key):
            return virtual.watch(namespace, selection)
        asked = selector.parse(resource, selection.labels, selection.fields)
        since = None
        if selection.resource_version not in ("", "0"):
            since = reading.check_revision(self.house.store, selection.resource_version)
        projection = self.house.projections.get(resource.key) if selection.projected else None
        watcher = Watcher(resource, namespace, asked, projection, unfinished=selection.unfinished)
        events = self.house.hub.watch(watcher, since, bookmarks=bookmarks, initial_end=initial_end)
        if resource.key == DEFINITIONS:
            return self.house.shipped.watch(events, asked, initial=since is None)
        return events

    # Writing --------------------------------------------------------------------------------------------

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
            return await self._modify(resource, name, namespace, options, change, scaled=scaled)
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
        self, resource: Resource, merged: Obj, entries: builtins.list[Any], namespace: str, options: Options
    ) -> Obj:
        if merged["metadata"].get("resourceVersion") or merged["metadata"].get("uid"):
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
    ) -> Obj:
        """Read, change, admit, commit; again if somebody was faster and the caller asked for no revision."""
        self.house.writable(resource, options.subresource or "update")
        if options.subresource == "status" and "status" not in resource.subresources:
            raise refusals.no_such_place()
        where = scale.paths(self.house.store, resource) if scaled else None
        for _ in range(ATTEMPTS):
            current = await self._quiet(resource, name, namespace)
            seen = self.house.view(resource, current)
            if where is None:
                wanted = change(seen)
            else:
                wanted = scale.write(where, resource, seen, change(scale.read(where, seen)))
            try:
                result = await self._replace(resource, current, wanted, options)
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

    async def _replace(self, resource: Resource, current: Obj, wanted: Obj, options: Options) -> Obj:
        if not isinstance(wanted, dict):
            raise refusals.bad_request(f"the body must be a {resource.kind} object")
        rows: builtins.list[Row] = []
        projection = self.house.projections.get(resource.key)
        if projection is not None:
            wanted, rows = projection.absorb(current, wanted)
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
        self, resource: Resource, current: Obj, now: Obj, new: Obj, rows: builtins.list[Row], options: Options
    ) -> Obj:
        """What was judged, in place of `current`, which this version's readers see as `now`."""
        if options.dry_run or (new is now and not rows):
            return self.house.view(resource, new)
        key = resource.key
        expect: Any = revision_of(current)
        if key == DEFINITIONS and expect == SHOWN:
            expect, new = ABSENT, fresh(new)
        if deletion.finished(resource, new):
            gone = Remove(key, namespace_of(new), name_of(new), uid_of(new), expect)
            await self.house.commit([gone, *self.house.leaving(resource, new)], (resource,))
            return new
        (stored,) = await self.house.commit([Put(key, kept(resource, new), expect), *rows], (resource,))
        return self.house.view(resource, stored)

    # Deleting -------------------------------------------------------------------------------------------

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", options: DeleteOptions = DeleteOptions()
    ) -> Obj:
        """The object, when something still holds it; a `Status` naming its uid, when it is gone."""
        self._authorise("delete", resource, namespace, name)
        return await self._remove(resource, name, namespace, options)

    async def _remove(self, resource: Resource, name: str, namespace: str, options: DeleteOptions) -> Obj:
        self.house.writable(resource, "delete")
        if resource.key == DEFINITIONS and self.peek(resource, name) is None:
            await self._found(resource, name, namespace)
            raise refusals.forbidden(resource, name, KEPT)
        for _ in range(ATTEMPTS):
            current = self._stored(resource, name, namespace)
            deletion.check(resource, name, current, options)
            try:
                return await self._delete(resource, current, options)
            except StatusError as error:
                if error.reason != "Conflict" or self.house.unmoved(resource, current, name, namespace):
                    raise
        raise refusals.conflict(resource, name)

    async def _delete(self, resource: Resource, current: Obj, options: DeleteOptions) -> Obj:
        outcome = deletion.decide(resource, current, options)
        if outcome.marked is None and not outcome.remove:
            return self.house.view(resource, current)
        expect = revision_of(current)
        if outcome.marked is not None:
            marked = outcome.marked
            if not options.dry_run:
                (marked,) = await self.house.commit([Put(resource.key, marked, expect)], (resource,))
            return self.house.view(resource, marked)
        if not options.dry_run:
            gone = Remove(resource.key, namespace_of(current), name_of(current), uid_of(current), expect)
            await self.house.commit([gone, *self.house.leaving(resource, current)], (resource,))
        return _success(resource, current)

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        selection: Selection = Selection(),
        options: DeleteOptions = DeleteOptions(),
    ) -> Page:
        """Delete all that the selection names; the page holds them as they were."""
        self._authorise("deletecollection", resource, namespace)
        self.house.writable(resource, "deletecollection")
        page = reading.page(self.house.store, resource, namespace, selection)
        for obj in page.items:
            try:
                await self._remove(resource, name_of(obj), namespace_of(obj), options)
            except StatusError as error:
                if error.code != 404:
                    raise
        return page

    def refusal(self, resource: Resource, obj: Obj) -> StatusError | None:
        """For controllers whose creations are trusted: what would be said of this one if it were judged."""
        try:
            self.house.secured(resource, obj, [])
        except StatusError as error:
            return error
        return None

    # Several writes at once -----------------------------------------------------------------------------

    async def transact(self, changes: Sequence[Change], rows: Sequence[Row] = ()) -> builtins.list[Obj]:
        """All or nothing. The objects are taken over: the caller does not change them afterwards.

        `trusted` creations get names, uids and defaults, and are not judged; `trusted` updates and all status
        writes of `SYSTEM` are written as they are, in place of the revision that they carry."""
        writes: builtins.list[Any] = []
        resources = []
        for change in changes:
            if self.identity is not SYSTEM:
                self._authorise_change(change)
            made = prepare(self.house, self.identity, change)
            if change.resource.group == RBAC and change.verb in ("create", "update"):
                self._guard(change.resource, None, change.obj)
            writes += made
            resources += [change.resource] * len(made)
        if self.house.ledger.idle:
            return await self.house.commit([*writes, *rows], resources)
        new = [
            (resource, None, write.obj) for resource, write in zip(resources, writes, strict=False)
            if type(write) is Put and write.expect == ABSENT
        ]
        async with self.house.ledger.turn(namespace_of(obj) for _, _, obj in new):
            self.house.ledger.check(new)
            return await self.house.commit([*writes, *rows], resources)

    def _authorise_change(self, change: Change) -> None:
        name = "" if change.verb == "create" else name_of(change.obj)
        verb, part = ("update", "status") if change.verb == "status" else (change.verb, "")
        self._authorise(verb, change.resource, namespace_of(change.obj), name, part)


def _named(selection: Selection) -> str:
    """A list or watch of one object by its name is judged by that name."""
    if "metadata.name" in selection.fields:
        for term in selection.fields.split(","):
            field, _, value = term.partition("=")
            if field.strip() == "metadata.name":
                return value.removeprefix("=").strip()
    return ""


def _applying(options: Options) -> Options:
    """The write behind an apply: its managedFields are already worked out, unknown fields already judged."""
    return Options(
        dry_run=options.dry_run,
        field_manager="",
        field_validation=options.field_validation,
        force=options.force,
        subresource=options.subresource,
        big=options.big,
        warnings=options.warnings,
    )


def _success(resource: Resource, obj: Obj) -> Obj:
    details = {"name": name_of(obj), "group": resource.group, "kind": resource.plural, "uid": uid_of(obj)}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": clone({key: value for key, value in details.items() if value}),
    }
