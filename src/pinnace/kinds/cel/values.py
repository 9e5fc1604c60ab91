"""What CEL expressions compute with, and how two of them compare."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import total_ordering
from typing import Any

from .. import quantity

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1


class CelError(Exception):
    """The expression has no value; the text says why."""


class Exhausted(CelError):
    """The budget is spent; no operator may swallow this one."""


class Budget:
    """Steps that all rules of one object share: an element visited, or a hundred characters read."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise Exhausted("out of budget")


class Maybe:
    """An optional value (`oldSelf` under `optionalOldSelf`)."""

    __slots__ = ("present", "value")

    def __init__(self, value: Any = None, *, present: bool) -> None:
        self.value = value
        self.present = present


@total_ordering
class Quantity:
    """`quantity('1.5Gi')`."""

    __slots__ = ("amount",)

    def __init__(self, amount: Decimal) -> None:
        self.amount = amount

    @classmethod
    def of(cls, text: Any) -> Quantity:
        try:
            return cls(quantity.parse(text))
        except ValueError as problem:
            raise CelError(str(problem)) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.amount == other.amount

    def __lt__(self, other: Quantity) -> bool:
        return self.amount < other.amount

    def __hash__(self) -> int:
        return hash(self.amount)


COMPARABLE = (str, bytes, bool, datetime, timedelta, Quantity)


def same(left: Any, right: Any) -> bool:
    """CEL's equality: numbers by value, everything else within its own type."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def ordered(left: Any, right: Any) -> None:
    """CelError unless the two can stand on both sides of `<`."""
    if is_number(left) and is_number(right):
        return
    if type(left) is not type(right) or not isinstance(left, COMPARABLE):
        raise no_overload("_<_", left, right)


def is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def bounded(value: int) -> int:
    if not LOWEST <= value <= HIGHEST:
        raise CelError("integer overflow")
    return value


def no_overload(name: str, *values: Any) -> CelError:
    return CelError(f"no such overload: {name}({', '.join(map(type_of, values))})")


TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"), (int, "int"), (float, "double"), (str, "string"), (bytes, "bytes"), (list, "list"),
    (dict, "map"), (datetime, "google.protobuf.Timestamp"), (timedelta, "google.protobuf.Duration"),
    (Quantity, "kubernetes.Quantity"), (Maybe, "optional_type"),
)


def type_of(value: Any) -> str:
    if value is None:
        return "null_type"
    return next((name for known, name in TYPES if isinstance(value, known)), type(value).__name__)
