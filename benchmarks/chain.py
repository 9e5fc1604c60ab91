"""A chain of 200 steps that do nothing: what a step waits for beyond its own process, one after the other.

Beside it the very same program, started as often one after the other by `subprocess`.
"""

from __future__ import annotations

import subprocess
import time
from statistics import median
from typing import Any

from benchmarks.fanout import lasted
from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli.connection import Connection

PROGRAM = ("sh", "-c", "true")
TARGET = 5.0
"""Milliseconds."""


def chain(steps: int, isolation: str) -> dict[str, Any]:
    links = [[{"name": f"step-{number}", "template": "noop"}] for number in range(steps)]
    return {
        "entrypoint": "main",
        "podMetadata": {"annotations": {"pinnace.dev/isolation": isolation}},
        "templates": [
            {"name": "main", "steps": links},
            {"name": "noop", "container": {"image": "busybox", "command": list(PROGRAM)}},
        ],
    }


def milliseconds(connection: Connection, steps: int, isolation: str) -> float:
    """Of one step."""
    return lasted(connection, chain(steps, isolation)) * 1000 / steps


def alone(steps: int) -> float:
    began = time.monotonic()
    for _ in range(steps):
        subprocess.run(PROGRAM, check=True)
    return (time.monotonic() - began) * 1000 / steps


def measure(*, quick: bool = False) -> list[Figure]:
    steps, rounds = (50, 1) if quick else (200, 5)
    ours, own = [], []
    with running("process") as home:
        connection = Connection.to(home)
        milliseconds(connection, 20, "process")
        for _ in range(rounds):
            own.append(alone(steps))
            ours.append(milliseconds(connection, steps, "process"))
    over = median(ours) - median(own)
    return [
        Figure(
            f"a step in a chain of {steps} `sh -c true`, over the process's own cost", f"≤ {TARGET:.0f} ms",
            f"{over:.1f} ms ({median(ours):.1f} of which {median(own):.1f} are the process's)",
            over <= TARGET,
        )
    ]
