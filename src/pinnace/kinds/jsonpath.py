"""The JSONPath of printer columns (kubernetes/client-go util/jsonpath): fields, indexes, filters.

`.status.conditions[?(@.type=='Ready')].status`, `.spec.components[*].name`, `.items[-1:].type`,
`.metadata.labels['app\\.io/name']`. `tables.py` and the resource templates of workflows call `find`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Step = Callable[[list[Any]], list[Any]]
TOKEN = re.compile(
    r"\.\.(?P<deep>[\w-]+)"
    r"|\.?\[\?\((?P<filter>.*?)\)\]"
    r"|\.?\[(?P<inside>(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\]])*)\]"
    r"|\.\*"
    r"|\.?(?P<field>(?:\\.|[^.\[\]\\])+)"
    r"|\."
)
FILTER = re.compile(r"\s*@(?P<left>\S*?)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<right>.+?))?\s*\Z")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}


def find(path: str, value: Any) -> list[Any]:
    """Everything the path names in the value. ValueError: not a path."""
    found = [value]
    for step in parsed(path):
        found = step(found)
    return found


@lru_cache(maxsize=1024)
def parsed(path: str) -> tuple[Step, ...]:
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    text = text.removeprefix("$").removeprefix("@")
    steps: list[Step] = []
    place = 0
    while place < len(text):
        token = TOKEN.match(text, place)
        if token is None:
            raise ValueError(f"not a JSONPath: {path!r}, from character {place + 1} on: {text[place:]!r}")
        place = token.end()
        if token[0] != ".":
            steps.append(_step(token))
    return tuple(steps)


def _step(token: re.Match[str]) -> Step:
    if token["deep"]:
        return _deep(token["deep"])
    if token["filter"] is not None:
        return _filter(token["filter"])
    if token["inside"] is not None:
        return _inside(token["inside"].strip())
    if token["field"] in (None, "*"):
        return _every
    return _field(re.sub(r"\\(.)", r"\1", token["field"]))


def _field(name: str) -> Step:
    return lambda found: [one[name] for one in found if isinstance(one, dict) and name in one]


def _every(found: list[Any]) -> list[Any]:
    out: list[Any] = []
    for one in found:
        out += one if isinstance(one, list) else one.values() if isinstance(one, dict) else ()
    return out


def _deep(name: str) -> Step:
    def step(found: list[Any]) -> list[Any]:
        out: list[Any] = []
        for one in found:
            if isinstance(one, dict) and name in one:
                out.append(one[name])
            out += step(_every([one]))
        return out

    return step


def _inside(text: str) -> Step:
    if text == "*":
        return _every
    if text[:1] in ("'", '"'):
        return _field(re.sub(r"\\(.)", r"\1", text[1:-1]))
    if ":" in text:
        parts = [int(part) if part.strip() else None for part in text.split(":")]
        return lambda found: [inner for one in found if isinstance(one, list) for inner in one[slice(*parts)]]
    place = int(text)
    return lambda found: [
        one[place] for one in found if isinstance(one, list) and -len(one) <= place < len(one)
    ]


def _filter(text: str) -> Step:
    shape = FILTER.match(text)
    if shape is None:
        raise ValueError(f"not a JSONPath filter: {text!r}")
    left, compare = shape["left"], COMPARE.get(shape["op"] or "")
    right = _literal(shape["right"]) if compare else None

    def passes(one: Any) -> bool:
        values = find(left, one)
        if compare is None:
            return bool(values)
        try:
            return bool(values) and compare(values[0], right)
        except TypeError:
            return False

    return lambda found: [
        inner for one in found if isinstance(one, list) for inner in one if passes(inner)
    ]


def _literal(text: str) -> Any:
    if text[:1] in ("'", '"'):
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        return float(text)
