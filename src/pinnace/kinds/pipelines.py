"""Kubeflow Pipelines' records as kinds: pipelines, versions, schedules; runs and experiments of ours.

Upstream keeps experiments and runs in a database beside the cluster; here they are objects like everything
else, so that they are watched, backed up and judged by the same door. Callers: `catalogue`, `api/kfp`,
`controllers/pipelines`. Sources: kubeflow/pipelines backend/src/crd, manifests/kustomize/base/crds.
"""

from __future__ import annotations

from pinnace.kinds import library
from pinnace.kinds.resource import Column, Obj, Resource
from pinnace.kinds.schema import Node

NAMESPACE = "kubeflow"
"""Where the records lie, and runs whose experiment names no other namespace."""
UPSTREAM, OWN = "pipelines.kubeflow.org", "pinnace.dev"
RUN_LABEL = "pipeline/runid"
EXPERIMENT_LABEL = "pinnace.dev/experiment"
SCHEDULE_LABEL = "pinnace.dev/recurring-run"
PIPELINE_LABEL = "pipelines.kubeflow.org/pipeline-id"
RUN_NAME = "pipelines.kubeflow.org/run_name"
OLD_SPEC = "pipelines.kubeflow.org/pipeline_spec"
"""What kfp 1.8 writes into the Workflow that it compiles."""


def _kind(group: str, version: str, kind: str, *columns: Column) -> Resource:
    lower = kind.lower()
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=f"{lower}s",
        singular=lower,
        custom=True,
        columns=(*columns, Column("Age", "date", ".metadata.creationTimestamp")),
    )


_NAME = Column("Name Shown", "string", ".spec.displayName")
PIPELINE = _kind(UPSTREAM, "v2beta1", "Pipeline", _NAME)
PIPELINE_VERSION = _kind(UPSTREAM, "v2beta1", "PipelineVersion", _NAME)
SCHEDULED_WORKFLOW = _kind("kubeflow.org", "v1beta1", "ScheduledWorkflow", _NAME)
RUN = _kind(OWN, "v1", "PipelineRun", _NAME, Column("State", "string", ".status.state"))
EXPERIMENT = _kind(OWN, "v1", "PipelineExperiment", _NAME)
CONFIG_MAP = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", singular="configmap")
"""Of limits: see `authoring/kfp/concurrency`."""
RESOURCES = (PIPELINE, PIPELINE_VERSION, SCHEDULED_WORKFLOW, RUN, EXPERIMENT)
STATES = {
    "": "PENDING",
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Error": "FAILED",
}
ENDED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})


def owns(group: str, kind: str) -> bool:
    return any(one.group == group and one.kind == kind for one in RESOURCES)


def schema() -> Node:
    """Their specs are documents of the REST API, which judges them."""
    text = Node(type="string")
    anything = Node(type="object", preserve_unknown=True)
    return Node(
        type="object",
        properties={
            "apiVersion": text,
            "kind": text,
            "metadata": library.object_meta(),
            "spec": anything,
            "status": anything,
        },
    )


def state_of(workflow: Obj) -> str:
    """RuntimeState of a run whose Workflow this is."""
    phase = (workflow.get("status") or {}).get("phase") or ""
    state = STATES.get(phase, "RUNTIME_STATE_UNSPECIFIED")
    if (workflow.get("spec") or {}).get("shutdown"):
        return "CANCELED" if state == "FAILED" else state if state in ENDED else "CANCELING"
    return state
