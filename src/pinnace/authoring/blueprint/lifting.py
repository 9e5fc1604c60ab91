"""A Workflow or an InferenceGraph as a composition of Acumos; pure.

What was lowered from a blueprint carries it and gives it back as it was. Of other documents the containers
and their order are told; what Acumos has no word for (loops, conditions, arguments) is left out, and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pinnace.authoring.blueprint import deploying, solution
from pinnace.authoring.blueprint.solution import (
    COLLATOR,
    SPLITTER,
    Link,
    Node,
    Obj,
    Operation,
    Solution,
    Unreadable,
)

LEFT_OUT = (
    "withItems", "withParam", "withSequence", "when", "hooks", "onExit", "continueOn", "templateRef",
)


class Lifted(msgspec.Struct, frozen=True):
    solution: Solution
    original: Obj | None = None
    """The document that it was once made of."""
    notes: tuple[str, ...] = ()


def lift(document: Obj) -> Lifted:
    """Unreadable: neither an InferenceGraph nor a Workflow with a graph."""
    text = ((document.get("metadata") or {}).get("annotations") or {}).get(deploying.ORIGINAL)
    if text:
        try:
            original = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            where = f"metadata.annotations[{deploying.ORIGINAL}]"
            raise Unreadable(f"{where}: no JSON: {error}") from None
        return Lifted(solution.of(original), original)
    kind = document.get("kind")
    if kind == "InferenceGraph":
        return _of_graph(document)
    if kind in ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"):
        return _of_workflow(document)
    raise Unreadable(f"kind: {kind!r} cannot be a composition; expected a Workflow or an InferenceGraph")


def _name(document: Obj) -> str:
    meta = document.get("metadata") or {}
    return str(meta.get("name") or str(meta.get("generateName") or "composition").rstrip("-"))


# ---- a Workflow --------------------------------------------------------------------------------


def _of_workflow(document: Obj) -> Lifted:
    spec = document.get("spec") or {}
    templates = {one.get("name"): one for one in spec.get("templates") or () if isinstance(one, dict)}
    entry = templates.get(spec.get("entrypoint"))
    if entry is None:
        raise Unreadable("spec.entrypoint: names no template")
    if "dag" not in entry and "steps" not in entry:
        raise Unreadable("spec.entrypoint: expected a template with dag or steps: only these are graphs")
    calls = list(_calls(entry))
    nodes = tuple(_node(call, templates) for call, _ in calls)
    links = tuple(
        Link(before, before, call["name"], call["name"]) for call, earlier in calls for before in earlier
    )
    notes = [
        f"{call['name']}.{field} is left out: Acumos has no word for it"
        for call, _ in calls for field in LEFT_OUT if call.get(field)
    ]
    return Lifted(Solution(_name(document), "1", nodes, links), None, tuple(notes))


def _calls(entry: Obj) -> Iterator[tuple[Obj, list[str]]]:
    """Each step or task, and those right before it."""
    if "dag" in entry:
        tasks = (entry["dag"] or {}).get("tasks") or []
        known = {str(one.get("name")) for one in tasks}
        for task in tasks:
            yield task, sorted(_before(task) & known)
        return
    earlier: list[str] = []
    for group in entry["steps"] or ():
        for step in group or ():
            yield step, earlier
        earlier = [str(step.get("name")) for step in group or ()]


def _before(task: Obj) -> set[str]:
    words = re.findall(r"[A-Za-z_][\w-]*", str(task.get("depends") or "").replace(".", " "))
    return set(words) | set(task.get("dependencies") or ())


def _node(call: Obj, templates: dict[Any, Obj]) -> Node:
    name = str(call.get("name"))
    template = templates.get(call.get("template")) or call.get("inline") or {}
    body = template.get("container") or template.get("script") or {}
    return Node(name, name, solution.MODEL, str(body.get("image") or ""), "", (Operation(name),))


# ---- an InferenceGraph -------------------------------------------------------------------------


class _Drawing:
    def __init__(self, nodes: Obj) -> None:
        self.nodes = nodes
        self.made: dict[str, Node] = {}
        self.links: list[Link] = []
        self.notes: list[str] = []
        self.depth = 0

    def router(self, name: str, ends: list[str]) -> list[str]:
        """Draws a router after these nodes; the nodes at its end."""
        self.depth += 1
        if self.depth > 200:
            raise Unreadable(f"spec.nodes.{name}: the routers lead to each other in a circle")
        found = self.nodes.get(name) or {}
        steps, kind = found.get("steps") or [], found.get("routerType")
        if kind == "Sequence" or len(steps) == 1:
            for step in steps:
                ends = self.step(step, ends)
            return ends
        if kind in ("Splitter", "Switch"):
            self.notes.append(f"the {kind} {name} chooses one of its steps; here all of them get the message")
        copied, listed = {"splitter_type": "Copy-based"}, {"collator_type": "Array-based"}
        fork = self.tool(f"{name}-splitter", SPLITTER, {"splitter_map": copied}, ends)
        branches = [end for step in steps for end in self.step(step, [fork])]
        return [self.tool(f"{name}-collator", COLLATOR, {"collator_map": listed}, branches)]

    def tool(self, name: str, kind: str, maps: Obj, ends: list[str]) -> str:
        return self.put(Node(name, name, kind, "", "", (Operation(name),), maps), ends)

    def step(self, step: Obj, ends: list[str]) -> list[str]:
        for field in ("condition", "weight"):
            if step.get(field):
                named = step.get("name") or "a step"
                self.notes.append(f"{named}.{field} is left out: Acumos has no word for it")
        if step.get("nodeName"):
            return self.router(str(step["nodeName"]), ends)
        url = urlsplit(str(step.get("serviceUrl") or ""))
        name = str(step.get("serviceName") or step.get("name") or url.hostname or "model")
        operation = url.path.strip("/").replace("/", "_") or "predict"
        unique, number = name, 2
        while unique in self.made:
            unique, number = f"{name}-{number}", number + 1
        return [self.put(Node(unique, unique, "REST", "", "", (Operation(operation),)), ends)]

    def put(self, node: Node, ends: list[str]) -> str:
        self.made[node.id] = node
        entry = node.operations[0].name
        self.links += [Link(end, self.made[end].operations[0].name, node.id, entry) for end in ends]
        return node.id


def _of_graph(document: Obj) -> Lifted:
    nodes = (document.get("spec") or {}).get("nodes") or {}
    if "root" not in nodes:
        raise Unreadable("spec.nodes.root: an InferenceGraph begins there")
    drawing = _Drawing(nodes)
    drawing.router("root", [])
    made = tuple(drawing.made.values())
    return Lifted(Solution(_name(document), "1", made, tuple(drawing.links)), None, tuple(drawing.notes))
