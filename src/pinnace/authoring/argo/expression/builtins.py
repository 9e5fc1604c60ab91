"""Operators and built-in functions of expr-lang, and the few that Argo adds.

Source: expr-lang/expr docs/language-definition.md; argoproj/argo-workflows util/expr/env. Caller: `evaluate`.
"""

from __future__ import annotations

import base64
import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from pinnace.authoring.argo.expression.errors import BudgetExceeded, ExpressionError


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
        return value.strftime("%Y-%m-%d %H:%M:%S %z UTC")
    if isinstance(value, timedelta):
        return duration_text(value)
    return str(value) if isinstance(value, int) else to_json(value)


def float_text(value: float) -> str:
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


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
    numbers = _is_number(left) and _is_number(right)
    if numbers or (type(left) is type(right) and isinstance(left, str | datetime | timedelta)):
        return bool(left < right)
    raise ExpressionError(f"invalid operation: {type_name(left)} < {type_name(right)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def operate(op: str, left: Any, right: Any, room: int) -> Any:
    """A strict binary operator. `room`: how much data it may make."""
    return _OPERATORS[op](left, right, room)


def _add(left: Any, right: Any, room: int) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, datetime | timedelta) and isinstance(right, datetime | timedelta):
        return left + right  # type: ignore[operator]
    if _is_number(left) and _is_number(right):
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


def matches(text: Any, pattern: Any) -> bool:
    """Regular expressions run on RE2: no backtracking, so a pattern cannot hang control."""
    return compiled(pattern).search(text) is not None


def compiled(pattern: str) -> Any:
    import re2

    try:
        return re2.compile(pattern)
    except re2.error as error:
        raise ExpressionError(f"invalid regular expression {pattern!r}: {error}") from None


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


def _flatten(items: Any) -> list[Any]:
    flat: list[Any] = []
    for item in listed(items):
        if isinstance(item, list):
            flat.extend(_flatten(item))
        else:
            flat.append(item)
    return flat


