"""The reconciler of all v1 training jobs: what `lifecycle` decides, committed.

One queue serves every kind: a key's name is `<plural>/<job>`. What pods need to be admitted (an account) is
there before them. New pods, their Services and the status that counts them are one commit, as is a failed pod
and the one in its place, so that nothing is made twice whatever crashes when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pinnace.controllers.built_in import CONFIG_MAP, POD, SERVICE
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import unix
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.succession import Succession
from pinnace.controllers.training import pods as making
from pinnace.controllers.training.conditions import SUSPENDED, finished, holds
from pinnace.controllers.training.framework import Framework
from pinnace.controllers.training.frameworks import FRAMEWORKS
from pinnace.controllers.training.lifecycle import Decision, decide
from pinnace.controllers.training.view import Job, read
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.training import GROUP, MANAGERS
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

RESTARTED = "SettedPodTemplateRestartPolicy"


class TrainingJobs:
    name = "training"

    def __init__(
        self, client: Local, frameworks: Sequence[Framework] = FRAMEWORKS, *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.clock = clock
        self.frameworks = tuple(frameworks)
        families = {one.family.kind: one.family for one in frameworks}
        self._plurals = {kind: family.resource.plural for kind, family in families.items()}
        self._by_key = {family.resource.key: family for family in families.values()}
        self._recorders = {kind: Recorder(client, f"{kind.lower()}-controller") for kind in families}
        resources = [family.resource for family in families.values()]
        self.watches: tuple[Resource, ...] = (*resources, POD, SERVICE)
        mine = frozenset(families)
        self.owners: Mapping[str, frozenset[str]] = {POD.key: mine, SERVICE.key: mine}
        self.succession = Succession()

    def keys(self, event: Event) -> tuple[Key, ...]:
        if (family := self._by_key.get(event.resource)) is not None:
            return (Key(event.namespace, f"{family.resource.plural}/{event.name}"),)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            plural = self._plurals.get(owner.get("kind"))
            if plural is not None and owner.get("controller"):
                self.succession.note(event)
                return (Key(event.namespace, f"{plural}/{owner['name']}"),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        plural, _, name = key.name.partition("/")
        family = self._by_key[f"{plural}.{GROUP}"]
        obj = self.client.peek(family.resource, name, key.namespace)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            return Result()
        tables = (one for one in self.frameworks if one.family is family and one.serves(obj))
        framework = next(tables, None)
        if framework is None:
            return Result()
        job = read(framework.family, obj)
        if job.policy.get("managedBy", MANAGERS[0]) != MANAGERS[0]:
            return Result()
        pods = self._owned(POD, obj)
        decision = decide(framework, job, pods, self.clock())
        if decision.expired:
            return await self._expire(framework, obj)
        if wait := self._rest(framework, job, decision):
            return Result(after=wait)
        return await self._commit(framework, job, pods, decision)

    def _rest(self, framework: Framework, job: Job, decision: Decision) -> float:
        """Seconds until the names of all Pods to make are free."""
        names = [
            framework.pod_name(job, slot.replica.type, slot.index)
            for slot in decision.make if slot.instead is None
        ]
        return self.succession.longest(job.namespace, names)

    def _owned(self, resource: Resource, obj: Obj) -> list[Obj]:
        meta = obj["metadata"]
        return self.client.peek_list(resource, meta["namespace"], Selection(owner=meta["uid"])).items

    async def _commit(
        self, framework: Framework, job: Job, pods: Sequence[Obj], decision: Decision
    ) -> Result:
        resource = framework.family.resource
        recorder = self._recorders[framework.family.kind]
        around = self._companions(framework, job, pods) if working(decision) else []
        if around:
            await self.client.transact(around)
        changes: list[Change] = []
        made = self._pods(framework, job, decision)
        for slot, pod in zip(decision.make, made, strict=True):
            if slot.instead is not None:
                changes.append(Change(verb="delete", resource=POD, obj=slot.instead))
            changes.append(Change(verb="create", resource=POD, obj=pod))
        services = self._services(framework, job, decision)
        changes += [Change(verb="create", resource=SERVICE, obj=each) for each in services]
        if decision.status != job.obj.get("status"):
            changes.append(Change(verb="status", resource=resource, obj={
                **job.obj, "status": decision.status
            }))
        try:
            if changes:
                await self.client.transact(changes)
        except StatusError as error:
            if error.code in (404, 409):
                raise
            recorder.record(job.obj, "FailedCreatePod", f"Error creating: {error.message}", warning=True)
            raise
        self._tell(recorder, job, decision, made, services)
        await self._end(recorder, job, decision.end)
        return Result(after=decision.wait)

    def _pods(self, framework: Framework, job: Job, decision: Decision) -> list[Obj]:
        """One gang for each life of the job: a resumed one starts together again."""
        gang = f"{job.obj['metadata']['uid']}.{int(unix(decision.status.get('startTime')))}"
        return [
            making.made(framework, job, slot.replica, slot.index, gang=gang, restarts=slot.restarts)
            for slot in decision.make
        ]

    def _services(self, framework: Framework, job: Job, decision: Decision) -> list[Obj]:
        if not framework.services or not working(decision):
            return []
        known = {each["metadata"]["name"] for each in self._owned(SERVICE, job.obj)}
        return [
            making.service(framework, job, replica, index)
            for replica in job.replicas.values()
            for index in range(replica.count)
            if framework.pod_name(job, replica.type, index) not in known
        ]

    def _companions(self, framework: Framework, job: Job, pods: Sequence[Obj]) -> list[Change]:
        """Objects that are missing or no longer as they should be."""
        found = []
        for resource, wanted in framework.companions(job, pods):
            meta = {
                **wanted["metadata"], "namespace": job.namespace,
                "ownerReferences": [making.reference(job.obj)],
            }
            there = self.client.peek(resource, meta["name"], job.namespace)
            if there is None:
                obj = {**wanted, "metadata": {**meta, "labels": job.labels()}}
                found.append(Change(verb="create", resource=resource, obj=obj))
            elif resource is CONFIG_MAP and there.get("data") != wanted["data"]:
                found.append(Change(verb="update", resource=resource, obj={**there, "data": wanted["data"]}))
        return found

    def _tell(
        self, recorder: Recorder, job: Job, decision: Decision, made: list[Obj], services: list[Obj]
    ) -> None:
        for slot in decision.make:
            own = (slot.replica.template.get("spec") or {}).get("restartPolicy")
            if own and own != slot.replica.restart:
                words = "Restart policy in pod template will be overwritten by restart policy in replica spec"
                recorder.record(job.obj, RESTARTED, words, warning=True)
                break
        for pod in made:
            recorder.record(job.obj, "SuccessfulCreatePod", f"Created pod: {pod['metadata']['name']}")
        for each in services:
            text = f"Created service: {each['metadata']['name']}"
            recorder.record(job.obj, "SuccessfulCreateService", text)
        for event in decision.events:
            recorder.record(job.obj, event.reason, event.message, warning=event.warning)

    async def _end(self, recorder: Recorder, job: Job, pods: Sequence[Obj]) -> None:
        for pod in pods:
            meta = pod["metadata"]
            with suppress(StatusError):
                await self.client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta["uid"]))
                recorder.record(job.obj, "SuccessfulDeletePod", f"Deleted pod: {meta['name']}")
            with suppress(StatusError):
                await self.client.delete(SERVICE, meta["name"], meta["namespace"])
                recorder.record(job.obj, "SuccessfulDeleteService", f"Deleted service: {meta['name']}")

    async def _expire(self, framework: Framework, obj: Obj) -> Result:
        """`ttlSecondsAfterFinished`."""
        meta = obj["metadata"]
        options = DeleteOptions(propagation="Background", uid=meta["uid"])
        with suppress(StatusError):
            await self.client.delete(framework.family.resource, meta["name"], meta["namespace"], options)
        return Result()


def working(decision: Decision) -> bool:
    """Neither suspended nor over."""
    conditions = decision.status["conditions"]
    return not finished(conditions) and not holds(conditions, SUSPENDED)
