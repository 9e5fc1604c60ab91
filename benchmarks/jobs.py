"""What the platform adds to a training job: its start, and a queue of jobs that each want the whole machine.

The containers are shells, so that nothing but the platform is measured; replicas have networks and names of
their own, and each waits until it finds the others, as every framework does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli.connection import Connection

GROUP = "/apis/kubeflow.org/v1/namespaces/default"
FAMILIES = {"PyTorchJob": ("pytorch", "pytorchReplicaSpecs"), "TFJob": ("tensorflow", "tfReplicaSpecs")}
START, QUEUE = 1000.0, 0.7
WORK = 0.5
JOBS = 10


def job(kind: str, name: str, script: str, cpu: str = "", **counts: int) -> dict[str, Any]:
    container, specs = FAMILIES[kind]
    main: dict[str, Any] = {"name": container, "image": "alpine", "command": ["sh", "-c", script]}
    if cpu:
        main["resources"] = {"requests": {"cpu": cpu}}
    template = {"spec": {"containers": [main]}}
    replicas = {one: {"replicas": count, "template": template} for one, count in counts.items()}
    return {
        "apiVersion": "kubeflow.org/v1", "kind": kind, "metadata": {"name": name},
        "spec": {specs: replicas, "runPolicy": {"cleanPodPolicy": "None"}},
    }


def finds(*names: str) -> str:
    return "; ".join(f"until getent hosts {name} >/dev/null; do sleep 0.01; done" for name in names)


def wait(connection: Connection, plural: str, done: Callable[[dict[str, Any]], bool]) -> float:
    """When a watch told of the last one that was waited for."""
    for event in connection.stream(f"{GROUP}/{plural}?watch=1"):
        state = {one["type"]: one for one in event["object"].get("status", {}).get("conditions") or ()}
        if state.get("Failed", {}).get("status") == "True":
            raise RuntimeError(state["Failed"]["message"])
        if done(event["object"]):
            return time.monotonic()
    raise RuntimeError("the watch ended before the jobs did")


def start(connection: Connection, name: str) -> float:
    """Seconds from create to a status that counts both workers of a PyTorchJob as running."""
    workers = [f"{name}-worker-0", f"{name}-worker-1"]
    began = time.monotonic()
    script = f"{finds(*workers)}; exec sleep 600"
    connection.request("POST", f"{GROUP}/pytorchjobs", job("PyTorchJob", name, script, Worker=2))

    def both(obj: dict[str, Any]) -> bool:
        counts = obj.get("status", {}).get("replicaStatuses") or {}
        return obj["metadata"]["name"] == name and counts.get("Worker", {}).get("active") == 2

    ended = wait(connection, "pytorchjobs", both)
    connection.request("DELETE", f"{GROUP}/pytorchjobs/{name}")
    return ended - began


def queue(connection: Connection, count: int) -> float:
    """Seconds until all of `count` TFJobs have ended that each hold two cores for WORK seconds."""
    began = time.monotonic()
    for number in range(count):
        name = f"queue-{number}"
        script = f"{finds(f'{name}-chief-0', f'{name}-worker-0')}; sleep {WORK}"
        document = job("TFJob", name, script, cpu="1", Chief=1, Worker=1)
        connection.request("POST", f"{GROUP}/tfjobs", document)
    left = {f"queue-{number}" for number in range(count)}

    def over(obj: dict[str, Any]) -> bool:
        conditions = obj.get("status", {}).get("conditions") or ()
        if any(one["type"] == "Succeeded" and one["status"] == "True" for one in conditions):
            left.discard(obj["metadata"]["name"])
        return not left

    return wait(connection, "tfjobs", over) - began


def measure(*, quick: bool = False) -> list[Figure]:
    with running() as home:
        connection = Connection.to(home)
        start(connection, "warm")
        times = [start(connection, f"bench-{number}") * 1000 for number in range(3 if quick else 9)]
        count = 4 if quick else JOBS
        took = queue(connection, count)
    ideal = count * WORK
    began, share = median(times), ideal / took
    return [
        Figure(
            "a PyTorchJob of two workers, from create to both running",
            f"≤ {START:.0f} ms", f"{began:.0f} ms", began <= START,
        ),
        Figure(
            f"{count} TFJobs of two cores queueing on two, as gangs: the work's own time against all of it",
            f"≥ {QUEUE}", f"{share:.2f} ({took:.1f} s for {ideal:.1f} s of work)", share >= QUEUE,
        ),
    ]
