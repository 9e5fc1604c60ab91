"""Services find their pods: one EndpointSlice and one Endpoints object a Service with a selector.

A pod event costs nothing in a namespace without Services; the selectors are kept in memory from the watch.
Addresses are pods' own (network mode own); pods on a unix socket are reached by the gateway, not through a
slice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pinnace.controllers.built_in import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE
from pinnace.controllers.controller import Key, Result
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
CONTROLLER = "endpointslice-controller.k8s.io"


class EndpointsOfServices:
    name = "endpoints"
    watches: tuple[Resource, ...] = (SERVICE, POD)

    def __init__(self, client: Local) -> None:
        self.client = client
        self._selectors: dict[str, dict[str, dict[str, str]]] = {}

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == POD.key:
            services = self._selectors.get(event.namespace)
            if not services:
                return ()
            labels = event.obj["metadata"].get("labels") or {}
            before = event.labels or {}
            return tuple(
                Key(event.namespace, name)
                for name, selector in services.items()
                if selector.items() <= labels.items() or selector.items() <= before.items()
            )
        selector = (event.obj.get("spec") or {}).get("selector")
        known = self._selectors.setdefault(event.namespace, {})
        if event.type == "DELETED" or not selector:
            had = known.pop(event.name, None)
            return (Key(event.namespace, event.name),) if had else ()
        known[event.name] = selector
        return (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        service = self.client.peek(SERVICE, key.name, key.namespace)
        selector = ((service or {}).get("spec") or {}).get("selector")
        if service is None or not selector or service["metadata"].get("deletionTimestamp"):
            return Result()
        labels = ",".join(f"{name}={value}" for name, value in selector.items())
        pods = self.client.peek_list(POD, key.namespace, Selection(labels=labels)).items
        backends = [pod for pod in pods if _address(pod) and not _over(pod)]
        await self._write(ENDPOINT_SLICE, slice_of(service, backends))
        await self._write(ENDPOINTS, endpoints_of(service, backends))
        return Result()

    async def _write(self, resource: Resource, wanted: Obj) -> None:
        meta = wanted["metadata"]
        found = self.client.peek(resource, meta["name"], meta["namespace"])
        if found is None:
            with suppress(StatusError):
                await self.client.create(resource, wanted, meta["namespace"])
            return
        merged = {**found, **{key: value for key, value in wanted.items() if key != "metadata"}}
        if merged != found:
            await self.client.transact([Change(verb="update", resource=resource, obj=merged, trusted=True)])


def _address(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("podIP") or "")


def _over(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _ports(service: Obj, pods: list[Obj]) -> list[Obj]:
    return [
        {"name": port.get("name", ""), "port": _target(port, pods), "protocol": port.get("protocol", "TCP")}
        for port in service["spec"].get("ports") or ()
    ]


def _target(port: Obj, pods: list[Obj]) -> int:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    named = (
        each["containerPort"]
        for pod in pods
        for container in pod["spec"].get("containers") or ()
        for each in container.get("ports") or ()
        if each.get("name") == target
    )
    return int(next(named, port["port"]))


def _reference(pod: Obj) -> Obj:
    meta = pod["metadata"]
    return {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}


def _owner(service: Obj) -> list[Obj]:
    meta = service["metadata"]
    return [{
        "apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"], "controller": True,
        "blockOwnerDeletion": True,
    }]


def slice_of(service: Obj, pods: list[Obj]) -> Obj:
    meta = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{meta['name']}-pinnace", "namespace": meta["namespace"],
            "labels": {SERVICE_NAME: meta["name"], MANAGED_BY: CONTROLLER},
            "ownerReferences": _owner(service),
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(service, pod) for pod in pods],
        "ports": _ports(service, pods),
    }


def _endpoint(service: Obj, pod: Obj) -> Obj:
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    leaving = bool(pod["metadata"].get("deletionTimestamp"))
    ready = _ready(pod)
    found: dict[str, Any] = {
        "addresses": [_address(pod)],
        "conditions": {
            "ready": published or (ready and not leaving), "serving": ready, "terminating": leaving,
        },
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": _reference(pod),
    }
    hostname = pod["spec"].get("hostname")
    if hostname and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        found["hostname"] = hostname
    return found


def endpoints_of(service: Obj, pods: list[Obj]) -> Obj:
    meta = service["metadata"]
    addresses: dict[bool, list[Obj]] = {True: [], False: []}
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    for pod in pods:
        addresses[_ready(pod) or published].append({
            "ip": _address(pod), "nodeName": pod["spec"].get("nodeName", ""), "targetRef": _reference(pod),
        })
    subset: Obj = {"ports": _ports(service, pods)}
    if addresses[True]:
        subset["addresses"] = addresses[True]
    if addresses[False]:
        subset["notReadyAddresses"] = addresses[False]
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "ownerReferences": _owner(service),
        },
        "subsets": [subset] if pods else [],
    }
