"""Whether a path exists in a JSON document: the part of GJSON that conditions of graphs are written in.

Pure. Source of the language: tidwall/gjson SYNTAX.md (paths, wildcards, `#`, queries, `@this`, multipaths).
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

NOTHING: Any = object()
OPERATORS = ("==", "!=", "<=", ">=", "!%", "<", ">", "%", "=")
BRACKETS = {"(": ")", "[": "]", "{": "}"}


class Unreadable(ValueError):
    """The condition uses what is not understood here; the text says where."""


def exists(document: Any, path: str) -> bool:
    return find(document, path) is not NOTHING


def find(value: Any, path: str) -> Any:
    """What the path leads to, or NOTHING."""
    steps = split(path)
    for index, step in enumerate(steps):
        if value is NOTHING:
            return NOTHING
        rest = steps[index + 1 :]
        if step == "#" and isinstance(value, list):
            return gathered(value, rest)
        if step.startswith("#(") and step.endswith(")#") and isinstance(value, list):
            chosen = [each for each in value if matches(each, step[2:-2])]
            return gathered(chosen, rest) if rest else chosen
        value = one(value, step)
    return value


def gathered(values: list[Any], rest: tuple[str, ...]) -> Any:
    """`list.#` is its length, `list.#.name` all the names."""
    if not rest:
        return len(values)
    found = (find(each, ".".join(rest)) for each in values)
    return [each for each in found if each is not NOTHING]


def one(value: Any, step: str) -> Any:
    if step == "@this":
        return value
    if step.startswith("@"):
        raise Unreadable(f"the modifier {step} is not known here; only @this is")
    if step[:1] == "[" and step[-1:] == "]":
        return [f for part in split(step[1:-1], ",") if (f := find(value, part)) is not NOTHING]
    if isinstance(value, list):
        return of_list(value, step)
    return of_object(value, step) if isinstance(value, dict) else NOTHING


def of_list(value: list[Any], step: str) -> Any:
    if step.startswith("#(") and step.endswith(")"):
        return next((each for each in value if matches(each, step[2:-1])), NOTHING)
    if step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return NOTHING


def of_object(value: dict[str, Any], step: str) -> Any:
    plain = re.sub(r"\\(.)", r"\1", step)
    if plain in value:
        return value[plain]
    if "*" not in step and "?" not in step:
        return NOTHING
    return next((entry for key, entry in value.items() if like(key, step)), NOTHING)


def matches(value: Any, query: str) -> bool:
    path, operator, wanted = parsed(query)
    found = find(value, path) if path else value
    if found is NOTHING or not operator:
        return found is not NOTHING
    if isinstance(found, bool):
        return compared_bool(found, operator, wanted)
    if isinstance(found, str):
        return compared(found, operator, wanted)
    if isinstance(found, (int, float)):
        return operator not in ("%", "!%") and compared(float(found), operator, number(wanted))
    return False


def compared(found: Any, operator: str, wanted: Any) -> bool:
    match operator:
        case "==" | "=":
            return bool(found == wanted)
        case "!=":
            return bool(found != wanted)
        case "<":
            return bool(found < wanted)
        case "<=":
            return bool(found <= wanted)
        case ">":
            return bool(found > wanted)
        case ">=":
            return bool(found >= wanted)
    return like(found, wanted) == (operator == "%")


def compared_bool(found: bool, operator: str, wanted: str) -> bool:
    """As gjson does it: false is less than true, and only those two words are compared."""
    said = str(found).lower()
    match operator:
        case "==" | "=":
            return wanted == said
        case "!=":
            return wanted != said
        case ">":
            return found and wanted == "false"
        case "<":
            return not found and wanted == "true"
        case ">=":
            return found
        case "<=":
            return not found
    return False


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@lru_cache(512)
def pattern(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(p, re.escape(p[-1])) for p in parts), re.DOTALL)


def like(text: str, wildcard: str) -> bool:
    return pattern(wildcard).fullmatch(text) is not None


@lru_cache(512)
def parsed(query: str) -> tuple[str, str, str]:
    """`age>=40` → ("age", ">=", "40"); the operator stands outside of brackets and quotes."""
    for index, letter in outside(query):
        found = next((each for each in OPERATORS if query.startswith(each, index)), "")
        if letter in "=!<>%" and found:
            return query[:index].strip(), found, unquoted(query[index + len(found) :].strip())
    return query.strip(), "", ""


def unquoted(text: str) -> str:
    if text[:1] != '"':
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')


@lru_cache(512)
def split(path: str, separators: str = ".|") -> tuple[str, ...]:
    """The steps of a path; separators inside brackets, quotes and after a backslash are part of a step."""
    cuts = [index for index, letter in outside(path) if letter in separators]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, len(path)]
    return tuple(step for a, b in zip(starts, ends, strict=True) if (step := path[a:b]))


def outside(text: str) -> list[tuple[int, str]]:
    """The letters (and where) that stand in no brackets or quotes and are not escaped."""
    found, closing, quoted, escaped = [], list[str](), False, False
    for index, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter in BRACKETS:
            closing.append(BRACKETS[letter])
        elif closing and letter == closing[-1]:
            closing.pop()
        elif not closing:
            found.append((index, letter))
    if closing or quoted:
        raise Unreadable(f"{text}: a bracket or quote is not closed")
    return found
