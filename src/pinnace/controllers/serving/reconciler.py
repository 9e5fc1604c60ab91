"""InferenceService: plan → revision → pods → health through the gateway → traffic → status.

Called by the controllers' manager with a key. Level-triggered: what was decided is in objects (revisions,
pods, status); what is in memory (idle times) may be lost at any time. A revision gets traffic only after
the gateway has found it healthy, and loses its pods only after its last request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from pinnace.controllers.built_in import POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.serving import replicas, revisions, scaling, storage, template, traffic
from pinnace.controllers.serving.endpoints import Picture, endpoint
from pinnace.controllers.serving.observed import Observed, observe
from pinnace.controllers.serving.revisions import MANAGER, Revision
from pinnace.controllers.serving.selection import Problem, choose
from pinnace.controllers.serving.status import Facts, status
from pinnace.controllers.serving.template import Plan
from pinnace.controllers.serving.traffic import Rollout, Target
from pinnace.failpoint import passing
from pinnace.gateway.interface import Gateway, Refused, Statistics, Unreachable
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Event

SERVICE, RUNTIME, CLUSTER_RUNTIME = (
    serving.INFERENCE_SERVICE, serving.SERVING_RUNTIME, serving.CLUSTER_SERVING_RUNTIME,
)
AGAIN = 0.05
"""Seconds to the next look at something that takes milliseconds (a health check, a drain)."""
RETRY = 2.0
"""… at something that a person or another controller has to bring (an artifact, a free port)."""
DRAIN = 30.0
NOTHING = Statistics()


class Events(Protocol):
    def record(self, about: Obj, reason: str, message: str, *, warning: bool = False) -> None: ...


class Work(msgspec.Struct, kw_only=True):
    """One call's picture of one service, filled from top to bottom."""

    isvc: Obj
    domain: str
    plan: Plan | None = None
    runtime: Obj | None = None
    problem: Problem | None = None
    revisions: list[Revision] = []
    observed: dict[str, Observed] = {}
    rollout: Rollout = Rollout()
    targets: list[Target] = []
    routed: bool = False
    wanted: int = 1
    after: float | None = None

    def soon(self, seconds: float) -> None:
        self.after = seconds if self.after is None else min(self.after, seconds)

    @property
    def namespace(self) -> str:
        return str(self.isvc["metadata"]["namespace"])

    @property
    def newest(self) -> Observed | None:
        return self.observed.get(self.rollout.created)


