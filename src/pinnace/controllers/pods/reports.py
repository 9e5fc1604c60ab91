"""What the node reports becomes the status of Pods: many in one commit, the acknowledgement after it.

Called by `controller`, never twice at a time. Invariant: an `ack` leaves this process only after the final
status (with outputs) is on disk and the binding row is gone. A pod that starts and ends within SETTLE is
written once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pinnace.controllers.built_in import POD
from pinnace.controllers.pods import binding
from pinnace.controllers.pods import status as statuses
from pinnace.controllers.pods.binder import Binder, send
from pinnace.controllers.pods.story import WORTH_TELLING, Story, controlled
from pinnace.controllers.pods.table import Entry, State, Table, is_final
from pinnace.failpoint import passing
from pinnace.kinds.annotations import OUTPUTS, PROGRESS, SOCKET_PATHS
from pinnace.kinds.argo import DOMAIN
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import Ack, Collected, Forget, Kill, PodReport
from pinnace.node.wire import NodeLink
from pinnace.objects.client import Change, Transactional
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Row

AT_ONCE = 128
"""Pods of one commit: some milliseconds of writing."""
SETTLE = 0.004
"""Seconds that news of a living pod wait for others'; they have settled when the node tells them."""
SETTLE_SHORT = 0.08
"""The same, of one that will likely be over by then."""
COMPLETED = f"{DOMAIN}completed"


class Reports:
    def __init__(self, client: Transactional, table: Table, story: Story, binder: Binder) -> None:
        self.client = client
        self.table = table
        self.story = story
        self.binder = binder
        self.recorded: Callable[[Obj], Sequence[Row]] = _nothing
        """What lineage has to say of a pod that ended, for the same commit."""
        self._ended: dict[str, Entry] = {}
        self._alive: dict[str, Entry] = {}
        self.removable: list[Obj] = []
        """Pods whose end is committed and whose deletion waited for it."""

    def receive(self, reports: Sequence[PodReport], link: NodeLink | None) -> tuple[bool, bool]:
        """Take a report from the node; (some pods ended, some have other news)."""
        strangers: list[Kill | Ack] = []
        for report in reports:
            entry = self.table.entries.get(report.uid)
            if entry is None or entry.state not in (State.BOUND, State.ENDING):
                strangers.append(_dismissal(report))
            elif entry.state is State.BOUND:
                self._take(entry, report)
        if strangers and link is not None:
            send(link, *strangers)
        return bool(self._ended), bool(self._alive)

    @property
    def full(self) -> bool:
        return len(self._ended) >= AT_ONCE

    def _take(self, entry: Entry, report: PodReport) -> None:
        entry.report = report
        if report.phase in statuses.FINAL:
            entry.state = State.ENDING
            self.table.release(entry)
            self.table.pace.ended(entry.sort, time.monotonic() - entry.bound_at)
            self.binder.moved = time.monotonic()
            self._alive.pop(entry.uid, None)
            self._ended[entry.uid] = entry
        else:
            if entry.uid not in self._alive:
                short = self.table.pace.short(entry.sort)
                entry.settled = time.monotonic() + (SETTLE_SHORT if short else SETTLE)
            self._alive[entry.uid] = entry

    async def commit_ended(self) -> bool:
        """Write the ends that are known; True if more wait."""
        batch = [self._ended[uid] for uid in list(self._ended)[:AT_ONCE]]
        if not batch:
            return False
        await self._commit(batch, final=True)
        for entry in batch:
            self._ended.pop(entry.uid, None)
            self.table.drop(entry)
        if (link := self.binder.link) is not None:
            gone = [entry.uid for entry in batch if entry.pod is None]
            acks: list[Ack | Forget] = [Ack([entry.uid for entry in batch])]
            send(link, *acks, *([Forget(gone)] if gone else []))
        passing("pods.after-ack")
        self.removable += [entry.pod for entry in batch if entry.pod is not None and entry.deleting]
        return bool(self._ended)

    async def commit_alive(self) -> float | None:
        """Write the news that have settled; seconds until the next will have."""
        now = time.monotonic()
        ripe = [entry for entry in self._alive.values() if entry.settled <= now][:AT_ONCE]
        for entry in ripe:
            del self._alive[entry.uid]
        batch = [entry for entry in ripe if entry.state is State.BOUND and entry.pod is not None]
        try:
            if batch:
                await self._commit(batch, final=False)
        except BaseException:
            self._alive = {entry.uid: entry for entry in batch if entry.state is State.BOUND} | self._alive
            raise
        for entry in batch:
            if entry.state is State.BOUND:
                self._tell(entry)
        if not self._alive:
            return None
        return max(0.0, min(entry.settled for entry in self._alive.values()) - time.monotonic())

    async def _commit(self, batch: Sequence[Entry], *, final: bool) -> None:
        """One transaction; after a conflict with what others wrote meanwhile, on fresh objects."""
        for attempt in range(4):
            pods = [entry.pod for entry in batch]
            changes, rows = self._writes(batch, pods, final)
            if not changes and not rows:
                return
            if final:
                passing("pods.before-report-commit")
            try:
                written = await self.client.transact(changes, rows)
                break
            except StatusError as error:
                if error.code not in (404, 409) or attempt == 3:
                    raise
                await self.binder.refresh(batch)
        if final:
            passing("pods.after-report-commit")
        self._remember(batch, written, final)

    def _writes(
        self, batch: Sequence[Entry], pods: Sequence[Obj | None], final: bool
    ) -> tuple[list[Change], list[Any]]:
        now = time.time()
        changes: list[Change] = []
        rows: list[Any] = [binding.fulfilled(entry.uid) for entry in batch] if final else []
        for entry, pod in zip(batch, pods, strict=True):
            if pod is None or entry.report is None or is_final(pod):
                continue
            if not final and entry.state is not State.BOUND:
                continue  # it ended meanwhile, and its end is another commit's
            obj = _object(pod, entry.report, now)
            if final:
                rows += self.recorded(obj)
            if final or obj["status"] != pod.get("status") or _progressed(pod, entry.report):
                changes.append(Change(verb="system", resource=POD, obj=obj))
        return changes, rows

    def _remember(self, batch: Sequence[Entry], written: Sequence[Obj], final: bool) -> None:
        by_uid = {obj["metadata"]["uid"]: obj for obj in written}
        for entry in batch:
            pod = by_uid.get(entry.uid)
            if pod is None:
                continue
            self.table.written(entry, pod)
            if final and entry.report is not None:
                lived = time.monotonic() - entry.bound_at if entry.bound_at else WORTH_TELLING
                self.story.ended(pod, entry.report, lived, entry.told)

    def _tell(self, entry: Entry) -> None:
        """The story of a living pod begins when it is worth telling."""
        pod, report = entry.pod, entry.report
        if pod is None or report is None:
            return
        old = time.monotonic() - entry.bound_at >= WORTH_TELLING
        if not entry.told and report.phase == "Running" and (old or not controlled(pod)):
            entry.told = True
            self.story.began(pod, report)
        if report.guests:
            self.story.joined(pod, report)
        self.story.trouble(pod, report)

    def lost(self, entry: Entry, reason: str, message: str) -> None:
        """A pod that no node will ever report: its end is stated by control."""
        before = (entry.pod or {}).get("status") or {}
        self._take(
            entry,
            PodReport(entry.uid, "Failed", reason=reason, message=message, address=before.get("podIP") or ""),
        )


