"""A blueprint in one spelling, however the many tools around Acumos have written it; pure.

Newer projects wrap it under `nodes` (pipeline-topology/v2), some write camelCase, and the oldest say with
`depends_on` and `input_operation_signatures` what `connected_to` and `input_ports` say since: there an
operation is named only by who leads to it, and the last containers stand nowhere else. Callers:
`composition`, and the composer's reader of blueprints. What is malformed stays as it is: readers name it.
Source: src/main/resources of acumos/runtime-orchestrator in all its versions, acumos-azure-client.
"""

from __future__ import annotations

import re
from typing import Any

Obj = dict[str, Any]
CAMEL = {
    "containerName": "container_name", "nodeType": "node_type", "protoUri": "proto_uri",
    "operationSignatureLists": "operation_signature_list",
    "operationSignatureList": "operation_signature_list", "dataSources": "data_sources",
    "dataBrokerMap": "data_broker_map", "splitterMap": "splitter_map", "collatorMap": "collator_map",
    "dataMap": "data_map", "dependsOn": "depends_on",
}
TOP = {
    "inputPorts": "input_ports", "probe_indicator": "probeIndicator",
    "inputOperationSignatures": "input_operation_signatures",
}
ELDER = ("input_operation_signatures", "input_operation_signature")
_RPC = re.compile(
    r"(\w+)\s*\(\s*(?:stream\s+)?([\w.]*)\s*\)\s*returns\s*\(\s*(?:stream\s+)?([\w.]*)\s*\)"
)


def modern(document: Obj) -> Obj:
    """The same, its nodes in a list, under the names that are used since 2018."""
    top = {TOP.get(key, key): value for key, value in unwrapped(document).items()}
    nodes = top.get("nodes")
    if not isinstance(nodes, list):
        return top
    top["nodes"] = [_snake(one) if isinstance(one, dict) else one for one in nodes]
    listed = [one for one in top["nodes"] if isinstance(one, dict)]
    if any("depends_on" in one for one in listed) or any(key in top for key in ELDER):
        return _younger(top, listed)
    return top


def unwrapped(document: Obj) -> Obj:
    """Where nodes are a list."""
    found: Any = document
    while isinstance(found.get("nodes"), dict):
        outer = {key: found[key] for key in ("name", "version") if key in found}
        found = {**outer, **found["nodes"]}
    return dict(found)


def _snake(node: Obj) -> Obj:
    return {CAMEL.get(key, key): value for key, value in node.items() if CAMEL.get(key, key) == key or
            CAMEL[key] not in node}


def operation(signature: Any) -> Obj:
    """`operation_name` and the messages, where they are said: of an object, or of a line of a proto file."""
    if isinstance(signature, dict):
        name = signature.get("operation_name", signature.get("operation", signature.get("operationName")))
        if name is None and "operation_signature" in signature:
            return operation(signature["operation_signature"])
        return {**signature, "operation_name": name} if name is not None else dict(signature)
    found = _RPC.search(signature) if isinstance(signature, str) else None
    if found is None:
        return {}
    messages = {"input_message_name": found[2], "output_message_name": found[3]}
    return {"operation_name": found[1], **{key: name for key, name in messages.items() if name}}


# ---- the oldest form ---------------------------------------------------------------------------


def _younger(top: Obj, nodes: list[Obj]) -> Obj:
    wires = {str(one.get("container_name")): _wires(one) for one in nodes}
    entered: dict[str, list[Obj]] = {}
    for target, signature in (wire for each in wires.values() for wire in each):
        _once(entered.setdefault(target, []), signature)
    ports = _ports(top, [name for name in wires if name not in entered])
    for container, signature in ports:
        _once(entered.setdefault(container, []), signature)
    made = [_node(one, entered, wires) for one in nodes]
    made += [
        {"container_name": name, "node_type": "MLModel", "operation_signature_list": _signatures(found, [])}
        for name, found in entered.items() if name not in wires
    ]
    kept = {key: value for key, value in top.items() if key not in ELDER}
    return {**kept, "input_ports": top.get("input_ports") or [_port(*one) for one in ports], "nodes": made}


def _wires(node: Obj) -> list[tuple[str, Obj]]:
    listed = node.get("depends_on")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        (str(one.get("name", one.get("container_name")) or ""), operation(one.get("operation_signature")))
        for one in found
    ]


def _ports(top: Obj, first: list[str]) -> list[tuple[str, Obj]]:
    """Every operation that comes from outside, at every container that no other leads to."""
    said: Any = next((top[key] for key in ELDER if key in top), [])
    signatures = [operation(one) for one in (said if isinstance(said, list) else [said])]
    return [(name, one) for name in first for one in signatures if one.get("operation_name")]


def _once(found: list[Obj], signature: Obj) -> None:
    name = signature.get("operation_name")
    if name and all(one.get("operation_name") != name for one in found):
        found.append(signature)


def _node(node: Obj, entered: dict[str, list[Obj]], wires: dict[str, list[tuple[str, Obj]]]) -> Obj:
    kept = {key: value for key, value in node.items() if key != "depends_on"}
    if "operation_signature_list" in kept:
        return kept
    name = str(node.get("container_name"))
    made = _signatures(entered.get(name) or [{"operation_name": ""}], wires[name])
    return {"node_type": "MLModel", **kept, "operation_signature_list": made}


def _signatures(operations: list[Obj], wires: list[tuple[str, Obj]]) -> list[Obj]:
    return [
        {"operation_signature": one, "connected_to": [_port(target, wire) for target, wire in wires]}
        for one in operations
    ]


def _port(container: str, signature: Obj) -> Obj:
    name = signature.get("operation_name") or ""
    return {"container_name": container, "operation_signature": {"operation_name": name}}
