"""Walks of a document by its schema: its field set, its differences to another, merging, removing.

A place without a schema is judged by its value: maps are granular, lists atomic. Called by `ownership`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds.schema import Node
from pinnace.objects.managed import fieldset
from pinnace.objects.managed.fieldset import HERE, MEMBER, Set
from pinnace.objects.patches.pointer import same

_OWNER = Node(type="object", map_type="atomic")
_STRINGS = Node(type="object", additional=Node(type="string"))
METADATA = Node(
    type="object",
    properties={
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "finalizers": Node(type="array", list_type="set", items=Node(type="string")),
        "ownerReferences": Node(type="array", list_type="map", map_keys=("uid",), items=_OWNER),
    },
)
ABSENT = object()


def rooted(node: Node | None) -> Node:
    """The schema of a whole object: its metadata is the same for every kind."""
    properties = dict((node.properties if node else None) or {})
    for name in ("apiVersion", "kind"):
        properties.setdefault(name, Node(type="string"))
    properties["metadata"] = METADATA
    return Node(
        type="object",
        properties=properties,
        additional=node.additional if node else None,
        preserve_unknown=bool(node is None or node.preserve_unknown),
    )


def below(node: Node | None, key: str) -> tuple[Node | None, bool]:
    """Schema of a map's key, and whether it is a named field."""
    if node is None:
        return None, False
    found = (node.properties or {}).get(key)
    return (found, True) if found is not None else (node.additional, False)


def granular(node: Node | None, value: Any) -> bool:
    """A map whose keys are owned one by one, or a list whose items are."""
    if isinstance(value, dict):
        return node is None or node.map_type != "atomic"
    return isinstance(value, list) and node is not None and node.list_type in ("set", "map")


def element(node: Node, item: Any) -> str | None:
    """The path element of an item of a set or map list; None: its keys are missing."""
    if node.list_type == "set":
        return fieldset.valued(item)
    if not isinstance(item, dict):
        return None
    keys = {}
    for key in node.map_keys:
        if key in item:
            keys[key] = item[key]
        elif node.items and node.items.properties and key in node.items.properties:
            default = node.items.properties[key].default
            if default is not msgspec.UNSET:
                keys[key] = default
    return fieldset.keyed(keys) if keys else None


def indexed(node: Node, items: list[Any] | None) -> dict[str, Any]:
    """Items by path element in order; repeated ones count once."""
    found: dict[str, Any] = {}
    for position, item in enumerate(items or []):
        found.setdefault(element(node, item) or f"i:{position}", item)
    return found


def field_set(node: Node | None, value: Any) -> Set:
    """What a document that is applied claims."""
    if not granular(node, value):
        return MEMBER
    result: Set = {}
    if isinstance(value, dict):
        for key, inner in value.items():
            child, named = below(node, key)
            owned = field_set(child, inner)
            if not named or inner is None or inner == {}:
                owned = {**owned, HERE: {}}
            if owned:
                result[fieldset.field(key)] = owned
    elif node is not None:
        for key, inner in indexed(node, value).items():
            result[key] = {**field_set(node.items, inner), HERE: {}}
    return result


class Difference(msgspec.Struct):
    added: Set
    modified: Set
    removed: Set

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)

    def graft(self, key: str, inner: Difference) -> None:
        for mine, theirs in (
            (self.added, inner.added),
            (self.modified, inner.modified),
            (self.removed, inner.removed),
        ):
            if theirs:
                mine[key] = theirs


def compare(node: Node | None, old: Any, new: Any) -> Difference:
    """What changed from `old` to `new`; ABSENT on a side means that it is not there."""
    result = Difference({}, {}, {})
    sides = [side for side in (old, new) if side is not ABSENT and side is not None]
    alike = len({type(side) for side in sides}) == 1
    if not (alike and any(sides) and all(granular(node, side) for side in sides)):
        _leaf(result, old, new)
        return result
    for key, child, before, after in _pairs(node, old, new):
        if before is not after:
            result.graft(key, compare(child, before, after))
    if old is ABSENT:
        result.added[HERE] = {}
    elif new is ABSENT:
        result.removed[HERE] = {}
    return result


