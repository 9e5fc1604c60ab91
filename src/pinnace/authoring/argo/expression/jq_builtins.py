"""What jq's operators and plain functions do with values. Source: the jq manual. Caller: `jq`."""

from __future__ import annotations

import base64
import html
import json
import math
import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from pinnace.authoring.argo.expression.patterns import compiled

ROOM = 1_000_000
"""Characters or elements that one operation may make."""


class JqError(Exception):
    """What a filter raises, and `try` catches."""

    def __init__(self, value: Any) -> None:
        super().__init__(str(value))
        self.value = value


def truth(value: Any) -> bool:
    return value is not None and value is not False


def text_of(value: Any, *, quoted: bool = False) -> str:
    """`tostring`: a string as it is, anything else as JSON."""
    if isinstance(value, str) and not quoted:
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


_ORDER = {"null": 0, "boolean": 1, "number": 3, "string": 4, "array": 5, "object": 6}


def rank(value: Any) -> tuple[Any, ...]:
    """A key by which values of all kinds have jq's order."""
    place = _ORDER[kind(value)]
    if isinstance(value, list):
        return (place, [rank(each) for each in value])
    if isinstance(value, dict):
        names = sorted(value)
        return (place, names, [rank(value[name]) for name in names])
    return (place,) if value is None else (place, value)


def compared(op: str, left: Any, right: Any) -> Any:
    """A binary operator on two values."""
    match op:
        case "==":
            return rank(left) == rank(right)
        case "!=":
            return rank(left) != rank(right)
        case "<":
            return rank(left) < rank(right)
        case "<=":
            return rank(left) <= rank(right)
        case ">":
            return rank(left) > rank(right)
        case ">=":
            return rank(left) >= rank(right)
        case "+":
            return _added(left, right)
    return _reckoned(op, left, right)


def _added(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return right if left is None else left
    kinds = (kind(left), kind(right))
    if kinds == ("object", "object"):
        return {**left, **right}
    if kinds[0] == kinds[1] and kinds[0] in ("number", "string", "array"):
        return _roomy(whole(left + right) if kinds[0] == "number" else left + right)
    raise JqError(f"{kinds[0]} ({text_of(left)}) and {kinds[1]} ({text_of(right)}) cannot be added")


_WORDS = {"-": "subtracted", "*": "multiplied", "/": "divided", "%": "divided"}


def _reckoned(op: str, left: Any, right: Any) -> Any:
    kinds = (kind(left), kind(right))
    if kinds == ("number", "number"):
        if op in "/%" and not right:
            raise JqError(
                f"number ({text_of(left)}) and number (0) cannot be divided because the divisor is zero"
            )
        made: dict[str, Callable[[], Any]] = {
            "-": lambda: left - right,
            "*": lambda: left * right,
            "/": lambda: left / right,
            "%": lambda: int(math.fmod(int(left), int(right))),
        }
        return whole(made[op]())
    if op == "-" and kinds == ("array", "array"):
        return [each for each in left if not any(rank(each) == rank(other) for other in right)]
    if op == "*" and kinds == ("string", "number"):
        if len(left) * right > ROOM:
            raise JqError("the repeated string is too long")
        return left * int(right) if right > 0 else None
    if op == "*" and kinds == ("object", "object"):
        return _deep(left, right)
    if op == "/" and kinds == ("string", "string"):
        return left.split(right) if right else list(left)
    raise JqError(f"{kinds[0]} ({text_of(left)}) and {kinds[1]} ({text_of(right)}) cannot be {_WORDS[op]}")


def _deep(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    made = dict(left)
    for key, value in right.items():
        both = isinstance(made.get(key), dict) and isinstance(value, dict)
        made[key] = _deep(made[key], value) if both else value
    return made


def whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e17:
        return int(value)
    return value


def _roomy(value: Any) -> Any:
    if isinstance(value, str | list) and len(value) > ROOM:
        raise JqError("the result is too long")
    return value


def _length(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool):
        raise JqError(f"boolean ({text_of(value)}) has no length")
    return abs(value) if isinstance(value, int | float) else len(value)


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value)
    if isinstance(value, list):
        return list(range(len(value)))
    raise JqError(f"{kind(value)} ({text_of(value)}) has no keys")


def _add(value: Any) -> Any:
    total: Any = None
    for each in value.values() if isinstance(value, dict) else value:
        total = _added(total, each)
    return total


def _from_entries(value: Any) -> Any:
    made = {}
    for each in value:
        key = next((each[name] for name in ("key", "k", "name", "Name", "Key", "K") if name in each), None)
        made[text_of(key)] = next((each[name] for name in ("value", "v", "Value", "V") if name in each), None)
    return made


def _number(value: Any) -> Any:
    if kind(value) == "number":
        return value
    try:
        return whole(float(value))
    except (TypeError, ValueError):
        raise JqError(f"Cannot parse {text_of(value, quoted=True)} as a number") from None


def _contains(value: Any, part: Any) -> bool:
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and _contains(value[key], each) for key, each in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_contains(other, each) for other in value) for each in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    return rank(value) == rank(part)


def _has(value: Any, key: Any) -> bool:
    return key in value if isinstance(value, dict) else 0 <= key < len(value)


def _unique(value: list[Any]) -> list[Any]:
    found: list[Any] = []
    for each in sorted(value, key=rank):
        if not found or rank(found[-1]) != rank(each):
            found.append(each)
    return found


