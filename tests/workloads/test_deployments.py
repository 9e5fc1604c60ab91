"""Deployments roll, are undone, paused and scaled as upstream's do; against a real store and a fake node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import DEPLOYMENT, POD, REPLICA_SET
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.workloads.deployment import REVISION
from pinnace.controllers.workloads.deployments import Deployments
from pinnace.controllers.workloads.replicasets import ReplicaSets
from tests.controllers.house import House, eventually, house
from tests.controllers.nodes import FakeNode

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [
        Deployments(made.client), ReplicaSets(made.client), Garbage(made.client, made.client.house.catalogue)
    ]


def deployment(name: str = "web", image: str = "alpine:1", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
            **spec,
        },
    }


def complete(obj: dict[str, Any]) -> bool:
    status, wanted = obj.get("status") or {}, obj["spec"]["replicas"]
    return (
        status.get("observedGeneration") == obj["metadata"]["generation"]
        and all((status.get(n) or 0) == wanted for n in ("replicas", "updatedReplicas", "availableReplicas"))
    )


def conditions(obj: dict[str, Any]) -> dict[str, tuple[str, str]]:
    found = (obj.get("status") or {}).get("conditions") or ()
    return {each["type"]: (each["status"], each["reason"]) for each in found}


def images(made: House) -> list[str]:
    pods = made.store.list("pods", "default").items
    return sorted(each["spec"]["containers"][0]["image"] for each in pods)


def sets(made: House) -> dict[str, int]:
    found = made.store.list("replicasets.apps", "default").items
    return {each["metadata"]["annotations"][REVISION]: each["spec"]["replicas"] for each in found}


async def patch(made: House, spec: dict[str, Any]) -> None:
    await made.client.patch(DEPLOYMENT, "web", "default", {"spec": spec}, "strategic")


async def rolled(made: House, running: list[str]) -> dict[str, Any]:
    return await made.until(DEPLOYMENT, "web", lambda d: complete(d) and images(made) == running)


def template(image: str) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}


async def test_it_makes_one_replica_set_with_its_pods(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=3))
        done = await platform.until(DEPLOYMENT, "web", complete)
        (replica_set,) = platform.store.list("replicasets.apps", "default").items
        pods = platform.store.list("pods", "default").items
    assert conditions(done) == {
        "Available": ("True", "MinimumReplicasAvailable"), "Progressing": ("True", "NewReplicaSetAvailable")
    }
    assert done["metadata"]["annotations"][REVISION] == "1"
    short = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{short}"
    assert {pod["metadata"]["labels"]["pod-template-hash"] for pod in pods} == {short}
    assert all(pod["metadata"]["name"].startswith(f"web-{short}-") for pod in pods)


async def test_an_update_rolls_and_an_undo_rolls_back(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=3))
        await platform.until(DEPLOYMENT, "web", complete)
        await patch(platform, template("alpine:2"))
        await rolled(platform, ["alpine:2"] * 3)
        assert sets(platform) == {"1": 0, "2": 3}
        await patch(platform, template("alpine:1"))
        done = await rolled(platform, ["alpine:1"] * 3)
        assert sets(platform) == {"2": 0, "3": 3}
        history = {
            each["metadata"]["annotations"].get("deployment.kubernetes.io/revision-history")
            for each in platform.store.list("replicasets.apps", "default").items
        }
    assert done["metadata"]["annotations"][REVISION] == "3"
    assert history == {"1", None}


async def test_scaling_makes_no_revision(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=1))
        await platform.until(DEPLOYMENT, "web", complete)
        for size in (4, 0, 2):
            await patch(platform, {"replicas": size})
            await platform.until(DEPLOYMENT, "web", complete)
            await platform.until(DEPLOYMENT, "web", lambda d: len(images(platform)) == size)
        assert sets(platform) == {"1": 2}


async def test_a_paused_one_only_scales(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=1))
        await platform.until(DEPLOYMENT, "web", complete)
        await patch(platform, {"paused": True, "replicas": 2, **template("alpine:2")})
        paused = await platform.until(
            DEPLOYMENT, "web", lambda d: (d["status"].get("availableReplicas") or 0) == 2
            and conditions(d).get("Progressing") == ("Unknown", "DeploymentPaused")
        )
        assert images(platform) == ["alpine:1"] * 2
        assert "updatedReplicas" not in paused["status"]
        await patch(platform, {"paused": False})
        await rolled(platform, ["alpine:2"] * 2)


async def test_recreate_ends_the_old_pods_first(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=2, strategy={"type": "Recreate"}))
        await platform.until(DEPLOYMENT, "web", complete)
        old = set(node.started)
        await patch(platform, template("alpine:2"))
        await rolled(platform, ["alpine:2"] * 2)
        assert {kill.uid for kill in node.killed} == old


async def test_what_never_gets_ready_times_out_and_keeps_the_old(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=2, progressDeadlineSeconds=1))
        await platform.until(DEPLOYMENT, "web", complete)
        node.deaf = True
        await patch(platform, template("alpine:2"))
        late = await platform.until(
            DEPLOYMENT, "web",
            lambda d: conditions(d).get("Progressing") == ("False", "ProgressDeadlineExceeded"), within=10,
        )
    assert conditions(late)["Available"] == ("True", "MinimumReplicasAvailable")
    assert late["status"]["availableReplicas"] == 2


async def test_old_revisions_beyond_the_limit_go(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(DEPLOYMENT, deployment(replicas=1, revisionHistoryLimit=1))
        await platform.until(DEPLOYMENT, "web", complete)
        for number in (2, 3, 4):
            await patch(platform, template(f"alpine:{number}"))
            await rolled(platform, [f"alpine:{number}"])
        await eventually(lambda: set(sets(platform)) == {"3", "4"})


async def test_an_orphan_is_adopted_and_one_that_fits_no_more_released(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        spec = {"restartPolicy": "Always", "containers": [{"name": "main", "image": "alpine:1"}]}
        bare = {"metadata": {"name": "bare", "labels": {"app": "web"}}, "spec": spec}
        await platform.create(POD, bare)
        template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
        selector = {"matchLabels": {"app": "web"}}
        await platform.create(REPLICA_SET, {
            "metadata": {"name": "rs"}, "spec": {"replicas": 1, "selector": selector, "template": template}
        })
        await platform.until(POD, "bare", lambda p: bool(p["metadata"].get("ownerReferences")))
        await platform.until(REPLICA_SET, "rs", lambda r: (r.get("status") or {}).get("readyReplicas") == 1)
        assert len(images(platform)) == 1
        change = {"metadata": {"labels": {"app": "other"}}}
        await platform.client.patch(POD, "bare", "default", change, "merge")
        await platform.until(POD, "bare", lambda p: not p["metadata"].get("ownerReferences"))
        await eventually(lambda: len(images(platform)) == 2)
