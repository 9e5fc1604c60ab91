"""How many replicas a revision has: fixed at minReplicas, and 0 ↔ 1 by need where that is 0.

Source of the rule for 0: knative/serving, stable window 60 s (`autoscaling.knative.dev/window`); a
revision must have been ready once before it may go to zero.
"""

from __future__ import annotations

import re

from pinnace.gateway.interface import Statistics
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

WINDOW = "autoscaling.knative.dev/window"
LOOK = 0.5
"""Seconds between two looks at a revision that may go to zero, or be needed again."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def least(isvc: Obj, component: Obj) -> int:
    """minReplicas of a component as it counts in this mode, within maxReplicas."""
    wanted = component.get("minReplicas")
    wanted = 1 if wanted is None else int(wanted)
    if serving.mode(isvc) == serving.STANDARD:
        wanted = max(1, wanted)
    most = int(component.get("maxReplicas") or 0)
    return min(wanted, most) if most else wanted


def window(isvc: Obj, component: Obj) -> float:
    text = (component.get("annotations") or {}).get(WINDOW) or serving.notes(isvc).get(WINDOW) or "60s"
    parts = _DURATION.findall(text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return max(6.0, seconds) if parts else 60.0


class Idle:
    """Since when a revision has had no request, as the gateway counts them."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def seconds(self, name: str, seen: Statistics, now: float) -> float:
        requests, since = self._since.get(name, (-1, now))
        if seen.requests != requests or seen.active or seen.held:
            self._since[name] = (seen.requests, now)
            return 0.0
        return now - since

    def forget(self, names: set[str]) -> None:
        for name in names:
            self._since.pop(name, None)


def replicas(least: int, *, ready_once: bool, running: int, held: int, idle: float, window: float) -> int:
    """For least 0: one while it must start first, is asked for, or was asked within the window."""
    if least > 0 or not ready_once:
        return max(1, least)
    if held > 0:
        return 1
    return 1 if running and idle < window else 0
