"""`grid`: every combination once, in an order that `random_state` shuffles."""

from __future__ import annotations

import math

from pinnace.controllers.tuning.suggesters.problem import Answer, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import Axis, axes


def suggest(problem: Problem, count: int) -> Answer:
    found = axes(problem.parameters)
    size = math.prod(one.points for one in found)
    first = len(problem.trials)
    last = min(first + count, size)
    numbers = [_shuffled(problem, number, size) for number in range(first, last)]
    return Answer([Proposal(_point(found, number)) for number in numbers], over=first + count > size)


def _point(found: list[Axis], number: int) -> dict[str, str]:
    """The last parameter changes fastest."""
    made: dict[str, str] = {}
    for one in reversed(found):
        number, place = divmod(number, one.points)
        made[one.name] = one.point(place)
    return {one.name: made[one.name] for one in found}


def _shuffled(problem: Problem, number: int, size: int) -> int:
    """A permutation of the numbers below `size` that needs no list of them: a walk of a Feistel network."""
    if not problem.settings.get("random_state"):
        return number
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    while True:
        number = _mixed(problem, number, half)
        if number < size:
            return number


def _mixed(problem: Problem, number: int, half: int) -> int:
    mask = (1 << half) - 1
    left, right = number >> half, number & mask
    for turn in range(4):
        left, right = right, left ^ (problem.seed(right * 4 + turn) >> 7 & mask)
    return left << half | right
