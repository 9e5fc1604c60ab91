"""`workflownodes.pinnace.dev`: the nodes of Workflows one by one, read-only, for live views.

What is listed and watched are the engine's rows (see `workflow_nodes`), passed on as the JSON that they are.
Runs have thousands of them: rows are read beside the loop, and shown a few at a time. Invariant: a watch from
a list's resourceVersion misses no row that was written after the list was read.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import msgspec

from pinnace.kinds import nodes as picturing
from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.kinds.resource import Obj
from pinnace.objects import reading, refusals, selector
from pinnace.objects.client import Page, Selection, WatchEvent
from pinnace.objects.document import name_of, namespace_of, uid_of
from pinnace.objects.house import NODE
from pinnace.objects.selector import Selector, matches
from pinnace.store.interface import Row, Store

WORKFLOWS = "workflows.argoproj.io"
LABEL = "workflows.argoproj.io/workflow"
SLICE = 200
"""Nodes that are shown before others have a turn of the loop."""


class SingleNodes:
    row_kind = NODE

    def __init__(self, store: Store) -> None:
        self.store = store
        self._watches: set[_Watch] = set()
        self._forgotten = store.rv
        """Rows have no log: what was removed up to here cannot be told to a watcher that comes later."""

    async def ready(self) -> None:
        """Rows are what they are."""

    async def get(self, name: str, namespace: str) -> Obj:
        for workflow in self._above(name, namespace):
            if self.store.row(NODE, uid_of(workflow), name) is not None:
                run = _Run(workflow, raw=False)
                found = [row for row in await self._rows(run) if row[0] == name]
                if found:
                    return run.node(*found[0])
        raise refusals.not_found(WORKFLOW_NODES, name)

    async def list(self, namespace: str, selection: Selection) -> Page:
        asked = selector.parse(WORKFLOW_NODES, selection.labels, selection.fields)
        after = int(selection.continue_) if selection.continue_.isdigit() else 0
        revision = self.store.rv
        found = [
            (run, row) for run in self._runs(namespace, asked, raw=_raw(selection))
            for row in await self._rows(run) if _named(asked, run, row[0])
        ]
        end = min(len(found), after + selection.limit) if selection.limit > 0 else len(found)
        items = []
        for run, row in found[after:end]:
            items.append(run.node(*row))
            if len(items) % SLICE == 0:
                await asyncio.sleep(0)
        left = len(found) - end
        return Page(items, str(revision), str(end) if left > 0 else "", max(0, left))

    def watch(self, namespace: str, selection: Selection) -> AsyncIterator[WatchEvent]:
        asked = selector.parse(WORKFLOW_NODES, selection.labels, selection.fields)
        since = 0
        if selection.resource_version not in ("", "0"):
            since = reading.check_revision(self.store, selection.resource_version)
        return self._watch(_Watch(namespace, asked, _raw(selection)), since)

    def changed(self, rows: Iterable[Row]) -> None:
        touched: dict[str, str] = {}
        gone: builtins.list[tuple[str, str]] = []
        for row in rows:
            if row.body is None:
                gone.append((row.owner, row.key))
            else:
                touched[row.owner] = row.key
        if gone:
            self._forgotten = self.store.rv
        for watch in self._watches:
            watch.tell(touched, gone)

    # Reading ----------------------------------------------------------------------------------------------

    def _runs(self, namespace: str, asked: Selector, *, raw: bool) -> Iterator[_Run]:
        """Only the runs whose nodes the selector can mean."""
        named = [term.values for term in asked.labels if term.key == LABEL and term.op in ("=", "in")]
        found: Iterable[Obj | None]
        if named and namespace:
            found = [self.store.get(WORKFLOWS, namespace, name) for name in dict.fromkeys(named[0])]
        else:
            found = self.store.list(WORKFLOWS, namespace or None).items
        for workflow in found:
            if workflow is not None and matches(asked.labels, {LABEL: name_of(workflow)}):
                yield _Run(workflow, raw=raw)

    async def _rows(self, run: _Run) -> builtins.list[_Row]:
        """All of them, by key; none if the run has gone, or another one stands in its place."""
        found = await self.store.gathered(WORKFLOWS, run.namespace, run.name, NODE)
        if found is None or uid_of(found.obj) != run.uid:
            return []
        return [(key, rv, body) for (key, body), rv in zip(found.rows, found.revisions, strict=True)]

    def _above(self, key: str, namespace: str) -> Iterator[Obj]:
        """The workflows of which a node's name can be: it begins with theirs."""
        name = key
        while name:
            workflow = self.store.get(WORKFLOWS, namespace, name) if namespace else None
            if workflow is not None:
                yield workflow
            name = name.rpartition("-")[0]

    # Watching ---------------------------------------------------------------------------------------------

    async def _watch(self, watch: _Watch, since: int) -> AsyncIterator[WatchEvent]:
        if since and since < self._forgotten:
            yield WatchEvent("ERROR", refusals.too_old(since, self.store.rv).status())
            return
        self._watches.add(watch)
        try:
            for run in self._runs(watch.namespace, watch.asked, raw=watch.raw):
                run.after = self.store.rv
                watch.runs[run.uid] = run
                rows = await self._rows(run)
                run.after = max([run.after, *(rv for _, rv, _ in rows)])
                async for event in _shown(watch.asked, run, rows, since):
                    yield event
            while True:
                async for event in self._news(watch):
                    yield event
                await watch.wake.wait()
        finally:
            self._watches.discard(watch)

    async def _news(self, watch: _Watch) -> AsyncIterator[WatchEvent]:
        """What happened since the last look."""
        touched, gone = watch.take()
        for uid, key in touched.items():
            run = watch.runs[uid] if uid in watch.runs else self._adopted(watch, uid, key)
            if run is None:
                continue
            now = self.store.rv
            rows = self.store.rows(NODE, uid, newer_than=run.after)
            run.after = now
            async for event in _shown(watch.asked, run, [row[1:] for row in rows]):
                yield event
        for uid, key in gone:
            if (run := watch.runs.get(uid)) is not None:
                for name in self._lost(run, key):
                    yield WatchEvent("DELETED", run.node(name, *run.seen.pop(name)))
            if key == "*":
                watch.runs.pop(uid, None)

    def _lost(self, run: _Run, key: str) -> builtins.list[str]:
        """The nodes that a client believes in and that went; one that has come back has not."""
        if key == "*":
            return list(run.seen)
        return [key] if key in run.seen and self.store.row(NODE, run.uid, key) is None else []

    def _adopted(self, watch: _Watch, uid: str, key: str) -> _Run | None:
        """A run that has come since the watch began; None, and that is kept, if it is none of the asked."""
        watch.runs[uid] = None
        spaces = [watch.namespace] if watch.namespace else self._spaces()
        for space in spaces:
            for workflow in self._above(key, space):
                if uid_of(workflow) == uid:
                    if matches(watch.asked.labels, {LABEL: name_of(workflow)}):
                        watch.runs[uid] = _Run(workflow, raw=watch.raw)
                    return watch.runs[uid]
        return None

    def _spaces(self) -> builtins.list[str]:
        return [name_of(each) for each in self.store.list("namespaces").items]


