"""Pods made and ended for an owner, with the events that tell of it.

Called by the reconcilers of this family. Pods pass the admission of anyone's Pods (quotas, limits, priority),
slowly first: a template that is refused once is not sent a hundred times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from pinnace.controllers.built_in import POD
from pinnace.controllers.recorder import Recorder
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

LARGEST = 64


class Maker:
    def __init__(self, client: Local, recorder: Recorder) -> None:
        self.client = client
        self.recorder = recorder

    async def create(self, owner: Obj, pods: Sequence[Obj]) -> tuple[str, str] | None:
        """Reason and message of the refusal that ended it, if one did."""
        place, size = 0, 1
        while place < len(pods):
            batch = pods[place : place + size]
            try:
                made = await self.client.transact(
                    [Change(verb="create", resource=POD, obj=pod) for pod in batch]
                )
            except StatusError as error:
                if error.code == 409:
                    raise
                self.recorder.record(owner, "FailedCreate", f"Error creating: {error.message}", warning=True)
                return "FailedCreate", error.message
            for pod in made:
                self.recorder.record(owner, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
            place, size = place + len(batch), min(size * 2, LARGEST)
            await asyncio.sleep(0)
        return None

    async def end(self, owner: Obj, pods: Sequence[Obj]) -> None:
        for pod in pods:
            meta = pod["metadata"]
            with suppress(StatusError):
                await self.client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta["uid"]))
                self.recorder.record(owner, "SuccessfulDelete", f"Deleted pod: {meta['name']}")
