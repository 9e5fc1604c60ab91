"""Artifacts that go with their workflow, or with its end: keys of the platform's own store, and objects in
buckets.

What lies here goes in the commit that says so. What lies in a bucket is deleted by the agent before that
commit: a crash between them deletes again what is gone, which is no mistake. As upstream's, a deletion that
fails is told in the condition `ArtifactGCError` and keeps the finalizer, and so the workflow, until somebody
sets `forceFinalizerRemoval` or takes the finalizer away. Caller: `ending`. Source: upstream
workflow/controller/artifact_gc.go, docs/walk-through/artifacts.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from pinnace.controllers.workflow import birth, locations
from pinnace.controllers.workflow.agent.messages import Delete
from pinnace.controllers.workflow.credentials import CredentialError, Credentials
from pinnace.controllers.workflow.locations import Depot, Place
from pinnace.controllers.workflow.template import TemplateError, spec_of
from pinnace.kinds.argo import WORKFLOW, NodeStatus
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.store.interface import Row

if TYPE_CHECKING:
    from pinnace.controllers.workflow.controller import Workflows

NODE = "node"
BUCKETS = ("s3", "gcs", "azure")
_nodes = msgspec.json.Decoder(NodeStatus)
_encode = msgspec.json.Encoder().encode


class ArtifactGC:
    def __init__(self, house: Workflows) -> None:
        self.house = house

    async def collect(self, obj: Obj, spec: Obj, chosen: tuple[str, ...]) -> Obj:
        """What these strategies ask for, once. The Workflow as written."""
        processed = ((obj.get("status") or {}).get("artifactGCStatus") or {}).get("strategiesProcessed") or {}
        if all(processed.get(strategy) for strategy in chosen):
            return obj
        rows, failed = await self._removed(obj, spec, chosen)
        status = {**(obj.get("status") or {})}
        status["artifactGCStatus"] = {"strategiesProcessed": {**processed, **dict.fromkeys(chosen, True)}}
        if failed:
            words = f"Artifact Garbage Collection failed for strategy {chosen[-1]}: {'; '.join(failed[:5])}"
            others = [one for one in status.get("conditions") or () if one.get("type") != "ArtifactGCError"]
            status["conditions"] = [*others, {"type": "ArtifactGCError", "status": "True", "message": words}]
            self.house.tell(obj, "ArtifactGCFailed", words, warning=True)
        change = Change(verb="system", resource=WORKFLOW, obj={**obj, "status": status})
        return (await self.house.client.transact([change], rows))[0]

    def held(self, obj: Obj, spec: Obj) -> bool:
        """Whether something that was to be deleted is still there, and nobody said that it may be."""
        if (spec.get("artifactGC") or {}).get("forceFinalizerRemoval"):
            return False
        own = _own(spec)
        return any(
            next(_due(_nodes.decode(body), own, birth.COLLECTING), None) is not None
            for _, _, _, body in self.house.store.rows(NODE, obj["metadata"]["uid"])
        )

    async def _removed(self, obj: Obj, spec: Obj, chosen: tuple[str, ...]) -> tuple[list[Row], list[str]]:
        """Rows of what went and of the nodes that say so; what went wrong."""
        meta, own = obj["metadata"], _own(spec)
        namespace = meta.get("namespace") or ""
        try:
            depot = self.house.depot(spec_of(spec), namespace)
        except (TemplateError, locations.LocationError) as error:
            return [], [str(error)]
        rows: list[Row] = []
        failed: list[str] = []
        for _, key, _, body in self.house.store.rows(NODE, meta["uid"]):
            node = _nodes.decode(body)
            gone = False
            for item in _due(node, own, chosen):
                problem = await self._remove(item, depot, namespace, rows)
                if problem:
                    failed.append(f"{item.get('name')}: {problem}")
                else:
                    item["deleted"] = gone = True
            if gone:
                rows.append(Row(NODE, meta["uid"], key, _encode(node)))
        return rows, failed

    async def _remove(self, item: Obj, depot: Depot, namespace: str, rows: list[Row]) -> str:
        """What went wrong; '' if nothing did."""
        if stored := locations.own_key(item, depot):
            rows += self.house.repository.forgotten(namespace, stored)
            return ""
        place = locations.place_of(item, depot)
        if place is None:
            return ""  # raw: it lies in the manifest
        if place.kind not in BUCKETS:
            return f"delete is not supported for {place.kind} artifacts"
        try:
            where = Credentials(self.house.client.peek, namespace).filled(place.where)
        except CredentialError as error:
            return str(error)
        return await self._away(Place(place.kind, where))

    async def _away(self, place: Place) -> str:
        blobs, way_in = self.house.repository.blobs, str(self.house.way_in or "")
        root = str(blobs.root) if blobs is not None else ""
        asked = Delete(id=0, kind=place.kind, where=place.where, blobs=root, run=way_in)
        done = await self.house.agent.ask(asked)
        return done.message if done.phase != "Succeeded" else ""


def _own(spec: Obj) -> str:
    return str((spec.get("artifactGC") or {}).get("strategy") or "Never")


def _due(node: NodeStatus, own: str, chosen: tuple[str, ...]) -> Iterator[Obj]:
    """A pod's own artifacts: what steps and attempts pass upwards is the same one."""
    if node.type not in ("Pod", "Plugin"):
        return
    for item in (node.outputs or {}).get("artifacts") or ():
        strategy = (item.get("artifactGC") or {}).get("strategy") or own
        if strategy in chosen and not item.get("deleted"):
            yield item
