"""Kubeflow Pipelines: runs and recurring runs."""

from __future__ import annotations

from pinnace.api.kfp import tasks
from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.pipelines.runs import PipelineRuns
from pinnace.controllers.pipelines.schedules import Schedules


def reconcilers(platform: Platform) -> list[Reconciler]:
    def read(namespace: str, key: str) -> bytes | None:
        from pinnace.cli.contents import reading

        return reading(platform, namespace, key)

    return [PipelineRuns(platform.client, tasks.details, read=read), Schedules(platform.client)]
