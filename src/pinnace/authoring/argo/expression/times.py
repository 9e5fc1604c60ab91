"""Moments and spans as Go has them: durations' texts, layouts, dates, the methods of time.Time.

Source: Go's package time; expr-lang/expr docs/language-definition.md. Callers: `values`, `functions`,
`sprig`, and whoever reads a duration.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pinnace.authoring.argo.expression.errors import ExpressionError


def float_text(value: float) -> str:
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


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


def moment_text(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S %z UTC")


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
    "String": lambda value: lambda: moment_text(value),
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
