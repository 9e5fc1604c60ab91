"""KServe: InferenceServices, graphs, and documents of older days."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.serving.graphs import InferenceGraphs
from pinnace.controllers.serving.older import OlderServices
from pinnace.controllers.serving.reconciler import InferenceServices
from pinnace.controllers.serving.registered import RegisteredServices


def reconcilers(platform: Platform) -> list[Reconciler]:
    return [
        InferenceServices(
            platform.client, platform.gateway, Recorder(platform.client, "inferenceservice-controller"),
            artifacts=platform.artifact, volumes=platform.home.volumes, tail=platform.log_tail,
            doors=platform.doors, registry=platform.registry,
        ),
        InferenceGraphs(
            platform.client, platform.gateway, Recorder(platform.client, "inferencegraph-controller")
        ),
        OlderServices(platform.client),
        RegisteredServices(
            platform.client, platform.registry, Recorder(platform.client, "model-registry-controller")
        ),
    ]
