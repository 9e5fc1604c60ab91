"""The store's CPU for what a workflow node writes: a Pod created, bound and finished, and two side rows.

`python -m benchmarks.store [COUNT]` prints microseconds of CPU (all threads) a node, with 64 nodes in flight
and with one. The same writes against a store that only answers are measured in the same round and subtracted:
making the Pods, and what the callers cost by themselves, is not the store's.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import uvloop

from benchmarks.figure import Figure
from pinnace.kinds.resource import Obj
from pinnace.store.interface import ABSENT, Event, Put, Row, Write
from pinnace.store.sqlite import SqliteStore

COUNT = 3_000
ROUNDS = 5
IN_FLIGHT = 64
LIMIT = 100
"""Microseconds a node: what the store may take of control's 150."""


class Target(Protocol):
    async def commit(self, writes: Sequence[Write]) -> list[Obj]: ...


class Answering:
    """Answers as the store does, a turn of the loop later, and keeps nothing."""

    async def commit(self, writes: Sequence[Write]) -> list[Obj]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Obj]] = loop.create_future()
        puts = [write.obj for write in writes if isinstance(write, Put)]
        for obj in puts:
            obj["metadata"]["resourceVersion"] = "1"
        loop.call_soon(answer.set_result, puts)
        return await answer


def pod(number: int) -> Obj:
    """1.5 KB, three labels, an owner: what the engine makes of a small template."""
    name = f"fan-{number:06}"
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "default", "uid": f"0f6b4d8e-7f1c-4a53-9c1e-{number:012}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {
                "workflows.argoproj.io/workflow": "fan", "workflows.argoproj.io/completed": "false",
                "app": "fan",
            },
            "annotations": {
                "workflows.argoproj.io/node-name": f"fan[0].one({number})", "pinnace.dev/staging": "s" * 300,
            },
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "fan",
                "uid": "6a3bb9c2-0a51-4a3d-8b9f-61c1b7a1f0aa", "controller": True, "blockOwnerDeletion": True,
            }],
        },
        "spec": {
            "restartPolicy": "Never", "containers": [{
                "name": "main", "image": "busybox", "command": ["true"], "args": [str(number)],
                "env": [{"name": f"VARIABLE_{i}", "value": "v" * 40} for i in range(6)],
                "resources": {}, "terminationMessagePath": "/dev/termination-log",
                "imagePullPolicy": "Always",
            }],
        },
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }  # fmt: skip


async def node(store: Target, number: int) -> None:
    (made,) = await store.commit(
        [Put("pods", pod(number), ABSENT), Row("node", "workflow", str(number), b"n" * 400)]
    )
    (bound,) = await store.commit([_next(made, spec={**made["spec"], "nodeName": "pinnace"})])
    state = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2026-01-01T00:00:01Z"}}
    status = {**made["status"], "phase": "Succeeded", "containerStatuses": [{"name": "main", "state": state}]}
    await store.commit([_next(bound, status=status), Row("node", "workflow", str(number), b"n" * 600)])


def _next(obj: Obj, **change: Any) -> Put:
    return Put("pods", {**obj, **change}, int(obj["metadata"]["resourceVersion"]))


async def drive(store: Target, count: int, in_flight: int) -> float:
    """CPU microseconds a node."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await node(store, number)

    gc.collect()
    gc.freeze()  # as control does
    began = time.process_time()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return (time.process_time() - began) / count * 1e6


async def once(path: Path, count: int, in_flight: int) -> tuple[float, float]:
    """(the store with its callers, the callers alone)"""
    store = SqliteStore.open(path)
    heard = [0]

    def listen(events: Sequence[Event]) -> None:
        heard[0] += len(events)

    store.listen(listen)
    whole = await drive(store, count, in_flight)
    await store.close()
    assert heard[0] == 3 * count
    return whole, await drive(Answering(), count, in_flight)


def run(count: int, in_flight: int, rounds: int) -> tuple[float, float]:
    """Medians: (the store's own CPU a node, its callers' which is not in it)."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for attempt in range(rounds + 1):
            both = uvloop.run(once(Path(folder) / f"{attempt}.db", count if attempt else 200, in_flight))
            if attempt:
                found.append(both)
    own = median(whole - callers for whole, callers in found)
    return own, median(callers for _, callers in found)


def measure(*, quick: bool = False) -> list[Figure]:
    own, callers = run(COUNT // 3 if quick else COUNT, IN_FLIGHT, 3 if quick else ROUNDS)
    return [
        Figure(
            f"the store's CPU a workflow node, {IN_FLIGHT} in flight", f"≤ {LIMIT} µs",
            f"{own:.0f} µs (its callers' {callers:.0f} µs subtracted)", own <= LIMIT,
        )
    ]


if __name__ == "__main__":
    for flying in (IN_FLIGHT, 1):
        count = int(sys.argv[1]) if sys.argv[1:] else COUNT if flying > 1 else 300
        own, callers = run(count, flying, ROUNDS)
        print(f"{flying:>3} in flight: {own:6.1f} µs a node, callers {callers:.1f} µs")
