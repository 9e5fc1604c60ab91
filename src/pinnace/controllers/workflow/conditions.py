"""`successCondition` and `failureCondition`: label-selector syntax over JSON paths of an object.

`status.phase == Succeeded`, `status.phase in (Failed, Error), status.active > 0`. Caller: `resources`.
"""

from __future__ import annotations

import re
from typing import Any

from pinnace.authoring.argo.expression.jsonpath import find
from pinnace.authoring.argo.expression.values import string
from pinnace.kinds.resource import Obj

_TERM = re.compile(
    r"^\s*(?P<not>!)?\s*(?P<path>[\w.\[\]/$*-]+)\s*"
    r"(?:(?P<set>in|notin)\s*\((?P<values>[^)]*)\)|(?P<op>==|!=|=|>|<)\s*(?P<value>[^,]*))?\s*$"
)
_COMMA = re.compile(r",(?![^(]*\))")


class ConditionError(Exception):
    """A condition cannot be read."""


def holds(condition: str, found: Obj) -> bool:
    """All terms. Raises ConditionError, ExpressionError."""
    return all(_holds(term, found) for term in _COMMA.split(condition) if term.strip())


def _holds(term: str, found: Obj) -> bool:
    match = _TERM.match(term)
    if match is None:
        raise ConditionError(
            f"condition {term.strip()!r} is not a selector such as `status.phase == Succeeded`"
        )
    values = find(found, match["path"])
    present = bool(values)
    value = _shown(values[0]) if present else ""
    if match["set"]:
        listed = {item.strip() for item in match["values"].split(",")}
        return (value in listed) if match["set"] == "in" else (not present or value not in listed)
    if match["op"] is None:
        return present is not bool(match["not"])
    wanted = match["value"].strip().strip("'\"")
    if match["op"] in (">", "<"):
        return present and _ordered(value, wanted, match["op"])
    return (present and value == wanted) is (match["op"] != "!=")


def _shown(value: Any) -> str:
    return string(value)


def _ordered(value: str, wanted: str, op: str) -> bool:
    try:
        left, right = float(value), float(wanted)
    except ValueError:
        return False
    return left > right if op == ">" else left < right