def _nothing(pod: Obj) -> Sequence[Row]:
    return ()


def _object(pod: Obj, report: PodReport, now: float) -> Obj:
    obj = {**pod, "status": statuses.reported(pod, report, now)}
    if "nodeName" not in pod["spec"]:  # its bind was not shown by itself
        obj["spec"] = {**pod["spec"], "nodeName": statuses.NODE_NAME}
    extra: dict[str, str] = {}
    if report.outputs is not None and report.phase in statuses.FINAL:
        extra[OUTPUTS] = outputs(report.outputs)
    if report.progress:
        extra[PROGRESS] = report.progress
    sockets = {path: host for state in report.containers for path, host in state.sockets.items()}
    if sockets:
        extra[SOCKET_PATHS] = msgspec.json.encode(sockets).decode()
    if extra:
        meta = pod["metadata"]
        obj["metadata"] = {**meta, "annotations": {**(meta.get("annotations") or {}), **extra}}
    if report.phase in statuses.FINAL:
        _complete(obj)
    return obj


def _progressed(pod: Obj, report: PodReport) -> bool:
    if not report.progress:
        return False
    return (pod["metadata"].get("annotations") or {}).get(PROGRESS) != report.progress


def _complete(obj: Obj) -> None:
    """A workflow's pod says by a label that it is over: a write upstream, here it rides along."""
    meta = obj["metadata"]
    labels = meta.get("labels")
    if labels and labels.get(COMPLETED) == "false":
        obj["metadata"] = {**meta, "labels": {**labels, COMPLETED: "true"}}


def outputs(collected: Collected) -> str:
    """The annotation `pinnace.dev/outputs`."""
    document: dict[str, Any] = {
        "parameters": collected.parameters,
        "artifacts": {
            name: {"digest": each.digest, "size": each.size, "directory": each.directory}
            for name, each in collected.artifacts.items()
        },
    }
    if collected.result is not None:
        document["result"] = collected.result
    if collected.error:
        document["error"] = collected.error
    return msgspec.json.encode(document).decode("utf-8", "surrogateescape")


def _dismissal(report: PodReport) -> Kill | Ack:
    """For a pod that control does not (or no longer) know: over, so forget it; alive, so end it."""
    if report.phase in statuses.FINAL:
        return Ack([report.uid])
    return Kill(report.uid, 0, statuses.DELETED, "the Pod object is gone")

