"""The frames of a run: one object per live node that has something to wait for, and who tells whom.

A frame starts, waits for its children and tells the one above when it is settled. Nothing here scans: a change
costs the frames it touches. Everything is adopted from its stored node if there is one, so rebuilding a run
after a crash is the same walk as starting it. Caller: `run`.
"""

from __future__ import annotations

from collections import ChainMap, deque
from typing import TYPE_CHECKING, Any, Protocol

from pinnace.controllers.workflow import depends, loops
from pinnace.controllers.workflow.expression.errors import ExpressionError
from pinnace.controllers.workflow.expression.evaluate import evaluate, references
from pinnace.controllers.workflow.expression.when import WhenError, passes
from pinnace.controllers.workflow.inputs import InputError, Inputs, bind
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.outputs import Aggregate, OutputError, View, composed
from pinnace.controllers.workflow.retry import Attempt, backoff_message, judge
from pinnace.controllers.workflow.scope import Absent, Scope, Sibling, Unresolved
from pinnace.controllers.workflow.template import PODS, Holder, Program, TemplateError
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus, RetryStrategy

if TYPE_CHECKING:
    from pinnace.controllers.workflow.memo import Found
    from pinnace.controllers.workflow.run import Run

MAX_DEPTH = 100
SLICE = 16
"""Turns of a loop that one unit of work starts before others get theirs."""
FAIL_FAST = "template has failed or errored children and failFast enabled"

BAD = frozenset({"Failed", "Error"})
MISTAKES = (
    Absent, Unresolved, ExpressionError, WhenError, InputError, OutputError, TemplateError, loops.LoopError,
)
"""What a manifest can get wrong at run time: it becomes the node's Error."""


class Upper(Protocol):
    """Who is told when a frame is settled (completed, its exit hook too; or skipped)."""

    def done(self, frame: Frame) -> None: ...


class Frame:
    """One node while the run lives, and what remains of it for its siblings afterwards."""

    __slots__ = (
        "active", "boundary", "call", "daemons", "depth", "exiting", "failing", "inputs", "node", "program",
        "run", "state", "up", "view", "waiting",
    )

    def __init__(self, run: Run, call: Call, node: NodeStatus, program: Program | None, inputs: Inputs) -> None:
        self.run = run
        self.call = call
        self.node = node
        self.program = program
        self.inputs = inputs
        self.up: Upper = call.up
        self.boundary = call.boundary
        self.state = call.state
        self.depth = call.depth
        self.exiting = call.exiting
        self.view = View(node, program)
        self.active = 0
        """Direct children that count for `parallelism`."""
        self.failing = ""
        self.waiting: deque[Any] | None = None
        self.daemons: list[Frame] | None = None

    def begin(self) -> None:
        """Start, or go on from an adopted node."""

    def finish(self, phase: str, message: str = "") -> None:
        node = self.node
        if node.phase in FULFILLED:
            self.run.completed(self)
            return
        node.phase = phase
        if message:
            node.message = message
        node.finished_at = self.run.stamp()
        self.run.touch(node)
        self.run.completed(self)

    def resumed(self) -> None:
        """Capacity came back to this frame's children."""
        if self.waiting:
            self.run.queue.append(self.waiting.popleft())


