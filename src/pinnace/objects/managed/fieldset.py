"""Sets of field paths as tries: the same shape as FieldsV1, so that nothing is converted but the leaves.

A set is a map from path elements (`f:name`, `k:{"name":"x"}`, `v:"x"`) to sets; the key "." in a set says
that its own path is a member. Sets are values: no function changes its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

Set = dict[str, Any]
HERE = "."
MEMBER: Set = {HERE: {}}


def union(a: Set, b: Set) -> Set:
    if not a or not b:
        return a or b
    result = dict(a)
    for key, inner in b.items():
        result[key] = union(result[key], inner) if key != HERE and key in result else inner
    return result


def difference(a: Set, b: Set) -> Set:
    """Members of `a` that are not members of `b`."""
    if not b:
        return a
    result: Set = {}
    for key, inner in a.items():
        if key == HERE:
            if HERE not in b:
                result[key] = inner
        elif rest := difference(inner, b[key]) if key in b else inner:
            result[key] = rest
    return result


def intersection(a: Set, b: Set) -> Set:
    result: Set = {}
    for key in a.keys() & b.keys():
        if key == HERE:
            result[key] = {}
        elif inner := intersection(a[key], b[key]):
            result[key] = inner
    return result


def paths(tree: Set, above: str = "") -> Iterator[str]:
    """Every member as people read it: `.spec.containers[name="main"].image`, in order."""
    if HERE in tree:
        yield above
    for key in sorted(key for key in tree if key != HERE):
        yield from paths(tree[key], above + _spoken(key))


def _spoken(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        keys = msgspec.json.decode(rest)
        return "[" + ",".join(f"{key}={_json(keys[key])}" for key in sorted(keys)) + "]"
    return f"[={rest}]" if kind == "v" else f"[{rest}]"


def cut(tree: Set, path: list[str]) -> Set:
    """Without a whole branch."""
    key, *rest = field(path[0]), *path[1:]
    if key not in tree:
        return tree
    inner = cut(tree[key], rest) if rest else {}
    return {name: inner if name == key else tree[name] for name in tree if name != key or inner}


def field(name: str) -> str:
    return f"f:{name}"


def keyed(keys: dict[str, Any]) -> str:
    return f"k:{_json(keys)}"


def valued(value: Any) -> str:
    return f"v:{_json(value)}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def to_fields(tree: Set) -> Set:
    """FieldsV1: a member without children is `{}`, one with children holds "."."""
    return {
        key: {} if key == HERE or inner == MEMBER else to_fields(inner) for key, inner in sorted(tree.items())
    }


def from_fields(fields: Any) -> Set:
    """The set that a FieldsV1 names. ValueError: it is none."""
    if not isinstance(fields, dict):
        raise ValueError("fieldsV1 is an object")
    result: Set = {}
    for key, inner in fields.items():
        if key == HERE:
            result[HERE] = {}
            continue
        if key[:2] not in ("f:", "k:", "v:", "i:") or not isinstance(inner, dict):
            raise ValueError(f"fieldsV1 holds {key!r}, which is no path element")
        element = _canonical(key)
        result[element] = dict(MEMBER) if not inner else from_fields(inner)
    return result


def _canonical(element: str) -> str:
    """Keys of list items sorted and compact, whatever wrote them."""
    if element[0] not in "kv":
        return element
    try:
        value = msgspec.json.decode(element[2:])
    except msgspec.DecodeError as error:
        raise ValueError(f"fieldsV1 holds {element!r}, which is no path element") from error
    if element[0] == "k" and not isinstance(value, dict):
        raise ValueError(f"fieldsV1 holds {element!r}, which is no path element")
    return keyed(value) if element[0] == "k" else valued(value)
