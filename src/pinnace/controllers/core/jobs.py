"""batch/v1 Jobs: what `job` decides, committed.

A finished Pod is counted, loses its tracking finalizer and changes the Job's status in one commit, so that
it is counted once whatever crashes when: upstream needs `uncountedTerminatedPods` for this, here it is
always empty.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from pinnace.controllers.built_in import JOB, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.core.indexes import format_indexes
from pinnace.controllers.core.job import (
    FIRST_DELAY,
    TRACKING,
    Decision,
    Ending,
    decide,
    made,
)
from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.recorder import Recorder
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
FORBIDDEN = 403
REFUSED = 10.0
"""Seconds until Pods that were refused are tried again."""
AT_ONCE = 64
"""Pods made in one commit; a Job of thousands does not hold the loop."""


class Jobs:
    name = "jobs"
    watches: tuple[Resource, ...] = (JOB, POD)
    owners: Mapping[str, frozenset[str]] = {POD.key: frozenset({"Job"})}

    def __init__(
        self, client: Local, *, clock: Callable[[], float] = time.time, first_delay: float = FIRST_DELAY
    ) -> None:
        self.client = client
        self.clock = clock
        self.first_delay = first_delay
        self.recorder = Recorder(client, "job-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == JOB.key:
            return (Key(event.namespace, event.name),)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == "Job" and owner.get("controller"):
                return (Key(event.namespace, owner["name"]),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        job = self.client.peek(JOB, key.name, key.namespace)
        if job is None:
            await self._free_orphans(key)
            return Result()
        if (job["spec"].get("managedBy") or JOB_CONTROLLER) != JOB_CONTROLLER:
            return Result()
        pods = self._pods(job["metadata"]["uid"], key.namespace)
        if condition(job, "Complete") or condition(job, "Failed"):
            await self._release([pod for pod in pods if held(pod)])
            return await self._expire(job)
        now = self.clock()
        decision = decide(job, pods, now, self.first_delay)
        return await self._commit(job, decision, now)

    def _pods(self, uid: str, namespace: str) -> list[Obj]:
        pods = self.client.peek_list(POD, namespace, Selection(owner=uid)).items
        return [pod for pod in pods if _controls(uid, pod)]

    async def _commit(self, job: Obj, decision: Decision, now: float) -> Result:
        create = decision.create[:AT_ONCE]
        tried = decision.tries
        pods = [made(job, each, self._pod_name(job, each), tried.get(each or 0)) for each in create]
        if pods and (refused := self.client.refusal(POD, pods[0])) is not None:
            return await self._refused(job, decision, now, refused)
        changes = [Change(verb="create", resource=POD, obj=pod, trusted=True) for pod in pods]
        changes += [_counted(pod) for pod in decision.counted]
        status = self._status(job, decision, len(pods), now)
        if status != job.get("status"):
            changes.append(Change(verb="status", resource=JOB, obj={**job, "status": status}))
        try:
            if changes:
                await self.client.transact(changes)
        except StatusError as error:
            if error.code != FORBIDDEN or not pods:
                raise
            return await self._refused(job, decision, now, error)
        self._tell(job, status, decision, pods)
        await self._end(job, decision.end)
        if len(decision.create) > AT_ONCE:
            return Result(after=0)
        return Result(after=decision.wait)

    async def _refused(self, job: Obj, decision: Decision, now: float, error: StatusError) -> Result:
        """Its Pods may not be made: said, and tried again; what is to be counted is counted."""
        self.recorder.record(job, "FailedCreate", f"Error creating: {error.message}", warning=True)
        result = await self._commit(job, msgspec.structs.replace(decision, create=[]), now)
        return Result(after=min(result.after or REFUSED, REFUSED))

    def _pod_name(self, job: Obj, index: int | None) -> str:
        suffix = "".join(random.choices(LETTERS, k=5))  # noqa: S311 - not a secret
        middle = "" if index is None else f"{index}-"
        return f"{job['metadata']['name'][:52]}-{middle}{suffix}"

    def _status(self, job: Obj, decision: Decision, created: int, now: float) -> Obj:
        spec, before = job["spec"], job.get("status") or {}
        active = len(decision.active) + created
        status: Obj = {
            **before, "active": active, "succeeded": decision.succeeded, "failed": decision.failed,
            "ready": decision.ready, "terminating": decision.terminating, "uncountedTerminatedPods": {},
        }
        if spec.get("completionMode") == "Indexed":
            status["completedIndexes"] = format_indexes(decision.completed)
            if spec.get("backoffLimitPerIndex") is not None:
                status["failedIndexes"] = format_indexes(decision.failed_indexes)
        if spec.get("suspend"):
            status.pop("startTime", None)
        else:
            status.setdefault("startTime", stamp(now))
        status["conditions"] = self._conditions(job, decision, now)
        if decision.ending is not None and decision.ending.kind == "Complete" and not active:
            status["completionTime"] = stamp(now)
        for count in ("active", "succeeded", "failed"):
            if not status[count]:
                del status[count]
        return status

    def _conditions(self, job: Obj, decision: Decision, now: float) -> list[Obj]:
        kept = list((job.get("status") or {}).get("conditions") or ())
        suspended = next((each for each in kept if each["type"] == "Suspended"), None)
        wants = "True" if job["spec"].get("suspend") else "False"
        if (suspended or {}).get("status", "False") != wants:
            words = ("JobSuspended", "Job suspended") if wants == "True" else ("JobResumed", "Job resumed")
            kept = [each for each in kept if each is not suspended]
            kept.append(_condition("Suspended", wants, *words, now))
        ending = decision.ending
        if ending is None:
            return kept
        target = "SuccessCriteriaMet" if ending.kind == "Complete" else "FailureTarget"
        kinds = [target] if decision.active or decision.terminating else [target, ending.kind]
        present = {each["type"] for each in kept}
        return kept + [
            _condition(kind, "True", ending.reason, ending.message, now) for kind in kinds if kind not in
            present ]

    def _tell(self, job: Obj, status: Obj, decision: Decision, pods: list[Obj]) -> None:
        for pod in pods:
            self.recorder.record(job, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        before = {each["type"]: each["status"] for each in (job.get("status") or {}).get("conditions") or ()}
        for each in status["conditions"]:
            if before.get(each["type"]) == each["status"]:
                continue
            if each["type"] == "Complete":
                self.recorder.record(job, "Completed", "Job completed")
            elif each["type"] == "Failed":
                self.recorder.record(job, each["reason"], each["message"], warning=True)
            elif each["type"] == "Suspended":
                reason = "Suspended" if each["status"] == "True" else "Resumed"
                self.recorder.record(job, reason, each["message"])

    async def _end(self, job: Obj, pods: list[Obj]) -> None:
        for pod in pods:
            meta = pod["metadata"]
            with suppress(StatusError):
                await self.client.delete(POD, meta["name"], meta["namespace"], DeleteOptions(uid=meta["uid"]))
            self.recorder.record(job, "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    async def _release(self, pods: list[Obj]) -> None:
        """Pods of a Job that is over (or gone) need not be counted any more."""
        if pods:
            await self.client.transact([_counted(pod) for pod in pods])

    async def _free_orphans(self, key: Key) -> None:
        """The Job is gone: its Pods must not be held by a finalizer that nobody takes away."""
        selection = Selection(labels=f"batch.kubernetes.io/job-name={key.name}")
        pods = self.client.peek_list(POD, key.namespace, selection).items
        await self._release([pod for pod in pods if held(pod)])

    async def _expire(self, job: Obj) -> Result:
        """`ttlSecondsAfterFinished`."""
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or job["metadata"].get("deletionTimestamp"):
            return Result()
        ended = condition(job, "Complete") or condition(job, "Failed") or {}
        left = unix(ended.get("lastTransitionTime")) + seconds - self.clock()
        if left > 0:
            return Result(after=left)
        meta = job["metadata"]
        options = DeleteOptions(propagation="Foreground", uid=meta["uid"])
        with suppress(StatusError):
            await self.client.delete(JOB, meta["name"], meta["namespace"], options)
        return Result()


JOB_CONTROLLER = "kubernetes.io/job-controller"


def _controls(uid: str, pod: Obj) -> bool:
    owners = pod["metadata"]["ownerReferences"]
    return any(each.get("uid") == uid and each.get("controller") for each in owners)


def held(pod: Obj) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def condition(job: Obj, kind: str) -> Obj | None:
    conditions: list[Any] = (job.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind and each["status"] == "True"), None)


def _counted(pod: Obj) -> Change:
    meta = dict(pod["metadata"])
    kept = [name for name in meta["finalizers"] if name != TRACKING]
    meta["finalizers"] = kept
    if not kept:
        del meta["finalizers"]
    return Change(verb="update", resource=POD, obj={**pod, "metadata": meta}, trusted=True)


def _condition(kind: str, status: str, reason: str, message: str, now: float) -> Obj:
    moment = stamp(now)
    return {
        "type": kind, "status": status, "reason": reason, "message": message, "lastProbeTime": moment,
        "lastTransitionTime": moment,
    }


__all__ = ["Ending", "Jobs"]
