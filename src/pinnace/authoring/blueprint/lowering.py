"""A blueprint as KServe's InferenceGraph, and as an Argo Workflow; pure.

An InferenceGraph hands bytes from service to service: a chain of containers is a Sequence whatever they
speak; branches that join again need JSON, which an Ensemble puts together, so only REST nodes may branch. A
Workflow starts each container as a daemon and carries one message through all of them, as an artifact. What a
document cannot say is refused with the reason; the orchestrator (`deploying`) says it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pinnace.authoring.blueprint import deploying, plan
from pinnace.authoring.blueprint.programs import ASKING, COLLATING, SPLITTING
from pinnace.authoring.blueprint.solution import (
    BROKER,
    COLLATOR,
    JOINTS,
    MAPPER,
    SERVED,
    SPLITTER,
    Link,
    Node,
    Obj,
    Solution,
    Unreadable,
    ordered,
)
from pinnace.runtimes import joining

ORCHESTRATOR = "deploy the orchestrator for that"


class Refused(ValueError):
    """The target cannot say what the blueprint says; the text tells why."""


def annotated(solution: Solution, original: Obj | None) -> Obj:
    text = json.dumps(original if original is not None else plan.write(solution), separators=(",", ":"))
    return {deploying.ORIGINAL: text}


def _acyclic(solution: Solution) -> list[Node]:
    for link in solution.links:
        if not link.entry:
            raise Refused(f"it is not said by which operation {link.target} is asked")
    every = (one for node in solution.nodes for one in node.operations)
    streams = [one.name for one in every if one.input_stream or one.output_stream]
    if streams:
        raise Refused(f"{', '.join(streams)} stream, and one message is carried at a time")
    try:
        return ordered(solution)
    except Unreadable as problem:
        raise Refused(str(problem)) from None


# ---- InferenceGraph ----------------------------------------------------------------------------


def graph(
    solution: Solution, original: Obj | None = None, given: Mapping[str, str] | None = None, *,
    namespace: str = "default",
) -> Obj:
    """Its steps name the InferenceServices of `services`, or the addresses that are given. Refused."""
    _acyclic(solution)
    entries = solution.entries()
    if len(entries) != 1:
        raise Refused(f"an InferenceGraph begins at one node, the blueprint has {len(entries)} input ports")
    known, given = deploying.names(solution), given or {}
    places = {
        name: given.get(name) or f"{known[name]}.{namespace}.svc.cluster.local"
        for name in deploying.addresses(solution, given)
    }
    made = _Graph(solution, places)
    made.sequence("root", *entries[0], until="")
    name = deploying.label(solution.name or "composition")
    return {
        "apiVersion": "serving.kserve.io/v1alpha1", "kind": "InferenceGraph",
        "metadata": {"name": name, "annotations": annotated(solution, original)},
        "spec": {"nodes": made.nodes},
    }


def services(solution: Solution, given: Mapping[str, str] | None = None) -> list[Obj]:
    """The containers as InferenceServices, one for each step of the graph that runs nowhere yet. Unreadable:
    one has no image."""
    known, given = deploying.names(solution), given or {}
    made: list[Obj] = []
    for node in plan.served(solution):
        if node.id in given:
            continue
        container = {
            "name": "kserve-container", "image": deploying.image(node),
            "ports": [{"name": "http1", "containerPort": deploying.LISTENS, "protocol": "TCP"}],
        }
        made.append({
            "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
            "metadata": {"name": known[node.id]}, "spec": {"predictor": {"containers": [container]}},
        })
    return made


class _Graph:
    def __init__(self, solution: Solution, places: Mapping[str, str]) -> None:
        self.solution = solution
        self.places = places
        self.nodes: Obj = {}

    def sequence(self, name: str, node: str, operation: str, until: str) -> str:
        """The steps from a node on, before the node `until`; at which collator they end, '' if at none."""
        steps: list[Obj] = []
        self.nodes[name] = {"routerType": "Sequence", "steps": steps}
        at: str = node
        while at and at != until:
            found = self.solution.node(at)
            assert found is not None
            if found.kind != SPLITTER:
                steps.append(self._step(found, operation, first=not steps))
            every = found.kind == SPLITTER
            links = [one for one in self.solution.after(at) if every or one.operation == operation]
            if not links:
                return ""
            if len(links) == 1 and found.kind != SPLITTER:
                at, operation = links[0].target, links[0].entry
                if self._kind(at) == COLLATOR:
                    return at
                continue
            at, operation = self._branches(f"{name}-{len(steps)}", found, links, steps)
        return at

    def _kind(self, node: str) -> str:
        found = self.solution.node(node)
        return found.kind if found else ""

    def _branches(self, name: str, source: Node, links: list[Link], steps: list[Obj]) -> tuple[str, str]:
        """An Ensemble; where it goes on."""
        if "parameter" in str((source.maps.get("splitter_map") or {}).get("splitter_type")).lower():
            raise Refused(f"the Splitter {source.name} takes messages apart by field: {ORCHESTRATOR}")
        inner: list[Obj] = []
        ends = set()
        for at, link in enumerate(links):
            branch = f"{name}-{at}"
            ends.add(self.sequence(branch, link.target, link.entry, until=""))
            again = any(other.target == link.target for other in links if other is not link)
            said = f"{link.target}-{link.entry}" if again else link.target
            inner.append({"name": deploying.label(said), "nodeName": branch})
        if len(ends) != 1:
            raise Refused(f"the branches from {source.name} do not end at one Collator")
        end = ends.pop()
        for node in self.solution.nodes:
            if node.kind not in ("REST", SPLITTER, COLLATOR):
                why = f"{node.name} speaks protobuf, and branches are joined as JSON"
                raise Refused(f"{why}: {ORCHESTRATOR}")
        self.nodes[name] = {"routerType": "Ensemble", "steps": inner}
        steps.append({"nodeName": name, "name": name, **({"data": "$response"} if steps else {})})
        after = list(self.solution.after(end)) if end else []
        return (after[0].target, after[0].entry) if after else ("", "")

    def _step(self, node: Node, operation: str, *, first: bool) -> Obj:
        if node.kind == MAPPER and node.id not in self.places:
            raise Refused(f"the DataMapper {node.name} has no container: {ORCHESTRATOR}")
        if node.kind not in (*SERVED, MAPPER):
            why = f"the {node.kind} {node.name} cannot be a step of an InferenceGraph"
            raise Refused(f"{why}: {ORCHESTRATOR}")
        made: Obj = {
            "name": deploying.label(node.id), "serviceUrl": f"http://{self.places[node.id]}/{operation}"
        }
        return made if first else {**made, "data": "$response"}


# ---- Workflow ----------------------------------------------------------------------------------


PYTHON = "python:3.11"
FOLDER = "/tmp"  # noqa: S108 - of a container


def workflow(
    solution: Solution, original: Obj | None = None, given: Mapping[str, str] | None = None
) -> Obj:
    """One message through all containers: the artifact `message` in, the last task's `out` is the result.
    Refused."""
    order, given = _acyclic(solution), given or {}
    made = _Workflow(solution, given)
    for node in order:
        made.add(node)
    name = deploying.label(solution.name or "composition")
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"generateName": f"{name}-", "annotations": annotated(solution, original)},
        "spec": {
            "entrypoint": "main",
            "arguments": {"artifacts": [{"name": "message", "raw": {"data": ""}}]},
            "templates": [
                {
                    "name": "main", "inputs": {"artifacts": [{"name": "message"}]},
                    "dag": {"tasks": made.tasks},
                },
                *made.templates,
            ],
        },
    }


class _Workflow:
    def __init__(self, solution: Solution, given: Mapping[str, str]) -> None:
        self.solution = solution
        self.given = given
        self.names = deploying.names(solution)
        self.tasks: list[Obj] = []
        self.templates: list[Obj] = []

    def add(self, node: Node) -> None:
        if node.kind == BROKER:
            raise Refused(f"the DataBroker {node.name} gives messages one after the other: {ORCHESTRATOR}")
        if node.kind == SPLITTER:
            self._split(node)
        elif node.kind == COLLATOR:
            self._collate(node)
        elif node.kind == MAPPER and not node.image and node.id not in self.given:
            raise Refused(f"the DataMapper {node.name} has no container: {ORCHESTRATOR}")
        else:
            self._ask(node)

    def _ask(self, node: Node) -> None:
        """The container, and a step for each operation by which it is asked."""
        name, before = self.names[node.id], []
        address = self.given.get(node.id, "")
        if not address:
            self.templates.append(_daemon(f"{name}-server", deploying.image(node)))
            self.tasks.append({"name": f"{name}-server", "template": f"{name}-server"})
            before, address = [f"{name}-server"], f"{{{{tasks.{name}-server.ip}}}}:{deploying.LISTENS}"
        self._once("ask", _script("ask", ASKING, ["in"], ["out"], ["address", "kind"]))
        kind = "application/json" if node.kind == "REST" else "application/vnd.google.protobuf"
        for operation in self._operations(node):
            given = {"address": f"http://{address}/{operation}", "kind": kind}
            wires = {"in": self._source(node, operation)}
            self._task(self._step(node, operation), "ask", wires, given, before)

    def _operations(self, node: Node) -> list[str]:
        """By which it is entered."""
        came = [link.entry for link in self.solution.before(node.id)]
        came += [operation for name, operation in self.solution.entries() if name == node.id]
        return list(dict.fromkeys(came)) or [one.name for one in node.operations[:1]]

    def _step(self, node: Node, operation: str) -> str:
        """Its task: by the node's name, where one operation is all."""
        name = self.names[node.id]
        several = node.kind not in JOINTS and len(self._operations(node)) > 1
        return f"{name}-{deploying.label(operation)}" if several else name

    def _source(self, node: Node, operation: str = "") -> str:
        """Where its message comes from."""
        links = self.solution.before(node.id)
        came = next((one for one in links if not operation or one.entry == operation), None)
        return "{{inputs.artifacts.message}}" if came is None else self._out(came)

    def _out(self, link: Link) -> str:
        found = self.solution.node(link.source)
        assert found is not None
        port = self.names[link.target] if found.kind == SPLITTER else "out"
        return f"{{{{tasks.{self._step(found, link.operation)}.outputs.artifacts.{port}}}}}"

    def _split(self, node: Node) -> None:
        rule = node.maps.get("splitter_map") or {}
        tags: Obj = {}
        for link in self.solution.after(node.id):
            by_field = "parameter" in str(rule.get("splitter_type")).lower()
            tags[self.names[link.target]] = _given(rule, link.target) if by_field else None
        name = self.names[node.id]
        self.templates.append(_script(name, SPLITTING, ["in"], list(tags), ["tags"]))
        self._task(name, name, {"in": self._source(node)}, {"tags": json.dumps(tags)}, [])

    def _collate(self, node: Node) -> None:
        rule = node.maps.get("collator_map") or {}
        first = next(iter(joining.whole(rule, "output_message_signature", "map_outputs", "output_field")), {})
        tag = joining.tag(first, "tag", 1)
        tags: Obj = {}
        wires = {}
        for link in self.solution.before(node.id):
            by_field = "parameter" in str(rule.get("collator_type")).lower()
            tags[self.names[link.source]] = _taken(rule, link.source) if by_field else tag
            wires[self.names[link.source]] = self._out(link)
        name = self.names[node.id]
        self.templates.append(_script(name, COLLATING, list(tags), ["out"], ["tags"]))
        self._task(name, name, wires, {"tags": json.dumps(tags)}, [])

    def _once(self, name: str, template: Obj) -> None:
        if all(one["name"] != name for one in self.templates):
            self.templates.append(template)

    def _task(self, name: str, template: str, wires: Obj, given: Obj, before: list[str]) -> None:
        from_tasks = sorted({
            text.split(".")[1] for text in wires.values() if text.startswith("{{tasks.")
        } | set(before))
        self.tasks.append({
            "name": name, "template": template,
            **({"depends": " && ".join(from_tasks)} if from_tasks else {}),
            "arguments": {
                "parameters": [{"name": key, "value": text} for key, text in given.items()],
                "artifacts": [{"name": key, "from": text} for key, text in wires.items()],
            },
        })


