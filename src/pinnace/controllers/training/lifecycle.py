"""What a training job wants next: a pure function from the job, its pods and the time.

Called by `controller`. Source of the rules: kubeflow/training-operator pkg/controller.v1/common/{job,pod}.go
and each kind's UpdateJobStatus. Invariant: the answer depends on nothing but its arguments, so that it is the
same after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.training import conditions as states
from pinnace.controllers.training.framework import Count, Counts, Framework
from pinnace.controllers.training.pods import RESTARTS
from pinnace.controllers.training.view import JOB_NAME, OPERATOR, REPLICA_INDEX, REPLICA_TYPE, Job, Replica
from pinnace.kinds.resource import Obj

NO_EXIT_CODE = 0xBEEF
"""Of a pod that ended without its container saying how (evicted, lost): worth another try."""
SIGNALLED = 128
FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0


class Event(msgspec.Struct, frozen=True):
    reason: str
    message: str
    warning: bool = False


class Slot(msgspec.Struct, frozen=True):
    """A pod to make, in place of `instead` if that stands."""

    replica: Replica
    index: int
    instead: Obj | None = None
    restarts: int = 0


class Decision(msgspec.Struct):
    status: Obj
    make: list[Slot] = []
    end: list[Obj] = []
    """Pods to delete, with the Services of their names."""
    events: list[Event] = []
    expired: bool = False
    wait: float | None = None


def decide(framework: Framework, job: Job, pods: Sequence[Obj], now: float) -> Decision:
    kind = framework.family.kind
    status = {**job.status, "conditions": list(job.status.get("conditions") or ())}
    decision = Decision(status)
    if not status["conditions"]:
        _say(decision, kind, states.CREATED, f"{kind} {job.name} is created.", now)
    if job.policy.get("suspend") and not states.finished(status["conditions"]):
        _suspend(decision, job, kind, pods, now)
    elif states.finished(status["conditions"]):
        _finish(decision, job, pods, now)
    else:
        _resume(decision, job, kind, now)
        if (why := _exhausted(job, pods, now)) is not None:
            _fail_whole(decision, job, kind, pods, why, now)
        else:
            _work(decision, framework, job, pods, now)
    return decision


# The states of a job ------------------------------------------------------------------------------------


def _suspend(decision: Decision, job: Job, kind: str, pods: Sequence[Obj], now: float) -> None:
    message = f"{kind} {job.name} is suspended."
    decision.end = [pod for pod in pods if not _leaving(pod)]
    for count in (decision.status.get("replicaStatuses") or {}).values():
        count.pop("active", None)
    if states.holds(decision.status["conditions"], states.RUNNING):
        _say(decision, kind, states.RUNNING, message, now, reason=f"{kind}Suspended", true=False)
    if not states.holds(decision.status["conditions"], states.SUSPENDED):
        _say(decision, kind, states.SUSPENDED, message, now)
        decision.events.append(Event(f"{kind}Suspended", message))


def _resume(decision: Decision, job: Job, kind: str, now: float) -> None:
    if states.holds(decision.status["conditions"], states.SUSPENDED):
        message = f"{kind} {job.name} is resumed."
        _say(decision, kind, states.SUSPENDED, message, now, reason=f"{kind}Resumed", true=False)
        decision.status["startTime"] = stamp(now)
        decision.events.append(Event(f"{kind}Resumed", message))
    decision.status.setdefault("startTime", stamp(now))


def _exhausted(job: Job, pods: Sequence[Obj], now: float) -> str | None:
    """Why the job may not go on."""
    limit = job.policy.get("backoffLimit")
    if limit is not None:
        restarts = sum(_restarts(job, pod) for pod in pods)
        if restarts >= int(limit) if limit else restarts > 0:
            return f"Job {job.name} has failed because it has reached the specified backoff limit"
    seconds, started = job.policy.get("activeDeadlineSeconds"), unix(job.status.get("startTime"))
    if seconds is not None and started and now >= started + seconds:
        return f"Job {job.name} has failed because it was active longer than specified deadline"
    return None


def _restarts(job: Job, pod: Obj) -> int:
    """Of its containers, and of the pods that stood here before it."""
    replica = next((one for one in job.replicas.values() if one.word == _type(pod)), None)
    if replica is None or replica.restart == "Never":
        return 0
    again = int((pod["metadata"].get("annotations") or {}).get(RESTARTS) or 0)
    if _phase(pod) != "Running":
        return again
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return again + sum(int(each.get("restartCount") or 0) for each in containers)


def _fail_whole(
    decision: Decision, job: Job, kind: str, pods: Sequence[Obj], why: str, now: float
) -> None:
    decision.status.setdefault("completionTime", stamp(now))
    decision.events.append(Event(f"{kind}Failed", why))
    _say(decision, kind, states.FAILED, why, now)
    _finish(decision, job, pods, now)


def _finish(decision: Decision, job: Job, pods: Sequence[Obj], now: float) -> None:
    """What is over is cleaned up; of a success nobody is counted as still running."""
    policy = job.policy.get("cleanPodPolicy") or "None"
    decision.end = [
        pod for pod in pods
        if not _leaving(pod) and (policy == "All" or (policy == "Running" and not _over(pod)))
    ]
    if states.holds(decision.status["conditions"], states.SUCCEEDED):
        decision.status["replicaStatuses"] = {
            kind: _settled(count) for kind, count in (decision.status.get("replicaStatuses") or {}).items()
        }
    seconds = job.policy.get("ttlSecondsAfterFinished")
    if seconds is not None and (ended := unix(decision.status.get("completionTime"))):
        decision.wait = max(0.0, ended + seconds - now)
        decision.expired = now >= ended + seconds


def _settled(count: Obj) -> Obj:
    kept = {key: value for key, value in count.items() if key != "active"}
    total = int(count.get("succeeded") or 0) + int(count.get("active") or 0)
    return {"succeeded": total, **{k: v for k, v in kept.items() if k != "succeeded"}} if total else kept


# A job at work ------------------------------------------------------------------------------------------


def _work(decision: Decision, framework: Framework, job: Job, pods: Sequence[Obj], now: float) -> None:
    counts: Counts = {}
    for replica in job.replicas.values():
        own = [pod for pod in pods if _type(pod) == replica.word]
        counts[replica.type] = _tend(decision, framework, job, replica, own, now)
    decision.end += [
        pod for pod in pods
        if not _leaving(pod) and not any(one.word == _type(pod) for one in job.replicas.values())
    ]
    decision.status["replicaStatuses"] = {
        kind: _described(framework, job, kind, count) for kind, count in counts.items()
    }
    _judge(decision, framework, job, counts, now)
    if states.finished(decision.status["conditions"]):
        decision.make = []
        _finish(decision, job, pods, now)
        return
    seconds, started = job.policy.get("activeDeadlineSeconds"), unix(decision.status.get("startTime"))
    if seconds is not None:
        _sooner(decision, started + seconds - now)


def _tend(
    decision: Decision, framework: Framework, job: Job, replica: Replica, pods: Sequence[Obj], now: float
) -> Count:
    """One replica type: what is missing is made, what failed made anew, what is too much ended."""
    count = Count(wanted=replica.count)
    here: dict[int, Obj] = {}
    for pod in pods:
        index = _index(pod)
        if index >= replica.count:
            if not _leaving(pod):
                decision.end.append(pod)
            continue
        here[index] = pod
    for index in range(replica.count):
        pod_here = here.get(index)
        if pod_here is None:
            decision.make.append(Slot(replica, index))
        else:
            _count(count, pod_here, index)
            if _phase(pod_here) == "Failed":
                _retry(decision, framework, job, replica, index, pod_here, count, now)
    return count


def _count(count: Count, pod: Obj, index: int) -> None:
    phase = _phase(pod)
    if phase == "Running":
        if _leaving(pod):
            count.failed += 1
        else:
            count.active += 1
    elif phase == "Succeeded":
        count.succeeded += 1
        count.first_done = count.first_done or index == 0
    elif phase == "Failed":
        count.failed += 1


def _retry(
    decision: Decision, framework: Framework, job: Job, replica: Replica, index: int, pod: Obj,
    count: Count, now: float,
) -> None:
    code = exit_code(framework, pod)
    again = replica.restart in ("OnFailure", "Always")
    if not (again or (replica.restart == "ExitCode" and code >= SIGNALLED)):
        count.fatal += 1
        return
    count.restarts += 1
    before = int((pod["metadata"].get("annotations") or {}).get(RESTARTS) or 0)
    pause = min(FIRST_PAUSE * 2 ** min(before - 1, 20), LAST_PAUSE) if before else 0.0
    left = ended_at(pod) + pause - now
    if left > 0:
        _sooner(decision, left)
    else:
        decision.make.append(Slot(replica, index, pod, before + 1))


def _judge(decision: Decision, framework: Framework, job: Job, counts: Counts, now: float) -> None:
    kind, words = framework.family.kind, framework.words(job)
    place = f"{job.namespace}/{job.name}"
    facts = {"kind": kind, "name": job.name, "place": place}
    if framework.done(job, counts):
        message = words.succeeded.format(**facts)
        decision.status.setdefault("completionTime", stamp(now))
        decision.events.append(Event(f"{kind}Succeeded", message))
        _say(decision, kind, states.SUCCEEDED, message, now)
        return
    restarting = any(count.restarts for count in counts.values())
    if framework.running(job, counts) and not restarting:
        _say(decision, kind, states.RUNNING, words.running.format(**facts), now)
    for type_, count in counts.items():
        told = {**facts, "count": count.failed, "type": type_}
        if count.fatal and not framework.tolerated(job, type_):
            message = words.failed.format(**told)
            decision.status.setdefault("completionTime", stamp(now))
            decision.events.append(Event(f"{kind}Failed", message))
            _say(decision, kind, states.FAILED, message, now)
            return
        if count.restarts:
            message = words.restarting.format(**told)
            if not states.holds(decision.status["conditions"], states.RESTARTING):
                decision.events.append(Event(f"{kind}Restarting", message, warning=True))
            _say(decision, kind, states.RESTARTING, message, now)


def _described(framework: Framework, job: Job, kind: str, count: Count) -> Obj:
    own = {JOB_NAME: job.name, OPERATOR: job.labels()[OPERATOR], REPLICA_TYPE: kind.lower()}
    numbers = {"active": count.active, "succeeded": count.succeeded, "failed": count.failed}
    return {
        **{key: value for key, value in numbers.items() if value},
        "selector": ",".join(f"{key}={value}" for key, value in sorted(own.items())),
    }


# What pods say ------------------------------------------------------------------------------------------


def exit_code(framework: Framework, pod: Obj) -> int:
    """Of the container that trains."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    for each in statuses:
        ended = (each.get("state") or {}).get("terminated")
        if each["name"] == framework.family.container and ended is not None:
            return int(ended.get("exitCode") or 0)
    return NO_EXIT_CODE


def ended_at(pod: Obj) -> float:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((each.get("state") or {}).get("terminated") or {}).get("finishedAt") for each in statuses]
    return max((unix(each) for each in ends), default=0.0)


def _phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _over(pod: Obj) -> bool:
    return _phase(pod) in ("Succeeded", "Failed")


def _leaving(pod: Obj) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _type(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REPLICA_TYPE) or "")


def _index(pod: Obj) -> int:
    text = (pod["metadata"].get("labels") or {}).get(REPLICA_INDEX) or "0"
    return int(text) if text.isdigit() else 0


def _sooner(decision: Decision, seconds: float) -> None:
    decision.wait = seconds if decision.wait is None else min(decision.wait, seconds)


def _say(
    decision: Decision, kind: str, state: str, message: str, now: float, *, reason: str = "",
    true: bool = True,
) -> None:
    decision.status["conditions"] = states.changed(
        decision.status["conditions"], state, reason or f"{kind}{state}", message, now, true=true
    )
