"""The verbs that delete: one object, or all that a selection names."""

from __future__ import annotations

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import deletion, reading, refusals
from pinnace.objects.client import DeleteOptions, Page, Selection
from pinnace.objects.definitions import KEY as DEFINITIONS
from pinnace.objects.document import clone, name_of, namespace_of, revision_of, uid_of
from pinnace.objects.errors import StatusError
from pinnace.objects.shipped import KEPT
from pinnace.objects.verbs.door import ATTEMPTS, Door
from pinnace.store.interface import Put, Remove


class Deletes(Door):
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


def _success(resource: Resource, obj: Obj) -> Obj:
    details = {"name": name_of(obj), "group": resource.group, "kind": resource.plural, "uid": uid_of(obj)}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": clone({key: value for key, value in details.items() if value}),
    }