class InferenceServices:
    """`artifacts` reads the local artifact repository, `volumes` is the home's folder of claims, `tail` gives
    the last lines of a container's log (pod uid, container, restart)."""

    name = "inferenceservice"
    watches = (SERVICE, POD, RUNTIME, CLUSTER_RUNTIME)
    owners: Mapping[str, frozenset[str]] = {POD.key: frozenset({"InferenceService"})}

    def __init__(
        self,
        client: Client,
        gateway: Gateway,
        events: Events,
        *,
        artifacts: storage.Artifacts,
        volumes: Path,
        tail: Callable[[str, str, int], str] = lambda uid, container, restart: "",
    ) -> None:
        self._client = client
        self._gateway = gateway
        self._events = events
        self._artifacts = artifacts
        self._volumes = volumes
        self._tail = tail
        self._idle = scaling.Idle()
        self._known: set[Key] = set()

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == SERVICE.key:
            key = Key(event.namespace, event.name)
            self._known.add(key)
            return (key,)
        if event.resource == POD.key:
            labels = event.obj["metadata"].get("labels") or {}
            name = labels.get(f"{serving.GROUP}/inferenceservice")
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
            work = Work(isvc=isvc, domain=(await self._gateway.about()).domain)
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
        gone = {**isvc, "metadata": {**meta, "finalizers": left}}
        await self._client.update(SERVICE, gone, meta["namespace"], MANAGER)
        return Result()

    @staticmethod
    def _counted(isvc: Obj, counted: dict[str, Statistics]) -> list[str]:
        prefix = f"{isvc['metadata']['namespace']}/{serving.service(isvc)}-"
        return [name for name in counted if name.startswith(prefix)]

    # One call, from top to bottom ------------------------------------------------------------------------

    async def _serve(self, work: Work) -> None:
        await self._plan(work)
        await self._revise(work)
        await self._observe(work)
        await self._route(work)
        await self._scale(work)
        await self._report(work)

    async def _plan(self, work: Work) -> None:
        component = work.isvc["spec"].get("predictor") or {}
        try:
            for other in ("transformer", "explainer"):
                if work.isvc["spec"].get(other):
                    text = f"spec.{other} is not run by this platform yet; remove it, or serve in a cluster"
                    raise Problem("InvalidPredictorSpec", text)
            model = component.get("model")
            if model is not None:
                work.runtime = await self._runtime(work, model)
            work.plan = template.build(work.isvc, component, work.runtime, self._source(work, model))
        except Problem as problem:
            work.problem = problem
            if problem.waiting:
                work.soon(RETRY)

    async def _runtime(self, work: Work, model: Obj) -> Obj:
        namespaced = await self._client.list(RUNTIME, work.namespace)
        cluster = await self._client.list(CLUSTER_RUNTIME)
        return choose(model, namespaced.items, cluster.items)

    def _source(self, work: Work, model: Obj | None) -> storage.Source | None:
        if model is None:
            return None
        if model.get("storage") or model.get("storageUris"):
            text = "storage and storageUris are not read by this platform yet; use storageUri"
            raise Problem("InvalidPredictorSpec", text)
        uri = model.get("storageUri")
        if not uri:
            return None
        read_only = serving.notes(work.isvc).get("storage.kserve.io/readonly") != "false"
        return storage.resolve(uri, work.namespace, self._artifacts, self._volumes, read_only)

    async def _revise(self, work: Work) -> None:
        work.revisions = await revisions.of(self._client, work.isvc)
        newest = work.revisions[-1] if work.revisions else None
        changed = work.plan is not None and (newest is None or newest.plan.identity != work.plan.identity)
        if changed and work.plan is not None and not serving.stopped(work.isvc):
            number = newest.number + 1 if newest else 1
            work.revisions.append(await revisions.create(self._client, work.isvc, work.plan, number))
        names = {revision.name for revision in work.revisions}
        known = ((work.isvc.get("status") or {}).get("components") or {}).get("predictor") or {}

        def still(field: str) -> str:
            return str(known[field]) if known.get(field) in names else ""

        work.rollout = Rollout(
            created=work.revisions[-1].name if work.revisions else "",
            ready=still("latestReadyRevision"), rolled_out=still("latestRolledoutRevision"),
            previous=still("previousRolledoutRevision"),
        )

    async def _observe(self, work: Work) -> None:
        pods = await self._client.list(POD, work.namespace, Selection(owner=work.isvc["metadata"]["uid"]))
        work.observed = {
            revision.name: observe(revision.name, pods.items, revision.plan.socket, revision.plan.port)
            for revision in work.revisions
        }

    async def _route(self, work: Work) -> None:
        """Traffic follows the newest revision as soon as it is healthy through the gateway, not before."""
        await self._publish(work)
        newest = work.newest
        if newest is not None and newest.addresses and work.rollout.ready != newest.revision:
            if await self._gateway.ready(work.namespace, newest.revision):
                work.rollout = msgspec.structs.replace(work.rollout, ready=newest.revision)
                await self._publish(work)
            else:
                work.soon(AGAIN)

    async def _publish(self, work: Work) -> None:
        standard = serving.mode(work.isvc) == serving.STANDARD
        percent = None if standard else work.isvc["spec"]["predictor"].get("canaryTrafficPercent")
        tagged = serving.notes(work.isvc).get(serving.TAG_ROUTING, "").lower() == "true"
        work.rollout, work.targets = traffic.turn(work.rollout, percent, tag_latest=tagged)
        if not work.revisions:
            return
        reason = f"{work.isvc['metadata']['name']} is stopped" if serving.stopped(work.isvc) else ""
        by_name = {revision.name: revision for revision in work.revisions}
        reachable = {name: (by_name[name], work.observed[name]) for name in sorted(self._used(work))}
        picture = Picture(
            isvc=work.isvc, domain=work.domain, traffic=work.targets, revisions=reachable, reason=reason
        )
        try:
            turn = "publish" if percent is None else "canary"
            passing(f"serving.before-{turn}")
            await self._gateway.publish([endpoint(picture)])
            passing(f"serving.after-{turn}")
            work.routed = True
        except Refused as refusal:
            self._events.record(work.isvc, "InternalError", str(refusal), warning=True)
            work.soon(RETRY)

    @staticmethod
    def _used(work: Work) -> set[str]:
        """Revisions that must be there: the newest, and all that have traffic or a tag."""
        return {work.rollout.created} | {t.revision for t in work.targets if t.percent or t.tag}

    # Pods ------------------------------------------------------------------------------------------------

    async def _scale(self, work: Work) -> None:
        used = set() if serving.stopped(work.isvc) else self._used(work) - {""}
        least = scaling.least(work.isvc)
        superfluous = any(seen.pods for name, seen in work.observed.items() if name not in used)
        counted = await self._gateway.stats() if least == 0 or superfluous else {}
        for revision in work.revisions:
            seen = work.observed[revision.name]
            stats = counted.get(f"{work.namespace}/{revision.name}", NOTHING)
            if revision.name not in used:
                await self._retire(work, seen, stats)
                continue
            wanted = self._wanted(work, seen, stats, least)
            if revision.name == work.rollout.created:
                work.wanted = wanted
            await self._fill(work, revision, seen, wanted)
        if least == 0 and used:
            work.soon(scaling.LOOK)
        await revisions.clean(self._client, work.isvc, work.revisions, self._used(work) | self._kept(work))

    def _wanted(self, work: Work, seen: Observed, stats: Statistics, least: int) -> int:
        name = f"{work.namespace}/{seen.revision}"
        once = seen.revision != work.rollout.created or work.rollout.ready == seen.revision
        if not once or not seen.addresses:
            self._idle.forget({name})  # the window begins when it can answer
        return scaling.replicas(
            least, ready_once=once, running=len(seen.pods), held=stats.held,
            idle=self._idle.seconds(name, stats, time.monotonic()),
            window=scaling.window(work.isvc, work.isvc["spec"]["predictor"]),
        )

    @staticmethod
    def _kept(work: Work) -> set[str]:
        return {work.rollout.ready, work.rollout.rolled_out, work.rollout.previous}

    async def _retire(self, work: Work, seen: Observed, stats: Statistics) -> None:
        if seen.pods and stats.active:
            work.soon(AGAIN)
            return
        for pod in seen.pods:
            await replicas.remove(self._client, pod)

    async def _fill(self, work: Work, revision: Revision, seen: Observed, wanted: int) -> None:
        try:
            await replicas.fill(self._client, work.isvc, revision, seen, wanted)
        except replicas.PortTaken as taken:
            self._events.record(work.isvc, "PortTaken", str(taken), warning=True)
            work.problem = Problem("RuntimeUnhealthy", str(taken), waiting=True)
            work.soon(RETRY)
        except StatusError as error:
            if error.code not in (400, 403, 422):
                raise
            self._events.record(work.isvc, "InternalError", error.message, warning=True)
            work.problem = Problem("InvalidPredictorSpec", error.message)
            work.soon(RETRY)

    # Status ----------------------------------------------------------------------------------------------

    async def _report(self, work: Work) -> None:
        failure = work.newest.failure if work.newest else None
        words = self._tail(failure.pod_uid, serving.CONTAINER, failure.restarts) if failure else ""
        found = status(Facts(
            isvc=work.isvc, domain=work.domain, rollout=work.rollout, traffic=tuple(work.targets),
            newest=work.newest, wanted=work.wanted, routed=work.routed, problem=work.problem,
            last_words=words, runtime=work.runtime, now=stamp(),
        ))
        old = work.isvc.get("status") or {}
        if found == old:
            return
        self._tell(work.isvc, old, found)
        options = Options(field_manager=MANAGER.field_manager, subresource="status")
        await self._client.update(SERVICE, {**work.isvc, "status": found}, work.namespace, options)

    def _tell(self, isvc: Obj, old: Obj, new: Obj) -> None:
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
            for field, why in serving.ignored(isvc):
                text = f"{field} has no effect: {why}"
                self._events.record(isvc, "FieldIgnored", text, warning=True)


def verdict(status: Obj, type_: str) -> str:
    conditions: list[Obj] = status.get("conditions") or []
    return next((str(c["status"]) for c in conditions if c["type"] == type_), "")


def reasons(status: Obj) -> str:
    bad = [c for c in status["conditions"] if c["type"] == "Ready"]
    return "; ".join(c.get("message") or c.get("reason") or c["type"] for c in bad)
