"""Control's CPU for binding a pod and writing its end: `controllers/pods` alone, on a real store and `Local`.

`python -m benchmarks.pods [COUNT …]` creates that many pods of one owner, lets a node in memory end each at
once, and prints microseconds of the loop's own CPU a pod, beyond what creating them costs.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.figure import Figure
from pinnace.controllers.built_in import POD
from pinnace.controllers.pods.controller import Pods
from pinnace.objects.client import Change
from tests.controllers.house import House, pod
from tests.controllers.nodes import FakeNode

BATCH = 50
OWNER = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w", "uid": "w", "controller": True,
}


async def spent(count: int, *, running: bool) -> float:
    """Seconds of the loop's thread to create `count` pods and, if `running`, to see them through."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        await house.namespace()
        node = FakeNode(milli=16_000)
        await house.start(*([Pods(house.client, house.store, house.home, connect=node.connect)] * running))
        began = time.thread_time()
        for first in range(0, count, BATCH):
            pods = [pod(f"p-{first + number}", owner=OWNER) for number in range(BATCH)]
            await house.client.transact(
                [Change(verb="create", resource=POD, obj=each, trusted=True) for each in pods]
            )
        while running and len(node.acked) < count:  # noqa: ASYNC110 - an Event would be measured too
            await asyncio.sleep(0.005)
        used = time.thread_time() - began
        await house.stop()
        return used


def microseconds(count: int) -> float:
    alone = min(uvloop.run(spent(count, running=False)) for _ in range(2))
    whole = min(uvloop.run(spent(count, running=True)) for _ in range(3))
    return (whole - alone) / count * 1e6


def measure(*, quick: bool) -> list[Figure]:
    counts = (500, 2000) if quick else (500, 5000)
    costs = [microseconds(count) for count in counts]
    shown = " · ".join(f"{count}: {cost:.0f} µs" for count, cost in zip(counts, costs, strict=True))
    flat = max(costs) <= 1.3 * min(costs)
    return [Figure("bind and end of a pod, loop CPU, store and objects included", "flat", shown, flat)]


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["2000"]:
        print(f"{wanted} pods: {microseconds(int(wanted)):.1f} µs of the loop a pod")
