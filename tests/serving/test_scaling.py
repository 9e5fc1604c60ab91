"""Replicas by load, as Knative's autoscaler counts; pure."""

from __future__ import annotations

from typing import Any

from pinnace.controllers.serving.scaling import Demand, Load, demand
from pinnace.gateway.interface import Statistics
from pinnace.kinds.resource import Obj


def isvc(**notes: str) -> Obj:
    given = {f"autoscaling.knative.dev/{name.replace('_', '-')}": value for name, value in notes.items()}
    return {"metadata": {"name": "a", "namespace": "b", "annotations": given}, "spec": {}}


def wants(component: Obj, **notes: str) -> Demand:
    found = demand(isvc(**notes), component)
    assert found is not None
    return found


def under(
    load: float, seconds: int, of: Demand, *, ready: int = 1, begin: Load | None = None
) -> tuple[Load, int]:
    state = begin or Load()
    count = 0
    start = state.samples[-1][0] + 1 if state.samples else 0.0
    for second in range(seconds):
        state.take(Statistics(active=int(load)), of, start + second)
        count = state.wanted(of, ready, start + second)
    return state, count


def test_a_service_that_says_nothing_of_load_is_not_scaled() -> None:
    assert demand(isvc(), {}) is None
    assert demand(isvc(), {"minReplicas": 2, "maxReplicas": 2, "scaleTarget": 3}) is None


def test_the_target_is_the_manifest_s_within_the_hard_limit_and_seventy_percent_of_it() -> None:
    assert wants({"scaleTarget": 10, "maxReplicas": 4}).target == 7.0
    assert wants({"containerConcurrency": 2, "maxReplicas": 4}).target == 1.4
    assert wants({"scaleTarget": 50, "containerConcurrency": 10, "maxReplicas": 4}).target == 7.0
    assert wants({"maxReplicas": 4}, target="20", target_utilization_percentage="100").target == 20.0
    assert wants({"scaleMetric": "rps", "maxReplicas": 4}).target == 140.0


def test_replicas_follow_the_mean_of_the_window() -> None:
    of = wants({"scaleTarget": 10, "maxReplicas": 4}, window="10s")
    _, count = under(13, 10, of)
    assert count == 2
    _, count = under(0, 10, of, ready=4)
    assert count == 2, "halves at most, step by step"


def test_a_burst_is_panic_and_panic_never_shrinks() -> None:
    of = wants({"scaleTarget": 10, "maxReplicas": 9}, window="60s")
    state, _ = under(1, 50, of)
    state, count = under(60, 8, of, begin=state)
    assert count >= 8, "six seconds of a burst are enough"
    state, count = under(1, 20, of, begin=state, ready=9)
    assert count >= 8
    _, count = under(1, 120, of, begin=state, ready=2)
    assert count == 1


def test_requests_per_second_are_differences_of_the_counter() -> None:
    of = wants({"scaleMetric": "rps", "scaleTarget": 10, "maxReplicas": 9}, window="10s")
    state, total, count = Load(), 0, 0
    for second in range(12):
        state.take(Statistics(requests=total), of, float(second))
        count = state.wanted(of, 2, float(second))
        total += 20
    assert count == 3


def test_a_delay_keeps_the_greatest_wish() -> None:
    of: Any = wants({"scaleTarget": 10, "maxReplicas": 9}, window="6s", scale_down_delay="30s")
    state, _ = under(21, 10, of, ready=2)
    _, count = under(0, 20, of, begin=state, ready=1)
    assert count >= 3
