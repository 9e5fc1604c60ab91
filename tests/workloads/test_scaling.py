"""Autoscalers: what measures propose, and what a behaviour makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pinnace.controllers.built_in import AUTOSCALER, DEPLOYMENT
from pinnace.controllers.controller import Key
from pinnace.controllers.moment import stamp
from pinnace.controllers.workloads.autoscalers import Autoscalers
from pinnace.controllers.workloads.deployments import Deployments
from pinnace.controllers.workloads.replicasets import ReplicaSets
from pinnace.controllers.workloads.scaling import History, Unmeasured, Usage, limit, propose
from tests.controllers.house import House, house
from tests.controllers.nodes import FakeNode

NOW = 1_000_000.0
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "100Mi"}}}


def pod(name: str, *, ready: bool = True, since: float = NOW - 1000, **requests: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": stamp(since)}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "resources": {"requests": requests or {"cpu": "100m"}}}]},
        "status": {"phase": "Running", "startTime": stamp(since), "conditions": [condition]},
    }


def uses(*cores: float, memory: float = 0.0) -> dict[str, Usage]:
    return {
        f"p{n}": Usage({"main": {"cpu": used, "memory": memory}}, NOW - 5) for n, used in enumerate(cores)
    }


def pods(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [pod(f"p{n}", **fields) for n in range(count)]


def test_the_measure_over_the_target_is_the_size() -> None:
    assert propose(CPU, 2, pods(2), uses(0.1, 0.1), NOW).replicas == 4
    assert propose(CPU, 2, pods(2), uses(0.02, 0.03), NOW).replicas == 1
    assert propose(CPU, 2, pods(2), uses(0.052, 0.052), NOW).replicas == 2
    said = propose(CPU, 2, pods(2), uses(0.1, 0.1), NOW).current["resource"]["current"]
    assert said == {"averageUtilization": 100, "averageValue": "100m"}


def test_memory_by_its_mean_value() -> None:
    proposal = propose(MEMORY, 2, pods(2), uses(0, 0, memory=150 * 2**20), NOW)
    assert proposal.replicas == 3
    assert proposal.name == "memory resource"


def test_pods_without_a_measure_dampen_the_change() -> None:
    assert propose(CPU, 3, pods(3), uses(0.2), NOW).replicas == 4
    assert propose(CPU, 2, pods(2), uses(0.01), NOW).replicas == 2
    cold = [pod("p0"), pod("p1", ready=False, since=NOW - 20)]
    assert propose(CPU, 2, cold, uses(0.1, 0.5), NOW).replicas == 2


def test_what_cannot_be_measured_says_why() -> None:
    with pytest.raises(Unmeasured, match="missing request for cpu in container main of Pod p0"):
        propose(CPU, 1, pods(1, memory="1Mi"), uses(0.1), NOW)
    with pytest.raises(Unmeasured, match="no metrics returned from resource metrics API"):
        propose(CPU, 1, pods(1), {}, NOW)
    with pytest.raises(Unmeasured) as failure:
        propose({"type": "External", "external": {}}, 1, pods(1), {}, NOW)
    assert failure.value.reason == "FailedGetExternalMetric"


def test_up_at_once_by_four_or_twofold_and_down_after_five_minutes() -> None:
    spec, history = {"maxReplicas": 50}, History()
    assert limit(spec, 1, 40, history, NOW).replicas == 5
    history.happened(NOW, 1, 5)
    again = limit(spec, 5, 40, history, NOW + 5)
    assert (again.replicas, again.limited[1]) == (5, "ScaleUpLimit")
    assert limit(spec, 5, 40, history, NOW + 16).replicas == 10
    held = limit(spec, 10, 2, history, NOW + 20)
    assert (held.replicas, held.able[1]) == (10, "ScaleDownStabilized")
    assert limit(spec, 10, 2, history, NOW + 400).replicas == 2


def test_a_policy_limits_the_way_down() -> None:
    down = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    spec, history = {"maxReplicas": 9, "behavior": {"scaleDown": down}}, History()
    first = limit(spec, 5, 1, history, NOW)
    assert (first.replicas, first.limited[1]) == (4, "ScaleDownLimit")
    history.happened(NOW, 5, 4)
    assert limit(spec, 4, 1, history, NOW + 30).replicas == 4
    assert limit(spec, 4, 1, history, NOW + 61).replicas == 3
    never = {"maxReplicas": 9, "behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
    assert limit(never, 4, 1, History(), NOW).replicas == 4


@given(some.integers(1, 20), some.integers(0, 60), some.integers(1, 5), some.integers(5, 20))
def test_the_size_stays_between_its_bounds(current: int, desired: int, least: int, most: int) -> None:
    spec = {"minReplicas": least, "maxReplicas": most, "behavior": {"scaleDown": {
        "stabilizationWindowSeconds": 0}}}
    current = min(max(current, least), most)
    size = limit(spec, current, desired, History(), NOW).replicas
    assert least <= size <= most
    assert (size - current) * (desired - current) >= 0


def available(count: int) -> Any:
    return lambda obj: (obj.get("status") or {}).get("availableReplicas", 0) == count


@pytest.mark.anyio
async def test_it_scales_what_it_names_and_says_so(tmp_path: Path) -> None:
    import time

    load = [0.5]

    async def measure(namespace: str, found: Any) -> dict[str, Usage]:
        used = {"main": {"cpu": load[0], "memory": 0.0}}
        return {each["metadata"]["name"]: Usage(used, time.time() + 1) for each in found}

    def controllers(made: House) -> list[Any]:
        kinds = made.client.house.catalogue
        return [Autoscalers(made.client, kinds, measure), Deployments(made.client), ReplicaSets(made.client)]

    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        container = {"name": "main", "image": "alpine", "resources": {"requests": {"cpu": "1"}}}
        await platform.create(DEPLOYMENT, {"metadata": {"name": "web"}, "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        }})
        await platform.until(DEPLOYMENT, "web", available(1))
        await platform.create(AUTOSCALER, {"metadata": {"name": "web"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 4, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 25}}}],
        }})
        await platform.until(DEPLOYMENT, "web", lambda d: d["spec"]["replicas"] == 2)
        up = await platform.until(AUTOSCALER, "web", lambda a: "conditions" in (a.get("status") or {}))
        await platform.until(DEPLOYMENT, "web", available(2))
        load[0] = 0.1
        platform.manager.enqueue("autoscalers", Key("default", "web"))
        await platform.until(DEPLOYMENT, "web", lambda d: d["spec"]["replicas"] == 1)
    reasons = {each["type"]: each["reason"] for each in up["status"]["conditions"]}
    assert reasons == {
        "AbleToScale": "SucceededRescale", "ScalingActive": "ValidMetricFound",
        "ScalingLimited": "DesiredWithinRange",
    }
    assert up["status"]["desiredReplicas"] == 2