def _flatten(value: list[Any], depth: Any = 100) -> list[Any]:
    made: list[Any] = []
    for each in value:
        made += _flatten(each, depth - 1) if isinstance(each, list) and depth > 0 else [each]
    return made


def _join(value: list[Any], by: str) -> str:
    return str(_roomy(by.join("" if each is None else text_of(each) for each in value)))


def _fail(value: Any, message: Any) -> Any:
    raise JqError(message)


def _indices(value: Any, part: Any) -> Any:
    if isinstance(value, str):
        return [at for at in range(len(value)) if value.startswith(part, at)]
    return [at for at, each in enumerate(value) if rank(each) == rank(part)]


def _test(value: str, pattern: str, flags: str | None = None) -> bool:
    return compiled(_flagged(pattern, flags)).search(value) is not None


def _flagged(pattern: str, flags: str | None) -> str:
    known = "".join(flag for flag in flags or "" if flag in "is")
    return f"(?{known}){pattern}" if known else pattern


def _sub(count: int) -> Callable[..., str]:
    def made(value: str, pattern: str, new: str) -> str:
        return str(_roomy(compiled(pattern).sub(new.replace("\\", "\\\\"), value, count=count)))

    return made


def _from_json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError) as error:
        raise JqError(f"{error} (while parsing '{value}')") from None


def _csv(value: list[Any]) -> str:
    cells = [
        '"' + each.replace('"', '""') + '"' if isinstance(each, str) else text_of(each) for each in value
    ]
    return ",".join("" if each is None else cell for each, cell in zip(value, cells, strict=True))


FORMATS: dict[str, Callable[[Any], str]] = {
    "@text": text_of,
    "@json": lambda value: text_of(value, quoted=True),
    "@base64": lambda value: base64.b64encode(text_of(value).encode()).decode(),
    "@base64d": lambda value: base64.b64decode(text_of(value) + "==").decode(errors="replace"),
    "@uri": lambda value: quote(text_of(value), safe="-_.~"),
    "@html": lambda value: html.escape(text_of(value)).replace("&#x27;", "&#39;"),
    "@sh": lambda value: " ".join(
        shlex.quote(each) if isinstance(each, str) else text_of(each)
        for each in (value if isinstance(value, list) else [value])
    ),
    "@csv": _csv,
    "@tsv": lambda value: "\t".join("" if each is None else text_of(each) for each in value),
}

FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {
    ("length", 0): _length,
    ("keys", 0): _keys,
    ("keys_unsorted", 0): lambda value: list(value) if isinstance(value, dict) else _keys(value),
    ("values", 0): lambda value: value,
    ("not", 0): lambda value: not truth(value),
    ("type", 0): kind,
    ("add", 0): _add,
    ("to_entries", 0): lambda value: [{"key": key, "value": each} for key, each in value.items()],
    ("from_entries", 0): _from_entries,
    ("tostring", 0): text_of,
    ("tonumber", 0): _number,
    ("tojson", 0): lambda value: text_of(value, quoted=True),
    ("fromjson", 0): _from_json,
    ("ascii_downcase", 0): lambda value: value.lower(),
    ("ascii_upcase", 0): lambda value: value.upper(),
    ("join", 1): _join,
    ("split", 1): lambda value, by: value.split(by) if by else list(value),
    ("startswith", 1): lambda value, part: value.startswith(part),
    ("endswith", 1): lambda value, part: value.endswith(part),
    ("ltrimstr", 1): lambda value, part: value.removeprefix(part) if isinstance(value, str) else value,
    ("rtrimstr", 1): lambda value, part: value.removesuffix(part) if isinstance(value, str) else value,
    ("trim", 0): lambda value: value.strip(),
    ("test", 1): _test,
    ("test", 2): _test,
    ("sub", 2): _sub(1),
    ("gsub", 2): _sub(0),
    ("contains", 1): _contains,
    ("inside", 1): lambda value, whole_: _contains(whole_, value),
    ("has", 1): _has,
    ("in", 1): lambda value, of: _has(of, value),
    ("index", 1): lambda value, part: next(iter(_indices(value, part)), None),
    ("rindex", 1): lambda value, part: next(reversed(_indices(value, part)), None),
    ("indices", 1): _indices,
    ("sort", 0): lambda value: sorted(value, key=rank),
    ("unique", 0): _unique,
    ("reverse", 0): lambda value: value[::-1] if value is not None else [],
    ("min", 0): lambda value: min(value, key=rank, default=None),
    ("max", 0): lambda value: max(value, key=rank, default=None),
    ("first", 0): lambda value: value[0] if value else None,
    ("last", 0): lambda value: value[-1] if value else None,
    ("nth", 1): lambda value, at: value[int(at)] if int(at) < len(value) else None,
    ("any", 0): lambda value: any(map(truth, value)),
    ("all", 0): lambda value: all(map(truth, value)),
    ("flatten", 0): _flatten,
    ("flatten", 1): _flatten,
    ("floor", 0): lambda value: math.floor(value),
    ("ceil", 0): lambda value: math.ceil(value),
    ("round", 0): lambda value: math.floor(value + 0.5),
    ("sqrt", 0): lambda value: whole(math.sqrt(value)),
    ("abs", 0): lambda value: abs(value),
    ("error", 0): lambda value: _fail(value, value),
    ("error", 1): _fail,
    ("ascii", 0): lambda value: chr(int(value)),
    ("explode", 0): lambda value: [ord(char) for char in value],
    ("implode", 0): lambda value: "".join(map(chr, value)),
    ("utf8bytelength", 0): lambda value: len(value.encode()),
}
