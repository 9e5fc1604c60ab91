"""The paths in which a trial template says when its run is over.

`status.conditions.#(type=="Complete")#|#(status=="True")#` selects of an object; a hit is an object or a
non-empty list. The subset of GJSON that conditions are written in: keys, indexes, `#`, `#(…)` for the first
and `#(…)#` for all that match, `[a,b]` for the list of what several paths select, `@this`; joined by `.` or
`|`. Called by `trial`. Source: tidwall/gjson.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_QUERY = re.compile(r"\s*([^=!<>%]*?)\s*(==|!=|<=|>=|<|>|!%|%|=)\s*(.*?)\s*\Z")


def hit(path: str, obj: Any) -> dict[str, Any] | None:
    """What the condition has found, as a condition of the run ({} if it is something else), or None."""
    found = select(path, obj)
    if isinstance(found, list):
        found = found[0] if found else None
    if found is None or found is False:
        return None
    return found if isinstance(found, dict) else {}


def select(path: str, value: Any) -> Any:
    for step in _steps(path):
        value = _taken(step, value)
        if value is None:
            return None
    return value


@lru_cache(256)
def _steps(path: str) -> tuple[str, ...]:
    """Split at `.` and `|` outside of parentheses and quotes; a backslash takes the next character as it
    is."""
    steps, current, depth, quoted, at = [], "", 0, False, 0
    while at < len(path):
        char = path[at]
        if char == "\\" and at + 1 < len(path):
            current += path[at + 1]
            at += 2
            continue
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "([") - (char in ")]")
        if char in ".|" and not depth and not quoted:
            steps.append(current)
            current = ""
        else:
            current += char
        at += 1
    return (*steps, current)


def _taken(step: str, value: Any) -> Any:
    if step == "@this":
        return value
    if step.startswith("[") and step.endswith("]"):
        found = (select(path.strip(), value) for path in step[1:-1].split(","))
        return [one for one in found if one is not None]
    if step.startswith("#(") and isinstance(value, list):
        every = step.endswith(")#")
        matches = [one for one in value if _matches(step[2:].removesuffix("#").removesuffix(")"), one)]
        return matches if every else next(iter(matches), None)
    if step == "#":
        return len(value) if isinstance(value, list) else None
    if isinstance(value, list):
        return value[int(step)] if step.isdigit() and int(step) < len(value) else None
    return value.get(step) if isinstance(value, dict) else None


def _matches(query: str, value: Any) -> bool:
    parsed = _QUERY.match(query)
    if parsed is None:
        return select(query, value) is not None
    path, operator, text = parsed.groups()
    found = select(path, value) if path else value
    return found is not None and _OPERATORS[operator](found, _literal(text))


def _literal(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"')
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def judged(found: Any, wanted: Any) -> bool:
        same = isinstance(found, str) == isinstance(wanted, str)
        return same and compare(found, wanted)

    return judged


def _like(found: Any, wanted: Any) -> bool:
    return isinstance(found, str) and fnmatch.fnmatchcase(found, str(wanted))


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda found, wanted: found == wanted,
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "<": _ordered(lambda found, wanted: found < wanted),
    "<=": _ordered(lambda found, wanted: found <= wanted),
    ">": _ordered(lambda found, wanted: found > wanted),
    ">=": _ordered(lambda found, wanted: found >= wanted),
    "%": _like,
    "!%": lambda found, wanted: not _like(found, wanted),
}
