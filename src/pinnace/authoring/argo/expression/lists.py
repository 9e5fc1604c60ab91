"""What expr-lang does with whole lists. Callers: `functions`, `evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.values import (
    is_number,
    listed,
    numeric,
    to_json,
    type_name,
)


def flattened(items: Any) -> list[Any]:
    flat: list[Any] = []
    for item in listed(items):
        if isinstance(item, list):
            flat.extend(flattened(item))
        else:
            flat.append(item)
    return flat


def unique(items: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[str] = set()
    for item in listed(items):
        key = type_name(item) + to_json(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found


def numbers(args: Iterable[Any]) -> list[int | float]:
    found: list[int | float] = []
    for arg in args:
        found.extend(numbers(arg) if isinstance(arg, list) else [numeric(arg)])
    return found


def mean(*args: Any) -> float:
    values = numbers(args)
    return sum(values) / len(values) if values else 0.0


def median(*args: Any) -> float:
    values = sorted(numbers(args))
    if not values:
        return 0.0
    half = len(values) // 2
    return float(values[half]) if len(values) % 2 else (values[half - 1] + values[half]) / 2


def ordered(keys: list[Any], items: list[Any], *, descending: bool) -> list[tuple[Any, Any]]:
    kinds = {"number" if is_number(key) else type_name(key) for key in keys}
    if len(kinds) > 1:
        raise ExpressionError(f"cannot sort values of different types: {', '.join(sorted(kinds))}")
    return sorted(zip(keys, items, strict=True), key=lambda pair: pair[0], reverse=descending)


def sort(items: Any, order: str = "asc") -> list[Any]:
    values = listed(items)
    return [item for _, item in ordered(values, values, descending=order == "desc")]
