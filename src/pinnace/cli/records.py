"""Where models, runs and lineage are asked for: three faces on one memory, imported with the first question.

Callers: `cli/routes` mounts the routes.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from pinnace.api.context import Route
from pinnace.api.http import Handler, Request
from pinnace.cli.given import Platform
from pinnace.home import Home
from pinnace.node.network.messages import Port, Service

READ = frozenset({"GET", "HEAD"})
CHANGE = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"})
DOORS = {
    "/api/model_registry/*": ("registry", CHANGE), "/api/2.0/mlflow/*": ("mlflow", CHANGE),
    "/api/2.0/mlflow-artifacts/*": ("mlflow", CHANGE), "/pinnace/v1/lineage/*": ("lineage", READ),
}


SPACE = "kubeflow"
INSIDE = {
    "model-registry-service": ("10.96.0.11", Port(8080, "http-api")),
    "ml-pipeline": ("10.96.0.12", Port(8888, "http")),
}
"""Where Kubeflow's documentation and SDKs look for the Model Registry and for Pipelines inside a cluster."""
HOSTS = tuple(
    f"{name}{rest}" for name in INSIDE
    for rest in ("", f".{SPACE}", f".{SPACE}.svc", f".{SPACE}.svc.cluster.local")
)


def services(home: Home) -> list[Service]:
    """Those names in the pods' network; what comes there is the API's."""
    return [
        Service(SPACE, name, address, ports=(port,), socket=str(home.api_socket))
        for name, (address, port) in INSIDE.items()
    ]


class Records:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._faces: dict[str, Handler] = {}

    def routes(self) -> list[Route]:
        return [
            Route(path, self._handler(face), methods, tickets=face != "lineage")
            for path, (face, methods) in DOORS.items()
        ]

    def _handler(self, face: str) -> Handler:
        async def answer(request: Request) -> None:
            if not self._faces:
                made = await asyncio.to_thread(_made, self.platform)
                self._faces = self._faces or made
            await self._faces[face](request)

        return answer


def _made(platform: Platform) -> dict[str, Handler]:
    """All of them, because they share what they know."""
    from pinnace.data.blobs import Blobs
    from pinnace.objects.lineage.contents import Contents
    from pinnace.objects.registry.files import Files

    registry, files = platform.registry(), Files(platform.store, Blobs(platform.home.data))
    contents = Contents(platform.store, files, platform.client.house.keeper)
    faces: dict[str, Any] = {
        name: import_module(f"pinnace.api.{name}.face") for name in ("registry", "mlflow", "lineage")
    }
    return {
        "registry": faces["registry"].Face(registry, contents),
        "mlflow": faces["mlflow"].Face(registry, files, contents),
        "lineage": faces["lineage"].Face(
            platform.store, registry, contents, platform.catalogue.resources()
        ),
    }
