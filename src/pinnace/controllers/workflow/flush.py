"""When the Workflow object itself is written, and what then stands in it.

A flush gives the object a new resourceVersion and every watcher an event, so it happens on a change of phase,
when an eighth of the nodes changed, when something that only the object keeps is new, and at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinnace.controllers.workflow.locations import shown_depot
from pinnace.kinds.argo import DOMAIN
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.controllers.workflow.live import Live

STEERING = ("suspend", "shutdown", "parallelism", "activeDeadlineSeconds")


def due(live: Live) -> bool:
    run = live.run
    assert run is not None
    if run.phase != live.flushed_phase or run.library.fresh or run.locks.changed:
        return True
    return bool(live.changed) and len(live.changed) * 8 >= run.total


def steering(obj: Obj) -> Obj:
    """The fields of a spec that people change while it runs."""
    spec = obj.get("spec") or {}
    return {key: spec[key] for key in STEERING if spec.get(key) is not None}


def document(live: Live) -> Obj:
    """The Workflow as it is to be stored now (without its nodes: those are rows)."""
    run = live.run
    assert run is not None
    obj = live.obj
    live.flushed_phase = run.phase
    run.library.fresh = False
    run.locks.changed = False
    before = obj.get("status") or {}
    status: Obj = {**before, "phase": run.phase, "progress": run.progress, "conditions": _conditions(live)}
    _put(status, "startedAt", run.started_at)
    _put(status, "finishedAt", run.finished_at)
    _put(status, "message", run.message)
    _put(status, "outputs", run.outputs or None)
    _put(status, "synchronization", None if run.finished else run.locks.status())
    _put(status, "storedTemplates", run.library.stored or None)
    _put(status, "resourcesDuration", run.resources or None)
    if run.depot.status is not None:
        status["artifactRepositoryRef"] = shown_depot(run.depot)
    if (obj.get("spec") or {}).get("workflowTemplateRef"):
        status.setdefault("storedWorkflowTemplateSpec", run.raw_spec)
    status.pop("nodes", None)
    return {**obj, "metadata": _metadata(live), "status": status}


def _put(status: Obj, key: str, value: Any) -> None:
    if value:
        status[key] = value
    else:
        status.pop(key, None)


def _conditions(live: Live) -> list[Obj]:
    run = live.run
    assert run is not None
    running = any(leaf.node.phase == "Running" for leaf in run.pods_known.values())
    made = [{"type": "PodRunning", "status": "True" if running else "False"}]
    if run.finished:
        made.append({"type": "Completed", "status": "True"})
    for type_, message in run.complaints.items():
        made.append({"type": type_, "status": "True", "message": message})
    return made


def _metadata(live: Live) -> Obj:
    run = live.run
    assert run is not None
    meta: Obj = live.obj["metadata"]
    labels = dict(meta.get("labels") or {})
    labels[f"{DOMAIN}phase"] = run.phase
    labels[f"{DOMAIN}completed"] = "true" if run.finished else "false"
    return {**meta, "labels": labels}
