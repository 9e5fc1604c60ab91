"""What a TrainJob changes of its runtime's pods: `runtimePatches`, and the overrides of earlier releases.

Pure. The three forms become one: replicated job name → metadata and pod spec to merge. Lists of things with
a name are merged by it, as a strategic merge does. Source: kubeflow/trainer pkg/runtime/core,
docs/proposals/2170.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pinnace.kinds.resource import Obj

KEYED = ("containers", "initContainers", "volumes", "env", "imagePullSecrets", "ports")
_MOUNTS = "volumeMounts"


def apply(job: Obj, replicated: list[Obj]) -> list[Obj]:
    found = []
    for one in replicated:
        for metadata, pod, where in patches(job["spec"]):
            if not where or one["name"] in where:
                one = _patched(one, metadata, pod)
        found.append(one)
    return found


def patches(spec: Obj) -> Iterator[tuple[Obj, Obj, tuple[str, ...]]]:
    """(metadata, pod spec, names of replicated jobs; none means all)"""
    for each in spec.get("podSpecOverrides") or ():
        pod = {key: value for key, value in each.items() if key != "targetJobs"}
        yield {}, pod, _targets(each)
    for each in spec.get("podTemplateOverrides") or ():
        yield each.get("metadata") or {}, each.get("spec") or {}, _targets(each)
    for each in spec.get("runtimePatches") or ():
        template = (each.get("trainingRuntimeSpec") or {}).get("template") or {}
        for one in (template.get("spec") or {}).get("replicatedJobs") or ():
            job = one.get("template") or {}
            pod = (job.get("spec") or {}).get("template") or {}
            yield pod.get("metadata") or {}, pod.get("spec") or {}, (one["name"],)


def _targets(override: Obj) -> tuple[str, ...]:
    return tuple(each["name"] for each in override.get("targetJobs") or ())


def _patched(replicated: Obj, metadata: Obj, pod: Obj) -> Obj:
    job = replicated["template"]["spec"]
    template = job.get("template") or {}
    new = {
        **template, "metadata": merged(template.get("metadata") or {}, metadata),
        "spec": merged(template.get("spec") or {}, pod),
    }
    return {**replicated, "template": {**replicated["template"], "spec": {**job, "template": new}}}


def merged(old: Any, new: Any, field: str = "") -> Any:
    """`new` over `old`."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value, key) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        if field in KEYED:
            return by(old, new, "name")
        if field == _MOUNTS:
            return by(old, new, "mountPath")
    return new


def by(old: list[Obj], new: list[Obj], key: str) -> list[Obj]:
    """Two lists of things that have a name: what stands in both is merged in the place of the first."""
    later = {each.get(key): each for each in new}
    found = [merged(each, later.pop(each.get(key))) if each.get(key) in later else each for each in old]
    return found + list(later.values())
