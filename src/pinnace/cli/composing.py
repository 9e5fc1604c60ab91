"""What the composer's translations are given by the rest of the house. Made with the first question."""

from __future__ import annotations

from pinnace.api.authoring.face import Face
from pinnace.authoring.argo import validation
from pinnace.cli.given import Platform
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE, WORKFLOW_TEMPLATE
from pinnace.kinds.resource import Obj
from pinnace.kinds.schema import Node
from pinnace.objects.client import Identity


def face(platform: Platform) -> Face:
    def find(version: str, kind: str) -> Node | None:
        resource = platform.catalogue.kind(version, kind)
        return platform.catalogue.schema(resource) if resource is not None else None

    def lookups(who: Identity) -> validation.Lookup:
        """Templates, as far as this caller may read them."""
        client = platform.client.as_(who)

        def lookup(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
            resource = CLUSTER_WORKFLOW_TEMPLATE if cluster else WORKFLOW_TEMPLATE
            place = "" if cluster else namespace or ""
            allowed = client.house.authoriser.allow(who, "get", resource, place, name, "")
            return client.peek(resource, name, place) if allowed else None

        return lookup

    return Face(find, lookups)
