"""CDUMP, the document of Acumos' editor: read, and written without loss.

What was read is kept as it is; `write` changes only what a solution says differently, so that keys that
nobody knows travel on. Repeated relations and those that lead nowhere stay in the document and out of the
solution.
"""

from __future__ import annotations

import copy
import uuid
from typing import Any

from pinnace.authoring.blueprint import signature
from pinnace.authoring.blueprint.rules import check
from pinnace.authoring.blueprint.solution import (
    MAPS,
    Field,
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

DEEPEST = 100
"""Levels of nesting that are read."""
NAMESPACE = uuid.UUID("5b1f0d2c-6d0a-4f0e-9d0c-4b6a1f9c7a11")
"""Of the ids that a link gets for what it joins, so that the same drawing is the same document."""


def read(document: Obj) -> Solution:
    """Unreadable names the field."""
    nodes = tuple(_node(one, f"nodes[{at}]") for at, one in enumerate(listed(document, "nodes")))
    for at, node in enumerate(nodes):
        if any(other.id == node.id for other in nodes[:at]):
            raise Unreadable(f"nodes[{at}].nodeId: {node.id!r} is used twice")
    links = [_link(one, f"relations[{at}]") for at, one in enumerate(listed(document, "relations"))]
    kept, strays = sorted_out(links, {node.id for node in nodes})
    return Solution(
        name=_text(document, "cname") or _text(document, "name"), version=_text(document, "version"),
        nodes=nodes, links=kept, probe=_text(document, "probeIndicator").lower() == "true",
        strays=tuple(strays),
    )


def _text(raw: Obj, field: str) -> str:
    found = raw.get(field)
    return "" if found is None or isinstance(found, dict | list) else str(found)


def _node(raw: Obj, place: str) -> Node:
    name = raw.get("nodeId") or raw.get("name")
    if not name:
        raise Unreadable(f"{place}.nodeId: a node needs one")
    kind = raw.get("type")
    return Node(
        id=str(name), name=_text(raw, "name") or str(name),
        kind=str((kind.get("name") if isinstance(kind, dict) else kind) or "MLModel").strip(),
        image=_text(raw, "image"), proto_uri=_text(raw, "protoUri"),
        operations=_operations(raw, place), maps=_maps(raw, place),
    )


def _maps(raw: Obj, place: str) -> Obj:
    properties: Any = raw.get("properties")
    listed_ones = [properties] if isinstance(properties, dict) else listed(raw, "properties", place)
    found: Obj = {}
    for at, one in enumerate(listed_ones):
        for name in MAPS:
            if one.get(name) is not None:
                check(one[name], f"{place}.properties[{at}].{name}")
                found[name] = one[name]
    return found


def _operations(raw: Obj, place: str) -> tuple[Operation, ...]:
    """An output port and an input port of one operation are one."""
    found: dict[str, list[tuple[Message, ...]]] = {}
    for at, (part, inner) in enumerate((("capabilities", "target"), ("requirements", "capability"))):
        for index, port in enumerate(listed(raw, part, place)):
            about = port.get(inner) or {}
            if not isinstance(about, dict):
                raise Unreadable(f"{place}.{part}[{index}].{inner}: expected an object with id and name")
            sides = found.setdefault(str(about.get("id") or ""), [(), ()])
            sides[at] = _messages(about.get("name"), f"{place}.{part}[{index}].{inner}.name")
    return tuple(Operation(name, given, made) for name, (given, made) in found.items())


def _messages(raw: Any, place: str) -> tuple[Message, ...]:
    if not raw or isinstance(raw, str):
        return ()
    if not isinstance(raw, list):
        raise Unreadable(f"{place}: expected a list of messages")
    return tuple(message(one, f"{place}[{at}]") for at, one in enumerate(raw) if isinstance(one, dict))


def message(raw: Obj, place: str = "message", depth: int = 0) -> Message:
    if depth > DEEPEST:
        raise Unreadable(f"{place}: messages are nested deeper than {DEEPEST}")
    known = None
    if raw.get("messageargumentList") is not None:
        fields = listed(raw, "messageargumentList", place)
        inside = f"{place}.messageargumentList"
        known = tuple(_field(one, f"{inside}[{at}]", depth) for at, one in enumerate(fields))
    return Message(_text(raw, "messageName"), known)


def _field(raw: Obj, place: str, depth: int) -> Field:
    nested = raw.get("complexType")
    inner = None
    if isinstance(nested, dict):
        inner = message(nested, f"{place}.complexType", depth + 1).fields or ()
    role = str(raw.get("role") or "")
    return Field(
        str(raw.get("name") or ""), str(raw.get("tag") or ""), str(raw.get("type") or ""),
        "repeated" if role == "repeated" else "", inner,
    )


def _link(raw: Obj, place: str) -> Link:
    for field in ("sourceNodeId", "targetNodeId"):
        if not isinstance(raw.get(field), str):
            raise Unreadable(f"{place}.{field}: a link needs one")
    return Link(
        raw["sourceNodeId"], signature.operation(str(raw.get("sourceNodeRequirement") or "")),
        raw["targetNodeId"], signature.operation(str(raw.get("targetNodeCapability") or "")),
        str(raw.get("linkId") or ""),
    )


# ---- writing -----------------------------------------------------------------------------------


def write(solution: Solution, original: Obj | None = None) -> Obj:
    """The document of a solution, on top of the one that it came from."""
    made: Obj = copy.deepcopy(original) if original is not None else {}
    if original is not None and read(original) == solution:
        return made
    made.setdefault("cname", solution.name)
    made["version"] = solution.version
    made["probeIndicator"] = "true" if solution.probe else "false"
    known = {str(one.get("nodeId") or one.get("name")): one for one in listed(made, "nodes")}
    made["nodes"] = [
        _written(node, known.get(node.id, {}), at) for at, node in enumerate(solution.nodes)
    ]
    made["relations"] = _relations(solution, made)
    made.setdefault("validSolution", False)
    return made


def _written(node: Node, raw: Obj, at: int) -> Obj:
    fresh: Obj = {
        "name": node.name, "nodeId": node.id, "nodeSolutionId": "", "nodeVersion": "",
        "protoUri": node.proto_uri,
        "requirements": [_requirement(one) for one in node.operations if one.outputs],
        "properties": [{name: value} for name, value in node.maps.items()],
        "capabilities": [_capability(one) for one in node.operations if one.inputs],
        "ndata": {"px": str(150 + 250 * at), "py": "300", "fixed": True}, "type": {"name": node.kind},
    }
    if node.image:
        fresh["image"] = node.image
    if not raw:
        return fresh
    if _node(raw, "") == node:
        return raw
    kept = ("nodeSolutionId", "nodeVersion", "ndata")
    return {**raw, **{key: value for key, value in fresh.items() if key not in kept or key not in raw}}


def _requirement(one: Operation) -> Obj:
    return {
        "name": "", "relationship": "", "id": "",
        "capability": {"id": one.name, "name": [_said(each) for each in one.outputs]},
        "target": {"name": "", "description": ""}, "target_type": "Node",
    }


def _capability(one: Operation) -> Obj:
    return {
        "id": "", "name": "", "target": {"name": [_said(each) for each in one.inputs], "id": one.name},
        "target_type": "Capability",
    }


def _said(one: Message) -> Obj:
    made: Obj = {"messageName": one.name}
    if one.fields is not None:
        made["messageargumentList"] = [_argument(field) for field in one.fields]
    return made


def _argument(field: Field) -> Obj:
    made: Obj = {"name": field.name, "role": field.role, "tag": field.tag, "type": field.type}
    if field.message is not None:
        inner = [_argument(one) for one in field.message]
        made["complexType"] = {"messageName": field.type, "messageargumentList": inner}
    return made


def _relations(solution: Solution, made: Obj) -> list[Obj]:
    """Those that stand there for a link, and new ones for links that have none."""
    left = list(solution.links)
    kept = []
    for raw in listed(made, "relations"):
        link = _link(raw, "relations")
        match = next((one for one in left if _same(one, link)), None)
        if match is not None:
            left.remove(match)
            kept.append(raw)
    return kept + [_relation(solution, one) for one in left]


def _same(one: Link, other: Link) -> bool:
    mine, theirs = ((x.source, x.operation, x.target, x.entry) for x in (one, other))
    return mine == theirs


def _relation(solution: Solution, link: Link) -> Obj:
    source, target = solution.node(link.source), solution.node(link.target)
    gives = source.operation(link.operation) if source else None
    takes = target.operation(link.entry) if target else None
    joined = f"{link.source}\0{link.operation}\0{link.target}\0{link.entry}"
    return {
        "linkName": "", "linkId": link.id or str(uuid.uuid5(NAMESPACE, joined)),
        "sourceNodeName": source.name if source else link.source,
        "targetNodeName": target.name if target else link.target, "targetNodeId": link.target,
        "targetNodeCapability": signature.written(link.entry, takes.inputs if takes else (), "cap0"),
        "sourceNodeId": link.source,
        "sourceNodeRequirement": signature.written(link.operation, gives.outputs if gives else (), "req0"),
    }
