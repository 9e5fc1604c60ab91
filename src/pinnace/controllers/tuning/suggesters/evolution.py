"""`cmaes`: covariance matrix adaptation on the continuous parameters; the others by chance.

Settings: `sigma`, the first step as a share of each range (default a sixth); `restart_strategy` `none`,
`ipop` (a search that has settled starts again elsewhere, twice as wide) or `bipop` (wide and narrow in turn);
`random_state`. The finished trials, in their order, are replayed a population at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pinnace.controllers.tuning.suggesters.problem import Answer, Past, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import Axis, axes

SIGMA = 1 / 6


def suggest(problem: Problem, count: int) -> Answer:
    found = axes(problem.parameters)
    moving = [one for one in found if not one.choices]
    optimizer = _replayed(problem, moving)
    proposals = []
    for number in range(count):
        point = dict(zip((one.name for one in moving), optimizer.ask(), strict=True))
        chance = problem.random(len(problem.trials) + number)
        units = [float(point[one.name]) if one.name in point else chance.random() for one in found]
        values = {one.name: one.value(unit) for one, unit in zip(found, units, strict=True)}
        proposals.append(Proposal(values))
    return Answer(proposals)


def _replayed(problem: Problem, moving: Sequence[Axis]) -> Any:
    """The optimizer after everything that is known."""
    known = [(one, loss) for one in problem.trials if (loss := problem.loss(one)) is not None]
    restarts = 0
    optimizer = _fresh(problem, len(moving), restarts)
    while len(known) >= optimizer.population_size:
        batch, known = known[: optimizer.population_size], known[optimizer.population_size :]
        optimizer.tell([(_point(moving, past), loss) for past, loss in batch])
        if optimizer.should_stop() and problem.settings.get("restart_strategy") in ("ipop", "bipop"):
            restarts += 1
            optimizer = _fresh(problem, len(moving), restarts)
    return optimizer


def _fresh(problem: Problem, dimensions: int, restarts: int) -> Any:
    import numpy as np
    from cmaes import CMA  # type: ignore[import-untyped,import-not-found,unused-ignore]

    middle = np.full(dimensions, 0.5)
    if restarts:
        chance = problem.random(-restarts)
        middle = np.array([chance.random() for _ in range(dimensions)])
    return CMA(
        mean=middle, sigma=float(problem.settings.get("sigma") or SIGMA),
        bounds=np.array([[0.0, 1.0]] * dimensions), seed=problem.seed(len(problem.trials)),
        population_size=_population(problem, dimensions, restarts),
    )


def _population(problem: Problem, dimensions: int, restarts: int) -> int:
    usual = 4 + math.floor(3 * math.log(dimensions))
    if problem.settings.get("restart_strategy") == "bipop" and restarts % 2:
        return usual
    wide = (restarts + 1) // 2 if problem.settings.get("restart_strategy") == "bipop" else restarts
    return usual * int(2**wide)


def _point(moving: Sequence[Axis], past: Past) -> Any:
    import numpy as np

    return np.array([one.unit(past.assignments.get(one.name, "")) for one in moving])
