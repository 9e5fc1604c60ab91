"""PaddleJob. Source: kubeflow/training-operator pkg/controller.v1/paddlepaddle/{envvar,master}.go."""

from __future__ import annotations

from pinnace.controllers.training.framework import (
    PLACED,
    SHORT,
    Environment,
    Framework,
    Words,
    master_or_worker,
    plain,
)
from pinnace.controllers.training.view import Job, Replica
from pinnace.kinds.training import PADDLE_JOB

MY_ADDRESS = {"name": "POD_IP_DUMMY", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def environment(job: Job, replica: Replica, index: int) -> Environment:
    """The master of the rendezvous listens on its own address; the others call it by its name."""
    served = "Master" in job.replicas
    chief = "Master" if served else "Worker"
    port = job.port(chief)
    env = plain(
        PYTHONUNBUFFERED="1", PADDLE_JOB_ID=job.name, PADDLE_NNODES=str(job.total)
    )
    if replica.type == chief and index == 0:
        env += [MY_ADDRESS, *plain(PADDLE_MASTER=f"$(POD_IP_DUMMY):{port}")]
    else:
        env += plain(PADDLE_MASTER=f"{job.pod_name(chief, 0)}:{port}")
    if not served:
        return env
    return env + plain(**{"PADDLE_SERVER_NUM" if replica.type == "Master" else "PADDLE_TRAINER_NUM": "1"})


def leads(job: Job, kind: str, index: int) -> bool:
    return kind == "Master" if "Master" in job.replicas else index == 0


def words(job: Job) -> Words:
    return SHORT if "Master" in job.replicas else Words(
        PLACED.running, PLACED.succeeded, SHORT.failed, SHORT.restarting
    )


FRAMEWORK = Framework(
    family=PADDLE_JOB, environment=environment, leads=leads, decides=master_or_worker, words=words
)
