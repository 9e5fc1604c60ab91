"""`pods/proxy`, `services/proxy`: a request that is made to a port of a pod, or to who answers for a Service.

Registered by `face.py`, which has asked whether who asks may; what it needs is loaded by the first that asks.
Invariant: no page of a pod's ever stands beside the console. Who shows a token is answered (`kubectl proxy`,
a client library). A browser's session is answered only where the console's own script fetches data, which
browsers say and scripts cannot forge (Sec-Fetch-Dest), and gets no header that a browser acts upon: no
redirect, nothing kept, nothing that runs. Neither token nor cookies go on to the pod. Source: kubernetes
pkg/registry/core/{pod,service}/strategy.go (ResourceLocation), apimachinery pkg/util/proxy.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import h11

from pinnace.api.context import ApiContext, Connect
from pinnace.api.http import Headers, Request
from pinnace.api.kube import parameters
from pinnace.api.kube.streams.portforward import CONNECT_SECONDS, Streams, reach
from pinnace.api.kube.target import Target
from pinnace.api.websocket import Upgrade
from pinnace.kinds.resource import Obj
from pinnace.objects.client import SYSTEM, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

PIECE = 1 << 16
SERVICE_NAME = "kubernetes.io/service-name"
OWN = frozenset((
    *(b"authorization", b"connection", b"cookie", b"expect", b"host", b"keep-alive", b"proxy-authorization"),
    *(b"proxy-connection", b"te", b"trailer", b"upgrade", b"set-cookie", b"proxy-authenticate"),
))
"""Headers of one connection, and of who is known here."""
INERT = frozenset((b"content-type", b"content-length", b"content-encoding", b"date", b"retry-after"))
"""What a session gets of an answer's headers."""
DATA = [
    (b"content-security-policy", b"sandbox; default-src 'none'"), (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


class Place(NamedTuple):
    """`pod` is as far as `reach` needs one."""

    scheme: str
    pod: Obj
    port: int

    @property
    def host(self) -> str:
        return f"{(self.pod.get('status') or {}).get('podIP') or '127.0.0.1'}:{self.port}"


def proxying(context: ApiContext, kind: str) -> Connect:
    find = of_pod if kind == "pods" else of_service

    async def connect(request: Request, target: Target) -> None:
        if isinstance(request, Upgrade):
            raise parameters.bad("WebSockets are not passed on here: use `kubectl port-forward`")
        if not request.header(b"authorization") and not fetched(request):
            words = "pods' pages are shown to who has a token: use `kubectl proxy` or `kubectl port-forward`"
            raise StatusError(403, "Forbidden", words)
        place = await find(context, target, *named(target.name))
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                streams = await dialled(context, place)
        except (OSError, TimeoutError) as error:
            why = f"error trying to reach service: dial tcp {place.host}: {error or 'no answer'}"
            raise StatusError(503, "ServiceUnavailable", why) from None
        try:
            await Exchange(request, place, streams).run(target)
        finally:
            streams[1].close()

    return connect


def named(text: str) -> tuple[str, str, str]:
    """`[scheme:]name[:port]` → scheme, name, port. StatusError 400."""
    parts = text.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https", ""):
        return parts[0] or "http", parts[1], parts[2]
    if len(parts) < 3:
        return "http", parts[0], "".join(parts[1:])
    raise parameters.bad(f'invalid resource request "{text[:80]}": it is [http|https:]name[:port]')


async def of_pod(context: ApiContext, target: Target, scheme: str, name: str, port: str) -> Place:
    pods = context.catalogue.key("pods")
    assert pods is not None
    pod = await context.client(SYSTEM).get(pods, name, target.namespace)
    if not (pod.get("status") or {}).get("podIP"):
        raise parameters.bad(f'address not allowed: pod "{name}" has none')
    declared = (one for each in pod["spec"]["containers"] for one in each.get("ports") or ())
    first = next((str(one["containerPort"]) for one in declared), "80")
    return Place(scheme, pod, number(port or first))


async def of_service(context: ApiContext, target: Target, scheme: str, name: str, port: str) -> Place:
    """One of those that are ready, by chance."""
    services = context.catalogue.key("services")
    slices = context.catalogue.key("endpointslices.discovery.k8s.io")
    assert services is not None
    assert slices is not None
    client = context.client(SYSTEM)
    service = await client.get(services, name, target.namespace)
    label = chosen(service, port)
    found = await client.list(slices, target.namespace, Selection(labels=f"{SERVICE_NAME}={name}"))
    places = [
        Place(scheme, pod, int(one["port"]))
        for each in found.items
        for one in each.get("ports") or ()
        if (one.get("name") or "") == label
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
        if (pod := behind(client, endpoint, target.namespace)) is not None
    ]
    if not places:
        words = f'no endpoints available for service "{target.name}"'
        raise StatusError(503, "ServiceUnavailable", words)
    return random.choice(places)  # noqa: S311 - not a secret


def behind(client: Local, endpoint: Obj, namespace: str) -> Obj | None:
    """The pod. An address that somebody wrote by hand counts where it is in the cluster network, and nowhere
    on this machine."""
    about = endpoint.get("targetRef") or {}
    if about.get("kind") == "Pod":
        pods = client.house.catalogue.key("pods")
        pod = client.peek(pods, about.get("name", ""), namespace) if pods else None
        return pod if pod and (pod.get("status") or {}).get("podIP") in endpoint["addresses"] else None
    address = next(iter(endpoint["addresses"]), "127.")
    return None if address.startswith("127.") else {"status": {"podIP": address}}


def chosen(service: Obj, port: str) -> str:
    """The name of the Service's port that is meant. StatusError 503: it has none such."""
    ports: list[Any] = service["spec"].get("ports") or []
    if not port and len(ports) == 1:
        return ports[0].get("name") or ""
    for one in ports:
        if port and port in (one.get("name"), str(one["port"])):
            return one.get("name") or ""
    name = service["metadata"]["name"]
    raise StatusError(503, "ServiceUnavailable", f'no service port "{port}" found for service "{name}"')


def number(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise parameters.bad(f'invalid port "{text[:20]}"')
    return int(text)


async def dialled(context: ApiContext, place: Place) -> Streams:
    reader, writer = await reach(context.home, place.pod, place.port)
    if place.scheme == "https":
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE  # as upstream: it is our own pod
        await writer.start_tls(trusting)
    return reader, writer


class Exchange:
    """The request as the pod hears it, and its answer."""

    def __init__(self, request: Request, place: Place, streams: Streams) -> None:
        self.request = request
        self.place = place
        self.reader, self.writer = streams
        self.wire = h11.Connection(h11.CLIENT)

    async def run(self, target: Target) -> None:
        asking = asyncio.ensure_future(self.ask(target.rest or "/"))
        try:
            await self.answer(prefix(self.request.path, target.rest))
        except (h11.RemoteProtocolError, OSError) as error:
            if self.request.started:
                raise
            words = f"error trying to reach service: {self.place.host} does not speak HTTP: {error}"
            raise StatusError(502, "BadGateway", words) from None
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def ask(self, path: str) -> None:
        query: bytes = self.request.scope.get("query_string", b"")
        wanted = path.encode("latin-1") + (b"?" + query if query else b"")
        headers = [(b"host", self.place.host.encode()), *passed(self.request.scope["headers"])]
        await self.send(h11.Request(method=self.request.method, target=wanted, headers=headers))
        async for piece in self.request.pieces():
            await self.send(h11.Data(data=piece))
        await self.send(h11.EndOfMessage())

    async def send(self, event: Any) -> None:
        self.writer.write(self.wire.send(event) or b"")
        await self.writer.drain()

    async def answer(self, before: str) -> None:
        async for event in self.events():
            if type(event) is h11.Response:
                headers: Headers = [moved(header, before) for header in passed(event.headers)]
                if not self.request.header(b"authorization"):
                    headers = inert(headers)
                await self.request.start(event.status_code, "", headers)
            elif type(event) is h11.Data:
                await self.request.write(bytes(event.data))
        await self.request.write(b"", more=False)

    async def events(self) -> AsyncIterator[Any]:
        """Up to the end of the message."""
        while True:
            event = self.wire.next_event()
            if event is h11.NEED_DATA:
                self.wire.receive_data(await self.reader.read(PIECE))
            elif type(event) is h11.EndOfMessage:
                return
            else:
                yield event


def fetched(request: Request) -> bool:
    """By a script of the console's own page, as data: never a page, a frame, a script or a worker."""
    return request.header(b"sec-fetch-dest") == "empty" and request.header(b"sec-fetch-site") == "same-origin"


def inert(headers: Headers) -> Headers:
    return [*((name, value) for name, value in headers if name in INERT), *DATA]


def passed(headers: Any) -> Headers:
    return [(name.lower(), value) for name, value in headers if name.lower() not in OWN]


def prefix(path: str, rest: str) -> str:
    return path.removesuffix(rest) if rest else path


def moved(header: tuple[bytes, bytes], before: str) -> tuple[bytes, bytes]:
    """A redirect within the pod leads through here, too."""
    name, value = header
    if name == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
        return name, before.encode("latin-1") + value
    return header
