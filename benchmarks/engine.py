"""Control's CPU a workflow node: real commits, real Pod writes; only the node is faked.

`python -m benchmarks.engine [COUNT …]` fans out that many no-op steps and prints microseconds of CPU (all
threads
of this process) a node. A stand-in for `controllers/pods` writes each pod's final status through `Local`,
so its share (one status write a pod) is part of the figure.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.figure import Figure
from pinnace.controllers.built_in import NAMESPACE, POD
from pinnace.controllers.manager import Manager
from pinnace.controllers.workflow.controller import Workflows
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event
from pinnace.store.sqlite import SqliteStore

COUNTS = (100, 1_000, 10_000)
PULSE = 0.002
LIMIT = 150
"""Microseconds a node."""
FLAT = 1.2


def workflow(count: int) -> dict[str, Any]:
    step = {
        "name": "one",
        "template": "noop",
        "withSequence": {"count": str(count)},
        "arguments": {"parameters": [{"name": "n", "value": "{{item}}"}]},
    }
    noop = {
        "name": "noop",
        "inputs": {"parameters": [{"name": "n"}]},
        "container": {"image": "busybox", "command": ["true"], "args": ["{{inputs.parameters.n}}"]},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": f"fan-{count}", "namespace": "default"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "steps": [[step]]}, noop]},
    }


class FakePods:
    """Ends every pod as soon as it is there, in the batches in which they came."""

    def __init__(self, client: Local) -> None:
        self.client = client
        self.waiting: list[dict[str, Any]] = []
        self.wake = asyncio.Event()

    def feed(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == POD.key and event.type == "ADDED":
                self.waiting.append(event.obj)
                self.wake.set()

    async def run(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            batch, self.waiting = self.waiting, []
            await self.client.transact(
                [Change(verb="status", resource=POD, obj=_ended(pod), trusted=True) for pod in batch]
            )


def _ended(pod: dict[str, Any]) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    status = {
        **pod["status"],
        "phase": "Succeeded",
        "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": state}],
    }
    return {**pod, "status": status}


async def one(count: int, folder: Path, attempt: int) -> tuple[float, float, float]:
    """(CPU microseconds a node, seconds of wall, longest stall of the loop in milliseconds)."""
    store = SqliteStore.open(folder / f"{attempt}.db")
    catalogue = Catalogue.builtin()
    client = Local.open(store, catalogue)
    client.start()
    try:
        await client.create(
            NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
        )
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
    fake = FakePods(client)
    client.listen(fake.feed)
    manager = Manager(client, [Workflows(client, store, catalogue)])
    tasks = [asyncio.create_task(manager.run()), asyncio.create_task(fake.run())]
    await manager.synced.wait()
    lag = Lag()
    watching = asyncio.create_task(lag.run())
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    await client.create(WORKFLOW, workflow(count), "default")
    await ended(client, f"fan-{count}", tasks)
    spent, lasted = time.process_time() - cpu, time.perf_counter() - wall
    watching.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, watching, return_exceptions=True)
    client.close()
    await store.close()
    return spent / count * 1e6, lasted, lag.worst * 1000


async def ended(client: Local, name: str, tasks: Sequence[asyncio.Task[None]]) -> None:
    done = asyncio.Event()

    def feed(events: Sequence[Event]) -> None:
        if any(event.resource == WORKFLOW.key and event.obj["status"].get("finishedAt") for event in events):
            done.set()

    stop = client.listen(feed)
    waiter = asyncio.create_task(done.wait())
    await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop()
    found = client.peek(WORKFLOW, name, "default") or {}
    assert found.get("status", {}).get("phase") == "Succeeded", found.get("status")


class Lag:
    """How late a timer comes: what another caller would have waited."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def run(self) -> None:
        while True:
            due = time.perf_counter() + PULSE
            await asyncio.sleep(PULSE)
            self.worst = max(self.worst, time.perf_counter() - due)


def run(counts: Sequence[int]) -> list[tuple[int, float, float]]:
    """(count, CPU a node, longest stall); a first small run warms imports and caches."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for attempt, count in enumerate((20, *counts)):
            cpu, wall, stall = uvloop.run(one(count, Path(folder), attempt))
            if attempt:
                print(
                    f"{count:>7} nodes: {cpu:6.1f} µs CPU a node, {wall:.2f} s, longest stall {stall:.1f} ms",
                    file=sys.stderr,
                    flush=True,
                )
                found.append((count, cpu, stall))
    return found


def measure(*, quick: bool) -> list[Figure]:
    found = [cpu for _, cpu, _ in run(COUNTS[:2] if quick else COUNTS)]
    spread = max(found) / min(found)
    shown = " / ".join(f"{cpu:.0f}" for cpu in found)
    return [
        Figure(
            "control's CPU a node at 100, 1,000, 10,000 nodes",
            f"≤ {LIMIT} µs",
            f"{shown} µs",
            max(found) <= LIMIT,
        ),
        Figure("its spread", f"≤ {FLAT}×", f"{spread:.2f}×", spread <= FLAT),
    ]


if __name__ == "__main__":
    run([int(word) for word in sys.argv[1:]] or COUNTS)
