"""Kubeflow's workbench: notebooks and TensorBoards."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.notebook.controller import Notebooks


def reconcilers(platform: Platform) -> list[Reconciler]:
    def doors() -> str | None:
        return platform.doors() if platform.pods.hello is not None else None

    return [Notebooks(platform.client, platform.gateway, doors)]
