"""Kubeflow Pipelines: runs and recurring runs."""

from __future__ import annotations

from pinnace.api.kfp import tasks
from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.pipelines.runs import PipelineRuns
from pinnace.controllers.pipelines.schedules import Schedules


def reconcilers(platform: Platform) -> list[Reconciler]:
    return [PipelineRuns(platform.client, tasks.details), Schedules(platform.client)]
