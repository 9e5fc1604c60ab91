"""Where Argo Server's REST API is found, on upstream's own paths. The face itself is imported with the first
request: who never asks it anything pays nothing for it.

Its paths lie among the Kubernetes API's (`/api/v1/…`), which has no resources of these names; of
`/api/v1/events` only what lies below is Argo's. Callers: `cli/routes` mounts the route.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pinnace.api.context import Route
from pinnace.api.http import Handler, Request
from pinnace.objects.errors import StatusError

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT"})
BASE = "/api/v1/"
UNDER_BASE = frozenset({
    "workflows", "workflow-templates", "cluster-workflow-templates", "cron-workflows", "archived-workflows",
    "archived-workflows-label-keys", "archived-workflows-label-values", "workflow-events", "stream",
    "workflow-event-bindings", "sync", "info", "version", "userinfo", "tracking", "event-sources", "sensors",
})
AT_ROOT = frozenset({
    "artifacts", "artifacts-by-uid", "input-artifacts", "input-artifacts-by-uid", "artifact-files",
    "upload-artifacts",
})
EVENTS = "/api/v1/events/"


class Place(Route):
    """All the paths at once: a look-up of one word, for every request of the platform passes here."""

    def takes(self, path: str) -> bool:
        if path.startswith(BASE):
            return path[len(BASE) :].partition("/")[0] in UNDER_BASE or path.startswith(EVENTS)
        return path[1:].partition("/")[0] in AT_ROOT


class Door:
    """`make` imports the face and gives it what it needs; it runs beside the loop, once."""

    def __init__(self, make: Callable[[], Handler]) -> None:
        self.make = make
        self._face: Handler | None = None

    def routes(self) -> list[Route]:
        return [Place("/api/v1/workflows/*", self, METHODS, judged=True, refuse=refuse)]

    async def __call__(self, request: Request) -> None:
        if self._face is None:
            made = await asyncio.to_thread(self.make)
            self._face = self._face or made
        await self._face(request)


async def refuse(request: Request, refusal: StatusError) -> None:
    """Also of what the gate refuses, before any face is asked."""
    from pinnace.api.argo.errors import body, status  # with the first refusal

    headers = [(b"www-authenticate", b'Bearer realm="pinnace"')] if refusal.code == 401 else []
    await request.json(status(refusal), body(refusal), headers)