class Call:
    """A template about to be called: by a step, a task, a turn of a loop, a hook, or the workflow."""

    __slots__ = (
        "after", "boundary", "counted", "depth", "display", "exiting", "holder", "hooked", "item", "memo", "name",
        "parents", "program", "retry", "run", "scope", "scope_name", "state", "up",
    )

    def __init__(
        self, run: Run, up: Upper, holder: Holder, scope: Scope, scope_name: str, name: str, display: str,
        state: int, boundary: Frame | None, parents: list[str] | None = None, after: list[str] | None = None,
    ) -> None:
        self.run = run
        self.up = up
        self.holder = holder
        self.scope = scope
        self.scope_name = scope_name
        self.name = name
        self.display = display
        self.state = state
        self.boundary = boundary
        self.parents = parents
        self.after = after
        self.depth: int = boundary.depth + 1 if boundary is not None else 0
        self.exiting: bool = boundary.exiting if boundary is not None else False
        self.hooked = False
        self.counted = False
        self.retry: dict[str, str] | None = None
        self.program: Program | None = None
        self.item: Any = None
        self.memo: Found | None = None

    def __call__(self) -> None:
        """Raises Need only before anything was decided."""
        run = self.run
        stored = run.stored.pop(run.identity(self.name, self.state), None)
        if stored is None and not self._may_start():
            return
        try:
            self._go(stored)
        except MISTAKES as mistake:
            self.fail(str(mistake))
        except Exception:
            if stored is not None:
                run.stored[stored.id] = stored
            raise

    def _may_start(self) -> bool:
        boundary = self.boundary
        if self.run.closed(self.exiting) or (boundary is not None and boundary.failing):
            self.run.dropped(self)
            return False
        return self._has_turn(boundary)

    def _has_turn(self, boundary: Frame | None) -> bool:
        limit = boundary.program.template.parallelism if boundary is not None and boundary.program else None
        if boundary is not None and limit is not None and boundary.active >= limit:
            if boundary.waiting is None:
                boundary.waiting = deque()
            boundary.waiting.append(self)
            return False
        return True

    def _go(self, stored: NodeStatus | None) -> None:
        run, holder = self.run, self.holder
        if stored is None and holder.when is not None:
            when = holder.when
            condition = when.static if when.render is None else str(when.render(self.scope))
            if not passes(condition):
                self.skip(f"when '{condition}' evaluated false")
                return
        if stored is not None:
            self.adopt(stored)
            return
        program = self.program = run.library.resolve(holder, self.scope_name)
        if self.depth > MAX_DEPTH:
            raise TemplateError(f"Maximum recursion depth exceeded: more than {MAX_DEPTH} templates call each other")
        if program.kind in PODS and not run.room():
            run.block(self)
            return
        inputs = bind(program, holder, self.scope, run.facts)
        run.prepare(inputs)
        if not run.memoized(self, program, inputs):
            self.start(program, inputs)

    def start(self, program: Program, inputs: Inputs) -> None:
        """Make the node and begin it."""
        strategy = program.template.retry_strategy or self.run.spec.retry_strategy
        self.begin(self.run.frame(self, program, inputs, "Retry" if strategy is not None else program.kind, None))

    def adopt(self, stored: NodeStatus) -> None:
        run, inputs = self.run, Inputs.of(stored.inputs)
        if stored.phase in FULFILLED:
            program = run.known(self.holder, self.scope_name)
            run.adopted(stored)
            run.completed(Frame(run, self, stored, program, inputs))
            return
        program = self.program = run.library.resolve(self.holder, self.scope_name)
        run.prepare(inputs)
        run.adopted(stored)
        self.begin(run.frame(self, program, inputs, "Retry" if stored.type == "Retry" else program.kind, stored))

    def begin(self, frame: Frame) -> None:
        if self.boundary is not None:
            self.boundary.active += 1
            self.counted = True
        try:
            frame.begin()
        except MISTAKES as mistake:
            frame.finish("Error", str(mistake))

    def skip(self, message: str) -> None:
        self.leafless("Skipped", "Skipped", message)

    def fail(self, message: str) -> None:
        kind = self.program.kind if self.program is not None else ""
        self.leafless(NODE_TYPES.get(kind, "Skipped"), "Error", message)

    def leafless(self, type_: str, phase: str, message: str) -> None:
        program = self.program
        if program is None and phase in ("Skipped", "Omitted"):
            program = self.run.known(self.holder, self.scope_name)
        node = self.run.node(self, type_, phase)
        node.message = message
        node.finished_at = node.started_at
        self.run.completed(Frame(self.run, self, node, program, Inputs({}, {})))


NODE_TYPES = {
    "steps": "Steps", "dag": "DAG", "suspend": "Suspend", "Retry": "Retry", "http": "HTTP", "plugin": "Plugin",
    "container": "Pod", "script": "Pod", "containerSet": "Pod", "data": "Pod", "resource": "Pod",
}


