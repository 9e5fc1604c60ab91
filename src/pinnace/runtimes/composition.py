"""A blueprint of Acumos as a message walks it: who is asked next, what splitters, collators and mappers do.

Pure but for `ask`, which is given. One `Walk` is one caller's message: nothing of it is shared with others.
Caller: `orchestrator`. Source: acumos/runtime-orchestrator, acumos/design-studio docs/split-join.rst.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from . import protowire
from .protowire import NoMessage, Piece

Obj = dict[str, Any]
BROKER, MAPPER, SPLITTER, COLLATOR = "DataBroker", "DataMapper", "Splitter", "Collator"
CAMEL = {
    "containerName": "container_name", "nodeType": "node_type", "protoUri": "proto_uri",
    "operationSignatureLists": "operation_signature_list",
}


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


class Blueprint(NamedTuple):
    name: str
    nodes: dict[str, Node]
    inputs: list[Target]
    probe: bool

    def before(self, name: str) -> list[str]:
        """The nodes that lead to this one, in the document's order."""
        return [
            node.name for node in self.nodes.values()
            for targets in node.after.values() for target in targets if target.node == name
        ]

    def entry(self, operation: str) -> Target | None:
        return next((one for one in self.inputs if one.operation == operation), None)


def read(document: Any) -> Blueprint:
    """Raises NoBlueprint."""
    found = document
    while isinstance(found, dict) and isinstance(found.get("nodes"), dict):
        found = found["nodes"]
    raw = found.get("nodes") if isinstance(found, dict) else None
    if not isinstance(raw, list) or not raw or not all(isinstance(one, dict) for one in raw):
        raise NoBlueprint("nodes: expected a list of nodes")
    nodes = {node.name: node for node in (_node(one, at) for at, one in enumerate(raw))}
    if len(nodes) != len(raw):
        raise NoBlueprint("nodes: a container_name is used twice")
    said = found.get("probeIndicator") or []
    probe = any(str(one.get("value")).lower() == "true" for one in said if isinstance(one, dict))
    made = Blueprint(str(found.get("name") or ""), nodes, _inputs(found, nodes), probe)
    _check(made)
    return made


def _get(raw: Obj, name: str) -> Any:
    return raw.get(name, next((raw[key] for key, own in CAMEL.items() if own == name and key in raw), None))


def _node(raw: Obj, at: int) -> Node:
    name = _get(raw, "container_name")
    if not isinstance(name, str) or not name:
        raise NoBlueprint(f"nodes[{at}].container_name: a node needs one")
    after, messages = {}, {}
    for one in _get(raw, "operation_signature_list") or ():
        said = one.get("operation_signature") or {}
        operation = str(said.get("operation_name") or "")
        after[operation] = [_target(each) for each in one.get("connected_to") or ()]
        messages[operation] = (
            str(said.get("input_message_name") or ""), str(said.get("output_message_name") or "")
        )
    maps = {key: raw[key] for key in ("data_broker_map", "splitter_map", "collator_map", "data_map")
            if isinstance(raw.get(key), dict)}
    kind, proto = str(_get(raw, "node_type") or "MLModel").strip(), str(_get(raw, "proto_uri") or "")
    return Node(name, kind, proto, after, messages, maps)


def _target(raw: Obj) -> Target:
    said = raw.get("operation_signature") or {}
    return Target(str(raw.get("container_name") or ""), str(said.get("operation_name") or ""))


def _inputs(top: Obj, nodes: dict[str, Node]) -> list[Target]:
    given = [_target(one) for one in top.get("input_ports") or () if isinstance(one, dict)]
    if given:
        return given
    reached = {target.node for node in nodes.values() for each in node.after.values() for target in each}
    return [
        Target(node.name, operation)
        for node in nodes.values() if node.name not in reached for operation in node.after
    ]


def _check(made: Blueprint) -> None:
    for port in made.inputs:
        if port.node not in made.nodes:
            raise NoBlueprint(f"input_ports: there is no node {port.node!r}")
    for node in made.nodes.values():
        for target in (one for each in node.after.values() for one in each):
            if target.node not in made.nodes:
                raise NoBlueprint(f"nodes.{node.name}.connected_to: there is no node {target.node!r}")
    _circle(made)
    for node in made.nodes.values():
        if node.kind != COLLATOR and len(made.before(node.name)) > 1:
            raise NoBlueprint(f"nodes.{node.name}: several nodes lead to it, and it is no Collator")


def _circle(made: Blueprint) -> None:
    left = {node.name: set(made.before(node.name)) for node in made.nodes.values()}
    while ready := [name for name, before in left.items() if not before & left.keys()]:
        for name in ready:
            del left[name]
    if left:
        raise NoBlueprint(f"nodes: {', '.join(left)} lead to each other in a circle")


# ---- a message on its way ----------------------------------------------------------------------


