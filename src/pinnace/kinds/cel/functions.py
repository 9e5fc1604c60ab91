"""The functions of CEL and those that Kubernetes adds (kubernetes/apiserver pkg/cel/library).

Every function takes the budget and its arguments, the receiver first: `'a'.size()` and `size('a')` are one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from .. import formats
from .. import quantity as quantities
from .values import Budget, CelError, Maybe, Quantity, bounded, is_number, no_overload, ordered, same, type_of

Function = Callable[..., Any]
DURATION = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+\Z")
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise no_overload(name, value)
    return value


def _size(budget: Budget, value: Any) -> int:
    if isinstance(value, (str, bytes, list, dict)):
        return len(value)
    raise no_overload("size", value)


def _matches(budget: Budget, text: Any, pattern: Any) -> bool:
    budget.spend(len(_text(text, "matches")) // 100)
    return _search(pattern)(text) is not None


def _search(pattern: Any) -> Callable[[str], Any]:
    try:
        return formats.pattern(_text(pattern, "matches"))
    except ValueError as problem:
        raise CelError(str(problem)) from None


def _find(budget: Budget, text: str, pattern: str) -> str:
    found = _search(pattern)(_text(text, "find"))
    return str(found.group(0)) if found else ""


def _find_all(budget: Budget, text: str, pattern: str, limit: int = -1) -> list[str]:
    search, rest = _search(pattern), _text(text, "findAll")
    out: list[str] = []
    while rest and (limit < 0 or len(out) < limit):
        budget.spend(1 + len(rest) // 100)
        found = search(rest)
        if found is None:
            break
        out.append(found.group(0))
        rest = rest[max(found.end(), 1):]
    return out


def _numbers(budget: Budget, values: Any, name: str) -> list[Any]:
    if not isinstance(values, list):
        raise no_overload(name, values)
    budget.spend(len(values))
    for one in values[1:]:
        ordered(values[0], one)
    return values


def _extreme(name: str, choose: Callable[[list[Any]], Any]) -> Function:
    def function(budget: Budget, values: Any) -> Any:
        if not _numbers(budget, values, name):
            raise CelError(f"{name} called on empty list")
        return choose(values)

    return function


def _sum(budget: Budget, values: Any) -> Any:
    numbers = _numbers(budget, values, "sum")
    if all(isinstance(one, timedelta) for one in numbers) and numbers:
        return sum(numbers, timedelta())
    if not all(is_number(one) for one in numbers):
        raise no_overload("sum", values)
    total = sum(numbers)
    return bounded(total) if isinstance(total, int) else total


def _is_sorted(budget: Budget, values: Any) -> bool:
    numbers = _numbers(budget, values, "isSorted")
    return all(numbers[place] <= numbers[place + 1] for place in range(len(numbers) - 1))


def _index_of(budget: Budget, value: Any, wanted: Any, start: int = 0) -> int:
    if isinstance(value, str):
        return value.find(_text(wanted, "indexOf"), start)
    budget.spend(len(value))
    return next((place for place, one in enumerate(value) if same(one, wanted)), -1)


def _last_index_of(budget: Budget, value: Any, wanted: Any) -> int:
    if isinstance(value, str):
        return value.rfind(_text(wanted, "lastIndexOf"))
    budget.spend(len(value))
    return next((place for place in range(len(value) - 1, -1, -1) if same(value[place], wanted)), -1)


def _char_at(budget: Budget, text: str, place: int) -> str:
    if not 0 <= place <= len(_text(text, "charAt")):
        raise CelError(f"index out of range: {place}")
    return text[place : place + 1]


def _substring(budget: Budget, text: str, start: int, end: int | None = None) -> str:
    last = len(_text(text, "substring")) if end is None else end
    if not 0 <= start <= last <= len(text):
        raise CelError(f"index out of range: {start if start < 0 or start > len(text) else last}")
    return text[start:last]


def _replace(budget: Budget, text: str, old: str, new: str, count: int = -1) -> str:
    size = len(_text(text, "replace")) + text.count(_text(old, "replace")) * len(_text(new, "replace"))
    budget.spend(size // 100)
    return text.replace(old, new, count)


def _split(budget: Budget, text: str, mark: str, count: int = -1) -> list[str]:
    budget.spend(len(_text(text, "split")) // 10)
    if count == 0:
        return []
    if not mark:
        return list(text)
    return text.split(mark, count - 1 if count > 0 else -1)


def _join(budget: Budget, values: list[Any], mark: str = "") -> str:
    budget.spend(len(values) + sum(len(_text(one, "join")) for one in values) // 100)
    return mark.join(values)


def _format(budget: Budget, text: str, values: list[Any]) -> str:
    rest = iter(values)
    shapes: dict[str, Callable[[Any], str]] = {
        "s": lambda one: _string(budget, one), "d": lambda one: str(int(one)), "f": lambda one: f"{one:f}",
        "x": lambda one: f"{one:x}", "e": lambda one: f"{one:e}",
    }

    def filled(found: re.Match[str]) -> str:
        return "%" if found[1] == "%" else shapes[found[1]](next(rest))

    try:
        return re.sub(r"%(?:\.\d+)?([%sdfxe])", filled, _text(text, "format"))
    except StopIteration:
        raise CelError("format has fewer values than places") from None


def _string(budget: Budget, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, (str, int, float)) or value is None:
        return "null" if value is None else str(value)
    return str(getattr(value, "amount", value))


def _int(budget: Budget, value: Any) -> int:
    if isinstance(value, datetime):
        return int(value.timestamp())
    try:
        whole: int = int(value)
        return bounded(whole)
    except (ValueError, TypeError, OverflowError):
        raise CelError(f"cannot convert {type_of(value)} to int") from None


def _double(budget: Budget, value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError):
        raise CelError(f"cannot convert {type_of(value)} to double") from None


def _bool(budget: Budget, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "True", "TRUE", "t", "1"):
        return True
    if value in ("false", "False", "FALSE", "f", "0"):
        return False
    raise CelError(f"cannot convert {type_of(value)} to bool")


def duration(text: Any) -> timedelta:
    if isinstance(text, timedelta):
        return text
    shape = DURATION.match(_text(text, "duration"))
    if shape is None and text != "0":
        raise CelError(f"not a duration: {text!r}")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in PART.findall(text))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def timestamp(text: Any) -> datetime:
    if isinstance(text, datetime):
        return text
    try:
        return datetime.fromisoformat(_text(text, "timestamp"))
    except ValueError:
        raise CelError(f"not a timestamp: {text!r}") from None


def _clock(pick: Callable[[datetime], int], of_duration: float = 0) -> Function:
    def function(budget: Budget, value: Any, zone: str = "UTC") -> int:
        if isinstance(value, timedelta) and of_duration:
            return int(value.total_seconds() / of_duration)
        if not isinstance(value, datetime):
            raise no_overload("getDate", value)
        return pick(value.astimezone(UTC))

    return function


def _split_url(text: Any) -> SplitResult:
    try:
        found = urlsplit(_text(text, "url"))
        if not (found.scheme or text.startswith("/")):
            raise ValueError("no scheme")
    except ValueError as problem:
        raise CelError(f"URL parse error: {problem}") from None
    return found


def _holds(parse: Callable[[Any], Any]) -> Function:
    def function(budget: Budget, value: Any) -> bool:
        try:
            parse(value)
        except (CelError, ValueError):
            return False
        return True

    return function


def _address(text: Any) -> Any:
    try:
        return ipaddress.ip_address(_text(text, "ip"))
    except ValueError as problem:
        raise CelError(str(problem)) from None


def _network(text: Any) -> Any:
    try:
        return ipaddress.ip_network(_text(text, "cidr"), strict=False)
    except ValueError as problem:
        raise CelError(str(problem)) from None


def _contains_ip(budget: Budget, network: Any, one: Any) -> bool:
    return (_address(one) if isinstance(one, str) else one) in network


def _contains_cidr(budget: Budget, network: Any, one: Any) -> bool:
    inner = _network(one) if isinstance(one, str) else one
    return bool(inner.version == network.version and inner.subnet_of(network))


def _compare(budget: Budget, left: Any, right: Any) -> int:
    ordered(left, right)
    return int(left > right) - int(left < right)


def _amount(change: Callable[[Any, Any], Any]) -> Function:
    def function(budget: Budget, left: Quantity, right: Any) -> Quantity:
        other = right.amount if isinstance(right, Quantity) else right
        return Quantity(change(left.amount, other))

    return function


def _contains(budget: Budget, text: Any, part: Any) -> bool:
    budget.spend(len(_text(text, "contains")) // 100)
    return _text(part, "contains") in text


def _subset(budget: Budget, whole: list[Any], part: list[Any]) -> bool:
    budget.spend(len(whole) * len(part))
    return all(any(same(one, other) for other in whole) for one in part)


def _value(budget: Budget, maybe: Any) -> Any:
    if not (isinstance(maybe, Maybe) and maybe.present):
        raise CelError("optional.none() dereference")
    return maybe.value


FUNCTIONS: dict[str, Function] = {
    "size": _size, "matches": _matches, "find": _find, "findAll": _find_all, "contains": _contains,
    "startsWith": lambda _, text, part: _text(text, "startsWith").startswith(_text(part, "startsWith")),
    "endsWith": lambda _, text, part: _text(text, "endsWith").endswith(_text(part, "endsWith")),
    "min": _extreme("min", min), "max": _extreme("max", max), "sum": _sum, "isSorted": _is_sorted,
    "indexOf": _index_of, "lastIndexOf": _last_index_of, "charAt": _char_at, "substring": _substring,
    "replace": _replace, "split": _split, "join": _join, "format": _format,
    "lowerAscii": lambda _, text: _text(text, "lowerAscii").lower(),
    "upperAscii": lambda _, text: _text(text, "upperAscii").upper(),
    "trim": lambda _, text: _text(text, "trim").strip(),
    "reverse": lambda _, value: value[::-1],
    "string": _string, "int": _int, "uint": _int, "double": _double, "bool": _bool, "dyn": lambda _, one: one,
    "bytes": lambda _, text: text if isinstance(text, bytes) else _text(text, "bytes").encode(),
    "type": lambda _, one: type_of(one),
    "duration": lambda _, text: duration(text), "timestamp": lambda _, text: timestamp(text),
    "getFullYear": _clock(lambda at: at.year), "getMonth": _clock(lambda at: at.month - 1),
    "getDate": _clock(lambda at: at.day), "getDayOfMonth": _clock(lambda at: at.day - 1),
    "getDayOfWeek": _clock(lambda at: at.isoweekday() % 7),
    "getDayOfYear": _clock(lambda at: at.timetuple().tm_yday - 1),
    "getHours": _clock(lambda at: at.hour, 3600), "getMinutes": _clock(lambda at: at.minute, 60),
    "getSeconds": _clock(lambda at: at.second, 1),
    "getMilliseconds": _clock(lambda at: at.microsecond // 1000, 0.001),
    "url": lambda _, text: _split_url(text), "isURL": _holds(_split_url),
    "getScheme": lambda _, url: url.scheme, "getHost": lambda _, url: url.netloc.rpartition("@")[2],
    "getHostname": lambda _, url: url.hostname or "", "getPort": lambda _, url: str(url.port or ""),
    "getEscapedPath": lambda _, url: url.path, "getQuery": lambda _, url: parse_qs(url.query),
    "ip": lambda _, text: _address(text), "isIP": _holds(_address),
    "cidr": lambda _, text: _network(text), "isCIDR": _holds(_network),
    "containsIP": _contains_ip, "containsCIDR": _contains_cidr,
    "family": lambda _, one: one.version, "prefixLength": lambda _, one: one.prefixlen,
    "masked": lambda _, one: one, "isLoopback": lambda _, one: one.is_loopback,
    "isUnspecified": lambda _, one: one.is_unspecified,
    "quantity": lambda _, text: Quantity.of(text), "isQuantity": _holds(quantities.parse),
    "isGreaterThan": lambda _, left, right: left > right, "isLessThan": lambda _, left, right: left < right,
    "compareTo": _compare, "asInteger": lambda _, one: int(one.amount),
    "isInteger": lambda _, one: one.amount == one.amount.to_integral_value(),
    "asApproximateFloat": lambda _, one: float(one.amount),
    "sign": lambda _, one: (one.amount > 0) - (one.amount < 0),
    "add": _amount(lambda left, right: left + right), "sub": _amount(lambda left, right: left - right),
    "hasValue": lambda _, maybe: maybe.present, "value": _value,
    "orValue": lambda _, maybe, other: maybe.value if maybe.present else other,
}
SETS: dict[str, Function] = {
    "contains": _subset,
    "equivalent": lambda budget, one, other: _subset(budget, one, other) and _subset(budget, other, one),
    "intersects": lambda budget, one, other: any(_subset(budget, one, [each]) for each in other),
}
