"""What every verb of `Local` begins with: who asks, and what is stored.

`reads`, `writes`, `deletes` and `transactions` build on it; `Local` is all of them.
"""

from __future__ import annotations

import asyncio

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.authorisation import refusal
from pinnace.objects.client import Identity
from pinnace.objects.definitions import KEY as DEFINITIONS
from pinnace.objects.house import House
from pinnace.objects.rights import escalation
from pinnace.objects.rights.register import GROUP as RBAC

ATTEMPTS = 30
"""Of a write that somebody else was faster than."""


class Door:
    """`identity`: who holds this door; `house`: what all of them share."""

    identity: Identity
    house: House

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

    def peek(self, resource: Resource, name: str, namespace: str = "") -> Obj | None:
        """For controllers: the stored document (without what a projection adds), or None. Never change it."""
        return self.house.store.get(resource.key, namespace, name)

    def _stored(self, resource: Resource, name: str, namespace: str) -> Obj:
        obj = self.house.store.get(resource.key, namespace if resource.namespaced else "", name)
        if obj is None:
            raise refusals.not_found(resource, name)
        return obj

    async def _found(self, resource: Resource, name: str, namespace: str) -> Obj:
        """What is stored, or the definition of a kind that ships."""
        if resource.key != DEFINITIONS or self.peek(resource, name) is not None:
            return self._stored(resource, name, namespace)
        obj = await asyncio.to_thread(self.house.shipped.find, name)
        return obj if obj is not None else self._stored(resource, name, namespace)
