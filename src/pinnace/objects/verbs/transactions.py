"""Several writes at once, all or nothing: how controllers write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import SYSTEM, Change
from pinnace.objects.document import name_of, namespace_of
from pinnace.objects.errors import StatusError
from pinnace.objects.rights.register import GROUP as RBAC
from pinnace.objects.transaction import prepare
from pinnace.objects.verbs.door import Door
from pinnace.store.interface import ABSENT, Put, Row


class Transactions(Door):
    def refusal(self, resource: Resource, obj: Obj) -> StatusError | None:
        """For controllers whose creations are trusted: what would be said of this one if it were judged."""
        try:
            self.house.secured(resource, obj, [])
        except StatusError as error:
            return error
        return None

    async def transact(self, changes: Sequence[Change], rows: Sequence[Row] = ()) -> list[Obj]:
        """All or nothing. The objects are taken over: the caller does not change them afterwards.

        `trusted` creations get names, uids and defaults, and are not judged; `trusted` updates and all status
        writes of `SYSTEM` are written as they are, in place of the revision that they carry."""
        writes: list[Any] = []
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
