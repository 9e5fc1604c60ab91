"""Runs Workflows: from a key to the turns of its live run. The thin part of the engine.

Runs under way are held in memory while they live and are rebuilt from their rows when they are not there
(after a crash, after an error, when a person edited a finished workflow to run again). Pod events are kept as
news of the run that owns them; a run that is not live needs none, because opening reads its pods by name.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from pinnace.authoring.argo import merging
from pinnace.authoring.argo.validation import beside, problems
from pinnace.controllers.built_in import CONFIG_MAP, NAMESPACE, POD, SERVICE
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.workflow import birth, clock, flush, gathering, mishap
from pinnace.controllers.workflow.agent.client import Agent
from pinnace.controllers.workflow.configuration import CHANGED, Settings
from pinnace.controllers.workflow.ending import Ending
from pinnace.controllers.workflow.errands import Errands
from pinnace.controllers.workflow.live import Live
from pinnace.controllers.workflow.locations import CONTROLLER, Depot, LocationError, depot
from pinnace.controllers.workflow.locks import LockError, Locks
from pinnace.controllers.workflow.measures import Measures
from pinnace.controllers.workflow.repository import Repository
from pinnace.controllers.workflow.resources import Acting
from pinnace.controllers.workflow.run import Run
from pinnace.controllers.workflow.template import TemplateError, merge_spec, spec_of
from pinnace.controllers.workflow.turnstile import Turnstile, new
from pinnace.data.blobs import Blobs
from pinnace.kinds.argo import (
    CLUSTER_WORKFLOW_TEMPLATE,
    COMPLETED,
    DOMAIN,
    WORKFLOW,
    WORKFLOW_TEMPLATE,
    Spec,
)
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Selection, Transactional
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event, Store

KIND = "Workflow"
log = logging.getLogger("pinnace.controllers")


class Door(Transactional, Protocol):
    """What the engine needs of `Local` beyond the verbs."""

    def peek(self, resource: Resource, name: str, namespace: str = "") -> Obj | None: ...


class Kinds(Protocol):
    """Which resource a manifest's apiVersion and kind mean (`kinds.catalogue.Catalogue`)."""

    def kind(self, api_version: str, kind: str) -> Resource | None: ...

    def resources(self) -> list[Resource]: ...


class Recorder(Protocol):
    def record(self, about: Obj, reason: str, message: str, *, warning: bool = False) -> None: ...


