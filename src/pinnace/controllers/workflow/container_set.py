"""containerSet: several containers in one pod, each after those that it depends on.

What the set says of its pod, and whether it is sound. The node does the waiting and the repeating
(`pinnace.dev/staging`). Callers: `pods`, `members`. Source: upstream docs/container-set-template.md,
cmd/argoexec/commands/emissary.go.
"""

from __future__ import annotations

from typing import Any

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.controllers.workflow.retry import span
from pinnace.kinds.argo import Template, text
from pinnace.kinds.resource import Obj

MAIN = "main"


def containers(template: Template) -> list[Obj]:
    """The set's containers as a pod has them."""
    found = template.container_set or {}
    shared = found.get("volumeMounts") or []
    made = []
    for item in found.get("containers") or []:
        container = {key: value for key, value in item.items() if key != "dependencies"}
        if shared or container.get("volumeMounts"):
            container["volumeMounts"] = [*shared, *(container.get("volumeMounts") or [])]
        made.append(container)
    return made


def graph(template: Template) -> dict[str, list[str]]:
    """Each container, and those that it waits for."""
    items = (template.container_set or {}).get("containers") or []
    return {str(item.get("name")): list(item.get("dependencies") or []) for item in items}


def leaves(found: dict[str, list[str]]) -> list[str]:
    """Containers that none waits for."""
    needed = {name for needs in found.values() for name in needs}
    return [name for name in found if name not in needed]


def staged(template: Template) -> Obj:
    """For the node. `main`: whose result and outputs are the pod's, if there is one."""
    found = graph(template)
    strategy = (template.container_set or {}).get("retryStrategy") or {}
    made: Obj = {"after": {name: needs for name, needs in found.items() if needs}}
    if MAIN in found:
        made["main"] = MAIN
    if strategy.get("retries") not in (None, ""):
        made["retries"] = strategy["retries"]
        made["pause"] = strategy.get("duration") or ""
    return made


def settled(made: Obj) -> Obj:
    """`staged` rendered: numbers in place of texts. Raises ExpressionError."""
    if "retries" not in made:
        return made
    pause = text(made.get("pause") or "")
    return {**made, "retries": _whole(made["retries"]), "pause": span(pause) if pause else 0}


def _whole(value: Any) -> int:
    try:
        return int(text(value))
    except ValueError:
        words = f"containerSet.retryStrategy.retries is not a number: {text(value)!r}"
        raise ExpressionError(words) from None
