"""KFServing's documents of 2019 become today's: an InferenceService of KServe, owned by the old one.

The old form shows both versions at once, today's shows them one after the other: `canary` follows once
`default` is ready. What stands is in two annotations, so that any call goes on where the last one ended.
"""

from __future__ import annotations

import hashlib
import json

from pinnace.controllers.controller import Key, Result
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.serving_older import OLDER, components
from pinnace.objects.client import Client, Options
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event

SERVICE = serving.INFERENCE_SERVICE
DEFAULT, CANARY = "pinnace.dev/default", "pinnace.dev/canary"
"""On the new one: which `default` it has had, and whether it shows the `canary` now."""
OPTIONS = Options(field_manager="kfserving-v1alpha2")
STATUS = Options(field_manager="kfserving-v1alpha2", subresource="status")


REFUSED = (400, 422)
"""What today's rules say no to: so it stays until the document is another one."""


class OlderServices:
    name = "inferenceservice-v1alpha2"
    watches = (OLDER, SERVICE)

    def __init__(self, client: Client) -> None:
        self._client = client

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == OLDER.key:
            return (Key(event.namespace, event.name),)
        notes = event.obj["metadata"].get("annotations") or {}
        return (Key(event.namespace, event.name),) if DEFAULT in notes else ()

    async def reconcile(self, key: Key) -> Result:
        old, new = await self._get(OLDER, key), await self._get(SERVICE, key)
        if old is None or old["metadata"].get("deletionTimestamp"):
            return Result()
        if new is not None and not owned(new, old):
            return Result()  # somebody else's: its name is taken
        try:
            await self._bring(old, new, key.namespace)
        except StatusError as error:
            if error.code not in REFUSED:
                raise
            await self._tell(old, refused(error), key.namespace)
            return Result()
        if new is not None:
            await self._tell(old, told(new), key.namespace)
        return Result()

    async def _bring(self, old: Obj, new: Obj | None, namespace: str) -> None:
        next_ = wanted(old, new)
        if new is None:
            await self._client.create(SERVICE, next_, namespace, OPTIONS)
        elif any(next_[part] != new[part] for part in ("metadata", "spec")):
            await self._client.update(SERVICE, next_, namespace, OPTIONS)

    async def _tell(self, old: Obj, status: Obj, namespace: str) -> None:
        if status != (old.get("status") or {}):
            await self._client.update(OLDER, {**old, "status": status}, namespace, STATUS)

    async def _get(self, resource: Resource, key: Key) -> Obj | None:
        try:
            return await self._client.get(resource, key.name, key.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return None


def owned(new: Obj, old: Obj) -> bool:
    owners = new["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == old["metadata"]["uid"] for owner in owners)


def wanted(old: Obj, new: Obj | None) -> Obj:
    """Today's document: `default` until it is ready, then `canary` if there is one."""
    spec, meta = old.get("spec") or {}, old["metadata"]
    default = components(spec if "predictor" in spec else spec.get("default") or {})
    mark = hashlib.blake2s(json.dumps(default, sort_keys=True).encode(), digest_size=8).hexdigest()
    notes = serving.notes(new) if new else {}
    known = notes.get(DEFAULT) == mark
    canary = bool(spec.get("canary")) and known and (CANARY in notes or ready(new))
    shown = components(spec["canary"]) if canary else default
    if canary:
        shown["predictor"] = {
            **shown.get("predictor", {}), "canaryTrafficPercent": int(spec.get("canaryTrafficPercent") or 0),
        }
    kept = {key: value for key, value in notes.items() if key != CANARY}
    notes = {**serving.notes(old), **kept, DEFAULT: mark, **({CANARY: "true"} if canary else {})}
    notes.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    base = new or {"apiVersion": SERVICE.api_version, "kind": SERVICE.kind, "metadata": begun(old)}
    made: Obj = {**base, "metadata": {**base["metadata"], "annotations": notes}, "spec": shown}
    made["metadata"].setdefault("name", meta["name"])
    if new is not None:
        serving.default(made)
    return made


def begun(old: Obj) -> Obj:
    meta = old["metadata"]
    owner = {"apiVersion": OLDER.api_version, "kind": OLDER.kind, "name": meta["name"], "uid": meta["uid"],
             "controller": True, "blockOwnerDeletion": True}
    return {"name": meta["name"], "namespace": meta["namespace"], "labels": meta.get("labels") or {},
            "ownerReferences": [owner]}


def ready(new: Obj | None) -> bool:
    status = (new or {}).get("status") or {}
    current = status.get("observedGeneration") == (new or {}).get("metadata", {}).get("generation")
    conditions = status.get("conditions") or ()
    return current and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def refused(error: StatusError) -> Obj:
    """The status of a document that is none in today's form."""
    words = f"as an InferenceService of {SERVICE.api_version} it is refused: {error}"
    return {"conditions": [{"type": "Ready", "status": "False", "reason": error.reason, "message": words}]}


def told(new: Obj) -> Obj:
    """The old form's status: URL, conditions, and who gets how much."""
    status = new.get("status") or {}
    part = (status.get("components") or {}).get("predictor") or {}
    entries = part.get("traffic") or []
    newest = sum(int(e.get("percent") or 0) for e in entries if e.get("latestRevision"))
    canary = CANARY in serving.notes(new)
    found: Obj = {"conditions": status.get("conditions") or []}
    if status.get("url"):
        found |= {"url": status["url"], "traffic": 100 - newest if canary else newest}
    if canary:
        found["canaryTraffic"] = newest
    return found
