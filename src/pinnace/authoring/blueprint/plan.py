"""Blueprint, what Acumos' orchestrators run: read, and written without loss; and where its containers are.

`dockerinfo.json` says their addresses. Newer projects wrap the same under `nodes` (pipeline-topology/v2), and
write ports as text or as numbers: both are read, and written as they stood.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

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
    distinct,
    listed,
)

CONNECTOR = "modelconnector"
PORT = "8555"
"""Of the orchestrator, by Acumos' deployer."""
CAMEL = {
    "containerName": "container_name", "nodeType": "node_type", "protoUri": "proto_uri",
    "operationSignatureLists": "operation_signature_list", "dataSources": "data_sources",
}


def read(document: Obj) -> Solution:
    """Unreadable names the field."""
    top = unwrapped(document)
    nodes = tuple(_node(one, f"nodes[{at}]") for at, one in enumerate(listed(top, "nodes")))
    links = [link for one in listed(top, "nodes") for link in _links(one)]
    return Solution(
        name=str(top.get("name") or document.get("name") or ""),
        version=str(top.get("version") or document.get("version") or ""), nodes=nodes,
        links=distinct(links, {node.id for node in nodes}), inputs=_inputs(top), probe=_probe(top),
    )


def unwrapped(document: Obj) -> Obj:
    """Where nodes are a list."""
    found: Any = document
    while isinstance(found.get("nodes"), dict):
        found = found["nodes"]
    return dict(found)


def _get(raw: Obj, name: str) -> Any:
    """A field by its own name, or as one of the orchestrators writes it."""
    if name in raw:
        return raw[name]
    return next((raw[other] for other, own in CAMEL.items() if own == name and other in raw), None)


def _node(raw: Obj, place: str) -> Node:
    name = _get(raw, "container_name")
    if not name or not isinstance(name, str):
        raise Unreadable(f"{place}.container_name: a node needs one")
    signatures = _get(raw, "operation_signature_list") or []
    if not isinstance(signatures, list):
        raise Unreadable(f"{place}.operation_signature_list: expected a list")
    return Node(
        id=name, name=name, kind=str(_get(raw, "node_type") or "MLModel").strip(),
        image=str(raw.get("image") or ""), proto_uri=str(_get(raw, "proto_uri") or ""),
        operations=tuple(
            _operation(one, f"{place}.operation_signature_list[{at}]") for at, one in enumerate(signatures)
        ),
        maps={key: raw[key] for key in MAPS if raw.get(key) is not None},
    )


def _operation(raw: Any, place: str) -> Operation:
    said = raw.get("operation_signature") if isinstance(raw, dict) else None
    if not isinstance(said, dict) or not said.get("operation_name"):
        raise Unreadable(f"{place}.operation_signature.operation_name: an operation needs one")
    return Operation(
        str(said["operation_name"]), _named(said.get("input_message_name")),
        _named(said.get("output_message_name")), bool(said.get("input_message_stream")),
        bool(said.get("output_message_stream")),
    )


def _named(name: Any) -> tuple[Message, ...]:
    return (Message(str(name)),) if name else ()


def _links(raw: Obj) -> list[Link]:
    source, found = str(_get(raw, "container_name") or ""), []
    for one in _get(raw, "operation_signature_list") or ():
        own = (one.get("operation_signature") or {}).get("operation_name") or ""
        for target in one.get("connected_to") or ():
            entry = (target.get("operation_signature") or {}).get("operation_name") or ""
            found.append(Link(source, str(own), str(target.get("container_name") or ""), str(entry)))
    return found


def _inputs(top: Obj) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(one.get("container_name") or ""),
         str((one.get("operation_signature") or {}).get("operation_name") or ""))
        for one in listed(top, "input_ports")
    )


def _probe(top: Obj) -> bool:
    said = top.get("probeIndicator", top.get("probe_indicator"))
    if isinstance(said, list):
        said = next((one.get("value") for one in said if isinstance(one, dict)), "")
    return str(said).lower() == "true"


# ---- writing -----------------------------------------------------------------------------------


def write(solution: Solution, original: Obj | None = None) -> Obj:
    """The document of a solution, on top of the one that it came from."""
    if original is not None and read(original) == solution:
        return copy.deepcopy(original)
    made = unwrapped(copy.deepcopy(original)) if original is not None else {}
    known = {str(_get(one, "container_name")): one for one in listed(made, "nodes")}
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
    kept = {key: value for key, value in raw.items() if key not in CAMEL}
    return {
        **kept, "container_name": node.id, "node_type": node.kind, "image": node.image,
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
        name, host, port = one.get("container_name"), one.get("ip_address"), one.get("port")
        if not name or not host or not str(port or "").isdigit():
            place = f"docker_info_list[{at}]"
            raise Unreadable(f"{place}: expected container_name, ip_address and a port (a number)")
        found[str(name)] = f"{host}:{port}"
    return found


def served(solution: Solution) -> list[Node]:
    """Nodes that are containers of their own."""
    return [node for node in solution.nodes if node.kind not in ("Splitter", "Collator")]


__all__ = [
    "CONNECTOR", "PORT", "PROBE", "addresses", "dockerinfo", "read", "served", "unwrapped", "write"
]
