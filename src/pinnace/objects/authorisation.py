"""May this identity do this? Asked once per request by `Local`, before anything is read.

`RoleBased` is what a platform runs with: the owner (and whoever else is in `system:masters`) may all,
everybody else what Roles and ClusterRoles grant them. `MastersOnly` is for stores without roles.
"""

from __future__ import annotations

from typing import Protocol

from pinnace.kinds.resource import Resource
from pinnace.objects import refusals
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError
from pinnace.objects.rights.register import Place, Register
from pinnace.objects.rights.rule import EVERYTHING, Asked, Rule
from pinnace.store.interface import Store

MASTERS = "system:masters"


class Authoriser(Protocol):
    def allow(
        self, identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
    ) -> bool:
        """`namespace=""`: cluster-wide; `name=""`: the collection."""

    def allow_path(self, identity: Identity, verb: str, path: str) -> bool:
        """A request that names no resource (`get /metrics`)."""

    def may(self, identity: Identity, asked: Asked) -> bool:
        """`allow` for what need not be a kind that is served (`impersonate users`, `escalate roles`)."""

    def reason(self, identity: Identity, asked: Asked) -> str:
        """What grants this, or what is amiss with the bindings that might; '' where nothing is."""

    def held(self, identity: Identity, namespace: str) -> list[Rule]:
        """Every rule that applies to the identity in a namespace."""

    def role(self, place: Place) -> tuple[Rule, ...] | None:
        """The rules of one role."""


class MastersOnly:
    """The owner of the machine may all, nobody else may anything."""

    def allow(
        self, identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
    ) -> bool:
        return MASTERS in identity.groups

    def allow_path(self, identity: Identity, verb: str, path: str) -> bool:
        return MASTERS in identity.groups

    def may(self, identity: Identity, asked: Asked) -> bool:
        return MASTERS in identity.groups

    def reason(self, identity: Identity, asked: Asked) -> str:
        return ""

    def held(self, identity: Identity, namespace: str) -> list[Rule]:
        return list(EVERYTHING) if MASTERS in identity.groups else []

    def role(self, place: Place) -> tuple[Rule, ...] | None:
        return None


class RoleBased:
    """Kubernetes' RBAC on the roles and bindings of a store."""

    def __init__(self, store: Store) -> None:
        self.register = Register(store)

    def allow(
        self, identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
    ) -> bool:
        if MASTERS in identity.groups:
            return True
        return self.may(identity, Asked(verb, resource.group, resource.plural, namespace, name, subresource))

    def allow_path(self, identity: Identity, verb: str, path: str) -> bool:
        if MASTERS in identity.groups:
            return True
        return any(grant.rule.allows_path(verb, path) for grant in self.register.grants(identity, ""))

    def may(self, identity: Identity, asked: Asked) -> bool:
        if MASTERS in identity.groups:
            return True
        return any(grant.rule.allows(asked) for grant in self.register.grants(identity, asked.namespace))

    def reason(self, identity: Identity, asked: Asked) -> str:
        if MASTERS in identity.groups:
            return ""
        for grant in self.register.grants(identity, asked.namespace):
            if grant.rule.allows(asked):
                return grant.why
        lost = self.register.lost(identity, asked.namespace)
        return f"RBAC: {', '.join(lost)}" if lost else ""

    def held(self, identity: Identity, namespace: str) -> list[Rule]:
        if MASTERS in identity.groups:
            return list(EVERYTHING)
        return [grant.rule for grant in self.register.grants(identity, namespace)]

    def role(self, place: Place) -> tuple[Rule, ...] | None:
        return self.register.role(place)


def refusal(
    identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
) -> StatusError:
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    why = f'User "{identity.user}" cannot {verb} resource "{plural}" in API group "{resource.group}" {scope}'
    return refusals.forbidden(resource, name, why)


def refused_path(identity: Identity, verb: str, path: str) -> StatusError:
    why = f'forbidden: User "{identity.user}" cannot {verb} path "{path}"'
    return StatusError(403, "Forbidden", why, details={})
