"""Clusters that are not at hand: what a distribution's release serves, by the versions of its operators.

Used by `pinnace check --profile NAME`. Versions from the release notes of kubeflow/community-distribution
(formerly kubeflow/manifests) and kubeflow/pipelines; Kubernetes' own kinds are those of our catalogue.
"""

from __future__ import annotations

from pinnace.authoring.export import operators
from pinnace.authoring.export.checking import Cluster, Kind
from pinnace.authoring.export.operators import ARGO, JOBSET, KATIB, KSERVE, MPI, PIPELINES, TRAINER, TRAINING
from pinnace.authoring.export.references import CLUSTER_RUNTIME
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj

PROFILES: dict[str, dict[str, str]] = {
    "kubeflow-1.8": {PIPELINES: "2.0", ARGO: "3.3", TRAINING: "1.7", KATIB: "0.16", KSERVE: "0.11"},
    "kubeflow-1.9": {PIPELINES: "2.3", ARGO: "3.4", TRAINING: "1.8", KATIB: "0.17", KSERVE: "0.13"},
    "kubeflow-1.10": {PIPELINES: "2.4", ARGO: "3.5", TRAINING: "1.9", KATIB: "0.18", KSERVE: "0.14"},
    "kubeflow-1.11": {
        PIPELINES: "2.15", ARGO: "3.7", TRAINING: "1.9", KATIB: "0.19", KSERVE: "0.15", TRAINER: "2.1",
        JOBSET: "0.10",
    },
    "kubeflow-26.03": {
        PIPELINES: "2.16", ARGO: "3.7", TRAINING: "1.9", KATIB: "0.19", KSERVE: "0.16", TRAINER: "2.1",
        JOBSET: "0.10",
    },
    "argo-3.4": {ARGO: "3.4"},
    "argo-3.5": {ARGO: "3.5"},
    "argo-3.6": {ARGO: "3.6"},
    "argo-3.7": {ARGO: "3.7"},
    "argo-4.0": {ARGO: "4.0"},
    "kserve-0.15": {KSERVE: "0.15"},
    "kserve-0.18": {KSERVE: "0.18"},
    "mpi-operator-0.6": {MPI: "0.6"},
    "trainer-2.2": {TRAINER: "2.2", JOBSET: "0.10"},
    "kubernetes": {},
}  # fmt: skip
RUNTIMES = {
    "kserve-sklearnserver": "sklearn", "kserve-xgbserver": "xgboost", "kserve-lgbserver": "lightgbm",
    "kserve-pmmlserver": "pmml", "kserve-paddleserver": "paddle", "kserve-tensorflow-serving": "tensorflow",
    "kserve-torchserve": "pytorch", "kserve-tritonserver": "tensorrt onnx", "kserve-mlserver": "mlflow",
    "kserve-huggingfaceserver": "huggingface",
}  # fmt: skip
"""KServe's own ClusterServingRuntimes and the formats for which each chooses itself."""
FOREIGN = frozenset(
    ("argoproj.io", "serving.kserve.io", "kubeflow.org", "trainer.kubeflow.org", "jobset.x-k8s.io",
     "pipelines.kubeflow.org", "pinnace.dev", "serving.kubeflow.org", "metrics.k8s.io")
)  # fmt: skip


def profile(names: list[str], catalogue: Catalogue) -> Cluster:
    """Several together are one cluster. KeyError: there is none of a name."""
    versions: dict[str, str] = {}
    for name in names:
        versions |= PROFILES[name]
    cluster = Cluster(" with ".join(names), versions=versions)
    for resource in catalogue.resources():
        place = (resource.api_version, resource.kind)
        if resource.group not in FOREIGN or has(versions, place):
            cluster.served[place] = Kind(resource.plural, resource.namespaced)
            cluster.schemas[place] = catalogue.schema(resource)
    if KSERVE in versions:
        cluster.listed[CLUSTER_RUNTIME, ""] = [runtime(name, formats) for name, formats in RUNTIMES.items()]
    return cluster


def has(versions: dict[str, str], place: tuple[str, str]) -> bool:
    found = operators.served_by(*place)
    known = versions.get(found.operator) if found else None
    return bool(found and known and operators.version(known) >= operators.version(found.since))


def runtime(name: str, formats: str) -> Obj:
    entries = [{"name": one, "autoSelect": True} for one in formats.split()]
    return {"metadata": {"name": name}, "spec": {"supportedModelFormats": entries}}
