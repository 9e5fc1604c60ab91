"""Kinds that make pods: Jobs, Deployments and their kin (kubernetes pkg/printers/internalversion)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..resource import Obj
from .age import human, moment, since
from .printer import NONE, UNSET, Printer, age, columns, condition, containers, section, selector, template

WIDE = ("Containers", "Images", "Selector")
JOB_WORDS = (
    ("Complete", "Complete"), ("Failed", "Failed"), ("", "Terminating"), ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _wide(spec: dict[str, Any]) -> list[str]:
    return [*containers(template(spec)), selector(spec.get("selector"))]


def _job(job: Obj, now: datetime) -> list[Any]:
    spec, status = section(job, "spec"), section(job, "status")
    return [_job_word(job), _completions(spec, status), _duration(status, now), age(job, now), *_wide(spec)]


def _job_word(job: Obj) -> str:
    leaving = bool(section(job, "metadata").get("deletionTimestamp"))
    for type_, word in JOB_WORDS:
        if condition(job, type_) if type_ else leaving:
            return word
    return "Running"


def _completions(spec: dict[str, Any], status: dict[str, Any]) -> str:
    done = status.get("succeeded") or 0
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _duration(status: dict[str, Any], now: datetime) -> str:
    start = moment(status.get("startTime"))
    if start is None:
        return ""
    return human(((moment(status.get("completionTime")) or now) - start).total_seconds())


def _cron_job(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    last = status.get("lastScheduleTime")
    job = section(section(spec, "jobTemplate"), "spec")
    return [
        spec.get("schedule", ""), spec.get("timeZone") or NONE, "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()), since(last, now) if last else NONE, age(obj, now), *_wide(job),
    ]


def _ready(status: dict[str, Any], spec: dict[str, Any]) -> str:
    return f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}"


def _deployment(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    counts = [status.get("updatedReplicas") or 0, status.get("availableReplicas") or 0]
    return [_ready(status, spec), *counts, age(obj, now), *_wide(spec)]


def _replica_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    counts = [spec.get("replicas") or 0, status.get("replicas") or 0, status.get("readyReplicas") or 0]
    return [*counts, age(obj, now), *_wide(spec)]


def _replication_controller(obj: Obj, now: datetime) -> list[Any]:
    row = _replica_set({**obj, "spec": {**section(obj, "spec"), "selector": None}}, now)
    chosen = section(obj, "spec").get("selector")
    return [*row[:-1], selector({"matchLabels": chosen} if chosen else None)]


def _stateful_set(obj: Obj, now: datetime) -> list[Any]:
    spec = section(obj, "spec")
    return [_ready(section(obj, "status"), spec), age(obj, now), *containers(template(spec))]


DAEMONS = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
           "numberAvailable")


def _daemon_set(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    nodes = section(template(spec), "nodeSelector")
    chosen = selector({"matchLabels": nodes} if nodes else None)
    return [*(status.get(name) or 0 for name in DAEMONS), chosen, age(obj, now), *_wide(spec)]


def _revision(obj: Obj, now: datetime) -> list[Any]:
    owners = section(obj, "metadata").get("ownerReferences") or ()
    owner = next((one for one in owners if one.get("controller")), None)
    name = f"{owner['kind'].lower()}.{owner['apiVersion'].split('/')[0]}/{owner['name']}" if owner else NONE
    return [name, obj.get("revision", 0), age(obj, now)]


def _autoscaler(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    target = section(spec, "scaleTargetRef")
    least = spec.get("minReplicas")
    return [
        f"{target.get('kind', '')}/{target.get('name', '')}", _targets(spec, status),
        str(least) if least else UNSET,
        spec.get("maxReplicas") or 0, status.get("currentReplicas") or 0, age(obj, now),
    ]


def _targets(spec: dict[str, Any], status: dict[str, Any]) -> str:
    """`cpu: 12%/50%, memory: 20Mi/1Gi`: the measure of each metric and what it shall be."""
    wanted = spec.get("metrics") or ()
    measured = {_metric(each): section(section(each, _place(each)), "current")
                for each in status.get("currentMetrics") or ()}
    found = [_target(each, measured.get(_metric(each)) or {}) for each in wanted]
    shown = ", ".join(found[:2])
    more = len(found) - 2
    return f"{shown} + {more} more..." if more > 0 else shown or NONE


def _place(metric: dict[str, Any]) -> str:
    kind = str(metric.get("type") or "Resource")
    return kind[0].lower() + kind[1:]


def _metric(metric: dict[str, Any]) -> tuple[str, str, str]:
    source = section(metric, _place(metric))
    return _place(metric), source.get("container") or "", source.get("name") or ""


def _target(metric: dict[str, Any], current: dict[str, Any]) -> str:
    source = section(metric, _place(metric))
    target = section(source, "target")
    name = source.get("name") or section(source, "metric").get("name") or ""
    if (percent := target.get("averageUtilization")) is not None:
        now = current.get("averageUtilization")
        return f"{name}: {'<unknown>' if now is None else f'{now}%'}/{percent}%"
    value = target.get("averageValue") or target.get("value") or "<auto>"
    measure = current.get("averageValue") or current.get("value") or "<unknown>"
    averaged = " (avg)" if source.get("metric") and target.get("averageValue") else ""
    return f"{name}: {measure}/{value}{averaged}"


PRINTERS = {
    "jobs.batch": Printer(columns("Status", "Completions", "Duration", "Age", wide=WIDE), _job),
    "cronjobs.batch": Printer(
        columns("Schedule", "Timezone", "Suspend", "Active#", "Last Schedule", "Age", wide=WIDE), _cron_job
    ),
    "deployments.apps": Printer(columns("Ready", "Up-to-date#", "Available#", "Age", wide=WIDE), _deployment),
    "replicasets.apps": Printer(columns("Desired#", "Current#", "Ready#", "Age", wide=WIDE), _replica_set),
    "replicationcontrollers": Printer(
        columns("Desired#", "Current#", "Ready#", "Age", wide=WIDE), _replication_controller
    ),
    "statefulsets.apps": Printer(columns("Ready", "Age", wide=("Containers", "Images")), _stateful_set),
    "daemonsets.apps": Printer(
        columns("Desired#", "Current#", "Ready#", "Up-to-date#", "Available#", "Node Selector", "Age",
                wide=WIDE),
        _daemon_set,
    ),
    "controllerrevisions.apps": Printer(columns("Controller", "Revision#", "Age"), _revision),
    "horizontalpodautoscalers.autoscaling": Printer(
        columns("Reference", "Targets", "MinPods", "MaxPods#", "Replicas#", "Age"), _autoscaler
    ),
}
