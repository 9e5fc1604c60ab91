"""What fields mean, in a sentence each: of those that people meet first. In our words; upstream has more.

A line of `prose.txt` is `PodSpec.containers: what it is` for a type of Kubernetes', by its Go name, or
`Workflow.spec.templates.steps: …` for a custom kind, by the path from its kind (lists and maps are passed
through). Read with the first OpenAPI document; caller: `api/kube/openapi`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pinnace.kinds.schema import Node

ALIKE = {
    "WorkflowTemplate": "Workflow", "ClusterWorkflowTemplate": "Workflow", "ClusterTrainingRuntime":
    "TrainingRuntime", "ClusterServingRuntime": "ServingRuntime",
}
"""Kinds whose fields mean what another's do."""
Told = dict[tuple[int, str], str]
"""(identity of a node, name of its field) → what that means."""


@cache
def known() -> dict[str, dict[str, str]]:
    """By the first word: the rest of the path ('' for the type itself) → sentence."""
    made: dict[str, dict[str, str]] = {}
    for line in Path(__file__).with_name("prose.txt").read_text().splitlines():
        place, colon, text = line.partition(": ")
        if colon and not line.startswith("#"):
            first, _, rest = place.partition(".")
            made.setdefault(first, {})[rest] = text.strip()
    return made


def of_root(schema: Node) -> Told:
    """Of what every kind has."""
    fields = schema.properties or {}
    return {(id(schema), name): text for name, text in known()["*"].items() if name in fields}


def of_type(node: Node) -> Iterator[tuple[str, str]]:
    """(field, sentence) of a type of Kubernetes'."""
    if node.go:
        for field, text in known().get(node.go.rpartition(".")[2], {}).items():
            if field in (node.properties or {}):
                yield field, text


def of_kind(kind: str, schema: Node) -> Told:
    """Of a custom kind's fields, wherever they lie below it."""
    made: Told = {}
    for path, text in known().get(ALIKE.get(kind, kind), {}).items():
        *above, name = path.split(".")
        node = _below(schema, above)
        if path and node is not None and name in (node.properties or {}):
            made[id(node), name] = text
    return made


def head(kind: str) -> str:
    return known().get(kind, {}).get("", "")


def _below(node: Node, path: list[str]) -> Node | None:
    for name in path:
        child = (_inner(node).properties or {}).get(name)
        if child is None:
            return None
        node = child
    return _inner(node)


def _inner(node: Node) -> Node:
    """What a list or map is made of."""
    while node.properties is None and (inner := node.items or node.additional) is not None:
        node = inner
    return node
