"""`hyperband`: brackets of successive halving; many short trials, of which the best go on for longer.

`r_l` is the largest amount of the resource that one trial may get, `resource_name` the parameter that
carries it, `eta` by how much each rung is smaller than the one before. The order of rungs is fixed, so a
trial's place in the ledger says to which it belongs. A rung waits until the one before has ended.
Source: Li et al. 2018, algorithm 1; kubeflow/katib pkg/suggestion/v1beta1/hyperband.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from pinnace.controllers.tuning.suggesters.problem import Answer, Past, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import axes
from pinnace.controllers.tuning.suggesters.uniform import sample
from pinnace.kinds.katib_algorithms import brackets


class Rung(msgspec.Struct, frozen=True):
    """`size` trials from the ledger's place `first` on, with `resource` each. `before`: the rung whose best
    they are; None: they are new."""

    first: int
    size: int
    resource: float
    before: Rung | None = None


def suggest(problem: Problem, count: int) -> Answer:
    proposals: list[Proposal] = []
    for rung in _rungs(problem):
        place = len(problem.trials) + len(proposals)
        if place >= rung.first + rung.size:
            continue
        ready = rung.before is None or _ended(problem, rung.before)
        if len(proposals) == count or not ready:
            return Answer(proposals)
        take = min(rung.first + rung.size - place, count - len(proposals))
        proposals += [_proposal(problem, rung, number) for number in range(place, place + take)]
    return Answer(proposals, over=len(proposals) < count)


def _rungs(problem: Problem) -> Iterator[Rung]:
    most, eta = float(problem.settings["r_l"]), int(problem.settings.get("eta") or 3)
    widest, first = brackets(most, eta), 0
    for bracket in range(widest, -1, -1):
        size = math.ceil((widest + 1) / (bracket + 1) * eta**bracket)
        before: Rung | None = None
        for step in range(bracket + 1):
            rung = Rung(first, max(1, size // eta**step), most * eta ** (step - bracket), before)
            yield rung
            first, before = first + rung.size, rung


def _ended(problem: Problem, rung: Rung) -> bool:
    mine = problem.trials[rung.first : rung.first + rung.size]
    return len(mine) == rung.size and all(one.done for one in mine)


def _proposal(problem: Problem, rung: Rung, number: int) -> Proposal:
    if rung.before is None:
        assignments = sample(problem, axes(problem.parameters), number).assignments
    else:
        mine = problem.trials[rung.before.first : rung.before.first + rung.before.size]
        assignments = dict(ranked(problem, mine)[number - rung.first].assignments)
    name = problem.settings["resource_name"]
    whole = any(one.name == name and one.parameter_type == "int" for one in problem.parameters)
    assignments[name] = str(max(1, round(rung.resource))) if whole else repr(rung.resource)
    return Proposal(assignments)


def ranked(problem: Problem, trials: Sequence[Past]) -> list[Past]:
    """The best first; what reported nothing is worse than anything."""
    def merit(trial: Past) -> float:
        loss = problem.loss(trial)
        return math.inf if loss is None else loss

    return sorted(trials, key=merit)
