"""`.status.nodes` of a Workflow, made of its rows when somebody reads it.

A row is a NodeStatus that names the nodes *above* it (`Links`), so that writing a child never rewrites its
parent; readers get upstream's `children` and `outboundNodes` from here. Pure. Callers:
`objects/workflow_nodes`, tests, `pinnace.testing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

PRIVATE = "pinnace"
_DERIVED = ("children", "outboundNodes", PRIVATE)
_GROUPS = frozenset({"Steps", "DAG", "StepGroup", "TaskGroup", "Retry"})
_OUTWARD = frozenset({"Steps", "DAG", "TaskGroup"})
_TAIL = b',"pinnace":{'
"""How the private part begins: writers put it last, and no string can hold these quotes unescaped."""


class Place(msgspec.Struct, gc=False):
    """How a node hangs in its run: below parents, or after all that ends what came before (`argo.Links`)."""

    parents: list[str] = []
    after: list[str] = []
    ends: list[str] = []
    order: int = 0


class Head(msgspec.Struct, gc=False):
    """As much of a NodeStatus as its place in the tree depends on."""

    type: str = ""
    finished_at: str | None = msgspec.field(default=None, name="finishedAt")
    node_flag: dict[str, Any] | None = msgspec.field(default=None, name="nodeFlag")
    pinnace: Place | None = None


heads = msgspec.json.Decoder(Head)
_NONE = Place()


def picture(rows: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """Node ID → NodeStatus, in the order in which the nodes came to be."""
    parts = (msgspec.json.encode(key) + b":" + body for key, body in rows)
    found: dict[str, Any] = msgspec.json.decode(b"{" + b",".join(parts) + b"}")
    if not any(PRIVATE in node for node in found.values() if isinstance(node, dict)):
        return found
    family = Family({key: msgspec.convert(node, Head) for key, node in found.items()})
    nodes = {key: found[key] for key in family.heads}
    for node in nodes.values():
        node.pop(PRIVATE, None)
    for key, children in family.children.items():
        nodes[key]["children"] = children
    for key in family.outward():
        nodes[key]["outboundNodes"] = family.outbound(key)
    return nodes


def document(rows: Sequence[tuple[str, bytes]]) -> msgspec.Raw:
    """`picture` as JSON, put together from the rows' own bytes: for readers who only pass it on.

    No node becomes an object on the way, which a watch on a run of thousands of nodes would feel."""
    family = Family({key: heads.decode(body) for key, body in rows})
    bodies = dict(rows)
    parts = (stem(key, bodies[key], head) + tail(key, family) for key, head in family.heads.items())
    return msgspec.Raw(b"{" + b",".join(parts) + b"}")


def unfinished(rows: Iterable[tuple[str, bytes]]) -> msgspec.Raw:
    """Those of `document` that are not finished, each for itself: without what hangs below it."""
    known = ((key, body, heads.decode(body)) for key, body in rows)
    parts = (stem(key, body, head) + b"}" for key, body, head in known if not head.finished_at)
    return msgspec.Raw(b"{" + b",".join(parts) + b"}")


def stem(key: str, body: bytes, head: Head) -> bytes:
    """One entry without its end: what the row says, save its private part."""
    public = body[: body.rindex(_TAIL)] if head.pinnace is not None else body[:-1]
    return b"%b:%b" % (msgspec.json.encode(key), public)


def halves(body: bytes) -> tuple[bytes, bytes]:
    """A row as two documents: what it says to everybody, and how the node hangs in its run."""
    if heads.decode(body).pinnace is None:
        return body, b"{}"
    at = body.rindex(_TAIL)
    return body[:at] + b"}", body[at + len(_TAIL) - 1 : -1]


def tail(key: str, family: Family) -> bytes:
    """The end of an entry: what readers get in the private part's place."""
    children = family.children.get(key)
    if children is None and family.heads[key].type not in _OUTWARD:
        return b"}"
    parts = []
    if children:
        parts.append(b',"children":' + msgspec.json.encode(children))
    if family.outwards(key):
        parts.append(b',"outboundNodes":' + msgspec.json.encode(family.outbound(key)))
    return b"".join((*parts, b"}"))


class Family:
    """`heads` in the order in which the nodes came to be; `children` of each that has some."""

    def __init__(self, heads: dict[str, Head]) -> None:
        self.links = {key: head.pinnace or _NONE for key, head in heads.items()}
        self.heads = {key: heads[key] for key in sorted(heads, key=lambda key: self.links[key].order)}
        self.below: dict[str, list[str]] = {}
        """Children that were named as such; those that only come after a group are not outbound of it."""
        self._outbound: dict[str, list[str]] = {}
        self.children = self._connect()

    def _connect(self) -> dict[str, list[str]]:
        for key in self.heads:
            for parent in self.links[key].parents:
                self.below.setdefault(parent, []).append(key)
        children = {key: list(found) for key, found in self.below.items()}
        for key in self.heads:
            for before in self.links[key].after:
                for last in self.outbound(before):
                    children.setdefault(last, []).append(key)
        return {key: found for key, found in children.items() if key in self.heads}

    def outward(self) -> list[str]:
        return [key for key in self.heads if self.outwards(key)]

    def outwards(self, key: str) -> bool:
        head = self.heads[key]
        return head.type in _OUTWARD and bool(head.finished_at)

    def outbound(self, key: str) -> list[str]:
        known = self._outbound.get(key)
        if known is None:
            self._outbound[key] = [key]
            known = self._outbound[key] = self._find(key) or [key]
        return known

    def _find(self, key: str) -> list[str]:
        head = self.heads.get(key)
        if head is None or head.type not in _GROUPS:
            return [key]
        if head.type in ("Steps", "DAG"):
            below = self.links[key].ends
        else:
            below = [child for child in self.below.get(key, []) if not self._hook(child)]
        if head.type == "Retry":
            below = below[-1:]
        return [last for child in below for last in self.outbound(child)]

    def _hook(self, key: str) -> bool:
        return bool((self.heads[key].node_flag or {}).get("hooked"))


def row_body(node: Any, before: bytes | None) -> bytes:
    """The row of a node that a client edited: what is derived goes, what only the engine knows stays."""
    if not isinstance(node, dict):
        return msgspec.json.encode(node)
    kept = {key: value for key, value in node.items() if key not in _DERIVED}
    private = msgspec.json.decode(before).get(PRIVATE) if before is not None else None
    return msgspec.json.encode({**kept, PRIVATE: private} if private else kept)
