"""The algorithms, one module each and all of one shape (see `problem`): sit side by side, know nobody.

Those in LIGHT need nothing but Python and are called where they stand; the others bring numpy, scipy, Optuna
or scikit-learn and are only ever imported by the worker process (`crew`).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from pinnace.controllers.tuning.suggesters.problem import Answer, Past, Problem, Proposal, Suggester

LIGHT: Mapping[str, str] = {
    "random": "uniform", "grid": "grid", "hyperband": "hyperband", "pbt": "population",
}
HEAVY: Mapping[str, str] = {
    "tpe": "tpe", "multivariate-tpe": "tpe", "bayesianoptimization": "bayesian", "cmaes": "evolution",
    "sobol": "sobol",
}


def suggest(problem: Problem, count: int) -> Answer:
    name = LIGHT.get(problem.algorithm) or HEAVY[problem.algorithm]
    return cast(Suggester, import_module(f"{__name__}.{name}")).suggest(problem, count)


__all__ = ["HEAVY", "LIGHT", "Answer", "Past", "Problem", "Proposal", "suggest"]
