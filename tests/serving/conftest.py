"""The serving controller on a real store with a gateway in memory; the tests play the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.controller import Key, Result
from pinnace.controllers.serving.bootstrap import runtimes
from pinnace.controllers.serving.observed import REVISION
from pinnace.controllers.serving.reconciler import InferenceServices
from pinnace.controllers.serving.storage import Artifact
from pinnace.controllers.serving.template import SOCKET
from pinnace.gateway.memory import Memory
from pinnace.kinds.annotations import SOCKET_PATHS
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.serving import CLUSTER_SERVING_RUNTIME, INFERENCE_SERVICE
from pinnace.objects.client import DeleteOptions, Options, Selection
from pinnace.objects.local import Local
from pinnace.store.sqlite import SqliteStore


class Told:
    """Keeps what an event recorder would write."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def record(self, about: Obj, reason: str, message: str, *, warning: bool = False) -> None:
        self.events.append((reason, message))

    def reasons(self) -> list[str]:
        return [reason for reason, _ in self.events]


class Serving:
    """One service named `iris` in the namespace `demo`, unless told otherwise."""

    key = Key("demo", "iris")

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = SqliteStore.open(home / "store.db")
        self.catalogue = Catalogue.builtin()
        self.local = Local.open(self.store, self.catalogue)
        self.gateway = Memory()
        self.told = Told()
        self.artifacts = {("demo", f"models/{n}"): Artifact(digest=n * 64, directory=True) for n in "abcd"}
        self.logs = "Traceback\nValueError: no"
        self.begin()

    def begin(self) -> None:
        """A controller that remembers nothing."""
        self.controller = InferenceServices(
            self.local, self.gateway, self.told, artifacts=lambda ns, key: self.artifacts.get((ns, key)),
            volumes=self.home / "volumes", tail=lambda uid, container, restart: self.logs,
        )

    def kind(self, key: str) -> Resource:
        found = self.catalogue.key(key)
        assert found is not None, key
        return found

    async def apply(
        self, predictor: Obj, annotations: dict[str, str] | None = None, name: str = "iris"
    ) -> Obj:
        obj = {
            "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
            "metadata": {"name": name}, "spec": {"predictor": predictor},
        }
        if annotations:
            obj["metadata"] = {"name": name, "annotations": annotations}
        options = Options(field_manager="kubectl", force=True)
        return await self.local.apply(INFERENCE_SERVICE, name, "demo", obj, options)

    async def model(self, letter: str, **more: Any) -> Obj:
        uri = f"s3://artifacts/models/{letter}"
        model = {"modelFormat": {"name": "sklearn"}, "storageUri": uri}
        annotations = more.pop("annotations", None)
        return await self.apply({"model": model, **more}, annotations)

    async def turn(self) -> Result:
        return await self.controller.reconcile(self.key)

    async def settle(self, *, healthy: bool = True) -> Obj:
        """Play node and controller until nothing moves; with `healthy` every pod becomes ready."""
        before: Any = None
        for _ in range(20):
            await self.turn()
            if healthy:
                await self.start_pods()
            await self.end_pods()
            now = await self.picture()
            if now == before:
                return await self.get()
            before = now
        raise AssertionError("it never settles")

    async def picture(self) -> Any:
        status = (await self.get()).get("status")
        return status, sorted(p["metadata"]["name"] for p in await self.pods()), dict(self.gateway.endpoints)

    async def get(self) -> Obj:
        return await self.local.get(INFERENCE_SERVICE, "iris", "demo")

    async def pods(self, revision: str = "") -> list[Obj]:
        items = (await self.local.list(self.kind("pods"), "demo", Selection())).items
        return [p for p in items if not revision or p["metadata"]["labels"][REVISION] == revision]

    async def start_pods(self) -> None:
        for pod in await self.pods():
            if pod["metadata"].get("deletionTimestamp") or pod.get("status", {}).get("phase") == "Running":
                continue
            revision = pod["metadata"]["labels"][REVISION]
            await self.set_pod(pod, "True", {"running": {}}, f"/run/{pod['metadata']['name']}.sock")
            self.gateway.healthy.add(f"demo/{revision}")

    async def set_pod(self, pod: Obj, ready: str, state: Obj, path: str = "", **more: Any) -> None:
        pods = self.kind("pods")
        if path:
            notes = {SOCKET_PATHS: f'{{"kserve-container": {{"{SOCKET}": "{path}"}}}}'}
            patch = {"metadata": {"annotations": notes}}
            pod = await self.local.patch(pods, pod["metadata"]["name"], "demo", patch, "merge")
        status = {
            "phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{
                "name": "kserve-container", "ready": ready == "True", "restartCount": 0, "image": "i",
                "imageID": "", "state": state, **more,
            }],
        }
        options = Options(subresource="status")
        await self.local.update(pods, {**pod, "status": status}, "demo", options)

    async def end_pods(self) -> None:
        for pod in await self.pods():
            if pod["metadata"].get("deletionTimestamp"):
                self.gateway.healthy.discard(f"demo/{pod['metadata']['labels'][REVISION]}")
                options = DeleteOptions(grace_seconds=0)
                await self.local.delete(self.kind("pods"), pod["metadata"]["name"], "demo", options)

    def shares(self) -> dict[str, int]:
        """What the gateway was told of the top host."""
        return {s.backend: s.percent for s in self.gateway.endpoints["demo/iris"].routes[0].splits}


def condition(isvc: Obj, type_: str) -> tuple[str, str]:
    found = next(c for c in isvc["status"]["conditions"] if c["type"] == type_)
    return found["status"], found.get("reason", "")


def traffic(isvc: Obj) -> list[tuple[str, int, str]]:
    entries = isvc["status"]["components"]["predictor"]["traffic"]
    assert all("latestRevision" in entry for entry in entries)
    return [(e["revisionName"][-1], e["percent"], e.get("tag", "")) for e in entries]


@pytest.fixture
async def serving(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Serving]:
    house = Serving(tmp_path)
    await house.local.create(house.kind("namespaces"), {"metadata": {"name": "demo"}})
    for runtime in runtimes():
        await house.local.create(CLUSTER_SERVING_RUNTIME, runtime)
    yield house
    house.local.close()
    await house.store.close()
