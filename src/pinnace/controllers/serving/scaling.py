"""How many replicas a revision has in Knative mode: fixed at minReplicas, by load between that and
maxReplicas, and 0 ↔ 1 by need where minReplicas is 0.

Source of the rules: knative/serving pkg/autoscaler/scaling/autoscaler.go; concurrency is counted in the
gateway instead of scraped from pods. A service that says nothing of load keeps minReplicas of them: one
machine is no richer for more.
"""

from __future__ import annotations

import math
import os
import re
from collections import deque

import msgspec

from pinnace.gateway.interface import Statistics
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

DOMAIN = "autoscaling.knative.dev/"
WINDOW = f"{DOMAIN}window"
LOOK = 0.5
"""Seconds between two looks at a revision whose replicas depend on its requests, while there are any."""
QUIET = 2.0
"""… and while there are none."""
CONCURRENCY, RPS = "concurrency", "rps"
DEFAULTS = {CONCURRENCY: 100.0, RPS: 200.0}
UTILIZATION = 70.0
PANIC_WINDOW, PANIC_THRESHOLD = 10.0, 200.0
"""Percent of the window, and of what the replicas can take."""
SLOWEST_DOWN = 2.0
"""At most this share of the replicas stays behind in one step down."""
_SAYS = ("target", "metric", "target-utilization-percentage", "max-scale", "maxScale")
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


def noted(isvc: Obj, component: Obj, name: str) -> str:
    """An annotation of Knative's autoscaler, the component's before the service's."""
    notes = {**serving.notes(isvc), **(component.get("annotations") or {})}
    return str(notes.get(f"{DOMAIN}{name}") or "")


def window(isvc: Obj, component: Obj) -> float:
    return max(6.0, duration(noted(isvc, component, "window")) or 60.0)


def duration(text: str) -> float:
    """Seconds of `1m30s`; 0 for what is none."""
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))


def number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0


# Idle ----------------------------------------------------------------------------------------------------


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


# Load ----------------------------------------------------------------------------------------------------


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """How load becomes replicas. `target`: of the metric, by replica, where the next one is due."""

    metric: str
    target: float
    most: int
    window: float
    panic_window: float
    threshold: float
    """So many times what is there may be wanted before it is panic."""
    delay: float
    """Seconds for which the greatest wish counts (scale-down-delay)."""


def demand(isvc: Obj, component: Obj) -> Demand | None:
    """None: nothing asks for replicas by load."""
    fewest = least(isvc, component)
    given = int(number(noted(isvc, component, "max-scale")) or component.get("maxReplicas") or 0)
    asked = any(component.get(field) for field in ("scaleTarget", "scaleMetric", "containerConcurrency"))
    asked = asked or given > max(1, fewest) or any(noted(isvc, component, name) for name in _SAYS)
    most = given or max(os.cpu_count() or 1, fewest)
    if not asked or most <= max(1, fewest):
        return None
    metric = str(component.get("scaleMetric") or noted(isvc, component, "metric") or CONCURRENCY)
    if metric not in DEFAULTS:
        return None
    stable = window(isvc, component)
    share = number(noted(isvc, component, "panic-window-percentage")) or PANIC_WINDOW
    threshold = number(noted(isvc, component, "panic-threshold-percentage")) or PANIC_THRESHOLD
    return Demand(
        metric=metric, target=target(isvc, component, metric), most=most, window=stable,
        panic_window=max(1.0, stable * share / 100), threshold=threshold / 100,
        delay=duration(noted(isvc, component, "scale-down-delay")),
    )


def target(isvc: Obj, component: Obj, metric: str) -> float:
    limit = float(component.get("containerConcurrency") or 0) if metric == CONCURRENCY else 0.0
    total = number(component.get("scaleTarget")) or number(noted(isvc, component, "target"))
    total = total or limit or DEFAULTS[metric]
    if limit:
        total = min(total, limit)
    share = number(noted(isvc, component, "target-utilization-percentage")) or UTILIZATION
    return max(0.01, total * share / 100)


class Load:
    """What one revision was asked in the last window, and whether it is in panic."""

    def __init__(self) -> None:
        self.samples: deque[tuple[float, float]] = deque()
        self.wishes: deque[tuple[float, int]] = deque()
        self.requests = -1
        self.panic = 0.0
        """When it began or was last renewed; 0: there is none."""
        self.highest = 0

    def take(self, seen: Statistics, demand: Demand, now: float) -> None:
        value = float(seen.active + seen.held)
        if demand.metric == RPS:
            before = self.samples[-1][0] if self.samples else now
            more = max(0, seen.requests - self.requests) if self.requests >= 0 else 0
            value = more / (now - before) if now > before else 0.0
        self.requests = seen.requests
        self.samples.append((now, value))
        while self.samples[0][0] < now - demand.window:
            self.samples.popleft()

    def mean(self, seconds: float, now: float) -> float:
        """Over the last so many seconds; of a revision that is younger, over its life."""
        found = [value for moment, value in self.samples if moment > now - seconds]
        return sum(found) / len(found) if found else 0.0

    def wanted(self, demand: Demand, ready: int, now: float) -> int:
        """Replicas, without regard to the least and the most."""
        there = max(1, ready)
        stable = bounded(self.mean(demand.window, now) / demand.target, there)
        urgent = bounded(self.mean(demand.panic_window, now) / demand.target, there)
        if urgent / there >= demand.threshold:
            self.panic = now
        elif self.panic and now - self.panic >= demand.window:
            self.panic, self.highest = 0.0, 0
        wish = stable
        if self.panic:
            wish = self.highest = max(self.highest, stable, urgent)
        return self._delayed(wish, demand, now)

    def _delayed(self, wish: int, demand: Demand, now: float) -> int:
        self.wishes.append((now, wish))
        while self.wishes[0][0] < now - demand.delay:
            self.wishes.popleft()
        return max(count for _, count in self.wishes)


def bounded(wish: float, there: int) -> int:
    return max(math.floor(there / SLOWEST_DOWN), min(math.ceil(wish), 1000 * there))


# Both ----------------------------------------------------------------------------------------------------


def moves(isvc: Obj, component: Obj) -> bool:
    """Whether the number of its replicas depends on its requests."""
    return least(isvc, component) == 0 or demand(isvc, component) is not None


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a revision. `ready_once`: it has been ready at some time; `pods` of it are there, `ready`
    of them can answer; `moment` in seconds."""

    name: str
    ready_once: bool
    pods: int
    ready: int
    stats: Statistics
    moment: float


class Scaler:
    """Remembers what revisions were asked. That may be lost at any time: windows begin anew."""

    def __init__(self) -> None:
        self.idle = Idle()
        self.loads: dict[str, Load] = {}

    def forget(self, name: str) -> None:
        self.loads.pop(name, None)
        self.idle.forget({name})

    def wanted(self, isvc: Obj, component: Obj, seen: Now) -> int:
        if not seen.ready_once or not seen.ready:
            self.idle.forget({seen.name})  # the window begins when it can answer
        wanted = replicas(
            least(isvc, component), ready_once=seen.ready_once, running=seen.pods, held=seen.stats.held,
            idle=self.idle.seconds(seen.name, seen.stats, seen.moment), window=window(isvc, component),
        )
        asked = demand(isvc, component)
        if asked is None or not wanted:
            return wanted
        load = self.loads.setdefault(seen.name, Load())
        load.take(seen.stats, asked, seen.moment)
        return min(asked.most, max(wanted, load.wanted(asked, seen.ready, seen.moment)))
