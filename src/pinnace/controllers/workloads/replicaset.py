"""What a ReplicaSet wants next: a pure function from it and its Pods to Pods to make and Pods to end.

Called by `replicasets`. Source of the rules: kubernetes pkg/controller/replicaset and the ranking of
pkg/controller/controller_utils.go (ActivePodsWithRanks; with one node all its ranks are equal).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from pinnace.controllers.moment import stamp
from pinnace.controllers.workloads import pods
from pinnace.kinds.resource import Obj

COST = "controller.kubernetes.io/pod-deletion-cost"
BURST = 500
"""Pods made or ended in one step."""
FAILURE = "ReplicaFailure"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
Rank = tuple[bool, int, bool, int, int, int, int, str]


class Decision(msgspec.Struct):
    create: int = 0
    end: list[Obj] = []
    wait: float | None = None
    """Seconds until a Pod that is ready counts as available."""


def decide(replica_set: Obj, active: Sequence[Obj], now: float) -> Decision:
    """`active`: its Pods that are neither over nor leaving."""
    spec, result = replica_set["spec"], Decision()
    waits = [pods.available_in(pod, minimum(spec), now) for pod in active]
    pending = [wait for wait in waits if 0 < wait < pods.NEVER]
    result.wait = min(pending, default=None)
    if pods.leaving(replica_set):
        return result
    missing = wanted(spec) - len(active)
    if missing > 0:
        result.create = min(missing, BURST)
    elif missing < 0:
        result.end = expendable(active, now)[: min(-missing, BURST)]
    return result


def wanted(spec: Obj) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def minimum(spec: Obj) -> int:
    return int(spec.get("minReadySeconds") or 0)


def expendable(active: Sequence[Obj], now: float) -> list[Obj]:
    """In the order in which they go: what serves least and cost least to make comes first."""
    return sorted(active, key=lambda pod: _rank(pod, now))


def _rank(pod: Obj, now: float) -> Rank:
    since = pods.ready_since(pod)
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.get(pods.phase(pod), 1),
        pods.ready(pod),
        cost(pod),
        _age(since, now) if since else 0,
        -pods.restarts(pod),
        _age(pods.created(pod), now),
        pod["metadata"].get("uid", ""),
    )


def _age(since: float, now: float) -> int:
    """On a logarithmic scale, so that Pods of about one age are alike; −1 for less than a second."""
    seconds = now - since
    return int(math.log2(seconds)) if seconds >= 1 else -1


def cost(pod: Obj) -> int:
    """Of `controller.kubernetes.io/pod-deletion-cost`; what is no number counts as 0."""
    text = (pod["metadata"].get("annotations") or {}).get(COST, "0")
    try:
        value = int(text)
    except ValueError:
        return 0
    return value if -(1 << 31) <= value < 1 << 31 else 0


def described(replica_set: Obj, active: Sequence[Obj], now: float, failure: tuple[str, str] | None) -> Obj:
    """The status. `failure`: reason and message of the step that was refused."""
    spec, before = replica_set["spec"], replica_set.get("status") or {}
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    least = minimum(spec)
    status: Obj = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(_labelled(pod, labels) for pod in active),
        "readyReplicas": sum(pods.ready(pod) for pod in active),
        "availableReplicas": sum(pods.available_in(pod, least, now) == 0 for pod in active),
        "observedGeneration": replica_set["metadata"].get("generation", 0),
    }
    status = {key: value for key, value in status.items() if value or key == "replicas"}
    conditions = [each for each in before.get("conditions") or () if each["type"] != FAILURE]
    if failure is not None:
        known = pods.condition(replica_set, FAILURE)
        conditions.append(known if known and known["reason"] == failure[0] else {
            "type": FAILURE, "status": "True", "reason": failure[0], "message": failure[1],
            "lastTransitionTime": stamp(now),
        })
    return {**status, "conditions": conditions} if conditions else status


def _labelled(pod: Obj, labels: dict[str, str]) -> bool:
    has = pod["metadata"].get("labels") or {}
    return all(has.get(key) == value for key, value in labels.items())
