"""What a Job wants next: a pure function from the Job and its Pods to counts, pods to make and pods to end.

Called by `jobs`. Source of the rules: upstream's job controller and `batch/v1` documentation (completions,
Indexed mode, backoffLimit, podFailurePolicy, suspend, deadlines).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pinnace.controllers.core.indexes import (
    FAILURES,
    INDEX,
    index_of,
    matched,
    parse_indexes,
    spent,
    tries,
)
from pinnace.controllers.moment import unix
from pinnace.kinds import reserved
from pinnace.kinds.resource import Obj

TRACKING = "batch.kubernetes.io/job-tracking"
FIRST_DELAY = 10.0
LAST_DELAY = 600.0


class Ending(msgspec.Struct, frozen=True):
    """Why the Job is over. `kind` is Complete or Failed."""

    kind: str
    reason: str
    message: str


class Decision(msgspec.Struct):
    """`counted` are finished Pods to count now (their finalizer goes in the same commit)."""

    succeeded: int = 0
    failed: int = 0
    completed: frozenset[int] = frozenset()
    failed_indexes: frozenset[int] = frozenset()
    counted: list[Obj] = []
    active: list[Obj] = []
    terminating: int = 0
    held: frozenset[int] = frozenset()
    """Indexes whose Pods are leaving."""
    tries: dict[int, int] = {}
    """With backoffLimitPerIndex: how often each index has failed."""
    ready: int = 0
    create: list[int | None] = []
    """Indexes of Pods to make; None outside Indexed mode."""
    end: list[Obj] = []
    ending: Ending | None = None
    wait: float | None = None
    """Seconds until the back-off or the deadline is over."""


def decide(job: Obj, pods: Sequence[Obj], now: float, first_delay: float = FIRST_DELAY) -> Decision:
    spec, status = job["spec"], job.get("status") or {}
    result = Decision(
        succeeded=int(status.get("succeeded") or 0),
        failed=int(status.get("failed") or 0),
        completed=parse_indexes(status.get("completedIndexes") or ""),
        failed_indexes=parse_indexes(status.get("failedIndexes") or ""),
        tries=tries(spec, pods, lambda pod: judged(spec, pod)[0]),
    )
    indexed = spec.get("completionMode") == "Indexed"
    fatal = _sort(result, spec, pods, indexed)
    if indexed:
        result.completed = frozenset(n for n in result.completed if n < int(spec.get("completions") or 0))
        result.succeeded = len(result.completed)
    result.ending = fatal or _ending(job, result, pods, now)
    if result.ending is not None or spec.get("suspend") or job["metadata"].get("deletionTimestamp"):
        result.end = list(result.active)
        return result
    _fill(result, job, pods, now, indexed, first_delay)
    return result


def _sort(result: Decision, spec: Obj, pods: Sequence[Obj], indexed: bool) -> Ending | None:
    """Count what is over; Ending if the podFailurePolicy says that it is all over."""
    fatal: Ending | None = None
    for pod in pods:
        phase = phase_of(pod)
        leaving = bool(pod["metadata"].get("deletionTimestamp"))
        if phase in ("Succeeded", "Failed") or (leaving and _never_ran(pod)):
            if TRACKING in (pod["metadata"].get("finalizers") or ()):
                fatal = _count(result, spec, pod, phase, indexed) or fatal
        elif leaving:
            result.terminating += 1
            result.held |= {index_of(pod) or 0}
        else:
            result.active.append(pod)
            result.ready += _is_ready(pod)
    return fatal


def _never_ran(pod: Obj) -> bool:
    """Nobody will report the end of a Pod that is leaving and was not given to the node."""
    return not pod["spec"].get("nodeName") or not pod["metadata"].get("deletionGracePeriodSeconds")


def _count(result: Decision, spec: Obj, pod: Obj, phase: str, indexed: bool) -> Ending | None:
    result.counted.append(pod)
    index = index_of(pod)
    if phase == "Succeeded":
        result.succeeded += 1
        if indexed and index is not None:
            result.completed |= {index}
        return None
    action, message = judged(spec, pod)
    if action == "Ignore":
        return None
    result.failed += 1
    if index is not None and (action == "FailIndex" or spent(spec, pod)):
        result.failed_indexes |= {index}
    return Ending("Failed", "PodFailurePolicy", message) if action == "FailJob" else None


def judged(spec: Obj, pod: Obj) -> tuple[str, str]:
    """The podFailurePolicy's action for a failed Pod (default Count), and why."""
    rules = (spec.get("podFailurePolicy") or {}).get("rules") or ()
    for number, rule in enumerate(rules):
        if (found := rule.get("onExitCodes")) and (hit := _exit_code(found, pod)):
            where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            return str(rule["action"]), (
                f"Container {hit[0]} for pod {where} failed with exit code {hit[1]} "
                f"matching {rule['action']} rule at index {number}"
            )
        if (patterns := rule.get("onPodConditions")) and _has_condition(patterns, pod):
            return str(rule["action"]), f"Pod {pod['metadata']['name']} matched rule at index {number}"
    return "Count", ""


