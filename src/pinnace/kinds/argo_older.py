"""Argo documents of version 3 and before, read as what version 4 writes: `schedule`, `mutex`, `semaphore` …

Pure. Admission brings them up to date before they are judged and tells the writer in a warning; `pinnace
convert` does so in a file. Source: argoproj/argo-workflows docs/upgrading.md, cmd/argo/commands/convert.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
GONE = {
    "podPriority": "podPriorityClassName: the name of a PriorityClass",
    "priority": "priorityClassName: the name of a PriorityClass",
    "resubmitPendingPods": "nothing: pods that could not start are made again anyway",
}
"""Fields that have no successor of the same meaning."""


def modernise(obj: Obj) -> list[str]:
    """Changes a document in place; what was done, with the new form. Any type may stand in its spec."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return []
    if obj.get("kind") != "CronWorkflow" and "workflowSpec" not in spec:
        return list(_workflow(spec, "spec"))
    found = list(_schedule(spec))
    inner = spec.get("workflowSpec")
    return found + (list(_workflow(inner, "spec.workflowSpec")) if isinstance(inner, dict) else [])


def _schedule(spec: Obj) -> Iterator[str]:
    old, new = spec.get("schedule"), spec.get("schedules")
    if not isinstance(old, str) or not old or (new and len(new) > 1):
        return  # both in full: nobody can know which is meant
    del spec["schedule"]
    spec["schedules"] = [old]
    yield _told("spec.schedule", "spec.schedules", [old])


def _workflow(spec: Obj, path: str) -> Iterator[str]:
    yield from _locks(spec, path)
    yield from _time_to_live(spec, path)
    yield from _gone(spec, path, ("podPriority",))
    yield from _template(spec.get("templateDefaults"), f"{path}.templateDefaults")
    templates = spec.get("templates")
    for at, template in enumerate(templates if isinstance(templates, list) else ()):
        yield from _template(template, f"{path}.templates[{at}]")


def _template(template: Any, path: str) -> Iterator[str]:
    if not isinstance(template, dict):
        return
    yield from _locks(template, path)
    yield from _gone(template, path, ("priority", "resubmitPendingPods"))
    for place, call in _calls(template, path):
        old, hooks = call.get("onExit"), call.get("hooks")
        if isinstance(old, str) and old and not (isinstance(hooks, dict) and "exit" in hooks):
            yield _told(f"{place}.onExit", f"{place}.hooks", {"exit": {"template": old}}, read=True)


def _calls(template: Obj, path: str) -> Iterator[tuple[str, Obj]]:
    dag = template.get("dag")
    tasks = dag.get("tasks") if isinstance(dag, dict) else None
    for at, task in enumerate(tasks if isinstance(tasks, list) else ()):
        if isinstance(task, dict):
            yield f"{path}.dag.tasks[{at}]", task
    steps = template.get("steps")
    for outer, group in enumerate(steps if isinstance(steps, list) else ()):
        for inner, step in enumerate(group if isinstance(group, list) else ()):
            if isinstance(step, dict):
                yield f"{path}.steps[{outer}][{inner}]", step


def _locks(holder: Obj, path: str) -> Iterator[str]:
    own = holder.get("synchronization")
    if not isinstance(own, dict):
        return
    for old, new in (("mutex", "mutexes"), ("semaphore", "semaphores")):
        if isinstance(own.get(old), dict):
            one, others = own.pop(old), own.get(new) or []
            own[new] = others if one in others else [*others, one]
            place = f"{path}.synchronization"
            yield _told(f"{place}.{old}", f"{place}.{new}", own[new])


def _time_to_live(spec: Obj, path: str) -> Iterator[str]:
    seconds = spec.get("ttlSecondsAfterFinished")
    if isinstance(seconds, int) and "ttlStrategy" not in spec:
        del spec["ttlSecondsAfterFinished"]
        spec["ttlStrategy"] = {"secondsAfterCompletion": seconds}
        yield _told(f"{path}.ttlSecondsAfterFinished", f"{path}.ttlStrategy", spec["ttlStrategy"])


def _gone(holder: Obj, path: str, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if name in holder:
            del holder[name]
            yield f"{path}.{name} is of Argo 3 and has no effect: write {GONE[name]}"


def _told(old: str, new: str, value: Any, *, read: bool = False) -> str:
    shown = msgspec.json.encode(value).decode()
    what = "is deprecated" if read else "is of Argo 3 and was read"
    return f"{old} {what}: write {new}: {shown}"
