"""Step groups one after another. Source: upstream workflow/controller/steps.go."""

from __future__ import annotations

from typing import Any

from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.slot import Boundary, Slot
from pinnace.controllers.workflow.template import Holder
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus


class Steps(Boundary):
    """Step groups one after another; all steps of a group at once."""

    __slots__ = ("above", "group", "index", "members", "open")
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
        self.above: tuple[str, ...] = ()
        """The group as a parent: one tuple for all its children."""
        self._start(self.program.steps[self.index], name, state)

    def _new_group(self, name: str, part: str, state: int, previous: NodeStatus | None) -> NodeStatus:
        group = NodeStatus(
            id=self.run.identity(name, state),
            name=name,
            display_name=part,
            type="StepGroup",
            phase="Running",
            boundary_id=self.node.id,
            started_at=self.run.stamp(),
            template_scope=self.node.template_scope,
            pinnace=Links(after=(previous.id,)) if previous is not None else Links(parents=(self.node.id,)),
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

    def links_of(self, slot: Slot) -> tuple[tuple[str, ...], tuple[str, ...]]:
        assert self.group is not None
        if not self.above:
            self.above = (self.group.id,)
        return self.above, ()

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
        failed = next((node for slot in self.members if (node := slot.failure()) is not None), None)
        if failed is not None:
            message = f"child '{failed.id}' failed"
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
        if phase == "Failed":
            self.run.blame(group)
