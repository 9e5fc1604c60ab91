"""Services become names and ports in the cluster network: what stands in the store is told to the node.

Run by `manager`; `publish` is `controllers/pods`, which alone talks to the node. Level-triggered: a Service
is told whole whenever it or one of its EndpointSlices changes; a node that starts anew is told all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pinnace.controllers.built_in import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.core.endpoints import SERVICE_NAME
from pinnace.controllers.recorder import Recorder
from pinnace.kinds.resource import Obj, Resource
from pinnace.node.network.messages import NoService, Port, Service
from pinnace.objects.client import Selection
from pinnace.objects.local import Local
from pinnace.store.interface import Event

API = Key("default", "kubernetes")
INGRESS = frozenset((
    Key("istio-system", "istio-ingressgateway"), Key("istio-system", "knative-local-gateway"),
))
"""Services by which requests come to the gateway, under the names that KServe's clusters have."""
NODE_PORTS = ("NodePort", "LoadBalancer")


class ServiceNames:
    name = "services"
    watches: tuple[Resource, ...] = (SERVICE, ENDPOINT_SLICE, ENDPOINTS)

    def __init__(
        self, client: Local, publish: Callable[[Service | NoService], None], api: Path, recorder: Recorder,
        ingress: Path | None = None,
    ) -> None:
        """`api`: the unix socket on which the API answers to pods; `ingress`: the gateway's."""
        self.client = client
        self.publish = publish
        self.sockets = {API: str(api), **{key: str(ingress) for key in INGRESS if ingress}}
        self.recorder = recorder
        self.told: set[str] = set()

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == ENDPOINT_SLICE.key:
            name = (event.obj["metadata"].get("labels") or {}).get(SERVICE_NAME)
            return (Key(event.namespace, name),) if name else ()
        return (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        service = self.client.peek(SERVICE, key.name, key.namespace)
        if service is None or service["metadata"].get("deletionTimestamp"):
            self.publish(NoService(key.namespace, key.name))
            return Result()
        labels = Selection(labels=f"{SERVICE_NAME}={key.name}")
        slices = self.client.peek_list(ENDPOINT_SLICE, key.namespace, labels).items
        if not slices and (given := self.client.peek(ENDPOINTS, key.name, key.namespace)):
            slices = list(mirrored(given))
        self.publish(told(service, slices, self.early, self.sockets.get(key, "")))
        self.tell(service)
        return Result()

    def early(self, endpoint: Obj) -> bool:
        """Whether a pod that is not ready yet is named already: nobody asks it, so its start will do. The
        members of a gang look for each other before any of them runs."""
        about = endpoint.get("targetRef") or {}
        pod = self.client.peek(POD, about.get("name", ""), about.get("namespace", ""))
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return False
        started = (pod.get("status") or {}).get("phase") == "Running"
        probed = any(container.get("readinessProbe") for container in pod["spec"]["containers"])
        return not started and not probed

    def tell(self, service: Obj) -> None:
        """Once: what a load balancer or node port means here."""
        spec, uid = service["spec"], service["metadata"]["uid"]
        if spec.get("type") in NODE_PORTS and uid not in self.told:
            self.told.add(uid)
            numbers = (port.get("nodePort") for port in spec.get("ports") or ())
            ports = ", ".join(str(number) for number in numbers if number)
            text = f"listens on this machine's loopback, where free: 127.0.0.1 port {ports}"
            self.recorder.record(service, "NodePortsOnLoopback", text)


def told(service: Obj, slices: list[Obj], early: Callable[[Obj], bool], socket: str = "") -> Service:
    """A Service as the node knows it. Pure but for `early`."""
    meta, spec = service["metadata"], service["spec"]
    address, outside = spec.get("clusterIP") or "", spec.get("type") in NODE_PORTS
    return Service(
        meta["namespace"],
        meta["name"],
        address="" if address == "None" else address,
        external=spec.get("externalName", "") if spec.get("type") == "ExternalName" else "",
        ports=tuple(port_of(port, slices, outside) for port in spec.get("ports") or ()),
        pods=tuple(dict.fromkeys(named(slices, early))),
        sticky=spec.get("sessionAffinity") == "ClientIP",
        socket=socket,
    )


def port_of(port: Obj, slices: list[Obj], outside: bool) -> Port:
    name = port.get("name") or ""
    return Port(
        port["port"], name, port.get("protocol", "TCP"), tuple(targets(name, slices)),
        int(port.get("nodePort") or 0) if outside else 0,
    )


def targets(name: str, slices: list[Obj]) -> Iterator[tuple[str, int]]:
    """Where connections to the port of this name may go: to what is ready."""
    for each in slices:
        numbers = [int(port["port"]) for port in each.get("ports") or () if (port.get("name") or "") == name]
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                yield from ((address, number) for address in endpoint["addresses"] for number in numbers)


def named(slices: list[Obj], early: Callable[[Obj], bool]) -> Iterator[tuple[str, str]]:
    for each in slices:
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True) or early(endpoint):
                yield from ((address, endpoint.get("hostname") or "") for address in endpoint["addresses"])


def mirrored(endpoints: Obj) -> Iterator[Obj]:
    """Endpoints that somebody wrote by hand, as slices."""
    for subset in endpoints.get("subsets") or ():
        addresses = subset.get("addresses") or ()
        ready = [{"addresses": [one["ip"]], "hostname": one.get("hostname")} for one in addresses]
        yield {"endpoints": ready, "ports": subset.get("ports") or []}
