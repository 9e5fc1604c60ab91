"""The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure.

Pure; called by `deployments`. Source: kubernetes pkg/controller/deployment/{sync,progress}.go. A condition
keeps its lastTransitionTime while its status stays; Progressing moves its lastUpdateTime at each sign of
progress, from which the deadline counts.
"""

from __future__ import annotations

from typing import Any

from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.workloads import pods, rollout
from pinnace.controllers.workloads.deployment import Step, asked, serving
from pinnace.kinds.resource import Obj

NO_DEADLINE = 2147483647
AVAILABLE, TIMED_OUT = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
CREATED, FOUND, UPDATED = "NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"
COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


def described(deployment: Obj, step: Step, now: float, collisions: int | None = None) -> Obj:
    """The status after the step; `collisions` if a name was taken."""
    before = deployment.get("status") or {}
    status = _counts(deployment, step)
    if collisions is None:
        collisions = before.get("collisionCount")
    if collisions is not None:
        status["collisionCount"] = collisions
    conditions = _Conditions(before.get("conditions") or [], now)
    if not pods.leaving(deployment):
        _pausing(deployment, conditions)
        _available(deployment, status, conditions)
        _progressing(deployment, step, status, conditions, now)
        _failing(step, conditions)
    if conditions.kept:
        status["conditions"] = conditions.kept
    return {key: value for key, value in status.items() if value or key not in COUNTS}


def complete(deployment: Obj, status: Obj) -> bool:
    desired = rollout.bounds(deployment["spec"]).desired
    counts = [int(status.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    observed = int(status.get("observedGeneration") or 0)
    return counts == [desired] * 3 and observed >= int(deployment["metadata"].get("generation") or 0)


def deadline(deployment: Obj) -> int | None:
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds is None or seconds == NO_DEADLINE else int(seconds)


def check_in(deployment: Obj, status: Obj, now: float) -> float | None:
    """Seconds until a rollout that shows no progress has to be looked at."""
    seconds, condition = deadline(deployment), pods.condition({"status": status}, "Progressing")
    if seconds is None or condition is None or deployment["spec"].get("paused"):
        return None
    if complete(deployment, status) or condition["reason"] in (TIMED_OUT, AVAILABLE):
        return None
    return max(0.0, unix(condition["lastUpdateTime"]) + seconds - now) + 1.0


class _Conditions:
    def __init__(self, kept: list[Any], now: float) -> None:
        self.kept = list(kept)
        self.moment = stamp(now)

    def get(self, kind: str) -> Obj | None:
        return next((each for each in self.kept if each["type"] == kind), None)

    def drop(self, kind: str) -> None:
        self.kept = [each for each in self.kept if each["type"] != kind]

    def put(self, kind: str, status: str, reason: str, message: str, *, again: bool = False) -> None:
        """Nothing for one of the same status and reason, unless it is news `again`."""
        old = self.get(kind)
        if old and not again and (old["status"], old["reason"]) == (status, reason):
            return
        since = old["lastTransitionTime"] if old and old["status"] == status else self.moment
        self.drop(kind)
        self.kept.append({
            "type": kind, "status": status, "lastUpdateTime": self.moment, "lastTransitionTime": since,
            "reason": reason, "message": message,
        })


def _counts(deployment: Obj, step: Step) -> Obj:
    sets = step.sets
    found = {name: sum(int((one.get("status") or {}).get(name) or 0) for one in sets)
             for name in ("replicas", "readyReplicas", "availableReplicas")}
    total = sum(asked(one) for one in sets)
    return {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **found,
        "updatedReplicas": int(((step.new or {}).get("status") or {}).get("replicas") or 0),
        "unavailableReplicas": max(0, total - sum(serving(one) for one in sets)),
    }


def _pausing(deployment: Obj, conditions: _Conditions) -> None:
    present = conditions.get("Progressing")
    if deadline(deployment) is None or (present and present["reason"] == TIMED_OUT):
        return
    was = bool(present and present["reason"] == PAUSED)
    if deployment["spec"].get("paused") and not was:
        conditions.put("Progressing", "Unknown", PAUSED, "Deployment is paused")
    elif not deployment["spec"].get("paused") and was:
        conditions.put("Progressing", "Unknown", RESUMED, "Deployment is resumed")


def _available(deployment: Obj, status: Obj, conditions: _Conditions) -> None:
    least = rollout.bounds(deployment["spec"]).least
    if status["availableReplicas"] >= least:
        text = "Deployment has minimum availability."
        conditions.put("Available", "True", "MinimumReplicasAvailable", text)
    else:
        text = "Deployment does not have minimum availability."
        conditions.put("Available", "False", "MinimumReplicasUnavailable", text)


def _progressing(
    deployment: Obj, step: Step, status: Obj, conditions: _Conditions, now: float
) -> None:
    if deadline(deployment) is None:
        conditions.drop("Progressing")
        return
    if deployment["spec"].get("paused"):
        return
    name = f'"{step.new["metadata"]["name"]}"' if step.new else ""
    if step.create is not None:
        conditions.put("Progressing", "True", CREATED, f"Created new replica set {name}")
    elif step.found:
        conditions.put("Progressing", "True", FOUND, f"Found new replica set {name}")
    present = conditions.get("Progressing")
    settled = status["replicas"] == status["updatedReplicas"]
    if settled and present and present["reason"] == AVAILABLE:
        return
    whose = f"ReplicaSet {name}" if step.new else f'Deployment "{deployment["metadata"]["name"]}"'
    if complete(deployment, status):
        conditions.put("Progressing", "True", AVAILABLE, f"{whose} has successfully progressed.")
    elif _moved(deployment.get("status") or {}, status):
        conditions.put("Progressing", "True", UPDATED, f"{whose} is progressing.", again=True)
    elif present and _timed_out(deployment, present, now):
        conditions.put("Progressing", "False", TIMED_OUT, f"{whose} has timed out progressing.")


def _moved(before: Obj, after: Obj) -> bool:
    def was(name: str) -> int:
        return int(before.get(name) or 0)

    old = after["replicas"] - after["updatedReplicas"]
    return bool(
        after["updatedReplicas"] > was("updatedReplicas")
        or old < was("replicas") - was("updatedReplicas")
        or after["readyReplicas"] > was("readyReplicas")
        or after["availableReplicas"] > was("availableReplicas")
    )


def _timed_out(deployment: Obj, progressing: Obj, now: float) -> bool:
    seconds = deadline(deployment)
    if seconds is None or progressing["reason"] == AVAILABLE:
        return False
    return progressing["reason"] == TIMED_OUT or unix(progressing["lastUpdateTime"]) + seconds < now


def _failing(step: Step, conditions: _Conditions) -> None:
    """A ReplicaSet that cannot make its Pods says so in the Deployment, the new one first."""
    for one in (*([step.new] if step.new else ()), *step.old):
        if found := pods.condition(one, "ReplicaFailure"):
            conditions.put("ReplicaFailure", found["status"], found["reason"], found.get("message", ""))
            return
    conditions.drop("ReplicaFailure")
