"""Counters of requests and the loop's lag, in Prometheus' text format under upstream's names.

Kept by `app.py` and the loop itself; other parts of control add their lines by `ApiContext.metrics`. The lag
histogram is what proves that nothing holds the loop for more than 5 ms.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterable
from time import perf_counter

DURATIONS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
LAGS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.5)
TICK = 0.02
"""Seconds between two looks at the loop while it is busy; an idle one is looked at less and less."""
IDLE_TICK = 0.5
LONG_RUNNING = frozenset({"watch", "connect"})


class Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: str = "") -> Iterable[str]:
        comma, total = "," if labels else "", 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        braces = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{braces} {self.sum:.6f}"
        yield f"{name}_count{braces} {total}"


class Metrics:
    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        self.durations: dict[tuple[str, str], Histogram] = {}
        self.running = 0
        self.lag = Histogram(LAGS)
        self.longest_lag = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._seen = 0

    def request(self, verb: str, resource: str, code: int, seconds: float) -> None:
        key = (verb, resource, code)
        self.requests[key] = self.requests.get(key, 0) + 1
        if verb not in LONG_RUNNING:
            self.durations.setdefault((verb, resource), Histogram(DURATIONS)).add(seconds)

    def watch_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure the loop's lag from now on: how much later than asked a timer is called."""
        if self._handle is None:
            self._look(loop, loop.time(), 0.0)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self, loop: asyncio.AbstractEventLoop, due: float, pause: float) -> None:
        lag = max(0.0, loop.time() - due)
        self.lag.add(lag)
        self.longest_lag = max(self.longest_lag, lag)
        total = sum(self.requests.values()) + self.running
        busy = total != self._seen
        self._seen = total
        pause = TICK if busy or lag > TICK else min(max(pause, TICK) * 1.5, IDLE_TICK)
        due = loop.time() + pause
        self._handle = loop.call_at(due, self._look, loop, due, pause)

    def lines(self) -> Iterable[str]:
        yield "# TYPE apiserver_request_total counter"
        for (verb, resource, code), count in sorted(self.requests.items()):
            labels = f'verb="{_shown(verb)}",resource="{resource}",code="{code}"'
            yield f"apiserver_request_total{{{labels}}} {count}"
        yield "# TYPE apiserver_request_duration_seconds histogram"
        for (verb, resource), histogram in sorted(self.durations.items()):
            labels = f'verb="{_shown(verb)}",resource="{resource}"'
            yield from histogram.lines("apiserver_request_duration_seconds", labels)
        yield "# TYPE apiserver_longrunning_requests gauge"
        yield f"apiserver_longrunning_requests {self.running}"
        yield "# TYPE pinnace_loop_lag_seconds histogram"
        yield from self.lag.lines("pinnace_loop_lag_seconds")
        yield "# TYPE pinnace_loop_lag_longest_seconds gauge"
        yield f"pinnace_loop_lag_longest_seconds {self.longest_lag:.6f}"


def _shown(verb: str) -> str:
    return {"deletecollection": "DELETECOLLECTION"}.get(verb, verb.upper())


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begun = perf_counter()

    def __call__(self) -> float:
        return perf_counter() - self._begun
