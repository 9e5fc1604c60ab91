"""The node of a test: every Pod that the engine creates ends as its replacement says.

Made by `world`. It sees Pods as the real one's controller does, from the store's events, and answers with
the Pod's final status and the annotation of its outputs. What users' functions raise ends the run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from pinnace.controllers.built_in import POD
from pinnace.controllers.workflow.controller import Workflows
from pinnace.controllers.workflow.leaves import Leaf
from pinnace.controllers.workflow.status import NODE_ID
from pinnace.kinds.annotations import OUTPUTS, STAGING
from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event
from pinnace.testing.contents import Contents
from pinnace.testing.replacements import Outputs, Replacements, UnknownStep, nearest
from pinnace.testing.step import Step, attempt_of, called, names_of, short

BATCH = 50
MOMENT = 0.001
TOO_LONG = "Pod was active on the node longer than the specified deadline"
ADDRESS = "127.0.0.1"
_nodes = msgspec.json.Decoder(NodeStatus)


class Stage:
    """What the players share: who stands in for whom, what was played, what went wrong."""

    def __init__(self, replacements: Replacements, contents: Contents) -> None:
        self.replacements = replacements
        self.contents = contents
        self.steps: list[Step] = []
        self.names: set[str] = set()
        """Under which those that ran could have been named."""
        self.unknown: list[Step] = []
        """Steps that nothing stands in for."""
        self.failure: BaseException | None = None
        self.over = asyncio.Event()

    def play(self, node: NodeStatus, workflow: str, pod: Obj, artifacts: dict[str, Any]) -> Outputs | None:
        """None: nothing stands in for it, or its function raised."""
        names = names_of(node, workflow)
        self.names.update(names)
        step = Step(
            name=short(node.name, workflow),
            display_name=node.display_name,
            template=called(node),
            attempt=attempt_of(node),
            parameters=parameters_of(node.inputs),
            artifacts=artifacts,
            pod=pod,
        )
        self.steps.append(step)
        try:
            found = self.replacements.answer(self.replacements.key(names), step)
        except BaseException as error:
            self.fail(error)
            return None
        if found is None:
            self.unknown.append(step)
            asyncio.get_running_loop().call_later(MOMENT, self.over.set)  # with those beside it
        return found

    def fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.over.set()


class Node:
    def __init__(
        self, client: Local, engine: Workflows, stage: Stage, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._client = client
        self._engine = engine
        self._stage = stage
        self._loop = loop
        self._new: list[Obj] = []
        self._ended: list[Obj] = []
        self._wake = asyncio.Event()

    def feed(self, events: Sequence[Event]) -> None:
        found = [event.obj for event in events if event.resource == POD.key and event.type == "ADDED"]
        if found:
            self._new += found
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            pods, self._new = self._new, []
            for pod in pods:
                self._begin(pod)
            while self._ended:
                batch, self._ended = self._ended[:BATCH], self._ended[BATCH:]
                await self._write(batch)

    def _begin(self, pod: Obj) -> None:
        meta = pod["metadata"]
        owner: Obj = next(iter(meta.get("ownerReferences") or ()), {})
        identity = (meta.get("annotations") or {}).get(NODE_ID, "")
        body = self._client.house.store.row("node", owner.get("uid", ""), identity)
        if body is None:  # somebody's Pod, such as a resource template's: nothing runs it
            return
        node = _nodes.decode(body)
        staging = json.loads(meta["annotations"].get(STAGING) or "{}")
        found = self._stage.play(node, owner["name"], pod, self._given(staging))
        if found is None:
            return
        try:
            ended = self._with_status(pod, staging, found, self._stays(owner, identity))
        except UnknownStep as mistake:
            self._stage.fail(mistake)
            return
        seconds = _seconds(pod, found)
        if seconds > 0:
            self._loop.call_later(seconds, self._end, ended)
        else:
            self._end(ended)

    def _end(self, pod: Obj) -> None:
        self._ended.append(pod)
        self._wake.set()

    async def _write(self, pods: list[Obj]) -> None:
        """Together; one by one where one of them is gone meanwhile."""
        changes = [Change(verb="system", resource=POD, obj=pod) for pod in pods]
        try:
            await self._client.transact(changes)
        except StatusError:
            for change in changes if len(changes) > 1 else ():
                with suppress(StatusError):
                    await self._client.transact([change])

    def _stays(self, owner: Obj, identity: str) -> bool:
        """A daemon runs until the engine stops it."""
        for live in self._engine.live.values():
            if live.uid == owner.get("uid") and live.run is not None:
                leaf = live.run.leaves.get(identity)
                if isinstance(leaf, Leaf) and leaf.program is not None:
                    return bool(leaf.program.template.daemon)
        return False

    def _given(self, staging: Obj) -> dict[str, Any]:
        return {
            each["name"]: each["raw"] if "raw" in each else self._stage.contents.read(each.get("digest", ""))
            for each in staging.get("inputs") or []
        }

    def _with_status(self, pod: Obj, staging: Obj, found: Outputs, stays: bool) -> Obj:
        annotations = dict(pod["metadata"].get("annotations") or {})
        annotations[OUTPUTS] = json.dumps(self._collected(pod, staging.get("outputs") or {}, found))
        status = {**(pod.get("status") or {}), **(_running(pod) if stays else _over(pod, found))}
        return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "status": status}

    def _collected(self, pod: Obj, wanted: Obj, found: Outputs) -> Obj:
        """Raises UnknownStep for outputs that the template does not declare, or that are missing."""
        parameters = {each["name"]: each for each in wanted.get("parameters") or []}
        artifacts = {each["name"]: each for each in wanted.get("artifacts") or []}
        called = self._stage.steps[-1].display_name
        for kind, given, declared in (
            ("parameter", found.parameters, parameters), ("artifact", found.artifacts, artifacts),
        ):
            for name in given:
                if name not in declared:
                    raise UnknownStep(
                        f"step {called!r} has no output {kind} {name!r}{nearest(name, declared)}"
                    )
        good = not found.exit_code and not found.message
        collected: Obj = {"parameters": dict(found.parameters), "artifacts": {}}
        for name, each in parameters.items():
            if name not in found.parameters and "default" in each:
                collected["parameters"][name] = each["default"]
            elif name not in found.parameters and good:
                raise UnknownStep(
                    f"the replacement of step {called!r} gives no output parameter {name!r}: "
                    f"outputs(parameters={{{name!r}: …}})"
                )
        for name, each in artifacts.items():
            if name in found.artifacts or (good and not each.get("optional")):
                collected["artifacts"][name] = self._stage.contents.put(found.artifacts.get(name, ""))
        if wanted.get("result"):
            collected["result"] = found.result or ""
        return collected


def parameters_of(inputs: Any) -> dict[str, str]:
    if isinstance(inputs, msgspec.Raw):
        inputs = msgspec.json.decode(inputs)
    return {each["name"]: each.get("value", "") for each in (inputs or {}).get("parameters") or []}


def _seconds(pod: Obj, found: Outputs) -> float:
    deadline = pod["spec"].get("activeDeadlineSeconds")
    return found.seconds if deadline is None else min(found.seconds, float(deadline))


def _running(pod: Obj) -> Obj:
    statuses = [
        {"name": each["name"], "ready": True, "restartCount": 0, "state": {"running": {}}}
        for each in pod["spec"]["containers"]
    ]
    return {"phase": "Running", "podIP": ADDRESS, "containerStatuses": statuses}


def _over(pod: Obj, found: Outputs) -> Obj:
    late = pod["spec"].get("activeDeadlineSeconds")
    if late is not None and found.seconds > float(late):
        return {"phase": "Failed", "reason": "DeadlineExceeded", "message": TOO_LONG,
                "containerStatuses": _ended(pod, 143)}
    failed = bool(found.exit_code or found.message)
    made: Obj = {
        "phase": "Failed" if failed else "Succeeded",
        "podIP": ADDRESS,
        "containerStatuses": _ended(pod, found.exit_code),
    }
    if found.message:
        made["message"] = found.message
    return made


def _ended(pod: Obj, code: int) -> list[Obj]:
    """The program of the step is `main`; what runs beside it was told to end."""
    names = [each["name"] for each in pod["spec"]["containers"]]
    first = "main" if "main" in names else names[-1]
    return [
        {
            "name": name,
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": {
                "exitCode": code if name == first else 0,
                "reason": "Error" if code and name == first else "Completed",
            }},
        }
        for name in names
    ]
