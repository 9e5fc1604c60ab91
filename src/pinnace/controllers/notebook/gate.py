"""Notebooks and TensorBoards as the gateway knows them: endpoints with a gate, at a host of their own.

`endpoint` and `address` are pure; `Gates` publishes for the reconcilers of this family. A host that
something else has (an InferenceService of the same name) is left to it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from pinnace.controllers.built_in import SERVICE
from pinnace.gateway import hosts
from pinnace.gateway.interface import Backend, Endpoint, Gateway, Refused, Route, Split, Unreachable
from pinnace.kinds import notebook as kind
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change
from pinnace.objects.local import Local

TIMEOUT = 3600.0
"""Seconds for one answer (a download) and for a connection on which nobody says anything."""


def key(resource: Resource, namespace: str, name: str) -> str:
    """An endpoint's name may hold a slash, which no other object's can: it is nobody else's."""
    return f"{namespace}/{resource.plural}/{name}"


class Place(msgspec.Struct, frozen=True):
    """Where it answers now: `path` is asked whether it does; `reason` says why it has no address yet."""

    addresses: tuple[str, ...]
    path: str = "/"
    reason: str = ""


def endpoint(owner: Obj, resource: Resource, mark: str, host: str, place: Place) -> Endpoint:
    meta = owner["metadata"]
    name = f"{resource.plural}/{meta['name']}"
    backend = Backend(
        name=name, addresses=place.addresses, health=place.path, lenient=True, waiting=False,
        reason=place.reason,
    )
    return Endpoint(
        namespace=meta["namespace"], name=name, gate=mark, timeout=TIMEOUT, backends=(backend,),
        routes=(Route(hosts=(host,), splits=(Split(name, 100),)),),
    )


def address(pod: Obj | None, port: int, doors: str) -> tuple[str, ...]:
    """Where Envoy reaches the Pod, once it is ready. `doors`: the folder of sockets that lead to Pods with
    a network of their own."""
    if pod is None or pod["metadata"].get("deletionTimestamp") or not ready(pod):
        return ()
    ip = pod["status"].get("podIP") or ""
    if not doors or not ip or ip.startswith("127."):
        return (f"{ip if ip.startswith('127.') else '127.0.0.1'}:{port}",)
    return (f"unix:{doors}/{ip}-{port}",)


def kept(client: Local, service: Obj) -> list[Change]:
    """The Service as it should be; one of somebody else's stays as it is."""
    meta = service["metadata"]
    held = client.peek(SERVICE, meta["name"], meta["namespace"])
    if held is None:
        return [Change(verb="create", resource=SERVICE, obj=service)]
    (owner,) = meta["ownerReferences"]
    mine = any(one.get("uid") == owner["uid"] for one in held["metadata"].get("ownerReferences") or ())
    (wanted,) = service["spec"]["ports"]
    if not mine or held["spec"]["ports"][0].get("targetPort") == wanted["targetPort"]:
        return []
    changed = {**held, "spec": {**held["spec"], "ports": [wanted]}}
    return [Change(verb="update", resource=SERVICE, obj=changed)]


def reason(pod: Obj | None) -> str:
    """What its start waits for, in the words of the scheduler or of the node."""
    status = (pod or {}).get("status") or {}
    for one in status.get("containerStatuses") or ():
        state = one.get("state") or {}
        if found := state.get("waiting") or state.get("terminated"):
            return str(found.get("message") or found.get("reason") or "its container starts").rstrip(".")
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return str(one.get("message") or one.get("reason") or "").rstrip(".")
    return "its pod starts"


def ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def marked(held: Obj | None, *, stopped: bool) -> str:
    """The mark of its sessions: one from each start to the next stop."""
    if stopped:
        return ""
    return (kind.notes(held).get(kind.SESSIONS) if held else "") or secrets.token_hex(12)


class Gates:
    """`doors`: as `address` wants it; None while the node has not said."""

    def __init__(self, gateway: Gateway, doors: Callable[[], str | None], resource: Resource) -> None:
        self.gateway = gateway
        self.doors = doors
        self.resource = resource

    async def open(self, owner: Obj, mark: str, place: Place) -> None:
        """Raises Unreachable, Refused."""
        about = await self.gateway.about()
        meta = owner["metadata"]
        stem, rest = meta["name"], f"{meta['namespace']}.{hosts.bare(about.domain)}"
        first = endpoint(owner, self.resource, mark, f"{stem}.{rest}", place)
        try:
            await self.gateway.publish([first])
        except Refused:
            other = f"{stem}-{self.resource.singular}.{rest}"
            await self.gateway.publish([endpoint(owner, self.resource, mark, other, place)])

    async def close(self, namespace: str, name: str) -> bool:
        """False: to be tried again."""
        try:
            await self.gateway.withdraw([key(self.resource, namespace, name)])
        except Unreachable:
            return False
        return True
