"""A Node that is cordoned or tainted keeps Pods away, or sends them away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import NODE, POD
from pinnace.controllers.core.machine import Facts, Machine
from pinnace.controllers.core.taints import Taints, stay
from pinnace.kinds.placement import fits, tolerates
from tests.controllers.house import House, house
from tests.controllers.nodes import FakeNode

pytestmark = pytest.mark.anyio
TAINT = {"key": "only", "value": "mine", "effect": "NoExecute"}


def controllers(made: House) -> list[Any]:
    return [Machine(made.client, lambda: Facts(connected=True)), Taints(made.client)]


def unscheduled(pod: dict[str, Any]) -> str:
    found = (pod.get("status") or {}).get("conditions") or ()
    return str(next((c.get("message", "") for c in found if c["status"] == "False"), ""))


async def change(platform: House, spec: dict[str, Any]) -> None:
    await platform.client.patch(NODE, "pinnace", "", {"spec": spec}, "merge")


async def test_a_cordoned_node_takes_no_pod_until_it_is_uncordoned(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.until(NODE, "pinnace", lambda n: True, namespace="")
        await change(platform, {"unschedulable": True})
        node = await platform.until(NODE, "pinnace", lambda n: bool(n["spec"].get("taints")), namespace="")
        assert node["spec"]["taints"][0]["key"] == "node.kubernetes.io/unschedulable"
        await platform.pod("waits")
        await platform.until(POD, "waits", lambda p: "1 node(s) were unschedulable" in unscheduled(p))
        await change(platform, {"unschedulable": False})
        await platform.phase("waits", "Running")


async def test_a_taint_sends_away_who_does_not_tolerate_it(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.until(NODE, "pinnace", lambda n: True, namespace="")
        await platform.pod("goes")
        toleration = {"key": "only", "operator": "Equal", "value": "mine", "effect": "NoExecute"}
        await platform.pod("stays", tolerations=[toleration])
        for name in ("goes", "stays"):
            await platform.phase(name, "Running")
        await change(platform, {"taints": [TAINT]})
        await platform.gone(POD, "goes")
        await platform.pod("late")
        words = "1 node(s) had untolerated taint {only: mine}"
        await platform.until(POD, "late", lambda p: words in unscheduled(p))
        assert (await platform.get(POD, "stays"))["status"]["phase"] == "Running"


def test_tolerations_match_as_upstream_says() -> None:
    assert tolerates([{"operator": "Exists"}], TAINT)
    assert tolerates([{"key": "only", "operator": "Exists"}], TAINT)
    assert tolerates([{"key": "only", "value": "mine"}], TAINT)
    assert not tolerates([{"key": "only", "value": "yours"}], TAINT)
    assert not tolerates([{"key": "only", "operator": "Exists", "effect": "NoSchedule"}], TAINT)
    assert not tolerates([{"value": "mine"}], TAINT)


def test_tolerance_for_a_while_ends() -> None:
    pod = {"spec": {"tolerations": [{"key": "only", "operator": "Exists", "tolerationSeconds": 10}]}}
    taint = {**TAINT, "timeAdded": "1970-01-01T00:01:40Z"}
    assert stay(pod, [taint], 104.0) == 6.0
    assert stay(pod, [taint], 111.0) == 0.0
    assert stay({"spec": {}}, [], 0.0) is None


def test_required_affinity() -> None:
    def spec(*expressions: dict[str, Any]) -> dict[str, Any]:
        terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        return {"affinity": {"nodeAffinity": required}}

    labels = {"disk": "ssd", "cores": "8"}
    assert fits("n", labels, spec({"key": "disk", "operator": "In", "values": ["ssd"]}))
    assert fits("n", labels, spec({"key": "cores", "operator": "Gt", "values": ["4"]}))
    assert not fits("n", labels, spec({"key": "cores", "operator": "Lt", "values": ["4"]}))
    assert not fits("n", labels, spec({"key": "gpu", "operator": "Exists"}))
    assert fits("n", labels, spec({"key": "gpu", "operator": "DoesNotExist"}))
