"""What the frames of a run stand on: its clock, its names, its room, its nodes, its outbox.

Frames (`frame`, `slot`, `leaves` …) ask here and are asked by `run`, which is this and takes the events.
Plain data: no loop, store, clock or process.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count

import msgspec
from msgspec import UNSET

from pinnace.controllers.workflow import clock, measures, memo, pods, transfers, variables, waiting
from pinnace.controllers.workflow.attempts import Retry
from pinnace.controllers.workflow.dag import Dag
from pinnace.controllers.workflow.facts import Fact, Facts
from pinnace.controllers.workflow.frame import BAD, MISTAKES, NODE_TYPES, Call, Frame
from pinnace.controllers.workflow.hooks import ExitHook, Hooks, exit_call, group, hooking, of_node
from pinnace.controllers.workflow.inputs import Inputs
from pinnace.controllers.workflow.leaves import DEADLINE, FRAMES, Leaf, Pod
from pinnace.controllers.workflow.locations import OWN
from pinnace.controllers.workflow.locks import Locks
from pinnace.controllers.workflow.members import Set
from pinnace.controllers.workflow.names import fnv, node_id, pod_name
from pinnace.controllers.workflow.outbox import Outbox
from pinnace.controllers.workflow.scope import Globals
from pinnace.controllers.workflow.slot import Boundary, Slot
from pinnace.controllers.workflow.steps import Steps
from pinnace.controllers.workflow.template import Holder, Library, Program, TemplateError, spec_of
from pinnace.kinds.annotations import ISOLATION
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus, text
from pinnace.kinds.resource import Obj

WINDOW = 256
"""Pods of one run that exist unfinished at a time. Upstream creates all; here a fan-out of 5,000 would hold
5,000 Pods in memory, in the watch log and in the scheduler's queue for nothing: the machine runs a few at
a time. The turns of a loop beyond it have no node yet, as upstream's have none beyond `parallelism`; their
items are stored."""
STOPPED = "workflow shutdown with strategy:  "


class Context:
    """`spec` is the merged one (`template.merge_spec`). `stored` are the nodes of an earlier life."""

    def __init__(
        self,
        workflow: Obj,
        spec: Obj,
        facts: Facts,
        now: float,
        stored: Iterable[NodeStatus] = (),
        templates: dict[str, Obj] | None = None,
        locks: Locks | None = None,
    ) -> None:
        meta = workflow.get("metadata") or {}
        status = workflow.get("status") or {}
        self.workflow = workflow
        self.name: str = meta["name"]
        self.namespace: str = meta.get("namespace") or "default"
        self.uid: str = meta.get("uid") or ""
        self.raw_spec = spec
        self.spec = spec_of(spec)
        self.facts = facts
        self.now = now
        self.depot = OWN
        """Where artifacts lie by default."""
        self.library = Library(self.name, spec, facts, dict(templates or {}))
        self.globals = Globals(variables.of(workflow, spec))
        annotations = meta.get("annotations") or {}
        self.isolation: str = annotations.get(ISOLATION, "")
        self.local_paths = self.isolation == "process"
        """Pods see the machine's own paths: a component is told of no other."""
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
        self.complaints: dict[str, str] = {}
        """Conditions of the workflow that something went wrong beside its steps, by type."""
        self.hooking: dict[str, Hooks] = {}
        """Of nodes that live, by ID."""
        self.reports = bool(self.spec.hooks or self.spec.on_exit)
        self.failures: dict[str, Obj] = {}
        self.locks = waiting.Keeper(self, locks if locks is not None else Locks())
        self._restore_outputs()

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
        if isinstance(call.up, Hooks | ExitHook):
            call.up.dropped()
            if not message:
                return
        if isinstance(boundary, Boundary):
            boundary.give_up(message)
        elif boundary is None and not isinstance(call.up, Hooks):
            call.leafless("Skipped", "Failed", message)

    def dropped_slot(self, slot: Slot) -> None:
        slot.owner.give_up(self.closed(slot.owner.exiting))

    def prepare(self, inputs: Inputs) -> None:
        """Raises Need while something that the leaf must have is not known."""
        if inputs.artifacts:
            transfers.ask_digests(inputs, self.facts.ask, self.depot)

    def locked(self, call: Call, program: Program, inputs: Inputs) -> bool:
        return waiting.entered(call, program, inputs)

    def waited(self, call: Call, program: Program, stored: NodeStatus, inputs: Inputs) -> bool:
        return waiting.adopted(call, program, stored, inputs)

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
            node = self.node(call, NODE_TYPES[kind], "Pending" if issubclass(made, Pod) else "Running")
            node.inputs = inputs.document()
            if call.memo is not None and call.retry is None:
                node.memoization_status = {"hit": False, "key": call.memo.key, "cacheName": call.memo.cache}
        frame = made(self, call, node, program, inputs)
        if isinstance(frame, Leaf):
            frame.fresh = stored is None
        return frame

    def node(self, call: Call, type_: str, phase: str) -> NodeStatus:
        boundary = call.boundary
        links = Links(parents=call.parents, after=call.after)
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
        if call.before is None:
            self.add(node)
        else:
            self._replace(call.before, node)
        return node

    def add(self, node: NodeStatus) -> None:
        self._count(node)
        if node.pinnace is not None:
            node.pinnace.order = self.total
        self.outbox.nodes[node.id] = node
        if node.phase in FULFILLED:
            self.fulfilled += 1

    def _replace(self, before: NodeStatus, node: NodeStatus) -> None:
        """What waited under this name goes on."""
        if before.phase in FULFILLED:
            return
        node.started_at, node.synchronization_status = before.started_at, {}
        if node.pinnace is not None and before.pinnace is not None:
            node.pinnace.order = before.pinnace.order
        self.pods_total += (node.type == "Pod") - (before.type == "Pod")
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
            done, total = _amounts(node.progress)
            self.pods_done += done
            self.pods_total += total

    def touch(self, node: NodeStatus) -> None:
        self.outbox.nodes[node.id] = node

    def progressed(self, node: NodeStatus, progress: str) -> None:
        """A pod says how far it is (`n/m`); the workflow's progress is the sum over its pods."""
        before, now = _amounts(node.progress), _amounts(progress)
        self.pods_done += now[0] - before[0]
        self.pods_total += now[1] - before[1]
        node.progress = progress

    def ended(self, node: NodeStatus, phase: str) -> None:
        """A pod's share of the progress at its end: all of it, if it succeeded."""
        if phase == "Succeeded":
            whole = _amounts(node.progress)[1]
            self.progressed(node, f"{whole}/{whole}")

    def charge(self, node: NodeStatus) -> None:
        """A pod has ended: its share of progress and resourcesDuration."""
        if node.resources_duration is None:
            lasted = max(0, int(self.when(node.finished_at) - self.when(node.started_at)))
            node.resources_duration = {"cpu": lasted // 10 or int(lasted > 0), "memory": lasted}
        for name, amount in node.resources_duration.items():
            self.resources[name] = self.resources.get(name, 0) + amount

    def completed(self, frame: Frame) -> None:
        """A node has come to its end (or was found there)."""
        call = frame.call
        if call.locked:
            self.locks.let_go(call.locked)
            call.locked = ""
        if call.memo is not None and frame.node.memoization_status is not None:
            self._save_memo(call.memo, frame)
        if frame.node.phase in BAD:
            self.blame(frame.node)
        if call.holder.hooks and hooking(frame):
            self._end_hooks(frame)
        else:
            self.queue.append(partial(frame.up.done, frame))

    def settled(self, frame: Frame) -> None:
        """A daemon is up: for those after it, it is done."""
        if frame.call.locked:
            self.locks.let_go(frame.call.locked)
            frame.call.locked = ""
        self.queue.append(partial(frame.up.done, frame))

    def measure(self, frame: Frame, *, begins: bool = False) -> None:
        """The metrics of a frame's template. Of attempts each is counted, and not their parent."""
        node = frame.node
        if frame.program is None or node.type == "Retry" or (begins and node.phase in FULFILLED):
            return
        declared = frame.program.template.metrics or {}
        made = measures.emitted(self, declared, node, frame.inputs.parameters, begins=begins)
        self.outbox.samples.extend(made)

    # ---- hooks -------------------------------------------------------------------------------------------

    def watch(self, frame: Frame) -> None:
        """A node began whose step or task has hooks that may fire while it runs."""
        if hooking(frame) and frame.node.phase not in FULFILLED:
            hooks = self.hooking[frame.node.id] = of_node(frame)
            hooks.look()

    def seen(self, frame: Frame) -> None:
        """Its phase changed."""
        hooks = self.hooking.get(frame.node.id)
        if hooks is not None:
            hooks.look()

    def watch_group(self, slot: Slot) -> None:
        assert slot.node is not None
        if slot.node.phase not in FULFILLED:
            hooks = self.hooking[slot.node.id] = of_node(group(slot))
            hooks.look()

    def group_settled(self, slot: Slot) -> None:
        """All turns of a looped task are done."""
        self._end_hooks(group(slot))

    def _end_hooks(self, frame: Frame) -> None:
        hooks = self.hooking.pop(frame.node.id, None)
        if hooks is None and frame.call.holder.watched:
            hooks = of_node(frame)
        if hooks is None:
            self.queue.append(partial(self._hooked, frame))
        else:
            hooks.end(partial(self._hooks_done, frame))

    def _hooks_done(self, frame: Frame, mistake: str) -> None:
        if mistake:
            frame.node.phase, frame.node.message = "Error", mistake
            self.touch(frame.node)
        self._hooked(frame)

    def blame(self, node: NodeStatus) -> None:
        """For `workflow.failures`, where somebody may read them."""
        if self.reports:
            self.failures[node.id] = {
                "displayName": node.display_name,
                "message": node.message,
                "templateName": node.template_name or (node.template_ref or {}).get("template", ""),
                "phase": node.phase,
                "podName": self.pod_of(node),
                "finishedAt": node.finished_at,
            }

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


def _amounts(progress: str) -> tuple[int, int]:
    """A pod that has not said anything is one piece of work."""
    done, slash, total = progress.partition("/")
    return (int(done), int(total)) if slash else (0, 1)


_FRAMES: dict[str, type[Frame]] = {**FRAMES, "containerSet": Set, "steps": Steps, "dag": Dag, "Retry": Retry}
