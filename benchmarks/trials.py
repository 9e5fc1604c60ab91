"""What a Katib trial costs over its process: an Experiment of no-op trials, one at a time."""

from __future__ import annotations

import json
import subprocess
import time
from statistics import median
from typing import Any

from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli.connection import Connection

EXPERIMENTS = "/apis/kubeflow.org/v1beta1/namespaces/default/experiments"
SCRIPT = "echo loss=${trialParameters.x}"
TARGET = 60.0


def experiment(name: str, trials: int) -> dict[str, Any]:
    container = {"name": "main", "image": "alpine", "command": ["sh", "-c", SCRIPT]}
    run = {
        "apiVersion": "batch/v1", "kind": "Job",
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    return {
        "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": name},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"}, "parallelTrialCount": 1, "maxTrialCount": trials,
            "parameters": [
                {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "1", "max": "2"}}
            ],
            "trialTemplate": {
                "primaryContainerName": "main", "trialSpec": run,
                "trialParameters": [{"name": "x", "reference": "x"}],
            },
        },
    }


def seconds(connection: Connection, name: str, trials: int) -> float:
    """From create acknowledged to Succeeded, as a watch tells it."""
    connection.request("POST", EXPERIMENTS, experiment(name, trials))
    began = time.monotonic()
    for event in connection.stream(f"{EXPERIMENTS}?watch=1&fieldSelector=metadata.name%3D{name}"):
        for one in event["object"].get("status", {}).get("conditions") or ():
            if one["status"] == "True" and one["type"] in ("Succeeded", "Failed"):
                if one["type"] == "Failed":
                    raise RuntimeError(json.dumps(one))
                return time.monotonic() - began
    raise RuntimeError("the watch ended before the Experiment did")


def bare(count: int) -> float:
    """The same processes, one after the other."""
    began = time.monotonic()
    for _ in range(count):
        subprocess.run(["sh", "-c", "echo loss=1"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(*, quick: bool = False) -> list[Figure]:
    trials, rounds = (20, 1) if quick else (50, 3)
    costs = []
    with running("process") as home:
        connection = Connection.to(home)
        seconds(connection, "warm", 5)
        for number in range(rounds):
            theirs = bare(trials)
            costs.append((seconds(connection, f"bench-{number}", trials) - theirs) / trials * 1000)
    cost = median(costs)
    return [
        Figure(
            f"a Katib trial over its process ({trials} trials of a Job, one at a time)", f"≤ {TARGET:.0f} ms",
            f"{cost:.0f} ms", cost <= TARGET,
        )
    ]
