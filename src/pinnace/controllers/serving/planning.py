"""What a component asks for, found out: its runtime, where its models are, and so its plan.

Called by `reconciler` for each component of a service; reads objects, writes none but TrainedModels' owners.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pinnace.controllers.serving import agent, credentials, storage, template, trained
from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.selection import choose
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client

if TYPE_CHECKING:
    from pinnace.objects.registry.records import Registry


class Planner:
    def __init__(
        self, client: Client, artifacts: storage.Artifacts, volumes: Path,
        registry: Callable[[], Registry] | None = None,
    ) -> None:
        self._client = client
        self._registry = registry
        self._artifacts = artifacts
        self._volumes = volumes

    async def plan(self, isvc: Obj, part: Part, *, networks: bool) -> template.Plan:
        """`networks`: this machine can give pods one of their own. Raises Problem."""
        model = part.spec.get("model")
        if model is not None:
            part.runtime = await self._runtime(isvc, model)
        source = await self._source(isvc, part)
        standard = serving.mode(isvc) == serving.STANDARD
        listening = networks and (standard or agent.wanted(part.spec))
        return template.build(isvc, part.spec, part.runtime, source, part.component, listening=listening)

    async def _runtime(self, isvc: Obj, model: Obj) -> Obj:
        namespaced = await self._client.list(serving.SERVING_RUNTIME, isvc["metadata"]["namespace"])
        cluster = await self._client.list(serving.CLUSTER_SERVING_RUNTIME)
        return choose(model, namespaced.items, cluster.items)

    async def _source(self, isvc: Obj, part: Part) -> storage.Source | None:
        """Where its models are: `storageUri`, `storage`, `storageUris`, a custom container's variable
        STORAGE_URI, or the TrainedModels of a server that begins without one."""
        several = part.spec.get("storageUris") or (part.spec.get("model") or {}).get("storageUris") or ()
        places = [(str(each["uri"]), str(each.get("mountPath") or storage.FOLDER)) for each in several]
        if not places and part.component == "predictor":
            part.trained = await trained.of(self._client, isvc)
            places = trained.places(part.trained, part.spec)
        if places:
            sources = []
            for number, (uri, folder) in enumerate(places):
                one = await self._one(isvc, credentials.with_uri(part.spec, uri))
                sources.append(storage.moved(one, folder, number))
            return storage.together(sources)
        found = await self._one(isvc, part.spec)
        return found if found != storage.Source() else None

    async def _one(self, isvc: Obj, component: Obj) -> storage.Source:
        uri, access = await credentials.wanted(self._client, isvc, component)
        if not uri:
            return storage.Source()
        if uri.startswith("model-registry://") and self._registry is not None:
            from pinnace.controllers.serving import registered

            place = registered.storage_uri(self._registry(), uri)
            uri, access = await credentials.wanted(
                self._client, isvc, credentials.with_uri({**component, "containers": []}, place)
            )
        container = await credentials.initializer(self._client, uri)
        access = msgspec.structs.replace(access, container=container)
        read_only = serving.notes(isvc).get("storage.kserve.io/readonly") != "false"
        namespace = isvc["metadata"]["namespace"]
        return storage.resolve(uri, namespace, self._artifacts, self._volumes, read_only, access)
