"""Fields that a schema does not know: named for strict validation, dropped before storing.

`objects/` calls both functions for every write. A place is unknown when its object lists properties, has no
schema for further keys and does not keep unknown ones (kubernetes/apiextensions-apiserver, structural
pruning; for built-in kinds what Go's decoder would not find in the struct).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .resource import Obj
from .schema import Node
from .soundness import clean

EMBEDDED = frozenset(("apiVersion", "kind", "metadata"))


def unknown_fields(node: Node, obj: Obj) -> list[str]:
    """Paths as the strict decoder spells them: `spec.templates[0].containr`."""
    return [] if clean(node)(obj) else sorted(_unknown(node, obj, ""))


def unknown_below(node: Node, value: Any) -> list[str]:
    """The same for a value that is no whole object (a default)."""
    return sorted(_unknown(node, value, ""))


def prune(node: Node, obj: Obj) -> Obj:
    """The object without its unknown fields; where upstream decodes into Go types, without nulls too.

    What needs no change is shared with the input, which is never mutated."""
    if clean(node)(obj):
        return obj
    pruner = node.tool("pruned", _pruner)
    pruned: Obj = pruner(obj) if pruner is not None else obj
    return pruned


def _allowed(node: Node) -> frozenset[str]:
    names = frozenset(node.properties or ())
    return names | EMBEDDED if node.embedded else names


def closed(node: Node) -> bool:
    """Is every key that is not listed here unknown? In a place for a list or a string every key is."""
    return node.type != "" and node.additional is None and not node.preserve_unknown


def _unknown(node: Node, value: Any, path: str) -> Iterator[str]:
    if type(value) is list and node.items is not None:
        for index, one in enumerate(value):
            yield from _unknown(node.items, one, f"{path}[{index}]")
    elif type(value) is dict:
        shut, allowed = closed(node), _allowed(node)
        for key, one in value.items():
            below = f"{path}.{key}" if path else key
            child = node.at(key)
            if child is not None:
                yield from _unknown(child, one, below)
            elif shut and key not in allowed:
                yield below


Pruner = Callable[[Any], Any]


def _pruner(node: Node) -> Pruner | None:
    """A function from a value to its pruned form (the same object if nothing is to go); None: never
    anything."""
    if node.type == "array":
        inner = node.items.tool("pruned", _pruner) if node.items is not None else None
        return lambda value: _without(value) if type(value) is dict else _over_list(inner, value)
    if node.type == "" and node.properties is None and node.additional is None:
        return None
    return _object_pruner(node)


def _without(value: dict[str, Any]) -> dict[str, Any]:
    """An object where none may stand keeps no key; validation then names its type."""
    return {} if value else value


def _over_list(inner: Pruner | None, value: Any) -> Any:
    if type(value) is not list or inner is None:
        return value
    out = value
    for index, one in enumerate(value):
        pruned = inner(one)
        if pruned is not one:
            if out is value:
                out = list(value)
            out[index] = pruned
    return out


def _object_pruner(node: Node) -> Pruner:
    known = node.properties or {}
    pruners = {key: child.tool("pruned", _pruner) for key, child in known.items()}
    rest = node.additional.tool("pruned", _pruner) if node.additional is not None else None
    allowed, shut, decoded = _allowed(node), closed(node), bool(node.go)
    texts = frozenset(key for key, child in known.items() if decoded and _holds_texts(child))

    def goes(key: str, one: Any) -> bool:
        if key not in allowed and shut:
            return True
        child = known.get(key, node.additional)
        return one is None and (decoded or (child is not None and not child.nullable))

    def pruned(value: Any) -> Any:
        if type(value) is not dict:
            return value
        out = value
        for key, one in value.items():
            if goes(key, one):
                out = dict(value) if out is value else out
                del out[key]
                continue
            inner = _filled if key in texts else pruners.get(key, rest if key not in allowed else None)
            if inner is not None and (new := inner(one)) is not one:
                out = dict(value) if out is value else out
                out[key] = new
        return out

    return pruned


def _holds_texts(node: Node) -> bool:
    return node.additional is not None and node.additional.type == "string"


def _filled(value: Any) -> Any:
    """Go decodes a null in a map of strings to an empty one."""
    if type(value) is dict and None in value.values():
        return {key: "" if one is None else one for key, one in value.items()}
    return value
