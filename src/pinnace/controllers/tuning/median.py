"""`medianstop`: from how the finished trials began, what a new one must not be worse than.

Pure. Called by `suggestions`. The mean of each finished trial's first `start_step` values is taken, and the
median of those is the limit, as Katib's documentation has it (its service computes their mean).
Source: kubeflow/katib pkg/earlystopping/v1beta1/medianstop/service.py and its documentation.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from pinnace.controllers.tuning.reports import Report, number
from pinnace.kinds.katib import Objective, Rule

TRIALS, START = 3, 4
"""Defaults of min_trials_required and start_step."""


def rules(
    settings: dict[str, str], objective: Objective, finished: Sequence[Sequence[Report]]
) -> tuple[Rule, ...]:
    """For trials that start now. `finished`: the reports of every trial that succeeded."""
    start = int(settings.get("start_step") or START)
    name = objective.objective_metric_name
    means = []
    for reports in finished:
        values = [value for one in reports if one.metric == name and (value := number(one.value)) is not None]
        if values:
            means.append(statistics.fmean(values[:start]))
    if len(means) < int(settings.get("min_trials_required") or TRIALS):
        return ()
    comparison = "less" if objective.maximize else "greater"
    return (Rule(name=name, value=repr(statistics.median(means)), comparison=comparison, start_step=start),)