_Row = tuple[str, int, bytes]
"""Key, revision, body."""


class _Watch:
    def __init__(self, namespace: str, asked: Selector, raw: bool) -> None:
        self.namespace = namespace
        self.asked = asked
        self.raw = raw
        self.runs: dict[str, _Run | None] = {}
        """By uid; None: not of those that were asked for."""
        self.wake = asyncio.Event()
        self._touched: dict[str, str] = {}
        self._gone: builtins.list[tuple[str, str]] = []

    def tell(self, touched: dict[str, str], gone: builtins.list[tuple[str, str]]) -> None:
        """The runs some of whose rows were written, with one's key; the rows that went."""
        self._touched.update(touched)
        self._gone += gone
        self.wake.set()

    def take(self) -> tuple[dict[str, str], builtins.list[tuple[str, str]]]:
        self.wake.clear()
        told = self._touched, self._gone
        self._touched, self._gone = {}, []
        return told


class _Run:
    """What all nodes of one workflow share; for a watch, how far it has looked and what it has shown."""

    def __init__(self, workflow: Obj, *, raw: bool) -> None:
        self.uid, self.name, self.namespace = uid_of(workflow), name_of(workflow), namespace_of(workflow)
        self.raw = raw
        self.after = 0
        self.seen: dict[str, tuple[int, bytes]] = {}
        self._labels = {LABEL: self.name}
        self._created = workflow["metadata"]["creationTimestamp"]
        self._owners = [{
            "apiVersion": workflow["apiVersion"], "kind": workflow["kind"],
            "name": self.name, "uid": self.uid, "controller": True,
        }]

    def node(self, key: str, rv: int, body: bytes) -> Obj:
        status, links = picturing.halves(body)
        shown: Any = msgspec.Raw if self.raw else msgspec.json.decode
        return {
            "apiVersion": WORKFLOW_NODES.api_version,
            "kind": WORKFLOW_NODES.kind,
            "metadata": {
                "name": key, "namespace": self.namespace, "labels": self._labels,
                "uid": f"{self.uid}/{key}", "resourceVersion": str(rv),
                "creationTimestamp": self._created, "ownerReferences": self._owners,
            },
            "links": shown(links),
            "status": shown(status),
        }


async def _shown(
    asked: Selector, run: _Run, rows: builtins.list[_Row], since: int = 0
) -> AsyncIterator[WatchEvent]:
    """Events of rows; none for what the client has seen already, up to `since`."""
    for number, (key, rv, body) in enumerate(rows):
        if not _named(asked, run, key):
            continue
        kind = "MODIFIED" if key in run.seen else "ADDED"
        run.seen[key] = (rv, body)
        if rv > since:
            yield WatchEvent(kind, run.node(key, rv, body))
        if number % SLICE == SLICE - 1:
            await asyncio.sleep(0)


def _named(asked: Selector, run: _Run, key: str) -> bool:
    """Fields of nodes that can be asked for are the name and the namespace."""
    if not asked.fields:
        return True
    return asked.fits_fields({"metadata": {"name": key, "namespace": run.namespace}})


def _raw(selection: Selection) -> bool:
    return selection.passing and not selection.tabled
