"""InferenceGraph: its services are found, its picture goes to the gateway, whose router walks it.

A graph has no pod here: the router is part of the gateway process, so there is nothing to start or to scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp
from pinnace.controllers.serving.reconciler import Events, verdict
from pinnace.controllers.serving.status import INFO, condition
from pinnace.controllers.serving.template import model_name
from pinnace.gateway import hosts
from pinnace.gateway.interface import (
    About,
    Backend,
    Endpoint,
    Gateway,
    Graph,
    Node,
    Refused,
    Route,
    Split,
    Step,
    Unreachable,
)
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.kinds.serving_graph import INFERENCE_GRAPH
from pinnace.objects.client import Client, Options
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event

SERVICE = serving.INFERENCE_SERVICE
HEADERS = "pinnace.dev/propagate-headers"
"""Annotation: further headers that steps get, as regular expressions with commas between them (a cluster has
them in its configuration: `router.headers.propagate`)."""
OPTIONS = Options(field_manager="inferencegraph-controller", subresource="status")


class Waiting(Exception):
    """A service of the graph is not there yet."""


class InferenceGraphs:
    name = "inferencegraph"
    watches = (INFERENCE_GRAPH, SERVICE)

    def __init__(self, client: Client, gateway: Gateway, events: Events) -> None:
        self._client = client
        self._gateway = gateway
        self._events = events
        self._uses: dict[Key, frozenset[str]] = {}

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == INFERENCE_GRAPH.key:
            key = Key(event.namespace, event.name)
            if event.type == "DELETED":
                self._uses.pop(key, None)
            else:
                self._uses[key] = frozenset(services(event.obj))
            return (key,)
        return tuple(
            key for key, used in self._uses.items()
            if key.namespace == event.namespace and event.name in used
        )

    async def reconcile(self, key: Key) -> Result:
        try:
            graph = await self._client.get(INFERENCE_GRAPH, key.name, key.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return await self._gone(key)
        if graph["metadata"].get("deletionTimestamp"):
            return await self._gone(key)
        try:
            about = await self._gateway.about()
            why = await self._publish(graph, about)
        except Unreachable:
            return Result(after=0.5)
        await self._report(graph, about, why)
        return Result()

    async def _gone(self, key: Key) -> Result:
        try:
            await self._gateway.withdraw([f"{key.namespace}/{key.name}"])
        except Unreachable:
            return Result(after=0.5)
        return Result()

    async def _publish(self, graph: Obj, about: About) -> str:
        """'' when it is served, else what it waits for."""
        try:
            urls = {name: await self._url(graph, name) for name in services(graph)}
            await self._gateway.publish([endpoint(graph, urls, about)])
        except (Waiting, Refused) as problem:
            return str(problem)
        return ""

    async def _url(self, graph: Obj, name: str) -> str:
        """Where a step's service is asked: its address, and the path of its protocol."""
        namespace = graph["metadata"]["namespace"]
        try:
            isvc = await self._client.get(SERVICE, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            raise Waiting(f"Failed to find graph service {name}") from None
        address = ((isvc.get("status") or {}).get("address") or {}).get("url")
        if not address:
            raise Waiting(f"service {name} is not ready")
        return f"{address}{predict_path(isvc)}"

    async def _report(self, graph: Obj, about: About, why: str) -> None:
        old = graph.get("status") or {}
        known = {each["type"]: each for each in old.get("conditions") or ()}
        said = ("True", "", "") if not why else ("False", "ServiceNotReady", why)
        found: Obj = {
            "observedGeneration": graph["metadata"].get("generation", 1),
            "deploymentMode": serving.mode(graph),
            "conditions": [
                condition("Ready", said, "", known, stamp()),
                condition("RouteReady", said, INFO, known, stamp()),
            ],
        }
        if not why:
            found["url"] = url(graph, about.domain)
        if found == old:
            return
        if verdict(found, "Ready") != verdict(old, "Ready"):
            reason = "InferenceGraphNotReady" if why else "InferenceGraphReady"
            text = why or f"InferenceGraph [{graph['metadata']['name']}] is Ready"
            self._events.record(graph, reason, text, warning=bool(why))
        await self._client.update(
            INFERENCE_GRAPH, {**graph, "status": found}, graph["metadata"]["namespace"], OPTIONS
        )


def nodes_of(graph: Obj) -> dict[str, Any]:
    return (graph.get("spec") or {}).get("nodes") or {}


def services(graph: Obj) -> set[str]:
    steps = (step for node in nodes_of(graph).values() for step in node.get("steps") or ())
    return {step["serviceName"] for step in steps if step.get("serviceName")}


def predict_path(isvc: Obj) -> str:
    """Of the component that requests come to first, by the predictor's protocol."""
    predictor = (isvc.get("spec") or {}).get("predictor") or {}
    model: Obj = predictor.get("model") or next(iter(predictor.get("containers") or ()), {})
    name = model_name(model, isvc["metadata"]["name"])
    env = {entry.get("name"): entry.get("value") for entry in model.get("env") or ()}
    protocol = model.get("protocolVersion") or env.get("PROTOCOL") or "v1"
    return f"/v2/models/{name}/infer" if protocol == "v2" else f"/v1/models/{name}:predict"


def url(graph: Obj, domain: str) -> str:
    meta = graph["metadata"]
    joined = "-" if serving.mode(graph) == serving.STANDARD else "."
    return f"http://{meta['name']}{joined}{meta['namespace']}.{domain}"


def endpoint(graph: Obj, urls: Mapping[str, str], about: About) -> Endpoint:
    meta, spec = graph["metadata"], graph.get("spec") or {}
    name, namespace = meta["name"], meta["namespace"]
    naming = hosts.standard if serving.mode(graph) == serving.STANDARD else hosts.knative
    own = (*naming(name, namespace, about.domain), *hosts.cluster(f"{name}.{namespace}"))
    splits = (Split(name, 100),)
    patterns = tuple(serving.notes(graph).get(HEADERS, "").replace(",", " ").split())
    timeouts = spec.get("routerTimeouts") or {}
    return Endpoint(
        namespace=namespace, name=name,
        routes=(
            Route(hosts=tuple(dict.fromkeys(own)), splits=splits),
            Route(hosts=hosts.paths(about.domain), splits=splits, prefix=f"/serving/{namespace}/{name}/",
                  rewrite="/"),
        ),
        backends=(Backend(name=name, addresses=(f"unix:{about.router}",), health="/readyz"),),
        timeout=float(spec.get("timeout") or 300),
        graph=Graph(
            nodes={key: node(value, urls) for key, value in nodes_of(graph).items()}, headers=patterns,
            timeout=float(timeouts.get("serviceClient") or 0),
        ),
    )


def node(document: Obj, urls: Mapping[str, str]) -> Node:
    return Node(document["routerType"], tuple(step(each, urls) for each in document.get("steps") or ()))


def step(document: Obj, urls: Mapping[str, str]) -> Step:
    return Step(
        name=document.get("name") or "", node=document.get("nodeName") or "",
        url=document.get("serviceUrl") or urls.get(document.get("serviceName") or "", ""),
        data=document.get("data") or "", weight=int(document.get("weight") or 0),
        condition=document.get("condition") or "", hard=document.get("dependency") == "Hard",
        renames=bool(document.get("mapPredictionsToInstances")),
    )
