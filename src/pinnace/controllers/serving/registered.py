"""InferenceServices in the Model Registry: one that says which registered model it serves is entered there.

Labels tie the two together, as upstream's controller has them; a service that is deleted stays there as
UNDEPLOYED. Source: kubeflow/model-registry pkg/inferenceservice-controller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pinnace.controllers.controller import Key, Result
from pinnace.controllers.serving.selection import Problem
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client, Options
from pinnace.objects.errors import StatusError
from pinnace.objects.registry import versions
from pinnace.objects.registry.records import (
    ENVIRONMENT,
    MODEL,
    SERVICE,
    VERSION,
    Absent,
    Record,
    Registry,
    string_value,
)
from pinnace.store.interface import Event

DOMAIN = "modelregistry.kubeflow.org/"
MODEL_LABEL, VERSION_LABEL = f"{DOMAIN}registered-model-id", f"{DOMAIN}model-version-id"
SERVICE_LABEL, FINALIZER = f"{DOMAIN}inference-service-id", f"{DOMAIN}finalizer"
DEPLOYED, UNDEPLOYED = "DEPLOYED", "UNDEPLOYED"
SCHEME = "model-registry"
OPTIONS = Options(field_manager="model-registry-controller")


class Events(Protocol):
    def record(self, about: Obj, reason: str, message: str, *, warning: bool = False) -> None: ...


class RegisteredServices:
    """`registry` gives the one that the APIs have; it is not asked before a service names a model."""

    name = "inferenceservice-registry"
    watches = (serving.INFERENCE_SERVICE,)

    def __init__(self, client: Client, registry: Callable[[], Registry], events: Events) -> None:
        self._client = client
        self._registry = registry
        self._events = events

    def keys(self, event: Event) -> tuple[Key, ...]:
        meta = event.obj["metadata"]
        labels = meta.get("labels") or {}
        named = MODEL_LABEL in labels or SERVICE_LABEL in labels
        held = FINALIZER in (meta.get("finalizers") or ())
        return (Key(event.namespace, event.name),) if named or held else ()

    async def reconcile(self, key: Key) -> Result:
        try:
            isvc = await self._client.get(serving.INFERENCE_SERVICE, key.name, key.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return Result()
        if isvc["metadata"].get("deletionTimestamp"):
            await self._leave(isvc)
            return Result()
        try:
            record = await self._enter(isvc)
        except Absent as absent:
            self._events.record(isvc, "ModelRegistry", str(absent), warning=True)
            return Result()
        await self._mark(isvc, record)
        return Result()

    async def _enter(self, isvc: Obj) -> Record:
        """Its record, as it shall be. Raises Absent: there is no such model or version."""
        registry, meta = self._registry(), isvc["metadata"]
        wanted = fields(registry, isvc)
        known = self._known(isvc)
        if known is not None and all(known.get(name) == value for name, value in wanted.items()):
            return known
        async with registry.writing() as turn:
            known = self._known(isvc)
            if known is not None:
                return turn.put(SERVICE, known, **wanted)
            near = registry.where(ENVIRONMENT, name=meta["namespace"])
            place = near[0] if near else turn.add(ENVIRONMENT, {"name": meta["namespace"]})
            about = {"name": f"{meta['name']}/{meta['uid']}", "externalId": meta["uid"]}
            return turn.add(SERVICE, {**about, "servingEnvironmentId": place["id"], **wanted})

    def _known(self, isvc: Obj) -> Record | None:
        """By the label's number, else by the service's own uid."""
        registry, meta = self._registry(), isvc["metadata"]
        number = (meta.get("labels") or {}).get(SERVICE_LABEL) or ""
        if number.isdecimal() and int(number) in registry.table(SERVICE):
            return registry.get(SERVICE, number)
        found = registry.where(SERVICE, externalId=meta["uid"])
        return found[0] if found else None

    async def _mark(self, isvc: Obj, record: Record) -> None:
        meta = isvc["metadata"]
        labels, held = meta.get("labels") or {}, meta.get("finalizers") or []
        if labels.get(SERVICE_LABEL) == str(record["id"]) and FINALIZER in held:
            return
        held = held if FINALIZER in held else [*held, FINALIZER]
        marked = {**meta, "labels": {**labels, SERVICE_LABEL: str(record["id"])}, "finalizers": held}
        changed = {**isvc, "metadata": marked}
        await self._client.update(serving.INFERENCE_SERVICE, changed, meta["namespace"], OPTIONS)

    async def _leave(self, isvc: Obj) -> None:
        meta = isvc["metadata"]
        if FINALIZER not in (meta.get("finalizers") or ()):
            return
        known = self._known(isvc)
        if known is not None and known.get("desiredState") != UNDEPLOYED:
            async with self._registry().writing() as turn:
                turn.put(SERVICE, known, desiredState=UNDEPLOYED)
        left = [name for name in meta["finalizers"] if name != FINALIZER]
        gone = {**isvc, "metadata": {**meta, "finalizers": left}}
        await self._client.update(serving.INFERENCE_SERVICE, gone, meta["namespace"], OPTIONS)


def fields(registry: Registry, isvc: Obj) -> Record:
    """What a record says of a service. Raises Absent."""
    labels, status = isvc["metadata"].get("labels") or {}, isvc.get("status") or {}
    model = isvc["spec"].get("predictor", {}).get("model") or {}
    chosen = status.get("clusterServingRuntimeName") or status.get("servingRuntimeName")
    runtime = model.get("runtime") or chosen
    found: Record = {"desiredState": UNDEPLOYED if serving.stopped(isvc) else DEPLOYED}
    if labels.get(MODEL_LABEL):
        found["registeredModelId"] = registry.get(MODEL, labels[MODEL_LABEL])["id"]
    if labels.get(VERSION_LABEL):
        found["modelVersionId"] = registry.get(VERSION, labels[VERSION_LABEL])["id"]
    if runtime:
        found["runtime"] = str(runtime)
    if status.get("url"):
        found["customProperties"] = {"url": string_value(str(status["url"]))}
    return found


def storage_uri(registry: Registry, uri: str) -> str:
    """`model-registry://[host/]name[/version]` as the place that the registry knows; without a version, that
    of the newest. Raises Problem."""
    parts = urlsplit(uri)
    words = [unquote(word) for word in (parts.netloc, *parts.path.split("/")) if word]
    if len(words) > 2 or (len(words) == 2 and registry.said(MODEL, words[0]) is None):
        words = words[1:]  # whose registry, which is here
    model = registry.said(MODEL, words[0]) if words else None
    if model is None:
        text = f"storageUri {uri}: no model of that name is registered; expected {SCHEME}://<model>/<version>"
        raise Problem("ModelLoadFailed", text, waiting=True)
    known = [one for one in versions.of(registry, model) if one.get("state") != "ARCHIVED"]
    chosen = [one for one in known if len(words) < 2 or one["name"] == words[1]]
    place = versions.source(registry, chosen[-1]) if chosen else ""
    if not place:
        names = ", ".join(str(one["name"]) for one in known) or "none"
        lacking = "has no artifact with a uri" if chosen else f"is not there; the model's versions: {names}"
        text = f"storageUri {uri}: the version {lacking}"
        raise Problem("ModelLoadFailed", text, waiting=True)
    if urlsplit(place).scheme == SCHEME:
        raise Problem("InvalidPredictorSpec", f"storageUri {uri}: the registry says {place}, no place itself")
    return place
