"""What a JobSet's Jobs say of themselves, and which rule of its failure policy speaks of one that failed.

Pure. Source: kubernetes-sigs/jobset pkg/controllers/failure_policy.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pinnace.controllers.moment import unix
from pinnace.kinds.formats import pattern
from pinnace.kinds.jobset import ATTEMPT, JOB_INDEX, REPLICATED
from pinnace.kinds.resource import Obj


def condition(job: Obj, kind: str) -> Obj | None:
    conditions: list[Any] = (job.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind and one["status"] == "True"), None)


def failure(job: Obj) -> Obj | None:
    return condition(job, "Failed")


def failed_at(job: Obj) -> float:
    return unix((failure(job) or {}).get("lastTransitionTime"))


def done(job: Obj) -> bool:
    """It succeeded or failed."""
    return condition(job, "Complete") is not None or failure(job) is not None


def ready(job: Obj) -> bool:
    """As many pods as run at a time are ready or done."""
    spec, status = job["spec"], job.get("status") or {}
    wanted = int(spec.get("parallelism") or 1)
    if spec.get("completions") is not None:
        wanted = min(wanted, int(spec["completions"]))
    return int(status.get("ready") or 0) + int(status.get("succeeded") or 0) >= wanted


def leaving(job: Obj) -> bool:
    return bool(job["metadata"].get("deletionTimestamp"))


def replicated_job(job: Obj) -> str:
    return str((job["metadata"].get("labels") or {}).get(REPLICATED) or "")


def attempt(job: Obj) -> int:
    return int((job["metadata"].get("labels") or {}).get(ATTEMPT) or 0)


def index(job: Obj) -> int:
    return int((job["metadata"].get("labels") or {}).get(JOB_INDEX) or 0)


def action(policy: Obj, failed: Sequence[Obj]) -> tuple[str, Obj]:
    """What the first rule says that speaks of a failed Job, and that Job; `failed` in order of failure."""
    for rule in policy.get("rules") or ():
        for job in failed:
            if _speaks_of(rule, job):
                return str(rule["action"]), job
    return "RestartJobSet", failed[0]


def _speaks_of(rule: Obj, job: Obj) -> bool:
    """A list that is empty takes all; of the patterns one has to be found in the Job's message."""
    targets, reasons = rule.get("targetReplicatedJobs") or [], rule.get("onJobFailureReasons") or []
    patterns, found = rule.get("onJobFailureMessagePatterns") or [], failure(job) or {}
    return (
        (not targets or replicated_job(job) in targets)
        and (not reasons or found.get("reason") in reasons)
        and (not patterns or any(_found(one, str(found.get("message") or "")) for one in patterns))
    )


def _found(expression: str, message: str) -> bool:
    """What is no expression finds nothing; admission refuses it."""
    try:
        return pattern(expression)(message) is not None
    except ValueError:
        return False
