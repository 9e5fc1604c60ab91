"""Where Kubeflow Pipelines' REST API is found. The face itself is imported with the first request: who runs
workflows alone never asks it anything, and it is heavier than the rest of the API.

Callers: `cli/routes` mounts the routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pinnace.api.context import Route
from pinnace.api.http import Handler, Request
from pinnace.objects.client import Identity
from pinnace.objects.local import Local

BASE = "/apis/v2beta1"
OLDER = "/apis/v1beta1"
"""As kfp 1.8 speaks."""
LOGS = "/apis/v1alpha1"
"""The log of a task, as upstream's front end asks for it."""
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PATCH", "PUT"})
SERVICES = ("ml-pipeline:http", "ml-pipeline", "ml-pipeline:8888", "http:ml-pipeline:8888")


Reading = Callable[[str, str], bytes | None]
"""The bytes under a namespace's key of the artifact repository, a folder as tar.gz."""


class Door:
    def __init__(self, client: Callable[[Identity], Local], read: Reading | None = None) -> None:
        self.client = client
        self.read = read
        self._face: Handler | None = None

    def routes(self) -> list[Route]:
        proxied = [
            Route(f"/api/v1/namespaces/kubeflow/services/{name}/proxy/*", self, METHODS) for name in SERVICES
        ]
        return [*(Route(f"{base}/*", self, METHODS) for base in (BASE, OLDER, LOGS)), *proxied]

    async def __call__(self, request: Request) -> None:
        if self._face is None:
            module: Any = await asyncio.to_thread(import_module, "pinnace.api.kfp.face")
            self._face = self._face or module.Face(self.client, self.read)
        await self._face(request)
