"""The ASGI app of control's port: the gate every request passes, and which face answers it.

Invariant: deny by default. Without credentials only a `Route` marked public and `/version` are answered. A
refusal is always a `Status`; what nobody expected is logged under a request id and answered as a 500 that
names it. Nothing that a client sent in a header or query is ever logged.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable

from pinnace.api import console, health, issuer, origin, signin
from pinnace.api.context import ApiContext, Route
from pinnace.api.http import ClientGone, Message, Receive, Request, Send, method_not_allowed, not_found
from pinnace.api.impersonation import impersonated
from pinnace.api.kube.face import KubeFace
from pinnace.api.metrics import Metrics, Stopwatch
from pinnace.objects.authorisation import refused_path
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError

PUBLIC_PATHS = frozenset({"/version", "/version/"})
READS = frozenset({"GET", "HEAD"})
log = logging.getLogger("pinnace.api")


class App:
    """An ASGI app. `routes` lists all but the Kubernetes face's paths."""

    def __init__(self, context: ApiContext) -> None:
        self.context = context
        self.metrics = Metrics()
        self.kube = KubeFace(context)
        self.hosts = origin.LOOPBACK | {host.lower() for host in context.hosts}
        self.own = [
            *health.routes(context),
            *signin.routes(context.authenticator),
            *console.routes(),
            *(issuer.routes(context.authenticator.tokens) if context.authenticator.tokens else ()),
            Route("/", self._root, public=True),
            Route("/metrics", self._metrics),
        ]

    @property
    def routes(self) -> list[Route]:
        return [*self.own, *self.context.routes]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        self.metrics.watch_loop(asyncio.get_running_loop())
        request = _request(scope, receive, send)
        watch = Stopwatch()
        self.metrics.running += 1
        try:
            await self._answer(request)
        finally:
            self.metrics.running -= 1
            self.metrics.request(request.verb, request.resource, request.code, watch())

    async def _answer(self, request: Request) -> None:
        try:
            await self._route(request)
        except StatusError as refusal:
            await self._refuse(request, refusal)
        except ClientGone:
            pass
        except Exception:
            await self._fail(request)

    async def _route(self, request: Request) -> None:
        host = request.header(b"host")
        origin.check_host(host, self.hosts)
        origin.check_origin(request.header, host)
        route = self._find(request.path)
        public = route.public if route is not None else request.path in PUBLIC_PATHS
        if not public:
            found = await self._identity(request, tickets=route is not None and route.tickets)
            request.identity = impersonated(request, found, self.context.authoriser)
            self._permit(request, route)
        if route is not None:
            if request.method not in route.methods:
                raise method_not_allowed()
            await route.handler(request)
        elif self.kube.takes(request.path):
            await self.kube(request)
        else:
            raise not_found()

    def _find(self, path: str) -> Route | None:
        return next((route for route in self.routes if route.takes(path)), None)

    def _permit(self, request: Request, route: Route | None) -> None:
        """A path that names no resource must be allowed as such. StatusError 403."""
        if route.judged if route is not None else self.kube.judges(request.path):
            return
        verb = request.method.lower()
        if not self.context.authoriser.allow_path(request.identity, verb, request.path):
            raise refused_path(request.identity, verb, request.path)

    async def _identity(self, request: Request, *, tickets: bool = False) -> Identity:
        """StatusError 401 unless the token or the session is ours. `tickets`: a pod's ticket will do."""
        authenticator = self.context.authenticator
        bearer = request.header(b"authorization")
        found = await authenticator.by_token(bearer) if bearer else None
        if found is None and bearer and tickets:
            found = self.context.ticket(authenticator.token, bearer)
        if not bearer and (cookies := request.header(b"cookie")):
            found = authenticator.by_cookies(cookies)
            if found is not None:
                origin.check_session(request.header, request.method)
        if found is None:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        return found

    async def _refuse(self, request: Request, refusal: StatusError) -> None:
        if request.started:
            return
        route = self._find(request.path)
        if route is not None and route.refuse is not None:
            await route.refuse(request, refusal)
            return
        headers = [(b"www-authenticate", b'Bearer realm="pinnace"')] if refusal.code == 401 else []
        await request.json(refusal.code, refusal.status(), headers)

    async def _fail(self, request: Request) -> None:
        number = secrets.token_hex(6)
        log.exception("request %s: %s %s failed", number, request.method, request.path)
        if request.started:
            raise ConnectionAbortedError(f"request {number} failed after its answer had begun")
        message = (
            f"Internal error occurred: request {number} failed; {self.context.home.logs / 'control.log'} "
            "says why under this id"
        )
        await self._refuse(request, StatusError(500, "InternalError", message, details={"uid": number}))

    async def _root(self, request: Request) -> None:
        """Browsers go to the console, kubectl gets the list of paths."""
        if "text/html" in request.header(b"accept"):
            await request.reply(307, b"", headers=[(b"location", console.PREFIX.encode())])
            return
        request.identity = impersonated(request, await self._identity(request), self.context.authoriser)
        self._permit(request, None)
        groups = self.kube.discovery.groups()
        paths = ["/api", "/api/v1", "/apis"]
        for group, versions in groups.items():
            if group:
                paths += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
        mounted = [route.path for route in self.routes if route.path != "/"]
        own = ("/openapi/v2", "/openapi/v3", "/version")
        await request.json(200, {"paths": sorted({*paths, *mounted, *own})})

    async def _metrics(self, request: Request) -> None:
        lines: list[str] = list(self.metrics.lines())
        for hook in self.context.metrics:
            lines += _guarded(hook())
        text = "\n".join(lines) + "\n"
        await request.reply(200, text.encode(), "text/plain; version=0.0.4; charset=utf-8")


def _request(scope: Message, receive: Receive, send: Send) -> Request:
    if scope["type"] == "http":
        return Request(scope, receive, send)
    from pinnace.api.websocket import Upgrade  # which most platforms never need

    return Upgrade(scope, receive, send)


def _guarded(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if "\n" not in line]


def app(context: ApiContext) -> App:
    """What `server.serve` is given."""
    return App(context)
