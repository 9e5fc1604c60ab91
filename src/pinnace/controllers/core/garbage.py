"""The garbage collector: what belongs to nobody any more goes.

Owners are found by uid. In memory: which kinds have objects of which owner, fed by every committed event,
so that the end of an object nobody belongs to (a finished step's Pod) costs one look into a dict.
Level-triggered by deletions, by owners that wait for their dependents, and by a sweep over everything, in
slices, at the start and rarely after. Source of the rules: upstream's garbagecollector (background,
foreground with blockOwnerDeletion, orphan).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from pinnace.controllers.controller import Key, Result
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

log = logging.getLogger("pinnace.garbage")

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
EVERY = 3600.0
PAGE = 100
AT_ONCE = 16
"""Deletions under way together, so that they share a commit."""
GONE = "gone"
SWEEP_PAUSE = 0.002


class Garbage:
    name = "garbage"
    watches: tuple[Resource, ...] = ()
    concurrency = 4

    def __init__(self, client: Local, catalogue: Catalogue) -> None:
        self.client = client
        self.catalogue = catalogue
        self.wake: Callable[[Key], None] = _asleep
        self._kinds: dict[str, set[str]] = {}
        """Owner uid → keys of the kinds that have objects of it."""
        self._checked: set[str] = set()
        """Owners known to have existed; a new owner is looked for once."""

    def keys(self, event: Event) -> tuple[Key, ...]:
        return ()

    async def run(self) -> None:
        stop = self.client.listen(self.observe)
        try:
            while True:
                await self.sweep()
                await asyncio.sleep(EVERY)
        finally:
            stop()

    def observe(self, events: Sequence[Event]) -> None:
        """Every committed event of the platform comes by here."""
        for event in events:
            meta = event.obj["metadata"]
            if event.type == "DELETED":
                self._ended(event, meta)
                continue
            references = meta.get("ownerReferences")
            if references:
                self._belongs(event.resource, event.namespace, references)
            if meta.get("deletionTimestamp") and (holds := meta.get("finalizers")) and (
                FOREGROUND in holds or ORPHAN in holds
            ):
                self.wake(_owner_key(event.resource, event.namespace, event.name))

    def _ended(self, event: Event, meta: Obj) -> None:
        uid = meta.get("uid", "")
        if uid in self._kinds:
            self.wake(Key(GONE, uid))
        self._checked.discard(uid)
        for reference in meta.get("ownerReferences") or ():
            if reference.get("blockOwnerDeletion"):
                self._look_at(event.namespace, reference)

    def _look_at(self, namespace: str, reference: Obj) -> None:
        """An owner that may have waited for this dependent."""
        resource = self._resource(reference)
        if resource is not None:
            place = namespace if resource.namespaced else ""
            owner = self.client.peek(resource, reference.get("name", ""), place)
            if owner is not None and owner["metadata"].get("deletionTimestamp"):
                self.wake(_owner_key(resource.key, place, reference.get("name", "")))

    def _belongs(self, kind: str, namespace: str, references: Iterable[Obj]) -> None:
        for reference in references:
            uid = reference.get("uid", "")
            kinds = self._kinds.get(uid)
            if kinds is None:
                kinds = self._kinds[uid] = set()
            kinds.add(kind)
            if uid not in self._checked:
                self._checked.add(uid)
                if not self._exists(namespace, reference):
                    self.wake(Key(GONE, uid))

    def _exists(self, namespace: str, reference: Obj) -> bool:
        """Of a kind that is not served nothing is known: its dependents stay, as upstream leaves them."""
        resource = self._resource(reference)
        if resource is None:
            return True
        place = namespace if resource.namespaced else ""
        owner = self.client.peek(resource, reference.get("name", ""), place)
        return owner is not None and owner["metadata"]["uid"] == reference.get("uid")

    def _resource(self, reference: Obj) -> Resource | None:
        version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        found = self.catalogue.kind(version, kind)
        if found is not None:
            return found
        group = version.partition("/")[0] if "/" in version else ""
        served = self.catalogue.resources()
        return next((each for each in served if (each.group, each.kind) == (group, kind)), None)

    async def reconcile(self, key: Key) -> Result:
        if key.namespace == GONE:
            await self._collect(key.name)
            return Result()
        kind, _, namespace = key.namespace.partition("/")
        resource = self.catalogue.key(kind)
        owner = self.client.peek(resource, key.name, namespace) if resource else None
        if resource is None or owner is None or not owner["metadata"].get("deletionTimestamp"):
            return Result()
        finalizers = owner["metadata"].get("finalizers") or []
        if ORPHAN in finalizers:
            await self._orphan(resource, owner)
        elif FOREGROUND in finalizers:
            await self._foreground(resource, owner)
        return Result()

    def _dependents(self, uid: str) -> Iterable[tuple[Resource, Obj]]:
        for kind in sorted(self._kinds.get(uid, ())):
            resource = self.catalogue.key(kind)
            if resource is None:
                continue
            for obj in self.client.peek_list(resource, "", Selection(owner=uid)).items:
                yield resource, obj

    async def _collect(self, uid: str) -> None:
        """The owner is gone: its dependents follow, unless somebody else still owns them."""
        dependents = list(self._dependents(uid))
        for first in range(0, len(dependents), AT_ONCE):
            batch = dependents[first : first + AT_ONCE]
            await asyncio.gather(*(self._release(kind, obj, {uid}, "Background") for kind, obj in batch))
        if not any(True for _ in self._dependents(uid)):
            self._kinds.pop(uid, None)
            self._checked.discard(uid)

    async def _release(self, resource: Resource, obj: Obj, gone: set[str], propagation: str) -> None:
        meta = obj["metadata"]
        references = meta.get("ownerReferences") or []
        namespace = meta.get("namespace", "")
        others = [
            each for each in references if each.get("uid") not in gone and self._exists(namespace, each)
        ]
        with suppress(StatusError):
            if others:
                await self._disown(resource, obj, others)
            elif not meta.get("deletionTimestamp"):
                own = meta.get("finalizers") or ()
                policy = "Orphan" if ORPHAN in own else "Foreground" if FOREGROUND in own else propagation
                options = DeleteOptions(propagation=policy, uid=meta["uid"])
                await self.client.delete(resource, meta["name"], namespace, options)

    async def _disown(self, resource: Resource, obj: Obj, kept: list[Any]) -> None:
        meta = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
        if kept:
            meta["ownerReferences"] = kept
        change = Change(verb="update", resource=resource, obj={**obj, "metadata": meta}, trusted=True)
        await self.client.transact([change])

    async def _orphan(self, resource: Resource, owner: Obj) -> None:
        uid = owner["metadata"]["uid"]
        for kind, obj in list(self._dependents(uid)):
            kept = [each for each in obj["metadata"].get("ownerReferences") or () if each.get("uid") != uid]
            await self._disown(kind, obj, kept)
        await self._let_go(resource, owner, ORPHAN)

    async def _foreground(self, resource: Resource, owner: Obj) -> None:
        uid = owner["metadata"]["uid"]
        blocking = 0
        for kind, obj in list(self._dependents(uid)):
            reference = next(each for each in obj["metadata"]["ownerReferences"] if each.get("uid") == uid)
            blocks = bool(reference.get("blockOwnerDeletion"))
            await self._release(kind, obj, {uid}, "Foreground" if blocks else "Background")
        for _, obj in self._dependents(uid):
            references = obj["metadata"]["ownerReferences"]
            blocking += any(each.get("uid") == uid and each.get("blockOwnerDeletion") for each in references)
        if not blocking:
            await self._let_go(resource, owner, FOREGROUND)

    async def _let_go(self, resource: Resource, owner: Obj, finalizer: str) -> None:
        meta = owner["metadata"]
        fresh = self.client.peek(resource, meta["name"], meta.get("namespace", ""))
        if fresh is None or fresh["metadata"]["uid"] != meta["uid"]:
            return
        kept = [name for name in fresh["metadata"].get("finalizers") or () if name != finalizer]
        changed = {**fresh["metadata"], "finalizers": kept}
        if not kept:
            del changed["finalizers"]
        change = Change(verb="update", resource=resource, obj={**fresh, "metadata": changed}, trusted=True)
        await self.client.transact([change])

    async def sweep(self) -> None:
        """Look at every object once: fills the index, and finds owners that went while nobody looked."""
        self._checked.clear()
        for resource in {each.key: each for each in self.catalogue.resources()}.values():
            if "list" not in resource.verbs or "delete" not in resource.verbs:
                continue
            await self._sweep(resource)

    async def _sweep(self, resource: Resource) -> None:
        following = ""
        while True:
            try:
                page = self.client.peek_list(resource, "", Selection(limit=PAGE, continue_=following))
            except StatusError as error:
                log.debug("sweep of %s: %s", resource.key, error.message)
                return
            for obj in page.items:
                meta = obj["metadata"]
                event = Event(0, "MODIFIED", resource.key, meta.get("namespace", ""), meta["name"], obj)
                self.observe((event,))
            following = page.continue_
            if page.items:
                await asyncio.sleep(SWEEP_PAUSE)
            if not following:
                return


def _asleep(key: Key) -> None:
    """Before the manager runs, nobody is to be woken."""


def _owner_key(kind: str, namespace: str, name: str) -> Key:
    return Key(f"{kind}/{namespace}", name)
