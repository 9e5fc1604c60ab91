"""TrainJobs and their runtimes."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.trainer.controller import TrainJobs


def reconcilers(platform: Platform) -> list[Reconciler]:
    return [TrainJobs(platform.client)]
