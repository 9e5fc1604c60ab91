"""What a v2beta1 MPIJob wants next: a pure function from it, its launcher's Job, its pods and the time.

Called by `controller`. Source: kubeflow/mpi-operator pkg/controller/mpi_job_controller.go (syncHandler,
updateMPIJobStatus). Invariant: the answer depends on nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.controllers.moment import stamp
from pinnace.controllers.training import conditions as states
from pinnace.controllers.training.mpi_operator.making import WAITS
from pinnace.controllers.training.view import REPLICA_INDEX, Job
from pinnace.kinds.resource import Obj

KIND = "MPIJob"
MESSAGE_LIMIT = 1024
BACKOFF, EVICTED = "BackoffLimitExceeded", "MPIJobEvicted"


class Event(msgspec.Struct, frozen=True):
    reason: str
    message: str
    warning: bool = False


class Decision(msgspec.Struct):
    status: Obj
    make: list[int] = []
    """Indexes of workers to make."""
    end: list[Obj] = []
    companions: bool = False
    """Whether Service, ConfigMap and Secret are wanted."""
    launch: bool = False
    suspend: bool | None = None
    """What the launcher's Job has to be told."""
    events: list[Event] = []


def decide(
    job: Job, launcher: Obj | None, launched: Sequence[Obj], workers: Sequence[Obj], now: float
) -> Decision:
    """`launched`: the pods of the launcher's Job."""
    decision = Decision({**job.status, "conditions": list(job.status.get("conditions") or ())})
    place = f"{KIND} {job.namespace}/{job.name}"
    if not decision.status["conditions"]:
        _say(decision, states.CREATED, f"{place} is created.", now)
    if states.finished(decision.status["conditions"]) and decision.status.get("completionTime"):
        _clean(decision, job, workers)
        return decision
    suspended = bool(job.policy.get("suspend"))
    if not suspended:
        decision.status.setdefault("startTime", stamp(now))
    over = launcher is not None and (ending(launcher, "Complete") or ending(launcher, "Failed")) is not None
    if not over:
        _work(decision, job, launcher, workers, suspended)
    if launcher is not None and bool(launcher["spec"].get("suspend")) != suspended:
        decision.suspend = suspended
    if suspended:
        decision.end = _leavers(job, workers)
    _tell(decision, job, launcher, launched, workers, now)
    return decision


def _work(
    decision: Decision, job: Job, launcher: Obj | None, workers: Sequence[Obj], suspended: bool
) -> None:
    decision.companions = True
    count = job.count("Worker")
    if not suspended:
        taken = {pod["metadata"]["name"] for pod in workers}
        decision.make = [i for i in range(count) if job.pod_name("Worker", i) not in taken]
        decision.end = [pod for pod in workers if _surplus(job, pod) and not _leaving(pod)]
    if launcher is None:
        waits = job.spec.get("launcherCreationPolicy") == WAITS and not suspended
        decision.launch = not waits or sum(map(_ready, workers)) >= count


def _surplus(job: Job, pod: Obj) -> bool:
    names = {job.pod_name("Worker", index) for index in range(job.count("Worker"))}
    return pod["metadata"]["name"] not in names and REPLICA_INDEX in (pod["metadata"].get("labels") or {})


def _clean(decision: Decision, job: Job, workers: Sequence[Obj]) -> None:
    """After the end: workers go as `cleanPodPolicy` says, and are no longer counted."""
    if job.policy.get("cleanPodPolicy") in ("All", "Running"):
        decision.end = _leavers(job, workers)
        counts = decision.status.get("replicaStatuses") or {}
        decision.status["replicaStatuses"] = {**counts, "Worker": {}}


def _leavers(job: Job, workers: Sequence[Obj]) -> list[Obj]:
    kept = ("Succeeded", "Failed") if job.policy.get("cleanPodPolicy") == "Running" else ()
    return [pod for pod in workers if not _leaving(pod) and _phase(pod) not in kept]


# Status -------------------------------------------------------------------------------------------------


