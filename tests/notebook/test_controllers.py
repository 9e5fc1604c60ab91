"""The controllers on a real store, with a gateway that serves nothing: what they make and publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pinnace.controllers.built_in import CLAIM, DEPLOYMENT, EVENT, POD, SERVICE, STATEFUL_SET
from pinnace.controllers.controller import Key
from pinnace.controllers.notebook.controller import Notebooks
from pinnace.controllers.notebook.retelling import Retelling
from pinnace.controllers.notebook.tensorboards import Tensorboards
from pinnace.data.blobs import Blobs
from pinnace.gateway.interface import Backend, Endpoint, Route, Split
from pinnace.gateway.memory import Memory
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import NOTEBOOK, TENSORBOARD
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change, Selection
from tests.controllers.house import House

pytestmark = pytest.mark.anyio
LAB = Key("default", "lab")
OPEN = "default/notebooks/lab"


class Stored(msgspec.Struct):
    digest: str
    size: int = 0
    directory: bool = False


class Scene:
    def __init__(self, root: Path) -> None:
        self.house = House(root)
        self.gateway = Memory()
        self.doors: str | None = "/doors"
        self.notebooks = Notebooks(self.house.client, self.gateway, lambda: self.doors)
        self.artifacts: dict[str, Stored] = {}
        self.blobs = Blobs(self.house.home.data)
        self.boards = Tensorboards(
            self.house.client, self.gateway, lambda: self.doors, blobs=self.blobs,
            artifact=lambda namespace, key: self.artifacts.get(key), volumes=self.house.home.volumes,
        )

    async def notebook(self, *containers: Obj, **meta: Any) -> Obj:
        spec = {"template": {"spec": {"containers": list(containers)}}}
        return await self.house.create(NOTEBOOK, {"metadata": {"name": "lab", **meta}, "spec": spec})

    async def annotate(self, **notes: str | None) -> None:
        patch = {"metadata": {"annotations": {name.replace("_", "-"): text for name, text in notes.items()}}}
        await self.house.client.patch(NOTEBOOK, "lab", "default", patch, "merge")

    async def told(self, reason: str) -> str:
        """The message of the one event with this reason."""
        await self.notebooks.recorder.settled()
        found = (await self.house.client.list(EVENT, "default", Selection())).items
        (message,) = [str(one["message"]) for one in found if one["reason"] == reason]
        return message

    async def running(self, name: str, owner: Obj | None = None) -> Obj:
        """A pod that is ready, as the node would have it."""
        container = {"name": "main", "image": "x", "ports": [{"containerPort": 8888}]}
        meta: Obj = {"name": name, "labels": {kind.NAME_LABEL: "lab"}}
        if owner is not None:
            reference = {"apiVersion": "apps/v1", "kind": owner["kind"], "name": owner["metadata"]["name"],
                         "uid": owner["metadata"]["uid"], "controller": True}
            meta["ownerReferences"] = [reference]
        pod = await self.house.create(POD, {"metadata": meta, "spec": {"containers": [container]}})
        ready = {"type": "Ready", "status": "True"}
        status = {**pod["status"], "phase": "Running", "podIP": "10.88.0.9", "conditions": [ready]}
        change = Change(verb="status", resource=POD, obj={**pod, "status": status})
        return (await self.house.client.transact([change]))[0]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    found = Scene(tmp_path)
    await found.house.namespace()
    yield found
    await found.notebooks.recorder.settled()
    await found.boards.recorder.settled()
    await found.house.store.close()


async def test_a_notebook_is_made_shown_stopped_and_gone(scene: Scene) -> None:
    await scene.notebook({"name": "lab", "image": "kubeflownotebookswg/jupyter"})
    await scene.notebooks.reconcile(LAB)
    stateful = await scene.house.get(STATEFUL_SET, "lab")
    assert (await scene.house.get(SERVICE, "lab"))["spec"]["selector"] == {"statefulset": "lab"}
    before = scene.gateway.endpoints[OPEN]
    assert (before.gate, before.backends[0].reason) == (kind.notes(stateful)[kind.SESSIONS], "its pod starts")

    await scene.running("lab-0", stateful)
    await scene.notebooks.reconcile(LAB)
    assert scene.gateway.endpoints[OPEN].backends[0].addresses == ("unix:/doors/10.88.0.9-8888",)
    assert scene.gateway.endpoints[OPEN].gate == before.gate
    again = await scene.house.get(STATEFUL_SET, "lab")
    assert again["metadata"]["resourceVersion"] == stateful["metadata"]["resourceVersion"], "nothing to do"
    conditions = (await scene.house.get(NOTEBOOK, "lab"))["status"]["conditions"]
    assert [one["type"] for one in conditions] == ["Ready"]

    await scene.annotate(kubeflow_resource_stopped="now")
    await scene.notebooks.reconcile(LAB)
    assert OPEN not in scene.gateway.endpoints
    stopped = await scene.house.get(STATEFUL_SET, "lab")
    assert (stopped["spec"]["replicas"], kind.SESSIONS in kind.notes(stopped)) == (0, False)
    await scene.annotate(kubeflow_resource_stopped=None)
    await scene.notebooks.reconcile(LAB)
    assert scene.gateway.endpoints[OPEN].gate not in ("", before.gate)

    await scene.house.client.delete(NOTEBOOK, "lab", "default")
    await scene.notebooks.reconcile(LAB)
    assert not scene.gateway.endpoints


async def test_a_restart_ends_the_pod_once(scene: Scene) -> None:
    await scene.notebook({"name": "lab", "image": "x"})
    await scene.notebooks.reconcile(LAB)
    pod = await scene.running("lab-0", await scene.house.get(STATEFUL_SET, "lab"))
    patch = {"metadata": {"annotations": {kind.RESTART: "true"}}}
    await scene.house.client.patch(NOTEBOOK, "lab", "default", patch, "merge")
    await scene.notebooks.reconcile(LAB)
    left = scene.house.client.peek(POD, "lab-0", "default")
    assert left is None or left["metadata"].get("deletionTimestamp")
    assert pod["metadata"]["name"] == "lab-0"
    assert kind.RESTART not in kind.notes(await scene.house.get(NOTEBOOK, "lab"))


async def test_nothing_is_made_before_the_node_has_said_how_pods_are_reached(scene: Scene) -> None:
    scene.doors = None
    await scene.notebook({"name": "lab", "image": "x"})
    assert (await scene.notebooks.reconcile(LAB)).after is not None
    assert scene.house.client.peek(STATEFUL_SET, "lab", "default") is None


async def test_a_host_that_somebody_has_is_left_to_them(scene: Scene) -> None:
    route = Route(hosts=("lab.default.localhost",), splits=(Split("lab", 100),))
    isvc = Endpoint(namespace="default", name="lab", routes=(route,), backends=(Backend(name="lab"),))
    await scene.gateway.publish([isvc])
    await scene.notebook({"name": "lab", "image": "x"})
    await scene.notebooks.reconcile(LAB)
    assert scene.gateway.endpoints["default/lab"] == isvc
    assert scene.gateway.endpoints[OPEN].routes[0].hosts == ("lab-notebook.default.localhost",)


async def test_what_cannot_be_made_is_told(scene: Scene) -> None:
    spec = {"serviceName": "", "selector": {"matchLabels": {"a": "b"}}}
    container = {"name": "x", "image": "x"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    taken = {"metadata": {"name": "lab"}, "spec": {**spec, "template": template}}
    await scene.house.create(STATEFUL_SET, taken)
    await scene.notebook(container)
    await scene.notebooks.reconcile(LAB)
    assert "belongs to something else" in await scene.told("NameTaken")
    await scene.house.client.delete(STATEFUL_SET, "lab", "default")
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "No Name", "image": "x"}]}}}}
    await scene.house.client.patch(NOTEBOOK, "lab", "default", patch, "merge")
    await scene.notebooks.reconcile(LAB)
    assert "Error creating: " in await scene.told("FailedCreate")


async def test_the_story_of_a_pod_is_told_again_once(scene: Scene) -> None:
    retelling = Retelling(scene.house.client)
    await scene.notebook({"name": "lab", "image": "x"})
    await scene.notebooks.reconcile(LAB)
    pod = await scene.running("lab-0", await scene.house.get(STATEFUL_SET, "lab"))
    stranger = await scene.house.pod("other")
    for one in (pod, stranger):
        retelling.recorder.record(one, "Pulled", f"about {one['metadata']['name']}")
    await retelling.recorder.settled()
    for life in (retelling, Retelling(scene.house.client)):  # a restart of control tells nothing twice
        for event in (await scene.house.client.list(EVENT, "default", Selection())).items:
            await life.reconcile(Key("default", event["metadata"]["name"]))
        await life.recorder.settled()
    found = (await scene.house.client.list(EVENT, "default", Selection())).items
    again = [one for one in found if one["involvedObject"]["kind"] == "Notebook"]
    assert [one["message"] for one in again] == ["Reissued from pod/lab-0: about lab-0"]


async def test_a_tensorboard_reads_an_artifact_of_ours(scene: Scene, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "events.out.tfevents.1").write_bytes(b"scalars")
    stored = await asyncio.to_thread(scene.blobs.put_tree, logs)
    scene.artifacts["flow/train/logs"] = Stored(stored.digest, 7, directory=True)
    board = {"metadata": {"name": "board"}, "spec": {"logspath": "flow/train/logs"}}
    await scene.house.create(TENSORBOARD, board)
    for _ in range(2):
        await scene.boards.reconcile(Key("default", "board"))
    assert (await scene.house.get(CLAIM, "board-logs"))["metadata"]["ownerReferences"][0]["name"] == "board"
    folder = scene.house.home.volumes / "default" / "board-logs"
    (found,) = folder.rglob("events.out.tfevents.1")
    assert found.read_bytes() == b"scalars"
    volumes = (await scene.house.get(DEPLOYMENT, "board"))["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["persistentVolumeClaim"]["claimName"] == "board-logs"
    assert scene.gateway.endpoints["default/tensorboards/board"].gate