def _given(rule: Obj, target: str) -> dict[str, list[int]]:
    """Of a splitter's message: tag → the tags under which this target gets it."""
    fields = [one.get("output_field") or {} for one in rule.get("map_outputs") or ()]
    mine = [one for one in fields if one.get("target_name") == target]
    return _moves((one.get("mapped_to_field"), one.get("parameter_tag")) for one in mine)


def _taken(rule: Obj, source: str) -> dict[str, list[int]]:
    """Of a message that comes to a collator: tag → the tags that it has in the whole."""
    fields = [one.get("input_field") or {} for one in rule.get("map_inputs") or ()]
    mine = [one for one in fields if one.get("source_name") == source]
    return _moves((one.get("parameter_tag"), one.get("mapped_to_field")) for one in mine)


def _moves(pairs: Iterable[tuple[Any, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for tag, other in pairs:
        if str(tag).isdigit() and str(other).isdigit():
            found.setdefault(str(tag), []).append(int(other))
    return found


def _daemon(name: str, picture: str) -> Obj:
    return {
        "name": name, "daemon": True,
        "container": {
            "image": picture, "ports": [{"containerPort": deploying.LISTENS}],
            "readinessProbe": {"tcpSocket": {"port": deploying.LISTENS}, "periodSeconds": 1},
        },
    }


def _script(name: str, source: str, given: list[str], made: list[str], parameters: list[str]) -> Obj:
    inputs = [{"name": one, "path": f"{FOLDER}/{one}"} for one in given]
    outputs = [{"name": one, "path": f"{FOLDER}/{one}", "archive": {"none": {}}} for one in made]
    env = [{"name": one.upper(), "value": f"{{{{inputs.parameters.{one}}}}}"} for one in parameters]
    return {
        "name": name,
        "inputs": {"parameters": [{"name": one} for one in parameters], "artifacts": inputs},
        "script": {"image": PYTHON, "command": ["python3"], "env": env, "source": source},
        "outputs": {"artifacts": outputs},
    }
