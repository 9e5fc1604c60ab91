"""Strict binary operators of expr-lang. Caller: `evaluate`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError
from pinnace.authoring.argo.expression.patterns import matches
from pinnace.authoring.argo.expression.values import (
    equal,
    is_number,
    less,
    listed,
    numeric,
    string,
    type_name,
)


def operate(op: str, left: Any, right: Any, room: int) -> Any:
    """A strict binary operator. `room`: how much data it may make."""
    return _OPERATORS[op](left, right, room)


def _add(left: Any, right: Any, room: int) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, datetime | timedelta) and isinstance(right, datetime | timedelta):
        return left + right  # type: ignore[operator]
    if is_number(left) and is_number(right):
        return left + right
    raise ExpressionError(f"invalid operation: {type_name(left)} + {type_name(right)}")


def _subtract(left: Any, right: Any, room: int) -> Any:
    if isinstance(left, datetime | timedelta):
        return left - right
    return numeric(left) - numeric(right)


def _power(left: Any, right: Any, room: int) -> float:
    try:
        return float(float(numeric(left)) ** float(numeric(right)))
    except OverflowError:
        return math.inf


def _divide(left: Any, right: Any, room: int) -> float:
    if numeric(right) == 0:
        raise ExpressionError("division by zero")
    return float(numeric(left) / right)


def _modulo(left: Any, right: Any, room: int) -> int:
    if not isinstance(left, int) or not isinstance(right, int) or right == 0:
        raise ExpressionError(f"invalid operation: {string(left)} % {string(right)}")
    return int(math.fmod(left, right))


def _range(left: Any, right: Any, room: int) -> list[int]:
    start, stop = int(numeric(left)), int(numeric(right))
    if stop - start + 1 > room:
        raise BudgetExceeded(f"range {start}..{stop} is too large")
    return list(range(start, stop + 1))


def _in(left: Any, right: Any, room: int) -> bool:
    if right is None:
        return False
    if isinstance(right, Mapping):
        return left in right
    if isinstance(right, str):
        raise ExpressionError("operator `in` wants an array or map; use `contains` for strings")
    return any(equal(left, item) for item in listed(right))


def _strings(test: Callable[[str, str], bool]) -> Callable[[Any, Any, int], bool]:
    def operator(left: Any, right: Any, room: int) -> bool:
        if not isinstance(left, str) or not isinstance(right, str):
            raise ExpressionError(f"expected strings, got {type_name(left)} and {type_name(right)}")
        return test(left, right)

    return operator


_OPERATORS: dict[str, Callable[[Any, Any, int], Any]] = {
    "==": lambda a, b, room: equal(a, b),
    "!=": lambda a, b, room: not equal(a, b),
    "<": lambda a, b, room: less(a, b),
    ">": lambda a, b, room: less(b, a),
    "<=": lambda a, b, room: not less(b, a),
    ">=": lambda a, b, room: not less(a, b),
    "+": _add,
    "-": _subtract,
    "*": lambda a, b, room: numeric(a) * numeric(b),
    "/": _divide,
    "%": _modulo,
    "**": _power,
    "^": _power,
    "..": _range,
    "in": _in,
    "matches": _strings(matches),
    "contains": _strings(lambda a, b: b in a),
    "startsWith": _strings(str.startswith),
    "endsWith": _strings(str.endswith),
}
