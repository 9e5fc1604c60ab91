"""`random`: every trial by itself, by the distribution of each parameter."""

from __future__ import annotations

from pinnace.controllers.tuning.suggesters.problem import Answer, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import Axis, assigned, axes


def suggest(problem: Problem, count: int) -> Answer:
    found, first = axes(problem.parameters), len(problem.trials)
    return Answer([sample(problem, found, first + number) for number in range(count)])


def sample(problem: Problem, found: list[Axis], index: int) -> Proposal:
    chance = problem.random(index)
    return Proposal(assigned(found, [chance.random() for _ in found]))
