"""JobSets."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.jobset.controller import JobSets


def reconcilers(platform: Platform) -> list[Reconciler]:
    return [JobSets(platform.client)]
