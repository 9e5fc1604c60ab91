"""One run that is under way, between its core and the store: news in, commits out.

A commit holds node rows, the Pods that they stand for, artifacts, memoized answers and, when it is time for
a flush, the Workflow itself: all or nothing. So a Pod exists exactly when its node says so, and nothing
has to be remembered beside the rows: a rebuilt run reads its unfinished pods by name. Caller: `controller`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.controllers.built_in import CONFIG_MAP, POD
from pinnace.controllers.workflow import flush, gathering, standing
from pinnace.controllers.workflow.ending import PodGC, pod_gc
from pinnace.controllers.workflow.facts import Fact, Facts
from pinnace.controllers.workflow.leaves import Pod
from pinnace.controllers.workflow.locations import OWN
from pinnace.controllers.workflow.outbox import Outbox
from pinnace.controllers.workflow.run import Run
from pinnace.failpoint import passing
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE, FULFILLED, WORKFLOW, WORKFLOW_TEMPLATE, NodeStatus
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Row

if TYPE_CHECKING:
    from pinnace.controllers.workflow.controller import Workflows

NODE, MEMO = "node", "memo"
ATTEMPTS = 8
SLICE = 64
"""Pods whose news one commit takes: some milliseconds of work."""
GATHERED = 128
"""Nodes that a commit waits for while there are more to come."""
_encoder = msgspec.json.Encoder()
_nodes = msgspec.json.Decoder(NodeStatus)


class Live:
    """`news` are the pods that changed since the last turn, by name; None: the pod is gone."""

    def __init__(self, house: Workflows, obj: Obj) -> None:
        self.house = house
        self.obj = obj
        self.uid: str = obj["metadata"]["uid"]
        self.namespace: str = obj["metadata"].get("namespace") or ""
        self.news: dict[str, Obj | None] = {}
        self.run: Run | None = None
        self.pod_gc: PodGC | None = None
        self.depot = OWN
        self.changed: set[str] = set()
        """Nodes written since the last flush."""
        self.flushed_phase = (obj.get("status") or {}).get("phase") or ""
        self.acting = house.acting(self)
        self.errands = house.errands(self)
        self.told = 0
        self.newest = 0
        """The revision of the last event of the Workflow itself."""

    @property
    def known(self) -> bool:
        """Whether `obj` is what every event so far has told of: then nobody else has written it."""
        return self.newest <= int(self.obj["metadata"]["resourceVersion"])

    # ---- beginning ---------------------------------------------------------------------------------------

    def open(self, spec: Obj, now: float) -> None:
        """Rebuild from rows, or begin. Raises TemplateError."""
        rows = self.house.store.rows(NODE, self.uid)
        stored = [node for _, _, _, body in rows if _counts(node := _nodes.decode(body))]
        templates = (self.obj.get("status") or {}).get("storedTemplates") or {}
        self.run = Run(self.obj, spec, Facts(), now, stored, templates, self.house.locks)
        self.pod_gc = pod_gc(self.run.spec.pod_gc) if self.run.spec.pod_gc else None
        self.run.local_paths = (self.run.isolation or self.house.isolation()) == "process"
        self.run.depot = self.depot
        self.run.start(now)

    def catch_up(self, now: float) -> None:
        """After a rebuild: what became of the unfinished pods meanwhile."""
        assert self.run is not None
        for name, leaf in list(self.run.pods_known.items()):
            if name in self.news or leaf.fresh:
                continue
            pod = self.house.client.peek(POD, name, self.namespace)
            if pod is None:
                self.run.gone(name, now)
            else:
                self.run.observe(pod, now)

    # ---- a turn ------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Everything that is to be done now, in slices; others have their turn after each. The first slice is
        committed at once, so that its pods start; later ones gather, because a commit has its own price."""
        run, rebuilt, room = self.run, False, 1
        assert run is not None
        while True:
            now = self.house.now()
            run.tick(now)
            self._take_news(now)
            more = run.pump()
            if more and len(run.outbox.nodes) < room:
                await asyncio.sleep(0)
                continue
            await self._commit(run.take())
            room = GATHERED
            for fact in run.wants():  # after the commit: what is asked for may be in it
                run.learn(fact, self._fetch(fact), now)
                more = True
            if not more and not rebuilt:
                rebuilt = more = True
                self.catch_up(now)
            if not more and not run.queue and not self.news:
                if not run.locks.unclaimed:
                    return
                run.locks.settle()
            await asyncio.sleep(0)

    def _take_news(self, now: float) -> None:
        assert self.run is not None
        for name in list(islice(self.news, SLICE)):
            pod = self.news.pop(name)
            if pod is None:
                self.run.gone(name, now)
            else:
                self.run.observe(pod, now)

    def _fetch(self, fact: Fact) -> Any:
        client, store = self.house.client, self.house.store
        match fact.kind:
            case "workflowtemplate":
                return client.peek(WORKFLOW_TEMPLATE, fact.name, self.namespace)
            case "clusterworkflowtemplate":
                return client.peek(CLUSTER_WORKFLOW_TEMPLATE, fact.name)
            case "configmap":
                return client.peek(CONFIG_MAP, fact.name, self.namespace)
            case "artifact":
                return self.house.repository.find(self.namespace, fact.name, fact.key)
        if not fact.name:
            return _decoded(store.row(MEMO, self.namespace, fact.key))
        cache = client.peek(CONFIG_MAP, fact.name, self.namespace) or {}
        return _decoded((cache.get("data") or {}).get(fact.key))

    # ---- committing --------------------------------------------------------------------------------------

    async def _commit(self, out: Outbox) -> None:
        run = self.run
        assert run is not None
        self.changed.update(out.nodes)
        due = flush.due(self)
        if not out and not due:
            return
        rows = self._rows(out)
        changes = [
            Change(verb="create", resource=POD, obj=pod, trusted=True, complete="status" in pod)
            for pod in out.pods
        ]
        changes += self._collected(out)
        if out.stood:
            changes += self._stood(out)
        await self._write(changes, rows, flush_=due)
        if out.samples:
            self.house.measures.take(out.samples)
        if out.unlocked:
            run.locks.released(out.unlocked)
            self.house.served()
        for name in out.removals:
            await self._remove(name)
        for entry in out.memos:
            if entry.cache:
                await gathering.keep(self.house.client, self.namespace, entry)
        for act in out.acts:
            await self.acting.begin(act)
        for errand in out.errands:
            self.errands.begin(errand)
        self._tell(out)

    def _rows(self, out: Outbox) -> list[Row]:
        encode, uid = _encoder.encode, self.uid
        rows = [Row(NODE, uid, key, encode(node)) for key, node in out.nodes.items()]
        for key, found in out.artifacts.items():
            rows += self.house.repository.rows(self.namespace, key, found)
        rows += [
            Row(MEMO, self.namespace, entry.key, encode(entry.document()))
            for entry in out.memos
            if not entry.cache
        ]
        return rows

    def _stood(self, out: Outbox) -> list[Change]:
        """Pods that stood for an action end with it."""
        assert self.run is not None
        found = []
        for name, phase, message in out.stood:
            pod = self.house.client.peek(POD, name, self.namespace)
            if pod is not None:
                ended = standing.stood(pod, phase, message, self.run.stamp())
                found.append(Change(verb="status", resource=POD, obj=ended, trusted=True))
        return found

    def _collected(self, out: Outbox) -> list[Change]:
        """podGC: pods that go in the very commit that records their end."""
        assert self.run is not None
        run, gc = self.run, self.pod_gc
        if gc is None or not gc.at_pods_end:
            return []
        ended = ("Succeeded",) if gc.strategy == "OnPodSuccess" else ("Succeeded", "Failed", "Error")
        names = [
            name
            for node in out.nodes.values()
            if node.type == "Pod" and node.phase in ended
            if (pod := self.house.client.peek(POD, name := run.pod_of(node), self.namespace)) is not None
            and gc.takes(pod["metadata"].get("labels"))
        ]
        if gc.delay:
            for name in names:
                run.at(run.now + gc.delay, partial(run.outbox_later, name))
            return []
        return [
            Change(verb="delete", resource=POD, obj={"metadata": {"name": name, "namespace": self.namespace}})
            for name in names
        ]

    async def _write(self, changes: list[Change], rows: list[Row], *, flush_: bool) -> None:
        """The Workflow may have been edited meanwhile: then its new version is taken, and the commit tried
        again."""
        for _ in range(ATTEMPTS):
            own = [Change(verb="system", resource=WORKFLOW, obj=flush.document(self))] if flush_ else []
            passing("workflow.before-commit")
            if flush_:
                passing("workflow.before-flush")
            try:
                done = await self.house.client.transact([*own, *changes], rows)
            except StatusError as error:
                if error.code != 409 or not flush_ or not self._reread():
                    raise
                continue
            passing("workflow.after-commit")
            if own:
                passing("workflow.after-flush")
                self.obj = done[0]
                self.changed.clear()
            return
        raise StatusError(409, "Conflict", "the workflow changes faster than it can be written")

    def _reread(self) -> bool:
        """Take over an edit of the Workflow; False: that was not the reason."""
        assert self.run is not None
        fresh = self.house.client.peek(WORKFLOW, self.run.name, self.namespace)
        if fresh is None or fresh["metadata"]["resourceVersion"] == self.obj["metadata"]["resourceVersion"]:
            return False
        self.edited(fresh)
        return True

    def edited(self, obj: Obj) -> None:
        """Somebody else wrote the Workflow: its spec may say suspend or shutdown, its nodes a person's
        answer."""
        run = self.run
        assert run is not None
        self.obj = obj
        now = self.house.now()
        kept = {key: value for key, value in run.raw_spec.items() if key not in flush.STEERING}
        run.changed({**kept, **flush.steering(obj)}, now)
        for node in [leaf.node for leaf in run.leaves.values() if leaf.node.type == "Suspend"]:
            body = self.house.store.row(NODE, self.uid, node.id)
            if body is not None:
                found = _nodes.decode(body)
                if found.phase != node.phase or found.outputs != node.outputs:
                    run.edited(node.id, found.phase, found.message, found.outputs, now)

    async def _remove(self, name: str) -> None:
        try:
            await self.house.client.delete(POD, name, self.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
        if self.house.client.peek(POD, name, self.namespace) is None:
            self.news.setdefault(name, None)

    def _tell(self, out: Outbox) -> None:
        """Events, bounded: the first nodes of a run tell its story."""
        recorder = self.house.recorder
        if recorder is None or self.told > STORIES:
            return
        for node in out.nodes.values():
            reason = _REASONS.get(node.phase)
            if reason is None or self.told > STORIES or node.type == "StepGroup":
                continue
            self.told += 1
            words, tail = reason.removeprefix("WorkflowNode"), f": {node.message}" if node.message else ""
            recorder.record(
                self.obj, reason, f"{words} node {node.name}{tail}", warning=node.phase in ("Failed", "Error")
            )

    def pods(self) -> dict[str, Pod]:
        return self.run.pods_known if self.run is not None else {}

    def close(self) -> None:
        self.acting.close()
        self.errands.close()


STORIES = 20
_REASONS = {
    "Running": "WorkflowNodeRunning",
    "Succeeded": "WorkflowNodeSucceeded",
    "Failed": "WorkflowNodeFailed",
    "Error": "WorkflowNodeError",
}


def _counts(node: NodeStatus) -> bool:
    """A node that came with a resubmitted Workflow is only what it remembers of a step that is done."""
    return node.pinnace is not None or node.phase in FULFILLED


def _decoded(body: bytes | str | None) -> Any:
    return None if body is None else msgspec.json.decode(body)
