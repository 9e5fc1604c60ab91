"""The verbs that read: get, list, watch, and what controllers peek at without asking."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Collection, Sequence

import msgspec

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import reading, refusals, scale, selector
from pinnace.objects.client import Page, Selection, WatchEvent
from pinnace.objects.definitions import KEY as DEFINITIONS
from pinnace.objects.document import name_of, namespace_of, presented
from pinnace.objects.verbs.door import Door
from pinnace.objects.watching import Watcher
from pinnace.store.interface import Event


class Reads(Door):
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


def _named(selection: Selection) -> str:
    """A list or watch of one object by its name is judged by that name."""
    if "metadata.name" in selection.fields:
        for term in selection.fields.split(","):
            field, _, value = term.partition("=")
            if field.strip() == "metadata.name":
                return value.removeprefix("=").strip()
    return ""
