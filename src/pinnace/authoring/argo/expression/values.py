"""What an expression's values are: their names, their texts, JSON, equality and order.

Source: expr-lang/expr docs/language-definition.md. Callers: everything else here, and whoever shows a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.times import duration_text, float_text, moment_text


def type_name(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, datetime):
        return "time.Time"
    if isinstance(value, timedelta):
        return "time.Duration"
    names = {bool: "bool", int: "int", float: "float", str: "string", list: "array", dict: "map"}
    return names.get(type(value), "map" if isinstance(value, Mapping) else type(value).__name__)


def numeric(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"expected a number, got {type_name(value)} ({string(value)[:60]!r})")
    return value


def listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, tuple | range):
        return list(value)
    raise ExpressionError(f"expected an array, got {type_name(value)}")


def string(value: Any) -> str:
    """As Go's `%v` prints it, but lists and maps as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return str(value) if isinstance(value, int) else to_json(value)


def plain(value: Any) -> Any:
    """JSON data of any value: lazy scopes become dicts, whole floats ints (as Go marshals them)."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return int(value.total_seconds() * 1e9)
    if callable(value):
        raise ExpressionError("a function is not a value")
    return value


def to_json(value: Any) -> str:
    """Compact, keys sorted (Argo's toJson, Go's json.Marshal)."""
    return msgspec.json.encode(plain(value), order="sorted").decode()


def from_json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"fromJSON: {error}") from None


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return set(left) == set(right) and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return type(left) is type(right) and bool(left == right)


def less(left: Any, right: Any) -> bool:
    numbers = is_number(left) and is_number(right)
    if numbers or (type(left) is type(right) and isinstance(left, str | datetime | timedelta)):
        return bool(left < right)
    raise ExpressionError(f"invalid operation: {type_name(left)} < {type_name(right)}")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_int(value: Any) -> int:
    if isinstance(value, bool):
        raise ExpressionError("cannot convert bool to int")
    if isinstance(value, str):
        try:
            return (
                int(value.strip(), 0)
                if value.strip()[:2].lower() in ("0x", "0b", "0o")
                else int(value.strip())
            )
        except ValueError:
            raise ExpressionError(f"invalid operation: int({value})") from None
    return int(numeric(value))


def as_int(value: Any) -> int:
    """Argo's asInt: also strings such as "3.7" are errors, floats are cut."""
    return to_int(value)


def to_float(value: Any) -> float:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ExpressionError(f"invalid operation: float({value})") from None
    return float(numeric(value))
