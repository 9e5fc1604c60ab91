"""Strategic merge patch: a merge patch that knows lists, driven by the schema's patch strategies and keys.

Called by `Local.patch` for built-in kinds only. Directives: `$patch` (delete, replace, merge), `$retainKeys`,
`$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`. Source of the rules: kubernetes/apimachinery
pkg/util/strategicpatch and community contributors/devel/sig-api-machinery/strategic-merge-patch.md.
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.schema import Node
from pinnace.objects import refusals
from pinnace.objects.document import clone
from pinnace.objects.errors import StatusError

Map = dict[str, Any]
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_RETAIN = "$retainKeys"
_PATCH = "$patch"


def apply(document: Map, patch: Any, node: Node | None) -> Map:
    """A new document; untouched branches are shared with the old one. StatusError 400: not such a patch."""
    if not isinstance(patch, dict):
        raise refusals.bad_request("error decoding patch: a strategic merge patch is a JSON object")
    return _map(document, clone(patch), node)


def _map(target: Map, patch: Map, node: Node | None) -> Map:
    directive = patch.pop(_PATCH, None)
    if directive == "replace":
        kept: Map = _without_nulls(patch)
        return kept
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise _bad(f"Unknown patch type found: {directive}")
    result = _retained(target, patch)
    for key in [key for key in patch if key.startswith(_DELETE_FROM)]:
        _delete_primitives(result, key.removeprefix(_DELETE_FROM), patch.pop(key))
    orders = {key.removeprefix(_ORDER): patch.pop(key) for key in list(patch) if key.startswith(_ORDER)}
    for key, value in patch.items():
        _field(result, key, value, _below(node, key), orders.pop(key, None))
    for key, order in orders.items():
        if isinstance(result.get(key), list):
            result[key] = _ordered(result[key], result[key], order, _below(node, key))
    return result


def _retained(target: Map, patch: Map) -> Map:
    keys = patch.pop(_RETAIN, None)
    if keys is None:
        return dict(target)
    if not isinstance(keys, list):
        raise _bad("$retainKeys must be a list of field names")
    return {key: value for key, value in target.items() if key in keys}


def _delete_primitives(result: Map, key: str, values: Any) -> None:
    if not isinstance(values, list):
        raise _bad(f"{_DELETE_FROM}{key} must be a list")
    if isinstance(result.get(key), list):
        result[key] = [value for value in result[key] if value not in values]


def _field(result: Map, key: str, value: Any, node: Node | None, order: Any) -> None:
    if value is None:
        result.pop(key, None)
        return
    present = result.get(key)
    strategies = (node.patch_strategy if node else "").split(",")
    if isinstance(value, dict):
        keep = isinstance(present, dict) and "replace" not in strategies
        result[key] = _map(present if keep and isinstance(present, dict) else {}, value, node)
    elif isinstance(value, list) and "merge" in strategies:
        result[key] = _list(present if isinstance(present, list) else [], value, node, order)
    else:
        result[key] = value


def _list(target: list[Any], patch: list[Any], node: Node | None, order: Any) -> list[Any]:
    if not (node and node.patch_key):
        added = [value for value in patch if value not in target]
        return _ordered(target + added, target, order or patch, node)
    maps = [item for item in patch if isinstance(item, dict)]
    if len(maps) != len(patch):
        raise _bad("a list of objects is patched with objects")
    if any(item.get(_PATCH) == "replace" for item in maps):
        return [_without_nulls(item) for item in maps if item.get(_PATCH) != "replace"]
    return _ordered(_merged_items(target, maps, node), target, order or maps, node)


def _merged_items(target: list[Any], patch: list[Map], node: Node) -> list[Any]:
    key, result = node.patch_key, list(target)
    for item in patch:
        if key not in item:
            raise _bad(f"map: {cause.shown(item)} does not contain declared merge key: {key}")
        same = [i for i, old in enumerate(result) if isinstance(old, dict) and old.get(key) == item[key]]
        if item.get(_PATCH) == "delete":
            result = [old for i, old in enumerate(result) if i not in same]
        elif same:
            result[same[0]] = _map(result[same[0]], item, node.items)
        else:
            result.append(_map({}, item, node.items))
    return result


def _ordered(items: list[Any], server: list[Any], order: Any, node: Node | None) -> list[Any]:
    """Bring the items that the client named into its order; what only the server has keeps its place, behind
    what is new (apimachinery's `mergeSortedSlice`)."""
    if not isinstance(order, list):
        raise _bad("$setElementOrder must be a list")
    key = node.patch_key if node else ""
    wanted = [_identity(item, key) for item in order]
    before = [_identity(item, key) for item in server]
    named = sorted(
        (i for i in items if _identity(i, key) in wanted), key=lambda i: wanted.index(_identity(i, key))
    )
    others = [item for item in items if _identity(item, key) not in wanted]
    result: list[Any] = []
    while named and others:
        left, right = _identity(others[0], key), _identity(named[0], key)
        first = left in before and right in before and before.index(left) < before.index(right)
        result.append((others if first else named).pop(0))
    return result + named + others


def _identity(item: Any, key: str) -> str:
    if key and isinstance(item, dict):
        item = item.get(key)
    return cause.shown(item)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None and k != _PATCH}
    return value


def _below(node: Node | None, key: str) -> Node | None:
    if node is None:
        return None
    return (node.properties or {}).get(key) or node.additional


def _bad(message: str) -> StatusError:
    return refusals.bad_request(f"invalid strategic merge patch: {message}")
