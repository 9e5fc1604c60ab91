"""`pinnace up` to ready, and the memory of all its processes: idle, and after 1,000 finished workflows."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.fanout import submit, until_finished
from benchmarks.figure import Figure
from benchmarks.home import empty, up
from pinnace.cli import platform
from pinnace.cli.connection import Connection
from pinnace.home import Home

SETTLE = 2.0
HELLO = {
    "entrypoint": "main",
    "templates": [{"name": "main", "container": {"image": "busybox", "command": ["true"]}}],
}


def measure(*, quick: bool = False) -> list[Figure]:
    seconds = []
    with empty() as home:
        first = up(home)
        for _ in range(1 if quick else 5):
            platform.stop(home)
            seconds.append(up(home))
        try:
            time.sleep(SETTLE)
            idle = held(home)
            finish_workflows(Connection.to(home), 100 if quick else 1000)
            time.sleep(SETTLE)
            after = held(home)
        finally:
            platform.stop(home)
    ready = median(seconds)
    return [
        Figure("`pinnace up -d` to ready (median; first ever)", "≤ 1.0 s", f"{ready:.2f} s ({first:.2f} s)",
               ready <= 1.0),
        Figure("idle memory of all processes, Envoy included (PSS)", "≤ 200 MB", f"{idle:.0f} MB",
               idle <= 200),
        Figure("the same after 1,000 finished workflows", "≤ 200 MB", f"{after:.0f} MB", after <= 200),
    ]


def held(home: Home) -> float:
    return platform.memory([int(platform.state(home)["pid"])]) / 1e6


def finish_workflows(connection: Connection, count: int, together: int = 50) -> None:
    for start in range(0, count, together):
        names = [submit(connection, HELLO) for _ in range(min(together, count - start))]
        for name in names:
            until_finished(connection, name)
