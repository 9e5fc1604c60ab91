"""The schemas of the kinds that ship with the platform, read from `kinds/data/` when first asked for.

`catalogue.py` is the caller. A file `<group>.jsonl` holds the nodes of one API group, one a line, children by
number; numbers below the length of `common.jsonl` mean a node there. So a sub-tree that several kinds share
is one Node in memory, however many kinds lead to it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from .schema import Node

DATA = Path(__file__).parent / "data"
CORE = "core"
TUPLES = ("required", "enum", "map_keys")


class Shelf:
    """The nodes of one file, built on demand. `below` is the shelf of the common nodes."""

    def __init__(self, name: str, below: Shelf | None) -> None:
        lines = (DATA / f"{name}.jsonl").read_bytes().splitlines()
        self.kinds: dict[str, int] = msgspec.json.decode(lines[0])
        self.lines: list[bytes] = lines[1:]
        self.built: list[Node | None] = [None] * len(self.lines)
        self.below = below
        self.first = len(below.lines) if below else 0

    def node(self, number: int) -> Node:
        if number < self.first and self.below is not None:
            return self.below.node(number)
        found = self.built[number - self.first]
        return found if found is not None else self._build(number - self.first)

    def _build(self, place: int) -> Node:
        facts: dict[str, Any] = msgspec.json.decode(self.lines[place])
        node = self.built[place] = Node()  # before its children: a schema may contain itself
        for name, value in facts.items():
            setattr(node, name, self._fact(name, value))
        return node

    def _fact(self, name: str, value: Any) -> Any:
        if name in TUPLES:
            return tuple(value)
        if name == "properties":
            return {key: self.node(child) for key, child in value.items()}
        if name in ("items", "additional"):
            return self.node(value)
        if name == "combos":
            return {
                key: [self.node(one) for one in child] if isinstance(child, list) else self.node(child)
                for key, child in value.items()
            }
        return value


@cache
def shelf(group: str) -> Shelf:
    """FileNotFoundError: no kind of this group ships with the platform."""
    return Shelf("common", None) if group == "common" else Shelf(group or CORE, shelf("common"))


def schema(group: str, version: str, kind: str) -> Node:
    """KeyError: the group has no such kind."""
    found = shelf(group)
    return found.node(found.kinds[f"{version}/{kind}"])


@cache
def object_meta() -> Node:
    """What `metadata` is in every object."""
    pod = schema("", "v1", "Pod")
    assert pod.properties is not None
    return pod.properties["metadata"]


@cache
def catalogue() -> list[dict[str, Any]]:
    """Groups, versions and resources as upstream's discovery lists them; see `catalogue.py`."""
    return msgspec.json.decode((DATA / "catalogue.json").read_bytes(), type=list[dict[str, Any]])
