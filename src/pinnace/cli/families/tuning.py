"""Katib: Experiments, Suggestions, Trials."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.tuning.crew import Crew
from pinnace.controllers.tuning.experiments import Experiments
from pinnace.controllers.tuning.suggestions import Suggestions
from pinnace.controllers.tuning.trials import Trials


def reconcilers(platform: Platform) -> list[Reconciler]:
    client, store = platform.client, platform.store
    return [
        Experiments(client),
        Suggestions(client, store, Crew()),
        Trials(client, store, platform.catalogue, platform.home),
    ]
