"""PodDefaults: the configurations of a namespace, added to every new Pod that asks for them by its labels.

Called by `local` and `transaction` for every new Pod, also those of controllers, before it is held to its
namespace's limits and rights. Invariant: where there is no PodDefault at all this costs one look at a set.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinnace.kinds import pod_defaults
from pinnace.kinds.notebook import POD_DEFAULT
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.admission import pod as rules
from pinnace.objects.document import name_of, namespace_of
from pinnace.store.interface import Event, Store

KEY = POD_DEFAULT.key


class Configurations:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._places: set[str] | None = None
        """Namespaces that have any; None: to be looked up."""
        store.listen(self._forget)

    def applied(self, resource: Resource, pod: Obj) -> Obj:
        """The Pod with what its PodDefaults say; others as they are. StatusError 400: they contradict it;
        422: what comes of it is no Pod."""
        if resource.key != "pods":
            return pod
        if self._places is None:
            self._places = {namespace_of(one) for one in self.store.list(KEY).items}
        namespace = namespace_of(pod)
        if namespace not in self._places:
            return pod
        found = pod_defaults.chosen(pod, self.store.list(KEY, namespace=namespace).items)
        if not found:
            return pod
        try:
            made = pod_defaults.applied(pod, found)
        except pod_defaults.Conflict as problem:
            names = ", ".join(name_of(one) for one in found)
            words = f"conflict occurred while applying poddefaults: {names} on pod: {name_of(pod)}"
            words += f" err: {problem}"
            raise refusals.bad_request(words) from None
        rules.default(made)
        if causes := rules.check(made):
            raise refusals.invalid(resource, name_of(made), causes)
        return made

    def _forget(self, events: Sequence[Event]) -> None:
        if any(event.resource == KEY for event in events):
            self._places = None
