"""The status of a TrainJob, from its JobSet. Pure.

There is no Running condition in upstream either (kubeflow/trainer#2713); `jobsStatus` says what runs.
"""

from __future__ import annotations

from typing import Any

from pinnace.controllers.moment import stamp, unix
from pinnace.kinds.resource import Obj

COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
DEADLINE = "TrainJob exceeded its active deadline"


def condition(obj: Obj, kind: str) -> Obj | None:
    found: list[Any] = (obj.get("status") or {}).get("conditions") or []
    return next((one for one in found if one["type"] == kind), None)


def holds(obj: Obj, kind: str) -> bool:
    return (condition(obj, kind) or {}).get("status") == "True"


def finished(job: Obj) -> bool:
    return holds(job, COMPLETE) or holds(job, FAILED)


def with_condition(
    status: Obj, kind: str, reason: str, message: str, now: float, *, true: bool = True
) -> Obj:
    word = "True" if true else "False"
    conditions = list(status.get("conditions") or ())
    known = next((one for one in conditions if one["type"] == kind), None)
    if known is not None and (known["status"], known["reason"]) == (word, reason):
        return status
    since = known["lastTransitionTime"] if known and known["status"] == word else stamp(now)
    wanted = {
        "type": kind, "status": word, "reason": reason, "message": message, "lastTransitionTime": since
    }
    if known is None:
        return {**status, "conditions": [*conditions, wanted]}
    return {**status, "conditions": [wanted if one is known else one for one in conditions]}


def described(job: Obj, jobset: Obj | None, now: float) -> Obj:
    status = job.get("status") or {}
    if job["spec"].get("suspend"):
        status = with_condition(status, SUSPENDED, "Suspended", "TrainJob is suspended", now)
    elif holds(job, SUSPENDED):
        status = with_condition(status, SUSPENDED, "Resumed", "TrainJob is resumed", now, true=False)
    if jobset is None:
        return status
    rows = (jobset.get("status") or {}).get("replicatedJobsStatus") or ()
    fields = ("name", "ready", "succeeded", "failed", "active", "suspended")
    if rows:
        status = {**status, "jobsStatus": [{key: row.get(key, 0) for key in fields} for row in rows]}
    for theirs, ours in (("Completed", COMPLETE), ("Failed", FAILED)):
        found = condition(jobset, theirs)
        if found is not None and found["status"] == "True":
            status = with_condition(status, ours, found["reason"], found["message"], now)
    return status


def deadline(job: Obj) -> float:
    """Unix time at which the job is over; 0.0 without a deadline. A suspended job's clock stands."""
    seconds = job["spec"].get("activeDeadlineSeconds")
    if seconds is None or job["spec"].get("suspend"):
        return 0.0
    resumed = condition(job, SUSPENDED)
    began = resumed["lastTransitionTime"] if resumed else job["metadata"]["creationTimestamp"]
    return unix(began) + float(seconds)
