"""InferenceService: plan → revision → pods → health through the gateway → traffic → status.

Called by the controllers' manager with a key. Level-triggered: what was decided is in objects (revisions,
pods, status); what is in memory (idle times) may be lost at any time. A revision gets traffic only after
the gateway has found it healthy, and loses its pods only after its last request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from pinnace.controllers.built_in import DEPLOYMENT, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.serving import agent as agents
from pinnace.controllers.serving import (
    canaries,
    parts,
    replicas,
    revisions,
    scaling,
    storage,
    traffic,
    trained,
)
from pinnace.controllers.serving.deployed import Deployed
from pinnace.controllers.serving.endpoints import Picture, endpoint
from pinnace.controllers.serving.names import LABEL, Names
from pinnace.controllers.serving.observed import Observed
from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.planning import Planner
from pinnace.controllers.serving.revisions import MANAGER, Revision
from pinnace.controllers.serving.selection import Problem
from pinnace.controllers.serving.status import Facts, status
from pinnace.failpoint import passing
from pinnace.gateway.interface import About, Gateway, Refused, Statistics, Unreachable
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event

if TYPE_CHECKING:
    from pinnace.objects.registry.records import Registry

SERVICE, RUNTIME, CLUSTER_RUNTIME = (
    serving.INFERENCE_SERVICE, serving.SERVING_RUNTIME, serving.CLUSTER_SERVING_RUNTIME,
)
AGAIN = 0.05
"""Seconds to the next look at something that takes milliseconds (a health check, a drain)."""
RETRY = 2.0
"""… at something that a person or another controller has to bring (an artifact, a free port)."""
DRAIN = 30.0
ALONE = "the agent needs a network of the pod's own, which this machine cannot give (docs/network.md)"
NOTHING = Statistics()


class Events(Protocol):
    def record(self, about: Obj, reason: str, message: str, *, warning: bool = False) -> None: ...


class Work(msgspec.Struct, kw_only=True):
    """One call's picture of one service."""

    isvc: Obj
    about: About
    parts: list[Part]
    canaries: list[Part] = []
    """In Standard mode, the predictor's variants."""
    known: list[Revision] = []
    """Of all its components."""
    routed: bool = False
    after: float | None = None

    def soon(self, seconds: float) -> None:
        self.after = seconds if self.after is None else min(self.after, seconds)

    @property
    def namespace(self) -> str:
        return str(self.isvc["metadata"]["namespace"])

    @property
    def standard(self) -> bool:
        return serving.mode(self.isvc) == serving.STANDARD


