"""PriorityClasses: the number that a Pod's class stands for, written into the Pod at its creation.

Called by `house` for every new Pod, also those of controllers. Source: kubernetes
plugin/pkg/admission/priority. The scheduler serves the greater number first.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.store.interface import Event, Store

KEY = "priorityclasses.scheduling.k8s.io"
SYSTEM = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}


class Priorities:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._default: Obj | None = None
        self._known = False
        store.listen(self._forget)

    def applied(self, resource: Resource, pod: Obj) -> Obj:
        """The Pod with its priority; others as they are. StatusError 403: there is no such class."""
        if resource.key != "pods":
            return pod
        spec = pod.get("spec") or {}
        name = spec.get("priorityClassName")
        chosen = self._named(resource, pod, name) if name else self._by_default()
        if chosen is None:
            return pod
        value = int(chosen.get("value") or 0)
        given = {"priorityClassName": chosen["metadata"]["name"], "priority": value}
        policy = chosen.get("preemptionPolicy") or "PreemptLowerPriority"
        return {**pod, "spec": {**spec, **given, "preemptionPolicy": policy}}

    def _named(self, resource: Resource, pod: Obj, name: str) -> Obj:
        found = self.store.get(KEY, "", name)
        if found is None and name in SYSTEM:
            return {"metadata": {"name": name}, "value": SYSTEM[name]}
        if found is None:
            why = f"no PriorityClass with name {name} was found"
            raise refusals.forbidden(resource, pod["metadata"].get("name") or "", why)
        return found

    def _by_default(self) -> Obj | None:
        """Of several that call themselves the default, the least counts."""
        if not self._known:
            marked = [one for one in self.store.list(KEY).items if one.get("globalDefault")]
            self._default = min(marked, key=lambda one: int(one.get("value") or 0), default=None)
            self._known = True
        return self._default

    def _forget(self, events: Sequence[Event]) -> None:
        if any(event.resource == KEY for event in events):
            self._known = False
