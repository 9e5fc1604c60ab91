"""A blueprint of Acumos as a message walks it: who is asked next, what splitters, collators and mappers do.

Pure but for `ask`, which is given. One `Walk` is one caller's message: nothing of it is shared with others. A
message comes to an operation of a node and leaves by the same one, so nodes may lead to each other in circles
where their operations do not. Caller: `orchestrator`. Source: acumos/runtime-orchestrator, and the
orchestrators of Eclipse Graphene.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from . import joining, spelling

Obj = dict[str, Any]
BROKER, MAPPER, SPLITTER, COLLATOR, REST, MODEL = (
    "DataBroker", "DataMapper", "Splitter", "Collator", "REST", "MLModel"
)
JOINTS = (SPLITTER, COLLATOR, BROKER)
"""Nodes that have one way through them, whatever it is called on either side."""
MAPS = ("data_broker_map", "splitter_map", "collator_map", "data_map")


class NoBlueprint(ValueError):
    """The document cannot be run; the text names the field."""


class Target(NamedTuple):
    node: str
    operation: str


class Node(NamedTuple):
    name: str
    kind: str
    proto_uri: str
    after: dict[str, list[Target]]
    """By operation."""
    messages: dict[str, tuple[str, str]]
    """Names of what each operation takes and gives."""
    maps: Obj

    def way(self, operation: str) -> str:
        """Operations of a tool are one."""
        return "" if self.kind in JOINTS else operation

    def leaving(self, operation: str) -> list[Target]:
        if self.kind in JOINTS:
            return [target for each in self.after.values() for target in each]
        return self.after.get(operation, [])


class Blueprint(NamedTuple):
    name: str
    nodes: dict[str, Node]
    inputs: list[Target]
    probe: bool

    def joint(self, target: Target) -> Target:
        """Where a message to this operation really comes."""
        return Target(target.node, self.nodes[target.node].way(target.operation))

    def links(self) -> Iterator[tuple[Target, Target]]:
        """From operation to operation, in the document's order."""
        for node in self.nodes.values():
            for operation, targets in node.after.items():
                for target in targets:
                    yield Target(node.name, node.way(operation)), self.joint(target)

    def before(self, name: str) -> list[str]:
        """The nodes that lead to this one, in the document's order."""
        return [source.node for source, target in self.links() if target.node == name]

    def entry(self, operation: str) -> Target | None:
        return next((one for one in self.inputs if one.operation == operation), None)


def read(document: Any) -> Blueprint:
    """Raises NoBlueprint."""
    if not isinstance(document, dict):
        raise NoBlueprint("expected a JSON object with nodes")
    found = spelling.modern(document)
    raw = found.get("nodes")
    if not isinstance(raw, list) or not raw or not all(isinstance(one, dict) for one in raw):
        raise NoBlueprint("nodes: expected a list of nodes")
    nodes = {node.name: node for node in (_node(one, at) for at, one in enumerate(raw))}
    if len(nodes) != len(raw):
        raise NoBlueprint("nodes: a container_name is used twice")
    said = found.get("probeIndicator") or []
    said = said if isinstance(said, list) else [{"value": said}]
    probe = any(str(one.get("value")).lower() == "true" for one in said if isinstance(one, dict))
    _known(found, nodes)
    return _checked(Blueprint(str(found.get("name") or ""), nodes, _inputs(found, nodes), probe))


def _node(raw: Obj, at: int) -> Node:
    name, place = raw.get("container_name"), f"nodes[{at}]"
    if not isinstance(name, str) or not name:
        raise NoBlueprint(f"{place}.container_name: a node needs one")
    after: dict[str, list[Target]] = {}
    messages = {}
    for number, one in enumerate(_list(raw, "operation_signature_list", place)):
        here = f"{place}.operation_signature_list[{number}]"
        said = spelling.operation(one.get("operation_signature"))
        operation = str(said.get("operation_name") or "")
        after.setdefault(operation, []).extend(
            _target(each, here) for each in _list(one, "connected_to", here)
        )
        given, made = said.get("input_message_name"), said.get("output_message_name")
        messages[operation] = (str(given or ""), str(made or ""))
    maps = {key: raw[key] for key in MAPS if isinstance(raw.get(key), dict)}
    kind = str(raw.get("node_type") or MODEL).strip()
    return Node(name, kind, str(raw.get("proto_uri") or ""), after, messages, maps)


def _list(raw: Obj, field: str, place: str) -> list[Obj]:
    """Of objects; null among them is nothing."""
    found = raw.get(field) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) or one is None for one in found):
        raise NoBlueprint(f"{place}.{field}: expected a list of objects")
    return [one for one in found if one is not None]


def _target(raw: Obj, place: str) -> Target:
    name = raw.get("container_name")
    if not isinstance(name, str) or not name:
        raise NoBlueprint(f"{place}.container_name: expected the name of a node")
    said = spelling.operation(raw.get("operation_signature"))
    return Target(name, str(said.get("operation_name") or ""))


def _inputs(top: Obj, nodes: dict[str, Node]) -> list[Target]:
    """As the document says, else the operations that nobody leads to and that lead on; of a node that stands
    alone its first one."""
    given = [_target(one, "input_ports") for one in _list(top, "input_ports", "the blueprint")]
    if given:
        return given
    reached = {(each.node, nodes[each.node].way(each.operation)) for node in nodes.values()
               for targets in node.after.values() for each in targets}
    entered = {name for name, _ in reached}
    found = []
    for node in nodes.values():
        free = [
            op for op, targets in node.after.items() if targets and (node.name, node.way(op)) not in reached
        ]
        if not free and node.name not in entered:
            free = list(node.after)[:1]
        found += [Target(node.name, operation) for operation in free]
    return found


