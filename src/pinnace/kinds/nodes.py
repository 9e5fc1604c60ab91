"""`.status.nodes` of a Workflow, made of its rows when somebody reads it.

A row is a NodeStatus that names the nodes *above* it (`Links`), so that writing a child never rewrites its
parent; readers get upstream's `children` and `outboundNodes` from here. Pure. Callers:
`objects/workflow_nodes`, tests, `pinnace.testing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

PRIVATE = "pinnace"
_DERIVED = ("children", "outboundNodes", PRIVATE)
_GROUPS = frozenset({"Steps", "DAG", "StepGroup", "TaskGroup", "Retry"})


def picture(rows: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """Node ID → NodeStatus, in the order in which the nodes came to be."""
    parts = (msgspec.json.encode(key) + b":" + body for key, body in rows)
    found: dict[str, Any] = msgspec.json.decode(b"{" + b",".join(parts) + b"}")
    if not any(PRIVATE in node for node in found.values() if isinstance(node, dict)):
        return found
    links = {key: node.pop(PRIVATE, None) or {} for key, node in found.items()}
    ordered = sorted(found, key=lambda key: links[key].get("order", 0))
    nodes = {key: found[key] for key in ordered}
    family = _Family(nodes, links)
    family.connect()
    return nodes


class _Family:
    def __init__(self, nodes: dict[str, Any], links: dict[str, Any]) -> None:
        self.nodes = nodes
        self.links = links
        self.below: dict[str, list[str]] = {}
        """Children that were named as such; those that only come after a group are not outbound of it."""
        self._outbound: dict[str, list[str]] = {}

    def connect(self) -> None:
        for key in self.nodes:
            for parent in self.links[key].get("parents", ()):
                self.below.setdefault(parent, []).append(key)
        children = {key: list(found) for key, found in self.below.items()}
        for key in self.nodes:
            for before in self.links[key].get("after", ()):
                for last in self.outbound(before):
                    children.setdefault(last, []).append(key)
        for key, found in children.items():
            if key in self.nodes:
                self.nodes[key]["children"] = found
        for key, node in self.nodes.items():
            if node.get("type") in ("Steps", "DAG", "TaskGroup") and node.get("finishedAt"):
                node["outboundNodes"] = self.outbound(key)

    def outbound(self, key: str) -> list[str]:
        known = self._outbound.get(key)
        if known is None:
            self._outbound[key] = [key]
            known = self._outbound[key] = self._find(key) or [key]
        return known

    def _find(self, key: str) -> list[str]:
        node = self.nodes.get(key)
        if node is None or node.get("type") not in _GROUPS:
            return [key]
        if node["type"] in ("Steps", "DAG"):
            below = self.links[key].get("ends", [])
        else:
            below = [child for child in self.below.get(key, []) if not self._hook(child)]
        if node["type"] == "Retry":
            below = below[-1:]
        return [last for child in below for last in self.outbound(child)]

    def _hook(self, key: str) -> bool:
        return bool((self.nodes[key].get("nodeFlag") or {}).get("hooked"))


def row_body(node: Any, before: bytes | None) -> bytes:
    """The row of a node that a client edited: what is derived goes, what only the engine knows stays."""
    if not isinstance(node, dict):
        return msgspec.json.encode(node)
    kept = {key: value for key, value in node.items() if key not in _DERIVED}
    private = msgspec.json.decode(before).get(PRIVATE) if before is not None else None
    return msgspec.json.encode({**kept, PRIVATE: private} if private else kept)
