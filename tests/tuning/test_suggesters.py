"""The algorithms as what they are: pure functions of the trials so far. No pods, no platform."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from pinnace.controllers.tuning.suggesters import HEAVY, LIGHT, Past, Problem, suggest
from pinnace.controllers.tuning.suggesters.space import axis
from pinnace.kinds.katib import GENERATION, PARENT, Parameter, Space

Assignments = dict[str, str]
LIBRARIES = {
    "tpe": ["optuna"], "multivariate-tpe": ["optuna"], "cmaes": ["cmaes"], "sobol": ["scipy"],
    "bayesianoptimization": ["sklearn"],
}


def of(name: str, kind: str = "double", **space: Any) -> Parameter:
    return Parameter(name=name, parameter_type=kind, feasible_space=Space(**space))


LR = of("lr", min="0.0001", max="0.1", distribution="logUniform")
X, Y = of("x", min="-5", max="10"), of("y", min="0", max="15")
DEPTH = of("depth", "int", min="1", max="9")
KERNEL = of("kernel", "categorical", list=("rbf", "poly", "linear"))
BATCH = of("batch", "discrete", list=("16", "32", "64"))
MIXED = (LR, X, DEPTH, KERNEL, BATCH)


def branin(found: Assignments) -> float:
    x, y = float(found["x"]), float(found["y"])
    curve = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def mixed(found: Assignments) -> float:
    far = abs(math.log10(float(found["lr"])) + 2.5) + abs(float(found["x"]) - 3) / 5
    return far + abs(int(found["depth"]) - 4) / 4 + (found["kernel"] != "poly") + (found["batch"] != "32") / 2


def searched(
    algorithm: str, budget: int, goal: Callable[[Assignments], float], parameters: tuple[Parameter, ...],
    at_once: int = 2, **settings: str,
) -> tuple[Past, ...]:
    """The trials of a whole search, each as good as the goal says."""
    for library in LIBRARIES.get(algorithm, ()):
        if os.environ.get("CI") != "true":
            pytest.importorskip(library)
    trials: tuple[Past, ...] = ()
    while len(trials) < budget:
        problem = Problem(algorithm, parameters, settings=settings, identity="it", trials=trials)
        answer = suggest(problem, min(at_once, budget - len(trials)))
        assert answer.proposals or answer.over
        if not answer.proposals:
            break
        for one in answer.proposals:
            value = goal(one.assignments)
            seconds = 1 + 9 * (float(one.assignments.get("x", 0)) > 0)
            trials += (Past(f"t{len(trials)}", one.assignments, value, True, one.labels, seconds),)
    return trials


def chosen(trials: tuple[Past, ...]) -> list[Assignments]:
    return [one.assignments for one in trials]


def check(one: Parameter, text: str) -> None:
    space = one.feasible_space
    if space.list:
        assert text in space.list
        return
    assert Decimal(space.min) <= Decimal(text) <= Decimal(space.max)
    if one.parameter_type == "int":
        assert text == str(int(text))
    if space.step:
        assert (Decimal(text) - Decimal(space.min)) % Decimal(space.step) == 0


SETTINGS: dict[str, dict[str, str]] = {
    "hyperband": {"r_l": "9", "resource_name": "depth"},
    "pbt": {"suggestion_trial_dir": "/c", "n_population": "5", "truncation_threshold": "0.4"},
}
EVERY = sorted({*LIGHT, *HEAVY})


@pytest.mark.parametrize("algorithm", EVERY)
def test_what_is_suggested_lies_in_the_space_and_is_the_same_when_asked_again(algorithm: str) -> None:
    parameters = MIXED if algorithm != "grid" else (DEPTH, KERNEL, of("m", min="0.5", max="0.9", step="0.1"))
    settings = {**SETTINGS.get(algorithm, {})}

    def goal(found: Assignments) -> float:
        return mixed({"lr": "0.01", "x": "1", "batch": "16", **found})

    trials = searched(algorithm, 14, goal, parameters, **settings)

    assert len(trials) == 14
    for trial in trials:
        assert set(trial.assignments) == {one.name for one in parameters}
        for one in parameters:
            check(one, trial.assignments[one.name])
    assert chosen(searched(algorithm, 14, goal, parameters, **settings)) == chosen(trials)


@pytest.mark.parametrize(
    ("algorithm", "base", "change"),
    [
        ("random", {}, {"random_state": "1"}),
        ("grid", {}, {"random_state": "1"}),
        ("tpe", {}, {"random_state": "1"}),
        ("tpe", {}, {"gamma": "0.5"}),
        ("tpe", {}, {"prior_weight": "8"}),
        ("tpe", {}, {"n_EI_candidates": "2"}),
        ("multivariate-tpe", {}, {"random_state": "1"}),
        ("multivariate-tpe", {}, {"n_startup_trials": "3"}),
        ("multivariate-tpe", {}, {"n_ei_candidates": "2"}),
        ("bayesianoptimization", {}, {"random_state": "1"}),
        ("bayesianoptimization", {}, {"n_initial_points": "3"}),
        ("bayesianoptimization", {}, {"base_estimator": "RF"}),
        ("bayesianoptimization", {"base_estimator": "RF"}, {"base_estimator": "ET"}),
        ("bayesianoptimization", {}, {"base_estimator": "GBRT"}),
        ("bayesianoptimization", {"acq_func": "EI"}, {"acq_func": "LCB"}),
        ("bayesianoptimization", {"acq_func": "EI"}, {"acq_func": "PI"}),
        ("bayesianoptimization", {"acq_func": "EI"}, {"acq_func": "EIps"}),
        ("bayesianoptimization", {"acq_func": "PI"}, {"acq_func": "PIps"}),
        ("bayesianoptimization", {}, {"acq_optimizer": "sampling"}),
        ("cmaes", {}, {"random_state": "1"}),
        ("cmaes", {}, {"sigma": "0.4"}),
        ("hyperband", SETTINGS["hyperband"], {"r_l": "27"}),
        ("hyperband", SETTINGS["hyperband"], {"eta": "2"}),
        ("hyperband", SETTINGS["hyperband"], {"resource_name": "epochs"}),
        ("pbt", SETTINGS["pbt"], {"n_population": "6"}),
        ("pbt", SETTINGS["pbt"], {"truncation_threshold": "0.2"}),
        ("pbt", SETTINGS["pbt"], {"resample_probability": "0.9"}),
    ],
)
def test_every_setting_changes_the_trials(algorithm: str, base: Assignments, change: Assignments) -> None:
    parameters: tuple[Parameter, ...] = (X, Y)
    if algorithm in ("hyperband", "pbt"):
        parameters = (X, Y, DEPTH, of("epochs", "int", min="1", max="30"))
    if algorithm == "grid":
        parameters = (of("x", "int", min="0", max="3"), of("y", "int", min="0", max="3"))
    before = searched(algorithm, 13, branin, parameters, **base)
    assert chosen(searched(algorithm, 13, branin, parameters, **{**base, **change})) != chosen(before)


@pytest.mark.parametrize("strategy", ["ipop", "bipop"])
def test_a_settled_search_starts_again_elsewhere(strategy: str) -> None:
    """On a plain nothing gets better: without restarts the steps go on around one place."""
    def flat(_: Assignments) -> float:
        return 1.0

    plain = searched("cmaes", 200, flat, (X, Y), at_once=6)
    again = searched("cmaes", 200, flat, (X, Y), at_once=6, restart_strategy=strategy)
    assert chosen(plain) != chosen(again)


@pytest.mark.parametrize(("algorithm", "budget", "settings"), [
    ("tpe", 60, {}), ("bayesianoptimization", 18, {"n_initial_points": "6"}),
])
def test_in_the_median_of_ten_seeds_a_model_beats_chance(
    algorithm: str, budget: int, settings: Assignments
) -> None:
    def best(which: str, seed: int, given: Assignments) -> float:
        trials = searched(which, budget, branin, (X, Y), random_state=str(seed), **given)
        return min(one.value for one in trials if one.value is not None)

    guessed = statistics.median(best("random", seed, {}) for seed in range(10))
    assert statistics.median(best(algorithm, seed, settings) for seed in range(10)) < guessed


def test_a_grid_is_every_combination_once_in_decimals_and_then_over() -> None:
    parameters = (of("lr", min="0.1", max="0.7", step="0.1"), BATCH)
    trials = searched("grid", 100, lambda _: 1.0, parameters)
    assert len({tuple(one.assignments.values()) for one in trials}) == len(trials) == 21
    assert [one.assignments["lr"] for one in trials[::3]] == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]
    assert suggest(Problem("grid", parameters, trials=trials), 1).over


@pytest.mark.parametrize("distribution", ["uniform", "logUniform", "normal", "logNormal"])
def test_a_distribution_is_what_it_says(distribution: str) -> None:
    one = axis(of("x", min="1", max="10000", distribution=distribution))
    values = [float(one.value((number + 0.5) / 1000)) for number in range(1000)]
    assert all(1 <= value <= 10000 for value in values)
    middle = statistics.median(values)
    assert abs(middle - (100 if distribution.startswith("log") else 5000)) < middle / 20
    logs = [math.log10(value) if distribution.startswith("log") else value / 2500 for value in values]
    inner = sum(1 < value < 3 for value in logs) / 1000
    assert abs(inner - (0.87 if "ormal" in distribution else 0.5)) < 0.02
    for unit in (0.1, 0.5, 0.9):
        assert abs(one.unit(one.value(unit)) - unit) < 1e-6


def test_hyperband_waits_for_a_rung_and_gives_its_best_more() -> None:
    parameters = (X, Y, of("epochs", "int", min="1", max="9"))
    problem = Problem("hyperband", parameters, settings={"r_l": "9", "resource_name": "epochs"}, identity="a")
    first = suggest(problem, 9).proposals
    assert len(first) == 9
    assert {one.assignments["epochs"] for one in first} == {"1"}
    running = tuple(Past(f"t{n}", one.assignments) for n, one in enumerate(first))
    waiting = Problem(problem.algorithm, parameters, settings=problem.settings, trials=running)
    assert suggest(waiting, 9).proposals == []

    trials = searched("hyperband", 1000, branin, parameters, r_l="9", resource_name="epochs")
    best = sorted(trials[:9], key=lambda one: one.value or 0)[:3]
    again = [{**one.assignments, "epochs": "3"} for one in best]
    assert chosen(trials[9:12]) == again
    assert [one.assignments["epochs"] for one in trials[12:13]] == ["9"]
    assert len(trials) == 9 + 3 + 1 + 5 + 1 + 3


def test_a_population_passes_on_what_its_best_have() -> None:
    trials = searched(
        "pbt", 10, branin, (of("x", min="-5", max="10", step="0.1"), of("y", min="0", max="15", step="0.1")),
        suggestion_trial_dir="/c", n_population="5", truncation_threshold="0.2",
    )
    assert [one.labels[GENERATION] for one in trials] == ["0"] * 5 + ["1"] * 5
    order = sorted(trials[:5], key=lambda one: one.value or 0)
    assert [one.labels[PARENT] for one in trials[5:9]] == [one.name for one in order[:4]]
    assert trials[9].labels[PARENT] == order[0].name
    assert trials[9].assignments != order[0].assignments
