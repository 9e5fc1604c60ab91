"""A composition as both of Acumos' documents say it: nodes with operations, and links between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

Obj = dict[str, Any]
MODEL, BROKER, MAPPER, SPLITTER, COLLATOR, PROBE = (
    "MLModel", "DataBroker", "DataMapper", "Splitter", "Collator", "Probe"
)
TOOLS = frozenset({BROKER, MAPPER, SPLITTER, COLLATOR})
MAPS = ("data_broker_map", "splitter_map", "collator_map", "data_map")
JOINTS = frozenset({SPLITTER, COLLATOR, BROKER})
"""Tools with one way through them, whatever it is called on either side."""
SERVED = frozenset({MODEL, "REST"})
"""Kinds that are servers of their own with an operation to call."""


class Unreadable(ValueError):
    """The document is no blueprint and no CDUMP; the text names the field and what was expected."""


class Field(msgspec.Struct, frozen=True):
    """Of a protobuf message. `role` is '' or repeated; `message` the fields of a nested one."""

    name: str
    tag: str
    type: str
    role: str = ""
    message: tuple[Field, ...] | None = None


class Message(msgspec.Struct, frozen=True):
    name: str
    fields: tuple[Field, ...] | None = None
    """None where only the name is known; `ANY` has no fields."""


class Operation(msgspec.Struct, frozen=True):
    name: str
    inputs: tuple[Message, ...] = ()
    outputs: tuple[Message, ...] = ()
    input_stream: bool = False
    output_stream: bool = False


class Node(msgspec.Struct, frozen=True):
    id: str
    """What links name: `nodeId` of a CDUMP, `container_name` of a blueprint."""
    name: str
    kind: str = MODEL
    image: str = ""
    proto_uri: str = ""
    operations: tuple[Operation, ...] = ()
    maps: Obj = {}
    """`data_broker_map`, `splitter_map`, `collator_map`, `data_map`, as they are written."""

    def operation(self, name: str) -> Operation | None:
        return next((one for one in self.operations if one.name == name), None)


class Link(msgspec.Struct, frozen=True):
    source: str
    operation: str
    target: str
    entry: str
    """The operation of the target."""
    id: str = ""


class Solution(msgspec.Struct, frozen=True):
    name: str
    version: str = ""
    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    """(node, operation) at which calls come in; none are named by a CDUMP."""
    probe: bool = False
    strays: tuple[str, ...] = ()
    """What the document says of nodes that there are not, in words: it travels on, and means nothing."""

    def node(self, name: str) -> Node | None:
        return next((one for one in self.nodes if one.id == name), None)

    def after(self, node: str) -> Iterator[Link]:
        return (link for link in self.links if link.source == node)

    def before(self, node: str) -> Iterator[Link]:
        return (link for link in self.links if link.target == node)

    def first(self) -> list[Node]:
        """Nodes that nothing leads to."""
        reached = {link.target for link in self.links}
        return [node for node in self.nodes if node.id not in reached]

    def last(self) -> list[Node]:
        left = {link.source for link in self.links}
        return [node for node in self.nodes if node.id not in left]

    def joint(self, node: str, operation: str) -> tuple[str, str]:
        """Where a message to this operation comes: those of a tool are one."""
        found = self.node(node)
        return node, "" if found is not None and found.kind in JOINTS else operation

    def entries(self) -> tuple[tuple[str, str], ...]:
        """Where calls come in: as the document says, else the operations that lead on and that nobody leads
        to; of a node that stands alone its first one."""
        if self.inputs:
            return self.inputs
        reached = {self.joint(link.target, link.entry) for link in self.links}
        entered = {link.target for link in self.links}
        found: dict[tuple[str, str], None] = {}
        for node in self.nodes:
            leaving = [link.operation for link in self.after(node.id)]
            free = [name for name in leaving if self.joint(node.id, name) not in reached]
            if not free and node.id not in entered:
                free = [one.name for one in node.operations[:1]]
            found |= dict.fromkeys((node.id, name) for name in free if name)
        return tuple(found)


def ordered(solution: Solution) -> list[Node]:
    """Every node after those that lead to it. Unreadable: their operations lead to each other in a circle."""
    missing: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for link in solution.links:
        source, target = solution.joint(link.source, link.operation), solution.joint(link.target, link.entry)
        missing.setdefault(source, set())
        missing.setdefault(target, set()).add(source)
    found: dict[str, None] = {}
    while missing:
        ready = [one for one, before in missing.items() if not before & missing.keys()]
        if not ready:
            names = ", ".join(sorted({node for node, _ in missing}))
            raise Unreadable(f"nodes: {names} lead to each other in a circle")
        found |= dict.fromkeys(node for node, _ in ready)
        for one in ready:
            del missing[one]
    return sorted(solution.nodes, key=lambda node: list(found).index(node.id) if node.id in found else -1)


def looped(solution: Solution) -> bool:
    """Whether nodes lead to each other, though their operations may not."""
    missing = {node.id: {link.source for link in solution.before(node.id)} for node in solution.nodes}
    while ready := [name for name, before in missing.items() if not before & missing.keys()]:
        for name in ready:
            del missing[name]
    return bool(missing)


def sorted_out(links: Iterable[Link], known: set[str]) -> tuple[tuple[Link, ...], list[str]]:
    """The links without repetitions; and, in words, those that lead from or to a node that there is not."""
    seen: dict[tuple[str, str, str, str], Link] = {}
    strays: dict[str, None] = {}
    for link in links:
        missing = next((name for name in (link.source, link.target) if name not in known), None)
        if missing is None:
            seen.setdefault((link.source, link.operation, link.target, link.entry), link)
        else:
            words = f"the link {link.source}.{link.operation} → {link.target}.{link.entry} is left out"
            strays[f"{words}: there is no node {missing!r}"] = None
    return tuple(seen.values()), list(strays)


def listed(document: Obj, field: str, place: str = "") -> list[Obj]:
    """A list of objects of a document; absent or null is none, and null among them nothing. Unreadable names
    the field."""
    found = document.get(field)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) or one is None for one in found):
        where = f"{place}.{field}" if place else field
        raise Unreadable(f"{where}: expected a list of objects")
    return [one for one in found if one is not None]


def of(document: Obj) -> Solution:
    """Of either document. Unreadable: it is neither."""
    from pinnace.authoring.blueprint import cdump, plan

    return cdump.read(document) if form(document) == "cdump" else plan.read(document)


def form(document: Any) -> str:
    """`cdump` or `blueprint`. Unreadable: the document is neither, and why."""
    if not isinstance(document, dict):
        raise Unreadable("expected a JSON object: a blueprint or a CDUMP of Acumos")
    if "cname" in document or "relations" in document:
        return "cdump"
    nodes = document.get("nodes")
    if isinstance(nodes, dict) or "input_ports" in document or "input_operation_signatures" in document:
        return "blueprint"
    named = ("container_name", "containerName")
    if isinstance(nodes, list) and any(key in one for one in nodes if isinstance(one, dict) for key in named):
        return "blueprint"
    if isinstance(nodes, list) and any("nodeId" in one for one in nodes if isinstance(one, dict)):
        return "cdump"
    raise Unreadable("nodes: neither a blueprint (nodes with container_name) nor a CDUMP (cname, relations)")