def _exit_code(rule: Obj, pod: Obj) -> tuple[str, int] | None:
    status = pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        ended = (each.get("state") or {}).get("terminated")
        named = rule.get("containerName", each["name"]) == each["name"]
        if not ended or not ended["exitCode"] or not named:
            continue
        if (ended["exitCode"] in rule.get("values", ())) == (rule.get("operator") == "In"):
            return each["name"], ended["exitCode"]
    return None


def _has_condition(patterns: Iterable[Obj], pod: Obj) -> bool:
    conditions = {each["type"]: each["status"] for each in (pod.get("status") or {}).get("conditions") or ()}
    return any(conditions.get(each["type"]) == each.get("status", "True") for each in patterns)


def _ending(job: Obj, result: Decision, pods: Sequence[Obj], now: float) -> Ending | None:
    spec, status = job["spec"], job.get("status") or {}
    completions = spec.get("completions")
    limit = int(spec.get("backoffLimit", 6))
    restarts = sum(_restarts(pod) for pod in result.active) if _restarts_inside(spec) else 0
    if result.failed > limit or (restarts and restarts > limit):
        return Ending("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    seconds, started = spec.get("activeDeadlineSeconds"), unix(status.get("startTime"))
    if seconds is not None and started and not spec.get("suspend"):
        if now >= started + seconds:
            return Ending("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
        result.wait = started + seconds - now
    if failed := _failed_indexes(spec, result):
        return failed
    if (rule := matched(spec, result.completed)) is not None:
        return Ending("Complete", "SuccessPolicy", f"Matched rules at index {rule}")
    if completions is None:
        done = result.succeeded > 0 and not result.active and not result.terminating
    else:
        done = result.succeeded >= int(completions)
    text = "Reached expected number of succeeded pods"
    return Ending("Complete", "CompletionsReached", text) if done else None


def _failed_indexes(spec: Obj, result: Decision) -> Ending | None:
    if not result.failed_indexes:
        return None
    limit = spec.get("maxFailedIndexes")
    if limit is not None and len(result.failed_indexes) > int(limit):
        words = "Job has exceeded the specified maximal number of failed indexes"
        return Ending("Failed", "MaxFailedIndexesExceeded", words)
    if len(result.failed_indexes) + len(result.completed) >= int(spec["completions"]):
        return Ending("Failed", "FailedIndexes", "Job has failed indexes")
    return None


def _restarts_inside(spec: Obj) -> bool:
    return bool(spec["template"]["spec"].get("restartPolicy") == "OnFailure")


def _restarts(pod: Obj) -> int:
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return sum(int(each.get("restartCount") or 0) for each in containers)


def _fill(
    result: Decision, job: Obj, pods: Sequence[Obj], now: float, indexed: bool, first_delay: float
) -> None:
    """How many Pods are missing or too many. Pods that are leaving still hold a place until they are gone."""
    spec = job["spec"]
    wanted = int(spec.get("parallelism", 1))
    completions = spec.get("completions")
    if completions is not None:
        wanted = min(wanted, int(completions) - result.succeeded - len(result.failed_indexes))
    elif result.succeeded:
        wanted = len(result.active)
    held = len(result.active) + (result.terminating if spec.get("podReplacementPolicy") == "Failed" else 0)
    if len(result.active) > wanted:
        result.end = newest(result.active)[: len(result.active) - wanted]
        return
    missing = wanted - held
    if missing <= 0:
        return
    if result.tries:
        _fill_by_index(result, spec, pods, now, first_delay, missing)
        return
    pause = _pause(result, pods, now, first_delay)
    if pause > 0:
        result.wait = pause if result.wait is None else min(result.wait, pause)
        return
    if indexed:
        result.create = [*_free_indexes(result, spec)][:missing]
    else:
        result.create = [None] * missing


def _fill_by_index(
    result: Decision, spec: Obj, pods: Sequence[Obj], now: float, first_delay: float, missing: int
) -> None:
    """Each index waits for its own failures alone."""
    for index in _free_indexes(result, spec):
        own = [pod for pod in pods if index_of(pod) == index]
        pause = _pause(result, own, now, first_delay) if own else 0.0
        if pause > 0:
            result.wait = pause if result.wait is None else min(result.wait, pause)
        elif len(result.create) < missing:
            result.create.append(index)


def _free_indexes(result: Decision, spec: Obj) -> Iterable[int | None]:
    taken = {index_of(pod) for pod in result.active} | result.completed | result.failed_indexes
    if spec.get("podReplacementPolicy") == "Failed":
        taken |= result.held
    return (index for index in range(int(spec.get("completions") or 0)) if index not in taken)


def _pause(result: Decision, pods: Sequence[Obj], now: float, first_delay: float) -> float:
    """After the n-th failure in a row the next Pod waits 10 s · 2^(n-1), ten minutes at most."""
    over = (pod for pod in pods if phase_of(pod) in ("Succeeded", "Failed"))
    ends = sorted((finished_at(pod), phase_of(pod)) for pod in over)
    failures = 0
    for _, phase in reversed(ends):
        if phase != "Failed":
            break
        failures += 1
    if not failures:
        return 0.0
    return ends[-1][0] + min(first_delay * 2.0 ** min(failures - 1, 20), LAST_DELAY) - now


def finished_at(pod: Obj) -> float:
    """Unix time; a Pod whose containers do not say was over when it became unready."""
    status = pod.get("status") or {}
    ends = [
        unix(((each.get("state") or {}).get("terminated") or {}).get("finishedAt"))
        for each in status.get("containerStatuses") or ()
    ]
    if any(ends):
        return max(ends)
    changes = [unix(each.get("lastTransitionTime")) for each in status.get("conditions") or ()]
    return max(changes, default=0.0)


def phase_of(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def newest(pods: Sequence[Obj]) -> list[Obj]:
    """Those that did least so far come first."""
    return sorted(
        pods, key=lambda pod: (phase_of(pod) == "Running", -unix(pod["metadata"].get("creationTimestamp")))
    )


def made(job: Obj, index: int | None, name: str, failures: int | None = None) -> Obj:
    """The Pod for one completion, owned by the Job and held by its tracking finalizer. `failures`: of its
    index so far, where they are counted."""
    meta, template = job["metadata"], job["spec"]["template"]
    own: dict[str, Any] = template.get("metadata") or {}
    spec = dict(template["spec"])
    labels = dict(own.get("labels") or {})
    annotations = reserved.without(own.get("annotations"))
    if index is not None:
        annotations[INDEX] = labels[INDEX] = str(index)
        if failures is not None:
            annotations[FAILURES] = str(failures)
        spec.setdefault("hostname", f"{meta['name']}-{index}"[:63])
        spec["containers"] = [_with_index(each) for each in spec["containers"]]
        if spec.get("initContainers"):
            spec["initContainers"] = [_with_index(each) for each in spec["initContainers"]]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": meta["namespace"], "labels": labels, "annotations": annotations,
            "finalizers": [TRACKING],
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"],
                "controller": True, "blockOwnerDeletion": True,
            }],
        },
        "spec": spec,
    }


def _with_index(container: Obj) -> Obj:
    env = container.get("env") or []
    if any(each["name"] == "JOB_COMPLETION_INDEX" for each in env):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]}
