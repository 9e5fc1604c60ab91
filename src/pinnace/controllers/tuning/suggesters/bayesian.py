"""`bayesianoptimization`: a regressor of what is known, and the point that promises most by it.

Settings: `base_estimator` GP (Gaussian process), RF, ET (forests) or GBRT (boosted quantiles);
`n_initial_points` by chance first; `acq_func` EI, PI, LCB, gp_hedge (one of the three by chance each time),
EIps, PIps (EI and PI by the second: what trials took is learnt too); `acq_optimizer` sampling, lbfgs (the
best samples are improved by their gradient; GP only) or auto; `random_state`. Trials that still run count as
if they had been as good as the best (constant liar). The fits are scikit-learn's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from pinnace.controllers.tuning.suggesters.problem import Answer, Past, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import Axis, axes
from pinnace.controllers.tuning.suggesters.uniform import sample

INITIAL = 10
SAMPLES = 1000
IMPROVED = 3
"""Samples from which the gradient is followed."""
STEP = 1e-6
KAPPA, XI = 1.96, 0.01
Predict = Callable[[Any], tuple[Any, Any]]


def suggest(problem: Problem, count: int) -> Answer:
    """On one thread: the matrices are small, and several threads would wait for each other."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,import-not-found,unused-ignore]

    with threadpool_limits(1):
        return _suggest(problem, count)


def _suggest(problem: Problem, count: int) -> Answer:
    import numpy as np

    found = axes(problem.parameters)
    known = [(one, loss) for one in problem.trials if (loss := problem.loss(one)) is not None]
    initial = int(problem.settings.get("n_initial_points") or INITIAL)
    first = len(problem.trials)
    if len(known) < max(initial, 2):
        return Answer([sample(problem, found, first + number) for number in range(count)])
    points = [_encoded(found, one) for one, _ in known]
    values = [loss for _, loss in known]
    lie = min(values)
    for one in problem.trials:
        if not one.done:
            points.append(_encoded(found, one))
            values.append(lie)
    pace = _pace(problem, found, [one for one, _ in known])
    proposals = []
    for number in range(count):
        chance = np.random.RandomState(problem.seed(first + number))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            best = _best(problem, found, (np.array(points), np.array(values)), pace, chance)
        proposal = _decoded(found, best)
        proposals.append(proposal)
        points.append(_encoded(found, Past("", proposal.assignments)))
        values.append(lie)
    return Answer(proposals)


def _best(problem: Problem, found: list[Axis], known: Any, pace: Predict | None, chance: Any) -> Any:
    import numpy as np

    kind = problem.settings.get("base_estimator") or "GP"
    points, values = known
    predict = _fitted(kind, points, values, chance.randint(2**31 - 1))
    function = problem.settings.get("acq_func") or "gp_hedge"
    acquire = _acquisition(function, predict, min(values), pace, chance)
    candidates = np.array([_candidate(found, chance) for _ in range(SAMPLES)])
    gains = acquire(candidates)
    order = np.argsort(-gains)
    best, most = candidates[order[0]], gains[order[0]]
    wanted = problem.settings.get("acq_optimizer") or "auto"
    smooth = kind == "GP" and all(not one.choices for one in found)
    if wanted == "lbfgs" or (wanted == "auto" and smooth):
        for start in order[:IMPROVED]:
            point, gain = _improved(acquire, candidates[start])
            if gain > most:
                best, most = point, gain
    return best


def _improved(acquire: Callable[[Any], Any], start: Any) -> tuple[Any, float]:
    """A few steps along the gradient, which is taken from differences, all of them in one prediction."""
    import numpy as np
    from scipy.optimize import minimize  # type: ignore[import-untyped,import-not-found,unused-ignore]

    beside = np.vstack([np.zeros(len(start)), np.eye(len(start)) * STEP])

    def cost(point: Any) -> tuple[float, Any]:
        found = -acquire(point[None, :] + beside)
        return float(found[0]), (found[1:] - found[0]) / STEP

    bounds = [(0.0, 1.0)] * len(start)
    done = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 15})
    return done.x, -float(done.fun)


