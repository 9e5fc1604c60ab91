"""How many replicas an autoscaler wants: from measures to a proposal, from proposals to a size that its
behaviour allows. Pure.

Called by `autoscalers`. Source: kubernetes pkg/controller/podautoscaler/{replica_calculator,horizontal}.go.
Without a `behavior` upstream's defaults count: up at once by at most 4 Pods or 100 % in 15 seconds, down
after five minutes of agreement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pinnace.controllers.moment import unix
from pinnace.controllers.workloads import pods
from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj

TOLERANCE = 0.1
WARMING = 300.0
"""Seconds after its start in which a Pod's CPU counts only while it is ready."""
FIRST_READY = 30.0
UP: Obj = {
    "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15},
                 {"type": "Percent", "value": 100, "periodSeconds": 15}],
}
DOWN: Obj = {
    "stabilizationWindowSeconds": 300, "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
WITHIN = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")


class Unmeasured(Exception):
    """A metric that cannot be had. `reason` is its condition's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Usage(msgspec.Struct, frozen=True):
    """Of a Pod: what its containers use, in cores and bytes; `since` is where the measure begins (unix)."""

    containers: Mapping[str, Mapping[str, float]]
    since: float = 0.0


class Proposal(msgspec.Struct, frozen=True):
    """`name` as the events say it; `current` for the status."""

    replicas: int
    name: str
    current: Obj


class History(msgspec.Struct):
    """What an autoscaler remembers: (unix time, replicas or change)."""

    wanted: list[tuple[float, int]] = []
    ups: list[tuple[float, int]] = []
    downs: list[tuple[float, int]] = []

    def happened(self, now: float, before: int, after: int) -> None:
        if after != before:
            (self.ups if after > before else self.downs).append((now, abs(after - before)))


def propose(
    metric: Obj, current: int, owned: Sequence[Obj], usage: Mapping[str, Usage], now: float
) -> Proposal:
    """Raises Unmeasured. `usage` by Pod name."""
    kind = metric.get("type", "")
    if kind not in ("Resource", "ContainerResource"):
        words = f"unable to fetch metrics from custom metrics API: no {kind} metrics are gathered here"
        raise Unmeasured(f"FailedGet{kind}Metric", words)
    source = metric[kind[0].lower() + kind[1:]]
    name, container, target = source["name"], source.get("container", ""), source["target"]
    try:
        return _of_resource(name, container, target, current, _Groups(name, container, owned, usage, now))
    except Unmeasured as error:
        raise Unmeasured(f"FailedGet{kind}Metric", f"failed to get {name} {_kind(target)}: {error}") from None


def _kind(target: Obj) -> str:
    return "utilization" if target.get("averageUtilization") is not None else "usage"


class _Groups:
    """Pods by what their measures are worth."""

    def __init__(
        self, name: str, container: str, owned: Sequence[Obj], usage: Mapping[str, Usage], now: float
    ) -> None:
        self.name, self.container = name, container
        self.measured: dict[str, float] = {}
        self.unready: set[str] = set()
        self.missing: set[str] = set()
        self.pods = {pod["metadata"]["name"]: pod for pod in owned if pods.active(pod)}
        if not self.pods:
            raise Unmeasured("", "no pods returned by selector while calculating replica count")
        for key, pod in self.pods.items():
            self._sort(key, pod, usage.get(key), now)
        if not self.measured and not self.unready:
            raise Unmeasured("", f"unable to get metrics for resource {name}: no metrics returned from "
                             "resource metrics API")
        if not self.measured:
            raise Unmeasured("", "did not receive metrics for targeted pods (pods might be unready)")

    def _sort(self, key: str, pod: Obj, usage: Usage | None, now: float) -> None:
        if pods.phase(pod) == "Pending":
            self.unready.add(key)
        elif usage is None:
            self.missing.add(key)
        elif self.name == "cpu" and _cold(pod, usage, now):
            self.unready.add(key)
        else:
            found = [
                each.get(self.name, 0.0) for container, each in usage.containers.items()
                if self.container in ("", container)
            ]
            self.measured[key] = sum(found)

    def requests(self) -> dict[str, float]:
        return {key: self._request(pod) for key, pod in self.pods.items()}

    def _request(self, pod: Obj) -> float:
        total = 0.0
        for each in pod["spec"]["containers"]:
            if self.container not in ("", each["name"]):
                continue
            asked = ((each.get("resources") or {}).get("requests") or {}).get(self.name)
            if asked is None:
                words = f"missing request for {self.name} in container {each['name']} of Pod "
                raise Unmeasured("", words + pod["metadata"]["name"])
            total += float(quantity.parse(asked))
        return total


def _cold(pod: Obj, usage: Usage, now: float) -> bool:
    """Is its CPU that of its start, which says nothing of its load?"""
    found, began = pods.condition(pod, "Ready"), unix((pod.get("status") or {}).get("startTime"))
    if found is None or not began:
        return True
    changed, unready = unix(found.get("lastTransitionTime")), found["status"] == "False"
    if began + WARMING > now:
        return unready or usage.since < changed
    return unready and began + FIRST_READY > changed


def _of_resource(name: str, container: str, target: Obj, current: int, groups: _Groups) -> Proposal:
    percent = target.get("averageUtilization")
    whole = groups.requests() if percent is not None else dict.fromkeys(groups.pods, 1.0)
    wanted = percent / 100 if percent is not None else float(quantity.parse(target["averageValue"]))
    measured = groups.measured
    asked = sum(whole[key] for key in measured)
    ratio = sum(measured.values()) / (asked * wanted) if asked and wanted else 1.0
    average = sum(measured.values()) / len(measured)
    said: Obj = {"averageValue": _amount(name, average)}
    if percent is not None:
        said["averageUtilization"] = int(sum(measured.values()) * 100 / asked) if asked else 0
    status: Obj = {"name": name, "current": said}
    if container:
        status["container"] = container
    place = "containerResource" if container else "resource"
    words = f"{name} {'container ' if container else ''}resource utilization (percentage of request)"
    if percent is None:
        words = f"{name} {'container ' if container else ''}resource"
    replicas = _replicas(ratio, current, groups, whole, wanted, percent)
    return Proposal(replicas, words, {"type": place[0].upper() + place[1:], place: status})


def _replicas(
    ratio: float, current: int, groups: _Groups, whole: Mapping[str, float], wanted: float,
    percent: int | None,
) -> int:
    """Pods without a measure dampen every change: they count against its direction."""
    rising = bool(groups.unready) and ratio > 1
    if not rising and not groups.missing:
        near = abs(1 - ratio) <= TOLERANCE
        return current if near else math.ceil(round(ratio * len(groups.measured), 6))
    filled = dict(groups.measured)
    if ratio < 1:
        level = max(1.0, wanted) if percent is not None else wanted
        filled |= {key: whole[key] * level for key in groups.missing}
    elif ratio > 1:
        filled |= dict.fromkeys(groups.missing, 0.0)
    if rising:
        filled |= dict.fromkeys(groups.unready, 0.0)
    asked = sum(whole[key] for key in filled)
    again = sum(filled.values()) / (asked * wanted) if asked and wanted else 1.0
    if abs(1 - again) <= TOLERANCE or (ratio < 1 < again) or (ratio > 1 > again):
        return current
    replicas = math.ceil(round(again * len(filled), 6))
    return current if (again < 1 and replicas > current) or (again > 1 and replicas < current) else replicas


def _amount(name: str, value: float) -> str:
    return f"{math.ceil(value * 1000)}m" if name == "cpu" else str(int(value))


# Behaviour ----------------------------------------------------------------------------------------------


class Verdict(msgspec.Struct, frozen=True):
    """`able` and `limited` are (status, reason, message) of the conditions AbleToScale and ScalingLimited."""

    replicas: int
    able: tuple[str, str, str]
    limited: tuple[str, str, str]


def rules(spec: Obj, way: str) -> Obj:
    """Of `scaleUp` or `scaleDown`, completed."""
    defaults = UP if way == "scaleUp" else DOWN
    given: dict[str, Any] = (spec.get("behavior") or {}).get(way) or {}
    return {**defaults, **{key: value for key, value in given.items() if value is not None}}


def limit(spec: Obj, current: int, desired: int, history: History, now: float) -> Verdict:
    """The size that is taken, of the size that is wanted."""
    settled, able = _stabilised(spec, current, desired, history, now)
    least = int(spec.get("minReplicas") or 1)
    most = int(spec["maxReplicas"])
    if settled > current:
        bound = _up_limit(rules(spec, "scaleUp"), current, history, now)
        ceiling = min(max(bound, current), most)
        if settled > ceiling:
            words = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale "
                     "rate") if ceiling < most else ("TooManyReplicas", "the desired replica count is more "
                     "than the maximum replica count")
            return Verdict(ceiling, able, ("True", *words))
    elif settled < current:
        bound = _down_limit(rules(spec, "scaleDown"), current, history, now)
        floor = max(min(bound, current), least)
        if settled < floor:
            words = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum "
                     "scale rate") if floor > least else ("TooFewReplicas", "the desired replica count is "
                     "less than the minimum replica count")
            return Verdict(floor, able, ("True", *words))
    return Verdict(min(max(settled, least), most), able, WITHIN)


def _stabilised(
    spec: Obj, current: int, desired: int, history: History, now: float
) -> tuple[int, tuple[str, str, str]]:
    """Up only as far as all recent recommendations agree, and down likewise."""
    up = float(rules(spec, "scaleUp").get("stabilizationWindowSeconds") or 0)
    down = float(rules(spec, "scaleDown").get("stabilizationWindowSeconds") or 0)
    recent = history.wanted
    highest = max([desired, *(size for at, size in recent if at > now - down)])
    lowest = min([desired, *(size for at, size in recent if at > now - up)])
    history.wanted = [one for one in recent if one[0] > now - max(up, down)] + [(now, desired)]
    settled = min(max(current, lowest), highest)
    if settled == desired:
        return settled, ("True", "ReadyForNewScale", "recommended size matches current size")
    if settled > desired:
        return settled, ("True", "ScaleDownStabilized", "recent recommendations were higher than current one,"
                         " applying the highest recent recommendation")
    return settled, ("True", "ScaleUpStabilized", "recent recommendations were lower than current one, "
                     "applying the lowest recent recommendation")


def _changed(events: list[tuple[float, int]], period: float, now: float) -> int:
    return sum(change for at, change in events if at > now - period)


def _start(current: int, period: float, history: History, now: float) -> int:
    """The size before what happened in the period."""
    return current - _changed(history.ups, period, now) + _changed(history.downs, period, now)


def _up_limit(rule: Obj, current: int, history: History, now: float) -> int:
    if rule.get("selectPolicy") == "Disabled":
        return current
    found = []
    for policy in rule["policies"]:
        start = _start(current, float(policy["periodSeconds"]), history, now)
        value = int(policy["value"])
        by_percent = math.ceil(start * (1 + value / 100))
        found.append(start + value if policy["type"] == "Pods" else by_percent)
    return min(found) if rule.get("selectPolicy") == "Min" else max(found)


def _down_limit(rule: Obj, current: int, history: History, now: float) -> int:
    if rule.get("selectPolicy") == "Disabled":
        return current
    found = []
    for policy in rule["policies"]:
        start = _start(current, float(policy["periodSeconds"]), history, now)
        value = int(policy["value"])
        found.append(start - value if policy["type"] == "Pods" else int(start * (1 - value / 100)))
    return max(found) if rule.get("selectPolicy") == "Min" else min(found)
