"""The conditions of a training job, kept as upstream keeps them.

Pure. Source: kubeflow/training-operator pkg/util/status.go. Running and Restarting exclude each other; what
changes moves to the end (SDKs show the last one); nothing changes after Failed.
"""

from __future__ import annotations

from pinnace.controllers.moment import stamp
from pinnace.kinds.resource import Obj

CREATED, RUNNING, RESTARTING = "Created", "Running", "Restarting"
SUCCEEDED, FAILED, SUSPENDED = "Succeeded", "Failed", "Suspended"
_EXCLUDES = {RUNNING: RESTARTING, RESTARTING: RUNNING}


def find(conditions: list[Obj], kind: str) -> Obj | None:
    return next((each for each in conditions if each["type"] == kind), None)


def holds(conditions: list[Obj], kind: str) -> bool:
    return (find(conditions, kind) or {}).get("status") == "True"


def finished(conditions: list[Obj]) -> bool:
    return holds(conditions, SUCCEEDED) or holds(conditions, FAILED)


def changed(
    conditions: list[Obj], kind: str, reason: str, message: str, now: float, *, true: bool = True
) -> list[Obj]:
    """The list with this condition in it; the same list if it says so already."""
    status = "True" if true else "False"
    known = find(conditions, kind)
    if holds(conditions, FAILED) or (known and (known["status"], known["reason"]) == (status, reason)):
        return conditions
    moment = stamp(now)
    since = known["lastTransitionTime"] if known and known["status"] == status else moment
    kept = [
        _ended(each) if kind in (SUCCEEDED, FAILED) else each
        for each in conditions
        if each["type"] not in (kind, _EXCLUDES.get(kind))
    ]
    return [*kept, {
        "type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": moment,
        "lastTransitionTime": since,
    }]


def _ended(condition: Obj) -> Obj:
    return {**condition, "status": "False"} if condition["type"] == RUNNING else condition
