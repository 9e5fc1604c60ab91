"""Who measures for whom: the node's processes for metrics.k8s.io and for autoscalers.

Made by `families`; joins what `controllers/pods` knows of containers with those who ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pinnace.controllers.core.machine import NAME
from pinnace.controllers.pods.controller import Pods
from pinnace.controllers.pods.usage import Amount, Gauge, Place
from pinnace.controllers.workloads.scaling import Usage
from pinnace.kinds.catalogue import NODE_METRICS, POD_METRICS
from pinnace.kinds.resource import Obj
from pinnace.objects.local import Local
from pinnace.objects.measures import Figures, Measures


class Measuring:
    def __init__(self, pods: Pods, client: Local) -> None:
        self.pods = pods
        self.gauge = Gauge(self._processes)
        house = client.house
        for resource, figures in ((POD_METRICS, self._of_pods), (NODE_METRICS, self._of_node)):
            measures = Measures(resource, house.store, self.gauge.refresh, figures)
            house.virtual[resource.key] = measures

    def _processes(self) -> Mapping[Place, int]:
        return {
            (entry.uid, state.name): state.pid
            for entry in self.pods.table.entries.values()
            if entry.report is not None and entry.pod is not None
            for state in entry.report.containers
            if state.pid
        }

    def _by_pod(self) -> Mapping[str, dict[str, Amount]]:
        found: dict[str, dict[str, Amount]] = {}
        for (uid, container), amount in self.gauge.containers.items():
            found.setdefault(uid, {})[container] = amount
        return found

    def _of_pods(self) -> Iterable[Figures]:
        for uid, amounts in self._by_pod().items():
            entry = self.pods.table.entries.get(uid)
            if entry is not None and entry.pod is not None:
                meta = entry.pod["metadata"]
                yield _figures(meta["namespace"], meta["name"], amounts)

    def _of_node(self) -> Iterable[Figures]:
        if self.pods.connected:
            yield _figures("", NAME, {"": self.gauge.machine})

    async def measure(self, namespace: str, pods: Sequence[Obj]) -> Mapping[str, Usage]:
        """For autoscalers: by name of the pod."""
        await self.gauge.refresh()
        by_pod = self._by_pod()
        return {
            pod["metadata"]["name"]: _usage(by_pod[pod["metadata"]["uid"]])
            for pod in pods
            if pod["metadata"]["uid"] in by_pod
        }


def _figures(namespace: str, name: str, amounts: Mapping[str, Amount]) -> Figures:
    containers = {container: (each.cpu, each.memory) for container, each in amounts.items()}
    first = next(iter(amounts.values()))
    return Figures(namespace, name, containers, first.until, first.until - first.since)


def _usage(amounts: Mapping[str, Amount]) -> Usage:
    containers = {name: {"cpu": each.cpu, "memory": each.memory} for name, each in amounts.items()}
    return Usage(containers, min(each.since for each in amounts.values()))
