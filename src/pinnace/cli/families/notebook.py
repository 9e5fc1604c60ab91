"""Kubeflow's workbench: notebooks and TensorBoards."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.notebook.controller import Notebooks
from pinnace.controllers.notebook.culler import Culler
from pinnace.controllers.notebook.retelling import Retelling
from pinnace.controllers.notebook.tensorboards import Tensorboards
from pinnace.data.blobs import Blobs


def reconcilers(platform: Platform) -> list[Reconciler]:
    client, gateway, home = platform.client, platform.gateway, platform.home

    def doors() -> str | None:
        return platform.doors() if platform.pods.hello is not None else None

    return [
        Notebooks(client, gateway, doors),
        Culler(client, gateway, doors),
        Retelling(client),
        Tensorboards(
            client, gateway, doors, artifact=platform.artifact, blobs=Blobs(home.data), volumes=home.volumes
        ),
    ]
