"""The sentences of `kubectl explain` are about fields that there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pinnace.kinds import prose
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.schema import Node


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.builtin()


def nodes(schema: Node, seen: set[int]) -> Iterator[Node]:
    stack = [schema]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack += [*(node.properties or {}).values(), *filter(None, (node.items, node.additional))]


def test_every_sentence_has_its_field(catalogue: Catalogue) -> None:
    wanted = {text for fields in prose.known().values() for text in fields.values()}
    seen: set[int] = set()
    for resource in catalogue.resources():
        wanted -= {prose.head(resource.kind)}
        schema = catalogue.schema(resource)
        if schema is not None:
            wanted -= set(prose.of_root(schema).values())
            wanted -= {text for node in nodes(schema, seen) for _, text in prose.of_type(node)}
            wanted -= set(prose.of_kind(resource.kind, schema).values()) if resource.custom else set()
    assert wanted == set()


def test_a_template_is_told_of_like_a_workflow(catalogue: Catalogue) -> None:
    resource = catalogue.kind("argoproj.io/v1alpha1", "WorkflowTemplate")
    assert resource is not None
    schema = catalogue.schema(resource)
    assert schema is not None
    texts = set(prose.of_kind("WorkflowTemplate", schema).values())
    assert "The template with which it begins." in texts
    assert prose.head("WorkflowTemplate") == "A Workflow that others are made of."
