"""Groups of the IR: what the SDK makes of its `with` blocks, and which task ends an exit handler. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import structs

from pinnace.authoring.kfp.ir import Component, Dag, Inputs, Named, Source, Task, Trigger

Known = Callable[[str], Component]
"""A component by its name; a fault where there is none."""

ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED"
LOOP, BRANCHES, CONDITION, EXIT = "for-loop", "condition-branches", "condition", "exit-handler"
_GROUP = re.compile(r"comp-(for-loop|condition-branches|condition|exit-handler)-(\d+)(?:-\d+)?$")
_SUFFIX = re.compile(r"^(.*?)(?:-(\d+))?$")


def of(task: Task) -> tuple[str, int] | None:
    """Kind and number, None of what is no group."""
    found = _GROUP.match(task.component_ref.name)
    return (found[1], int(found[2])) if found is not None else None


def kind(task: Task) -> str:
    """'' of what is no group. Loops and conditions of other writers than the SDK may have any name."""
    found = of(task)
    if found is not None:
        return found[0]
    if task.parameter_iterator is not None or task.artifact_iterator is not None:
        return LOOP
    return CONDITION if task.trigger_policy.condition else ""


def inside(task: Task, component: Component) -> Dag:
    """What a group holds; of a component that is no DAG, the one task that runs it."""
    if component.dag is not None:
        return component.dag
    given = component.input_definitions
    inputs = Inputs(
        parameters={name: Source(component_input_parameter=name) for name in given.parameters},
        artifacts={name: Source(component_input_artifact=name) for name in given.artifacts},
    )
    name = task.component_ref.name.removeprefix("comp-")
    alone = structs.replace(
        task, task_info=Named(), inputs=inputs, dependent_tasks=[], trigger_policy=Trigger(),
        parameter_iterator=None, artifact_iterator=None,
    )
    return Dag(tasks={name: alone})


def handlers(dag: Dag, known: Known) -> dict[str, str]:
    """Exit handlers by the task that runs when theirs are over. Others may wait for a handler just so; the
    task itself is written before it, as its number tells."""
    made: dict[str, str] = {}
    for handler, task in dag.tasks.items():
        if kind(task) == EXIT:
            waiting = [key for key, one in dag.tasks.items()
                       if one.trigger_policy.strategy == ALWAYS and handler in one.dependent_tasks]
            within = {split(key)[0] for key in (known(task.component_ref.name).dag or Dag()).tasks}
            if waiting:
                made[min(waiting, key=lambda key: (split(key)[0] not in within, rank(key)))] = handler
    return made


def split(key: str) -> tuple[str, int]:
    """`train-2` → its name and number."""
    found = _SUFFIX.match(key)
    assert found is not None
    return found[1], int(found[2] or 1)


def rank(key: str) -> tuple[int, str]:
    base, number = split(key)
    return number, base
