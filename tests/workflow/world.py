"""A world for the pure core: no node, no store. Pods end as an executor function says, time is a number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pinnace.controllers.workflow.facts import Fact, Facts
from pinnace.controllers.workflow.locks import Locks
from pinnace.controllers.workflow.measures import Sample
from pinnace.controllers.workflow.run import Run
from pinnace.controllers.workflow.template import merge_spec
from pinnace.kinds.argo import NodeStatus

START = 1_800_000_000.0
_rows, _encode = msgspec.json.Decoder(NodeStatus), msgspec.json.Encoder().encode

Result = dict[str, Any]
"""What a pod does: `code` (exit code of main), `result`, `parameters`, `artifacts`, `error`, `seconds`,
`message`, `running` (stays running), `ready`."""
Executor = Callable[[dict[str, Any]], Result]


def succeed(_pod: dict[str, Any]) -> Result:
    return {}


class World:
    """Runs one workflow to where nothing moves any more."""

    def __init__(
        self,
        workflow: dict[str, Any],
        executor: Executor = succeed,
        *,
        objects: Iterable[dict[str, Any]] = (),
        now: float = START,
        nodes: Iterable[NodeStatus] = (),
        artifacts: dict[str, Any] | None = None,
        locks: Locks | None = None,
    ) -> None:
        meta = workflow.setdefault("metadata", {})
        meta.setdefault("name", meta.get("generateName", "wf-") + "x")
        meta.setdefault("namespace", "default")
        meta.setdefault("uid", "uid-1")
        meta.setdefault("creationTimestamp", "2027-01-15T08:00:00Z")
        self.objects = {(item["kind"].lower(), item["metadata"]["name"]): item for item in objects}
        self.artifacts: dict[str, Any] = dict(artifacts or {})
        self.memos: dict[tuple[str, str], Any] = {}
        self.executor = executor
        self.now = now
        self.pods: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.pending: list[str] = []
        self.most = 0
        self.samples: list[Sample] = []
        self.nodes: dict[str, NodeStatus] = {node.id: node for node in nodes}
        spec = merge_spec(workflow, self._template(workflow))
        self.run = Run(workflow, spec, Facts(), now, [*self.nodes.values()], None, locks)
        self.run.start(now)

    def _template(self, workflow: dict[str, Any]) -> dict[str, Any] | None:
        reference = workflow.get("spec", {}).get("workflowTemplateRef")
        if reference is None:
            return None
        kind = "clusterworkflowtemplate" if reference.get("clusterScope") else "workflowtemplate"
        return self.objects[kind, reference["name"]]

    def settle(self) -> None:
        """Pump, answer what it wants, take what it did."""
        self.run.tick(self.now)
        while True:
            more = self.run.pump()
            for fact in self.run.wants():
                self.run.learn(fact, self._fetch(fact), self.now)
            self._take()
            if not more and not self.run.queue:
                return

    def _fetch(self, fact: Fact) -> Any:
        if fact.kind == "artifact":
            return self.artifacts.get(fact.name)
        if fact.kind == "memo":
            return self.memos.get((fact.name, fact.key))
        return self.objects.get((fact.kind, fact.name))

    def _take(self) -> None:
        out = self.run.take()
        self.nodes.update({key: _rows.decode(_encode(node)) for key, node in out.nodes.items()})
        self.artifacts.update(out.artifacts)
        for entry in out.memos:
            self.memos[entry.cache, entry.key] = entry.document()
        for pod in out.pods:
            name = pod["metadata"]["name"]
            assert name not in self.pods, f"pod {name} was made twice"
            self.pods[name] = pod
            self.order.append(name)
            self.pending.append(name)
        for name in out.removals:
            if name in self.pending:
                self.pending.remove(name)
            self.pods[name]["gone"] = True
            self.run.gone(name, self.now)
        self.samples += out.samples
        if out.unlocked:
            self.run.locks.released(out.unlocked)
        self.most = max(self.most, len(self.pending))

    def finish_one(self, name: str | None = None) -> None:
        """The oldest pending pod (or that one) ends as the executor says."""
        chosen = name or self.pending[0]
        self.pending.remove(chosen)
        pod = self.pods[chosen]
        found = self.executor(pod)
        self.now += found.get("seconds", 0)
        self.run.observe(with_status(pod, found), self.now)
        self.settle()

    def go(self, limit: int = 1_000_000) -> World:
        """Until the run is finished or stands still; timers fire when nothing else can happen."""
        self.settle()
        for _ in range(limit):
            if self.run.finished:
                break
            if self.pending:
                self.finish_one()
            elif self.run.next_timer is not None:
                self.now = max(self.now, self.run.next_timer)
                self.run.tick(self.now)
                self.settle()
            else:
                break
        return self

    @property
    def phase(self) -> str:
        return self.run.phase

    def node(self, name: str) -> NodeStatus:
        wanted = name.replace("$wf", self.run.name)
        found = [node for node in self.nodes.values() if node.name == wanted]
        assert found, f"no node {wanted} among {sorted(node.name for node in self.nodes.values())}"
        return found[0]

    def names(self) -> set[str]:
        return {node.name for node in self.nodes.values()}


def staging(pod: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(pod["metadata"]["annotations"]["pinnace.dev/staging"]))


def main(pod: dict[str, Any]) -> dict[str, Any]:
    return next(item for item in pod["spec"]["containers"] if item["name"] == "main")


def with_status(pod: dict[str, Any], found: Result) -> dict[str, Any]:
    """The Pod as `controllers/pods` would leave it."""
    code = found.get("code", 0)
    annotations = dict(pod["metadata"]["annotations"])
    wanted = staging(pod)["outputs"]
    outputs = {key: found[key] for key in ("parameters", "artifacts", "error") if key in found}
    if wanted["result"]:
        outputs["result"] = found.get("result", "")
    for parameter in wanted["parameters"]:
        values = outputs.setdefault("parameters", {})
        if parameter["name"] not in values and "default" in parameter:
            values[parameter["name"]] = parameter["default"]
    annotations["pinnace.dev/outputs"] = json.dumps(outputs)
    running = found.get("running", False)
    state: dict[str, Any] = (
        {"running": {}}
        if running
        else {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}
    )
    status: dict[str, Any] = {
        "phase": "Running" if running else ("Failed" if code else "Succeeded"),
        "podIP": "10.0.0.1",
        "containerStatuses": [{"name": "main", "ready": running, "state": state}],
    }
    if found.get("message"):
        status["message"] = found["message"]
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "status": status}
