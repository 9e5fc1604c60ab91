"""Built-in functions of expr-lang, and the few that Argo adds.

Source: expr-lang/expr docs/language-definition.md; argoproj/argo-workflows util/expr/env. Caller: `evaluate`.
"""

from __future__ import annotations

import base64
import difflib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pinnace.authoring.argo.expression import lists
from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError
from pinnace.authoring.argo.expression.times import parse_date, seconds, timezone
from pinnace.authoring.argo.expression.values import (
    as_int,
    from_json,
    listed,
    numeric,
    string,
    to_float,
    to_int,
    to_json,
    type_name,
)


def _split(value: str, separator: str, limit: int = -1) -> list[str]:
    if not separator:
        return list(value)
    return value.split(separator, limit - 1 if limit > 0 else -1)


def _split_after(value: str, separator: str, limit: int = -1) -> list[str]:
    parts = _split(value, separator, limit)
    return [part + separator for part in parts[:-1]] + parts[-1:]


def _replace(value: str, old: str, new: str, limit: int = -1) -> str:
    return value.replace(old, new, limit)


def _join(items: Any, separator: str = "") -> str:
    return separator.join(string(item) for item in listed(items))


def _trim(value: str, characters: str = "") -> str:
    return value.strip(characters) if characters else value.strip()


def _length(value: Any) -> int:
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise ExpressionError(f"invalid argument for len (type {type_name(value)})")


def _bits(operator: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    return lambda left, right: operator(_bit(left), _bit(right))


def _bit(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionError(f"cannot use {type_name(value)} as argument (type int)")
    return value


def _shift(operator: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def shifted(value: Any, count: Any) -> int:
        if _bit(count) < 0:
            raise ExpressionError(f"invalid operation: negative shift count {count} (type int)")
        return operator(_bit(value), count)

    return shifted


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def jsonpath(document: Any, path: str) -> Any:
    from pinnace.authoring.argo.expression.jsonpath import definite, find

    found = find(from_json(document) if isinstance(document, str) else document, path)
    if definite(path):
        return found[0] if found else None
    return found


def check(name: str, args: list[Any], room: int) -> None:
    """Refuse what would be large before it is made."""
    if name == "repeat" and len(args) == 2:
        if to_int(args[1]) < 0:
            raise ExpressionError("invalid argument for repeat (expected positive integer)")
        if len(string(args[0])) * to_int(args[1]) > room:
            raise BudgetExceeded("repeat makes too much data")
    replaces = name == "replace" and len(args) > 2 and all(isinstance(arg, str) for arg in args[:3])
    if replaces and len(args[0]) + args[0].count(args[1]) * len(args[2]) > room:
        raise BudgetExceeded("replace makes too much data")
    if name == "join" and args and isinstance(args[0], list):
        between = len(args[1]) if len(args) > 1 and isinstance(args[1], str) else 0
        if sum(len(item) + between if isinstance(item, str) else between for item in args[0]) > room:
            raise BudgetExceeded("join makes too much data")


def did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(
        name, [*FUNCTIONS, "filter", "map", "count", "reduce", "sum", "sortBy"], 1
    )
    return f" (did you mean {near[0]!r}?)" if near else ""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": _length,
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "take": lambda items, n: listed(items)[: to_int(n)],
    "keys": lambda value: sorted(value),
    "values": lambda value: [value[key] for key in sorted(value)],
    "toPairs": lambda value: [[key, value[key]] for key in sorted(value)],
    "fromPairs": lambda pairs: {string(key): value for key, value in pairs},
    "string": string,
    "int": to_int,
    "float": to_float,
    "type": type_name,
    "split": _split,
    "splitAfter": _split_after,
    "join": _join,
    "replace": _replace,
    "trim": _trim,
    "trimPrefix": lambda value, prefix=" ": value.removeprefix(prefix),
    "trimSuffix": lambda value, suffix=" ": value.removesuffix(suffix),
    "upper": lambda value: value.upper(),
    "lower": lambda value: value.lower(),
    "repeat": lambda value, n: value * to_int(n),
    "indexOf": lambda value, part: value.find(part),
    "lastIndexOf": lambda value, part: value.rfind(part),
    "hasPrefix": lambda value, prefix: value.startswith(prefix),
    "hasSuffix": lambda value, suffix: value.endswith(suffix),
    "concat": lambda *lists: [item for items in lists for item in listed(items)],
    "flatten": lists.flattened,
    "uniq": lists.unique,
    "reverse": lambda items: list(reversed(listed(items))),
    "sort": lists.sort,
    "mean": lists.mean,
    "median": lists.median,
    "min": lambda *args: min(lists.numbers(args)),
    "max": lambda *args: max(lists.numbers(args)),
    "abs": lambda value: abs(numeric(value)),
    "ceil": lambda value: float(math.ceil(numeric(value))),
    "floor": lambda value: float(math.floor(numeric(value))),
    "round": lambda value: float(math.floor(abs(numeric(value)) + 0.5)) * (1 if value >= 0 else -1),
    "now": lambda: datetime.now(UTC),
    "date": parse_date,
    "timezone": timezone,
    "duration": lambda value: timedelta(seconds=seconds(value)),
    "toJSON": lambda value: msgspec.json.format(to_json(value), indent=2),
    "fromJSON": from_json,
    "toBase64": lambda value: base64.b64encode(value.encode()).decode(),
    "fromBase64": lambda value: base64.b64decode(value).decode(),
    "bitand": _bits(lambda a, b: a & b),
    "bitor": _bits(lambda a, b: a | b),
    "bitxor": _bits(lambda a, b: a ^ b),
    "bitnand": _bits(lambda a, b: a & ~b),
    "bitnot": lambda value: ~_bit(value),
    "bitshl": _shift(lambda a, b: _signed(a << min(b, 64))),
    "bitshr": _shift(lambda a, b: a >> b),
    "bitushr": _shift(lambda a, b: (a & ((1 << 64) - 1)) >> b),
    "asInt": as_int,
    "asFloat": to_float,
    "toJson": to_json,
    "jsonpath": jsonpath,
}
