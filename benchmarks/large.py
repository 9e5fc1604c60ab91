"""A large workflow read whole, and what a watch on it is sent while it runs."""

from __future__ import annotations

import json
import threading
import time
from statistics import median

from benchmarks.fanout import WORKFLOWS, fan, submit, until_finished
from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli.connection import Connection

READ, LINEAR = 200.0, 1.3
"""Milliseconds of one GET; how much more bytes a node the larger one's watch may be sent."""


def watched(connection: Connection, steps: int) -> tuple[str, int]:
    """The name of a workflow that ran to its end under a watch, and the bytes that it was sent."""
    spec = fan(steps, "process") | {"suspend": True}
    name = submit(connection, spec)
    path = f"{WORKFLOWS}?watch=1&fieldSelector=metadata.name%3D{name}"
    total = 0
    begun = threading.Event()

    def release() -> None:
        begun.wait(30)
        connection.request(
            "PATCH", f"{WORKFLOWS}/{name}", {"spec": {"suspend": None}}, "application/merge-patch+json"
        )

    threading.Thread(target=release, daemon=True).start()
    for event in connection.stream(path):
        begun.set()
        total += len(json.dumps(event, separators=(",", ":")))
        if event["object"].get("status", {}).get("phase") in ("Succeeded", "Failed", "Error"):
            return name, total
    raise RuntimeError("the watch ended before the workflow did")


def read(connection: Connection, name: str) -> tuple[float, int]:
    """Milliseconds of one GET, and the nodes that it shows."""
    began = time.monotonic()
    body = connection.request("GET", f"{WORKFLOWS}/{name}")
    took = (time.monotonic() - began) * 1000
    return took, len(json.loads(body)["status"]["nodes"])


def measure(*, quick: bool = False) -> list[Figure]:
    small, large = (300, 1000) if quick else (1000, 10_000)
    with running("process") as home:
        connection = Connection.to(home)
        until_finished(connection, submit(connection, fan(100, "process")))
        _, few = watched(connection, small)
        name, many = watched(connection, large)
        times = []
        for _ in range(5):
            took, nodes = read(connection, name)
            times.append(took)
            if nodes < large:
                raise RuntimeError(f"{nodes} nodes are shown of {large}")
    growth = (many / large) / (few / small)
    return [
        Figure(
            f"one GET of a workflow of {large:,} nodes", f"≤ {READ:.0f} ms", f"{median(times):.0f} ms",
            median(times) <= READ,
        ),
        Figure(
            f"bytes a node that a watch is sent while it runs, {large:,} nodes against {small:,}",
            f"≤ {LINEAR}×", f"{growth:.2f}× ({many / large:.0f} bytes a node)", growth <= LINEAR,
        ),
    ]
