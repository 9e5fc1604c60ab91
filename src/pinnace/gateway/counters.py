"""What each revision did, accumulated over restarts of Envoy and of the gateway. Pure but for load and save.

Envoy counts from zero in every life; `take` adds what one look at its stats has more than the look before.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from pinnace.gateway.interface import Statistics

PATTERN = r"^cluster\..+/.+\.(upstream_rq_(completed|active|time|4xx|5xx)|membership_healthy)$"
_NAME = re.compile(r"cluster\.([^.]+/[^.]+)\.(\w+)")


class Tally(msgspec.Struct):
    """Sums since the beginning. `buckets`: upper bound in milliseconds (as text) → requests."""

    completed: int = 0
    rejected: int = 0
    errors: int = 0
    activations: int = 0
    buckets: dict[str, int] = {}


class Look(msgspec.Struct):
    """One cluster in one look at Envoy's stats: counters of its present life, and gauges."""

    counters: dict[str, int] = {}
    buckets: dict[str, int] = {}
    active: int = 0
    healthy: int = 0


COUNTERS = {"upstream_rq_completed": "completed", "upstream_rq_4xx": "rejected", "upstream_rq_5xx": "errors"}


class Counters:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._tallies = load(file)
        self._last: dict[str, Look] = {}

    def take(self, stats: list[dict[str, Any]]) -> bool:
        """Add a look; whether anything was counted since the last one."""
        looks = read(stats)
        changed = False
        for name, look in looks.items():
            tally = self._tallies.setdefault(name, Tally())
            before = self._last.get(name, Look())
            for counter, value in look.counters.items():
                more = grown(before.counters.get(counter, 0), value)
                setattr(tally, counter, getattr(tally, counter) + more)
                changed = changed or more > 0
            for bound, value in look.buckets.items():
                more = grown(before.buckets.get(bound, 0), value)
                if more:
                    tally.buckets[bound] = tally.buckets.get(bound, 0) + more
                    changed = True
        self._last = looks
        return changed

    def restarted(self) -> None:
        """Envoy's next life counts from zero."""
        self._last = {}

    def activated(self, name: str) -> None:
        self._tallies.setdefault(name, Tally()).activations += 1

    def keep(self, wanted: set[str]) -> None:
        """Forget revisions of endpoints that are gone. `wanted`: namespaced names of living endpoints'."""
        for name in [name for name in self._tallies if name not in wanted]:
            del self._tallies[name]

    def names(self) -> list[str]:
        return list(self._tallies)

    def save(self) -> None:
        replace(self._file, msgspec.json.encode(self._tallies))

    def statistics(self, held: dict[str, int]) -> dict[str, Statistics]:
        return {name: self._one(name, tally, held.get(name, 0)) for name, tally in self._tallies.items()}

    def _one(self, name: str, tally: Tally, held: int) -> Statistics:
        look = self._last.get(name, Look())
        p50, p95, p99 = (percentile(tally.buckets, share) for share in (0.5, 0.95, 0.99))
        return Statistics(
            requests=tally.completed, errors=tally.errors, rejected=tally.rejected, active=look.active,
            held=held, activations=tally.activations, healthy=look.healthy, p50=p50, p95=p95, p99=p99,
        )


def load(file: Path) -> dict[str, Tally]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Tally])
    except (OSError, msgspec.MsgspecError):
        return {}


def replace(file: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader (Envoy too) sees the old file or the new one."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    beside.rename(file)


def grown(before: int, now: int) -> int:
    """A counter that went down was begun anew (its cluster was removed and came back)."""
    return now - before if now >= before else now


def read(stats: list[dict[str, Any]]) -> dict[str, Look]:
    looks: dict[str, Look] = {}
    for entry in stats:
        for histogram in entry.get("histograms", ()):
            match = _NAME.fullmatch(histogram["name"])
            if match and match[2] == "upstream_rq_time":
                look = looks.setdefault(match[1], Look())
                look.buckets = {f"{b['upper_bound']:g}": b["cumulative"] for b in histogram["buckets"]}
        match = _NAME.fullmatch(entry.get("name", ""))
        if match is None:
            continue
        look = looks.setdefault(match[1], Look())
        if match[2] in COUNTERS:
            look.counters[COUNTERS[match[2]]] = entry["value"]
        elif match[2] == "upstream_rq_active":
            look.active = entry["value"]
        elif match[2] == "membership_healthy":
            look.healthy = max(0, entry["value"] - 1)  # the activator is always one of them
    return looks


def percentile(buckets: dict[str, int], share: float) -> float | None:
    """Interpolated inside the bucket that holds it, in milliseconds; None without any request."""
    total = sum(buckets.values())
    if not total:
        return None
    wanted, seen, low = share * total, 0, 0.0
    for bound, count in sorted(((float(b), c) for b, c in buckets.items())):
        if count and seen + count >= wanted:
            return round(low + (bound - low) * (wanted - seen) / count, 3)
        seen, low = seen + count, bound
    return low
