"""`sobol`: points of a Sobol sequence; evenly spread whatever their number, and the same every time."""

from __future__ import annotations

import warnings

from pinnace.controllers.tuning.suggesters.problem import Answer, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import assigned, axes


def suggest(problem: Problem, count: int) -> Answer:
    from scipy.stats.qmc import Sobol  # type: ignore[import-untyped,import-not-found,unused-ignore]

    found = axes(problem.parameters)
    sequence = Sobol(len(found), scramble=False)
    sequence.fast_forward(1 + len(problem.trials))  # the first point is a corner
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # any number of points is fine here
        points = sequence.random(count)
    return Answer([Proposal(assigned(found, [float(unit) for unit in point])) for point in points])
