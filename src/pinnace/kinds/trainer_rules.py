"""What is wrong with a TrainJob for the runtime that it names, in the words of upstream's webhook.

Pure. Caller: `objects/house`, which finds the runtime; one that is not there yet is waited for. Source:
kubeflow/trainer pkg/webhooks/trainjob_webhook.go, pkg/runtime/framework/plugins/{jobset,torch,xgboost,mpi}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj

TORCH = ("PET_MASTER_ADDR", "PET_MASTER_PORT", "PET_NNODES", "PET_NODE_RANK", "PET_NPROC_PER_NODE")
XGBOOST = ("DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_TASK_ID", "DMLC_NUM_WORKER")
TUNE = ["tune", "run"]
NODE, LAUNCHER = "node", "launcher"
INITIALIZERS = {"dataset": "dataset-initializer", "model": "model-initializer"}
OVERRIDES, PATCHES = "podTemplateOverrides", "runtimePatches"
OWN = (*INITIALIZERS.values(), NODE)
"""Containers whose variables the TrainJob's own fields set."""
NOT_THERE = f"must not have envs for the {', '.join(OWN)} containers"


def against(job: Obj, runtime: Obj) -> list[Cause]:
    spec, about = job.get("spec") or {}, runtime.get("spec") or {}
    jobs = ((about.get("template") or {}).get("spec") or {}).get("replicatedJobs") or []
    containers = {one.get("name", ""): _containers(one) for one in jobs}
    trainer, policy = spec.get("trainer") or {}, about.get("mlPolicy") or {}
    return [
        *_reserved(trainer, policy), *_launched(trainer, policy, containers),
        *_initialized(spec, containers), *_overridden(spec, containers), *_patched(spec),
    ]


def _containers(replicated: Obj) -> set[str]:
    job = (replicated.get("template") or {}).get("spec") or {}
    pod = (job.get("template") or {}).get("spec") or {}
    return {one.get("name", "") for kind in ("initContainers", "containers") for one in pod.get(kind) or ()}


def _reserved(trainer: Obj, policy: Obj) -> Iterator[Cause]:
    """Variables that the framework's own machinery sets."""
    given: list[Any] = trainer.get("env") or []
    if "torch" in policy and trainer.get("command") != TUNE:
        wrong = sorted({one.get("name", "") for one in given} & set(TORCH))
        if wrong:
            words = f"must not have reserved envs, invalid envs configured: [{' '.join(wrong)}]"
            yield cause.invalid("spec.trainer.env", given, words)
    if "xgboost" in policy:
        for place, one in enumerate(given):
            if one.get("name") in XGBOOST:
                words = f"{one['name']} is reserved for the XGBoost runtime"
                yield cause.forbidden(f"spec.trainer.env[{place}]", words)


def _launched(trainer: Obj, policy: Obj, containers: dict[str, set[str]]) -> Iterator[Cause]:
    if not (policy.get("mpi") or {}).get("runLauncherAsNode") or int(trainer.get("numNodes") or 1) < 2:
        return
    if LAUNCHER not in containers or NODE not in containers:
        words = "must have 1 when MPI trainingRuntime with enabled runLauncherAsNode does not have either"
        yield cause.invalid("spec.trainer.numNodes", trainer["numNodes"], f"{words} launcher and node")


def _initialized(spec: Obj, containers: dict[str, set[str]]) -> Iterator[Cause]:
    for field, name in INITIALIZERS.items():
        if not (spec.get("initializer") or {}).get(field):
            continue
        if name not in containers:
            words = f"must have {name} job when trainJob is configured with input {field}Config"
            yield cause.invalid("spec.runtimeRef", spec.get("runtimeRef"), words)
        elif name not in containers[name]:
            words = f"must have container with name - {name} in the {name} job"
            yield cause.invalid("spec.runtimeRef", spec.get("runtimeRef"), words)


def _overridden(spec: Obj, containers: dict[str, set[str]]) -> Iterator[Cause]:
    path, everything = f"spec.{OVERRIDES}", spec.get(OVERRIDES) or []
    for override in everything:
        for target in override.get("targetJobs") or ():
            name = target.get("name", "")
            if name not in containers:
                words = "must not have targetJob that doesn't exist in the runtime job template"
                yield cause.invalid(path, everything, words)
                continue
            for kind, word in (("initContainers", "initContainer"), ("containers", "container")):
                for one in (override.get("spec") or {}).get(kind) or ():
                    if one.get("name") not in containers[name]:
                        words = f"must not have {word} that doesn't exist in the runtime job {name}"
                        yield cause.invalid(path, everything, words)
                    elif kind == "containers" and one.get("env") and one.get("name") in OWN:
                        yield cause.invalid(path, everything, NOT_THERE)


def _patched(spec: Obj) -> Iterator[Cause]:
    everything = spec.get(PATCHES) or []
    for patch in everything:
        template = (patch.get("trainingRuntimeSpec") or {}).get("template") or {}
        for one in (template.get("spec") or {}).get("replicatedJobs") or ():
            job = (one.get("template") or {}).get("spec") or {}
            pod = (job.get("template") or {}).get("spec") or {}
            if any(each.get("env") and each.get("name") in OWN for each in pod.get("containers") or ()):
                yield cause.invalid(f"spec.{PATCHES}", everything, NOT_THERE)
