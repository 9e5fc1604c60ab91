"""StatefulSets keep order, names and claims, DaemonSets one Pod on the Node: real store, fake node."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CLAIM, DAEMON_SET, NODE, POD, STATEFUL_SET
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.succession import REST
from pinnace.controllers.workloads.daemonsets import DaemonSets
from pinnace.controllers.workloads.statefulset import decide
from pinnace.controllers.workloads.statefulsets import StatefulSets
from pinnace.objects.client import DeleteOptions
from pinnace.store.interface import Event
from tests.controllers.house import House, eventually, house
from tests.controllers.nodes import FakeNode, running

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [
        StatefulSets(made.client), DaemonSets(made.client),
        Garbage(made.client, made.client.house.catalogue),
    ]


def workload(name: str = "db", image: str = "alpine:1", **spec: Any) -> dict[str, Any]:
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


def stateful(**spec: Any) -> dict[str, Any]:
    return workload(serviceName="db", **spec)


def claim(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def pods(made: House) -> dict[str, str]:
    found = made.store.list("pods", "default").items
    return {each["metadata"]["name"]: each["spec"]["containers"][0]["image"] for each in found}


def template(image: str) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}


def ready(count: int) -> Any:
    return lambda obj: (obj.get("status") or {}).get("readyReplicas", 0) == count


async def patch(made: House, spec: dict[str, Any]) -> None:
    await made.client.patch(STATEFUL_SET, "db", "default", {"spec": spec}, "strategic")


async def test_each_waits_for_the_one_before_it(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    node.deaf = True
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(STATEFUL_SET, stateful(replicas=3))
        await platform.until(POD, "db-0", lambda p: bool(p["spec"].get("nodeName")))
        assert list(pods(platform)) == ["db-0"]
        node.deaf = False
        node.cut()
        await platform.until(STATEFUL_SET, "db", ready(3))
        pod = await platform.get(POD, "db-2")
    assert pod["spec"]["hostname"] == "db-2"
    assert pod["spec"]["subdomain"] == "db"
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "2"
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-2"


async def test_parallel_starts_all_and_ordinals_may_begin_elsewhere(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    node.deaf = True
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(
            STATEFUL_SET, stateful(replicas=3, podManagementPolicy="Parallel", ordinals={"start": 5})
        )
        await platform.until(POD, "db-7", lambda p: True)
        assert list(pods(platform)) == ["db-5", "db-6", "db-7"]


async def test_an_update_goes_from_the_end_down_to_the_partition(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(STATEFUL_SET, stateful(replicas=3))
        first = await platform.until(STATEFUL_SET, "db", ready(3))
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
        await patch(platform, {"updateStrategy": rolling, **template("alpine:2")})
        await eventually(
            lambda: list(pods(platform).values()) == ["alpine:1", "alpine:1", "alpine:2"]
        )
        half = await platform.until(
            STATEFUL_SET, "db", lambda s: s["status"].get("updatedReplicas") == 1 and ready(3)(s)
        )
        assert half["status"]["currentRevision"] == first["status"]["currentRevision"]
        assert half["status"]["updateRevision"] != half["status"]["currentRevision"]
        rolling["rollingUpdate"] = {"partition": 0}
        await patch(platform, {"updateStrategy": rolling})
        done = await platform.until(
            STATEFUL_SET, "db", lambda s: s["status"]["currentRevision"] == s["status"]["updateRevision"]
        )
        assert set(pods(platform).values()) == {"alpine:2"}
        assert done["status"]["currentReplicas"] == 3
        await patch(platform, template("alpine:1"))
        await eventually(lambda: set(pods(platform).values()) == {"alpine:1"})
        history = platform.store.list("controllerrevisions.apps", "default").items
    assert sorted(each["revision"] for each in history) == [2, 3]


async def test_on_delete_waits_for_somebody_to_delete(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(STATEFUL_SET, stateful(replicas=2, updateStrategy={"type": "OnDelete"}))
        await platform.until(STATEFUL_SET, "db", ready(2))
        await patch(platform, template("alpine:2"))
        await platform.until(STATEFUL_SET, "db", lambda s: s["status"]["observedGeneration"] == 2)
        await platform.client.delete(POD, "db-0", "default")
        await eventually(lambda: pods(platform) == {"db-0": "alpine:2", "db-1": "alpine:1"})


async def test_claims_stay_or_go_as_the_policy_says(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
        await platform.create(STATEFUL_SET, stateful(
            replicas=0, volumeClaimTemplates=[claim("data")], persistentVolumeClaimRetentionPolicy=policy
        ))
        for place in (0, 1):
            await platform.create(CLAIM, claim(f"data-db-{place}"))
            found = await platform.get(CLAIM, f"data-db-{place}")
            await platform.client.update(CLAIM, {**found, "status": {"phase": "Bound"}}, "default",
                                         _status())
        await patch(platform, {"replicas": 2})
        await platform.until(STATEFUL_SET, "db", ready(2))
        pod = await platform.get(POD, "db-1")
        assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-db-1"
        await patch(platform, {"replicas": 1})
        await platform.gone(CLAIM, "data-db-1")
        await platform.client.delete(STATEFUL_SET, "db", "default")
        await platform.gone(POD, "db-0")
        assert await platform.get(CLAIM, "data-db-0")


def _status() -> Any:
    from pinnace.objects.client import Options

    return Options(subresource="status")


async def test_a_failed_pod_comes_again(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(STATEFUL_SET, stateful(replicas=1))
        await platform.until(STATEFUL_SET, "db", ready(1))
        node.finish(node.started[0], 1)
        await eventually(lambda: len(node.started) == 2)
        await platform.until(STATEFUL_SET, "db", ready(1))
    assert running(node.runs[node.started[1]]).phase == "Running"


def test_scaling_down_waits_for_an_unhealthy_one_unless_it_goes_itself() -> None:
    def pod(place: int, ok: bool) -> dict[str, Any]:
        state = {"type": "Ready", "status": "True" if ok else "False"}
        return {
            "metadata": {"name": f"db-{place}", "labels": {"controller-revision-hash": "r"}},
            "spec": {}, "status": {"phase": "Running", "conditions": [state]},
        }

    owner = {"metadata": {"name": "db", "uid": "u"}, "spec": stateful(replicas=1)["spec"]}
    assert [p["metadata"]["name"] for p in decide(owner, [pod(n, True) for n in range(3)], "r", 0).end] == [
        "db-2"
    ]
    assert decide(owner, [pod(0, False), pod(1, True)], "r", 0).end == []
    assert decide(owner, [pod(0, True), pod(1, False), pod(2, True)], "r", 0).end[0]["metadata"]["name"] == (
        "db-2"
    )


async def test_a_daemon_runs_once_and_rolls(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(NODE, {"metadata": {"name": "pinnace"}}, "")
        await platform.create(DAEMON_SET, workload("agent"))
        first = await platform.until(
            DAEMON_SET, "agent", lambda d: (d.get("status") or {}).get("numberAvailable") == 1
        )
        assert len(pods(platform)) == 1
        change = {"spec": template("alpine:2")}
        await platform.client.patch(DAEMON_SET, "agent", "default", change, "strategic")
        await eventually(lambda: list(pods(platform).values()) == ["alpine:2"])
        taint = {"spec": {"taints": [{"key": "mine", "effect": "NoExecute"}]}}
        await platform.client.patch(NODE, "pinnace", "", taint, "merge")
        await platform.until(DAEMON_SET, "agent", lambda d: d["status"]["desiredNumberScheduled"] == 0)
        await eventually(lambda: not pods(platform))
    assert first["status"]["desiredNumberScheduled"] == 1



async def test_a_name_rests_before_its_successor(tmp_path: Path) -> None:
    """kubectl's wait for a deletion reads, then lists by name: it must find nothing there in between."""
    moments: list[tuple[str, float]] = []

    def note(events: Sequence[Event]) -> None:
        turns = [each.type for each in events if each.name == "db-0" and each.type != "MODIFIED"]
        moments.extend((turn, time.monotonic()) for turn in turns)

    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(STATEFUL_SET, stateful(replicas=1))
        await platform.until(STATEFUL_SET, "db", ready(1))
        platform.client.listen(note)
        await platform.client.delete(POD, "db-0", "default", DeleteOptions(grace_seconds=0))
        await eventually(lambda: len(moments) == 2)
    (gone, at), (back, later) = moments
    assert (gone, back) == ("DELETED", "ADDED")
    assert later - at >= REST * 0.9
