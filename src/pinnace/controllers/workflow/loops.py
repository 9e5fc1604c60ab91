"""The items of `withItems`, `withParam` and `withSequence`, and the names of the nodes they make.

Callers: `slot`, `leaves`. Source: upstream docs/walk-through/loops.md, workflow/controller/steps.go.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.tags import compile_tree
from pinnace.kinds.argo import Sequence, Task, text

MAX_ITEMS = 1_000_000
MAX_WIDTH = 1_000
"""Characters that a format may pad a number to."""


class LoopError(Exception):
    """The items cannot be made; the message is the node's."""


def looped(task: Task) -> bool:
    return task.with_items is not None or bool(task.with_param) or task.with_sequence is not None


def rendered(document: Any, scope: Scope) -> Any:
    render = compile_tree(document)
    return document if render is None else render(scope)


def items_of(task: Task, scope: Scope) -> list[Any]:
    """Raises LoopError, and whatever rendering raises."""
    if task.with_items is not None:
        return list(rendered(task.with_items, scope))
    if task.with_param:
        return parse_param(rendered(task.with_param, scope))
    if task.with_sequence is not None:
        return sequence(task.with_sequence, scope)
    return []


def parse_param(source: str) -> list[Any]:
    try:
        items = json.loads(source)
    except ValueError:
        items = None
    if not isinstance(items, list):
        raise LoopError(f"withParam value could not be parsed as a JSON list: {source}")
    return items


def sequence(spec: Sequence, scope: Scope) -> list[str]:
    start = _integer(spec.start, 0, "start", scope)
    if spec.count is not None:
        count = _integer(spec.count, 0, "count", scope)
        stop = start + count - 1
        if count == 0:
            return []
    elif spec.end is not None:
        stop = _integer(spec.end, 0, "end", scope)
    else:
        raise LoopError("must have either end or count")
    step = 1 if start <= stop else -1
    if abs(stop - start) >= MAX_ITEMS:
        raise LoopError(f"withSequence makes more than {MAX_ITEMS} items")
    form = spec.format or "%d"
    numbers = range(start, stop + step, step)
    return list(map(str, numbers)) if form == "%d" else [go_printf(form, number) for number in numbers]


def _integer(value: Any, default: int, name: str, scope: Scope) -> int:
    if value is None or value == "":
        return default
    shown = text(rendered(value, scope))
    try:
        return int(shown)
    except ValueError:
        raise LoopError(f"withSequence {name} is not an integer: {shown!r}") from None


_VERB = re.compile(r"%([-+ 0#]*)(\d*)([a-zA-Z%])")


def go_printf(form: str, number: int) -> str:
    """One integer in Go's printf verbs (`%02d`, `%X`, `%o`)."""

    def put(match: re.Match[str]) -> str:
        flags, width, verb = match.groups()
        if len(width) > len(str(MAX_WIDTH)) or int(width or 0) > MAX_WIDTH:
            raise LoopError(f"withSequence format: a width of {width[:20]} is more than {MAX_WIDTH}")
        if verb == "%":
            return "%"
        if verb == "v":
            verb = "d"
        if verb == "b":
            return f"{number:{'0' if '0' in flags else ''}{width}b}"
        return f"%{flags}{width}{verb}" % number if verb in "dxXoc" else f"%!{verb}(int={number})"

    return _VERB.sub(put, form)


def item_name(name: str, index: int, item: Any) -> str:
    """`a(0:x)`, `a(0:k1:v1,k2:v2)`. Keys are sorted, parentheses in values are dropped."""
    if isinstance(item, str):
        shown = item
    elif isinstance(item, dict):
        shown = ",".join(f"{key}:{_shown(item[key])}" for key in sorted(item))
    else:
        shown = _shown(item)
    if "(" in shown or ")" in shown:
        shown = shown.replace("(", "").replace(")", "")
    return f"{name}({index}:{shown})"


def _shown(item: Any) -> str:
    if isinstance(item, list):
        return f"[{' '.join(_shown(part) for part in item)}]"
    return text(item)
