"""Which pod a stream is to be connected to, and in what language: asked before anything is upgraded.

Whether who asks may is asked by `face.py` before; that needs no right to read pods
(kubernetes pkg/registry/core/pod/rest/subresources.go).
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from pinnace.api.context import ApiContext
from pinnace.api.http import Request, method_not_allowed
from pinnace.api.kube import parameters
from pinnace.api.kube.target import Target
from pinnace.api.websocket import Upgrade
from pinnace.kinds.resource import Obj
from pinnace.objects.client import SYSTEM

NOT_SPDY = (
    "Upgrade request required: WebSockets are spoken here, SPDY by itself is not; kubectl 1.30 or newer and "
    "every current client library speak them"
)


async def admitted(context: ApiContext, request: Request, target: Target) -> Obj:
    """The pod. StatusError 404, 400."""
    if request.method not in ("GET", "POST"):
        raise method_not_allowed()
    pods = context.catalogue.find("", "v1", "pods")
    assert pods is not None
    pod = await context.client(SYSTEM).get(pods, target.name, target.namespace)
    if not (pod.get("spec") or {}).get("nodeName"):
        raise parameters.bad(f"pod {target.name} does not have a host assigned")
    return pod


def upgrade(request: Request) -> Upgrade:
    """StatusError 400: it asks for something else."""
    if not isinstance(request, Upgrade):
        raise parameters.bad(NOT_SPDY)
    return request


def words(request: Request, name: str) -> list[str]:
    """All values of a query's field."""
    raw: bytes = request.scope["query_string"]
    return [value for key, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True) if key == name]