class InferenceServices:
    """`artifacts` reads the local artifact repository, `volumes` is the home's folder of claims, `tail` gives
    the last lines of a container's log (pod uid, container, restart), `doors` the folder of sockets that lead
    to pods with a network of their own, '' where pods share the host's, `registry` the models that
    `model-registry://` names."""

    name = "inferenceservice"
    watches = (SERVICE, POD, DEPLOYMENT, RUNTIME, CLUSTER_RUNTIME, serving.TRAINED_MODEL)
    owners: Mapping[str, frozenset[str]] = {
        POD.key: frozenset({"InferenceService", "ReplicaSet"}),
        DEPLOYMENT.key: frozenset({"InferenceService"}),
    }

    def __init__(
        self,
        client: Client,
        gateway: Gateway,
        events: Events,
        *,
        artifacts: storage.Artifacts,
        volumes: Path,
        tail: Callable[[str, str, int], str] = lambda uid, container, restart: "",
        doors: Callable[[], str] = lambda: "",
        registry: Callable[[], Registry] | None = None,
    ) -> None:
        self._client = client
        self._gateway = gateway
        self._events = events
        self._planner = Planner(client, artifacts, volumes, registry)
        self._tail = tail
        self._doors = doors
        self._scaler = scaling.Scaler()
        self._names = Names(client)
        self._deployed = Deployed(client)
        self._known: set[Key] = set()

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == SERVICE.key:
            key = Key(event.namespace, event.name)
            self._known.add(key)
            return (key,)
        if event.resource in (POD.key, DEPLOYMENT.key):
            name = (event.obj["metadata"].get("labels") or {}).get(LABEL)
            return (Key(event.namespace, name),) if name else ()
        if event.resource == serving.TRAINED_MODEL.key:
            name = (event.obj.get("spec") or {}).get("inferenceService")
            return (Key(event.namespace, name),) if name else ()
        return tuple(key for key in self._known if not event.namespace or key.namespace == event.namespace)

    async def reconcile(self, key: Key) -> Result:
        try:
            isvc = await self._client.get(SERVICE, key.name, key.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            self._known.discard(key)
            return await self._gone(key)
        try:
            if isvc["metadata"].get("deletionTimestamp"):
                return await self._leave(isvc)
            isvc = await self._adopt(isvc)
            work = Work(isvc=isvc, about=await self._gateway.about(), parts=parts.of(isvc))
            work.canaries = canaries.of(isvc)
            await self._serve(work)
        except Unreachable:
            return Result(after=0.5)
        return Result(after=work.after)

    async def _gone(self, key: Key) -> Result:
        try:
            await self._gateway.withdraw([f"{key.namespace}/{key.name}"])
        except Unreachable:
            return Result(after=0.5)
        return Result()

    async def _adopt(self, isvc: Obj) -> Obj:
        """The finalizer that lets routes go before pods do."""
        held = isvc["metadata"].get("finalizers") or []
        if serving.FINALIZER in held:
            return isvc
        meta = {**isvc["metadata"], "finalizers": [*held, serving.FINALIZER]}
        return await self._client.update(SERVICE, {**isvc, "metadata": meta}, meta["namespace"], MANAGER)

    async def _leave(self, isvc: Obj) -> Result:
        """Deleted: no new requests, then the last answers, then the object (and by it its pods)."""
        meta = isvc["metadata"]
        if serving.FINALIZER not in (meta.get("finalizers") or ()):
            return Result()
        key = f"{meta['namespace']}/{meta['name']}"
        if key in await self._gateway.published():
            counted = await self._gateway.stats()
            await self._gateway.withdraw([key])
            if any(counted.get(name, NOTHING).active for name in self._counted(isvc, counted)):
                return Result(after=AGAIN)
        counted = await self._gateway.stats()
        busy = any(counted[name].active for name in self._counted(isvc, counted))
        if busy and time.time() < unix(meta["deletionTimestamp"]) + DRAIN:
            return Result(after=AGAIN)
        left = [name for name in meta["finalizers"] if name != serving.FINALIZER]
        self._names.forget(meta["uid"])
        self._deployed.forget(meta["uid"])
        gone = {**isvc, "metadata": {**meta, "finalizers": left}}
        await self._client.update(SERVICE, gone, meta["namespace"], MANAGER)
        return Result()

    @staticmethod
    def _counted(isvc: Obj, counted: dict[str, Statistics]) -> list[str]:
        stem = isvc["metadata"]["namespace"]
        prefixes = tuple(f"{stem}/{serving.service(isvc, name)}-" for name in serving.COMPONENTS)
        return [name for name in counted if name.startswith(prefixes)]

    # One call, from top to bottom ------------------------------------------------------------------------

    async def _serve(self, work: Work) -> None:
        for part in (*work.parts, *work.canaries):
            await self._plan(work, part)
        await self._revise(work)
        await self._observe(work)
        await self._route(work)
        await self._scale(work)
        await self._report(work)

    async def _plan(self, work: Work, part: Part) -> None:
        try:
            part.plan = await self._planner.plan(work.isvc, part, networks=bool(self._doors()))
        except Problem as problem:
            part.problem = problem
            if problem.waiting:
                work.soon(RETRY)

    async def _revise(self, work: Work) -> None:
        if work.standard:
            if work.canaries:
                work.parts[0].spec = canaries.relieved(work.isvc, work.parts[0], work.canaries)
            await self._deployed.bring_about(work.isvc, [*work.parts, *work.canaries])
            return
        await self._names.ensure(work.isvc, [part.service for part in work.parts], work.about.port)
        work.known = await revisions.of(self._client, work.isvc)
        said = (work.isvc.get("status") or {}).get("components") or {}
        for part in work.parts:
            part.take(work.known, said.get(part.component) or {})
            if part.plan is not None and part.changed and not serving.stopped(work.isvc):
                made = await revisions.create(
                    self._client, work.isvc, part.component, part.plan, part.next_number
                )
                part.add(made)

    async def _observe(self, work: Work) -> None:
        pods = await self._client.list(POD, work.namespace, Selection(owner=work.isvc["metadata"]["uid"]))
        found = pods.items
        if work.standard:
            labels = Selection(labels=f"{LABEL}={work.isvc['metadata']['name']}")
            found = (await self._client.list(POD, work.namespace, labels)).items
        for part in (*work.parts, *work.canaries):
            part.look(found, self._doors())
        used = set() if work.standard else {part.component for part in work.parts}
        for pod in pods.items:
            component = (pod["metadata"].get("labels") or {}).get("component")
            if component not in used and not pod["metadata"].get("deletionTimestamp"):
                await replicas.remove(self._client, pod)

    async def _route(self, work: Work) -> None:
        """Traffic follows the newest revision as soon as it is healthy through the gateway, not before."""
        await self._publish(work)
        turned = False
        for part in (*work.parts, *work.canaries):
            newest = part.newest
            if newest is None or not newest.addresses or part.rollout.ready == newest.revision:
                continue
            if await self._gateway.ready(work.namespace, newest.revision):
                part.rollout = msgspec.structs.replace(part.rollout, ready=newest.revision)
                turned = True
            else:
                work.soon(AGAIN)
        if turned:
            await self._publish(work)

    async def _publish(self, work: Work) -> None:
        canary = False
        for part in work.parts:
            percent = None if work.standard else part.spec.get("canaryTrafficPercent")
            canary = canary or percent is not None
            tagged = serving.notes(work.isvc).get(serving.TAG_ROUTING, "").lower() == "true"
            part.rollout, part.targets = traffic.turn(part.rollout, percent, tag_latest=tagged)
        if work.canaries:
            canary = True
            work.parts[0].targets = canaries.shared(work.parts[0], work.canaries)
        if not all(part.revisions for part in work.parts):
            if work.standard and serving.stopped(work.isvc):
                await self._gateway.withdraw([f"{work.namespace}/{work.isvc['metadata']['name']}"])
            return
        reason = f"{work.isvc['metadata']['name']} is stopped" if serving.stopped(work.isvc) else ""
        picture = Picture(isvc=work.isvc, domain=work.about.domain, parts=work.parts, reason=reason,
                          canaries=[each for each in work.canaries if each.revisions])
        try:
            turn = "canary" if canary else "publish"
            passing(f"serving.before-{turn}")
            await self._gateway.publish([endpoint(picture)])
            passing(f"serving.after-{turn}")
            work.routed = True
        except Refused as refusal:
            work.routed = False
            self._events.record(work.isvc, "InternalError", str(refusal), warning=True)
            work.soon(RETRY)

    # Pods ------------------------------------------------------------------------------------------------

    async def _scale(self, work: Work) -> None:
        if work.standard:
            return
        stopped = serving.stopped(work.isvc)
        counted = await self._gateway.stats() if any(self._counts(work, part) for part in work.parts) else {}
        for part in work.parts:
            used = set() if stopped else part.used - {""}
            least = scaling.least(work.isvc, part.spec)
            for revision in part.revisions:
                seen = part.observed[revision.name]
                stats = counted.get(f"{work.namespace}/{revision.name}", NOTHING)
                if revision.name not in used:
                    self._scaler.forget(f"{work.namespace}/{revision.name}")
                    await self._retire(work, seen, stats)
                    continue
                wanted = self._wanted(work, part, seen, stats)
                if revision.name == part.rollout.created:
                    part.wanted = wanted
                await self._fill(work, part, revision, wanted)
            if used and scaling.moves(work.isvc, part.spec):
                names = [f"{work.namespace}/{name}" for name in used]
                busy = any(counted[name].active for name in names if name in counted)
                work.soon(scaling.LOOK if busy or least == 0 else scaling.QUIET)
            await revisions.clean(self._client, work.isvc, part.revisions, part.used | part.kept)

    @staticmethod
    def _counts(work: Work, part: Part) -> bool:
        """Whether the number of its replicas depends on its requests."""
        used = set() if serving.stopped(work.isvc) else part.used
        superfluous = any(seen.pods for name, seen in part.observed.items() if name not in used)
        return superfluous or scaling.moves(work.isvc, part.spec)

    def _wanted(self, work: Work, part: Part, seen: Observed, stats: Statistics) -> int:
        once = seen.revision != part.rollout.created or part.rollout.ready == seen.revision
        now = scaling.Now(
            name=f"{work.namespace}/{seen.revision}", ready_once=once, pods=len(seen.pods),
            ready=len(seen.addresses), stats=stats, moment=time.monotonic(),
        )
        return self._scaler.wanted(work.isvc, part.spec, now)

    async def _retire(self, work: Work, seen: Observed, stats: Statistics) -> None:
        if seen.pods and stats.active:
            work.soon(AGAIN)
            return
        for pod in seen.pods:
            await replicas.remove(self._client, pod)

    async def _fill(self, work: Work, part: Part, revision: Revision, wanted: int) -> None:
        place = replicas.Place(shared=not self._doors(), gateway=work.about.port)
        try:
            await replicas.fill(
                self._client, work.isvc, revision, part.observed[revision.name], wanted, place
            )
        except replicas.PortTaken as taken:
            self._events.record(work.isvc, "PortTaken", str(taken), warning=True)
            part.problem = Problem("RuntimeUnhealthy", str(taken), waiting=True)
            work.soon(RETRY)
        except StatusError as error:
            if error.code not in (400, 403, 422):
                raise
            self._events.record(work.isvc, "InternalError", error.message, warning=True)
            part.problem = Problem("InvalidPredictorSpec", error.message)
            work.soon(RETRY)

    # Status ----------------------------------------------------------------------------------------------

    async def _report(self, work: Work) -> None:
        for part in (*work.parts, *work.canaries):
            failure = part.newest.failure if part.newest else None
            if failure is not None:
                part.last_words = self._tail(failure.pod_uid, failure.container, failure.restarts)
        found = status(Facts(
            isvc=work.isvc, domain=work.about.domain, parts=tuple(work.parts), routed=work.routed,
            now=stamp(), ignored=tuple(self._ignored(work)),
        ))
        found = canaries.told(found, work.isvc, work.canaries, stamp())
        for part in work.parts:
            await trained.report(self._client, work.isvc, found, part, work.about.domain)
        old = work.isvc.get("status") or {}
        if found == old:
            return
        self._tell(work, old, found)
        options = Options(field_manager=MANAGER.field_manager, subresource="status")
        await self._client.update(SERVICE, {**work.isvc, "status": found}, work.namespace, options)

    def _ignored(self, work: Work) -> list[tuple[str, str]]:
        found = serving.ignored(work.isvc)
        for part in work.parts if not self._doors() else ():
            fields = [field for field in agents.FIELDS if part.spec.get(field)]
            found += [(f"spec.{part.component}.{field}", ALONE) for field in fields]
        return found

    def _tell(self, work: Work, old: Obj, new: Obj) -> None:
        isvc = work.isvc
        name = isvc["metadata"]["name"]
        before, now = verdict(old, "Ready"), verdict(new, "Ready")
        if now == "True" and before != "True":
            self._events.record(isvc, "InferenceServiceReady", f"InferenceService [{name}] is Ready")
        if before == "True" and now != "True":
            text = f"InferenceService [{name}] is no longer Ready because of: {reasons(new)}"
            self._events.record(isvc, "InferenceServiceNotReady", text, warning=True)
        if now == "False" and before not in ("True", "False"):
            self._events.record(isvc, "InternalError", reasons(new), warning=True)
        if verdict(old, "FieldsIgnored") != "True":
            for field, why in self._ignored(work):
                text = f"{field} has no effect: {why}"
                self._events.record(isvc, "FieldIgnored", text, warning=True)


def verdict(status: Obj, type_: str) -> str:
    conditions: list[Obj] = status.get("conditions") or []
    return next((str(c["status"]) for c in conditions if c["type"] == type_), "")


def reasons(status: Obj) -> str:
    bad = [c for c in status["conditions"] if c["type"] == "Ready"]
    return "; ".join(c.get("message") or c.get("reason") or c["type"] for c in bad)
