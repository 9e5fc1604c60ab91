"""A Workflow's nodes: rows in the store, `.status.nodes` for readers, `workflownodes.pinnace.dev` for live
views.

The engine writes one row a node (kind "node", owner the workflow's uid, key the node's id, body a
NodeStatus in JSON). `WorkflowNodes` is the Projection of Workflows and the Virtual resource of single
nodes; control registers it under both. Invariant: a reader's resourceVersion covers the rows that it saw,
so that an edit of `.status.nodes` made on an older picture of a row is found out, and is a 409.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from pinnace.kinds import nodes as picturing
from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import reading, refusals, selector
from pinnace.objects.client import Page, Selection, WatchEvent
from pinnace.objects.document import name_of, namespace_of, revision_of, uid_of
from pinnace.objects.gallery import Gallery
from pinnace.objects.house import NODE
from pinnace.objects.lineage.keeping import NODE as LINEAGE_NODE
from pinnace.objects.selector import Selector
from pinnace.store.interface import Row, Store

WORKFLOWS = "workflows.argoproj.io"
LABEL = "workflows.argoproj.io/workflow"
RUN = "run"
SMALL = 200
"""Nodes from which on a picture is drawn beside the loop."""


_statuses = msgspec.json.Decoder(NodeStatus)


class WorkflowNodes:
    row_kind = NODE

    def __init__(self, store: Store, workflows: Resource) -> None:
        self.store = store
        self.workflows = workflows
        self.gallery = Gallery(store, WORKFLOWS, NODE)
        self._watches: set[_Watch] = set()
        self._forgotten = store.rv
        """Rows have no log: what was removed up to here cannot be told to a watcher that comes later."""

    # The projection ---------------------------------------------------------------------------------------

    def expand(self, obj: Obj) -> Obj:
        return _assembled(obj, self.store.rows(NODE, uid_of(obj)), picturing.picture)

    def settled(self, obj: Obj) -> bool:
        return bool((obj.get("status") or {}).get("finishedAt"))

    async def passing(self, obj: Obj) -> Obj:
        """For a watch: the nodes may be newer than the document, which keeps its own revision. With theirs it
        would be taken for the version that was written with them, and that one would never be seen."""
        rows = self.store.rows(NODE, uid_of(obj), limit=SMALL)
        if len(rows) < SMALL:
            shown = _assembled(obj, rows, picturing.document)
            return {**shown, "metadata": obj["metadata"]}
        drawn = await self.gallery.show(uid_of(obj), namespace_of(obj), name_of(obj))
        return obj if drawn is None else _framed(obj, 0, drawn.nodes)

    async def gathered(self, namespace: str, name: str) -> Obj | None:
        obj = self.store.get(WORKFLOWS, namespace, name)
        if obj is None:
            return None
        rows = self.store.rows(NODE, uid_of(obj), limit=SMALL)
        if len(rows) < SMALL:
            return _assembled(obj, rows, picturing.document)
        shown = await self.gallery.show(uid_of(obj), namespace, name)
        if shown is None:  # it went meanwhile, or another one stands in its place
            return self.store.get(WORKFLOWS, namespace, name)
        return _framed(shown.obj, shown.newest, shown.nodes)

    def weight(self, obj: Obj) -> int:
        nodes = (obj.get("status") or {}).get("nodes")
        return memoryview(nodes).nbytes if isinstance(nodes, msgspec.Raw) else 0

    def absorb(self, stored: Obj, wanted: Obj) -> tuple[Obj, list[Row]]:
        status = wanted.get("status")
        if not isinstance(status, dict) or not isinstance(wanted.get("metadata"), dict):
            return self._translated(stored, wanted), []
        nodes = status.get("nodes")
        if nodes is not None and not isinstance(nodes, dict):
            return wanted, []  # the schema names what is wrong with it
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

    # The resource of single nodes -------------------------------------------------------------------------

    async def ready(self) -> None:
        """Rows are what they are."""

    def get(self, name: str, namespace: str) -> Obj:
        for workflow in self.store.list(WORKFLOWS, namespace or None).items:
            if name == name_of(workflow) or name.startswith(name_of(workflow) + "-"):
                for row in self.store.rows(NODE, uid_of(workflow)):
                    if row[1] == name:
                        return _node(workflow, row[1:])
        raise refusals.not_found(WORKFLOW_NODES, name)

    def list(self, namespace: str, selection: Selection) -> Page:
        asked = selector.parse(WORKFLOW_NODES, selection.labels, selection.fields)
        revision = self.store.rv
        found = [node for _, node in self._nodes(namespace, asked, 0)]
        found.sort(key=lambda node: (namespace_of(node), name_of(node)))
        after = int(selection.continue_) if selection.continue_.isdigit() else 0
        end = after + selection.limit if selection.limit > 0 else len(found)
        left = max(0, len(found) - end)
        return Page(found[after:end], str(revision), str(end) if left else "", left)

    def _nodes(self, namespace: str, asked: Selector, newer_than: int) -> Iterable[tuple[str, Obj]]:
        for workflow in self._workflows(namespace, asked):
            for row in self.store.rows(NODE, uid_of(workflow), newer_than=newer_than):
                node = _node(workflow, row[1:])
                if asked.fits(node):
                    yield uid_of(workflow), node

    def _workflows(self, namespace: str, asked: Selector) -> builtins.list[Obj]:
        """Only the workflows that the selector can mean."""
        named = [term.values for term in asked.labels if term.key == LABEL and term.op in ("=", "in")]
        if named and namespace:
            found = (self.store.get(WORKFLOWS, namespace, name) for name in named[0])
            return [workflow for workflow in found if workflow is not None]
        return self.store.list(WORKFLOWS, namespace or None).items

    def watch(self, namespace: str, selection: Selection) -> AsyncIterator[WatchEvent]:
        asked = selector.parse(WORKFLOW_NODES, selection.labels, selection.fields)
        since = 0
        if selection.resource_version not in ("", "0"):
            since = reading.check_revision(self.store, selection.resource_version)
        return self._watch(namespace, asked, since)

    async def _watch(self, namespace: str, asked: Selector, since: int) -> AsyncIterator[WatchEvent]:
        shown: dict[str, Obj] = {}
        if since and since < self._forgotten:
            yield WatchEvent("ERROR", refusals.too_old(since, self.store.rv).status())
            return
        if since:  # the client has seen these: no ADDED for them again
            known = (node for _, node in self._nodes(namespace, asked, 0))
            shown = {uid_of(node): node for node in known if revision_of(node) <= since}
        after = since
        watch = _Watch()
        self._watches.add(watch)
        try:
            while True:
                watch.wake.clear()
                gone, watch.gone = watch.gone, []
                now = self.store.rv
                for _, node in self._nodes(namespace, asked, after):
                    kind = "MODIFIED" if uid_of(node) in shown else "ADDED"
                    shown[uid_of(node)] = node
                    yield WatchEvent(kind, node)
                after = now
                for owner, key in gone:
                    for uid in [uid for uid in shown if _under(uid, owner, key)]:
                        yield WatchEvent("DELETED", shown.pop(uid))
                await watch.wake.wait()
        finally:
            self._watches.discard(watch)

    def changed(self, rows: Iterable[Row]) -> None:
        gone = [(row.owner, row.key) for row in rows if row.body is None]
        if gone:
            self._forgotten = self.store.rv
        for watch in self._watches:
            watch.gone.extend(gone)
            watch.wake.set()


Assemble = Callable[[list[tuple[str, bytes]]], Any]


def _assembled(obj: Obj, rows: list[tuple[str, str, int, bytes]], assemble: Assemble) -> Obj:
    if not rows:
        return obj
    nodes = assemble([(key, body) for _, key, _, body in rows])
    return _framed(obj, max(rv for _, _, rv, _ in rows), nodes)


def _framed(obj: Obj, newest: int, nodes: Any) -> Obj:
    """The document with its nodes, at the revision that covers both."""
    meta = {**obj["metadata"], "resourceVersion": str(max(newest, revision_of(obj)))}
    return {**obj, "metadata": meta, "status": {**(obj.get("status") or {}), "nodes": nodes}}


class _Watch:
    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.gone: list[tuple[str, str]] = []


def _revision(obj: Obj) -> int:
    text = obj["metadata"].get("resourceVersion") if isinstance(obj.get("metadata"), dict) else None
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _under(uid: str, owner: str, key: str) -> bool:
    return uid.startswith(f"{owner}/") if key == "*" else uid == f"{owner}/{key}"


def _node(workflow: Obj, row: tuple[str, int, bytes]) -> Obj:
    key, rv, body = row
    status = msgspec.json.decode(body)
    links = status.pop(picturing.PRIVATE, None) or {}
    return {
        "apiVersion": WORKFLOW_NODES.api_version,
        "kind": WORKFLOW_NODES.kind,
        "metadata": {
            "name": key,
            "namespace": namespace_of(workflow),
            "labels": {LABEL: name_of(workflow)},
            "uid": f"{uid_of(workflow)}/{key}",
            "resourceVersion": str(rv),
            "creationTimestamp": workflow["metadata"]["creationTimestamp"],
            "ownerReferences": [
                {
                    "apiVersion": workflow["apiVersion"],
                    "kind": workflow["kind"],
                    "name": name_of(workflow),
                    "uid": uid_of(workflow),
                    "controller": True,
                }
            ],
        },
        "links": links,
        "status": status,
    }
