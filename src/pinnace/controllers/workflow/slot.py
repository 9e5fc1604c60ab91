"""Named children of a frame: one step or task each, a single call or the turns of a loop.

Callers: `steps` and `dag`, the two kinds of `Boundary`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinnace.authoring.argo import depends
from pinnace.authoring.argo.expression.when import passes
from pinnace.controllers.workflow import loops
from pinnace.controllers.workflow.frame import BAD, MISTAKES, Call, Frame
from pinnace.controllers.workflow.inputs import Inputs
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.outputs import Aggregate, composed
from pinnace.controllers.workflow.scope import Scope, Sibling
from pinnace.controllers.workflow.template import Holder, Program
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus

if TYPE_CHECKING:
    from pinnace.controllers.workflow.context import Context
    from pinnace.controllers.workflow.dag import Dag
    from pinnace.controllers.workflow.steps import Steps

SLICE = 16
"""Turns of a loop that one unit of work starts before others get theirs."""
FAIL_FAST = "template has failed or errored children and failFast enabled"


class Slot:
    """One step or task within its frame: a single call, or the turns of a loop."""

    __slots__ = (
        "bad",
        "cursor",
        "daemons",
        "failed",
        "holder",
        "items",
        "members",
        "name",
        "node",
        "open",
        "owner",
        "parent",
        "phase",
        "settled",
        "state",
        "view",
    )

    def __init__(self, owner: Steps | Dag, holder: Holder, name: str, state: int) -> None:
        self.owner = owner
        self.holder = holder
        self.name = name
        self.state = state
        self.members: list[NodeStatus] = []
        """Its settled nodes, the turns of a loop in their places once all are settled. Frames are let go: a
        run of 10,000 nodes keeps what its siblings may ask for."""
        self.bad: tuple[int, NodeStatus] | None = None
        """The last turn that went wrong."""
        self.failed: tuple[int, NodeStatus] | None = None
        """The first one that went wrong and may not."""
        self.daemons: list[tuple[int, NodeStatus]] = []
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
        if self.holder.watched and self.owner.groups:
            run.watch_group(self)
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
            call = self.call(self.name + suffix, self.holder.name + suffix, fnv(suffix, self.state), (item,))
            call.turn = index
            call()
            self.cursor += 1
            run.promise(-1)
        run.queue.append(self.advance)

    def done(self, frame: Frame) -> None:
        self._keep(frame)
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

    def _keep(self, frame: Frame) -> None:
        node, turn = frame.node, frame.call.turn
        if self.items is None:
            self.members.append(node)
            self.view = frame.view
        else:
            if not self.members:
                self.members = [node] * len(self.items)
            self.members[turn] = node
        if node.phase in BAD:
            self._blame(turn, node)
        elif node.daemoned:
            self.daemons.append((turn, node))

    def _blame(self, turn: int, node: NodeStatus) -> None:
        if self.bad is None or turn >= self.bad[0]:
            self.bad = turn, node
        if not self.holder.tolerates(node.phase) and (self.failed is None or turn < self.failed[0]):
            self.failed = turn, node

    def failure(self) -> NodeStatus | None:
        """The first of its nodes that failed and may not. A daemon may have failed since it was up."""
        for turn, node in self.daemons:
            if node.phase in BAD:
                self._blame(turn, node)
        return self.failed[1] if self.failed is not None else None

    def settle(self) -> None:
        self.settled = True
        if self.items is None:
            self.node = self.members[0]
            self.phase = self.node.phase
        else:
            self.failure()
            self.phase = "Succeeded" if self.bad is None else self.bad[1].phase
            self.node = self.owner.group_done(self)
            self.view = Aggregate(self.node, self.members)
            if self.holder.hooks and self.owner.groups:
                self.owner.run.group_settled(self)
                return
        self.owner.settled(self)

    def results(self) -> frozenset[str]:
        daemoned = self.items is None and bool(self.members[0].daemoned)
        members = None if self.items is None else [member.phase for member in self.members]
        return depends.results(self.phase, daemoned=daemoned, members=members)


class Boundary(Frame):
    """A frame with named children: `Steps` or `Dag`."""

    __slots__ = ("fails_fast", "scope", "scope_name", "slots")
    prefix = ""
    groups = False
    """Whether a loop has a node for all its turns."""

    def __init__(self, run: Context, call: Call, node: NodeStatus, program: Program, inputs: Inputs) -> None:
        super().__init__(run, call, node, program, inputs)
        self.slots: dict[str, Sibling] = {}
        self.scope = Scope(
            run.globals,
            inputs.parameters,
            inputs.artifacts,
            self.prefix,
            self.slots,
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
        self.links().ends = tuple(ends)
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
