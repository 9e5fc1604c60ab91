"""`fields`: which parts of an answer a client wants (`items.metadata.name`), or does not (`-status.nodes`).

Lists are passed through: `items.metadata.name` means the name of every item. Source of the rules: upstream
util/fields. Callers: the rooms that list, get and watch.
"""

from __future__ import annotations

from typing import Any

import msgspec

Tree = dict[str, "Tree"]


class Fields(msgspec.Struct, frozen=True):
    tree: Tree
    exclude: bool

    def wants(self, path: str) -> bool:
        """Whether any of what lies at (or below) a path stays."""
        tree = self.tree
        if not tree:
            return True
        for part in path.split("."):
            if part not in tree:
                return self.exclude
            tree = tree[part]
            if not tree:
                return not self.exclude
        return True

    def of(self, value: Any) -> Any:
        if not self.tree:
            return value
        return _without(value, self.tree) if self.exclude else _only(value, self.tree)


def parse(text: str, prefix: str = "") -> Fields:
    """`prefix`: what stands before every path of this answer, and may be left out."""
    exclude = text.startswith("-")
    tree: Tree = {}
    for path in filter(None, (one.strip() for one in text.removeprefix("-").split(","))):
        here = tree
        for part in path.removeprefix(prefix).split("."):
            here = here.setdefault(part, {})
    return Fields(tree, exclude)


def _only(value: Any, tree: Tree) -> Any:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    if isinstance(value, list):
        return [_only(one, tree) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _only(value[key], below) if below else value[key]
            for key, below in tree.items() if key in value}


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    if isinstance(value, list):
        return [_without(one, tree) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _without(one, tree[key]) if key in tree else one
            for key, one in value.items() if tree.get(key) != {}}
