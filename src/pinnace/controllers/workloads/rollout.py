"""How many replicas each ReplicaSet of a Deployment gets: pure arithmetic on (replicas, available) counts.

Called by `deployment`. Source: kubernetes pkg/controller/deployment/{rolling,recreate,sync}.go and
util/deployment_util.go. Invariants of a rolling update, whatever fails: never fewer available Pods are kept
than desired − maxUnavailable (of those that were available), never more Pods are asked for than
desired + maxSurge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """`surge` Pods more than desired at most, `unavailable` fewer at most."""

    desired: int
    surge: int = 0
    unavailable: int = 0

    @property
    def most(self) -> int:
        return self.desired + self.surge

    @property
    def least(self) -> int:
        return self.desired - self.unavailable


class Size(msgspec.Struct):
    """One ReplicaSet: what it asks for, what of it serves, how old it is, `largest` total when it was last
    scaled (its annotation max-replicas)."""

    replicas: int
    available: int = 0
    created: float = 0.0
    largest: int | None = None


def bounds(spec: dict[str, Any]) -> Bounds:
    """Of a Deployment's spec; percentages round in favour of progress, and never to a standstill."""
    replicas = spec.get("replicas")
    desired = 1 if replicas is None else int(replicas)
    strategy = spec.get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Bounds(desired)
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), desired, up=True)
    unavailable = share(rolling.get("maxUnavailable", "25%"), desired, up=False)
    if surge == unavailable == 0:
        unavailable = 1
    return Bounds(desired, surge, min(unavailable, desired))


def share(value: int | str, total: int, *, up: bool) -> int:
    """An absolute number, or a percentage of `total`."""
    if isinstance(value, int):
        return value
    hundredths = int(value.rstrip("%")) * total
    return math.ceil(hundredths / 100) if up else hundredths // 100


def grown(limits: Bounds, new: Size, total: int) -> int:
    """What the new ReplicaSet may ask for now, while all ask for `total` together."""
    room = limits.most - total
    return new.replicas + max(0, min(room, limits.desired - new.replicas))


def shrunk(limits: Bounds, old: Sequence[Size], new: Size) -> list[int]:
    """What the old ones may ask for now: what does not serve goes first, then the oldest."""
    sizes = [each.replicas for each in old]
    total = sum(sizes) + new.replicas
    spare = total - limits.least - (new.replicas - new.available)
    if spare <= 0:
        return sizes
    order = sorted(range(len(old)), key=lambda place: old[place].created)
    for place in order:
        broken = min(spare, sizes[place] - min(sizes[place], old[place].available))
        sizes[place] -= broken
        spare -= broken
    spare = new.available + sum(each.available for each in old) - limits.least
    for place in order:
        gone = max(0, min(sizes[place], spare))
        sizes[place] -= gone
        spare -= gone
    return sizes


def spread(limits: Bounds, sizes: Sequence[Size], last_total: int) -> list[int]:
    """Scaling in the midst of a rollout: each takes its share of the difference, the largest the rest."""
    allowed = limits.most if limits.desired else 0
    difference = allowed - sum(each.replicas for each in sizes)
    if difference > 0:
        order = sorted(range(len(sizes)), key=lambda place: (-sizes[place].replicas, -sizes[place].created))
    else:
        order = sorted(range(len(sizes)), key=lambda place: (-sizes[place].replicas, sizes[place].created))
    result, added = [each.replicas for each in sizes], 0
    for place in order:
        step = _portion(limits, sizes[place], last_total, difference, added)
        result[place] += step
        added += step
    if order and added != difference:
        result[order[0]] = max(0, result[order[0]] + difference - added)
    return result


def _portion(limits: Bounds, size: Size, last_total: int, difference: int, added: int) -> int:
    if not size.replicas or not difference:
        return 0
    left = difference - added
    wanted = _fraction(limits, size, last_total)
    return max(0, min(wanted, left)) if difference > 0 else min(0, max(wanted, left))


def _fraction(limits: Bounds, size: Size, last_total: int) -> int:
    if not limits.desired:
        return -size.replicas
    before = size.largest or last_total
    if not before:
        return 0
    return math.floor(size.replicas * limits.most / before + 0.5) - size.replicas
