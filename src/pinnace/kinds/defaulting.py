"""Fill in what a schema says of fields that are absent.

`objects/` calls `default` on every write (and `api/` on what older versions stored). Semantics of structural
defaulting: a missing field takes its default, and so does a null where null is not allowed; defaults apply
inside what is there, never create an absent parent without a default of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .resource import Obj
from .schema import Node

Filler = Callable[[Any], Any]


def default(node: Node, obj: Obj) -> Obj:
    """The object with defaults. Unchanged parts are shared with the input, which is never mutated."""
    whole: Obj = filled(node, obj)
    return whole


def filled(node: Node, value: Any) -> Any:
    """`default` for any value."""
    filler = node.tool("default", _filler)
    return filler(value) if filler is not None else value


def copied(value: Any) -> Any:
    """A deep copy of JSON data."""
    if type(value) is dict:
        return {key: copied(one) for key, one in value.items()}
    if type(value) is list:
        return [copied(one) for one in value]
    return value


def _filler(node: Node) -> Filler | None:
    if node.items is not None:
        inner = node.items.tool("default", _filler)
        return None if inner is None else lambda value: _over_list(inner, value)
    if node.additional is None and node.properties is None:
        return None
    return _object_filler(node)


def _over_list(inner: Filler, value: Any) -> Any:
    if type(value) is not list:
        return value
    out = value
    for index, one in enumerate(value):
        filled = inner(one)
        if filled is not one:
            if out is value:
                out = list(value)
            out[index] = filled
    return out


def _object_filler(node: Node) -> Filler | None:
    fillers = {key: child.tool("default", _filler) for key, child in (node.properties or {}).items()}
    deep = {key: inner for key, inner in fillers.items() if inner is not None}
    own = tuple(
        (key, child.default, child.nullable, type(child.default) in (dict, list))
        for key, child in (node.properties or {}).items()
        if child.default is not msgspec.UNSET
    )
    rest = node.additional.tool("default", _filler) if node.additional is not None else None
    named = frozenset(node.properties or ())
    if not (own or deep or rest):
        return None

    def filled(value: Any) -> Any:
        if type(value) is not dict:
            return value
        out = value
        for key, preset, nullable, nested in own:
            if value.get(key) is None and not (nullable and key in value):
                out = dict(value) if out is value else out
                out[key] = copied(preset) if nested else preset
        for key in value if out is value else tuple(out):
            inner = deep.get(key) if rest is None or key in named else rest
            if inner is not None and (new := inner(out[key])) is not out[key]:
                out = dict(value) if out is value else out
                out[key] = new
        return out

    return filled
