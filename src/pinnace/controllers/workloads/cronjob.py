"""What a CronJob wants now: which of its times is due, and what becomes of its Jobs. Pure.

Called by `cronjobs`. Source: kubernetes pkg/controller/cronjob/{cronjob_controllerv2,utils}.go. Invariant:
each time of the schedule has one Job at most, since its name is made of that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import msgspec

from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.workloads import pods
from pinnace.kinds import cron
from pinnace.kinds.cron import Schedule
from pinnace.kinds.resource import Obj

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANY = 100
SLACK = 0.1
"""Seconds after its time at which a schedule is looked at again, so that it surely is past."""
Story = tuple[str, str, bool]
"""reason, message, warning"""


class Decision(msgspec.Struct):
    create: Obj | None = None
    end: list[Obj] = []
    """Jobs that the next one replaces, or that no history limit keeps."""
    status: Obj = {}
    told: list[Story] = []
    wait: float | None = None


def decide(cron_job: Obj, jobs: Sequence[Obj], now: float) -> Decision:
    """`jobs`: those that it owns."""
    spec, result = cron_job["spec"], Decision()
    active = _settle(cron_job, jobs, result)
    if not pods.leaving(cron_job):
        result.end = _surplus(spec, jobs)
        if not spec.get("suspend"):
            active = _start(cron_job, jobs, active, now, result)
    result.status = {key: value for key, value in result.status.items() if value}
    if active:
        result.status["active"] = active
    return result


def _settle(cron_job: Obj, jobs: Sequence[Obj], result: Decision) -> list[Obj]:
    """The Jobs that still run, of those that the status names."""
    before = cron_job.get("status") or {}
    result.status = {key: value for key, value in before.items() if key != "active"}
    known = {job["metadata"]["uid"]: job for job in jobs}
    active = []
    for each in before.get("active") or ():
        job = known.get(each["uid"])
        if job is None:
            result.told.append(("MissingJob", f"Active job went missing: {each['name']}", False))
        elif ending := finished(job):
            words = f"Saw completed job: {each['name']}, condition: {ending}"
            result.told.append(("SawCompletedJob", words, False))
            _succeeded(job, ending, result)
        else:
            active.append(each)
    named = {each["uid"] for each in before.get("active") or ()}
    for job in jobs:
        if job["metadata"]["uid"] not in named and not finished(job):
            words = "Saw a job that the controller did not create or forgot: "
            result.told.append(("UnexpectedJob", words + job["metadata"]["name"], True))
    return active


def _succeeded(job: Obj, ending: str, result: Decision) -> None:
    done = (job.get("status") or {}).get("completionTime")
    if ending == "Complete" and done:
        result.status["lastSuccessfulTime"] = max(done, result.status.get("lastSuccessfulTime") or "")


def finished(job: Obj) -> str:
    """The condition that ended it, or ''."""
    found = (job.get("status") or {}).get("conditions") or ()
    kinds = [one["type"] for one in found if one["status"] == "True"]
    return next((kind for kind in kinds if kind in ("Complete", "Failed")), "")


def _surplus(spec: Obj, jobs: Sequence[Obj]) -> list[Obj]:
    """Finished Jobs beyond the history limits, the oldest first."""
    ended: list[Obj] = []
    for kind, name in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        limit = spec.get(name)
        if limit is None:
            continue
        found = [job for job in jobs if finished(job) == kind and not pods.leaving(job)]
        found.sort(key=_began)
        ended += found[: max(0, len(found) - int(limit))]
    return ended


def _began(job: Obj) -> tuple[str, str]:
    return (job.get("status") or {}).get("startTime") or "", job["metadata"]["name"]


def _start(
    cron_job: Obj, jobs: Sequence[Obj], active: list[Obj], now: float, result: Decision
) -> list[Obj]:
    spec = cron_job["spec"]
    try:
        schedule, zone = cron.parse(spec["schedule"]), zone_of(spec)
    except (cron.Malformed, LookupError) as error:
        zoned = isinstance(error, LookupError)
        result.told.append((
            "UnknownTimeZone" if zoned else "UnparseableSchedule",
            f'invalid timeZone: "{spec.get("timeZone")}": {error}' if zoned
            else f'unparseable schedule: "{spec["schedule"]}" : {error}', True,
        ))
        return active
    upcoming = schedule.next(now, zone)
    result.wait = upcoming - now + SLACK if upcoming is not None else None
    due, missed = latest(cron_job, schedule, zone, now)
    if missed > MANY:
        words = f"too many missed start times: {missed}. Set or decrease .spec.startingDeadlineSeconds or "
        result.told.append(("TooManyMissedTimes", f"{words}check clock skew", True))
    if due is None:
        return active
    grace = spec.get("startingDeadlineSeconds")
    if grace is not None and due + int(grace) < now:
        said = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        result.told.append(("MissSchedule", f"Missed scheduled time to start a job: {said}", True))
        return active
    return _begin(cron_job, jobs, active, due, zone, result)


def _begin(
    cron_job: Obj, jobs: Sequence[Obj], active: list[Obj], due: float, zone: tzinfo, result: Decision
) -> list[Obj]:
    policy = cron_job["spec"].get("concurrencyPolicy", "Allow")
    if policy == "Forbid" and active:
        words = "Not starting job because prior execution is running and concurrency policy is Forbid"
        result.told.append(("JobAlreadyActive", words, False))
        return active
    if policy == "Replace":
        uids = {each["uid"] for each in active}
        result.end += [job for job in jobs if job["metadata"]["uid"] in uids]
        active = []
    result.create = made(cron_job, due, zone)
    result.status["lastScheduleTime"] = stamp(due)
    return active


def zone_of(spec: Obj) -> tzinfo:
    """LookupError: there is none of that name."""
    return cron.zone(spec.get("timeZone") or "")


def latest(cron_job: Obj, schedule: Schedule, zone: tzinfo, now: float) -> tuple[float | None, int]:
    """The newest time that is due and was not served yet, and how many were missed in all."""
    meta, status = cron_job["metadata"], cron_job.get("status") or {}
    since = unix(status.get("lastScheduleTime")) or unix(meta.get("creationTimestamp"))
    grace = cron_job["spec"].get("startingDeadlineSeconds")
    if grace is not None:
        since = max(since, now - int(grace))
    return cron.newest(schedule, zone, since, now)


def made(cron_job: Obj, due: float, zone: tzinfo) -> Obj:
    """The Job of one time."""
    meta, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
    own = template.get("metadata") or {}
    said = datetime.fromtimestamp(due, zone).isoformat().replace("+00:00", "Z")
    return {
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": f"{meta['name']}-{int(due) // 60}", "namespace": meta["namespace"],
            "labels": dict(own.get("labels") or {}),
            "annotations": {**(own.get("annotations") or {}), SCHEDULED: said},
            "ownerReferences": [pods.reference(cron_job)],
        },
        "spec": template["spec"],
    }


def active_reference(job: Obj) -> Obj:
    meta = job["metadata"]
    return {
        "apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "namespace": meta["namespace"],
        "uid": meta["uid"], "resourceVersion": meta["resourceVersion"],
    }
