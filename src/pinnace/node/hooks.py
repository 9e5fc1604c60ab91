"""Lifecycle hooks: what a container does right after its start and before it is asked to end.

Called by `container`. postStart runs beside the container's program, which does not count as started before
it is done; preStop runs before SIGTERM, and its time is taken from the grace period. Source: the kubelet's
kuberuntime_container.go.
"""

from __future__ import annotations

import asyncio
import time

from pinnace.node.health import Check
from pinnace.node.protocol import Probe

LEAST = 2.0
"""Seconds that SIGTERM has in any case, however long preStop took."""


async def perform(hook: Probe, check: Check) -> str:
    """'' if it succeeded, else why not."""
    if hook.kind == "sleep":
        await asyncio.sleep(hook.period)
        return ""
    return await check(hook)


async def part(hook: Probe, check: Check, grace: float) -> float:
    """Run preStop within the grace period; how much of it is left."""
    begun = time.monotonic()
    try:
        await asyncio.wait_for(perform(hook, check), grace)
    except TimeoutError:
        pass
    return max(LEAST, grace - (time.monotonic() - begun))
