"""JAXJob. Source: kubeflow/training-operator pkg/controller.v1/jax/{envvar,jaxjob_controller}.go."""

from __future__ import annotations

from pinnace.controllers.training.framework import (
    PLACED,
    SHORT,
    Environment,
    Framework,
    Words,
    plain,
)
from pinnace.controllers.training.view import Job, Replica
from pinnace.kinds.training import JAX_JOB


def environment(job: Job, replica: Replica, index: int) -> Environment:
    """The program calls `jax.distributed.initialize` with these."""
    return plain(
        PYTHONUNBUFFERED="1", COORDINATOR_PORT=str(job.port("Worker")),
        COORDINATOR_ADDRESS=job.pod_name("Worker", 0), NUM_PROCESSES=str(job.total), PROCESS_ID=str(index),
    )


def leads(job: Job, kind: str, index: int) -> bool:
    return index == 0


WORDS = Words(PLACED.running, PLACED.succeeded, SHORT.failed, SHORT.restarting)
FRAMEWORK = Framework(
    family=JAX_JOB, environment=environment, leads=leads, decides=lambda job: "Worker",
    words=lambda job: WORDS,
)
