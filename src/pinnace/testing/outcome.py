"""What a run came to, for assertions: the status as stored, and ways to find one's way in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.testing.replacements import UnknownStep, nearest
from pinnace.testing.step import Step, base_name, short

_GROUPS = ("Steps", "StepGroup", "DAG", "TaskGroup", "Retry")


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs or outputs of a node, or outputs of the workflow."""

    parameters: dict[str, str] = {}
    result: str | None = None
    exit_code: int | None = None
    artifacts: dict[str, Any] = {}
    """By name: text, bytes where it is none, or a folder as a dict."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the run; `status` is all that Argo shows of it."""

    status: Obj
    inputs: Values
    outputs: Values

    @property
    def name(self) -> str:
        return str(self.status["name"])

    @property
    def display_name(self) -> str:
        return str(self.status.get("displayName", ""))

    @property
    def type(self) -> str:
        return str(self.status.get("type", ""))

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))


class Nodes(Mapping[str, Node]):
    """By name, by name without the workflow's, by display name or by a step's name; `all(…)` where several
    have it (the turns of a loop, the attempts of a retry)."""

    def __init__(self, nodes: list[Node], workflow: str) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._workflow = workflow

    def __getitem__(self, name: str) -> Node:
        found = self.all(name)
        if len(found) > 1:
            named = ", ".join(repr(short(node.name, self._workflow)) for node in found)
            raise KeyError(f"{len(found)} nodes are called {name!r}: {named}")
        if not found:
            raise KeyError(f"no node is called {name!r}{nearest(name, self._names())}")
        return found[0]

    def all(self, name: str) -> list[Node]:
        if name in self._nodes:
            return [self._nodes[name]]
        every = list(self._nodes.values())
        for called in (
            lambda node: short(node.name, self._workflow),
            lambda node: node.display_name,
            lambda node: base_name(node.display_name),
        ):
            if found := [node for node in every if called(node) == name]:
                return found
        return []

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def _names(self) -> set[str]:
        return {name for node in self._nodes.values() for name in (node.display_name, node.name)}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    workflow: Obj
    """The whole object, `status.nodes` included."""
    nodes: Nodes
    steps: list[Step]
    """What was replaced, in the order in which it started, with everything that it was given."""
    outputs: Values
    """Of the entrypoint, and the global ones."""
    seconds: float
    """How long it took on the workflow's clock."""
    objects: list[Obj] = []
    """What resource templates left behind, and whatever else the engine made that is no Pod."""

    @property
    def status(self) -> Obj:
        return dict(self.workflow.get("status") or {})

    @property
    def phase(self) -> str:
        """Succeeded, Failed, Error; Running where it waits for a person: see `waiting`."""
        return str(self.status.get("phase", ""))

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))

    @property
    def waiting(self) -> list[str]:
        """Display names of steps that wait for a person, or for an object that nobody works on here."""
        return [
            node.display_name
            for node in self.nodes.values()
            if node.type not in _GROUPS
            and node.phase in ("Running", "Pending")
            and not node.status.get("daemoned")
        ]

    def calls(self, name: str) -> list[Step]:
        """The steps of a name (a step's, a node's or a template's), in order."""
        return [
            step
            for step in self.steps
            if name in (step.name, base_name(step.name), step.display_name, base_name(step.display_name))
            or name == step.template
        ]

    def step(self, name: str, call: int = 0) -> Step:
        """One of `calls`; Raises UnknownStep where it was not called so often."""
        found = self.calls(name)
        if not found:
            known = {each for step in self.steps for each in (step.display_name, step.template)}
            raise UnknownStep(f"{name!r} did not run{nearest(name, known)}")
        if not -len(found) <= call < len(found):
            raise UnknownStep(f"{name!r} ran {len(found)} times: there is no call {call}")
        return found[call]