class Slot:
    """One step or task within its frame: a single call, or the turns of a loop."""

    __slots__ = (
        "cursor", "holder", "items", "members", "name", "node", "open", "owner", "parent", "phase", "settled",
        "state", "view",
    )

    def __init__(self, owner: Steps | Dag, holder: Holder, name: str, state: int) -> None:
        self.owner = owner
        self.holder = holder
        self.name = name
        self.state = state
        self.members: list[View] = []
        """Its settled nodes. Frames are let go: a run of 10,000 nodes keeps what its siblings may ask for."""
        self.open = 0
        self.items: list[Any] | None = None
        self.cursor = 0
        self.node: NodeStatus | None = None
        """The task group of a looped task; of a looped step, what stands for all its turns."""
        self.phase = ""
        self.settled = False
        self.view: Sibling | None = None

    def __call__(self) -> None:
        """Start, as a unit of work. Raises Need."""
        if not self.holder.looped:
            self.open = 1
            self.call(self.name, self.holder.name, self.state, None)()
            return
        run = self.owner.run
        if run.closed(self.owner.exiting) and self.owner.loops_of(self) is None:
            run.dropped_slot(self)
            return
        try:
            items = self._items()
        except MISTAKES as mistake:
            self.open = 1
            self.call(self.name, self.holder.name, self.state, None).fail(str(mistake))
            return
        if items is None:
            return
        self.items = items
        self.open = len(items)
        run.promise(len(items))
        run.queue.append(self.advance)

    def _items(self) -> list[Any] | None:
        """The turns of the loop; None where there are none and the slot is settled already."""
        stored = self.owner.loops_of(self)
        if stored is not None:
            return stored
        self.open = 1
        single = self.call(self.name, self.holder.name, self.state, None)
        run = self.owner.run
        before = run.stored.get(run.identity(self.name, self.state))
        if before is not None and before.phase in FULFILLED:
            single()
            return None
        task = self.holder.task
        assert task is not None
        try:
            items = loops.items_of(task, self.owner.scope)
        except (*MISTAKES,):
            if not self._skipped_anyway(single):
                raise
            return None
        if not items:
            single.skip("Skipped, empty params")
            return None
        self.owner.keep_loops(self, items)
        return items

    def _skipped_anyway(self, single: Call) -> bool:
        """A `withParam` that cannot be read is forgiven where `when` is false without it."""
        when = self.holder.when
        if when is None or "item" in when.static:
            return False
        condition = when.static if when.render is None else str(when.render(self.owner.scope))
        if passes(condition):
            return False
        single.skip(f"when '{condition}' evaluated false")
        return True

    def call(self, name: str, display: str, state: int, item: Any) -> Call:
        owner = self.owner
        parents, after = owner.links_of(self)
        scope = owner.scope
        if item is not None:
            scope = scope.with_item(item[0])
        made = Call(
            owner.run, self, self.holder, scope, owner.scope_name, name, display, state, owner, parents, after
        )
        if item is not None and self.holder.inline is not None:
            made.item = scope.item
        return made

    def advance(self) -> None:
        """Start the next turns, as many as there is room for."""
        assert self.items is not None
        run = self.owner.run
        for _ in range(SLICE):
            if self.cursor >= len(self.items):
                return
            if self.owner.failing:
                run.promise(self.cursor - len(self.items))
                return
            if not run.room():
                run.block(self.advance)
                return
            index, item = self.cursor, self.items[self.cursor]
            suffix = loops.item_name("", index, item)
            call = self.call(
                self.name + suffix, self.holder.name + suffix, fnv(suffix, self.state), (item,)
            )
            call()
            self.cursor += 1
            run.promise(-1)
        run.queue.append(self.advance)

    def done(self, frame: Frame) -> None:
        self.members.append(frame.view)
        owner = self.owner
        if frame.call.counted:
            owner.active -= 1
            frame.call.counted = False
        if owner.failing or (frame.node.phase in BAD and owner.fails_fast):
            owner.give_up(FAIL_FAST)
        owner.resumed()
        self.open -= 1
        if self.open <= 0 and not self.settled:
            self.settle()

    def settle(self) -> None:
        self.settled = True
        if self.items is None:
            only = self.members[0]
            self.view, self.node, self.phase = only, only.node, only.node.phase
        else:
            self.members.sort(key=_turn)
            self.phase = self._group_phase()
            self.node = self.owner.group_done(self)
            self.view = Aggregate(self.node, self.members)
        self.owner.settled(self)

    def _group_phase(self) -> str:
        phase = "Succeeded"
        for member in self.members:
            if member.node.phase in BAD:
                phase = member.node.phase
        return phase

    def results(self) -> frozenset[str]:
        daemoned = self.items is None and bool(self.members[0].node.daemoned)
        members = None if self.items is None else [member.node.phase for member in self.members]
        return depends.results(self.phase, daemoned=daemoned, members=members)


