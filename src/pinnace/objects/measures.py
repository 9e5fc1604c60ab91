"""metrics.k8s.io: what Pods and the Node use, as objects that are stored nowhere (`kubectl top`).

`Measures` is a `Virtual` of `Local` for each of the two kinds; the figures come from whoever gauges
processes. Source of the shapes: k8s.io/metrics v1beta1 and metrics-server.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import msgspec

from pinnace.kinds.catalogue import NODE_METRICS
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals, selector
from pinnace.objects.client import Page, Selection, WatchEvent
from pinnace.objects.metadata import now
from pinnace.store.interface import Row, Store


class Figures(msgspec.Struct, frozen=True):
    """Of a pod or node (namespace, name): cores and bytes of each container; a node has one, ''."""

    namespace: str
    name: str
    containers: dict[str, tuple[float, float]]
    until: float
    window: float


class Measures:
    row_kind = ""

    def __init__(
        self, resource: Resource, store: Store, refresh: Callable[[], Awaitable[None]],
        figures: Callable[[], Iterable[Figures]],
    ) -> None:
        self.resource = resource
        self.store = store
        self.refresh = refresh
        self.figures = figures

    async def ready(self) -> None:
        await self.refresh()

    async def get(self, name: str, namespace: str) -> Obj:
        for each in self.figures():
            if (each.namespace, each.name) == (namespace if self.resource.namespaced else "", name):
                return self._shown(each)
        raise refusals.not_found(self.resource, name)

    async def list(self, namespace: str, selection: Selection) -> Page:
        asked = selector.parse(self.resource, selection.labels, selection.fields)
        shown = [self._shown(each) for each in self.figures() if namespace in ("", each.namespace)]
        return Page([each for each in shown if asked.fits(each)], str(self.store.rv))

    def watch(self, namespace: str, selection: Selection) -> AsyncIterator[WatchEvent]:
        raise refusals.method_not_allowed(self.resource, "watch")

    def changed(self, rows: Iterable[Row]) -> None:
        """No rows make it up."""

    def _shown(self, figures: Figures) -> Obj:
        of_node = self.resource.key == NODE_METRICS.key
        subject = self.store.get("nodes" if of_node else "pods", figures.namespace, figures.name) or {}
        meta: Obj = {"name": figures.name, "creationTimestamp": now()}
        if figures.namespace:
            meta["namespace"] = figures.namespace
        if labels := (subject.get("metadata") or {}).get("labels"):
            meta["labels"] = labels
        found: Obj = {
            "kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": meta,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(figures.until)),
            "window": f"{figures.window:.3f}s",
        }
        usages = {name: _usage(*used) for name, used in figures.containers.items()}
        if of_node:
            return {**found, "usage": next(iter(usages.values()))}
        return {**found, "containers": [{"name": name, "usage": usage} for name, usage in usages.items()]}


def _usage(cpu: float, memory: float) -> dict[str, str]:
    return {"cpu": f"{math.ceil(cpu * 1e9)}n", "memory": f"{int(memory) // 1024}Ki"}
