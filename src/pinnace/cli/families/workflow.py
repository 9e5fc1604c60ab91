"""Argo Workflows."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.workflow.archive_expiry import ArchiveExpiry
from pinnace.controllers.workflow.controller import Workflows
from pinnace.controllers.workflow.cronworkflows import CronWorkflows
from pinnace.data.blobs import Blobs
from pinnace.objects.tokens import identity_of


def reconcilers(platform: Platform) -> list[Reconciler]:
    recorder = Recorder(platform.client, "workflow-controller")
    blobs = Blobs(platform.home.data)
    return [
        Workflows(
            platform.client, platform.store, platform.catalogue, blobs=blobs, recorder=recorder,
            actor=lambda namespace, name: platform.client.as_(identity_of(namespace, name)),
            isolation=lambda: platform.machine().isolation,
            way_in=platform.home.run,
        ),
        CronWorkflows(platform.client),
        ArchiveExpiry(platform.client, platform.client.house.archive),
    ]