def _turn(member: View) -> int:
    name = member.node.display_name
    return int(name[name.rfind("(") + 1 :].partition(":")[0])


class Boundary(Frame):
    """A frame with named children: `Steps` or `Dag`."""

    __slots__ = ("fails_fast", "scope", "scope_name", "slots")
    prefix = ""

    def __init__(self, run: Run, call: Call, node: NodeStatus, program: Program, inputs: Inputs) -> None:
        super().__init__(run, call, node, program, inputs)
        self.slots: dict[str, Sibling] = {}
        self.scope = Scope(
            run.globals, inputs.parameters, inputs.artifacts, self.prefix, self.slots,
            extra={"node.name": node.name, f"{self.prefix}.name": node.display_name},
        )
        self.scope_name = program.scope
        self.fails_fast = bool(program.template.fail_fast)

    def give_up(self, message: str) -> None:
        """Start nothing more; fail with this message when what runs has ended."""
        self.failing = self.failing or message
        self.waiting = None
        self.run.queue.append(self.fail_when_idle)

    def fail_when_idle(self) -> None:
        if self.active == 0 and self.node.phase not in FULFILLED:
            self.fail_now()

    def fail_now(self) -> None:
        """Nothing runs below any more: end with `failing` as the message."""

    def conclude(self, phase: str, message: str, ends: list[str]) -> None:
        """Outputs, daemons, the node's end."""
        assert self.program is not None
        self.links().ends = ends
        self.run.end_daemons(self)
        if phase == "Succeeded":
            try:
                made = composed(self.program.template.outputs, self.scope)
            except MISTAKES as mistake:
                self.finish("Error", str(mistake))
                return
            if made is not None:
                self.node.outputs = made
                self.run.publish(made)
        self.finish(phase, message)

    def links(self) -> Links:
        if self.node.pinnace is None:
            self.node.pinnace = Links()
        return self.node.pinnace


class Steps(Boundary):
    """Step groups one after another; all steps of a group at once."""

    __slots__ = ("group", "index", "members", "open")
    prefix = "steps"

    def begin(self) -> None:
        self.index = -1
        self.open = 0
        self.group: NodeStatus | None = None
        self.members: list[Slot] = []
        self.next_group()

    def next_group(self) -> None:
        assert self.program is not None
        previous = self.group
        self.index += 1
        if self.index >= len(self.program.steps):
            self.conclude("Succeeded", "", [previous.id] if previous is not None else [])
            return
        part = f"[{self.index}]"
        name, state = self.node.name + part, fnv(part, self.state)
        group = self.run.stored.pop(self.run.identity(name, state), None)
        if group is None:
            closed = self.run.closed(self.exiting)
            if closed:
                self.conclude("Failed", closed, [previous.id] if previous is not None else [])
                return
            group = self._new_group(name, part, state, previous)
        else:
            self.run.adopted(group)
        self.group = group
        self._start(self.program.steps[self.index], name, state)

    def _new_group(self, name: str, part: str, state: int, previous: NodeStatus | None) -> NodeStatus:
        group = NodeStatus(
            id=self.run.identity(name, state), name=name, display_name=part, type="StepGroup", phase="Running",
            boundary_id=self.node.id, started_at=self.run.stamp(), template_scope=self.node.template_scope,
            pinnace=Links(after=[previous.id]) if previous is not None else Links(parents=[self.node.id]),
        )
        self.run.add(group)
        return group

    def _start(self, holders: list[Holder], name: str, state: int) -> None:
        self.members = []
        self.open = len(holders)
        if not holders:
            self.run.queue.append(self.assess)
        for holder in holders:
            part = f".{holder.name}"
            slot = Slot(self, holder, name + part, fnv(part, state))
            self.members.append(slot)
            self.run.queue.append(slot)

    def links_of(self, slot: Slot) -> tuple[list[str] | None, list[str] | None]:
        assert self.group is not None
        return [self.group.id], None

    def loops_of(self, slot: Slot) -> list[Any] | None:
        links = self.group.pinnace if self.group is not None else None
        return links.loops.get(slot.holder.name) if links is not None else None

    def keep_loops(self, slot: Slot, items: list[Any]) -> None:
        assert self.group is not None
        assert self.group.pinnace is not None
        self.group.pinnace.loops = {**self.group.pinnace.loops, slot.holder.name: items}
        self.run.touch(self.group)

    def group_done(self, slot: Slot) -> NodeStatus | None:
        """Expanded steps have no node of their own: this stands for them in `steps.x.status`."""
        return NodeStatus(id="", name=slot.name, display_name=slot.holder.name, phase=slot.phase)

    def settled(self, slot: Slot) -> None:
        self.open -= 1
        if self.open == 0 and not self.failing:
            self.assess()

    def fail_now(self) -> None:
        self._end_group("Failed", self.failing)
        self.conclude("Failed", self.failing, [self.group.id] if self.group is not None else [])

    def assess(self) -> None:
        """All children of the group are settled."""
        assert self.group is not None
        for slot in self.members:
            if slot.view is not None:
                self.slots[slot.holder.name] = slot.view
        failed = next((member for slot in self.members for member in slot.members if _bad(slot, member)), None)
        if failed is not None:
            message = f"child '{failed.node.id}' failed"
            self._end_group("Failed", message)
            self.conclude("Failed", message, [self.group.id])
            return
        self._end_group("Succeeded", "")
        self.run.queue.append(self.next_group)

    def _end_group(self, phase: str, message: str) -> None:
        group = self.group
        if group is None or group.phase in FULFILLED:
            return
        group.phase, group.finished_at = phase, self.run.stamp()
        group.message = message
        self.run.touch(group)


