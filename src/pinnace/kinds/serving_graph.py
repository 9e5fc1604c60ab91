"""InferenceGraph (v1alpha1) as the platform reads it: the resource, and what KServe's webhook refuses. Pure.

Source: kserve pkg/apis/serving/v1alpha1/inference_graph_validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Column, Obj, Resource
from pinnace.kinds.serving import GROUP

ROOT = "root"
TARGETS = ("nodeName", "serviceName", "serviceUrl")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

INFERENCE_GRAPH = Resource(
    group=GROUP, version="v1alpha1", kind="InferenceGraph", plural="inferencegraphs",
    singular="inferencegraph", short_names=("ig",), subresources=frozenset({"status"}), custom=True,
    columns=(Column("Age", "date", ".metadata.creationTimestamp"),),
)


def check(graph: Obj) -> list[Cause]:
    return list(_check(graph))


def _check(graph: Obj) -> Iterator[Cause]:
    name = graph["metadata"].get("name") or ""
    if name and not _NAME.fullmatch(name):
        yield cause.invalid("metadata.name", name, "lower case letters, digits and '-', a letter first")
    nodes: dict[str, Any] = (graph.get("spec") or {}).get("nodes") or {}
    if ROOT not in nodes:
        text = "root node not found: an InferenceGraph begins at the node with the name 'root'"
        yield cause.invalid("spec.nodes", sorted(nodes), text)
    for key, node in nodes.items():
        yield from _node(nodes, key, node or {})


def _node(nodes: dict[str, Any], key: str, node: Obj) -> Iterator[Cause]:
    path, steps = f"spec.nodes[{key}]", node.get("steps") or []
    names = [step["name"] for step in steps if step.get("name")]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield cause.invalid(f"{path}.steps", name, f"step name {name!r} is used twice in node {key!r}")
    if node.get("routerType") == "Splitter":
        yield from _weights(steps, f"{path}.steps")
    for index, step in enumerate(steps):
        yield from _target(nodes, step, f"{path}.steps[{index}]")


def _weights(steps: list[Obj], path: str) -> Iterator[Cause]:
    weights = [step.get("weight") for step in steps]
    if any(weight is None for weight in weights):
        yield cause.invalid(path, weights, "every step of a Splitter needs a weight")
    elif sum(int(weight or 0) for weight in weights) != 100:
        yield cause.invalid(path, weights, "the weights of a Splitter sum to 100")


def _target(nodes: dict[str, Any], step: Obj, path: str) -> Iterator[Cause]:
    given = [field for field in TARGETS if step.get(field)]
    if len(given) != 1:
        text = f"exactly one of {', '.join(TARGETS)} must be set, found {', '.join(given) or 'none'}"
        yield cause.invalid(path, given, text)
    elif step.get("nodeName") and step["nodeName"] not in nodes:
        text = f"there is no node of that name; the graph has {', '.join(sorted(nodes))}"
        yield cause.invalid(f"{path}.nodeName", step["nodeName"], text)
