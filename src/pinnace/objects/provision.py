"""An object that others lean on is there before they are, whoever of several made it.

Callers: `api/kfp` and `controllers/pipelines`, for the ConfigMaps that a run's locks read.
"""

from __future__ import annotations

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.document import clone
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local


async def provided(client: Local, resource: Resource, wanted: Obj, *, fixed: bool) -> None:
    """Created where it is missing. `fixed`: its data is `wanted`'s alone; else only missing keys are added.

    As the client's identity. Raises StatusError; that somebody else was faster is none."""
    meta = wanted["metadata"]
    found = client.peek(resource, meta["name"], meta["namespace"])
    if found is None:
        try:
            await client.create(resource, clone(wanted), meta["namespace"])
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        return
    now = found.get("data") or {}
    data = wanted["data"] if fixed else {**wanted["data"], **now}
    if data != now:
        await client.patch(resource, meta["name"], meta["namespace"], {"data": data}, "merge")