def _bad(slot: Slot, member: View) -> bool:
    return member.node.phase in BAD and not slot.holder.tolerates(member.node.phase)


class Dag(Boundary):
    """Tasks as soon as what they depend on is settled; only targets and their ancestors run."""

    __slots__ = ("branches", "ended", "left", "missing", "results", "tasks")
    prefix = "tasks"

    def begin(self) -> None:
        assert self.program is not None
        assert self.program.plan is not None
        plan = self.program.plan
        self.tasks: dict[str, Slot] = {}
        self.results: dict[str, frozenset[str]] = {}
        self.branches: dict[str, str] = {}
        """What phase each settled task hands down its branch: its own, or for one that did not run, the worst above."""
        self.missing = {name: len(needs.tasks) for name, needs in plan.depends.items()}
        self.left = len(plan.holders)
        self.ended = False
        for name, count in self.missing.items():
            if count == 0:
                self.run.queue.append(_Start(self, name))
        if not plan.holders:
            self.run.queue.append(self._assess)

    def start(self, name: str) -> None:
        assert self.program is not None
        assert self.program.plan is not None
        plan = self.program.plan
        part = f".{name}"
        slot = self.tasks[name] = Slot(self, plan.holders[name], self.node.name + part, fnv(part, self.state))
        if plan.depends[name].tasks and not self._holds(slot, plan.depends[name]):
            slot.open = 1
            slot.call(slot.name, name, slot.state, None).leafless(
                "Skipped", "Omitted", "omitted: depends condition not met"
            )
            return
        self.run.queue.append(slot)

    def _holds(self, slot: Slot, needs: depends.Depends) -> bool:
        """A stored node says that this was decided before."""
        stored = self.run.stored.get(self.run.identity(slot.name, slot.state))
        if stored is not None:
            if stored.phase == "Omitted":
                del self.run.stored[stored.id]
                return False
            return True
        return needs.test(self.results)

    def links_of(self, slot: Slot) -> tuple[list[str] | None, list[str] | None]:
        if slot.items is not None and slot.node is not None:
            return [slot.node.id], None
        assert self.program is not None
        assert self.program.plan is not None
        needs = self.program.plan.depends[slot.holder.name].tasks
        if not needs:
            return [self.node.id], None
        run, found = self.run, []
        for name in needs:
            other = self.tasks[name]
            found.append(run.identity(other.name, other.state))
        return None, found

    def loops_of(self, slot: Slot) -> list[Any] | None:
        if slot.node is not None:
            return slot.node.pinnace.loops.get("") if slot.node.pinnace is not None else None
        stored = self.run.stored.get(self.run.identity(slot.name, slot.state))
        if stored is None or stored.type != "TaskGroup":
            return None
        del self.run.stored[stored.id]
        self.run.adopted(stored)
        slot.node = stored
        slot.items = []
        return stored.pinnace.loops.get("", []) if stored.pinnace is not None else []

    def keep_loops(self, slot: Slot, items: list[Any]) -> None:
        parents, after = self.links_of(slot)
        slot.node = NodeStatus(
            id=self.run.identity(slot.name, slot.state), name=slot.name, display_name=slot.holder.name,
            type="TaskGroup", phase="Running", boundary_id=self.node.id, started_at=self.run.stamp(),
            template_name=slot.holder.template, template_scope=self.scope_name,
            pinnace=Links(parents=parents or [], after=after or [], loops={"": items}),
        )
        self.run.add(slot.node)

    def group_done(self, slot: Slot) -> NodeStatus | None:
        node = slot.node
        if node is not None and node.phase not in FULFILLED:
            node.phase, node.finished_at = slot.phase, self.run.stamp()
            self.run.touch(node)
        return node

    def settled(self, slot: Slot) -> None:
        assert self.program is not None
        assert self.program.plan is not None
        name = slot.holder.name
        self.results[name] = slot.results()
        if slot.view is not None:
            self.slots[name] = slot.view
        self.branches[name] = self._branch(name, slot.phase)
        self.left -= 1
        for other in self.program.plan.dependents[name]:
            self.missing[other] -= 1
            if self.missing[other] == 0 and not self.failing:
                self.run.queue.append(_Start(self, other))
        if self.left == 0:
            self._assess()

    def _branch(self, name: str, phase: str) -> str:
        if phase not in ("Skipped", "Omitted"):
            return phase
        assert self.program is not None
        assert self.program.plan is not None
        above = [self.branches[other] for other in self.program.plan.depends[name].tasks]
        return next((found for found in above if found in BAD), "Succeeded")

    def fail_now(self) -> None:
        if not self.ended:
            self._end("Failed", self.failing)

    def _assess(self) -> None:
        assert self.program is not None
        assert self.program.plan is not None
        plan = self.program.plan
        if self.ended or self.failing:
            return
        for target in plan.targets:
            phase = self.branches[target]
            if phase in BAD and not plan.holders[target].tolerates(phase):
                self._end(phase, "")
                return
        self._end("Succeeded", "")

    def _end(self, phase: str, message: str) -> None:
        assert self.program is not None
        assert self.program.plan is not None
        self.ended = True
        run = self.run
        ends = [
            run.identity(slot.name, slot.state) for name in self.program.plan.targets
            if (slot := self.tasks.get(name)) is not None and slot.settled
        ]
        self.conclude(phase, message, ends)


