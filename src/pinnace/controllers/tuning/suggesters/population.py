"""`pbt`: population based training. A population is trained a generation at a time, each member from its
parent's checkpoint; the worst take over parameters and checkpoint of one of the best, changed a little.

`n_population` members; of each generation the share `truncation_threshold` is replaced. A changed parameter
goes to 0.8 or 1.2 of its value, or anew with `resample_probability`. The labels tell generation and parent;
the checkpoints are copied by whoever starts the trial. Source: Jaderberg et al. 2017; kubeflow/katib
pkg/suggestion/v1beta1/pbt.
"""

from __future__ import annotations

import random

from pinnace.controllers.tuning.suggesters.hyperband import ranked
from pinnace.controllers.tuning.suggesters.problem import Answer, Past, Problem, Proposal
from pinnace.controllers.tuning.suggesters.space import Axis, axes
from pinnace.controllers.tuning.suggesters.uniform import sample
from pinnace.kinds.katib import GENERATION, PARENT

FACTORS = (0.8, 1.2)


def suggest(problem: Problem, count: int) -> Answer:
    size, first = int(problem.settings["n_population"]), len(problem.trials)
    proposals = []
    for place in range(first, first + count):
        generation = place // size
        before = problem.trials[(generation - 1) * size : generation * size] if generation else ()
        if generation and not (len(before) == size and all(one.done for one in before)):
            break
        proposals.append(_member(problem, list(before), place, generation))
    return Answer(proposals)


def _member(problem: Problem, before: list[Past], place: int, generation: int) -> Proposal:
    found = axes(problem.parameters)
    if not before:
        return Proposal(sample(problem, found, place).assignments, {GENERATION: "0"})
    order = ranked(problem, before)
    rank = place % len(order)
    replaced = int(len(order) * float(problem.settings["truncation_threshold"]))
    labels = {GENERATION: str(generation)}
    if rank < len(order) - replaced:
        return Proposal(dict(order[rank].assignments), {**labels, PARENT: order[rank].name})
    chance = problem.random(place)
    parent = chance.choice(order[: max(1, replaced)])
    return Proposal(_explored(problem, found, parent, chance), {**labels, PARENT: parent.name})


def _explored(problem: Problem, found: list[Axis], parent: Past, chance: random.Random) -> dict[str, str]:
    again = float(problem.settings.get("resample_probability") or 0)
    made = {}
    for one in found:
        text = parent.assignments.get(one.name, "")
        if chance.random() < again:
            made[one.name] = one.value(chance.random())
        elif one.choices:
            step = chance.choice((-1, 1))
            made[one.name] = one.point(min(max(one.index(text) + step, 0), one.points - 1))
        else:
            made[one.name] = one.nearest(float(text) * chance.choice(FACTORS))
    return made
