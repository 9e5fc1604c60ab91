"""MPIJob v2beta1: whose it is, and what the MPI Operator finds wrong in one.

Pure. Callers: `objects/admission`, `controllers/training`. The operator has no webhook: a job that is wrong
is stored, and an event says why nothing happens. Source: kubeflow/mpi-operator
pkg/apis/kubeflow/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pinnace.kinds import names
from pinnace.kinds.resource import Obj

GROUP, VERSION = "kubeflow.org", "v2beta1"
MANAGER = "kubeflow.org/mpi-operator"
MANAGERS = ("kubeflow.org/mpi-operator", "kueue.x-k8s.io/multikueue")
POLICIES = ("All", "None", "Running")
IMPLEMENTATIONS = ("Intel", "MPICH", "OpenMPI")
RESTARTS = ("Never", "OnFailure")
OWN = ("sshAuthMountPath", "launcherCreationPolicy", "mpiImplementation", "runLauncherAsWorker")
NOT_NEGATIVE = "must be greater than or equal to 0"


def is_operators(obj: Obj) -> bool:
    """By what its schema fills in: the version in a stored document may be that of its last reader."""
    return str(obj.get("apiVersion")).endswith(VERSION) or "mpiImplementation" in (obj.get("spec") or {})


def carry(old: Obj, new: Obj) -> None:
    """The operator's own job stays its own when somebody writes it by the other version (kubectl prefers
    `v1`), with the fields that the other version does not know."""
    if not is_operators(old) or is_operators(new):
        return
    new["apiVersion"] = f"{GROUP}/{VERSION}"
    spec = new.get("spec")
    if isinstance(spec, dict):
        before = old.get("spec") or {}
        spec.update({field: before[field] for field in OWN if field in before and field not in spec})


def problems(job: Obj) -> list[str]:
    """As the operator words them; empty if the job is sound."""
    return list(_problems(job["metadata"].get("name") or "", job.get("spec") or {}))


def _problems(name: str, spec: Obj) -> Iterator[str]:
    specs = spec.get("mpiReplicaSpecs")
    count = ((specs or {}).get("Worker") or {}).get("replicas") or 1
    host = f"{name}-worker-{max(int(count), 1) - 1}"
    if wrong := list(names.label(host)):
        words = f'will not able to create pod with invalid DNS label "{host}": {", ".join(wrong)}'
        yield f'metadata.name: Invalid value: "{name}": {words}'
    if specs is None:
        yield "spec.mpiReplicaSpecs: Required value: must have replica specs"
    else:
        yield from _replicas(specs, "spec.mpiReplicaSpecs")
    if (slots := spec.get("slotsPerWorker")) is not None and slots < 0:
        yield f"spec.slotsPerWorker: Invalid value: {slots}: {NOT_NEGATIVE}"
    yield from _policy(spec.get("runPolicy") or {}, "spec.runPolicy")
    yield from _one_of(spec, "spec", "mpiImplementation", IMPLEMENTATIONS)


def _one_of(given: Obj, path: str, field: str, known: tuple[str, ...]) -> Iterator[str]:
    value = given.get(field)
    if value is not None and value not in known:
        listed = ", ".join(f'"{one}"' for one in known)
        yield f'{path}.{field}: Unsupported value: "{value}": supported values: {listed}'


def _policy(policy: Obj, path: str) -> Iterator[str]:
    yield from _one_of(policy, path, "cleanPodPolicy", POLICIES)
    for field in ("ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit"):
        if policy.get(field) is not None and policy[field] < 0:
            yield f"{path}.{field}: Invalid value: {policy[field]}: {NOT_NEGATIVE}"
    yield from _one_of(policy, path, "managedBy", MANAGERS)


def _replicas(specs: dict[str, Any], path: str) -> Iterator[str]:
    if specs.get("Launcher") is None:
        yield f"{path}[Launcher]: Required value: must have Launcher replica spec"
    for kind in ("Launcher", "Worker"):
        spec, where = specs.get(kind), f"{path}[{kind}]"
        if spec is None:
            continue
        yield from _one_of(spec, where, "restartPolicy", RESTARTS)
        if not ((spec.get("template") or {}).get("spec") or {}).get("containers"):
            words = "must define at least one container"
            yield f"{where}.template.spec.containers: Required value: {words}"
        count = spec.get("replicas")
        if kind == "Launcher" and count not in (None, 1):
            yield f"{where}.replicas: Invalid value: {count}: must be 1"
        if kind == "Worker" and count is not None and count <= 0:
            yield f"{where}.replicas: Invalid value: {count}: must be greater than or equal to 1"
