"""Argo's rules between fields, which its definition states in CEL and we in our own words."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.review import review

CATALOGUE = Catalogue.builtin()
ECHO = {"image": "alpine"}


def causes(kind: str, spec: dict[str, Any]) -> list[str]:
    resource = CATALOGUE.kind("argoproj.io/v1alpha1", kind)
    assert resource is not None
    judged = review(CATALOGUE.schema(resource), {"metadata": {"name": "a"}, "spec": spec})
    return [str(one) for one in judged.causes]


def dag(**task: Any) -> dict[str, Any]:
    return {"name": "main", "dag": {"tasks": [{"name": "a", "template": "x", **task}]}}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"name": "a", "container": ECHO, "suspend": {}}, "one type only"),
        ({**dag(), "timeout": "1m"}, "timeout cannot stand"),
        ({**dag(), "activeDeadlineSeconds": 3}, "activeDeadlineSeconds cannot stand"),
        (dag(depends="b", dependencies=["b"]), "depends and dependencies exclude each other"),
        (dag(depends="b", continueOn={"failed": True}), "continueOn cannot stand beside depends"),
        (dag(name="1a", depends="b"), "cannot begin with a digit"),
        (dag(withSequence={"count": "1", "end": "2"}), "count and end exclude each other"),
        ({"name": "a", "container": ECHO, "inputs": {"artifacts": [
            {"name": "x", "path": "/x", "raw": {"data": ""}, "s3": {"key": "k"}}]}}, "at one location only"),
        ({"name": "a", "resource": {
            "action": "get", "manifest": "", "manifestFrom": {"artifact": {"name": "x"}}}},
         "manifest and manifestFrom exclude each other"),
    ],
)
def test_what_excludes_each_other(template: dict[str, Any], words: str) -> None:
    for kind, spec in (
        ("Workflow", {"templates": [template]}),
        ("CronWorkflow", {"schedules": ["* * * * *"], "workflowSpec": {"templates": [template]}}),
    ):
        found = causes(kind, spec)
        assert len(found) == 1
        assert words in found[0]


def test_more_templates_than_upstream_allows() -> None:
    spec = {"templates": [{"name": f"t{number}", "container": ECHO} for number in range(201)]}
    assert causes("Workflow", spec)[0] == "spec.templates: Too many: 201: must have at most 200 items"


def test_a_good_workflow_passes() -> None:
    assert causes("Workflow", {"entrypoint": "main", "templates": [dag(depends="b")]}) == []
