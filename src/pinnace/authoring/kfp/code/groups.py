"""Groups of the IR: what the SDK makes of its `with` blocks, and which task ends an exit handler. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from pinnace.authoring.kfp.ir import Component, Dag, Task

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
    found = of(task)
    return found[0] if found is not None else ""


def handlers(dag: Dag, known: Known) -> dict[str, str]:
    """Exit handlers by the task that runs when theirs are over. Others may wait for a handler just so; the
    task itself is written before it, as its number tells."""
    made: dict[str, str] = {}
    for handler, task in dag.tasks.items():
        if kind(task) == EXIT:
            waiting = [key for key, one in dag.tasks.items()
                       if one.trigger_policy.strategy == ALWAYS and handler in one.dependent_tasks]
            inside = {split(key)[0] for key in (known(task.component_ref.name).dag or Dag()).tasks}
            if waiting:
                made[min(waiting, key=lambda key: (split(key)[0] not in inside, rank(key)))] = handler
    return made


def split(key: str) -> tuple[str, int]:
    """`train-2` → its name and number."""
    found = _SUFFIX.match(key)
    assert found is not None
    return found[1], int(found[2] or 1)


def rank(key: str) -> tuple[int, str]:
    base, number = split(key)
    return number, base
