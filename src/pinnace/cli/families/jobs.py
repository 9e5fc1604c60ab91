"""Kubernetes' Jobs."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.core.jobs import Jobs


def reconcilers(platform: Platform) -> list[Reconciler]:
    return [Jobs(platform.client)]
