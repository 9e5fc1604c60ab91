"""Kubeflow's training kinds as the platform reads them: resources, names, and what may stand in a document.

Pure. Callers: `catalogue` (which versions are served), `objects/admission` (old documents become today's),
`controllers/training`. Sources: kubeflow/training-operator v1.9 pkg/apis/kubeflow.org/v1, pkg/webhooks;
kubeflow/mpi-operator v0.6 pkg/apis/kubeflow/v2beta1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Column, Obj, Resource

GROUP = "kubeflow.org"
RESTARTS = ("Always", "OnFailure", "Never", "ExitCode")
MANAGERS = ("kubeflow.org/training-operator", "kueue.x-k8s.io/multikueue")
_COLUMNS = (
    Column("State", "string", ".status.conditions[-1:].type"),
    Column("Age", "date", ".metadata.creationTimestamp"),
)


class Family(msgspec.Struct, frozen=True):
    """What the documents of one kind have of their own. `strict`: other replica types are refused."""

    kind: str
    specs: str
    """The field with the replica specs: `tfReplicaSpecs`."""
    types: tuple[str, ...]
    container: str
    """Which container trains; the webhook insists on one of this name."""
    port_name: str
    port: int
    restart: str
    """The restartPolicy of a replica spec that names none."""
    needs: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    """Types that say `replicas: 1`; upstream refuses them without."""
    strict: bool = True
    judged: bool = True
    """Whether upstream has a validating webhook for it."""
    scalable: bool = False
    older: tuple[str, ...] = ()
    """Versions of past years whose documents are read as today's."""

    @property
    def resource(self) -> Resource:
        return of_version(self, "v1")


TF_JOB = Family(
    "TFJob", "tfReplicaSpecs", ("Chief", "Master", "PS", "Worker", "Evaluator"), "tensorflow", "tfjob-port",
    2222, "Never", strict=False,
    older=("v1beta2", "v1beta1", "v1alpha2", "v1alpha1"),
)
PYTORCH_JOB = Family(
    "PyTorchJob", "pytorchReplicaSpecs", ("Master", "Worker"), "pytorch", "pytorchjob-port", 23456,
    "OnFailure", single=("Master",), scalable=True, older=("v1beta2", "v1beta1", "v1alpha2", "v1alpha1"),
)
XGBOOST_JOB = Family(
    "XGBoostJob", "xgbReplicaSpecs", ("Master", "Worker"), "xgboost", "xgboostjob-port", 9999, "Never",
    needs=("Master",), single=("Master",),
)
PADDLE_JOB = Family(
    "PaddleJob", "paddleReplicaSpecs", ("Master", "Worker"), "paddle", "master", 36543, "OnFailure",
    scalable=True,
)
JAX_JOB = Family(
    "JAXJob", "jaxReplicaSpecs", ("Worker",), "jax", "jaxjob-port", 6666, "Never", scalable=True
)
MPI_JOB = Family(
    "MPIJob", "mpiReplicaSpecs", ("Launcher", "Worker"), "mpi", "mpi-port", 9999, "Never", strict=False,
    judged=False,
)
FAMILIES = (TF_JOB, PYTORCH_JOB, XGBOOST_JOB, PADDLE_JOB, JAX_JOB, MPI_JOB)


def of_version(family: Family, version: str) -> Resource:
    lower = family.kind.lower()
    return Resource(
        group=GROUP, version=version, kind=family.kind, plural=f"{lower}s", singular=lower, custom=True,
        subresources=frozenset({"status", "scale"} if family.scalable else {"status"}), columns=_COLUMNS,
    )


def beside_the_catalogue() -> Iterator[Resource]:
    """Versions that upstream's discovery, as it was recorded, does not list."""
    yield of_version(MPI_JOB, "v1")
    for family in FAMILIES:
        for version in family.older:
            yield of_version(family, version)


def is_older(version: str, kind: str) -> bool:
    return any(family.kind == kind and version in family.older for family in FAMILIES)


def scale_paths(resource: Resource) -> tuple[str, str, str] | None:
    """Where the `scale` subresource finds wanted, actual and selector."""
    for family in FAMILIES:
        if family.scalable and resource.key == family.resource.key:
            status = ".status.replicaStatuses.Worker"
            return f".spec.{family.specs}.Worker.replicas", f"{status}.active", f"{status}.selector"
    return None


