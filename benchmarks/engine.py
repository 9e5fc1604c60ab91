"""Control's CPU a workflow node: real commits, real Pod writes; only the node is faked.

`python -m benchmarks.engine [COUNT …]` fans out that many no-op steps and prints microseconds of CPU (all
threads of this process) a node, and what of it is the event loop's and the store writer's. A stand-in for
`controllers/pods` writes each pod's final status through `Local`, so its share (one status write a pod) is
part of the figure. The interpreter is set up as control sets up its own (the collector's thresholds, the
switch interval), and a small workflow runs first on each new store: SQLite's statements, schemas and caches
are made once in control's life, not once a run. Small runs last milliseconds: they are run several times and
their median is told.
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

import msgspec
import uvloop

from benchmarks.figure import Figure
from pinnace.cli.control import COLLECTING, SWITCH_INTERVAL
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
ENOUGH = 1_000
"""Nodes that a count is measured on, in as many runs as it takes."""
PULSE = 0.002
LIMIT = 150
"""Microseconds a node."""
FLAT = 1.2


def workflow(count: int, name: str = "fan") -> dict[str, Any]:
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
        "metadata": {"name": name, "namespace": "default"},
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


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of CPU a node: of the whole process and of the loop's thread; seconds of wall; the longest
    stall of the loop in milliseconds, and the longest that was the loop's own work."""

    cpu: float
    loop: float
    wall: float
    stall: float
    own: float


async def one(count: int, folder: Path, attempt: int, *, probed: bool = False) -> Cost:
    """With `probed` the stalls are watched, else the cost is what the run itself costs."""
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
    await client.create(WORKFLOW, workflow(20, "warm"), "default")
    await ended(client, "warm", tasks)
    gc.collect()
    lag = Lag()
    if probed:
        lag.start()
    cpu, loop, wall = time.process_time(), time.thread_time(), time.perf_counter()
    await client.create(WORKFLOW, workflow(count, "fan"), "default")
    await ended(client, "fan", tasks)
    cpu, loop = time.process_time() - cpu, time.thread_time() - loop
    wall = time.perf_counter() - wall
    lag.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    client.close()
    await store.close()
    return Cost(cpu / count * 1e6, loop / count * 1e6, wall, lag.worst * 1000, lag.own * 1000)


async def ended(client: Local, name: str, tasks: Sequence[asyncio.Task[None]]) -> None:
    done = asyncio.Event()

    def feed(events: Sequence[Event]) -> None:
        for event in events:
            if (event.resource, event.name) == (WORKFLOW.key, name) and event.obj["status"].get("finishedAt"):
                done.set()

    stop = client.listen(feed)
    waiter = asyncio.create_task(done.wait())
    await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop()
    found = client.peek(WORKFLOW, name, "default") or {}
    assert found.get("status", {}).get("phase") == "Succeeded", found.get("status")


class Lag:
    """How late a timer comes: what another caller would have waited; and how much of that the loop's thread
    was at work itself (`own`), not waiting for a core that another program had. In a run of its own, so that
    the figure has no part of it."""

    def __init__(self) -> None:
        self.worst = self.own = 0.0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due, self._spent = time.perf_counter() + PULSE, time.thread_time()
        self._timer = self._loop.call_later(PULSE, self._ring)

    def _ring(self) -> None:
        late = time.perf_counter() - self._due
        self.worst = max(self.worst, late)
        self.own = max(self.own, min(late, time.thread_time() - self._spent))
        self.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def run(counts: Sequence[int]) -> list[Cost]:
    """The cost at each count; a first small run warms imports."""
    found = []
    sys.setswitchinterval(SWITCH_INTERVAL)
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(one(20, Path(folder), 0))
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTING)
        for count in counts:
            found.append(median(count, Path(folder)))
    return found


def median(count: int, folder: Path) -> Cost:
    costs = [
        uvloop.run(one(count, folder, count + attempt)) for attempt in range(max(1, ENOUGH // count))
    ]
    cost = sorted(costs, key=lambda cost: cost.cpu)[len(costs) // 2]
    probed = uvloop.run(one(count, folder, count + len(costs), probed=True))
    cost = msgspec.structs.replace(cost, stall=probed.stall, own=probed.own)
    print(
        f"{count:>7} nodes: {cost.cpu:6.1f} µs CPU a node (loop {cost.loop:.1f}, writer "
        f"{cost.cpu - cost.loop:.1f}), {cost.wall:.2f} s, longest stall {cost.stall:.1f} ms "
        f"(its own {cost.own:.1f})",
        file=sys.stderr,
        flush=True,
    )
    return cost


def measure(*, quick: bool) -> list[Figure]:
    found = [cost.cpu for cost in run(COUNTS[:2] if quick else COUNTS)]
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
