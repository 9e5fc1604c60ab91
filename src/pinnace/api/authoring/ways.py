"""`ways`: which branch of a drawn InferenceGraph a message would take; nothing is asked, and the graph need
not be served. Every Switch is told as if the message came to it, every condition of a Sequence as if the
message were the answer before it."""

from __future__ import annotations

import json
from typing import Any

from pinnace.api.authoring.asked import Asked, invalid, one
from pinnace.kinds.resource import Obj


def ways(asked: Asked) -> Obj:
    """`{"nodes": {name: {"router", "taken", "steps": [{"index", "condition", "met", "problem"}]}}}` of the
    nodes that have conditions; `taken` is a step's index, null where none is."""
    document = one(asked)
    if document.get("kind") != "InferenceGraph":
        raise invalid("document.kind", f"expected InferenceGraph, found {document.get('kind')!r}")
    try:
        message = json.loads(asked.message)
    except (ValueError, RecursionError) as problem:
        raise invalid("message", f"it is no JSON: {problem}") from None
    nodes = (document.get("spec") or {}).get("nodes")
    if not isinstance(nodes, dict):
        raise invalid("document.spec.nodes", "expected an object of nodes")
    found = {name: _of(node, message) for name, node in nodes.items() if isinstance(node, dict)}
    return {"nodes": {name: told for name, told in found.items() if told["steps"]}}


def _of(node: Obj, message: Any) -> Obj:
    router, listed = str(node.get("routerType") or ""), node.get("steps") or []
    steps = [
        {"index": at, "condition": step["condition"], **_judged(message, str(step["condition"]))}
        for at, step in enumerate(listed) if isinstance(step, dict) and step.get("condition")
    ]
    met = [each["index"] for each in steps if each["met"]]
    return {"router": router, "taken": met[0] if router == "Switch" and met else None, "steps": steps}


def _judged(message: Any, condition: str) -> Obj:
    from pinnace.gateway.graph import conditions

    try:
        return {"met": conditions.exists(message, condition), "problem": ""}
    except conditions.Unreadable as problem:
        return {"met": False, "problem": str(problem)}
