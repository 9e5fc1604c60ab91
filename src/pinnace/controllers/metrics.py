"""Counters of the manager under the names that people's dashboards already use (controller-runtime's).

`api` renders `Manager.metrics.text()` under `/metrics`. Counting costs an addition; nothing is computed
before somebody asks.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

from pinnace.controllers.controller import Key

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Histogram:
    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, labels: str) -> Iterator[str]:
        running = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            running += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {running}'
        yield f"{name}_sum{{{labels}}} {self.total:.6f}"
        yield f"{name}_count{{{labels}}} {running}"


class QueueMetrics:
    """What is counted of one controller and its queue."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.adds = 0
        self.retries = 0
        self.queued = Histogram()
        self.worked = Histogram()
        self.reconcile_time = Histogram()
        self.results: dict[str, int] = {}
        self._waiting: Mapping[Key, float] = {}
        self._active: Mapping[Key, float] = {}

    def observe(self, waiting: Mapping[Key, float], active: Mapping[Key, float]) -> None:
        self._waiting = waiting
        self._active = active

    def reconciled(self, result: str, seconds: float) -> None:
        self.results[result] = self.results.get(result, 0) + 1
        self.reconcile_time.observe(seconds)

    def lines(self) -> Iterator[str]:
        queue = f'name="{self.name}",controller="{self.name}"'
        controller = f'controller="{self.name}"'
        ages = [time.monotonic() - since for since in self._active.values()]
        yield f"workqueue_depth{{{queue}}} {len(self._waiting)}"
        yield f"workqueue_adds_total{{{queue}}} {self.adds}"
        yield f"workqueue_retries_total{{{queue}}} {self.retries}"
        yield f"workqueue_unfinished_work_seconds{{{queue}}} {sum(ages):.6f}"
        yield f"workqueue_longest_running_processor_seconds{{{queue}}} {max(ages, default=0.0):.6f}"
        yield from self.queued.lines("workqueue_queue_duration_seconds", queue)
        yield from self.worked.lines("workqueue_work_duration_seconds", queue)
        for result, count in sorted(self.results.items()):
            yield f'controller_runtime_reconcile_total{{{controller},result="{result}"}} {count}'
        errors = self.results.get("error", 0)
        yield f"controller_runtime_reconcile_errors_total{{{controller}}} {errors}"
        yield f"controller_runtime_active_workers{{{controller}}} {len(self._active)}"
        yield from self.reconcile_time.lines("controller_runtime_reconcile_time_seconds", controller)


KINDS = {
    "workqueue_depth": "gauge",
    "workqueue_adds_total": "counter",
    "workqueue_retries_total": "counter",
    "workqueue_unfinished_work_seconds": "gauge",
    "workqueue_longest_running_processor_seconds": "gauge",
    "workqueue_queue_duration_seconds": "histogram",
    "workqueue_work_duration_seconds": "histogram",
    "controller_runtime_reconcile_total": "counter",
    "controller_runtime_reconcile_errors_total": "counter",
    "controller_runtime_active_workers": "gauge",
    "controller_runtime_reconcile_time_seconds": "histogram",
}


class Metrics:
    def __init__(self) -> None:
        self._queues: list[QueueMetrics] = []
        self.others: list[Callable[[], Iterable[str]]] = []
        """What reconcilers count themselves."""

    def queue(self, name: str) -> QueueMetrics:
        self._queues.append(QueueMetrics(name))
        return self._queues[-1]

    def text(self) -> str:
        """The Prometheus text format, families together as it asks for."""
        lines = [line for queue in self._queues for line in queue.lines()]
        parts: list[str] = []
        for family, kind in KINDS.items():
            members = [line for line in lines if _family(line) == family]
            if members:
                parts += [f"# TYPE {family} {kind}", *members]
        for other in self.others:
            parts += other()
        return "\n".join(parts) + "\n"


def _family(line: str) -> str:
    name = line.partition("{")[0]
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix) and name.removesuffix(suffix) in KINDS:
            return name.removesuffix(suffix)
    return name
