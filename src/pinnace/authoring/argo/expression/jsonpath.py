"""JSONPath as Kubernetes clients write it (`{.metadata.name}`, `$.a[0]`, `$..b`, `[?(@.x=="y")]`, `[*]`).

Callers: the `jsonpath` built-in and the outputs and conditions of resource templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pinnace.authoring.argo.expression.errors import ExpressionError

_STEP = re.compile(
    r"""
      \.\.(?P<deep>\*|[\w$-]+)
    | \.(?P<name>\*|(?:[\w$/-]|\\.)+)
    | \[\?\((?P<filter>[^)]*)\)\]
    | \[(?P<quoted>'[^']*'|"[^"]*")\]
    | \[(?P<star>\*)\]
    | \[(?P<slice>-?\d*:-?\d*)\]
    | \[(?P<index>-?\d+)\]
    """,
    re.VERBOSE,
)
_TEST = re.compile(r"""^\s*@(?P<path>[^\s=!<>]*)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>.+?))?\s*$""")


def find(document: Any, path: str) -> list[Any]:
    """Every value that the path names. Raises ExpressionError where the path is not in the language."""
    body = path.strip()
    if body.startswith("{") and body.endswith("}"):
        body = body[1:-1].strip()
    body = body.removeprefix("$")
    if body and body[0] not in ".[":
        body = f".{body}"
    values = [document]
    at = 0
    while at < len(body):
        match = _STEP.match(body, at)
        if match is None:
            raise ExpressionError(f"JSONPath {path!r} cannot be read at {body[at:]!r}")
        values = [found for value in values for found in _step(value, match)]
        at = match.end()
    return values


def _step(value: Any, match: re.Match[str]) -> Iterator[Any]:
    kind, part = match.lastgroup, match.group(match.lastgroup or 0)
    if kind == "deep":
        for inner in _descend(value):
            yield from _named(inner, part)
    elif kind in ("name", "star"):
        yield from _named(value, part.replace("\\", ""))
    elif kind == "quoted":
        yield from _named(value, part[1:-1])
    elif kind == "filter":
        yield from (item for item in _children(value) if _passes(item, part))
    elif isinstance(value, list) and kind == "index":
        if -len(value) <= int(part) < len(value):
            yield value[int(part)]
    elif isinstance(value, list):
        start, stop = part.split(":")
        yield from value[int(start) if start else None : int(stop) if stop else None]


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _named(value: Any, name: str) -> Iterator[Any]:
    if name == "*":
        yield from _children(value)
    elif isinstance(value, dict) and name in value:
        yield value[name]


def _descend(value: Any) -> Iterator[Any]:
    yield value
    for child in _children(value):
        yield from _descend(child)


def definite(path: str) -> bool:
    """Whether a path can name one value at most."""
    return not re.search(r"\.\.|\*|\[\?|\[-?\d*:", path)


def _passes(item: Any, test: str) -> bool:
    if "||" in test:
        return any(_passes(item, part) for part in test.split("||"))
    if "&&" in test:
        return all(_passes(item, part) for part in test.split("&&"))
    match = _TEST.match(test)
    if match is None:
        raise ExpressionError(f'JSONPath filter {test!r} is not understood; write for example @.name=="x"')
    found = find(item, match["path"])
    if match["op"] is None:
        return bool(found)
    return bool(found) and _compare(found[0], match["op"], _literal(match["value"]))


def _literal(text: str) -> Any:
    if text[:1] in "'\"":
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _compare(left: Any, op: str, right: Any) -> bool:
    if op in ("==", "!="):
        return (left == right) is (op == "==")
    try:
        return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[op])
    except TypeError:
        return False
