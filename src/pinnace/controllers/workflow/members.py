"""A containerSet's node, and one node of type Container below it for each of its containers.

Caller: `context`. Source: upstream workflow/controller/container_set_template.go, operator.go
assessNodeStatus.
"""

from __future__ import annotations

from pinnace.controllers.workflow import container_set, status
from pinnace.controllers.workflow.leaves import Pod
from pinnace.controllers.workflow.names import fnv
from pinnace.kinds.argo import FULFILLED, Links, NodeStatus
from pinnace.kinds.resource import Obj


class Set(Pod):
    __slots__ = ("members",)

    def open(self) -> None:
        assert self.program is not None
        self.members: dict[str, NodeStatus] = {}
        super().open()
        graph = container_set.graph(self.program.template)
        ids = {name: self.run.identity(*self._named(name)) for name in graph}
        for name, needs in graph.items():
            parents = tuple(ids[other] for other in needs if other in ids) or (self.node.id,)
            self.members[name] = self._adopted(ids[name]) or self._member(name, ids[name], parents)
        if self.node.pinnace is None:
            self.node.pinnace = Links()
        self.node.pinnace.ends = tuple(ids[name] for name in container_set.leaves(graph))

    def _named(self, name: str) -> tuple[str, int]:
        return f"{self.node.name}.{name}", fnv(f".{name}", self.state)

    def _adopted(self, identity: str) -> NodeStatus | None:
        stored = self.run.stored.pop(identity, None)
        if stored is not None:
            self.run.adopted(stored)
        return stored

    def _member(self, name: str, identity: str, parents: tuple[str, ...]) -> NodeStatus:
        node = NodeStatus(
            id=identity,
            name=self._named(name)[0],
            display_name=name,
            type="Container",
            phase="Pending",
            boundary_id=self.node.id,
            started_at=self.run.stamp(),
            template_name=self.node.template_name,
            template_ref=self.node.template_ref,
            template_scope=self.node.template_scope,
            pinnace=Links(parents=parents),
        )
        self.run.add(node)
        return node

    def seen(self, pod: Obj) -> None:
        for item in (pod.get("status") or {}).get("containerStatuses") or []:
            member = self.members.get(item.get("name", ""))
            if member is not None and member.phase not in FULFILLED:
                self._follow(member, item.get("state") or {})
        self.observe(status.of_set(pod, self.members))

    def _follow(self, member: NodeStatus, state: Obj) -> None:
        ended = state.get("terminated")
        if ended is not None:
            code = int(ended.get("exitCode", 0))
            phase = "Succeeded" if code == 0 else "Error" if code == status.EXECUTOR else "Failed"
            message = status.told(ended) if code else ""
            self._mark(member, phase, message)
        elif state.get("running") is not None and member.phase != "Running":
            self._mark(member, "Running")

    def _mark(self, member: NodeStatus, phase: str, message: str = "") -> None:
        member.phase, member.message = phase, message
        if phase in FULFILLED:
            member.finished_at = self.run.stamp()
            self.run.fulfilled += 1
        self.run.touch(member)

    def finish(self, phase: str, message: str = "") -> None:
        for member in self.members.values():
            if member.phase not in FULFILLED:
                self._mark(member, phase, message)
        super().finish(phase, message)
