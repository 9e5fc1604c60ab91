"""Blueprint, what Acumos' orchestrators run: read, and written without loss; and where its containers are.

`dockerinfo.json` says their addresses; its ports are text or numbers, and written as they stood. The many
spellings of blueprints (wrapped, camelCase, `depends_on`) are read as one (`runtimes/spelling`, which the
orchestrator reads them by, too).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pinnace.authoring.blueprint.rules import check
from pinnace.authoring.blueprint.solution import (
    MAPS,
    PROBE,
    Link,
    Message,
    Node,
    Obj,
    Operation,
    Solution,
    Unreadable,
    listed,
    sorted_out,
)
from pinnace.runtimes import spelling

CONNECTOR = "modelconnector"
PORT = "8555"
"""Of the orchestrator, by Acumos' deployer."""

def read(document: Obj) -> Solution:
    """Unreadable names the field."""
    top = spelling.modern(document)
    nodes = tuple(_node(one, f"nodes[{at}]") for at, one in enumerate(listed(top, "nodes")))
    names = [node.id for node in nodes]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise Unreadable(f"nodes[{at}].container_name: {name!r} is used twice")
    links = [
        link for at, one in enumerate(listed(top, "nodes")) for link in _links(one, f"nodes[{at}]")
    ]
    kept, strays = sorted_out(links, set(names))
    inputs = _inputs(top)
    strays += [f"input_ports: there is no node {node!r}" for node, _ in inputs if node not in names]
    return Solution(
        name=_text(top, "name"), version=_text(top, "version"), nodes=nodes, links=kept,
        inputs=tuple(one for one in inputs if one[0] in names), probe=_probe(top), strays=tuple(strays),
    )


def _text(raw: Obj, field: str) -> str:
    found = raw.get(field)
    return "" if found is None or isinstance(found, dict | list) else str(found)


def _node(raw: Obj, place: str) -> Node:
    name = raw.get("container_name")
    if not name or not isinstance(name, str):
        raise Unreadable(f"{place}.container_name: a node needs one")
    operations: dict[str, Operation] = {}
    for at, one in enumerate(listed(raw, "operation_signature_list", place)):
        found = _operation(one, f"{place}.operation_signature_list[{at}]")
        operations.setdefault(found.name, found)
    return Node(
        id=name, name=name, kind=(_text(raw, "node_type") or "MLModel").strip(), image=_text(raw, "image"),
        proto_uri=_text(raw, "proto_uri"), operations=tuple(operations.values()), maps=_maps(raw, place),
    )


def _maps(raw: Obj, place: str) -> Obj:
    found = {key: raw[key] for key in MAPS if raw.get(key) is not None}
    for key, rule in found.items():
        check(rule, f"{place}.{key}")
    return found


def _operation(raw: Obj, place: str) -> Operation:
    said = spelling.operation(raw.get("operation_signature"))
    if not isinstance(said.get("operation_name"), str):
        raise Unreadable(f"{place}.operation_signature.operation_name: an operation needs one")
    return Operation(
        said["operation_name"], _named(said.get("input_message_name")),
        _named(said.get("output_message_name")), bool(said.get("input_message_stream")),
        bool(said.get("output_message_stream")),
    )


def _named(name: Any) -> tuple[Message, ...]:
    return (Message(str(name)),) if name else ()


def _links(raw: Obj, place: str) -> list[Link]:
    found = []
    for at, one in enumerate(listed(raw, "operation_signature_list", place)):
        here = f"{place}.operation_signature_list[{at}].connected_to"
        own = spelling.operation(one.get("operation_signature")).get("operation_name")
        for number, target in enumerate(listed(one, "connected_to", here.rpartition(".")[0])):
            name, entry = _port_of(target, f"{here}[{number}]")
            found.append(Link(raw["container_name"], str(own or ""), name, entry))
    return found