def type_of(family: Family, word: str) -> str:
    """`WORKER`, `worker` → `Worker`; a word that names no type stays."""
    return next((one for one in family.types if one.lower() == word.lower()), word)


# Validation ---------------------------------------------------------------------------------------------


def checks(family: Family) -> Callable[[Any, Any], list[Cause]]:
    """The webhook of a kind: everything that is wrong at once."""

    def check(obj: Obj, old: Obj | None) -> list[Cause]:
        return list(_judged(family, obj, old))

    return check


def _judged(family: Family, obj: Obj, old: Obj | None) -> Iterator[Cause]:
    meta, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    if wrong := list(names.label_1035(meta["name"])) if meta.get("name") else []:
        yield cause.invalid("metadata.name", meta["name"], f"should match: {','.join(wrong)}")
    yield from _policy(spec, ((old or {}).get("spec") or {}) if old else None)
    specs, path = spec.get(family.specs), f"spec.{family.specs}"
    if not isinstance(specs, dict):
        yield cause.required(path, "must be required")
        specs = {}
    given = {type_of(family, word): word for word in specs}
    if family is PYTORCH_JOB:
        yield from _elastic(spec, given)
    for kind, word in given.items():
        if kind not in family.types and family.strict:
            yield cause.unsupported(f"{path}[{word}]", word, family.types)
        yield from _replica(family, kind, specs[word] or {}, f"{path}[{word}]")
    for needed in family.needs:
        if needed not in given:
            yield cause.required(f"{path}[{needed}]", "must be present")
    if family is TF_JOB and "Chief" in given and "Master" in given:
        yield cause.forbidden(path, "must not have more than 1 Chief or Master role")


def _replica(family: Family, kind: str, spec: Obj, path: str) -> Iterator[Cause]:
    where = f"{path}.template.spec.containers"
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    if not containers:
        yield cause.required(where, "must be specified")
    for index, each in enumerate(containers):
        if not each.get("image"):
            yield cause.required(f"{where}[{index}].image", "must be required")
    if not any(each.get("name") == family.container for each in containers):
        yield cause.required(where, f"must have at least one container with name {family.container}")
    count = spec.get("replicas")
    if kind in family.single and count != 1:
        yield cause.forbidden(f"{path}.replicas", "must be 1")
    elif family is PYTORCH_JOB and kind == "Worker" and count is not None and count < 1:
        yield cause.forbidden(f"{path}.replicas", "must be at least 1")


def _policy(spec: Obj, old: Obj | None) -> Iterator[Cause]:
    policy = spec.get("runPolicy") or {}
    manager = policy.get("managedBy")
    if old is not None:
        before = old.get("runPolicy") or {}
        if before.get("managedBy") != manager:
            yield cause.invalid("spec.runPolicy.managedBy", manager, "field is immutable")
        queue = (policy.get("schedulingPolicy") or {}).get("queue")
        if (before.get("schedulingPolicy") or {}).get("queue") != queue:
            words = "spec.runPolicy.schedulingPolicy.queue is immutable"
            yield cause.invalid("spec.runPolicy.schedulingPolicy", queue, words)
    if manager is not None and manager not in MANAGERS:
        yield cause.unsupported("spec.runPolicy.managedBy", manager, MANAGERS)


def _elastic(spec: Obj, given: dict[str, str]) -> Iterator[Cause]:
    policy = spec.get("elasticPolicy")
    if policy is None:
        return
    if "Worker" not in given:
        words = "must be configured if elastic policy is used"
        yield cause.required("spec.pytorchReplicaSpecs[Worker]", words)
    if policy.get("nProcPerNode") is not None and spec.get("nprocPerNode") is not None:
        yield cause.forbidden("spec.elasticPolicy.nProcPerNode", "must not be used with spec.nprocPerNode")


def warnings(job: Obj) -> list[str]:
    """Of a PyTorchJob."""
    if ((job.get("spec") or {}).get("elasticPolicy") or {}).get("nProcPerNode") is None:
        return []
    return ["spec.elasticPolicy.nProcPerNode is deprecated, use spec.nprocPerNode instead"]


CHECKS = {f"{family.kind}.{GROUP}": (checks(family),) for family in FAMILIES if family.judged}
