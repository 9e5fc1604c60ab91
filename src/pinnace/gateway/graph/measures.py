"""What each step of a graph did, from the router's own eyes: counts, times, and what went wrong last.

Envoy counts a graph as a whole, and its services whoever asks them; which of a graph's steps asked is known
here alone. Kept on disk, so that the sums outlive the gateway. Pure but for load and save.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from pinnace.gateway.counters import percentile, replace
from pinnace.gateway.graph.walk import Visit
from pinnace.gateway.interface import Graph, Step, StepStatistics

BOUNDS = tuple(round(0.25 * 1.3**power, 3) for power in range(60))
"""Of the buckets of times, in milliseconds: up to half an hour."""
SAID = 500
"""Characters of a failure that are kept."""


class Tally(msgspec.Struct):
    """Sums since the beginning. `buckets`: upper bound in milliseconds (as text) → requests."""

    requests: int = 0
    errors: int = 0
    rejected: int = 0
    buckets: dict[str, int] = {}
    failed_at: float = 0
    failure: str = ""


class Measures:
    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._now = now
        self._tallies: dict[str, dict[str, Tally]] = load(file)
        self.changed = False

    def count(self, graph: str, visit: Visit) -> None:
        """`graph`: `namespace/name`."""
        step = name(visit.node, visit.index, visit.step)
        tally = self._tallies.setdefault(graph, {}).setdefault(step, Tally())
        tally.requests += 1
        bound = BOUNDS[min(bisect_left(BOUNDS, visit.took * 1000), len(BOUNDS) - 1)]
        tally.buckets[f"{bound:g}"] = tally.buckets.get(f"{bound:g}", 0) + 1
        answer = visit.answer
        if answer is None or answer.status >= 400:
            rejected = answer is not None and answer.status < 500
            tally.rejected += rejected
            tally.errors += not rejected
            tally.failed_at, tally.failure = self._now(), told(visit)[:SAID]
        self.changed = True

    def statistics(self, graphs: Mapping[str, Graph]) -> dict[str, list[StepStatistics]]:
        """Of the steps that the graphs have now."""
        return {
            key: [
                self._one(key, node, index, step)
                for node, found in graph.nodes.items() for index, step in enumerate(found.steps)
            ]
            for key, graph in graphs.items()
        }

    def _one(self, graph: str, node: str, index: int, step: Step) -> StepStatistics:
        tally = self._tallies.get(graph, {}).get(name(node, index, step), Tally())
        p50, p95, p99 = (percentile(tally.buckets, share) for share in (0.5, 0.95, 0.99))
        return StepStatistics(
            node=node, index=index, requests=tally.requests, errors=tally.errors, rejected=tally.rejected,
            p50=p50, p95=p95, p99=p99, failed_at=tally.failed_at, failure=tally.failure,
        )

    def keep(self, wanted: set[str]) -> None:
        """Forget graphs that are gone."""
        self._tallies = {key: found for key, found in self._tallies.items() if key in wanted}
        self.changed = True

    def save(self) -> None:
        if self.changed:
            self.changed = False
            replace(self._file, msgspec.json.encode(self._tallies))


def name(node: str, index: int, step: Step) -> str:
    """A step that is led elsewhere is another one; one that moves within its node stays if it has a name."""
    return f"{node} {step.name or index} {step.node or step.url}"


def told(visit: Visit) -> str:
    if visit.answer is None:
        return visit.failure
    body = visit.answer.body[:SAID].decode(errors="replace").strip()
    return f"{visit.answer.status}: {body}" if body else str(visit.answer.status)


def load(file: Path) -> dict[str, dict[str, Tally]]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, Tally]])
    except (OSError, msgspec.MsgspecError):
        return {}
