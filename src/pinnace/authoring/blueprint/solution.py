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

    def entries(self) -> tuple[tuple[str, str], ...]:
        """Where calls come in: as the document says, else by its first nodes."""
        if self.inputs:
            return self.inputs
        found = []
        for node in self.first():
            named = next((link.operation for link in self.after(node.id)), "")
            operation = named or next((one.name for one in node.operations), "")
            if operation:
                found.append((node.id, operation))
        return tuple(found)


def ordered(solution: Solution) -> list[Node]:
    """Every node after those that lead to it. Unreadable: a circle."""
    missing = {node.id: {link.source for link in solution.before(node.id)} for node in solution.nodes}
    found: list[Node] = []
    while missing:
        waiting = set(missing)
        ready = [node for node in solution.nodes if node.id in waiting and not missing[node.id] & waiting]
        if not ready:
            raise Unreadable(f"nodes: {', '.join(sorted(missing))} lead to each other in a circle")
        found += ready
        for node in ready:
            del missing[node.id]
    return found


def distinct(links: Iterable[Link], known: set[str]) -> tuple[Link, ...]:
    """Without repetitions, and without those that lead from or to a node that there is not."""
    seen: dict[tuple[str, str, str, str], Link] = {}
    for link in links:
        if link.source in known and link.target in known:
            seen.setdefault((link.source, link.operation, link.target, link.entry), link)
    return tuple(seen.values())


def listed(document: Obj, field: str) -> list[Obj]:
    """A list of objects of a document; absent or null is none. Unreadable names the field."""
    found = document.get(field)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"{field}: expected a list of objects")
    return found


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
    if isinstance(nodes, dict) or "input_ports" in document:
        return "blueprint"
    if isinstance(nodes, list) and any("container_name" in one for one in nodes if isinstance(one, dict)):
        return "blueprint"
    raise Unreadable("nodes: neither a blueprint (nodes with container_name) nor a CDUMP (cname, relations)")
