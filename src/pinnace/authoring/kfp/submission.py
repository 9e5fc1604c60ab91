"""A run's documents: its record and its Workflow. Pure; `api/kfp` and `controllers/pipelines` write them.

Labels and annotations are those that upstream's API server puts on the Workflow.
"""

from __future__ import annotations

import random
import re
import string
from datetime import UTC, datetime
from typing import Any

import msgspec

from pinnace.authoring.kfp import argo, concurrency
from pinnace.authoring.kfp.ir import Obj, Package
from pinnace.authoring.kfp.lowering import lowered
from pinnace.authoring.kfp.step import Job
from pinnace.kinds import pipelines

LETTERS = string.ascii_lowercase + string.digits
MAX_NAME = 45


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants run. `document`: the fields of the API's Run that came with the request."""

    id: str
    name: str
    package: Package
    document: Obj
    experiment: str = ""
    namespace: str = pipelines.NAMESPACE
    recurring: str = ""
    scheduled: str = ""

    @property
    def config(self) -> Obj:
        return dict(self.document.get("runtime_config") or {})

    @property
    def counted(self) -> tuple[Obj, str, str]:
        """What says how many runs of this pipeline may be active, and what they are counted by."""
        version = (self.document.get("pipeline_version_reference") or {}).get("pipeline_version_id") or ""
        config = self.package.kubernetes.get("pipelineConfig") or {}
        return config, version, self.package.pipeline.pipeline_info.name


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def workflow_name(pipeline: str) -> str:
    clean = re.sub(r"[^a-z0-9]+", "-", pipeline.lower()).strip("-")[:MAX_NAME].strip("-") or "pipeline"
    return f"{clean}-{''.join(random.choices(LETTERS, k=5))}"  # noqa: S311 - a name, no secret


def workflow(order: Order, now: float) -> Obj:
    """Raises IrError, ValueMismatch, ExpressionProblem."""
    info = order.package.pipeline.pipeline_info
    config = order.config
    job = Job(
        id=order.id,
        name=order.name,
        resource=workflow_name(info.name),
        pipeline=info.name,
        root=config.get("pipeline_root") or order.package.pipeline.default_pipeline_root,
        created=stamp(now),
        scheduled=order.scheduled,
    )
    given = arguments(order, config.get("parameters") or {}, now)
    account = order.document.get("service_account")
    labels, notes = {pipelines.RUN_LABEL: order.id}, {pipelines.RUN_NAME: order.name}
    if order.package.argo:
        meta = order.package.spec["metadata"]
        spec = argo.lowered(order.package, order.id, given, account or "")
        argo.labelled(spec, pipelines.RUN_LABEL, order.id)
        labels, notes = {**(meta.get("labels") or {}), **labels}, {**(meta.get("annotations") or {}), **notes}
    else:
        spec = lowered(order.package, job, given)
        limited = concurrency.locks(*order.counted)
        if limited:
            spec["synchronization"] = limited
        if account:
            spec["serviceAccountName"] = account
        labels["pipelines.kubeflow.org/v2_component"] = "true"
        notes["pipelines.kubeflow.org/v2_pipeline"] = "true"
        notes["pipelines.kubeflow.org/components-comp-root"] = info.name
    if order.recurring:
        labels[pipelines.SCHEDULE_LABEL] = order.recurring
    metadata = {"name": job.resource, "namespace": order.namespace, "labels": labels, "annotations": notes}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def leant_on(order: Order) -> list[Obj]:
    """The ConfigMaps that its Workflow reads from its first moment on. Raises IrError."""
    return [] if order.package.argo else concurrency.config_maps(*order.counted, order.namespace)


def record(order: Order, made: Obj, now: float) -> Obj:
    """The PipelineRun."""
    spec = {
        "displayName": order.name,
        "experimentId": order.experiment,
        "workflow": made["metadata"]["name"],
        "namespace": order.namespace,
        "request": order.document,
    }
    if order.recurring:
        spec["recurringRunId"] = order.recurring
    if order.scheduled:
        spec["scheduledAt"] = order.scheduled
    labels = {pipelines.EXPERIMENT_LABEL: order.experiment}
    if order.recurring:
        labels[pipelines.SCHEDULE_LABEL] = order.recurring
    return {
        "apiVersion": pipelines.RUN.api_version,
        "kind": pipelines.RUN.kind,
        "metadata": {"name": order.id, "namespace": pipelines.NAMESPACE, "labels": labels},
        "spec": spec,
        "status": {
            "state": "PENDING",
            "storageState": "AVAILABLE",
            "history": [{"update_time": stamp(now), "state": "PENDING"}],
        },
    }


def arguments(order: Order, given: Obj, now: float) -> Obj:
    """With the placeholders of recurring runs put in."""
    known = {
        "[[ScheduledTime]]": order.scheduled or stamp(now),
        "[[CurrentTime]]": stamp(now),
        "[[RunUUID]]": order.id,
        "[[Index]]": str(order.document.get("index", 1)),
    }
    return {name: _filled(value, known) for name, value in given.items()}


def _filled(value: Any, known: dict[str, str]) -> Any:
    if not isinstance(value, str) or "[[" not in value:
        return value
    for name, text in known.items():
        value = value.replace(name, text)
    return value


def told(before: Obj, made: Obj, now: float) -> Obj | None:
    """The record's status after its Workflow became `made`; None: it says so already."""
    state = pipelines.state_of(made)
    status: Obj = dict(before.get("status") or {})
    if status.get("state") == state:
        return None
    status["state"] = state
    phase = made.get("status") or {}
    when = phase.get("finishedAt") if state in pipelines.ENDED else phase.get("startedAt")
    entry: Obj = {"update_time": when or stamp(now), "state": state}
    if state in ("FAILED", "CANCELED"):
        entry["error"] = status["error"] = {"code": 1, "message": phase.get("message") or state.lower()}
    else:
        status.pop("error", None)
    status["history"] = [*(status.get("history") or []), entry]
    if state in pipelines.ENDED:
        status["finishedAt"] = phase.get("finishedAt") or stamp(now)
    else:
        status.pop("finishedAt", None)
    return status
