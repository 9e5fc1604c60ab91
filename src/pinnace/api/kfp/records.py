"""The records behind the API: objects of `kinds/pipelines`, read and written as who asks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from pinnace.api.kfp.errors import absent
from pinnace.authoring.kfp.submission import stamp
from pinnace.kinds import pipelines
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

ATTEMPTS = 8


class Records:
    """`client` acts as the caller."""

    def __init__(self, client: Local) -> None:
        self.client = client

    async def add(self, resource: Resource, spec: Obj, *, name: str = "", labels: Obj | None = None) -> Obj:
        document = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "spec": spec,
            "metadata": {
                "name": name or str(uuid.uuid4()),
                "namespace": pipelines.NAMESPACE,
                "labels": labels or {},
            },
            "status": {"createdAt": stamp(time.time())},
        }
        return await self.client.create(resource, document, pipelines.NAMESPACE)

    async def get(self, resource: Resource, name: str, kind: str) -> Obj:
        """Raises Refusal 404."""
        try:
            return await self.client.get(resource, name, pipelines.NAMESPACE)
        except StatusError as error:
            if error.code != 404:
                raise
            raise absent(kind, name) from None

    async def all(self, resource: Resource, labels: str = "") -> list[Obj]:
        page = await self.client.list(resource, pipelines.NAMESPACE, Selection(labels=labels))
        return page.items

    async def edit(self, resource: Resource, name: str, kind: str, change: Callable[[Obj], None]) -> Obj:
        """Read, change, write, again if somebody was faster."""
        for _ in range(ATTEMPTS):
            found: Obj = _copy(await self.get(resource, name, kind))
            change(found)
            try:
                return await self.client.update(resource, found, pipelines.NAMESPACE)
            except StatusError as error:
                if error.code != 409:
                    raise
        raise StatusError(409, "Conflict", f"{kind} {name} changes faster than it can be written")

    async def remove(self, resource: Resource, name: str, kind: str) -> None:
        await self.get(resource, name, kind)
        with suppress(StatusError):
            await self.client.delete(resource, name, pipelines.NAMESPACE, DeleteOptions())


def _copy(document: Obj) -> Obj:
    from pinnace.objects.document import clone

    return dict(clone(document))
