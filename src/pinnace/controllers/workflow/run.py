"""One workflow's run as plain data: events in, what is to be done out. No loop, store, clock or process.

The caller (`live`, `pinnace.testing`, tests) tells it what happened and the time, calls `pump`, and takes the
`Outbox`: pods to create, nodes to write, objects to act on. Work is a queue of small units, so that any
fan-out can be done in slices. Each event costs the frames that it touches, never the size of the run. What
frames ask of their run is the room below: `context`.
"""

from __future__ import annotations

import heapq
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.controllers.workflow import measures
from pinnace.controllers.workflow.context import STOPPED, Context
from pinnace.controllers.workflow.facts import Fact, Need
from pinnace.controllers.workflow.frame import BAD, MISTAKES, Call, Frame
from pinnace.controllers.workflow.hooks import Hooks, of_workflow
from pinnace.controllers.workflow.inputs import config_map_value
from pinnace.controllers.workflow.leaves import DEADLINE, Pod, Resource, Sent, Suspension, stop_all
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.outbox import Outbox
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.status import NODE_ID
from pinnace.controllers.workflow.template import Holder, Value, spec_of
from pinnace.controllers.workflow.waiting import admitted
from pinnace.kinds.argo import COMPLETED, Arguments, Hook, NodeStatus, Parameter
from pinnace.kinds.resource import Obj

BATCH = 32
"""Pods created in one slice, so that none holds the loop for long."""


class Run(Context):
    lifecycle: Hooks | None = None
    """The workflow's own hooks but `exit`."""

    # ---- events ------------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin, or go on from the stored nodes."""
        self.now = now
        self.lifecycle = of_workflow(self)
        self.locks.reopen()
        if self.spec.synchronization is None or admitted(self, self._begin):
            self._begin()

    def _begin(self) -> None:
        if not self.phase or self.phase == "Pending":
            self.phase, self.message = "Running", ""
            self.started_at = self.started_at or self.stamp()
            self._measure(begins=True)
        self._watch_deadline()
        if not self._suspended:
            self.queue.append(self._enter)

    def observe(self, pod: Obj, now: float) -> None:
        """A pod changed."""
        self.now = now
        identity = ((pod.get("metadata") or {}).get("annotations") or {}).get(NODE_ID)
        leaf = self.leaves.get(identity or "")
        if isinstance(leaf, Pod):
            leaf.seen(pod)

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

    def answered(self, node: str, now: float, phase: str, message: str, result: str | None) -> None:
        """What the agent says of an errand."""
        self.now = now
        leaf = self.leaves.get(node)
        if isinstance(leaf, Sent):
            leaf.answered(phase, message, result)

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
            if self.locks.admit is None:
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
        if self.locks.admit is not None:
            self.locks.admit = None
            self.end("Failed", f"Stopped with strategy '{strategy}'")
            return
        stop_all(self, STOPPED + strategy, exiting=strategy == "Terminate")
        self._wake()

    def tick(self, now: float) -> None:
        """Timers that are due become work."""
        self.now = now
        while self.timers and self.timers[0][0] <= now:
            self.queue.append(heapq.heappop(self.timers)[2])
        if self.locks.used:
            self.locks.look()

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

    def outbox_later(self, pod: str) -> None:
        """A pod whose time has come goes."""
        self.outbox.removals.append(pod)

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
        self._look()

    def _look(self) -> None:
        """Hooks of the workflow may hold by now."""
        if self.lifecycle is not None:
            self.queue.append(self._look_now)

    def _look_now(self) -> None:
        if self.lifecycle is not None and not self.lifecycle.ended:
            self.lifecycle.look()

    def _publish(self, kind: str, item: Obj) -> None:
        super()._publish(kind, item)
        self._look()

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
        if self.reports:
            self.globals.set("workflow.status", phase)
            self.globals.set("workflow.failures", self._failures())
            self.globals.set("workflow.duration", f"{self.now - self.when(self.started_at):.6f}")
        if self.lifecycle is None:
            self._leave(phase, message)
        else:
            self.lifecycle.end(partial(self._after_hooks, phase, message))

    def _after_hooks(self, phase: str, message: str, mistake: str) -> None:
        self._leave("Error" if mistake else phase, mistake or message)

    def _leave(self, phase: str, message: str) -> None:
        """The exit handler, then the end."""
        call = None if self.shutdown == "Terminate" else self._exit_call(phase, message)
        if call is None:
            self.end(phase, message)
        else:
            self.queue.append(call)

    def _exit_call(self, phase: str, message: str) -> Call | None:
        hook = (self.spec.hooks or {}).get("exit")
        if hook is None and self.spec.on_exit:
            hook = Hook(template=self.spec.on_exit, arguments=self._arguments())
        if hook is None:
            return None
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

    def _failures(self) -> str:
        """A Go-quoted JSON list, as upstream gives it."""
        failed = list(self.failures.values()) or None
        return msgspec.json.encode(msgspec.json.encode(failed).decode()).decode()

    def end(self, phase: str, message: str) -> None:
        self.phase, self.message = phase, message
        self.finished_at = self.stamp()
        self._measure()
        self.locks.changed = self.locks.changed or self.locks.used
        stop_all(self, "workflow completed", exiting=True)

    def _measure(self, *, begins: bool = False) -> None:
        if self.spec.metrics is not None:
            node = NodeStatus(
                id="",
                name=self.name,
                phase=self.phase,
                started_at=self.started_at,
                finished_at=self.finished_at,
                outputs=self.outputs,
                resources_duration=self.resources,
            )
            self.globals.set("workflow.status", self.phase)
            self.globals.set("workflow.duration", f"{self.now - self.when(self.started_at):.6f}")
            self.outbox.samples.extend(measures.emitted(self, self.spec.metrics, node, {}, begins=begins))

    def _watch_deadline(self) -> None:
        seconds = self.spec.active_deadline_seconds
        if seconds is not None:
            self.at(self.when(self.started_at) + seconds, self._overdue)

    def _overdue(self) -> None:
        if not self.finished and not self.overdue:
            self.overdue = True
            stop_all(self, DEADLINE, exiting=False)
            self._wake()


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
