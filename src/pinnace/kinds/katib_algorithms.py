"""Which algorithms there are and what may be set on them, as upstream's suggestion services judge it.

Pure. Callers: `katib_rules` (is there such an algorithm), `controllers/tuning` (a Suggestion whose settings
are wrong fails with what `wrong` says). Source: kubeflow/katib pkg/suggestion/v1beta1/*/service.py and
pkg/earlystopping/v1beta1/medianstop/service.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from pinnace.kinds.katib import Experiment, Parameter

Judge = Callable[[str], str]
"""What is wrong with a setting's text; '' if nothing is."""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(least: int) -> Judge:
    def judge(text: str) -> str:
        try:
            return "" if int(text) >= least else f"should be great or equal than {least}"
        except ValueError:
            return f"should be a whole number, not {text!r}"

    return judge


def _real(true: Callable[[float], bool], words: str) -> Judge:
    def judge(text: str) -> str:
        value = _number(text)
        return "" if value is not None and true(value) else words

    return judge


def _one_of(*choices: str) -> Judge:
    def judge(text: str) -> str:
        return "" if text in choices else f"{text} is not supported: one of {', '.join(choices)}"

    return judge


def _anything(text: str) -> str:
    return ""


_SEED = {"random_state": _whole(0)}
_UNIT = _real(lambda value: 0 <= value <= 1, "should be in the range between 0 and 1")
SETTINGS: Mapping[str, Mapping[str, Judge]] = {
    "random": _SEED,
    "grid": _SEED,
    "tpe": {
        **_SEED,
        "gamma": _real(lambda value: 0 < value < 1, "should be in the range between 0 and 1"),
        "prior_weight": _real(lambda value: value > 0, "should be great than zero"),
        "n_EI_candidates": _whole(1),
    },
    "multivariate-tpe": {**_SEED, "n_startup_trials": _whole(0), "n_ei_candidates": _whole(1)},
    "bayesianoptimization": {
        **_SEED,
        "base_estimator": _one_of("GP", "RF", "ET", "GBRT"),
        "n_initial_points": _whole(0),
        "acq_func": _one_of("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps"),
        "acq_optimizer": _one_of("auto", "sampling", "lbfgs"),
    },
    "cmaes": {
        **_SEED,
        "sigma": _real(lambda value: value > 0, "should be great than zero"),
        "restart_strategy": _one_of("none", "None", "ipop", "bipop"),
    },
    "sobol": {},
    "hyperband": {
        "r_l": _real(lambda value: value > 0, "must be a positive float number"),
        "resource_name": _anything,
        "eta": _whole(2),
    },
    "pbt": {
        "suggestion_trial_dir": _anything,
        "n_population": _whole(5),
        "truncation_threshold": _UNIT,
        "resample_probability": _UNIT,
    },
}
"""Algorithm → its settings. Sobol ignores whatever is set, as upstream's does."""
NAS = ("enas", "darts")
"""Known to upstream, searching architectures: refused here with these names."""
EARLY_STOPPING: Mapping[str, Mapping[str, Judge]] = {
    "medianstop": {"min_trials_required": _whole(1), "start_step": _whole(1)},
}
_DIMENSIONS = "cmaes requires at least 2 continuous dimensions (double or int parameters)"
_LENIENT = frozenset({"sobol", "hyperband"})
"""Upstream's services of these ignore a setting that they do not know."""


def wrong(spec: Experiment) -> str:
    """Why the suggestion service refuses this experiment; '' if it does not."""
    assert spec.algorithm is not None
    name, settings = spec.algorithm.algorithm_name, spec.algorithm.settings
    found = _settings(SETTINGS[name], settings, lenient=name in _LENIENT)
    found = found or _OWN.get(name, _free)(spec, settings)
    if not found and spec.early_stopping is not None:
        judges = EARLY_STOPPING[spec.early_stopping.algorithm_name]
        found = _settings(judges, spec.early_stopping.settings, lenient=False)
    return found


