"""What is left out of a workflow is said, by its path."""

from __future__ import annotations

from pinnace.controllers.workflow.unsupported import ignored


def test_every_place_that_is_left_out_is_named() -> None:
    spec = {
        "podDisruptionBudget": {"minAvailable": 1},
        "templates": [
            {"name": "main", "steps": [[{"name": "a", "template": "t"}]]},
            {"name": "t", "container": {"image": "busybox"}, "pendingTimeout": "1s"},
        ],
    }
    said = ignored(spec).split("; ")
    assert said == [
        "spec.podDisruptionBudget: nothing enforces it on one machine",
        "spec.templates[1].pendingTimeout: pending pods wait without a limit",
    ]


def test_a_plain_workflow_has_no_warning() -> None:
    template = {"name": "main", "dag": {"tasks": [{"name": "a"}]}}
    assert ignored({"entrypoint": "main", "templates": [template]}) == ""