class Workflows:
    """The reconciler. `actor` gives the client through which resource templates act: (namespace, account)."""

    name = "workflow"
    watches: tuple[Resource, ...] = (WORKFLOW, POD, CONFIG_MAP, NAMESPACE)
    owners: Mapping[str, frozenset[str]] = {POD.key: frozenset({"Workflow"})}
    acting: type[Acting] = Acting
    """How resource templates act."""
    errands: type[Errands] = Errands
    """How templates without a pod or an object are done."""

    def __init__(
        self,
        client: Door,
        store: Store,
        catalogue: Kinds,
        *,
        blobs: Blobs | None = None,
        actor: Callable[[str, str], Door] | None = None,
        recorder: Recorder | None = None,
        now: Callable[[], float] = time.time,
        isolation: Callable[[], str] = str,
        way_in: Path | None = None,
    ) -> None:
        self.way_in = way_in
        """`home.run`: where the way into the cluster network is."""
        self.agent = Agent()
        self.client = client
        self.store = store
        self.catalogue = catalogue
        self.repository = Repository(store, blobs)
        self.actor = actor or (lambda _namespace, _account: client)
        self.recorder = recorder
        self.now = now
        self.isolation = isolation
        """How pods are isolated that do not say it."""
        self.wake: Callable[[Key], None] = lambda _key: None
        self.live: dict[Key, Live] = {}
        self.mishaps = mishap.Mishaps()
        self.locks = Locks(self._limit)
        self.settings = Settings(lambda at, name: client.peek(CONFIG_MAP, name, at))
        self.turnstile = Turnstile(client, self.settings)
        self._earlier_read = False
        self.measures = Measures()
        self.ending = Ending(self)

    # ---- events ------------------------------------------------------------------------------------------

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == WORKFLOW.key:
            key = Key(event.namespace, event.name)
            if (live := self.live.get(key)) is not None:
                live.newest = event.rv
            return (key,)
        if event.resource == NAMESPACE.key or (event.namespace, event.name) == CONTROLLER:
            return tuple(self.turnstile.throttle.serve())
        if not self.live:
            return ()
        if event.resource == CONFIG_MAP.key:
            if self.locks:
                self.locks.changed(event.namespace, event.name)
                self.served()
            return ()
        if event.type == "ADDED":
            return ()
        owner = next(iter(event.obj["metadata"].get("ownerReferences") or ()), None)
        if owner is None or owner.get("kind") != KIND:
            return ()
        key = Key(event.namespace, owner["name"])
        live = self.live.get(key)
        if live is None or live.uid != owner.get("uid"):
            return ()
        live.news[event.name] = None if event.type == "DELETED" else event.obj
        return () if _quiet(event) else (key,)

    def measured(self) -> Iterable[str]:
        """What workflows emitted, for `/metrics`."""
        return self.measures.lines(self.now())

    # ---- locks -------------------------------------------------------------------------------------------

    async def _read_earlier(self) -> None:
        """Who ran, and who held what, when an earlier control ended."""
        chosen = Selection(labels=f"{DOMAIN}completed=false", projected=False)
        page = await self.client.list(WORKFLOW, "", chosen)
        if self._earlier_read:
            return
        self._earlier_read = True
        for obj in page.items:
            self.turnstile.known(obj)
            held = (obj.get("status") or {}).get("synchronization")
            if held:
                meta = obj["metadata"]
                self.locks.adopt(f"{meta.get('namespace')}/{meta['name']}", held)

    def _limit(self, namespace: str, name: str, key: str) -> int:
        found = self.client.peek(CONFIG_MAP, name, namespace)
        if found is None:
            raise LockError(f'configmaps "{name}" not found')
        value = (found.get("data") or {}).get(key)
        if value is None:
            raise LockError(f"Sync configuration key '{key}' not found in ConfigMap")
        try:
            return int(value)
        except ValueError:
            raise LockError(f"ConfigMap '{name}': '{key}' is not a whole number: {value!r}") from None

    def _let_go(self, key: Key) -> None:
        for other in self.turnstile.throttle.leave(key):
            self.wake(other)
        if self.locks:
            self.locks.forget(f"{key.namespace}/{key.name}")
            self.served()

    def served(self) -> None:
        """Runs whose turn has come with a lock are looked at."""
        for run in self.locks.served():
            namespace, _, name = run.partition("/")
            self.wake(Key(namespace, name))

    def look(self, live: Live) -> None:
        """Something that no event tells has happened to a run."""
        meta = live.obj["metadata"]
        self.wake(Key(meta.get("namespace") or "", meta["name"]))

    def resource(self, api_version: str, kind: str) -> Resource | None:
        return self.catalogue.kind(api_version, kind)

    def nearest_resource(self, word: str) -> Resource | None:
        """What kubectl would understand by a word: a plural, a singular, a short name, a kind."""
        wanted = word.lower().split(".")[0]
        for resource in self.catalogue.resources():
            if wanted in (resource.plural, resource.singular, resource.kind.lower(), *resource.short_names):
                return resource
        return None

    # ---- a key -------------------------------------------------------------------------------------------

    async def reconcile(self, key: Key) -> Result:
        live = self.live.get(key)
        if live is not None and live.known:
            obj: Obj | None = live.obj
        else:
            obj = self.client.peek(WORKFLOW, key.name, key.namespace)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._drop(key)
            self._let_go(key)
            if obj is not None:
                await self.ending.leave(obj)
            return Result()
        phase = (obj.get("status") or {}).get("phase") or ""
        if phase in COMPLETED:
            self.mishaps.forgive(obj["metadata"]["uid"])
            self._drop(key)
            self._let_go(key)
            return await self.ending.retire(obj)
        if live is not None and live.uid != obj["metadata"]["uid"]:
            self._drop(key)
            self._let_go(key)
            live = None
        try:
            result = await self._advance(key, live, obj)
        except BaseException as error:
            self._drop(key)
            if isinstance(error, StatusError) or not isinstance(error, Exception):
                raise
            if self.mishaps.again(obj["metadata"]["uid"]):
                raise
            log.exception("workflow %s/%s ends, because the engine fails on it", *key)
            await self._abort(key, mishap.told(error))
            return Result()
        self.mishaps.forgive(obj["metadata"]["uid"])
        return result

    async def _advance(self, key: Key, live: Live | None, obj: Obj) -> Result:
        if live is None:
            if not self._earlier_read:
                await self._read_earlier()
            if not await self.turnstile.passed(key, obj):
                return Result()
            live = self.live[key] = Live(self, obj)
            if not await self._open(live):
                self._drop(key)
                return Result()
        elif obj["metadata"]["resourceVersion"] != live.obj["metadata"]["resourceVersion"]:
            live.edited(obj)
        if self._overtaken(obj):
            await self._abort(key, CHANGED)
            self._drop(key)
            return Result()
        await live.turn()
        run = live.run
        assert run is not None
        if run.finished:
            self._finished(live, run)
            self._drop(key)
            self._let_go(key)
            return await self.ending.retire(live.obj)
        timer = run.next_timer
        return Result() if timer is None else Result(after=max(0.0, timer - self.now()))

    async def _open(self, live: Live) -> bool:
        """False: the workflow cannot run, and says why."""
        obj = live.obj
        try:
            fresh = new(obj)
            if fresh:
                self.settings.now().judge(obj.get("spec") or {})
                live.obj = obj = merging.born({**obj, "status": {}}, self.usual())
            spec = self._spec(obj)
            live.depot = self.depot(spec_of(spec), live.namespace)
            if fresh:
                live.obj = obj = birth.born(obj, spec)
        except (TemplateError, LocationError) as error:
            await self._refuse(live, "Error", str(error))
            return False
        try:
            found = await self._problems(obj, spec) if fresh else []
            if not found:
                live.open(spec, self.now())
        except TemplateError as error:
            found = [str(error)]
        if found:
            await self._refuse(live, "Failed", f"invalid spec: {found[0]}")
            return False
        if fresh:
            self.tell(obj, "WorkflowRunning", "Workflow Running")
            if live.depot.note:
                self.tell(obj, "ArtifactRepository", live.depot.note)
            message = await gathering.create_claims(self.client, obj, spec_of(spec))
            message = message or await gathering.create_budget(self.client, obj, spec_of(spec))
            if message:
                await self._refuse(live, "Error", message)
                return False
        return True

    async def _problems(self, obj: Obj, spec: Obj) -> list[str]:
        """What is wrong with a new one; a big one is judged in a thread."""
        if not beside.big(spec):
            return problems(obj, spec, self._template)
        known = beside.known(spec, self._template, obj["metadata"].get("namespace"))
        return await asyncio.to_thread(problems, obj, spec, known)

    def _spec(self, obj: Obj) -> Obj:
        """Raises TemplateError."""
        status, spec = obj.get("status") or {}, obj.get("spec") or {}
        stored = status.get("storedWorkflowTemplateSpec")
        if stored:
            return {**stored, **{key: spec[key] for key in ("suspend", "shutdown") if key in spec}}
        reference = spec.get("workflowTemplateRef")
        if not reference:
            return merge_spec(obj, None)
        cluster = bool(reference.get("clusterScope"))
        found = self._template(
            reference.get("name", ""), cluster=cluster, namespace=obj["metadata"].get("namespace")
        )
        if found is None:
            kind = CLUSTER_WORKFLOW_TEMPLATE if cluster else WORKFLOW_TEMPLATE
            raise TemplateError(f'{kind.key} "{reference.get("name", "")}" not found')
        return merge_spec(obj, found, self.usual())

    def usual(self) -> Obj | None:
        """`workflowDefaults` of the controller's configuration. Raises TemplateError."""
        return self.settings.now().workflow_defaults

    def _overtaken(self, obj: Obj) -> bool:
        """Under `templateReferencing: Secure`: the template has changed since the workflow began."""
        stored = (obj.get("status") or {}).get("storedWorkflowTemplateSpec")
        if stored is None or self.settings.now().referencing != "Secure":
            return False
        fresh = {key: value for key, value in obj.items() if key != "status"}
        return _steady(self._spec(fresh)) != _steady(stored)

    def depot(self, spec: Spec, namespace: str) -> Depot:
        """Where artifacts of this workflow lie by default. Raises LocationError."""
        peek = self.client.peek
        return depot(spec, namespace, lambda at, name: peek(CONFIG_MAP, name, at),
                     lambda at, name: peek(SERVICE, name, at))

    def _template(self, name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        if cluster:
            return self.client.peek(CLUSTER_WORKFLOW_TEMPLATE, name)
        return self.client.peek(WORKFLOW_TEMPLATE, name, namespace or "")

    async def _refuse(self, live: Live, phase: str, message: str) -> None:
        written = mishap.ended(live.obj, phase, message, clock.stamp(self.now()))
        await self.client.transact([Change(verb="system", resource=WORKFLOW, obj=written)])
        self.tell(live.obj, "WorkflowFailed", message, warning=True)

    async def _abort(self, key: Key, message: str) -> None:
        """The end of a run that cannot go on. Its pods that still run go."""
        obj = self.client.peek(WORKFLOW, key.name, key.namespace)
        if obj is None:
            return
        uid, now = obj["metadata"]["uid"], clock.stamp(self.now())
        nodes = [(name, body) for _, name, _, body in self.store.rows(mishap.NODE, uid)]
        written = mishap.ended(obj, "Error", message, now)
        change = Change(verb="system", resource=WORKFLOW, obj=written)
        await self.client.transact([change], mishap.settled(uid, nodes, message, now))
        self.tell(obj, "WorkflowFailed", message, warning=True)
        await self.ending.collect_pods(key.namespace, uid, ("Pending", "Running"))

    def _finished(self, live: Live, run: Run) -> None:
        good = run.phase == "Succeeded"
        message = "Workflow completed" if good else (run.message or f"Workflow {run.phase.lower()}")
        self.tell(
            live.obj,
            f"Workflow{run.phase}" if run.phase != "Error" else "WorkflowFailed",
            message,
            warning=not good,
        )

    def tell(self, obj: Obj, reason: str, message: str, *, warning: bool = False) -> None:
        if self.recorder is not None:
            self.recorder.record(obj, reason, message, warning=warning)

    def _drop(self, key: Key) -> None:
        live = self.live.pop(key, None)
        if live is not None:
            live.close()


def _steady(spec: Obj) -> Obj:
    return {key: value for key, value in spec.items() if key not in flush.STEERING}


def _quiet(event: Event) -> bool:
    """A pod that only got a machine tells its node nothing."""
    if event.type == "DELETED":
        return False
    status = event.obj.get("status") or {}
    return (
        status.get("phase") in (None, "Pending")
        and not status.get("containerStatuses")
        and not status.get("message")
    )
