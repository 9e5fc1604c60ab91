"""Brings the objects of Standard mode about: creates, corrects, and takes away what nobody wants any more.

Level-triggered: what is wanted is applied (server-side, so that what others set stays) when it changed or
when the object is no longer what it was after the last time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from pinnace.controllers.built_in import AUTOSCALER, DEPLOYMENT, SERVICE
from pinnace.controllers.serving import standard
from pinnace.controllers.serving.canaries import before
from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.selection import Problem
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Client, DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError

KINDS: dict[str, Resource] = {each.kind: each for each in (DEPLOYMENT, SERVICE, AUTOSCALER)}
APPLY = Options(field_manager="kserve-controller-manager", force=True)


class Taken(Exception):
    """An object of that name is somebody else's; the text says which."""


class Deployed:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], tuple[str, object]] = {}
        """uid and kind → digest of what was applied, and what the object's spec was then."""
        self._kept: dict[str, set[tuple[str, str]]] = {}

    async def bring_about(self, isvc: Obj, parts: Sequence[Part]) -> None:
        """A Deployment, a Service and an autoscaler for each component; `parts` learn what runs."""
        said = (isvc.get("status") or {}).get("components") or {}
        kept: set[tuple[str, str]] = set()
        for part in parts if not serving.stopped(isvc) else ():
            kept |= await self._part(isvc, part)
            found = await self.get(DEPLOYMENT, part.service, isvc["metadata"]["namespace"])
            if found is not None:
                part.deploy(found, before(isvc, part) if part.variant else said.get(part.component) or {})
        await self.sweep(isvc, kept)

    async def _part(self, isvc: Obj, part: Part) -> set[tuple[str, str]]:
        """(kind, name) of what is to stay; without a plan, all that there is."""
        if part.plan is None:
            return {(kind, part.service) for kind in KINDS}
        fixed = int(part.spec.get("minReplicas") or 0) if part.variant else None
        wanted = standard.objects(isvc, part.spec, part.service, part.component, part.plan, fixed)
        try:
            await self.ensure(wanted)
        except Taken as taken:
            part.problem = Problem("InvalidPredictorSpec", str(taken))
        return {(each["kind"], each["metadata"]["name"]) for each in wanted}

    async def ensure(self, wanted: Sequence[Obj]) -> None:
        for each in wanted:
            await self._one(each)

    def forget(self, uid: str) -> None:
        """Of a service that is gone."""
        self._kept.pop(uid, None)

    async def _one(self, wanted: Obj) -> None:
        resource, meta = KINDS[wanted["kind"]], wanted["metadata"]
        digest = hashlib.blake2s(json.dumps(wanted, sort_keys=True).encode(), digest_size=8).hexdigest()
        found = await self.get(resource, meta["name"], meta["namespace"])
        if found is not None and not ours(found, wanted):
            raise Taken(f"{resource.kind} {meta['name']} is there, and is not this service's: rename one")
        if found is not None and self._known.get(key(found)) == (digest, state(found)):
            return
        made = await self._client.apply(resource, meta["name"], meta["namespace"], wanted, APPLY)
        self._known[key(made)] = (digest, state(made))

    async def get(self, resource: Resource, name: str, namespace: str) -> Obj | None:
        try:
            return await self._client.get(resource, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    async def sweep(self, isvc: Obj, kept: set[tuple[str, str]]) -> None:
        """Remove what this service owns of these kinds, except (kind, name) in `kept`."""
        meta = isvc["metadata"]
        if self._kept.get(meta["uid"]) == kept:
            return
        for resource in KINDS.values():
            page = await self._client.list(resource, meta["namespace"], Selection(owner=meta["uid"]))
            for each in page.items:
                name = each["metadata"]["name"]
                if (resource.kind, name) in kept or each["metadata"].get("deletionTimestamp"):
                    continue
                if each["kind"] == SERVICE.kind and each["spec"].get("type") == "ExternalName":
                    continue
                self._known.pop(key(each), None)
                await self._client.delete(resource, name, meta["namespace"], DeleteOptions())
        self._kept[meta["uid"]] = kept


def key(obj: Obj) -> tuple[str, str]:
    return str(obj["metadata"].get("uid", "")), str(obj.get("kind", ""))


def state(obj: Obj) -> object:
    """What tells that somebody changed it since."""
    return obj["metadata"].get("generation") or json.dumps(obj.get("spec"), sort_keys=True)


def ours(found: Obj, wanted: Obj) -> bool:
    owners = found["metadata"].get("ownerReferences") or ()
    mine = wanted["metadata"]["ownerReferences"][0]["uid"]
    return any(each.get("uid") == mine for each in owners)
