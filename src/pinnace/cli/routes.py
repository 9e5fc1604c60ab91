"""What control answers beside the Kubernetes API: Pipelines' REST, and the platform's own questions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib import import_module
from typing import Any

from pinnace.api.argo.door import Door as ArgoDoor
from pinnace.api.context import Route
from pinnace.api.http import Handler, Request
from pinnace.api.kfp.door import Door
from pinnace.cli import observations
from pinnace.cli.given import Platform
from pinnace.cli.records import Records
from pinnace.controllers.serving import statistics
from pinnace.gateway.interface import Unreachable
from pinnace.kinds.serving import INFERENCE_SERVICE
from pinnace.kinds.serving_graph import INFERENCE_GRAPH
from pinnace.objects.client import Selection

METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "POST"})


def routes(platform: Platform) -> list[Route]:
    async def status(request: Request) -> None:
        await request.json(200, await describe(platform))

    async def endpoints(request: Request) -> None:
        namespace = request.query.get("namespace", "")
        client = platform.client.as_(request.identity)
        services = await client.list(INFERENCE_SERVICE, namespace, Selection())
        graphs = await client.list(INFERENCE_GRAPH, namespace, Selection())
        stats, steps = {}, {}
        with suppress(Unreachable):
            stats = await platform.gateway.stats()
            steps = await platform.gateway.graphs() if graphs.items else {}
        await request.json(200, statistics.document(services.items, stats, graphs.items, steps))

    async def gc(request: Request) -> None:
        from pinnace.cli.garbage import collect  # asked for now and then

        await request.text(200, (await collect(platform.home, platform.store)).text())

    def contents(namespace: str, key: str) -> bytes | None:
        from pinnace.cli.contents import reading  # asked for now and then

        return reading(platform, namespace, key)

    def argo() -> Handler:
        from pinnace.cli.argo import face  # with the first question in Argo's API

        return face(platform)

    async def debug(request: Request) -> None:
        from pinnace.cli.holding import answer  # asked for by people

        await answer(platform, request)

    async def inside(request: Request) -> None:
        """`…/volumes/<claim>/files/…`, `…/inferencegraphs/<name>/walk`, or a link to a notebook."""
        if request.segments()[4:5] == ["inferencegraphs"]:
            from pinnace.cli.walking import answer as walked  # asked for by people

            await walked(platform, request)
            return
        if request.segments()[4:7:2] == ["volumes", "files"]:
            from pinnace.api.volumes import Volumes  # asked for by people

            await Volumes(platform.home, platform.client.as_).answer(request)
            return
        from pinnace.cli.opening import answer  # asked for by people

        await answer(platform, request)

    faces: dict[str, Handler] = {}

    async def authoring(request: Request) -> None:
        if not faces:
            made = await asyncio.to_thread(import_module, "pinnace.cli.composing")
            faces["authoring"] = made.face(platform)
        await faces["authoring"](request)

    return [
        *Door(platform.client.as_, contents).routes(),
        *ArgoDoor(argo).routes(),
        Route("/pinnace/v1/status", status),
        Route("/pinnace/v1/endpoints", endpoints),
        Route("/pinnace/v1/gc", gc, frozenset({"POST"})),
        Route("/pinnace/v1/debug/*", debug, frozenset({"POST"}), judged=True),
        Route("/pinnace/v1/namespaces/*", inside, METHODS, judged=True),
        Route("/pinnace/v1/authoring/*", authoring, frozenset({"GET", "HEAD", "POST"})),
        observations.route(platform),
        *Records(platform).routes(),
    ]


async def describe(platform: Platform) -> dict[str, Any]:
    """What `pinnace status` shows beside the processes."""
    hello = platform.pods.hello
    gateway = "not reachable"
    with suppress(Unreachable):
        gateway = f"http://{(await platform.gateway.about()).domain}"
    return {
        "isolation": hello.isolation if hello else "unknown: the node is not connected",
        "network": hello.network if hello else "unknown",
        "gateway": gateway,
    }
