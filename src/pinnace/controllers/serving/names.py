"""The names by which pods find what is served: Services, as KServe and Knative make them.

In Knative mode every name is an ExternalName of the gateway's own Service, so requests from inside take the
same way as those from outside: revisions, shares, activator. The gateway's Services have the names of a
KServe cluster (`istio-system`); where they lead is told to the node by `core/services`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinnace.controllers.built_in import DEPLOYMENT, NAMESPACE, SERVICE
from pinnace.controllers.serving.revisions import MANAGER, owner
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Client, Options, Selection
from pinnace.objects.client import DeleteOptions as Deletion
from pinnace.objects.errors import StatusError

ISTIO = "istio-system"
INGRESS, LOCAL = "istio-ingressgateway", "knative-local-gateway"
WITHIN = f"{LOCAL}.{ISTIO}.svc.cluster.local"
LABEL = f"{serving.GROUP}/inferenceservice"
HOST = "127.0.0.1"
STATUS = Options(field_manager=MANAGER.field_manager, subresource="status")


class Names:
    """Remembers what it has seen in order, so that a call that changes nothing asks nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._port = 0
        self._known: dict[str, tuple[str, ...]] = {}

    async def ensure(self, isvc: Obj, components: Sequence[str], port: int) -> None:
        """The gateway's Services, and one for the service as a whole and for each of its `components`
        (names of their services), as ExternalNames. `port`: the gateway's on this machine."""
        if self._port != port:
            await self._gateway(port)
            self._port = port
        wanted = (isvc["metadata"]["name"], *components)
        uid = isvc["metadata"]["uid"]
        if self._known.get(uid) == wanted:
            return
        namespace = isvc["metadata"]["namespace"]
        for name in wanted:
            await create(self._client, SERVICE, alias(isvc, name), namespace)
        await self._sweep(isvc, set(wanted))
        self._known[uid] = wanted

    def forget(self, uid: str) -> None:
        self._known.pop(uid, None)

    async def _sweep(self, isvc: Obj, wanted: set[str]) -> None:
        """Of components that were taken out."""
        meta = isvc["metadata"]
        page = await self._client.list(SERVICE, meta["namespace"], Selection(owner=meta["uid"]))
        for each in page.items:
            name = each["metadata"]["name"]
            if name not in wanted and each["spec"].get("type") == "ExternalName":
                await self._client.delete(SERVICE, name, meta["namespace"], Deletion())

    async def _gateway(self, port: int) -> None:
        await create(self._client, NAMESPACE, {"metadata": {"name": ISTIO}}, "")
        for each in gateways(port):
            made = await create(self._client, SERVICE, each, ISTIO)
            if made["spec"]["ports"] != each["spec"]["ports"]:
                spec = {**made["spec"], "ports": each["spec"]["ports"]}
                made = await self._client.update(SERVICE, {**made, "spec": spec}, ISTIO, MANAGER)
            if each["spec"]["type"] == "LoadBalancer":
                reached: Obj = {"loadBalancer": {"ingress": [{"ip": HOST, "ipMode": "VIP"}]}}
                if made.get("status") != reached:
                    await self._client.update(SERVICE, {**made, "status": reached}, ISTIO, STATUS)
        await create(self._client, DEPLOYMENT, keeper(), ISTIO)


def gateways(port: int) -> list[Obj]:
    """The gateway's own port comes first in what looks like a load balancer, so that the lines of upstream's
    pages that read host and port from it find the true ones."""
    ports = [{"name": "http2", "port": port}, {"name": "http", "port": 80}][: 1 if port == 80 else 2]
    ports = [{**each, "protocol": "TCP", "targetPort": port} for each in ports]
    inside = [{"name": "http2", "port": 80, "protocol": "TCP", "targetPort": port}]
    labels = {"app": INGRESS, "istio": "ingressgateway"}
    outer = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": ports,
             "selector": labels}
    inner = {"type": "ClusterIP", "ports": inside}
    return [gateway(INGRESS, labels, outer), gateway(LOCAL, {"app": LOCAL}, inner)]


def gateway(name: str, labels: dict[str, str], spec: Obj) -> Obj:
    return {
        "apiVersion": SERVICE.api_version, "kind": SERVICE.kind, "spec": spec,
        "metadata": {"name": name, "namespace": ISTIO, "labels": labels},
    }


def keeper() -> Obj:
    """What `kubectl port-forward svc/istio-ingressgateway` connects to: a pod in this machine's network,
    where the gateway listens. It does nothing itself."""
    labels = {"app": INGRESS, "istio": "ingressgateway"}
    container = {"name": "gateway", "image": "busybox", "command": ["sleep", "infinity"]}
    pod = {"hostNetwork": True, "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind,
        "metadata": {"name": INGRESS, "namespace": ISTIO, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def alias(isvc: Obj, name: str) -> Obj:
    return {
        "apiVersion": SERVICE.api_version, "kind": SERVICE.kind,
        "metadata": {
            "name": name, "namespace": isvc["metadata"]["namespace"],
            "labels": {LABEL: isvc["metadata"]["name"]}, "ownerReferences": [owner(isvc)],
        },
        "spec": {"type": "ExternalName", "externalName": WITHIN, "sessionAffinity": "None"},
    }


async def create(client: Client, resource: Resource, obj: Obj, namespace: str) -> Obj:
    """The object; the one that is there already, whoever made it."""
    name = obj["metadata"]["name"]
    try:
        return await client.get(resource, name, namespace)
    except StatusError as error:
        if error.code != 404:
            raise
    return await client.create(resource, obj, namespace, MANAGER)