def _leaf(result: Difference, old: Any, new: Any) -> None:
    if old is ABSENT:
        result.added[HERE] = {}
    elif new is ABSENT:
        result.removed[HERE] = {}
    elif not same(old, new):
        result.modified[HERE] = {}


def _pairs(node: Node | None, old: Any, new: Any) -> list[tuple[str, Node | None, Any, Any]]:
    old, new = (None if side is ABSENT else side for side in (old, new))
    if isinstance(old, dict) or isinstance(new, dict):
        old, new = old or {}, new or {}
        return [
            (fieldset.field(key), below(node, key)[0], old.get(key, ABSENT), new.get(key, ABSENT))
            for key in {**old, **new}
        ]
    if node is None:
        return []
    before, after = indexed(node, old), indexed(node, new)
    return [(key, node.items, before.get(key, ABSENT), after.get(key, ABSENT)) for key in {**before, **after}]


def merge(node: Node | None, live: Any, config: Any) -> Any:
    """The live document with the applied one laid over it; unchanged branches are shared."""
    if not (granular(node, live) and granular(node, config)) or isinstance(live, dict) != isinstance(
        config, dict
    ):
        return config
    if isinstance(live, dict):
        result = dict(live)
        for key, value in config.items():
            child, _ = below(node, key)
            result[key] = merge(child, live[key], value) if key in live else value
        return result
    return _merged_list(node, live, config) if node is not None else config


def _merged_list(node: Node, live: list[Any], config: list[Any]) -> list[Any]:
    """Applied items come in the applied order; items that only live has keep their place between them."""
    old, new = indexed(node, live), indexed(node, config)
    shared = [key for key in new if key in old]
    result: list[Any] = []
    waiting, wanted = list(old), list(new)
    while waiting or wanted:
        if waiting and waiting[0] not in new:
            result.append(old[waiting.pop(0)])
        elif waiting and (not wanted or waiting[0] != wanted[0]) and (not shared or waiting[0] != shared[0]):
            waiting.pop(0)
        elif wanted:
            key = wanted.pop(0)
            result.append(merge(node.items, old[key], new[key]) if key in old else new[key])
            if shared and shared[0] == key:
                shared.pop(0)
            if waiting and waiting[0] == key:
                waiting.pop(0)
        else:
            waiting.pop(0)
    return result


def remove(node: Node | None, value: Any, gone: Set) -> Any:
    """The document without the fields of a set; ABSENT when a map or list loses its last one."""
    if not gone or not granular(node, value) or not value:
        return value
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for key, inner in value.items():
            rest = _without(below(node, key)[0], inner, gone.get(fieldset.field(key), {}))
            if rest is not ABSENT:
                kept[key] = rest
        return kept if kept else ABSENT
    if node is None:
        return value
    items = [
        _without(node.items, item, gone.get(element(node, item) or f"i:{position}", {}))
        for position, item in enumerate(value)
    ]
    left = [item for item in items if item is not ABSENT]
    return left if left else ABSENT


def _without(node: Node | None, value: Any, gone: Set) -> Any:
    return ABSENT if HERE in gone else remove(node, value, gone)


def with_named_parents(node: Node | None, tree: Set) -> Set:
    """Named fields on the way to a member become members, so that a struct goes when its last field goes."""
    result: Set = {}
    for key, inner in tree.items():
        if key == HERE:
            result[key] = {}
        elif key.startswith("f:"):
            child, named = below(node, key[2:])
            grown = with_named_parents(child, inner)
            result[key] = {**grown, HERE: {}} if named else grown
        else:
            result[key] = with_named_parents(node.items if node else None, inner)
    return result