def _unique(items: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[str] = set()
    for item in listed(items):
        key = type_name(item) + to_json(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found


def _numbers(args: Iterable[Any]) -> list[int | float]:
    found: list[int | float] = []
    for arg in args:
        found.extend(_numbers(arg) if isinstance(arg, list) else [numeric(arg)])
    return found


def _mean(*args: Any) -> float:
    values = _numbers(args)
    return sum(values) / len(values) if values else 0.0


def _median(*args: Any) -> float:
    values = sorted(_numbers(args))
    if not values:
        return 0.0
    half = len(values) // 2
    return float(values[half]) if len(values) % 2 else (values[half - 1] + values[half]) / 2


def ordered(keys: list[Any], items: list[Any], *, descending: bool) -> list[tuple[Any, Any]]:
    kinds = {"number" if _is_number(key) else type_name(key) for key in keys}
    if len(kinds) > 1:
        raise ExpressionError(f"cannot sort values of different types: {', '.join(sorted(kinds))}")
    return sorted(zip(keys, items, strict=True), key=lambda pair: pair[0], reverse=descending)


def _sort(items: Any, order: str = "asc") -> list[Any]:
    values = listed(items)
    return [item for _, item in ordered(values, values, descending=order == "desc")]


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


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(literal: str) -> float:
    """A Go duration (`1h30m`, `2.5s`, `-3m`) in seconds. Raises ExpressionError."""
    body = literal[1:] if literal[:1] in ("-", "+") else literal
    parts = _DURATION.findall(body)
    if body == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ExpressionError(f'time: invalid duration "{literal}"')
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if literal[0] == "-" else total


def duration_text(value: timedelta) -> str:
    total = value.total_seconds()
    sign, total = ("-", -total) if total < 0 else ("", total)
    if total < 1:
        return f"{sign}{float_text(round(total * 1000, 6))}ms" if total else "0s"
    hours, rest = divmod(total, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{float_text(round(rest, 9))}s"
    if total >= 60:
        text = f"{int(minutes)}m{text}"
    return sign + (f"{int(hours)}h{text}" if total >= 3600 else text)


def method(value: datetime | timedelta | ZoneInfo, name: str) -> Callable[..., Any]:
    """Methods of Go's time.Time, time.Duration and time.Location that expressions use."""
    if isinstance(value, ZoneInfo):
        if name == "String":
            return lambda: value.key
        raise ExpressionError(f"a time zone has no method {name}; it has String")
    if isinstance(value, timedelta):
        return _DURATION_METHODS[name](value)
    found = _TIME_METHODS.get(name)
    if found is None:
        raise ExpressionError(f"time has no method {name}; it has {', '.join(sorted(_TIME_METHODS))}")
    return found(value)


_DURATION_METHODS: dict[str, Callable[[timedelta], Callable[..., Any]]] = {
    "Hours": lambda value: lambda: value.total_seconds() / 3600,
    "Minutes": lambda value: lambda: value.total_seconds() / 60,
    "Seconds": lambda value: lambda: value.total_seconds(),
    "Milliseconds": lambda value: lambda: int(value.total_seconds() * 1000),
    "String": lambda value: lambda: duration_text(value),
}
_TIME_METHODS: dict[str, Callable[[datetime], Callable[..., Any]]] = {
    "Unix": lambda value: lambda: int(value.timestamp()),
    "UnixMilli": lambda value: lambda: int(value.timestamp() * 1000),
    "Year": lambda value: lambda: value.year,
    "Month": lambda value: lambda: value.month,
    "Day": lambda value: lambda: value.day,
    "Hour": lambda value: lambda: value.hour,
    "Minute": lambda value: lambda: value.minute,
    "Second": lambda value: lambda: value.second,
    "Weekday": lambda value: lambda: (value.weekday() + 1) % 7,
    "YearDay": lambda value: lambda: value.timetuple().tm_yday,
    "UTC": lambda value: lambda: value.astimezone(UTC),
    "In": lambda value: value.astimezone,
    "String": lambda value: lambda: string(value),
    "Format": lambda value: lambda layout: go_format(value, layout),
    "Add": lambda value: lambda other: value + other,
    "AddDate": lambda value: lambda years, months, days: add_date(value, years, months, days),
    "Sub": lambda value: lambda other: value - other,
    "Before": lambda value: lambda other: value < other,
    "After": lambda value: lambda other: value > other,
    "Equal": lambda value: lambda other: value == other,
    "Truncate": lambda value: lambda step: _truncate(value, step),
}

_LAYOUT = {
    "January": "%B",
    "Jan": "%b",
    "Monday": "%A",
    "Mon": "%a",
    "2006": "%Y",
    "01": "%m",
    "02": "%d",
    "15": "%H",
    "03": "%I",
    "04": "%M",
    "05": "%S",
    "06": "%y",
    "PM": "%p",
    "pm": "%p",
    "MST": "%Z",
    "-0700": "%z",
    "002": "%j",
}
_LAYOUT_PART = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|Z07:00|-07:00|-0700|\.0+(?!\d)|\.9+(?!\d)|002|01|02|03|04|05|06|15|PM|pm|_2|1|2|3|4|5"
)


def go_format(value: datetime, layout: str) -> str:
    """A Go time layout (`2006-01-02T15:04:05Z07:00`)."""
    return _LAYOUT_PART.sub(lambda match: _layout_part(value, match.group()), layout)


def _layout_part(value: datetime, part: str) -> str:
    if part in _LAYOUT:
        return value.strftime(_LAYOUT[part])
    if part in ("Z07:00", "-07:00"):
        offset = value.strftime("%z") or "+0000"
        return "Z" if part[0] == "Z" and offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    if part[0] == ".":
        digits = f"{value.microsecond:06d}"[: len(part) - 1].ljust(len(part) - 1, "0")
        return f".{digits}" if part[1] == "0" else (f".{digits.rstrip('0')}" if digits.strip("0") else "")
    numbers = {
        "1": value.month,
        "2": value.day,
        "3": value.hour % 12 or 12,
        "4": value.minute,
        "5": value.second,
    }
    return f"{value.day:2d}" if part == "_2" else str(numbers[part])


def add_date(value: datetime, years: int, months: int, days: int) -> datetime:
    month = value.month - 1 + months
    first = value.replace(year=value.year + years + month // 12, month=month % 12 + 1, day=1)
    return first + timedelta(days=value.day - 1 + days)


def _truncate(value: datetime, step: timedelta) -> datetime:
    whole = int(value.timestamp() // step.total_seconds() * step.total_seconds())
    return datetime.fromtimestamp(whole, UTC)


def parse_date(value: str, layout: str = "", zone: str = "") -> datetime:
    if layout:
        pattern = _LAYOUT_PART.sub(lambda match: _LAYOUT.get(match.group(), "%z"), layout)
        found = datetime.strptime(value, pattern)
    else:
        found = _any_date(value)
    return found if found.tzinfo else found.replace(tzinfo=timezone(zone) if zone else UTC)


_FORMS = ("%H:%M:%S", "%d %b %y %H:%M %Z", "%A, %d-%b-%y %H:%M:%S %Z", "%a, %d %b %Y %H:%M:%S %Z")
"""Beside ISO 8601: a time, RFC 822, 850 and 1123."""


def _any_date(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        pass
    for form in _FORMS:
        try:
            return datetime.strptime(value, form)
        except ValueError:
            continue
    raise ExpressionError(f"invalid date {value}")


def timezone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError):
        raise ExpressionError(f"unknown time zone {name}") from None


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
    "flatten": _flatten,
    "uniq": _unique,
    "reverse": lambda items: list(reversed(listed(items))),
    "sort": _sort,
    "mean": _mean,
    "median": _median,
    "min": lambda *args: min(_numbers(args)),
    "max": lambda *args: max(_numbers(args)),
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
