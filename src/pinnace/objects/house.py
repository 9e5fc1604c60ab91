"""What all `Local`s of one platform share: the store, the kinds, the hub of watches, and the rules between
them.

Private to `objects/`. `commit` is the only place that calls the store's; it turns the store's refusals into
the API's and forgets what a write made stale.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.schema import Node, ruled
from pinnace.kinds.trainer import CLUSTER_RUNTIME, RUNTIME, TRAIN_JOB
from pinnace.objects import allocation, definitions, refusals
from pinnace.objects.admission import standards
from pinnace.objects.archive import Archive
from pinnace.objects.authorisation import Authoriser
from pinnace.objects.budgets.ledger import Ledger
from pinnace.objects.budgets.limits import Limits
from pinnace.objects.client import Options
from pinnace.objects.configurations import Configurations
from pinnace.objects.document import name_of, namespace_of, presented
from pinnace.objects.emptying import Emptier
from pinnace.objects.errors import Cause, StatusError
from pinnace.objects.lineage.keeping import Keeper
from pinnace.objects.priorities import Priorities
from pinnace.objects.projection import Part, Projection
from pinnace.objects.shipped import Shipped
from pinnace.objects.virtual import Virtual
from pinnace.objects.watching import Hub
from pinnace.objects.writing import Admission, Quota
from pinnace.store.interface import Conflict, DiskFull, Event, Put, Remove, Row, Store, Write

NODE = "node"
WORKFLOWS = "workflows.argoproj.io"
DEFAULT = "default"
T = TypeVar("T")
_REMEMBERED = frozenset({"namespaces", definitions.KEY})


class Catalogue(Protocol):
    """What `objects/` asks of `kinds.catalogue`."""

    def schema(self, resource: Resource) -> Node: ...

    @property
    def shipped(self) -> Collection[str]: ...

    def key(self, key: str) -> Resource | None: ...

    def resources(self) -> list[Resource]: ...

    def install(self, definition: Obj) -> list[Resource]: ...

    def remove(self, definition: Obj) -> None: ...


class House:
    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        authoriser: Authoriser,
        projections: dict[str, Projection],
        quota: Quota | None,
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.authoriser = authoriser
        self.projections = projections
        self.admission = Admission(catalogue, quota)
        self.ledger = Ledger(store, catalogue)
        self.limits = Limits(store)
        self.priorities = Priorities(store)
        self.configurations = Configurations(store)
        self.hub = Hub(store)
        self.keeper = Keeper(store)
        self.archive = Archive(store, projections.get(WORKFLOWS))
        self.virtual: dict[str, Virtual] = {}
        self.emptier: Emptier
        self.served = definitions.Served(store, catalogue)
        self.shipped = Shipped(store, catalogue)
        self.allocation = allocation.Allocation(store)
        self._namespaces: dict[str, str] = {}
        self._busy: Counter[str] = Counter()
        self._settled = asyncio.Event()
        self._defining = asyncio.Lock()
        store.listen(self._forget)

    def view(self, resource: Resource, obj: Obj, part: Part | None = None) -> Obj:
        """A stored document as this version's readers see it."""
        projection = self.projections.get(resource.key)
        return presented(resource, projection.expand(obj, part) if projection else obj)

    async def answer(self, resource: Resource, obj: Obj, options: Options) -> Obj:
        """`view` of what was written, for its writer."""
        projection = self.projections.get(resource.key)
        if projection is None or not options.passing:
            return self.view(resource, obj)
        return presented(resource, await projection.covering(obj))

    def turn(self, resource: Resource) -> AbstractAsyncContextManager[Any]:
        """To be held from `entering` or `defined` to the end of the commit: a definition is judged against
        the others, so no other may be on its way meanwhile."""
        return self._defining if resource.key == definitions.KEY else nullcontext()

    async def judged(self, resource: Resource, options: Options, judge: Callable[[], T]) -> T:
        """Admission is pure: what may take long is judged in a thread. Long documents, definitions (whose
        rules are compiled), and objects on which users' own rules are run."""
        laborious = resource.key == definitions.KEY or (
            resource.custom and resource.key not in self.catalogue.shipped
            and ruled(self.catalogue.schema(resource))
        )
        return await asyncio.to_thread(judge) if laborious or options.big else judge()

    def writable(self, resource: Resource, verb: str) -> None:
        if resource.key in self.virtual:
            raise refusals.method_not_allowed(resource, verb)

    def entering(
        self, resource: Resource, new: Obj, warnings: list[str] | None = None
    ) -> tuple[Obj, list[Row]]:
        """What a new object needs from the rest of the world: a living namespace, an accepted definition."""
        if resource.namespaced:
            self.open_namespace(resource, namespace_of(new), name_of(new))
        new = self.priorities.applied(resource, new)
        rows: list[Row] = []
        projection = self.projections.get(resource.key)
        if projection is not None:
            new, rows = projection.absorb({**new, "status": {}}, new)
        return self.defined(resource, new, warnings), rows

    def secured(self, resource: Resource, new: Obj, warnings: list[str]) -> None:
        """A Pod runs in the name of an account that is there, and is held to the security level of its
        namespace. StatusError 403. A TrainJob does for its runtime: 422."""
        if resource.key == "pods":
            self._accounted(resource, new)
            namespace = self.store.get("namespaces", "", namespace_of(new))
            if namespace is not None:
                standards.judge(namespace, resource, new, warnings)
        elif resource.key == TRAIN_JOB.key:
            self._runnable(resource, new)

    def configured(self, resource: Resource, new: Obj) -> Obj:
        """A Pod that was judged as a template, with its namespace's PodDefaults: then it is judged again."""
        made = self.configurations.applied(resource, new)
        if made is not new:
            self.secured(resource, made, [])
        return made

    def _runnable(self, resource: Resource, job: Obj) -> None:
        """A TrainJob must do for the runtime that it names; one that comes later is the controller's."""
        from pinnace.kinds import trainer_rules  # only where somebody trains

        named = job["spec"].get("runtimeRef") or {}
        own = named.get("kind") == RUNTIME.kind
        key, place = (RUNTIME.key, namespace_of(job)) if own else (CLUSTER_RUNTIME.key, "")
        runtime = self.store.get(key, place, named.get("name") or "")
        causes = trainer_rules.against(job, runtime) if runtime is not None else []
        if causes:
            raise refusals.invalid(resource, name_of(job), causes)

    def _accounted(self, resource: Resource, pod: Obj) -> None:
        """`default` is made with the namespace, and waited for by the pod itself."""
        place, name = namespace_of(pod), pod["spec"].get("serviceAccountName") or DEFAULT
        if name != DEFAULT and self.store.get("serviceaccounts", place, name) is None:
            words = f'error looking up service account {place}/{name}: serviceaccount "{name}" not found'
            raise refusals.forbidden(resource, name_of(pod), words)

    def ending(self, resource: Resource, obj: Obj) -> tuple[Obj, list[Row]]:
        """What a controller writes by its own hand: a workflow is archived in the commit of its end."""
        return self.archive.ending(obj) if resource.key == WORKFLOWS else (obj, [])

    def leaving(self, resource: Resource, obj: Obj) -> list[Row]:
        """What the commit that removes an object carries: its rows go, its record stays."""
        projection = self.projections.get(resource.key)
        gone = projection.removed(obj) if projection else []
        return [*gone, *self.keeper.leaving(resource, obj)]

    def defined(self, resource: Resource, obj: Obj, warnings: list[str] | None = None) -> Obj:
        """What depends on the others of its kind: a definition is judged against them and says so in its
        status, a Service gets numbers that no other has."""
        if resource.key == allocation.KEY:
            return self.allocation.given(resource, obj)
        if resource.key != definitions.KEY:
            return obj
        if warnings is not None and (words := self.shipped.warning(obj)):
            warnings.append(words)
        return definitions.accepted(obj, self.catalogue.resources())

    def open_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        """StatusError 404: there is no such namespace; 403: it is being emptied."""
        phase = self._namespaces.get(namespace)
        if phase is None:
            found = self.store.get("namespaces", "", namespace)
            if found is None:
                raise StatusError(
                    404,
                    "NotFound",
                    f'namespaces "{namespace}" not found',
                    details={"name": namespace, "kind": "namespaces"},
                )
            deleting = found["metadata"].get("deletionTimestamp")
            phase = self._namespaces[namespace] = "Terminating" if deleting else "Active"
        if phase == "Terminating":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = Cause(
                "metadata.namespace", f"namespace {namespace} is being terminated", "NamespaceTerminating"
            )
            raise refusals.forbidden(resource, name, why, (cause,))

    def _forget(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == "namespaces":
                self._namespaces.pop(event.name, None)
            elif event.resource == definitions.KEY:
                (self.served.gone if event.type == "DELETED" else self.served.stored)(event.obj)

    async def commit(self, writes: Sequence[Write], resources: Sequence[Resource]) -> list[Obj]:
        """`resources[i]` is the resource of the i-th Put or Remove (rows may stand anywhere)."""
        owners = {write.owner for write in writes if type(write) is Row and write.kind == NODE}
        self._busy.update(owners)
        try:
            done = await self.store.commit(writes)
        except Conflict as conflict:
            objects = [write for write in writes if type(write) is not Row]
            failed = writes[conflict.write]
            raise self._refused(conflict, failed, resources[objects.index(failed)]) from None
        except DiskFull:
            raise refusals.disk_full() from None
        finally:
            self._rest(owners)
        for write in writes:
            if not isinstance(write, Row) and write.resource in _REMEMBERED:
                self._written(write)
        if owners:
            self._tell(writes)
        return done

    def _rest(self, owners: set[str]) -> None:
        if owners:
            self._busy.subtract(owners)
            self._busy = +self._busy
            self._settled.set()

    async def settled(self, uid: str) -> None:
        """Until no commit is under way that writes rows of this owner: a reader then sees them all."""
        while self._busy[uid] > 0:
            self._settled.clear()
            await self._settled.wait()

    def _tell(self, writes: Sequence[Write]) -> None:
        rows = [write for write in writes if type(write) is Row]
        for virtual in self.virtual.values():
            virtual.changed(row for row in rows if row.kind == virtual.row_kind)

    def _written(self, write: Put | Remove) -> None:
        """The writer's next call must already see what it wrote, whenever the listeners are told."""
        if write.resource == "namespaces":
            self._namespaces.pop(write.name if isinstance(write, Remove) else name_of(write.obj), None)
        elif isinstance(write, Put):
            self.served.stored(write.obj)

    def _refused(self, conflict: Conflict, write: Write, resource: Resource) -> StatusError:
        assert not isinstance(write, Row)
        name = name_of(write.obj) if isinstance(write, Put) else write.name
        if conflict.kind == "exists":
            return refusals.already_exists(resource, name)
        if conflict.kind == "missing":
            return refusals.not_found(resource, name)
        return refusals.conflict(resource, name)

    def unmoved(self, resource: Resource, current: Obj | None, name: str, namespace: str) -> bool:
        """Whether the store still holds what the refused write was based on: then trying again is no use."""
        now = self.store.get(resource.key, namespace if resource.namespaced else "", name)
        if now is None or current is None:
            return now is current
        return bool(now["metadata"]["resourceVersion"] == current["metadata"]["resourceVersion"])