Ask = Callable[[Node, str, bytes], Awaitable[bytes]]
"""The server of a node: its operation, the message, what it answers."""
Seen = Callable[[Node, str, str, bytes], None]
"""A message passes: node, its message's name, `in` or `out`."""


class Walk:
    """One message through the whole blueprint."""

    def __init__(self, blueprint: Blueprint, ask: Ask, seen: Seen, served: Callable[[Node], bool]) -> None:
        self.blueprint = blueprint
        self.ask = ask
        self.seen = seen
        self.served = served
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
        self.seen(node, node.messages.get(target.operation, ("", ""))[0], "in", message)
        if node.kind == SPLITTER:
            await self._split(node, message)
        elif node.kind == COLLATOR:
            await self._collect(node, message, source)
        elif node.kind == MAPPER and not self.served(node) and "data_map" in node.maps:
            await self._leave(node, target.operation, mapped(node.maps["data_map"], message))
        else:
            await self._leave(node, target.operation, await self.ask(node, target.operation, message))

    async def _leave(self, node: Node, operation: str, message: bytes) -> None:
        targets = node.after.get(operation, [])
        self.seen(node, node.messages.get(operation, ("", ""))[1], "out", message)
        if not targets:
            self.results[node.name] = message
            return
        await together([self.enter(target, message, node.name) for target in targets])

    async def _split(self, node: Node, message: bytes) -> None:
        targets = [target for each in node.after.values() for target in each]
        rule = node.maps.get("splitter_map") or {}
        await together(
            [self.enter(target, split(rule, message, target.node), node.name) for target in targets]
        )

    async def _collect(self, node: Node, message: bytes, source: str) -> None:
        got = self.waiting.setdefault(node.name, {})
        got[source] = message
        wanted = self.blueprint.before(node.name)
        if set(got) < set(wanted):
            return
        made = collated(node.maps.get("collator_map") or {}, {name: got[name] for name in wanted})
        await self._leave(node, next(iter(node.after), ""), made)


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


def based(rule: Obj, field: str, word: str) -> bool:
    return word in str(rule.get(field) or "").lower()


def split(rule: Obj, message: bytes, target: str) -> bytes:
    """Copied whole, or the fields that the target is given, under its own tags."""
    if not based(rule, "splitter_type", "parameter"):
        return message
    tags: dict[int, list[int]] = {}
    for one in rule.get("map_outputs") or ():
        field = one.get("output_field") or {}
        if field.get("target_name") == target:
            tags.setdefault(_tag(field, "mapped_to_field"), []).append(_tag(field, "parameter_tag"))
    return protowire.joined(protowire.moved(message, tags))


def collated(rule: Obj, messages: dict[str, bytes]) -> bytes:
    """A list of all, or each one's fields under the tags of the whole."""
    if not based(rule, "collator_type", "parameter"):
        outputs: list[Obj] = rule.get("map_outputs") or []
        first: Obj = (outputs[0].get("output_field") or {}) if outputs else {}
        tag = _tag(first, "parameter_tag", 1)
        return protowire.joined([protowire.nested(tag, one) for one in messages.values()])
    found: list[Piece] = []
    for source, message in messages.items():
        tags: dict[int, list[int]] = {}
        for one in rule.get("map_inputs") or ():
            field = one.get("input_field") or {}
            if field.get("source_name") == source:
                tags.setdefault(_tag(field, "parameter_tag"), []).append(_tag(field, "mapped_to_field"))
        found += protowire.moved(message, tags)
    return protowire.joined(sorted(found, key=lambda one: one.tag))


def mapped(rule: Obj, message: bytes) -> bytes:
    """Fields under other tags, values of one basic type as those of another."""
    kinds = {
        str(field.get("tag")): str(field.get("type"))
        for one in rule.get("map_outputs") or () for field in one.get("output_fields") or ()
    }
    moves: dict[int, list[tuple[str, int]]] = {}
    for one in rule.get("map_inputs") or ():
        for field in one.get("input_fields") or ():
            if str(field.get("mapped_to_field") or "").isdigit():
                moved = (str(field.get("type")), int(field["mapped_to_field"]))
                moves.setdefault(_tag(field, "tag"), []).append(moved)
    found: list[Piece] = []
    for piece in protowire.pieces(message):
        for kind, tag in moves.get(piece.tag, ()):
            wanted = kinds.get(str(tag), kind)
            if kind == wanted:
                found.append(piece._replace(tag=tag))
            else:
                found += [protowire.written(tag, wanted, one) for one in protowire.values(piece, kind)]
    return protowire.joined(sorted(found, key=lambda one: one.tag))


def _tag(field: Obj, name: str, usual: int | None = None) -> int:
    text = str(field.get(name) or "")
    if text.isdigit():
        return int(text)
    if usual is not None:
        return usual
    raise NoMessage(f"the mapping of {field.get('parameter_name') or field.get('name')!r} has no {name}")
