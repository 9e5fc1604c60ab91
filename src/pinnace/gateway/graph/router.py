"""Serves graphs: Envoy sends their requests here, to a unix socket of the gateway process.

The header that Envoy adds says which graph. A service of this platform is asked through Envoy, so that
shares, waiting and counting are the same as for any other client.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable

from pinnace.gateway.graph.outward import Outward, place_of
from pinnace.gateway.graph.walk import Answer, failure, walk
from pinnace.gateway.interface import Graph
from pinnace.gateway.picture import NAMESPACE, REVISION
from pinnace.gateway.publisher import Publisher
from pinnace.runtimes.server import Request, Response, Server

ALWAYS = re.compile(r"authorization|x-request-id|x-b3-.*|traceparent|tracestate")
"""Headers that reach the steps of every graph; a graph may name more."""


class Router:
    def __init__(self, publisher: Publisher, port: Callable[[], int]) -> None:
        self._publisher = publisher
        self._port = port
        self._outward = Outward()
        self.server = Server(self.handle)

    async def listen(self, path: str) -> None:
        await self.server.listen_unix(path)

    def handle(self, request: Request) -> Response | asyncio.Future[Response]:
        if request.path == "/readyz":
            return Response(b"{}")
        key = f"{request.headers.get(NAMESPACE.lower(), '')}/{request.headers.get(REVISION.lower(), '')}"
        endpoint = self._publisher.picture.get(key)
        if endpoint is None or endpoint.graph is None:
            return response(failure(f"there is no graph {key}", 404))
        return asyncio.ensure_future(self._walk(endpoint.graph, request))

    async def _walk(self, graph: Graph, request: Request) -> Response:
        headers = {"Content-Type": "application/json"} | passed_on(graph, request.headers)

        async def ask(url: str, body: bytes) -> Answer:
            async with asyncio.timeout(graph.timeout or None):
                return await self._ask(url, headers, body)

        return response(await walk(graph, request.body, ask))

    async def _ask(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        place, host, target = place_of(url)
        if host.partition(":")[0] in self._ours():
            place = place._replace(host="127.0.0.1", port=self._port(), tls=False)
        with contextlib.suppress(EOFError):
            reply = await self._outward.ask(place, "POST", target, {"Host": host, **headers}, body)
            return Answer(reply.status, reply.body, reply.headers.get("content-type", "application/json"))
        raise OSError(f"{url}: the connection was closed without an answer")

    def _ours(self) -> frozenset[str]:
        return self._publisher.all_hosts


def passed_on(graph: Graph, headers: dict[str, str]) -> dict[str, str]:
    """What of the client's headers the steps get."""
    more = [re.compile(pattern, re.IGNORECASE) for pattern in graph.headers]
    return {
        name: value
        for name, value in headers.items()
        if name == "content-type" or ALWAYS.fullmatch(name) or any(each.fullmatch(name) for each in more)
    }


def response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.content_type)
