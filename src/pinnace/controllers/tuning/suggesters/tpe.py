"""`tpe` and `multivariate-tpe`: tree-structured Parzen estimators, by Optuna.

Settings of tpe: `gamma` (the share of trials that counts as good), `prior_weight`, `n_EI_candidates`,
`random_state`; of multivariate-tpe: `n_startup_trials`, `n_ei_candidates`, `random_state`. Trials that still
run count as bad ones (constant liar), so that parallel trials do not crowd.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from pinnace.controllers.tuning.suggesters.problem import Answer, Past, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import Axis, axes

GOOD = 25
"""Trials that count as good at most, as in Optuna and hyperopt."""


def suggest(problem: Problem, count: int) -> Answer:
    import optuna  # type: ignore[import-untyped,import-not-found,unused-ignore]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = axes(problem.parameters)
    distributions = {one.name: _distribution(one) for one in found}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of settings that Optuna would rather not have
        sampler = optuna.samplers.TPESampler(**_options(problem))
        study = optuna.create_study(sampler=sampler)
        study.add_trials([_trial(problem, one, found, distributions) for one in problem.trials])
        asked = [study.ask(distributions) for _ in range(count)]
    chosen = [{one.name: _text(one, trial.params[one.name]) for one in found} for trial in asked]
    return Answer([Proposal(assignments) for assignments in chosen])


def _options(problem: Problem) -> dict[str, Any]:
    settings = problem.settings
    options: dict[str, Any] = {
        "seed": problem.seed(len(problem.trials)), "multivariate": problem.algorithm == "multivariate-tpe",
        "constant_liar": True,
    }
    if gamma := settings.get("gamma"):
        share = float(gamma)
        options["gamma"] = lambda count: min(math.ceil(share * count), GOOD)
    if weight := settings.get("prior_weight"):
        options["prior_weight"] = float(weight)
    if candidates := settings.get("n_EI_candidates") or settings.get("n_ei_candidates"):
        options["n_ei_candidates"] = int(candidates)
    if startup := settings.get("n_startup_trials"):
        options["n_startup_trials"] = int(startup)
    return options


def _distribution(one: Axis) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # type: ignore[import-untyped,import-not-found,unused-ignore]

    if one.choices and not one.ordered:
        return CategoricalDistribution(one.choices)
    if one.points and one.distribution == "uniform":
        return IntDistribution(0, one.points - 1)
    return FloatDistribution(0.0, 1.0)


def _text(one: Axis, value: Any) -> str:
    if isinstance(value, str):
        return value
    return one.point(value) if isinstance(value, int) else one.value(value)


def _internal(one: Axis, text: str) -> Any:
    if one.choices and not one.ordered:
        return text if text in one.choices else one.choices[0]
    if one.points and one.distribution == "uniform":
        return one.index(text)
    return one.unit(text)


def _trial(problem: Problem, past: Past, found: list[Axis], distributions: dict[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial  # type: ignore[import-untyped,import-not-found,unused-ignore]

    loss = problem.loss(past)
    state = TrialState.COMPLETE if loss is not None else TrialState.FAIL if past.done else TrialState.RUNNING
    params = {one.name: _internal(one, past.assignments.get(one.name, "")) for one in found}
    return create_trial(params=params, distributions=distributions, value=loss, state=state)
