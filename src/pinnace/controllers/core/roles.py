"""ClusterRoles: the ones that every platform has, and those that are put together from others.

`bootstrap` is awaited by control before it serves; `AggregatedRoles` runs in the manager. Level-triggered: a
change of any ClusterRole looks at every aggregated one. Source: kubernetes
pkg/controller/clusterroleaggregation and plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pinnace.controllers.built_in import CLUSTER_ROLE, CLUSTER_ROLE_BINDING
from pinnace.controllers.controller import Key, Result
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.rights import policy
from pinnace.objects.selector import from_object, matches
from pinnace.store.interface import Event

ALL = Key("", "aggregated")


async def bootstrap(client: Local, *, strict: bool = False) -> None:
    """What is missing comes back, and rules that a newer platform needs are added, unless the object says
    that nobody is to update it. One commit."""
    changes = [
        *_due(client, CLUSTER_ROLE, policy.roles(), "rules"),
        *_due(client, CLUSTER_ROLE_BINDING, policy.bindings(strict=strict), "subjects"),
    ]
    if changes:
        with suppress(StatusError):
            await client.transact(changes)


def _due(client: Local, resource: Resource, wanted: Iterable[Obj], field: str) -> Iterable[Change]:
    for obj in wanted:
        found = client.peek(resource, obj["metadata"]["name"])
        if found is None:
            yield Change(verb="create", resource=resource, obj=obj, trusted=True)
        elif _follows(found) and (more := _lacking(found, obj, field)):
            grown = {**found, field: [*(found.get(field) or ()), *more]}
            yield Change(verb="update", resource=resource, obj=grown, trusted=True)


def _follows(obj: Obj) -> bool:
    notes = obj["metadata"].get("annotations") or {}
    own = notes.get("rbac.authorization.k8s.io/autoupdate") == "true"
    return own and not obj.get("aggregationRule")


def _lacking(found: Obj, wanted: Obj, field: str) -> list[Any]:
    return [one for one in wanted[field] if one not in (found.get(field) or ())]


class AggregatedRoles:
    """Keeps `.rules` of every ClusterRole with an `aggregationRule` as its selectors say."""

    name = "roles"
    watches: tuple[Resource, ...] = (CLUSTER_ROLE,)

    def __init__(self, client: Local) -> None:
        self.client = client

    def keys(self, event: Event) -> tuple[Key, ...]:
        return (ALL,)

    async def reconcile(self, key: Key) -> Result:
        roles = self.client.peek_list(CLUSTER_ROLE).items
        for role in roles:
            if not role.get("aggregationRule"):
                continue
            rules = gathered(role, roles)
            if rules != (role.get("rules") or []):
                await self._write({**role, "rules": rules})
        return Result()

    async def _write(self, role: Obj) -> None:
        """One that changed meanwhile is looked at again, for its own event."""
        try:
            await self.client.transact(
                [Change(verb="update", resource=CLUSTER_ROLE, obj=role, trusted=True)]
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise


def gathered(role: Obj, roles: Iterable[Obj]) -> list[Obj]:
    """The rules of all that one of the selectors names, in the order of their names, each once."""
    selectors = [from_object(each) for each in role["aggregationRule"].get("clusterRoleSelectors") or ()]
    parts = sorted(
        (one for one in roles if one["metadata"]["name"] != role["metadata"]["name"]
         and any(matches(each, one["metadata"].get("labels") or {}) for each in selectors)),
        key=lambda one: str(one["metadata"]["name"]),
    )
    return policy.joined(list(one.get("rules") or ()) for one in parts)
