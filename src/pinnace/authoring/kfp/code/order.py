"""The order in which a DAG's tasks are written. Pure. Caller: `block`.

The SDK numbers groups and repeated tasks as they are written, over all groups, so that the numbers tell the
order; what is used stands before what uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pinnace.authoring.kfp.code import groups
from pinnace.authoring.kfp.code.groups import Known
from pinnace.authoring.kfp.code.leaves import NoProgram
from pinnace.authoring.kfp.ir import Dag, Task


def ordered(dag: Dag, known: Known) -> list[str]:
    """Raises NoProgram: tasks wait for each other."""
    exits = {handler: key for key, handler in groups.handlers(dag, known).items()}
    needs = {key: _needs(dag, key, exits) for key in dag.tasks}
    numbered = {key: set(found) for key, found in needs.items()}
    for earlier, later in _numbered(dag, known):
        numbered[later].add(earlier)
    left, found = _sorted(numbered)
    if left:  # numbers of another writer, which mean nothing
        left, found = _sorted(needs)
    if left:
        raise NoProgram(f"dag: {', '.join(sorted(left))} wait for each other")
    return found


def _sorted(before: dict[str, set[str]]) -> tuple[set[str], list[str]]:
    """What is never ready, and the order of the others."""
    left, found = set(before), list[str]()
    while ready := [key for key in left if not before[key] - set(found)]:
        found.append(min(ready, key=groups.rank))
        left.discard(found[-1])
    return left, found


def producers(task: Task) -> set[str]:
    """The tasks whose outputs it is given."""
    found = set()
    for one in (*task.inputs.parameters.values(), *task.inputs.artifacts.values()):
        output = one.task_output_parameter or one.task_output_artifact or one.task_final_status
        if output is not None:
            found.add(output.producer_task)
    return found


def _needs(dag: Dag, key: str, exits: dict[str, str]) -> set[str]:
    task = dag.tasks[key]
    if key in exits.values():
        return set()
    found = set(task.dependent_tasks) | producers(task)
    if key in exits:
        found.add(exits[key])
    return found & set(dag.tasks)


def _numbered(dag: Dag, known: Known) -> Iterator[tuple[str, str]]:
    numbers: dict[int, str] = {}
    repeated: dict[str, dict[int, str]] = {}
    for key, task in dag.tasks.items():
        group = groups.of(task)
        if group is not None:
            numbers[group[1]] = key
        for base, number in _inside(key, task, known):
            repeated.setdefault(base, {})[number] = key
    for one in (numbers, *repeated.values()):
        yield from pairwise(dict.fromkeys(one[number] for number in sorted(one)))


def _inside(key: str, task: Task, known: Known) -> Iterator[tuple[str, int]]:
    """The names that a task takes, with those in a group."""
    if groups.of(task) is None:
        yield groups.split(key)
        return
    component = known(task.component_ref.name)
    for name, one in (component.dag or Dag()).tasks.items():
        yield from _inside(name, one, known)
