"""The ASGI app of `pinnace console --context`: the console, and the context's API behind a session of ours.

Invariants: deny by default; the Host and the Origin are checked as control does; only a session that began
with the printed link is heard, and no header of the browser's but the few in PASSED reaches the server; of
its answer only those in SHOWN come back, under a policy that lets no document of it act as the console.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pinnace.api import console, origin, signin
from pinnace.api.authentication import Authenticator
from pinnace.api.context import Route
from pinnace.api.http import ClientGone, Message, Receive, Request, Send, method_not_allowed, not_found
from pinnace.api.websocket import Upgrade
from pinnace.cli.contexts import authoring, steering
from pinnace.cli.contexts.upstream import Content, Upstream
from pinnace.objects.errors import StatusError

if TYPE_CHECKING:
    import httpx

BELOW = ("/api/", "/apis/", "/openapi/", "/pinnace/v1/")
EXACT = frozenset({"/api", "/apis", "/version", "/metrics", "/openapi"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
PASSED = (b"accept", b"content-type", b"if-match", b"if-none-match", b"range")
SHOWN = (b"content-disposition", b"content-range", b"accept-ranges", b"etag", b"retry-after", b"warning")
KEPT = 4 * 1024 * 1024
POLICY = b"sandbox; default-src 'none'; frame-ancestors 'none'"
log = logging.getLogger("pinnace.console")


class Relay:
    def __init__(self, upstream: Upstream, authenticator: Authenticator) -> None:
        self.upstream = upstream
        self.authenticator = authenticator
        self.authoring = authoring.Authoring(upstream)
        own = [route for route in signin.routes(authenticator) if route.path != "/pinnace/v1/signin"]
        told = {"context": upstream.context, "namespace": upstream.access.namespace}
        pages = console.routes(told=told)
        self.routes: list[Route] = [*own, *pages, Route("/", self._root, public=True)]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        request = Request(scope, receive, send) if scope["type"] == "http" else Upgrade(scope, receive, send)
        try:
            await self._route(request)
        except StatusError as refusal:
            if not request.started:
                await request.json(refusal.code, refusal.status())
        except ClientGone:
            pass
        except Exception:
            log.exception("%s failed", request.method)
            if request.started:
                raise
            await request.json(500, StatusError(500, "InternalError", "the console's relay failed").status())

    async def _route(self, request: Request) -> None:
        host = request.header(b"host")
        origin.check_host(host)
        origin.check_origin(request.header, host)
        route = next((each for each in self.routes if each.takes(request.path)), None)
        if route is None or not route.public:
            self._known(request)
        if route is None:
            await self._relay(request)
        elif request.method in route.methods:
            await route.handler(request)
        else:
            raise method_not_allowed()

    def _known(self, request: Request) -> None:
        if self.authenticator.by_cookies(request.header(b"cookie")) is None:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        origin.check_session(request.header, request.method)

    async def _root(self, request: Request) -> None:
        await request.reply(307, b"", headers=[(b"location", console.PREFIX.encode())])

    async def _relay(self, request: Request) -> None:
        check(request.path)
        if isinstance(request, Upgrade):
            await self._watch(request)
        elif request.method not in METHODS:
            raise method_not_allowed()
        elif request.path.startswith(authoring.PREFIX) and not await self.authoring.theirs():
            await self.authoring.answer(request)
        elif (of := steering.PATH.fullmatch(request.path)) and not await self.authoring.theirs():
            await steering.answer(self.upstream, request, of.groupdict())
        else:
            await self._pass(request)

    async def _pass(self, request: Request) -> None:
        bodied = request.method in ("POST", "PUT", "PATCH", "DELETE")
        content = await _content(request) if bodied else None
        headers = {name.decode(): value for name in PASSED if (value := request.header(name))}
        if bodied and (length := request.header(b"content-length")):
            headers["content-length"] = length
        answer = await self.upstream.send(request.method, target(request), headers, content)
        try:
            await request.start(*self._head(answer))
            await until_gone(request, _copied(request, answer))
        finally:
            await answer.aclose()

    def _head(self, answer: httpx.Response) -> tuple[int, str, list[tuple[bytes, bytes]]]:
        """A refusal of our credentials is none of the browser's session."""
        self._heard(answer)
        kind = answer.headers.get("content-type", "application/octet-stream")
        return answer.status_code, kind, [*shown(answer.headers.raw), (b"content-security-policy", POLICY)]

    def _heard(self, answer: httpx.Response) -> None:
        if answer.status_code == 401:
            context = self.upstream.context
            words = f"the server does not accept the credentials of context {context!r}: renew them"
            raise StatusError(403, "Forbidden", words)

    async def _watch(self, request: Upgrade) -> None:
        """Over a WebSocket as browsers want it, a line a frame; to the server it is a plain request."""
        log = request.path.endswith("/log")
        if not log and request.query.get("watch") not in ("1", "true"):
            raise StatusError(400, "BadRequest", "only watches and logs are answered over WebSockets")
        accept = "*/*" if log else "application/json"
        answer = await self.upstream.send("GET", target(request), {"accept": accept})
        try:
            self._heard(answer)
            if log and answer.status_code >= 400:
                raise StatusError(answer.status_code, "", "the server does not give this log")
            await request.open()
            if answer.status_code >= 400:
                body = (await answer.aread()).decode(errors="replace").strip() or "{}"
                await request.tell(f'{{"type":"ERROR","object":{body}}}'.encode())
            else:
                await until_gone(request, _told(request, answer))
            await request.close()
        finally:
            await answer.aclose()


def check(path: str) -> None:
    """StatusError: this is no path of the API, or one that means another than it says."""
    if path not in EXACT and not path.startswith(BELOW):
        raise not_found()
    if any(part in (".", "..") for part in path.lower().replace("%2e", ".").split("/")):
        raise StatusError(400, "BadRequest", "a path has no '.' or '..' in it")


def target(request: Request) -> str:
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"{request.path}?{query}" if query else request.path


def shown(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower() in SHOWN]


async def _content(request: Request) -> Content:
    """Kept if it is short, so that it can be sent again with new credentials."""
    length = request.header(b"content-length")
    return await request.body(KEPT) if length.isdigit() and int(length) <= KEPT else request.pieces()


async def _copied(request: Request, answer: httpx.Response) -> None:
    async for piece in answer.aiter_bytes():
        await request.write(piece)
    await request.write(b"", more=False)


async def _told(request: Upgrade, answer: httpx.Response) -> None:
    async for line in answer.aiter_lines():
        if line.strip():
            await request.tell(line.encode())


async def until_gone(request: Request, work: object) -> None:
    """Do it as long as somebody is there; a server that breaks off ends the answer. Raises ClientGone."""
    import httpx

    assert asyncio.iscoroutine(work)
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientGone
        try:
            doing.result()
        except httpx.TransportError as problem:
            raise ConnectionAbortedError("the server broke off its answer") from problem
    finally:
        for each in (doing, leaving):
            each.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    if isinstance(request, Upgrade):
        while await request.receive() is not None:
            pass
    else:
        await request.gone()
