"""Which operator serves a kind, from which version on; which of its fields came later. Facts, by upstream's
release notes.

Used by `readme` (what has to be installed) and `checking` (what an offline profile lacks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

ARGO, KSERVE, TRAINING, KATIB = "Argo Workflows", "KServe", "Training Operator", "Katib"
MPI, TRAINER, JOBSET, PIPELINES, KUBERNETES = (
    "MPI Operator",
    "Kubeflow Trainer",
    "JobSet",
    "Kubeflow Pipelines",
    "Kubernetes",
)
Version = tuple[int, ...]


class Served(msgspec.Struct, frozen=True):
    """`until`: the first version of the operator that no longer serves it; '' as long as it is known."""

    api_version: str
    kinds: tuple[str, ...]
    operator: str
    since: str
    until: str = ""


SERVED = (
    Served(
        "argoproj.io/v1alpha1",
        ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"),
        ARGO,
        "3.0",
    ),
    Served("argoproj.io/v1alpha1", ("WorkflowEventBinding", "WorkflowTaskSet"), ARGO, "3.2"),
    Served("serving.kserve.io/v1beta1", ("InferenceService",), KSERVE, "0.7"),
    Served(
        "serving.kserve.io/v1alpha1",
        ("ServingRuntime", "ClusterServingRuntime", "TrainedModel"),
        KSERVE,
        "0.8",
    ),
    Served("serving.kserve.io/v1alpha1", ("InferenceGraph",), KSERVE, "0.9"),
    Served("serving.kserve.io/v1alpha1", ("ClusterStorageContainer",), KSERVE, "0.11"),
    Served("kubeflow.org/v1", ("TFJob", "PyTorchJob", "XGBoostJob"), TRAINING, "1.3"),
    Served("kubeflow.org/v1", ("MPIJob",), TRAINING, "1.4"),
    Served("kubeflow.org/v1", ("PaddleJob",), TRAINING, "1.6"),
    Served("kubeflow.org/v1", ("JAXJob",), TRAINING, "1.9"),
    Served("kubeflow.org/v2beta1", ("MPIJob",), MPI, "0.3"),
    Served("kubeflow.org/v1beta1", ("Experiment", "Suggestion", "Trial"), KATIB, "0.10"),
    Served("kubeflow.org/v1beta1", ("ScheduledWorkflow",), PIPELINES, "1.0"),
    Served("pipelines.kubeflow.org/v2beta1", ("Pipeline", "PipelineVersion"), PIPELINES, "2.14"),
    Served(
        "trainer.kubeflow.org/v1alpha1",
        ("TrainJob", "TrainingRuntime", "ClusterTrainingRuntime"),
        TRAINER,
        "2.0",
    ),
    Served("jobset.x-k8s.io/v1alpha2", ("JobSet",), JOBSET, "0.2"),
)


class Later(msgspec.Struct, frozen=True):
    """A field that an operator learnt later. `path` with `[]` for any item and `*` for any key."""

    operator: str
    kinds: tuple[str, ...]
    path: str
    since: str
    instead: str = ""


_WORKFLOWS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate")
LATER = (
    Later(ARGO, ("CronWorkflow",), "spec.schedules", "3.6", "write the first one as spec.schedule"),
    Later(ARGO, ("CronWorkflow",), "spec.stopStrategy", "3.6"),
    Later(ARGO, ("CronWorkflow",), "spec.when", "3.6"),
    Later(ARGO, _WORKFLOWS, "spec.synchronization.mutexes", "3.6", "write it as spec.synchronization.mutex"),
    Later(
        ARGO, _WORKFLOWS, "spec.synchronization.semaphores", "3.6", "write it as synchronization.semaphore"
    ),
    Later(ARGO, _WORKFLOWS, "spec.templates[].synchronization.mutexes", "3.6", "write it as mutex"),
    Later(ARGO, _WORKFLOWS, "spec.templates[].synchronization.semaphores", "3.6", "write it as semaphore"),
    Later(ARGO, _WORKFLOWS, "spec.templates[].plugin", "3.3"),
    Later(ARGO, _WORKFLOWS, "spec.templates[].http", "3.2"),
    Later(ARGO, _WORKFLOWS, "spec.templates[].containerSet", "3.1"),
    Later(ARGO, _WORKFLOWS, "spec.hooks", "3.2", "use onExit"),
    Later(ARGO, _WORKFLOWS, "spec.artifactGC", "3.4"),
    Later(ARGO, _WORKFLOWS, "spec.workflowMetadata", "3.1"),
    Later(ARGO, _WORKFLOWS, "spec.templates[].inputs.artifacts[].azure", "3.4"),
    Later(KSERVE, ("InferenceService",), "spec.predictor.model", "0.8", "name the framework's own field"),
    Later(KSERVE, ("InferenceService",), "spec.predictor.workerSpec", "0.15"),
    Later(KSERVE, ("InferenceService",), "spec.predictor.model.storageUris", "0.16"),
    Later(KSERVE, ("InferenceService",), "spec.predictor.storageUris", "0.16"),
    Later(KSERVE, ("InferenceService",), "spec.predictor.deploymentStrategy", "0.13"),
    Later(KSERVE, ("InferenceService",), "spec.predictor.autoScaling", "0.15"),
    Later(KATIB, ("Experiment",), "spec.trialTemplate.trialSpec.spec.runtimeRef", "0.19"),
    Later(TRAINING, ("PyTorchJob",), "spec.nprocPerNode", "1.7"),
    Later(
        TRAINING,
        ("TFJob", "PyTorchJob", "XGBoostJob", "MPIJob", "PaddleJob"),
        "spec.runPolicy.suspend",
        "1.7",
    ),
    Later(TRAINING, ("TFJob", "PyTorchJob", "XGBoostJob", "PaddleJob"), "spec.runPolicy.managedBy", "1.9"),
)


class Need(msgspec.Struct, frozen=True):
    operator: str
    since: str
    why: tuple[str, ...]


def version(text: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def served_by(api_version: str, kind: str) -> Served | None:
    return next((one for one in SERVED if one.api_version == api_version and kind in one.kinds), None)


def needs(documents: Iterable[Obj]) -> list[Need]:
    """The operators that the documents ask for, each with the least version that does for all of them."""
    least: dict[str, tuple[Version, str]] = {}
    why: dict[str, dict[str, None]] = {}
    for obj in documents:
        found = served_by(obj["apiVersion"], obj["kind"])
        if found is None:
            continue
        asked = [(found.since, f"{obj['kind']} ({obj['apiVersion']})")]
        asked += [(one.since, f"{obj['kind']}: {path}") for one, path in later(obj)]
        for since, reason in asked:
            if version(since) >= least.get(found.operator, ((), ""))[0]:
                least[found.operator] = (version(since), since)
            why.setdefault(found.operator, {})[reason] = None
    return [Need(name, least[name][1], tuple(why[name])) for name in sorted(least)]


def later(obj: Obj) -> Iterator[tuple[Later, str]]:
    """What of the document's fields came later, each with its path."""
    for one in LATER:
        if obj.get("kind") in one.kinds:
            for path in places(obj, one.path.split("."), ""):
                yield one, path


def places(value: Any, steps: list[str], path: str) -> Iterator[str]:
    """Where the document has a field of that path."""
    if not steps:
        if value not in (False, "", [], {}):
            yield path  # what only says no was put there by defaults
        return
    name, several = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    inner = value.get(name) if isinstance(value, dict) else None
    if inner is None:
        return
    here = f"{path}.{name}" if path else name
    if not several:
        yield from places(inner, steps[1:], here)
    elif isinstance(inner, list):
        for index, one in enumerate(inner):
            yield from places(one, steps[1:], f"{here}[{index}]")
