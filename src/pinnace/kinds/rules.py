"""`x-kubernetes-validations`: the CEL rules of users' CustomResourceDefinitions.

`validation.py` calls `judge` for objects whose values are sound; `crd.py` asks `rule_problem` when a
definition is written. A rule sees `self` and, if it names it, `oldSelf`; rules about changes are silent
where there is no earlier value. Source: kubernetes/apiextensions-apiserver pkg/apiserver/schema/cel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from . import cause
from .cause import Cause
from .cel import Budget, CelError, Exhausted, Maybe, compiled
from .schema import Node, ruled

STEPS = 20_000
"""Elements that all rules of one object may visit together: some tens of milliseconds."""
OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
ABSENT = object()
FIELD = re.compile(r"\.(\w+)|\[['\"]([^'\"]*)['\"]\]")
CAUSES: dict[str, Callable[[str, str, str], Cause]] = {
    "FieldValueRequired": lambda path, kind, text: cause.required(path, text),
    "FieldValueForbidden": lambda path, kind, text: cause.forbidden(path, text),
    "FieldValueDuplicate": lambda path, kind, text: Cause(
        path, f"Duplicate value: {cause.shown(kind)}: {text}", "FieldValueDuplicate"
    ),
}


def rule_problem(rule: dict[str, Any]) -> str:
    """Why a rule can never be evaluated; '' if it can."""
    for field in ("rule", "messageExpression"):
        text = rule.get(field)
        if text:
            try:
                compiled(text)
            except CelError as problem:
                return f"{field}: compilation failed: {problem}"
    return ""


def judge(node: Node, obj: Any, old: Any = None) -> list[Cause]:
    """What the rules say against the object."""
    found: list[Cause] = []
    try:
        for one in _judge(node, obj, ABSENT if old is None else old, "", Budget(STEPS)):
            found.append(one)
    except Exhausted:
        found.append(cause.invalid(cause.NOWHERE, node.type, OUT_OF_BUDGET))
    return found


def _judge(node: Node, value: Any, old: Any, path: str, budget: Budget) -> Iterator[Cause]:
    if value is None or not ruled(node):
        return
    for rule in node.rules:
        yield from _apply(node, rule, value, old, path, budget)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for key, one in value.items():
            child = node.at(key)
            if child is not None:
                below = f"{path}.{key}" if path else key
                yield from _judge(child, one, before.get(key, ABSENT), below, budget)
    elif isinstance(value, list) and node.items is not None:
        earlier = _earlier(node, old)
        for index, one in enumerate(value):
            yield from _judge(node.items, one, earlier(one), f"{path}[{index}]", budget)


def _earlier(node: Node, old: Any) -> Callable[[Any], Any]:
    """Finds a list's earlier item: only lists that are maps say which one was which."""
    if node.list_type != "map" or not isinstance(old, list):
        return lambda one: ABSENT

    def identity(one: Any) -> tuple[Any, ...]:
        return tuple(one.get(key) for key in node.map_keys) if isinstance(one, dict) else ()

    known = {identity(one): one for one in old}
    return lambda one: known.get(identity(one), ABSENT)


def _apply(
    node: Node, rule: dict[str, Any], value: Any, old: Any, path: str, budget: Budget
) -> Iterator[Cause]:
    kind = node.type or "object"
    told = rule.get("message", "").strip()
    try:
        expression = compiled(rule["rule"])
        scope = _scope(node, rule, expression.names, value, old)
        if scope is None or expression.value(scope, budget) is True:
            return
        text = told or f"failed rule: {rule['rule'].strip()}"
        if rule.get("messageExpression"):
            text = _message(rule["messageExpression"], scope, budget) or text
    except Exhausted:
        raise
    except CelError as problem:
        yield cause.invalid(path or cause.NOWHERE, kind, f"{problem} evaluating rule: {told or rule['rule']}")
        return
    place = _place(path, rule.get("fieldPath", "")) or cause.NOWHERE
    build: Callable[[str, str, str], Cause] = CAUSES.get(rule.get("reason", "")) or cause.invalid
    yield build(place, kind, text)


def _scope(
    node: Node, rule: dict[str, Any], names: frozenset[str], value: Any, old: Any
) -> dict[str, Any] | None:
    """The rule's variables; None if it is about a change and there was nothing before."""
    scope = {"self": native(node, value)}
    if "oldSelf" not in names:
        return scope
    if rule.get("optionalOldSelf"):
        known = old is not ABSENT
        scope["oldSelf"] = Maybe(native(node, old) if known else None, present=known)
        return scope
    if old is ABSENT:
        return None
    scope["oldSelf"] = native(node, old)
    return scope


def _message(text: str, scope: dict[str, Any], budget: Budget) -> str:
    try:
        said = compiled(text).value(scope, budget)
    except Exhausted:
        raise
    except CelError:
        return ""
    return said.strip() if isinstance(said, str) and "\n" not in said else ""


def _place(path: str, below: str) -> str:
    for plain, quoted in FIELD.findall(below):
        path = f"{path}.{plain}" if plain and path else plain or f"{path}[{quoted}]"
    return path


def native(node: Node, value: Any) -> Any:
    """JSON data as CEL sees it: dates and durations by their formats."""
    convert: Callable[[Any], Any] | None = node.tool("native", _native)
    return value if convert is None else convert(value)


def _native(node: Node) -> Callable[[Any], Any] | None:
    from .cel.functions import duration, timestamp

    if node.type == "string" and node.format in ("date-time", "duration"):
        parse = timestamp if node.format == "date-time" else duration
        return lambda value: parse(value) if isinstance(value, str) else value
    tools = {key: one.tool("native", _native) for key, one in (node.properties or {}).items()}
    inner = {key: made for key, made in tools.items() if made}
    element = node.items or node.additional
    each: Callable[[Any], Any] | None = element.tool("native", _native) if element is not None else None
    if not inner and each is None:
        return None

    def convert(value: Any) -> Any:
        if isinstance(value, list) and each is not None:
            return [each(one) for one in value]
        if isinstance(value, dict):
            return {key: made(one) if (made := inner.get(key, each)) else one for key, one in value.items()}
        return value

    return convert
