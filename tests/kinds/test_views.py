"""Each typed view names only fields that upstream's schema has at its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pinnace.kinds import argo, library
from pinnace.kinds.schema import Node


def strangers(view: Any, node: Node, path: str, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Fields of a view, and of the views inside it, that the schema does not know."""
    if isinstance(view, msgspec.inspect.UnionType):
        for one in view.types:
            yield from strangers(one, node, path, seen)
    elif isinstance(view, (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)):
        if node.items is not None:
            yield from strangers(view.item_type, node.items, f"{path}[]", seen)
    elif isinstance(view, msgspec.inspect.DictType):
        if node.additional is not None:
            yield from strangers(view.value_type, node.additional, f"{path}{{}}", seen)
    elif isinstance(view, msgspec.inspect.StructType) and view.cls not in seen:
        for field in view.fields:
            child = node.at(field.encode_name)
            if child is not None:
                yield from strangers(field.type, child, f"{path}.{field.encode_name}", seen | {view.cls})
            elif not node.preserve_unknown:
                yield f"{path}.{field.encode_name}"


OURS = {
    "NodeStatus.pinnace",  # in our rows only: taken off before anyone reads a node
    "Spec.templates[].steps[][].dependencies", "Spec.templates[].steps[][].depends",  # one view for steps
    "Template.steps[][].dependencies", "Template.steps[][].depends",  # and tasks; only tasks have these
}


def place(kind: str, *path: str) -> Node:
    node = library.schema("argoproj.io", "v1alpha1", kind)
    for part in path:
        found = node.items if part == "[]" else node.additional if part == "{}" else node.at(part)
        assert found is not None, part
        node = found
    return node


@pytest.mark.parametrize(
    ("view", "node"),
    [
        (argo.Spec, place("Workflow", "spec")),
        (argo.Template, place("Workflow", "spec", "templates", "[]")),
        (argo.Task, place("Workflow", "spec", "templates", "[]", "dag", "tasks", "[]")),
        (argo.NodeStatus, place("Workflow", "status", "nodes", "{}")),
    ],
)
def test_views_of_argo_are_subsets_of_the_schema(view: type, node: Node) -> None:
    found = set(strangers(msgspec.inspect.type_info(view), node, view.__name__))
    assert found - OURS == set()
