"""A Workflow's nodes: rows in the store, `.status.nodes` for readers (`single_nodes` shows them one by one).

The engine writes one row a node (kind "node", owner the workflow's uid, key the node's id, body a
NodeStatus in JSON). `WorkflowNodes` is the Projection of Workflows. Invariant: a reader's resourceVersion
covers the rows that it saw, so that an edit of `.status.nodes` made on an older picture of a row is found
out, and is a 409.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pinnace.kinds import nodes as picturing
from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.document import name_of, namespace_of, revision_of, uid_of
from pinnace.objects.gallery import Gallery
from pinnace.objects.house import NODE
from pinnace.objects.lineage.keeping import NODE as LINEAGE_NODE
from pinnace.objects.projection import Part
from pinnace.store.interface import Row, Store

WORKFLOWS = "workflows.argoproj.io"
RUN = "run"
SMALL = 200
"""Nodes from which on a picture is drawn beside the loop."""


_statuses = msgspec.json.Decoder(NodeStatus)


class WorkflowNodes:
    def __init__(self, store: Store, workflows: Resource) -> None:
        self.store = store
        self.workflows = workflows
        self.gallery = Gallery(store, WORKFLOWS, NODE)

    # The projection ---------------------------------------------------------------------------------------

    def expand(self, obj: Obj, part: Part | None = None) -> Obj:
        if part is not None:
            return _parted(obj, part)
        return _assembled(obj, self.store.rows(NODE, uid_of(obj)), picturing.picture)

    def settled(self, obj: Obj) -> bool:
        return bool((obj.get("status") or {}).get("finishedAt"))

    async def passing(self, obj: Obj, *, unfinished: bool = False) -> Obj:
        """For a watch: the nodes may be newer than the document, which keeps its own revision. With theirs it
        would be taken for the version that was written with them, and that one would never be seen."""
        rows = self.store.rows(NODE, uid_of(obj), limit=SMALL)
        if len(rows) < SMALL:
            shown = _assembled(obj, rows, _drawing(unfinished))
            return {**shown, "metadata": obj["metadata"]}
        drawn = await self.gallery.show(uid_of(obj), namespace_of(obj), name_of(obj), unfinished=unfinished)
        return obj if drawn is None else _framed(obj, 0, drawn.nodes)

    def part(self, obj: Obj, patch: Any) -> Part | None:
        """A patch that names its revision is held against all rows."""
        nodes = _patched(patch)
        if nodes is None or len(nodes) > SMALL:
            return None
        return {key: self.store.row(NODE, uid_of(obj), key) for key in nodes}

    async def covering(self, obj: Obj) -> Obj:
        rows = self.store.rows(NODE, uid_of(obj), limit=SMALL)
        if len(rows) < SMALL:
            return _assembled(obj, rows, picturing.document)
        shown = await self.gallery.show(uid_of(obj), namespace_of(obj), name_of(obj))
        return obj if shown is None else _framed(obj, shown.newest, shown.nodes)

    async def gathered(self, namespace: str, name: str, *, unfinished: bool = False) -> Obj | None:
        obj = self.store.get(WORKFLOWS, namespace, name)
        if obj is None:
            return None
        rows = self.store.rows(NODE, uid_of(obj), limit=SMALL)
        if len(rows) < SMALL:
            return _assembled(obj, rows, _drawing(unfinished))
        shown = await self.gallery.show(uid_of(obj), namespace, name, unfinished=unfinished)
        if shown is None:  # it went meanwhile, or another one stands in its place
            return self.store.get(WORKFLOWS, namespace, name)
        return _framed(shown.obj, shown.newest, shown.nodes)

    def weight(self, obj: Obj) -> int:
        nodes = (obj.get("status") or {}).get("nodes")
        return memoryview(nodes).nbytes if isinstance(nodes, msgspec.Raw) else 0

    def absorb(self, stored: Obj, wanted: Obj, part: Part | None = None) -> tuple[Obj, list[Row]]:
        status = wanted.get("status")
        if not isinstance(status, dict) or not isinstance(wanted.get("metadata"), dict):
            return self._translated(stored, wanted), []
        nodes = status.get("nodes")
        if nodes is not None and not isinstance(nodes, dict):
            return wanted, []  # the schema names what is wrong with it
        if part is not None:
            edits = self._edits_of(part, stored, nodes or {})
        else:
            rows = {key: (rv, body) for _, key, rv, body in self.store.rows(NODE, uid_of(stored))}
            edits = self._edits(stored, wanted, rows, nodes or {})
        kept = {key: value for key, value in status.items() if key != "nodes"}
        return self._translated(stored, {**wanted, "status": kept}), edits

    def _translated(self, stored: Obj, wanted: Obj) -> Obj:
        """The stored document's revision in place of one that covers its rows as well."""
        given, own = _revision(wanted), stored["metadata"].get("resourceVersion")
        if own is None or given <= int(own) or given > self.store.rv:
            return wanted
        return {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": own}}

    def _edits(
        self, stored: Obj, wanted: Obj, rows: dict[str, tuple[int, bytes]], nodes: dict[str, Any]
    ) -> list[Row]:
        seen, owner = _revision(wanted), uid_of(stored) or uid_of(wanted)
        shown = picturing.picture((key, body) for key, (_, body) in rows.items())
        changed: list[Row] = []
        for key in {**rows, **nodes}:
            rv, body = rows.get(key, (0, None))
            if key in nodes and body is not None and shown[key] == nodes[key]:
                continue
            if seen and rv > seen:
                why = f"node {key} has changed; please apply your changes to the latest version and try again"
                raise refusals.conflict(self.workflows, name_of(stored), why)
            edit = self._judged(stored, key, nodes[key], body) if key in nodes else None
            changed.append(Row(NODE, owner, key, edit))
        return changed

    def _edits_of(self, part: Part, stored: Obj, nodes: dict[str, Any]) -> list[Row]:
        """Only these were looked at, and nobody had a turn since."""
        before = (_parted(stored, part).get("status") or {}).get("nodes") or {}
        changed = [key for key in part if nodes.get(key) != before.get(key)]
        return [
            Row(
                NODE, uid_of(stored), key,
                self._judged(stored, key, nodes[key], part[key]) if key in nodes else None,
            )
            for key in changed
        ]

    def _judged(self, stored: Obj, key: str, node: Any, before: bytes | None) -> bytes:
        """The row of an edited node. Rows pass no schema: what no reader could read is refused here."""
        body = picturing.row_body(node, before)
        try:
            _statuses.decode(body)
        except msgspec.ValidationError as misfit:
            cause = Cause(f"status.nodes.{key}", f"Invalid value: {misfit}")
            raise refusals.invalid(self.workflows, name_of(stored), [cause]) from None
        return body

    def removed(self, obj: Obj) -> list[Row]:
        """The nodes of a run outlive it as its lineage."""
        uid = uid_of(obj)
        return [Row(NODE, uid, "*", None, becomes=LINEAGE_NODE), Row(RUN, uid, "*", None)]


Assemble = Callable[[list[tuple[str, bytes]]], Any]


def _assembled(obj: Obj, rows: list[tuple[str, str, int, bytes]], assemble: Assemble) -> Obj:
    if not rows:
        return obj
    nodes = assemble([(key, body) for _, key, _, body in rows])
    return _framed(obj, max(rv for _, _, rv, _ in rows), nodes)


def _parted(obj: Obj, part: Part) -> Obj:
    nodes = {
        key: msgspec.json.decode(picturing.halves(body)[0]) for key, body in part.items() if body is not None
    }
    return {**obj, "status": {**(obj.get("status") or {}), "nodes": nodes}} if nodes else obj


def _patched(patch: Any) -> dict[str, Any] | None:
    """The nodes that a merge patch names; None: it may mean any of them."""
    if not isinstance(patch, dict):
        return None
    meta, status = patch.get("metadata", {}), patch.get("status", {})
    if not isinstance(meta, dict) or "resourceVersion" in meta or not isinstance(status, dict):
        return None
    nodes = status.get("nodes", {})
    return nodes if isinstance(nodes, dict) else None


def _drawing(unfinished: bool) -> Assemble:
    return picturing.unfinished if unfinished else picturing.document


def _framed(obj: Obj, newest: int, nodes: Any) -> Obj:
    """The document with its nodes, at the revision that covers both."""
    meta = {**obj["metadata"], "resourceVersion": str(max(newest, revision_of(obj)))}
    return {**obj, "metadata": meta, "status": {**(obj.get("status") or {}), "nodes": nodes}}


def _revision(obj: Obj) -> int:
    text = obj["metadata"].get("resourceVersion") if isinstance(obj.get("metadata"), dict) else None
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19 else 0