def _free(_spec: Experiment, _settings: Mapping[str, str]) -> str:
    return ""


def _settings(judges: Mapping[str, Judge], settings: Mapping[str, str], *, lenient: bool) -> str:
    for name, value in settings.items():
        judge = judges.get(name)
        if judge is None:
            if lenient:
                continue
            known = ", ".join(judges) or "none"
            return f"unknown setting {name} (there is: {known})"
        if words := judge(value):
            return f"{name} {words}"
    return ""


def continuous(parameter: Parameter) -> bool:
    return parameter.parameter_type in ("double", "int")


def combinations(parameter: Parameter) -> int:
    """Points of one parameter on a grid; 0: not to be counted (a double without a step)."""
    space = parameter.feasible_space
    if not continuous(parameter):
        return len(space.list)
    step = _number(space.step) if space.step else (1.0 if parameter.parameter_type == "int" else None)
    low, high = _number(space.min), _number(space.max)
    if not step or low is None or high is None:
        return 0
    return math.floor((high - low) / step + 1e-9) + 1


def _grid(spec: Experiment, _settings: Mapping[str, str]) -> str:
    points = 1
    for parameter in spec.parameters:
        count = combinations(parameter)
        if not count:
            return f"Param: {parameter.name} step is nil; a grid needs the step of every double"
        points *= count
    if spec.max_trial_count is not None and spec.max_trial_count > points:
        return (
            f"Max Trial Count: {spec.max_trial_count} > all possible search combinations: {points}; "
            "set maxTrialCount to that or less"
        )
    return ""


def _cmaes(spec: Experiment, _settings: Mapping[str, str]) -> str:
    return "" if sum(map(continuous, spec.parameters)) >= 2 else _DIMENSIONS


def brackets(r_l: float, eta: int) -> int:
    """s_max of hyperband."""
    return int(math.log(r_l) / math.log(eta) + 1e-9)


def _hyperband(spec: Experiment, settings: Mapping[str, str]) -> str:
    for needed in ("r_l", "resource_name"):
        if not settings.get(needed):
            return "r_l and resource_name must be set."
    resource = next((one for one in spec.parameters if one.name == settings["resource_name"]), None)
    if resource is None:
        return f"resource_name: no parameter is called {settings['resource_name']}"
    if resource.parameter_type not in ("int", "double"):
        return f"resource_name: parameter {resource.name} must be int or double"
    eta = int(settings.get("eta") or 3)
    widest = eta ** brackets(float(settings["r_l"]), eta)
    if spec.parallel_trial_count is not None and spec.parallel_trial_count < widest:
        return (
            f"parallelTrialCount must be not less than {widest} (eta to the power of the brackets' number)"
        )
    return ""


def _bayesian(spec: Experiment, settings: Mapping[str, str]) -> str:
    smooth = settings.get("base_estimator", "GP") == "GP"
    if settings.get("acq_optimizer") == "lbfgs" and not smooth:
        return f"acq_optimizer lbfgs needs base_estimator GP: {settings['base_estimator']} has no gradient"
    return ""


def _pbt(spec: Experiment, settings: Mapping[str, str]) -> str:
    for needed in ("suggestion_trial_dir", "n_population", "truncation_threshold"):
        if not settings.get(needed):
            return f"{needed} must be set"
    if spec.resume_policy != "FromVolume":
        return "Invalid PBT settings: resumePolicy must be FromVolume"
    for parameter in spec.parameters:
        if continuous(parameter) and not parameter.feasible_space.step:
            return f"Param: {parameter.name} step is nil; pbt moves in steps"
    return ""


_OWN: Mapping[str, Callable[[Experiment, Mapping[str, str]], str]] = {
    "bayesianoptimization": _bayesian, "grid": _grid, "cmaes": _cmaes, "hyperband": _hyperband, "pbt": _pbt,
}