def _tell(
    decision: Decision, job: Job, launcher: Obj | None, launched: Sequence[Obj], workers: Sequence[Obj],
    now: float,
) -> None:
    suspended, place = bool(job.policy.get("suspend")), f"{KIND} {job.namespace}/{job.name}"
    _paused(decision, suspended, now)
    counts: dict[str, Obj] = {"Worker": {} if suspended else _counted(workers)}
    if launcher is not None:
        counts["Launcher"] = _launched(decision, job, launcher, launched, now)
    decision.status["replicaStatuses"] = counts
    gone = sum((pod.get("status") or {}).get("reason") == "Evicted" for pod in workers)
    if gone:
        words = f"{gone}/{len(workers)} workers are evicted"
        _say(decision, states.FAILED, words, now, reason=EVICTED, warning=True)
    if suspended:
        words = f"{place} is suspended."
        _say(decision, states.RUNNING, words, now, reason="MPIJobSuspended", true=False, quiet=True)
    elif any(_phase(pod) == "Running" for pod in launched) and not states.finished(
        decision.status["conditions"]
    ) and counts["Worker"].get("active", 0) == job.count("Worker"):
        _say(decision, states.RUNNING, f"{place} is running.", now)


def _paused(decision: Decision, suspended: bool, now: float) -> None:
    if suspended:
        _say(decision, states.SUSPENDED, "MPIJob suspended", now)
    elif states.find(decision.status["conditions"], states.SUSPENDED) is not None:
        words = ("MPIJob resumed", "MPIJobResumed")
        if _say(decision, states.SUSPENDED, words[0], now, reason=words[1], true=False):
            decision.status["startTime"] = stamp(now)


def _launched(
    decision: Decision, job: Job, launcher: Obj, launched: Sequence[Obj], now: float
) -> Obj:
    """The launcher's counts; the job ends as its Job did."""
    status = launcher.get("status") or {}
    counts: Obj = {"failed": status["failed"]} if status.get("failed") else {}
    if (done := ending(launcher, "Complete")) is not None:
        words = f"{KIND} {job.namespace}/{job.name} successfully completed."
        ended = status.get("completionTime") or done.get("lastTransitionTime") or stamp(now)
        decision.status.setdefault("completionTime", ended)
        _say(decision, states.SUCCEEDED, words, now)
        return {**counts, "succeeded": 1}
    if (lost := ending(launcher, "Failed")) is not None:
        _failed(decision, job, lost, launched, now)
        return counts
    running = sum(_phase(pod) == "Running" for pod in launched)
    return {**counts, "active": running} if running else counts


def _failed(decision: Decision, job: Job, lost: Obj, launched: Sequence[Obj], now: float) -> None:
    reason = lost.get("reason") or "MPIJobFailed"
    message = lost.get("message") or f"{KIND} {job.namespace}/{job.name} has failed"
    dead = [pod for pod in launched if _phase(pod) == "Failed"]
    if reason == BACKOFF and dead:
        last = max(dead, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
        told = last.get("status") or {}
        reason = f"{reason}/{told.get('reason') or ''}"
        message = f"{message}: {told.get('message') or ''}"
        if len(message) > MESSAGE_LIMIT:
            message = message[: MESSAGE_LIMIT - 3] + "..."
    decision.status.setdefault("completionTime", stamp(now))
    _say(decision, states.FAILED, message, now, reason=reason, warning=True)


def _counted(workers: Sequence[Obj]) -> Obj:
    names = {"Running": "active", "Succeeded": "succeeded", "Failed": "failed"}
    found: dict[str, int] = {}
    for pod in workers:
        if (name := names.get(_phase(pod))) is not None:
            found[name] = found.get(name, 0) + 1
    return dict(found)


def ending(launcher: Obj, kind: str) -> Obj | None:
    conditions: list[Any] = (launcher.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind and one["status"] == "True"), None)


def _ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _leaving(pod: Obj) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _say(
    decision: Decision, state: str, message: str, now: float, *, reason: str = "", true: bool = True,
    warning: bool = False, quiet: bool = False,
) -> bool:
    """Whether that was news; an event tells it."""
    before = decision.status["conditions"]
    reason = reason or f"{KIND}{state}"
    decision.status["conditions"] = states.changed(before, state, reason, message, now, true=true)
    news = decision.status["conditions"] is not before
    if news and not quiet:
        decision.events.append(Event(reason, message, warning))
    return news
