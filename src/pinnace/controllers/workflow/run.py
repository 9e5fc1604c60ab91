"""One workflow's run as plain data: events in, what is to be done out. No loop, store, clock or process.

The caller (`controller`, `pinnace.testing`, tests) tells it what happened and the time, calls `pump`, and
takes
the `Outbox`: pods to create, nodes to write, objects to act on. Work is a queue of small units, so that any
fan-out can be done in slices. Each event costs the frames that it touches, never the size of the run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.controllers.workflow import clock, memo, pods
from pinnace.controllers.workflow.attempts import Retry
from pinnace.controllers.workflow.dag import Dag
from pinnace.controllers.workflow.facts import Fact, Facts, Need
from pinnace.controllers.workflow.frame import BAD, MISTAKES, NODE_TYPES, Call, Frame
from pinnace.controllers.workflow.hooks import exit_call
from pinnace.controllers.workflow.inputs import Inputs, config_map_value
from pinnace.controllers.workflow.leaves import (
    DEADLINE,
    FRAMES,
    Act,
    Leaf,
    Pod,
    Resource,
    Suspension,
    stop_all,
)
from pinnace.controllers.workflow.names import fnv, node_id, pod_name
from pinnace.controllers.workflow.scope import Globals, Scope
from pinnace.controllers.workflow.slot import Boundary, Slot
from pinnace.controllers.workflow.status import NODE_ID, report
from pinnace.controllers.workflow.steps import Steps
from pinnace.controllers.workflow.template import Holder, Library, Program, TemplateError, spec_of
from pinnace.controllers.workflow.unsupported import ignored
from pinnace.kinds.argo import COMPLETED, FULFILLED, Arguments, Hook, Links, NodeStatus, Parameter, text
from pinnace.kinds.resource import Obj

WINDOW = 256
"""Pods of one run that exist unfinished at a time. Upstream creates all; here a fan-out of 5,000 would hold
5,000 Pods in memory, in the watch log and in the scheduler's queue for nothing: the machine runs a few at
a time. The turns of a loop beyond it have no node yet, as upstream's have none beyond `parallelism`; their
items are stored."""
BATCH = 32
"""Pods created in one slice, so that none holds the loop for long."""
STOPPED = "workflow shutdown with strategy:  "


class Outbox:
    """What the world has to do. Emptied by whoever takes it."""

    __slots__ = ("acts", "artifacts", "memos", "nodes", "pods", "removals")

    def __init__(self) -> None:
        self.pods: list[Obj] = []
        self.nodes: dict[str, NodeStatus] = {}
        self.removals: list[str] = []
        """Names of pods to delete."""
        self.acts: list[Act] = []
        self.artifacts: dict[str, Obj] = {}
        self.memos: list[memo.Entry] = []

    def __bool__(self) -> bool:
        return bool(self.pods or self.nodes or self.removals or self.acts or self.artifacts or self.memos)


class Run:
    """`spec` is the merged one (`template.merge_spec`). `stored` are the nodes of an earlier life."""

    def __init__(
        self,
        workflow: Obj,
        spec: Obj,
        facts: Facts,
        now: float,
        stored: Iterable[NodeStatus] = (),
        templates: dict[str, Obj] | None = None,
    ) -> None:
        meta = workflow.get("metadata") or {}
        status = workflow.get("status") or {}
        self.workflow = workflow
        self.name: str = meta["name"]
        self.namespace: str = meta.get("namespace") or "default"
        self.uid: str = meta.get("uid") or ""
        self.raw_spec = spec
        self.ignored = ignored(spec)
        self.spec = spec_of(spec)
        self.facts = facts
        self.now = now
        self.library = Library(self.name, spec, facts, dict(templates or {}))
        self.globals = Globals(_globals(workflow, spec))
        annotations = meta.get("annotations") or {}
        self.isolation: str = annotations.get("pinnace.dev/isolation", "")
        self.by_content = annotations.get("pinnace.dev/memoize") == "content"
        self.name_version = "v1" if annotations.get("workflows.argoproj.io/pod-name-format") == "v1" else "v2"
        self.pod_labels = pods.pod_labels(self.name, {})
        self.owner_references = [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "name": self.name,
                "uid": self.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        self.stored = {node.id: node for node in stored}
        self.queue: deque[Callable[[], None]] = deque()
        self.outbox = Outbox()
        self.parked: dict[Fact, list[Callable[[], None]]] = {}
        self.blocked: deque[Callable[[], None]] = deque()
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.leaves: dict[str, Frame] = {}
        self.pods_known: dict[str, Pod] = {}
        self.active = 0
        self.total = 0
        self.fulfilled = 0
        self.promised = 0
        self.pods_total = 0
        self.pods_done = 0
        self.resources: dict[str, int] = {}
        self.phase: str = status.get("phase") or ""
        self.message: str = status.get("message") or ""
        self.started_at: str | None = status.get("startedAt")
        self.finished_at: str | None = status.get("finishedAt")
        self.outputs: Obj = dict(status.get("outputs") or {})
        self.shutdown = self.spec.shutdown
        self.overdue = False
        self._suspended = bool(self.spec.suspend)
        self._ticket = count()
        self._stamp: tuple[int, str] = (0, "")
        self._known_parameters = False
        self._restore_outputs()

    # ---- events ------------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin, or go on from the stored nodes."""
        self.now = now
        if not self.phase or self.phase == "Pending":
            self.phase = "Running"
            self.started_at = self.started_at or self.stamp()
        self._watch_deadline()
        if not self._suspended:
            self.queue.append(self._enter)

    def observe(self, pod: Obj, now: float) -> None:
        """A pod changed."""
        self.now = now
        identity = ((pod.get("metadata") or {}).get("annotations") or {}).get(NODE_ID)
        leaf = self.leaves.get(identity or "")
        if isinstance(leaf, Pod):
            leaf.observe(report(pod))

    def gone(self, name: str, now: float) -> None:
        """A pod no longer exists."""
        self.now = now
        leaf = self.pods_known.get(name)
        if leaf is not None:
            leaf.gone()

    def learn(self, fact: Fact, value: Any, now: float) -> None:
        """An answer to `wants`."""
        self.now = now
        self.facts.tell(fact, value)
        self.queue.extend(self.parked.pop(fact, ()))

    def wants(self) -> list[Fact]:
        return list(self.parked)

    def acted(self, node: str, now: float, *, target: Obj) -> None:
        """A resource template's action is done, its conditions still open."""
        self.now = now
        leaf = self.leaves.get(node)
        if isinstance(leaf, Resource):
            leaf.begun(target)

    def act_ended(self, node: str, now: float, phase: str, message: str, outputs: Obj | None) -> None:
        self.now = now
        leaf = self.leaves.get(node)
        if isinstance(leaf, Resource):
            leaf.ended(phase, message, outputs)

    def edited(self, node: str, phase: str, message: str, outputs: Obj | None, now: float) -> bool:
        """A client edited a node; False: only a rebuild from the rows can honour it."""
        self.now = now
        leaf = self.leaves.get(node)
        if not isinstance(leaf, Suspension):
            return False
        leaf.edited(phase, message, outputs)
        return True

    def changed(self, spec: Obj, now: float) -> None:
        """Fields of the workflow's spec that may change under way: suspend, shutdown, deadline,
        parallelism."""
        self.now = now
        new = spec_of(spec)
        if self._suspended and not new.suspend:
            self._suspended = False
            self.queue.append(self._enter if self.total == 0 else self._wake)
        elif new.suspend:
            self._suspended = True
        if new.shutdown and new.shutdown != self.shutdown:
            self.stop(new.shutdown, now)
        self.spec.parallelism = new.parallelism
        if new.active_deadline_seconds != self.spec.active_deadline_seconds:
            self.spec.active_deadline_seconds = new.active_deadline_seconds
            self._watch_deadline()
        self._wake()

    def stop(self, strategy: str, now: float) -> None:
        """Stop still runs exit handlers, Terminate does not."""
        self.now = now
        self.shutdown = strategy
        stop_all(self, STOPPED + strategy, exiting=strategy == "Terminate")
        self._wake()

    def tick(self, now: float) -> None:
        """Timers that are due become work."""
        self.now = now
        while self.timers and self.timers[0][0] <= now:
            self.queue.append(heapq.heappop(self.timers)[2])

    @property
    def next_timer(self) -> float | None:
        return self.timers[0][0] if self.timers else None

    def pump(self, units: int = 400) -> bool:
        """Do queued work until there is none (False), or a slice is full (True): `units`, or a batch of
        new pods."""
        queue = self.queue
        outbox = self.outbox.pods
        full = len(outbox) + BATCH
        while queue:
            if units <= 0 or len(outbox) >= full:
                return True
            units -= 1
            unit = queue.popleft()
            try:
                unit()
            except Need as need:
                self.parked.setdefault(need.fact, []).append(unit)
        if not self.parked and self.stored:
            self.stored.clear()
        return False

    def take(self) -> Outbox:
        taken, self.outbox = self.outbox, Outbox()
        return taken

    @property
    def finished(self) -> bool:
        return self.phase in COMPLETED

    @property
    def progress(self) -> str:
        return f"{self.pods_done}/{self.pods_total + self.promised}"

    # ---- the beginning and the end -----------------------------------------------------------------------

    def _enter(self) -> None:
        if not self._known_parameters:
            self._resolve_parameters()
        holder = Holder(Hook(template=self.spec.entrypoint, arguments=self._arguments()), "")
        scope = Scope(self.globals, {}, {})
        self.queue.append(
            Call(self, self, holder, scope, self.library.local, self.name, self.name, fnv(self.name), None)
        )

    def _resolve_parameters(self) -> None:
        """Raises Need. Values may name earlier globals."""
        scope = Scope(self.globals, {}, {})
        found: list[Obj] = []
        for parameter in self.spec.arguments.parameters:
            try:
                value = self._parameter(parameter, scope)
            except MISTAKES as mistake:
                self._known_parameters = True
                self.end("Error", str(mistake))
                return
            if value is not None:
                self.globals.set(f"workflow.parameters.{parameter.name}", value)
                found.append({"name": parameter.name, "value": value})
        shown = msgspec.json.encode(found).decode()
        self.globals.set("workflow.parameters", shown)
        self.globals.set("workflow.parameters.json", shown)
        self._known_parameters = True

    def _parameter(self, parameter: Parameter, scope: Scope) -> str | None:
        from pinnace.controllers.workflow.template import Value

        for source in (parameter.value, parameter.default):
            if source is not UNSET:
                value = Value(source)
                return value.static if value.render is None else str(value.render(scope))
        origin = parameter.value_from
        if origin is not None and origin.config_map_key_ref is not None:
            return config_map_value(origin, parameter.name, scope, self.facts)
        return None

    def _arguments(self) -> Arguments:
        known = self.globals.values
        parameters = [
            Parameter(name=parameter.name, value=known[name])
            for parameter in self.spec.arguments.parameters
            if (name := f"workflow.parameters.{parameter.name}") in known
        ]
        return Arguments(parameters=parameters, artifacts=self.spec.arguments.artifacts)

    def done(self, frame: Frame) -> None:
        """The entry node is settled: the exit handler, then the end."""
        node = frame.node
        phase = node.phase if node.phase in COMPLETED else "Succeeded"
        message = node.message
        if frame.program is None or (phase == "Error" and node.type in ("", "Skipped")):
            message = f"error in entry template execution: {message}"
        if self.shutdown:
            phase, message = "Failed", f"Stopped with strategy '{self.shutdown}'"
        elif self.overdue and phase == "Failed":
            message = message or DEADLINE
        call = None if self.shutdown == "Terminate" else self._exit_call(phase, message, frame)
        if call is None:
            self.end(phase, message)
        else:
            self.queue.append(call)

    def _exit_call(self, phase: str, message: str, frame: Frame) -> Call | None:
        hook = (self.spec.hooks or {}).get("exit")
        if hook is None and self.spec.on_exit:
            hook = Hook(template=self.spec.on_exit, arguments=self._arguments())
        if hook is None:
            return None
        self.globals.set("workflow.status", phase)
        self.globals.set("workflow.failures", self._failures(frame))
        self.globals.set("workflow.duration", f"{self.now - self.when(self.started_at):.6f}")
        name, state = f"{self.name}.onExit", fnv(".onExit", fnv(self.name))
        call = Call(
            self,
            _Exit(self, phase, message),
            Holder(hook, "onExit"),
            Scope(self.globals, {}, {}),
            self.library.local,
            name,
            name,
            state,
            None,
        )
        call.hooked = call.exiting = True
        return call

    def _failures(self, frame: Frame) -> str:
        """A Go-quoted JSON list, as upstream gives it."""
        failed = (
            []
            if frame.node.phase == "Succeeded"
            else [
                {
                    "displayName": frame.node.display_name,
                    "message": frame.node.message,
                    "templateName": frame.node.template_name,
                    "phase": frame.node.phase,
                    "podName": "",
                    "finishedAt": frame.node.finished_at,
                }
            ]
        )
        return msgspec.json.encode(msgspec.json.encode(failed).decode()).decode()

    def end(self, phase: str, message: str) -> None:
        self.phase, self.message = phase, message
        self.finished_at = self.stamp()
        stop_all(self, "workflow completed", exiting=True)

    def _watch_deadline(self) -> None:
        seconds = self.spec.active_deadline_seconds
        if seconds is not None:
            self.at(self.when(self.started_at) + seconds, self._overdue)

    def _overdue(self) -> None:
        if not self.finished and not self.overdue:
            self.overdue = True
            stop_all(self, DEADLINE, exiting=False)
            self._wake()

    # ---- what frames ask of the run ----------------------------------------------------------------------

    def stamp(self) -> str:
        whole = int(self.now)
        if self._stamp[0] != whole:
            self._stamp = (whole, clock.stamp(whole))
        return self._stamp[1]

    def when(self, stamp: str | None) -> float:
        if stamp is None or stamp == self._stamp[1]:
            return self.now
        return clock.seconds(stamp)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (when, next(self._ticket), action))

    def identity(self, name: str, state: int) -> str:
        return node_id(self.name, name, state)

    def pod_name(self, frame: Frame) -> str:
        name = frame.program.name if frame.program is not None else ""
        return pod_name(self.name, name, frame.node.name, frame.state, frame.node.id, self.name_version)

    def pod_of(self, node: NodeStatus) -> str:
        """The name of the pod behind a node."""
        state = fnv(node.name)
        return pod_name(self.name, node.template_name, node.name, state, node.id, self.name_version)

    def closed(self, exiting: bool) -> str:
        """Why nothing new may start: the message, or empty."""
        if self.shutdown and not (exiting and self.shutdown == "Stop"):
            return STOPPED + self.shutdown
        if self.overdue and not exiting:
            return DEADLINE
        return ""

    def room(self) -> bool:
        """Whether another pod may exist."""
        if self._suspended:
            return False
        limit = self.spec.parallelism
        return self.active < (WINDOW if limit is None else min(limit, WINDOW)) or bool(self.stored)

    def block(self, action: Callable[[], None]) -> None:
        self.blocked.append(action)

    def release(self) -> None:
        self.active -= 1
        if self.blocked:
            self.queue.append(self.blocked.popleft())

    def _wake(self) -> None:
        self.queue.extend(self.blocked)
        self.blocked.clear()

    def promise(self, turns: int) -> None:
        self.promised += turns

    def dropped(self, call: Call) -> None:
        """A call that may not start any more."""
        boundary = call.boundary
        message = self.closed(call.exiting)
        if isinstance(boundary, Boundary):
            boundary.give_up(message)
        elif boundary is None:
            call.leafless("Skipped", "Failed", message)

    def dropped_slot(self, slot: Slot) -> None:
        slot.owner.give_up(self.closed(slot.owner.exiting))

    def prepare(self, inputs: Inputs) -> None:
        """Raises Need while something that the leaf must have is not known."""
        if inputs.artifacts:
            pods.ask_digests(inputs, self.facts.ask)

    def memoized(self, call: Call, program: Program, inputs: Inputs) -> bool:
        """Raises Need."""
        found = memo.look(self, program, inputs)
        if found is None:
            return False
        call.memo = found
        if found.outputs is UNSET:
            return False
        node = self.node(call, NODE_TYPES[program.kind], "Succeeded")
        node.inputs = inputs.document()
        node.outputs = found.outputs
        node.finished_at = node.started_at
        node.memoization_status = {"hit": True, "key": found.key, "cacheName": found.cache}
        if node.outputs is not None:
            self.publish(node.outputs)
        self.completed(Frame(self, call, node, program, inputs))
        return True

    def frame(
        self, call: Call, program: Program, inputs: Inputs, kind: str, stored: NodeStatus | None
    ) -> Frame:
        made: type[Frame] = _FRAMES[kind]
        node = stored
        if node is None:
            node = self.node(call, NODE_TYPES[kind], "Pending" if made is Pod else "Running")
            node.inputs = inputs.document()
            if call.memo is not None and call.retry is None:
                node.memoization_status = {"hit": False, "key": call.memo.key, "cacheName": call.memo.cache}
        frame = made(self, call, node, program, inputs)
        if isinstance(frame, Leaf):
            frame.fresh = stored is None
        return frame

    def node(self, call: Call, type_: str, phase: str) -> NodeStatus:
        boundary = call.boundary
        links = Links(parents=call.parents or [], after=call.after or [])
        if call.retry is not None:
            links.retry = call.retry
        flag = {"hooked": True} if call.hooked else ({"retried": True} if call.retry is not None else None)
        node = NodeStatus(
            id=call.id,
            name=call.name,
            display_name=call.display,
            type=type_,
            phase=phase,
            boundary_id=boundary.node.id if boundary is not None else "",
            started_at=self.stamp(),
            template_name=call.program.name if call.program is not None else call.holder.template,
            template_scope=call.scope_name,
            node_flag=flag,
            pinnace=links,
        )
        reference = call.holder.reference
        if reference is not None:
            node.template_ref = msgspec.to_builtins(reference)
            node.template_name = ""
        if type_ == "Pod":
            node.progress = "0/1"
        self.add(node)
        return node

    def add(self, node: NodeStatus) -> None:
        self._count(node)
        if node.pinnace is not None:
            node.pinnace.order = self.total
        self.outbox.nodes[node.id] = node
        if node.phase in FULFILLED:
            self.fulfilled += 1

    def adopted(self, node: NodeStatus) -> None:
        self._count(node)
        if node.phase in FULFILLED:
            self.fulfilled += 1
            if node.type == "Pod":
                self.charge(node)
            if node.outputs is not None and node.phase not in BAD:
                self.publish(node.outputs)

    def _count(self, node: NodeStatus) -> None:
        self.total += 1
        if node.type == "Pod":
            self.pods_total += 1

    def touch(self, node: NodeStatus) -> None:
        self.outbox.nodes[node.id] = node

    def charge(self, node: NodeStatus) -> None:
        """A pod has ended: its share of progress and resourcesDuration."""
        self.pods_done += 1
        if node.resources_duration is None:
            lasted = max(0, int(self.when(node.finished_at) - self.when(node.started_at)))
            node.resources_duration = {"cpu": lasted // 10 or int(lasted > 0), "memory": lasted}
        for name, amount in node.resources_duration.items():
            self.resources[name] = self.resources.get(name, 0) + amount

    def completed(self, frame: Frame) -> None:
        """A node has come to its end (or was found there)."""
        call = frame.call
        if call.memo is not None and frame.node.memoization_status is not None:
            self._save_memo(call.memo, frame)
        if call.holder.hooks and isinstance(frame.up, Slot):
            self.queue.append(partial(self._hooked, frame))
        else:
            self.queue.append(partial(frame.up.done, frame))

    def settled(self, frame: Frame) -> None:
        """A daemon is up: for those after it, it is done."""
        self.queue.append(partial(frame.up.done, frame))

    def _hooked(self, frame: Frame) -> None:
        try:
            call = exit_call(frame)
        except MISTAKES as mistake:
            frame.node.phase, frame.node.message = "Error", str(mistake)
            self.touch(frame.node)
            call = None
        self.queue.append(partial(frame.up.done, frame) if call is None else call)

    def _save_memo(self, found: memo.Found, frame: Frame) -> None:
        node = frame.node
        status = node.memoization_status or {}
        if node.phase == "Succeeded" and not status.get("hit"):
            entry = memo.Entry(found.cache, found.key, node.id, node.outputs, self.stamp())
            self.outbox.memos.append(entry)
            self.facts.tell(Fact("memo", found.cache, found.key), entry.document())

    def known(self, holder: Holder, scope_name: str) -> Program | None:
        """The program behind a node that did not run, for its declared defaults. Raises Need."""
        try:
            return self.library.resolve(holder, scope_name)
        except TemplateError:
            return None

    def wants_result(self, frame: Pod) -> bool:
        """Whether stdout is kept as the node's result: scripts, and where something refers to it."""
        program, boundary = frame.program, frame.boundary
        if program is not None and program.kind == "script":
            return True
        if boundary is None or boundary.program is None:
            return False
        return frame.call.holder.name in boundary.program.results

    def keep_artifact(self, key: str, found: Obj) -> None:
        self.outbox.artifacts[key] = found
        self.facts.tell(Fact("artifact", key), found)

    def publish(self, outputs: Obj) -> None:
        """Outputs with a globalName become the workflow's."""
        for kind in ("parameters", "artifacts"):
            for item in outputs.get(kind) or ():
                name = item.get("globalName")
                if name:
                    self._publish(
                        kind, {**{k: v for k, v in item.items() if k != "globalName"}, "name": name}
                    )

    def _publish(self, kind: str, item: Obj) -> None:
        others = [other for other in self.outputs.get(kind) or () if other.get("name") != item["name"]]
        self.outputs = {**self.outputs, kind: [*others, item]}
        if kind == "parameters":
            self.globals.set(f"workflow.outputs.parameters.{item['name']}", text(item.get("value")))
        else:
            self.globals.artifacts[item["name"]] = item

    def _restore_outputs(self) -> None:
        for kind in ("parameters", "artifacts"):
            for item in self.outputs.get(kind) or ():
                self._publish(kind, item)

    def end_daemons(self, frame: Boundary) -> None:
        for daemon in frame.daemons or ():
            if isinstance(daemon, Leaf) and daemon.node.phase not in FULFILLED:
                daemon.stop("daemon ended")
        frame.daemons = None


class _Exit:
    """Waits for the exit handler, then ends the run."""

    def __init__(self, run: Run, phase: str, message: str) -> None:
        self.run = run
        self.phase = phase
        self.message = message

    def done(self, frame: Frame) -> None:
        node = frame.node
        if node.phase in BAD and self.phase == "Succeeded":
            message = node.message
            if frame.program is None:
                message = f"error in exit template execution : {message}"
            self.run.end(node.phase, message)
        else:
            self.run.end(self.phase, self.message)


_FRAMES: dict[str, type[Frame]] = {**FRAMES, "steps": Steps, "dag": Dag, "Retry": Retry}


def _globals(workflow: Obj, spec: Obj) -> dict[str, str]:
    meta = workflow.get("metadata") or {}
    created = clock.seconds(meta.get("creationTimestamp") or clock.stamp(0))
    values = {
        "workflow.name": meta["name"],
        "workflow.namespace": meta.get("namespace") or "default",
        "workflow.uid": meta.get("uid") or "",
        "workflow.mainEntrypoint": spec.get("entrypoint") or "",
        "workflow.serviceAccountName": spec.get("serviceAccountName") or "default",
        "workflow.priority": text(spec.get("priority")),
        "workflow.status": "Running",
        "workflow.duration": "0.000000",
    }
    values |= clock.formats("workflow.creationTimestamp", created)
    annotations = meta.get("annotations") or {}
    scheduled = annotations.get("workflows.argoproj.io/scheduled-time")
    if scheduled:
        values["workflow.scheduledTime"] = scheduled
    for kind in ("labels", "annotations"):
        found = meta.get(kind) or {}
        values[f"workflow.{kind}"] = values[f"workflow.{kind}.json"] = msgspec.json.encode(
            found, order="sorted"
        ).decode()
        values |= {f"workflow.{kind}.{name}": text(value) for name, value in found.items()}
    return values