def _known(top: Obj, nodes: dict[str, Node]) -> None:
    for one in _list(top, "input_ports", "the blueprint"):
        port = _target(one, "input_ports")
        if port.node not in nodes:
            raise NoBlueprint(f"input_ports: there is no node {port.node!r}")
    for node in nodes.values():
        for target in (one for each in node.after.values() for one in each):
            if target.node not in nodes:
                raise NoBlueprint(f"nodes.{node.name}.connected_to: there is no node {target.node!r}")


def _checked(made: Blueprint) -> Blueprint:
    """Two messages of one call never come to the same operation, but at a Collator."""
    _circle(made)
    for operation in dict.fromkeys(one.operation for one in made.inputs):
        entries = [made.joint(one) for one in made.inputs if one.operation == operation]
        came: dict[Target, set[Target]] = {}
        for source, target in _reached(made, entries):
            came.setdefault(target, set()).add(source)
        for target, sources in came.items():
            if len(sources) > 1 and made.nodes[target.node].kind != COLLATOR:
                raise NoBlueprint(f"nodes.{target.node}: several nodes lead to it, and it is no Collator")
    return made


def _reached(made: Blueprint, entries: list[Target]) -> list[tuple[Target, Target]]:
    """The links that a message takes which comes in at these."""
    after: dict[Target, list[Target]] = {}
    for source, target in made.links():
        after.setdefault(source, []).append(target)
    found, seen, left = [], set(entries), list(entries)
    while left:
        source = left.pop()
        for target in after.get(source, ()):
            found.append((source, target))
            if target not in seen:
                seen.add(target)
                left.append(target)
    return found


def _circle(made: Blueprint) -> None:
    left: dict[Target, set[Target]] = {}
    for source, target in made.links():
        left.setdefault(source, set())
        left.setdefault(target, set()).add(source)
    while ready := [one for one, before in left.items() if not before & left.keys()]:
        for one in ready:
            del left[one]
    if left:
        names = dict.fromkeys(one.node for one in left)
        raise NoBlueprint(f"nodes: {', '.join(names)} lead to each other in a circle")


# ---- a message on its way ----------------------------------------------------------------------


Ask = Callable[[Node, str, bytes], Awaitable[bytes]]
"""The server of a node: its operation, the message, what it answers."""
Seen = Callable[[Node, str, bytes], None]
"""A message that a probe is shown: the model whose it is, the message's name."""


class Walk:
    """One message through the whole blueprint."""

    def __init__(
        self, blueprint: Blueprint, ask: Ask, seen: Seen, served: Callable[[Node], bool], *,
        as_json: bool = False,
    ) -> None:
        self.blueprint = blueprint
        self.ask = ask
        self.seen = seen
        self.served = served
        self.as_json = as_json
        """The caller speaks JSON: so do all containers, and the tools between them."""
        self.waiting: dict[str, dict[str, bytes]] = {}
        """What collators have got so far, by where it came from."""
        self.results: dict[str, bytes] = {}
        """What the ends gave."""

    async def through(self, entry: Target, message: bytes) -> bytes:
        """What the last node gives: of several ends, the one that stands last in the document."""
        await self.enter(entry, message, "")
        return self._result()

    async def from_broker(self, broker: Node, operation: str, message: bytes) -> bytes:
        """What a DataBroker gave goes on from there."""
        await self._leave(broker, operation, message)
        return self._result()

    def _result(self) -> bytes:
        ends = [self.results[name] for name in self.blueprint.nodes if name in self.results]
        return ends[-1] if ends else b""

    async def enter(self, target: Target, message: bytes, source: str) -> None:
        node = self.blueprint.nodes[target.node]
        if node.kind == SPLITTER:
            await self._split(node, message)
        elif node.kind == COLLATOR:
            await self._collect(node, message, source)
        elif node.kind == MAPPER and not self.served(node) and "data_map" in node.maps:
            made = joining.mapped(node.maps["data_map"], message, as_json=self.as_json)
            await self._leave(node, target.operation, made)
        else:
            self._show(node, target.operation, 0, message)
            await self._leave(node, target.operation, await self.ask(node, target.operation, message))

    async def _leave(self, node: Node, operation: str, message: bytes) -> None:
        targets = node.leaving(operation)
        if not targets:
            self._show(node, operation, 1, message)
            self.results[node.name] = message
            return
        await together([self.enter(target, message, node.name) for target in targets])

    def _show(self, node: Node, operation: str, side: int, message: bytes) -> None:
        """What each model takes, and what the last one gives; nothing of brokers and mappers."""
        if node.kind in (MODEL, REST):
            self.seen(node, node.messages.get(operation, ("", ""))[side], message)

    async def _split(self, node: Node, message: bytes) -> None:
        rule = node.maps.get("splitter_map") or {}
        given = [
            (target, joining.split(rule, message, target.node, as_json=self.as_json))
            for target in node.leaving("")
        ]
        await together([self.enter(target, part, node.name) for target, part in given])

    async def _collect(self, node: Node, message: bytes, source: str) -> None:
        got = self.waiting.setdefault(node.name, {})
        got[source] = message
        wanted = self.blueprint.before(node.name)
        if set(got) < set(wanted):
            return
        rule = node.maps.get("collator_map") or {}
        made = joining.collated(rule, {name: got[name] for name in wanted}, as_json=self.as_json)
        await self._leave(node, "", made)


async def together(work: list[Any]) -> None:
    """All at once; the first failure ends the others."""
    if len(work) == 1:
        await work[0]
        return
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as problems:
        raise problems.exceptions[0] from None
