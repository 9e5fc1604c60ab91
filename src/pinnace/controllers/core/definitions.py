"""CustomResourceDefinitions that are being deleted: their objects go first, then the cleanup finalizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from pinnace.controllers.built_in import DEFINITION
from pinnace.controllers.controller import Key, Result
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
LOOK_AGAIN = 0.2
PAGE = 100


class Definitions:
    name = "definitions"
    watches: tuple[Resource, ...] = (DEFINITION,)

    def __init__(self, client: Local, resources: Callable[[], Iterable[Resource]]) -> None:
        self.client = client
        self.resources = resources

    def keys(self, event: Event) -> tuple[Key, ...]:
        going = event.type != "DELETED" and event.obj["metadata"].get("deletionTimestamp")
        return (Key("", event.name),) if going else ()

    async def reconcile(self, key: Key) -> Result:
        definition = self.client.peek(DEFINITION, key.name)
        if definition is None or CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return Result()
        if await self._objects_left(definition):
            return Result(after=LOOK_AGAIN)
        meta = definition["metadata"]
        kept = [name for name in meta["finalizers"] if name != CLEANUP]
        await self.client.update(DEFINITION, {**definition, "metadata": {**meta, "finalizers": kept}})
        return Result()

    async def _objects_left(self, definition: Obj) -> bool:
        name = definition["metadata"]["name"]
        resource = next((each for each in self.resources() if each.key == name), None)
        if resource is None:
            return False
        while True:
            page = self.client.peek_list(resource, "", Selection(limit=PAGE))
            fresh = [obj for obj in page.items if not obj["metadata"].get("deletionTimestamp")]
            for obj in fresh:
                meta = obj["metadata"]
                with suppress(StatusError):
                    await self.client.delete(resource, meta["name"], meta.get("namespace", ""))
            if not fresh:
                return bool(page.items)
