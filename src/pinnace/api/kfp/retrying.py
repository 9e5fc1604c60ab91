"""A failed run goes on: its Workflow is retried as `argo retry` does it. Caller: `runs`."""

from __future__ import annotations

from pinnace.authoring.argo.retrying import Wish
from pinnace.kinds.resource import Obj
from pinnace.objects import steering
from pinnace.objects.local import Local


async def again(client: Local, workflow: Obj) -> None:
    """`workflow` as it was read, with its nodes."""
    meta = workflow["metadata"]
    await steering.retry(client, meta["name"], meta["namespace"], Wish())
