"""The Kubernetes face: finds what a path names and hands the request to the room that answers it.

Called by `app.py` for `/api`, `/apis`, `/openapi` and `/version`, after the gate. Every refusal is a
`StatusError`.
"""

from __future__ import annotations

import platform

from pinnace import __version__
from pinnace.api.context import ApiContext, Connect
from pinnace.api.http import Request, method_not_allowed, not_found
from pinnace.api.kube import absent, openapi2, parameters, podlogs, reviews
from pinnace.api.kube.discovery import SUBRESOURCE_VERBS, Discovery
from pinnace.api.kube.eviction import evicting
from pinnace.api.kube.openapi import OpenApi
from pinnace.api.kube.progress import telling
from pinnace.api.kube.target import CONNECTIONS, Target, parse, verb
from pinnace.api.kube.token_requests import requesting
from pinnace.api.kube.verbs import VERBS, Call
from pinnace.kinds.resource import Resource
from pinnace.kinds.trainer import TRAIN_JOB
from pinnace.objects.authorisation import refusal
from pinnace.objects.client import SYSTEM

SERVES = ("1", "36")
"""The release of Kubernetes whose behaviour is followed."""
READS = frozenset({"GET", "HEAD"})
INTO = frozenset({"exec", "attach", "portforward"})
"""Connections into a pod are a `create`, whatever HTTP method opens them."""


class KubeFace:
    def __init__(self, context: ApiContext) -> None:
        self.context = context
        self.connects = {
            ("pods", "eviction"): evicting(context), ("serviceaccounts", "token"): requesting(context),
            **streams(context), **context.connects,
        }
        self.told = {(TRAIN_JOB.key, "status"): telling(context)}
        self.discovery = Discovery(context.catalogue, self.connects)
        self.openapi = OpenApi(context.catalogue, self.discovery)

    @staticmethod
    def takes(path: str) -> bool:
        return path.strip("/").partition("/")[0] in ("api", "apis", "openapi", "version")

    @staticmethod
    def judges(path: str) -> bool:
        """Whether a path names a resource: then who may is asked about that."""
        parts = path.strip("/").split("/")
        return parts[0] in ("api", "apis") and len(parts) >= (3 if parts[0] == "api" else 4)

    async def __call__(self, request: Request) -> None:
        parts = request.segments()
        if parts[0] == "version":
            await self._version(request, parts)
        elif parts[0] == "openapi":
            await self._openapi(request, parts)
        elif len(parts) < (3 if parts[0] == "api" else 4):
            _only_reads(request)
            request.verb = "get"
            await self.discovery.answer(request, parts)
        else:
            await self._resource(request)

    async def _version(self, request: Request, parts: list[str]) -> None:
        if len(parts) != 1:
            raise not_found()
        _only_reads(request)
        major, minor = SERVES
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        await request.json(200, {
            "major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.0+pinnace-{__version__}",
            "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": f"python{platform.python_version()}", "compiler": "cpython",
            "platform": f"{platform.system().lower()}/{machine}",
        })

    async def _openapi(self, request: Request, parts: list[str]) -> None:
        if len(parts) < 2 or (parts[1] != "v3" and parts[1:] != ["v2"]):
            raise not_found()
        _only_reads(request)
        request.verb = "get"
        if parts[1] == "v2":
            await openapi2.answer(request)
            return
        await self.openapi.answer(request, parts[2:])

    async def _resource(self, request: Request) -> None:
        target = parse(request.path)
        review = reviews.BY_PLURAL.get((target.group, target.plural))
        resource = review or self.context.catalogue.find(target.group, target.version, target.plural)
        if resource is None or resource.version != target.version:
            raise not_found()
        request.resource = resource.key
        request.verb = verb(request.method, target, parameters.flag(request.query, "watch"))
        if target.namespace and not resource.namespaced:
            raise not_found()
        if review is not None:
            await self._review(request, target, resource)
        elif target.subresource:
            await self._subresource(request, target, resource)
        else:
            await self._verb(request, target, resource)

    async def _review(self, request: Request, target: Target, review: Resource) -> None:
        if request.verb != "create" or target.name:
            raise method_not_allowed()
        self._permit(request, target, review)
        await reviews.answer(request, self.context, review, target.namespace)

    async def _verb(self, request: Request, target: Target, resource: Resource) -> None:
        if request.verb not in resource.verbs:
            raise method_not_allowed()
        if resource.namespaced and not target.namespace and request.verb not in ("list", "watch"):
            if target.name:
                raise not_found()
            raise method_not_allowed()
        client = self.context.client(request.identity)
        await VERBS[request.verb](Call(request, client, resource, target))

    def _permit(self, request: Request, target: Target, resource: Resource) -> None:
        """For what no verb of the client asks about. StatusError 403."""
        wanted = request.verb or request.method.lower()
        asked = (request.identity, wanted, resource, target.namespace, target.name, target.subresource)
        if not self.context.authoriser.allow(*asked):
            raise refusal(*asked)

    async def _subresource(self, request: Request, target: Target, resource: Resource) -> None:
        name = target.subresource
        if request.method == "POST" and (tell := self.told.get((resource.key, name))) is not None:
            await tell(request, target)
            return
        connect = self.connects.get((resource.key, name))
        if connect is not None:
            if name in INTO:
                request.verb = "create"
            self._permit(request, target, resource)
            request.verb = "connect"
            await connect(request, target)
            return
        client = self.context.client(request.identity)
        if name in CONNECTIONS or name not in self.discovery.subresources(resource):
            if refusal := absent.refusal(resource.key, name):
                await client.get(resource, target.name, target.namespace)
                raise refusal
            raise not_found()
        call = Call(request, client, resource, target)
        if name == "log":
            _only_reads(request)
            self._permit(request, target, resource)
            system = self.context.client(SYSTEM)
            await podlogs.answer(
                request, system, self.context.home, resource, target.namespace, target.name
            )
        elif request.verb in SUBRESOURCE_VERBS[name]:
            await VERBS[request.verb](call)
        else:
            raise method_not_allowed()


def streams(context: ApiContext) -> dict[tuple[str, str], Connect]:
    """Into a pod. What they need is loaded by the first that asks: most platforms never do."""

    async def remote(request: Request, target: Target) -> None:
        from pinnace.api.kube.streams.remote import connect

        await connect(context, request, target)

    async def forward(request: Request, target: Target) -> None:
        from pinnace.api.kube.streams.portforward import connect

        await connect(context, request, target)

    def proxy(kind: str) -> Connect:
        async def passing(request: Request, target: Target) -> None:
            from pinnace.api.kube.proxying import proxying

            await proxying(context, kind)(request, target)

        return passing

    return {
        ("pods", "exec"): remote, ("pods", "attach"): remote, ("pods", "portforward"): forward,
        ("pods", "proxy"): proxy("pods"), ("services", "proxy"): proxy("services"),
    }


def _only_reads(request: Request) -> None:
    if request.method not in READS:
        raise method_not_allowed()