class _Start:
    """A task becomes ready, as a unit of work."""

    __slots__ = ("dag", "name")

    def __init__(self, dag: Dag, name: str) -> None:
        self.dag = dag
        self.name = name

    def __call__(self) -> None:
        if not self.dag.failing:
            self.dag.start(self.name)


class Retry(Frame):
    """The parent of attempts; its outputs are those of the last one."""

    __slots__ = ("first_started", "last", "number", "strategy")

    def __init__(self, run: Run, call: Call, node: NodeStatus, program: Program, inputs: Inputs) -> None:
        super().__init__(run, call, node, program, inputs)
        self.strategy = program.template.retry_strategy or run.spec.retry_strategy or RetryStrategy()
        self.number = -1
        self.last: Frame | None = None
        self.first_started = 0.0

    def begin(self) -> None:
        self.attempt()

    def attempt(self) -> None:
        if self.run.closed(self.exiting) and self.last is not None and self._next_stored() is None:
            self.conclude(self.last.node.phase, self.last.node.message)
            return
        assert self.program is not None
        if self.program.kind in PODS and not self.run.room() and self._next_stored() is None:
            self.run.block(self.attempt)
            return
        self.number += 1
        part = f"({self.number})"
        call = Call(
            self.run, self, self.call.holder, self.call.scope, self.call.scope_name, self.node.name + part,
            self.node.display_name + part, fnv(part, self.state), self.boundary, [self.node.id],
        )
        call.depth, call.exiting, call.retry = self.depth, self.exiting, self._variables()
        call.item, call.program = self.call.item, self.program
        stored = self.run.stored.pop(self.run.identity(call.name, call.state), None)
        self._begin(call, stored)

    def _next_stored(self) -> NodeStatus | None:
        part = f"({self.number + 1})"
        return self.run.stored.get(self.run.identity(self.node.name + part, fnv(part, self.state)))

    def _begin(self, call: Call, stored: NodeStatus | None) -> None:
        assert self.program is not None
        if stored is not None and stored.phase in FULFILLED:
            self.run.adopted(stored)
            self.done(Frame(self.run, call, stored, self.program, self.inputs))
            return
        if stored is not None:
            self.run.adopted(stored)
            call.retry = (stored.pinnace.retry if stored.pinnace is not None else {}) or call.retry
        if self.node.message:
            self.node.message = ""
            self.run.touch(self.node)
        frame = self.run.frame(call, self.program, self.inputs, self.program.kind, stored)
        try:
            frame.begin()
        except MISTAKES as mistake:
            frame.finish("Error", str(mistake))

    def _variables(self) -> dict[str, str]:
        last = self.last
        if last is None:
            return {
                "retries": "0", "lastRetry.exitCode": "0", "lastRetry.status": "", "lastRetry.duration": "0",
                "lastRetry.message": "",
            }
        code = str((last.node.outputs or {}).get("exitCode", "-1"))
        duration = int(self.run.when(last.node.finished_at) - self.run.when(last.node.started_at))
        return {
            "retries": str(self.number), "lastRetry.exitCode": code, "lastRetry.status": last.node.phase,
            "lastRetry.duration": str(duration), "lastRetry.message": last.node.message,
        }

    def done(self, frame: Frame) -> None:
        self.last = frame
        node = frame.node
        if not self.first_started:
            self.first_started = self.run.when(node.started_at)
        try:
            self._judge(node)
        except MISTAKES as mistake:
            self.conclude("Error", str(mistake))

    def _judge(self, node: NodeStatus) -> None:
        attempt = Attempt(
            self.number, node.phase, node.message, self.run.when(node.finished_at), self.first_started,
        )
        verdict = judge(self.strategy, attempt, self._expression(node))
        if not verdict.again or (self.run.closed(self.exiting) and self._next_stored() is None):
            self.conclude(verdict.phase or node.phase, verdict.message)
            return
        if verdict.at <= self.run.now or self._next_stored() is not None:
            self.run.queue.append(self.attempt)
            return
        self.node.message = backoff_message(verdict.at - self.run.now)
        self.run.touch(self.node)
        self.run.at(verdict.at, self.attempt)

    def _expression(self, node: NodeStatus) -> bool | None:
        source = self.strategy.expression
        if not source or node.phase not in BAD:
            return None
        extra = self._variables()
        extra["retries"] = str(self.number)
        scope = Scope(self.run.globals, self.inputs.parameters, self.inputs.artifacts, extra=extra)
        value = evaluate(source, scope.environment(references(source)))
        if not isinstance(value, bool):
            raise ExpressionError(f"retryStrategy.expression {source!r} is not a bool: {value!r}")
        return value

    def conclude(self, phase: str, message: str) -> None:
        if self.last is not None:
            self.node.outputs = self.last.node.outputs
            self.view = View(self.node, self.program)
        self.finish(phase, message)