def _port_of(raw: Obj, place: str) -> tuple[str, str]:
    name = raw.get("container_name")
    if not isinstance(name, str) or not name:
        raise Unreadable(f"{place}.container_name: expected the name of a node")
    said = spelling.operation(raw.get("operation_signature")).get("operation_name")
    return name, str(said or "")


def _inputs(top: Obj) -> list[tuple[str, str]]:
    return [_port_of(one, f"input_ports[{at}]") for at, one in enumerate(listed(top, "input_ports"))]


def _probe(top: Obj) -> bool:
    said = top.get("probeIndicator")
    if isinstance(said, list):
        said = next((one.get("value") for one in said if isinstance(one, dict)), "")
    return str(said).lower() == "true"


# ---- writing -----------------------------------------------------------------------------------


def write(solution: Solution, original: Obj | None = None) -> Obj:
    """The document of a solution, on top of the one that it came from."""
    if original is not None and read(original) == solution:
        return copy.deepcopy(original)
    made = spelling.modern(copy.deepcopy(original)) if original is not None else {}
    known = {str(one.get("container_name")): one for one in listed(made, "nodes")}
    fresh = {
        "name": solution.name, "version": solution.version,
        "input_ports": [_port(*one) for one in solution.entries()],
        "nodes": [_written(solution, node, known.get(node.id, {})) for node in solution.nodes],
        "probeIndicator": [{"value": "true" if solution.probe else "false"}],
    }
    return {**made, **fresh}


def _port(container: str, operation: str) -> Obj:
    return {"container_name": container, "operation_signature": {"operation_name": operation}}


def _written(solution: Solution, node: Node, raw: Obj) -> Obj:
    return {
        **raw, "container_name": node.id, "node_type": node.kind, "image": node.image,
        "proto_uri": node.proto_uri,
        "operation_signature_list": [
            {
                "operation_signature": _signature(one),
                "connected_to": [
                    _port(link.target, link.entry)
                    for link in solution.after(node.id) if link.operation == one.name
                ],
            }
            for one in node.operations
        ],
        **node.maps,
    }


def _signature(one: Operation) -> Obj:
    made: Obj = {"operation_name": one.name}
    for side, messages in (("input", one.inputs), ("output", one.outputs)):
        if messages:
            made[f"{side}_message_name"] = messages[0].name
    if one.input_stream or one.output_stream:
        made |= {"input_message_stream": one.input_stream, "output_message_stream": one.output_stream}
    return made


# ---- addresses ---------------------------------------------------------------------------------


def dockerinfo(addresses: Mapping[str, str], original: Obj | None = None) -> Obj:
    """`dockerinfo.json` of containers and their `host:port`; what else it said of them stays."""
    known = {str(one.get("container_name")): one for one in listed(original or {}, "docker_info_list")}
    made = []
    for name, address in addresses.items():
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise Unreadable(f"addresses.{name}: {address!r} is no host:port")
        old = known.pop(name, {})
        number: Any = int(port) if isinstance(old.get("port"), int) else port
        made.append({**old, "container_name": name, "ip_address": host, "port": number})
    return {**(original or {}), "docker_info_list": [*made, *known.values()]}


def addresses(document: Obj) -> dict[str, str]:
    """Container → `host:port` of a `dockerinfo.json`. Unreadable names the field."""
    found = {}
    for at, one in enumerate(listed(document, "docker_info_list")):
        name = one.get("container_name", one.get("containerName", one.get("container")))
        host, port = one.get("ip_address", one.get("ipAddress")), one.get("port")
        if not name or not host or not str(port or "").isdigit():
            place = f"docker_info_list[{at}]"
            raise Unreadable(f"{place}: expected container_name, ip_address and a port (a number)")
        found[str(name)] = f"{host}:{port}"
    return found


def served(solution: Solution) -> list[Node]:
    """Nodes that are containers of their own."""
    return [node for node in solution.nodes if node.kind not in ("Splitter", "Collator")]


__all__ = [
    "CONNECTOR", "PORT", "PROBE", "addresses", "dockerinfo", "read", "served", "write"
]
