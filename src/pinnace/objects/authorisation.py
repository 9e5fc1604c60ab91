"""May this identity do this? Asked once per request by `Local`, before anything is read.

Today one authoriser ships: members of `system:masters` may all. Role-based rules come as another class of the
same protocol, and nothing else changes.
"""

from __future__ import annotations

from typing import Protocol

from pinnace.kinds.resource import Resource
from pinnace.objects import refusals
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError


class Authoriser(Protocol):
    def allow(
        self, identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
    ) -> bool:
        """`namespace=""`: cluster-wide; `name=""`: the collection."""


class MastersOnly:
    """The owner of the machine may all, nobody else may anything."""

    def allow(
        self, identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
    ) -> bool:
        return "system:masters" in identity.groups


def refusal(
    identity: Identity, verb: str, resource: Resource, namespace: str, name: str, subresource: str
) -> StatusError:
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    why = f'User "{identity.user}" cannot {verb} resource "{plural}" in API group "{resource.group}" {scope}'
    return refusals.forbidden(resource, name, why)