class ExitHook:
    """Waits for a node's exit handler, then lets the node be settled."""

    __slots__ = ("frame",)

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def done(self, hook: Frame) -> None:
        if hook.call.counted and hook.boundary is not None:
            hook.boundary.active -= 1
        self.frame.up.done(self.frame)


def exit_call(frame: Frame) -> Call | None:
    """The exit handler that a completed node owes, if its step or task has one whose expression holds.

    Raises what evaluating the expression raises."""
    call = frame.call
    found = call.holder.hooks.get("exit") if isinstance(frame.up, Slot) else None
    if found is None or frame.node.phase not in ("Succeeded", "Failed", "Error") or call.boundary is None:
        return None
    hook, holder = found
    own: dict[str, Sibling] = {call.holder.name: frame.view}
    outer = call.scope
    scope = Scope(
        outer.globals, outer.inputs, outer.artifacts, outer.prefix,
        ChainMap(own, outer.siblings), outer.item, outer.extra,  # type: ignore[arg-type]
    )
    if hook.expression and evaluate(hook.expression, scope.environment(references(hook.expression))) is not True:
        return None
    part = ".onExit"
    made = Call(
        frame.run, ExitHook(frame), holder, scope, call.scope_name, frame.node.name + part,
        frame.node.display_name + part, fnv(part, frame.state), call.boundary, [frame.node.id],
    )
    made.hooked = True
    made.exiting = True
    return made
