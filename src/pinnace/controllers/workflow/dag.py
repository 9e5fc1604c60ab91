"""Tasks as soon as what they depend on is settled. Source: upstream workflow/controller/dag.go."""

from __future__ import annotations

from typing import Any

from pinnace.authoring.argo import depends
from pinnace.controllers.workflow.frame import BAD
from pinnace.controllers.workflow.loops import rendered
from pinnace.controllers.workflow.names import fnv
from pinnace.controllers.workflow.slot import Boundary, Slot
from pinnace.controllers.workflow.template import Plan
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus


class Dag(Boundary):
    """Tasks as soon as what they depend on is settled; only targets and their ancestors run."""

    __slots__ = ("branches", "ended", "left", "missing", "plan", "results", "tasks")
    prefix = "tasks"
    groups = True

    def begin(self) -> None:
        plan = self.plan = self._planned()
        self.tasks: dict[str, Slot] = {}
        self.results: dict[str, frozenset[str]] = {}
        self.branches: dict[str, str] = {}
        """What phase each settled task hands down its branch: its own, or for one that did not run, the
        worst above."""
        self.missing = {name: len(needs.tasks) for name, needs in plan.depends.items()}
        self.left = len(plan.holders)
        self.ended = False
        for name, count in self.missing.items():
            if count == 0:
                self.run.queue.append(_Start(self, name))
        if not plan.holders:
            self.run.queue.append(self._assess)

    def _planned(self) -> Plan:
        """What is to be run, which an argument may decide. Raises TemplateError."""
        assert self.program is not None
        assert self.program.template.dag is not None
        target = self.program.template.dag.target
        return self.program.plan(rendered(target, self.scope) if "{{" in target else target)

    def start(self, name: str) -> None:
        plan = self.plan
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

    def links_of(self, slot: Slot) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if slot.items is not None and slot.node is not None:
            return (slot.node.id,), ()
        needs = self.plan.depends[slot.holder.name].tasks
        if not needs:
            return (self.node.id,), ()
        run, found = self.run, []
        for name in needs:
            other = self.tasks[name]
            found.append(run.identity(other.name, other.state))
        return (), tuple(found)

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
            id=self.run.identity(slot.name, slot.state),
            name=slot.name,
            display_name=slot.holder.name,
            type="TaskGroup",
            phase="Running",
            boundary_id=self.node.id,
            started_at=self.run.stamp(),
            template_name=slot.holder.template,
            template_scope=self.scope_name,
            pinnace=Links(parents=parents, after=after, loops={"": items}),
        )
        self.run.add(slot.node)

    def group_done(self, slot: Slot) -> NodeStatus | None:
        node = slot.node
        if node is not None and node.phase not in FULFILLED:
            node.phase, node.finished_at = slot.phase, self.run.stamp()
            self.run.touch(node)
            if slot.phase in BAD:
                self.run.blame(node)
        return node

    def settled(self, slot: Slot) -> None:
        name = slot.holder.name
        self.results[name] = slot.results()
        if slot.view is not None:
            self.slots[name] = slot.view
        self.branches[name] = self._branch(name, slot.phase)
        self.left -= 1
        for other in self.plan.dependents[name]:
            self.missing[other] -= 1
            if self.missing[other] == 0 and not self.failing:
                self.run.queue.append(_Start(self, other))
        if self.left == 0:
            self._assess()

    def _branch(self, name: str, phase: str) -> str:
        if phase not in ("Skipped", "Omitted"):
            return phase
        above = [self.branches[other] for other in self.plan.depends[name].tasks]
        return next((found for found in above if found in BAD), "Succeeded")

    def fail_now(self) -> None:
        if not self.ended:
            self._end("Failed", self.failing)

    def _assess(self) -> None:
        plan = self.plan
        if self.ended or self.failing:
            return
        for target in plan.targets:
            phase = self.branches[target]
            if phase in BAD and not plan.holders[target].tolerates(phase):
                self._end(phase, "")
                return
        self._end("Succeeded", "")

    def _end(self, phase: str, message: str) -> None:
        self.ended = True
        run = self.run
        ends = [
            run.identity(slot.name, slot.state)
            for name in self.plan.targets
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
