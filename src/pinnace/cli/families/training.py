"""TFJob, PyTorchJob and their kin."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.training.controller import TrainingJobs
from pinnace.controllers.training.mpi_operator.controller import MPIJobs


def reconcilers(platform: Platform) -> list[Reconciler]:
    return [TrainingJobs(platform.client), MPIJobs(platform.client)]
