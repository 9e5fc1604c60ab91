"""XGBoostJob (also LightGBM). Source: kubeflow/training-operator pkg/controller.v1/xgboost/xgboost.go."""

from __future__ import annotations

from pinnace.controllers.training.framework import Environment, Framework, plain
from pinnace.controllers.training.view import Job, Replica
from pinnace.kinds.training import XGBOOST_JOB


def environment(job: Job, replica: Replica, index: int) -> Environment:
    """The program starts the tracker itself, on rank 0; LightGBM wants the list of all workers."""
    rank = index if replica.type == "Master" else index + job.count("Master")
    env = plain(
        MASTER_PORT=str(job.port("Master")), MASTER_ADDR=job.pod_name("Master", 0),
        WORLD_SIZE=str(job.total), RANK=str(rank), PYTHONUNBUFFERED="1",
    )
    if job.total <= 1:
        return env
    workers = ",".join(job.pod_name("Worker", number) for number in range(job.count("Worker")))
    return env + plain(WORKER_PORT=str(job.port("Worker")), WORKER_ADDRS=workers)


def leads(job: Job, kind: str, index: int) -> bool:
    return kind == "Master"


FRAMEWORK = Framework(
    family=XGBOOST_JOB, environment=environment, leads=leads, decides=lambda job: "Master"
)
