"""What a JobSet wants next: a pure function from it, its Jobs and the time.

Called by `controller`. Source of the rules: kubernetes-sigs/jobset pkg/controllers/{jobset_controller,
success_policy,failure_policy,startup_policy,depends_on}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pinnace.controllers.jobset import jobs as making
from pinnace.controllers.jobset import outcome
from pinnace.controllers.moment import stamp, unix
from pinnace.kinds.resource import Obj

COMPLETED, FAILED, SUSPENDED = "Completed", "Failed", "Suspended"
STARTING, STARTED = "StartupPolicyInProgress", "StartupPolicyCompleted"
RESTART_ALL = ("RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts")
RESTART_ONE = ("RestartJob", "RestartJobAndIgnoreMaxRestarts")


class Event(msgspec.Struct, frozen=True):
    reason: str
    message: str
    warning: bool = False


class Decision(msgspec.Struct):
    status: Obj
    make: list[Obj] = []
    end: list[Obj] = []
    change: list[Obj] = []
    """Jobs to be written with another spec (suspended, resumed)."""
    events: list[Event] = []
    working: bool = False
    """Service and claims are wanted."""
    expired: bool = False
    wait: float | None = None


def decide(jobset: Obj, jobs: Sequence[Obj], now: float) -> Decision:
    before = jobset.get("status") or {}
    decision = Decision({**before, "conditions": list(before.get("conditions") or ())})
    restarts = int(before.get("restarts") or 0)
    current = [job for job in jobs if outcome.attempt(job) >= restarts and not outcome.leaving(job)]
    decision.status.setdefault("restarts", 0)
    decision.status["replicatedJobsStatus"] = [
        _described(replicated, current) for replicated in jobset["spec"]["replicatedJobs"]
    ]
    if over(decision.status) is not None:
        _expire(decision, jobset, current, now)
        return decision
    decision.working = True
    decision.end = [job for job in jobs if outcome.attempt(job) < restarts and not outcome.leaving(job)]
    failed = sorted((job for job in current if outcome.failure(job)), key=outcome.failed_at)
    if failed:
        _fail(decision, jobset, failed, current, now)
    elif _successful(jobset, current):
        _complete(decision, current, now)
    else:
        _reconcile(decision, jobset, jobs, current, now)
    return decision


def over(status: Obj) -> Obj | None:
    """The condition that ended it."""
    return next(
        (one for one in status.get("conditions") or ()
         if one["type"] in (COMPLETED, FAILED) and one["status"] == "True"), None,
    )


def _expire(decision: Decision, jobset: Obj, current: Sequence[Obj], now: float) -> None:
    decision.end = [job for job in current if not outcome.done(job)]
    seconds, ended = jobset["spec"].get("ttlSecondsAfterFinished"), over(decision.status)
    if seconds is not None and ended is not None:
        due = unix(ended["lastTransitionTime"]) + seconds
        decision.expired, decision.wait = now >= due, max(0.0, due - now)


# Ends ---------------------------------------------------------------------------------------------------


def _successful(jobset: Obj, current: Sequence[Obj]) -> bool:
    policy = jobset["spec"].get("successPolicy") or {}
    targets = policy.get("targetReplicatedJobs") or []
    chosen = [one for one in jobset["spec"]["replicatedJobs"] if not targets or one["name"] in targets]
    names = {one["name"] for one in chosen}
    complete = [job for job in current if outcome.condition(job, "Complete")]
    done = sum(outcome.replicated_job(job) in names for job in complete)
    if policy.get("operator") == "Any":
        return done > 0
    return done >= sum(int(one.get("replicas", 1)) for one in chosen)


def _complete(decision: Decision, current: Sequence[Obj], now: float) -> None:
    _say(decision, COMPLETED, "AllJobsCompleted", "jobset completed successfully", now)
    decision.status["terminalState"] = COMPLETED
    decision.events.append(Event("AllJobsCompleted", "jobset completed successfully"))
    decision.end = [job for job in current if not outcome.done(job)]


def _fail(
    decision: Decision, jobset: Obj, failed: Sequence[Obj], current: Sequence[Obj], now: float
) -> None:
    policy, first = jobset["spec"].get("failurePolicy"), failed[0]
    if policy is None:
        words = "jobset failed due to one or more job failures"
        _end_failed(decision, "FailedJobs", words, first, current, now)
        return
    action, first = outcome.action(policy, failed)
    if action == "FailJobSet":
        words = "jobset failed due to FailJobSet failure policy action"
        _end_failed(decision, "FailJobSetFailurePolicyAction", words, first, current, now)
    elif action in RESTART_ONE:
        _restart_one(decision, policy, action, failed, current, now)
    else:
        _restart(decision, policy, action, first, current, now)


def _end_failed(
    decision: Decision, reason: str, words: str, first: Obj, current: Sequence[Obj], now: float
) -> None:
    message = f"{words} (first failed job: {first['metadata']['name']})"
    _say(decision, FAILED, reason, message, now)
    decision.status["terminalState"] = FAILED
    decision.events.append(Event(reason, message, warning=True))
    decision.end = [job for job in current if not outcome.done(job)]


def _exhausted(decision: Decision, policy: Obj) -> bool:
    used = int(decision.status.get("restartsCountTowardsMax") or 0)
    return used >= int(policy.get("maxRestarts") or 0)


def _restart(
    decision: Decision, policy: Obj, action: str, first: Obj, current: Sequence[Obj], now: float
) -> None:
    """Every Job is made anew; those of the attempt before are ended by the next look."""
    counted = action == "RestartJobSet"
    if counted and _exhausted(decision, policy):
        words = "jobset failed due to reaching max number of restarts"
        _end_failed(decision, "ReachedMaxRestarts", words, first, current, now)
        return
    attempt = int(decision.status.get("restarts") or 0) + 1
    decision.status["restarts"] = attempt
    if counted:
        used = int(decision.status.get("restartsCountTowardsMax") or 0)
        decision.status["restartsCountTowardsMax"] = used + 1
    decision.end = [*decision.end, *current]
    name = first["metadata"]["name"]
    decision.events.append(Event(f"{action}FailurePolicyAction", f"restarting jobset, attempt {attempt} "
                                 f"(first failed job: {name})", warning=True))


def _restart_one(
    decision: Decision, policy: Obj, action: str, failed: Sequence[Obj], current: Sequence[Obj], now: float
) -> None:
    counted = action == "RestartJob"
    if counted and _exhausted(decision, policy):
        words = "jobset failed due to reaching max number of restarts"
        _end_failed(decision, "ReachedMaxRestarts", words, failed[0], current, now)
        return
    if counted:
        used = int(decision.status.get("restartsCountTowardsMax") or 0)
        decision.status["restartsCountTowardsMax"] = used + len(failed)
    decision.end = [*decision.end, *failed]
    names = ", ".join(job["metadata"]["name"] for job in failed)
    decision.events.append(Event(f"{action}FailurePolicyAction", f"restarting {names}", warning=True))


# At work ------------------------------------------------------------------------------------------------


def _blocked(jobset: Obj, jobs: Sequence[Obj], decision: Decision) -> bool:
    """BlockingRecreate: nothing is made anew before all of the attempt before is gone."""
    strategy = (jobset["spec"].get("failurePolicy") or {}).get("restartStrategy")
    attempt = int(decision.status.get("restarts") or 0)
    return strategy == "BlockingRecreate" and any(outcome.attempt(job) < attempt for job in jobs)


def _reconcile(
    decision: Decision, jobset: Obj, jobs: Sequence[Obj], current: Sequence[Obj], now: float
) -> None:
    suspended = bool(jobset["spec"].get("suspend"))
    if _blocked(jobset, jobs, decision):
        return
    taken = {job["metadata"]["name"] for job in jobs}
    states = {one["name"]: one for one in decision.status["replicatedJobsStatus"]}
    ordered = (jobset["spec"].get("startupPolicy") or {}).get("startupPolicyOrder") == "InOrder"
    attempt = int(decision.status.get("restarts") or 0)
    in_order = True
    for replicated in jobset["spec"]["replicatedJobs"]:
        count = int(replicated.get("replicas", 1))
        if in_order and _free(replicated, states, jobset):
            made = [making.made(jobset, replicated, index, attempt) for index in range(count)]
            decision.make += [job for job in made if job["metadata"]["name"] not in taken]
            if not suspended:
                decision.change += _awakened(replicated, made, current)
        if ordered and not suspended and _started(states[replicated["name"]]) < count:
            in_order = False
    if suspended:
        decision.change += [
            {**job, "spec": {**job["spec"], "suspend": True}}
            for job in current if not job["spec"].get("suspend") and not outcome.done(job)
        ]
    _tell(decision, suspended, ordered, in_order, now)


def _free(replicated: Obj, states: dict[str, Obj], jobset: Obj) -> bool:
    """Everything that it depends on has come as far as is asked."""
    sizes = {one["name"]: int(one.get("replicas", 1)) for one in jobset["spec"]["replicatedJobs"]}
    for other in replicated.get("dependsOn") or ():
        state = states[other["name"]]
        reached = state["succeeded"] if other["status"] == "Complete" else _started(state)
        if reached < sizes[other["name"]]:
            return False
    return True


def _started(state: Obj) -> int:
    return int(state["ready"]) + int(state["succeeded"]) + int(state["failed"])


def _awakened(replicated: Obj, made: Sequence[Obj], current: Sequence[Obj]) -> list[Obj]:
    """Suspended Jobs of a JobSet that is not: they run on, with the template as it stands now."""
    fresh = {job["metadata"]["name"]: job for job in made}
    found = []
    for job in current:
        if outcome.replicated_job(job) == replicated["name"] and job["spec"].get("suspend"):
            wanted = fresh[job["metadata"]["name"]]["spec"]["template"]
            spec = {**job["spec"], "suspend": False}
            if not (job.get("status") or {}).get("startTime"):
                labels = {**job["spec"]["template"]["metadata"]["labels"], **wanted["metadata"]["labels"]}
                meta = {**wanted["metadata"], "labels": labels}
                spec["template"] = {"metadata": meta, "spec": wanted["spec"]}
            found.append({**job, "spec": spec})
    return found


def _tell(decision: Decision, suspended: bool, ordered: bool, in_order: bool, now: float) -> None:
    known = _known(decision, SUSPENDED)
    if suspended and (known or {}).get("status") != "True":
        _say(decision, SUSPENDED, "SuspendedJobs", "jobset is suspended", now)
        decision.events.append(Event("SuspendedJobs", "jobset is suspended"))
    elif not suspended and known is not None and known["status"] == "True":
        _say(decision, SUSPENDED, "ResumeJobs", "jobset is resumed", now, status="False")
        decision.events.append(Event("ResumeJobs", "jobset is resumed"))
    if not ordered or suspended:
        return
    if in_order:
        words = "in order startup policy has completed"
        _say(decision, STARTED, "InOrderStartupPolicyCompleted", words, now)
        if _known(decision, STARTING) is not None:
            _say(decision, STARTING, "InOrderStartupPolicyCompleted", words, now, status="False")
    else:
        words = "in order startup policy is in progress"
        _say(decision, STARTING, "InOrderStartupPolicyInProgress", words, now)


# What Jobs say ------------------------------------------------------------------------------------------


def _described(replicated: Obj, current: Sequence[Obj]) -> Obj:
    own = [job for job in current if outcome.replicated_job(job) == replicated["name"]]
    done = [job for job in own if outcome.condition(job, "Complete")]
    lost = [job for job in own if outcome.failure(job)]
    alive = [job for job in own if not outcome.done(job)]
    return {
        "name": replicated["name"], "ready": sum(outcome.ready(job) for job in alive), "succeeded": len(done),
        "failed": len(lost), "active": sum(bool((job.get("status") or {}).get("active")) for job in alive),
        "suspended": sum(bool(job["spec"].get("suspend")) for job in alive),
    }


def _known(decision: Decision, kind: str) -> Obj | None:
    conditions: list[Any] = decision.status["conditions"]
    return next((one for one in conditions if one["type"] == kind), None)


def _say(
    decision: Decision, kind: str, reason: str, message: str, now: float, *, status: str = "True"
) -> None:
    known = _known(decision, kind)
    if known is not None and known["status"] == status:
        return
    wanted = {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": stamp(now),
    }
    conditions = decision.status["conditions"]
    decision.status["conditions"] = [wanted if one["type"] == kind else one for one in conditions]
    if known is None:
        decision.status["conditions"].append(wanted)
