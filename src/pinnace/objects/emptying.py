"""Before a CustomResourceDefinition goes, its objects go.

One `Emptier` a platform, made by `Local`. It is level-triggered: it looks at a definition that is being
deleted when that is said, when one of its objects has gone, and once after a start. Kinds that ship with
the platform stay served without their definition, so their objects stay too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion
from pinnace.objects.client import DeleteOptions, Options
from pinnace.objects.document import name_of, namespace_of
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event, Store

log = logging.getLogger("pinnace.objects")
_UNTRACKED = Options(field_manager="")


class Kinds(Protocol):
    @property
    def shipped(self) -> Collection[str]: ...

    def key(self, key: str) -> Resource | None: ...


class Deleter(Protocol):
    async def delete(
        self, resource: Resource, name: str, namespace: str = "", options: DeleteOptions = DeleteOptions()
    ) -> Obj: ...

    async def patch(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        patch: Any,
        kind: str,
        options: Options = Options(),
    ) -> Obj: ...


class Emptier:
    def __init__(self, store: Store, kinds: Kinds, client: Deleter) -> None:
        self.store = store
        self.kinds = kinds
        self.client = client
        self._going: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._judging: set[asyncio.Task[None]] = set()
        self._stop = store.listen(self._notice)

    def start(self) -> None:
        """Take up what an earlier life of the process left."""
        for definition in self.store.list(deletion.DEFINITIONS).items:
            self._look(definition)

    def close(self) -> None:
        self._stop()
        for task in (*self._tasks.values(), *self._judging):
            task.cancel()

    def _notice(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == deletion.DEFINITIONS:
                if event.type == "DELETED":
                    self._going.discard(event.name)
                    self._reconsider(event.obj)
                else:
                    self._look(event.obj)
            elif event.type == "DELETED" and event.resource in self._going:
                self._begin(event.resource)

    def _look(self, definition: Obj) -> None:
        meta = definition["metadata"]
        if meta.get("deletionTimestamp") and deletion.CUSTOM_RESOURCES in (meta.get("finalizers") or []):
            self._going.add(meta["name"])
            self._begin(meta["name"])

    def _reconsider(self, gone: Obj) -> None:
        """Definitions of its group that waited for its names: a patch of nothing judges them again."""
        for definition in self.store.list(deletion.DEFINITIONS).items:
            name = name_of(definition)
            if definition["spec"]["group"] == gone["spec"]["group"] and refused_names(definition):
                task = asyncio.get_running_loop().create_task(self._judge_again(name))
                self._judging.add(task)
                task.add_done_callback(self._judging.discard)

    async def _judge_again(self, name: str) -> None:
        definitions = self.kinds.key(deletion.DEFINITIONS)
        if definitions is None:
            return
        try:
            await self.client.patch(definitions, name, "", {}, "merge", _UNTRACKED)
        except StatusError as error:
            log.warning("definition %s could not be judged again: %s", name, error.message)

    def _begin(self, key: str) -> None:
        if key in self._tasks:
            self._again.add(key)
            return
        task = asyncio.get_running_loop().create_task(self._empty(key))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._ended(key))

    def _ended(self, key: str) -> None:
        del self._tasks[key]
        if key in self._again:
            self._again.discard(key)
            self._begin(key)

    async def _empty(self, key: str) -> None:
        resource = self.kinds.key(key)
        try:
            if resource is not None and key not in self.kinds.shipped:
                await self._delete_all(resource)
                if self.store.list(key, limit=1).items:
                    return  # finalizers hold some; their end is noticed
            await self._release(key)
        except StatusError as error:
            if error.code != 404:
                log.warning("the objects of definition %s could not be deleted: %s", key, error.message)

    async def _delete_all(self, resource: Resource) -> None:
        for obj in self.store.list(resource.key).items:
            if obj["metadata"].get("deletionTimestamp"):
                continue
            try:
                await self.client.delete(resource, name_of(obj), namespace_of(obj))
            except StatusError as error:
                if error.code != 404:
                    raise

    async def _release(self, key: str) -> None:
        definitions = self.kinds.key(deletion.DEFINITIONS)
        definition = self.store.get(deletion.DEFINITIONS, "", key)
        if definitions is None or definition is None:
            return
        kept = [n for n in definition["metadata"].get("finalizers") or [] if n != deletion.CUSTOM_RESOURCES]
        patch = {"metadata": {"finalizers": kept or None}}
        await self.client.patch(definitions, key, "", patch, "merge", _UNTRACKED)


def refused_names(definition: Obj) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "NamesAccepted" and one.get("status") == "False" for one in conditions)