def _fitted(kind: str, points: Any, values: Any, seed: int) -> Predict:
    """Mean and standard deviation of the loss at a point."""
    if kind == "GP":
        return _process(points, values, seed)
    if kind == "GBRT":
        return _boosted(points, values, seed)
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor  # type: ignore[import-untyped,import-not-found,unused-ignore]

    forest = RandomForestRegressor if kind == "RF" else ExtraTreesRegressor
    model = forest(n_estimators=100, min_samples_leaf=min(3, len(values) // 4 or 1), random_state=seed)
    model.fit(points, values)
    return lambda where: _of_trees(model, where)


def _of_trees(model: Any, where: Any) -> tuple[Any, Any]:
    import numpy as np

    found = np.array([tree.predict(where) for tree in model.estimators_])
    return found.mean(axis=0), found.std(axis=0) + 1e-9


def _process(points: Any, values: Any, seed: int) -> Predict:
    import numpy as np
    from sklearn.gaussian_process import GaussianProcessRegressor  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel  # type: ignore[import-untyped,import-not-found,unused-ignore]

    scales = np.full(points.shape[1], 0.3)
    kernel = ConstantKernel(1.0, (0.01, 1000.0)) * Matern(scales, (0.01, 10.0), nu=2.5)
    model = GaussianProcessRegressor(
        kernel + WhiteKernel(1e-4, (1e-8, 1.0)), normalize_y=True, random_state=seed
    )
    model.fit(points, values)
    return _posterior(model, points, values)


def _posterior(model: Any, points: Any, values: Any) -> Predict:
    """What `model.predict` says, many times sooner: the acquisition asks it some hundred times."""
    import numpy as np
    from scipy.linalg import solve_triangular  # type: ignore[import-untyped,import-not-found,unused-ignore]

    height, scales = model.kernel_.k1.k1.constant_value, model.kernel_.k1.k2.length_scale
    noise, middle, spread = model.kernel_.k2.noise_level, np.mean(values), np.std(values) or 1.0
    known, weights, factor = points / scales, model.alpha_.ravel(), model.L_

    def predict(where: Any) -> tuple[Any, Any]:
        apart = (where / scales)[:, None, :] - known[None, :, :]
        far = math.sqrt(5) * np.sqrt((apart**2).sum(axis=2))
        shared = height * (1 + far + far**2 / 3) * np.exp(-far)
        seen = solve_triangular(factor, shared.T, lower=True, check_finite=False)
        variance = np.maximum(height + noise - (seen**2).sum(axis=0), 0)
        return shared @ weights * spread + middle, np.sqrt(variance) * spread

    return predict


def _boosted(points: Any, values: Any, seed: int) -> Predict:
    from sklearn.ensemble import GradientBoostingRegressor  # type: ignore[import-untyped,import-not-found,unused-ignore]

    low, middle, high = (
        GradientBoostingRegressor(loss="quantile", alpha=alpha, n_estimators=30, random_state=seed).fit(
            points, values
        )
        for alpha in (0.16, 0.5, 0.84)
    )
    return lambda where: (
        middle.predict(where), abs(high.predict(where) - low.predict(where)) / 2 + 1e-9
    )


def _acquisition(
    name: str, predict: Predict, best: float, pace: Predict | None, chance: Any
) -> Callable[[Any], Any]:
    """The larger, the more a point promises."""
    import numpy as np
    from scipy.stats import norm  # type: ignore[import-untyped,import-not-found,unused-ignore]

    if name == "gp_hedge":
        name = ("EI", "LCB", "PI")[chance.randint(3)]
    timed = name.endswith("ps")
    kind = name.removesuffix("ps")

    def acquire(where: Any) -> Any:
        mean, deviation = predict(where)
        deviation = np.maximum(deviation, 1e-12)
        if kind == "LCB":
            return KAPPA * deviation - mean
        gain = best - XI * max(abs(best), 1e-3) - mean
        share = gain / deviation
        found = norm.cdf(share)
        if kind == "EI":
            found = gain * found + deviation * norm.pdf(share)
        return found / np.exp(pace(where)[0]) if timed and pace is not None else found

    return acquire


def _pace(problem: Problem, found: list[Axis], known: list[Past]) -> Predict | None:
    """The logarithm of the seconds that a trial takes."""
    import numpy as np

    if not (problem.settings.get("acq_func") or "").endswith("ps"):
        return None
    points = np.array([_encoded(found, one) for one in known])
    seconds = np.array([math.log(max(one.seconds, 1e-3)) for one in known])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _fitted("GP", points, seconds, problem.seed())


def _candidate(found: list[Axis], chance: Any) -> list[float]:
    made: list[float] = []
    for one in found:
        unit = chance.random_sample()
        made += _columns(one, one.value(unit)) if one.choices else [unit]
    return made


def _columns(one: Axis, text: str) -> list[float]:
    """A number of a range or an order; one of so many for what has none."""
    if one.choices and not one.ordered:
        return [float(text == choice) for choice in one.choices]
    return [one.unit(text)]


def _encoded(found: list[Axis], past: Past) -> list[float]:
    return [column for one in found for column in _columns(one, past.assignments.get(one.name, ""))]


def _decoded(found: list[Axis], point: Any) -> Proposal:
    made, at = {}, 0
    for one in found:
        width = one.points if one.choices and not one.ordered else 1
        columns = [float(column) for column in point[at : at + width]]
        at += width
        unordered = one.choices and not one.ordered
        made[one.name] = one.point(columns.index(max(columns))) if unordered else one.value(columns[0])
    return Proposal(made)
