"""The composer's translations, answered here where the server of the context has none: they need no platform.

Called by `relay`. What a workflow refers to is looked up among the cluster's templates, which are
read at each question.
"""

from __future__ import annotations

import msgspec

from pinnace.api.authoring.face import Face
from pinnace.api.http import Request
from pinnace.authoring.argo import validation
from pinnace.cli.contexts.upstream import Upstream
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE, WORKFLOW_TEMPLATE
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.schema import Node
from pinnace.objects.client import Identity

PREFIX = "/pinnace/v1/authoring/"
OURS = "pinnace.dev"
Templates = dict[tuple[str, str], Obj]
"""By namespace ('' for the cluster's) and name."""


class Authoring:
    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.catalogue = Catalogue.builtin()
        self._theirs: bool | None = None

    async def theirs(self) -> bool:
        """Whether the server translates itself: a Pinnace does."""
        if self._theirs is None:
            found = await self._json("/apis")
            self._theirs = any(one.get("name") == OURS for one in found.get("groups") or ())
        return self._theirs

    async def answer(self, request: Request) -> None:
        kinds = (WORKFLOW_TEMPLATE, CLUSTER_WORKFLOW_TEMPLATE)
        known = {key: one for kind in kinds for key, one in (await self._templates(kind)).items()}
        await Face(self._schema, lambda who: _lookup(who, known))(request)

    def _schema(self, version: str, kind: str) -> Node | None:
        resource = self.catalogue.kind(version, kind)
        return self.catalogue.schema(resource) if resource is not None else None

    async def _templates(self, resource: Resource) -> Templates:
        found = await self._json(f"/apis/{resource.api_version}/{resource.plural}")
        items: list[Obj] = found.get("items") or []
        return {(one["metadata"].get("namespace") or "", one["metadata"]["name"]): one for one in items}

    async def _json(self, path: str) -> Obj:
        """{}: the server has none of these, or does not show them to us."""
        answer = await self.upstream.send("GET", path, {"accept": "application/json"})
        try:
            body = await answer.aread()
        finally:
            await answer.aclose()
        found: Obj = msgspec.json.decode(body) if answer.status_code == 200 else {}
        return found


def _lookup(_: Identity, known: Templates) -> validation.Lookup:
    def lookup(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        return known.get(("" if cluster else namespace or "", name))

    return lookup
