"""The fan-out again, with an output parameter and a small artifact in and out of every step."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.fanout import lasted
from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli.connection import Connection

TARGET = 1.5
SCRIPT = "cat /tmp/in > /tmp/out; echo done > /tmp/word"
"""The plain one starts the same programs on files of its own."""
PLAIN = "cat /etc/hostname > /tmp/out; echo done > /tmp/word"


def fan(steps: int, *, passing: bool) -> dict[str, Any]:
    step: dict[str, Any] = {"name": "step", "template": "work", "withSequence": {"count": str(steps)}}
    work: dict[str, Any] = {
        "name": "work",
        "container": {"image": "busybox", "command": ["sh", "-c", SCRIPT if passing else PLAIN]},
    }
    first: dict[str, Any] = {
        "name": "first",
        "container": {"image": "busybox", "command": ["sh", "-c", "head -c 1024 /dev/zero >/tmp/out"]},
    }
    if passing:
        first["outputs"] = {"artifacts": [{"name": "file", "path": "/tmp/out"}]}
        source = "{{steps.first.outputs.artifacts.file}}"
        step["arguments"] = {"artifacts": [{"name": "file", "from": source}]}
        work["inputs"] = {"artifacts": [{"name": "file", "path": "/tmp/in"}]}
        work["outputs"] = {
            "parameters": [{"name": "word", "valueFrom": {"path": "/tmp/word"}}],
            "artifacts": [{"name": "file", "path": "/tmp/out"}],
        }
    return {
        "entrypoint": "main",
        "templates": [
            {"name": "main", "steps": [[{"name": "first", "template": "first"}], [step]]}, first, work,
        ],
    }


def seconds(connection: Connection, steps: int, *, passing: bool) -> float:
    return lasted(connection, fan(steps, passing=passing))


def measure(*, quick: bool = False) -> list[Figure]:
    steps, rounds = (300, 1) if quick else (2000, 3)
    plain, passing = [], []
    with running("sandbox") as home:
        connection = Connection.to(home)
        seconds(connection, 50, passing=True)
        for _ in range(rounds):
            plain.append(seconds(connection, steps, passing=False))
            passing.append(seconds(connection, steps, passing=True))
    ratio = median(passing) / median(plain)
    return [
        Figure(
            f"{steps:,} steps with a parameter out and 1 KB of artifact in and out, against the same without",
            f"≤ {TARGET}×", f"{ratio:.2f}× ({steps / median(passing):.0f} steps/s)", ratio <= TARGET,
        )
    ]
