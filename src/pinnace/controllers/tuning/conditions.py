"""The condition lists of Katib's kinds: what changes last stands last, as `kubectl get` shows it.

Pure. Called by the three reconcilers. Source: pkg/apis/controller/*/v1beta1/util.go (setCondition).
"""

from __future__ import annotations

from collections.abc import Sequence

from pinnace.controllers.moment import stamp
from pinnace.kinds.resource import Obj

Conditions = list[Obj]


def marked(
    conditions: Sequence[Obj], kind: str, reason: str, message: str, now: float, status: str = "True"
) -> Conditions:
    """A new list in which the condition is so; the old one as it is when nothing changes."""
    before = next((each for each in conditions if each["type"] == kind), None)
    if before is not None and before["status"] == status and before.get("reason") == reason:
        return list(conditions)
    moment = stamp(now)
    unchanged = before is not None and before["status"] == status
    transition = before["lastTransitionTime"] if before is not None and unchanged else moment
    made = {
        "type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": moment,
        "lastTransitionTime": transition,
    }
    return [*(each for each in conditions if each["type"] != kind), made]


def lowered(conditions: Sequence[Obj], kind: str, now: float) -> Conditions:
    """The condition, if there is one, is no longer true; its reason stays."""
    found = next((each for each in conditions if each["type"] == kind), None)
    if found is None:
        return list(conditions)
    return marked(conditions, kind, found.get("reason") or "", found.get("message") or "", now, "False")


def without(conditions: Sequence[Obj], *kinds: str) -> Conditions:
    return [each for each in conditions if each["type"] not in kinds]
