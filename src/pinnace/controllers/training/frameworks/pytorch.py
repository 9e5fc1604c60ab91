"""PyTorchJob. Source: kubeflow/training-operator pkg/controller.v1/pytorch/{envvar,elastic,master}.go."""

from __future__ import annotations

from typing import Any

from pinnace.controllers.built_in import AUTOSCALER
from pinnace.controllers.training.framework import (
    PLACED,
    SHORT,
    Counts,
    Environment,
    Framework,
    Words,
    master_or_worker,
    plain,
)
from pinnace.controllers.training.view import Job, Replica
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.training import PYTORCH_JOB


def environment(job: Job, replica: Replica, index: int) -> Environment:
    env = plain(PYTHONUNBUFFERED="1")
    elastic = job.spec.get("elasticPolicy")
    if "Master" in job.replicas:
        env += _ranked(job, replica, index)
    if job.spec.get("nprocPerNode") is not None or (elastic or {}).get("nProcPerNode") is None:
        env += plain(PET_NPROC_PER_NODE=_processes(job))
    if elastic is None:
        return env + plain(PET_NNODES=str(job.total))
    return env + _elastic(job, elastic)


def _ranked(job: Job, replica: Replica, index: int) -> Environment:
    address, port = job.pod_name("Master", 0), str(job.port("Master"))
    rank = str(index if replica.type == "Master" else index + 1)
    each = _processes(job)
    world = job.total * (int(each) if each.isdigit() else 1)
    return plain(
        MASTER_PORT=port, PET_MASTER_PORT=port, MASTER_ADDR=address, PET_MASTER_ADDR=address,
        WORLD_SIZE=str(world), RANK=rank, PET_NODE_RANK=rank,
    )


def _processes(job: Job) -> str:
    return str(job.spec.get("nprocPerNode") or "auto")


def _elastic(job: Job, policy: Obj) -> Environment:
    least, most = bounds(job, policy)
    env = plain(PET_RDZV_ENDPOINT=_endpoint(job, policy))
    env += plain(PET_RDZV_BACKEND=str(policy.get("rdzvBackend") or "c10d"), PET_NNODES=f"{least}:{most}")
    if policy.get("rdzvId"):
        env += plain(PET_RDZV_ID=str(policy["rdzvId"]))
    if policy.get("rdzvConf"):
        pairs = ",".join(f"{each.get('key', '')}={each.get('value', '')}" for each in policy["rdzvConf"])
        env += plain(PET_RDZV_CONF=pairs)
    if policy.get("standalone") is not None:
        env += plain(PET_STANDALONE="")
    if policy.get("nProcPerNode") is not None:
        env += plain(PET_NPROC_PER_NODE=str(policy["nProcPerNode"]))
    if policy.get("maxRestarts") is not None:
        env += plain(PET_MAX_RESTARTS=str(policy["maxRestarts"]))
    return env


def bounds(job: Job, policy: Obj) -> tuple[int, int]:
    """One given: the other is equal; none: as many as there are workers."""
    least, most = policy.get("minReplicas"), policy.get("maxReplicas")
    workers = job.count("Worker")
    low = least if least is not None else most if most is not None else workers
    return int(low), int(most if most is not None else low)


def _endpoint(job: Job, policy: Obj) -> str:
    host = policy.get("rdzvHost") or job.pod_name("Worker", 0)
    return f"{host}:{policy.get('rdzvPort') or job.port('Worker')}"


def leads(job: Job, kind: str, index: int) -> bool:
    return kind == "Master" if "Master" in job.replicas else kind == "Worker" and index == 0


def sooner(job: Job, counts: Counts) -> bool:
    """An elastic job without a master is content with any worker."""
    if "Master" in job.replicas or job.spec.get("elasticPolicy") is None:
        return False
    return counts["Worker"].succeeded > 0


def words(job: Job) -> Words:
    placed = "Master" not in job.replicas
    return Words(
        (PLACED if placed else SHORT).running, (PLACED if placed else SHORT).succeeded, SHORT.failed,
        SHORT.restarting,
    )


def autoscaler(job: Job, pods: Any) -> list[tuple[Resource, Obj]]:
    """An elastic job with metrics is scaled like a Deployment."""
    policy = job.spec.get("elasticPolicy") or {}
    if not policy.get("metrics"):
        return []
    least, most = bounds(job, policy)
    target = {"apiVersion": job.obj["apiVersion"], "kind": job.obj["kind"], "name": job.name}
    spec = {
        "scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, "metrics": policy["metrics"]
    }
    return [(AUTOSCALER, {"metadata": {"name": job.name}, "spec": spec})]


FRAMEWORK = Framework(
    family=PYTORCH_JOB, environment=environment, leads=leads, decides=master_or_worker, sooner=sooner,
    words=words, companions=autoscaler,
)
