"""What upstream's decoding into Go makes of values: an item or a map's value that is null becomes its type's
zero, and a quantity is written as upstream writes it back (`1000m` is `"1"`).

Called by `writing` before a document is judged, on its own copy. (A null field of a struct is dropped by
`kinds.pruning`; custom resources keep their nulls for their schema to judge.)
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj
from pinnace.kinds.schema import Node

_ZEROS: dict[str, Any] = {"string": "", "boolean": False, "integer": 0, "number": 0}


def zeroed(node: Node, obj: Obj) -> None:
    """Changes the document: all of it for built-in kinds, else its metadata."""
    if node.go:
        _walk(node, obj)
        return
    metadata = node.at("metadata")
    if metadata is not None:
        _walk(metadata, obj.get("metadata"))


def _walk(node: Node | None, value: Any) -> None:
    if node is None or not isinstance(value, (dict, list)):
        return
    if isinstance(value, list):
        _each(node.items, value, range(len(value)))
    elif node.properties is None and node.additional is not None:
        _each(node.additional, value, list(value))
    else:
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                _walk(node.at(key), inner)


def _each(node: Node | None, holder: Any, keys: Any) -> None:
    if node is None:
        return
    for key in keys:
        if holder[key] is None and node.type:
            holder[key] = _zero(node)
        elif node.format == "quantity":
            if quantity.valid(holder[key]):  # what is none is refused by who decodes
                holder[key] = quantity.canonical(holder[key])
        else:
            _walk(node, holder[key])


def _zero(node: Node) -> Any:
    if node.type == "object":
        return {}
    return [] if node.type == "array" else _ZEROS[node.type]
