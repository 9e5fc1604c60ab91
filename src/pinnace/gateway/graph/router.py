"""Serves graphs: Envoy sends their requests here, to a unix socket of the gateway process.

The header that Envoy adds says which graph. A service of this platform is asked through Envoy, so that
shares, waiting and counting are the same as for any other client.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from pinnace.gateway.graph.measures import Measures
from pinnace.gateway.graph.outward import Outward, place_of
from pinnace.gateway.graph.walk import Answer, Visit, failure, walk
from pinnace.gateway.interface import Graph, Refused, Taken, Walked
from pinnace.gateway.picture import NAMESPACE, REVISION
from pinnace.gateway.publisher import Publisher
from pinnace.runtimes.server import Request, Response, Server

ALWAYS = re.compile(r"authorization|x-request-id|x-b3-.*|traceparent|tracestate")
"""Headers that reach the steps of every graph; a graph may name more."""
OWN = frozenset((
    "host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    "content-length", NAMESPACE.lower(), REVISION.lower(),
))
"""Headers that are between two neighbours, whatever a pattern says."""
SHOWN = 16 * 1024
"""Bytes of each message that are told of a walk."""


class Router:
    def __init__(self, publisher: Publisher, port: Callable[[], int], measures: Measures) -> None:
        self._publisher = publisher
        self._port = port
        self._measures = measures
        self._outward = Outward()
        self.server = Server(self.handle)

    async def listen(self, path: str) -> None:
        await self.server.listen_unix(path)

    def handle(self, request: Request) -> Response | asyncio.Future[Response]:
        if request.path == "/readyz":
            return Response(b"{}")
        key = f"{request.headers.get(NAMESPACE.lower(), '')}/{request.headers.get(REVISION.lower(), '')}"
        graph = self.graphs().get(key)
        if graph is None:
            return response(failure(f"there is no graph {key}", 404))
        return asyncio.ensure_future(self._answer(key, graph, request))

    def graphs(self) -> dict[str, Graph]:
        picture = self._publisher.picture
        return {key: endpoint.graph for key, endpoint in picture.items() if endpoint.graph is not None}

    async def walked(self, key: str, body: bytes, content_type: str) -> Walked:
        """A request of somebody who wants to know the way. Raises Refused: there is no such graph."""
        graph = self.graphs().get(key)
        if graph is None:
            raise Refused(f"there is no graph {key}, or it is not served yet")
        visits: list[Visit] = []
        began = time.monotonic()
        answer = await self._walk(key, graph, body, {"content-type": content_type}, visits.append)
        took = (time.monotonic() - began) * 1000
        steps = tuple(taken(visit, began) for visit in sorted(visits, key=lambda visit: visit.began))
        return Walked(
            status=answer.status, body=answer.body, content_type=answer.content_type, took=took, steps=steps
        )

    async def _answer(self, key: str, graph: Graph, request: Request) -> Response:
        return response(await self._walk(key, graph, request.body, request.headers))

    async def _walk(
        self, key: str, graph: Graph, body: bytes, given: Mapping[str, str],
        also: Callable[[Visit], None] | None = None,
    ) -> Answer:
        headers = {"Content-Type": "application/json"} | passed_on(graph, given)

        async def ask(url: str, body: bytes) -> Answer:
            async with asyncio.timeout(graph.timeout or None):
                return await self._ask(url, headers, body)

        def seen(visit: Visit) -> None:
            self._measures.count(key, visit)
            if also is not None:
                also(visit)

        return await walk(graph, body, ask, seen)

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


def passed_on(graph: Graph, headers: Mapping[str, str]) -> dict[str, str]:
    """What of the client's headers the steps get: what the patterns name, and the type of the body, without
    which only JSON could be sent."""
    more = [found for text in graph.headers if (found := pattern(text)) is not None]
    return {
        "Content-Type" if name == "content-type" else name: value
        for name, value in headers.items()
        if name == "content-type" or ALWAYS.fullmatch(name)
        or (name not in OWN and any(each.search(name) for each in more))
    }


@lru_cache(256)
def pattern(text: str) -> re.Pattern[str] | None:
    """As upstream: found anywhere in the name; what is no pattern is passed over."""
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as problem:
        print(f"graphs: {text!r} is no pattern of headers: {problem}", flush=True)
        return None


def taken(visit: Visit, began: float) -> Taken:
    answer = visit.answer
    return Taken(
        node=visit.node, index=visit.index, began=(visit.began - began) * 1000, took=visit.took * 1000,
        status=answer.status if answer else 0, failure=visit.failure, request=visit.request[:SHOWN],
        request_size=len(visit.request), answer=answer.body[:SHOWN] if answer else b"",
        answer_size=len(answer.body) if answer else 0,
    )


def response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.content_type)
