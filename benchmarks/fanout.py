"""5,000 no-op steps in process isolation, beside `xargs` starting the same program, seen by one watch."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

from benchmarks.figure import Figure
from benchmarks.home import running, xargs
from pinnace.cli.connection import Connection

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows"


def fan(steps: int, isolation: str) -> dict[str, Any]:
    step = {"name": "step", "template": "noop", "withSequence": {"count": str(steps)}}
    return {
        "entrypoint": "main",
        "podMetadata": {"annotations": {"pinnace.dev/isolation": isolation}},
        "templates": [
            {"name": "main", "steps": [[step]]},
            {"name": "noop", "container": {"image": "busybox", "command": ["true"]}},
        ],
    }


def submit(connection: Connection, spec: dict[str, Any]) -> str:
    body = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"generateName": "bench-"}, "spec": spec,
    }
    created = json.loads(connection.request("POST", WORKFLOWS, body))
    return str(created["metadata"]["name"])


def until_finished(connection: Connection, name: str) -> str:
    """The final phase, as a watch tells it."""
    path = f"{WORKFLOWS}?watch=1&fieldSelector=metadata.name%3D{name}"
    for event in connection.stream(path):
        phase = event["object"].get("status", {}).get("phase", "")
        if phase in ("Succeeded", "Failed", "Error"):
            return str(phase)
    raise RuntimeError(f"the watch on {name} ended before the workflow did")


def seconds(connection: Connection, steps: int, isolation: str) -> float:
    return lasted(connection, fan(steps, isolation))


def lasted(connection: Connection, spec: dict[str, Any]) -> float:
    """Seconds from create acknowledged to the final phase, seen by one watch."""
    name = submit(connection, spec)
    began = time.monotonic()
    phase = until_finished(connection, name)
    took = time.monotonic() - began
    if phase != "Succeeded":
        raise RuntimeError(f"{name} ended {phase}")
    return took


def measure(*, quick: bool = False) -> list[Figure]:
    steps, rounds = (1000, 1) if quick else (5000, 3)
    ours, theirs = [], []
    with running("process") as home:
        connection = Connection.to(home)
        seconds(connection, 200, "process")
        for _ in range(rounds):
            theirs.append(xargs(steps, "true"))
            ours.append(seconds(connection, steps, "process"))
    ratio = median(theirs) / median(ours)
    return [
        Figure(
            f"{steps:,} no-op steps fanned out, process isolation, against `xargs -P2 -n1 true`", "≥ 0.7",
            f"{ratio:.2f} ({steps / median(ours):.0f} steps/s against {steps / median(theirs):.0f}/s)",
            ratio >= 0.7,
        )
    ]
