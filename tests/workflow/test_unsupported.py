"""What is left out of a workflow is said, by its path."""

from __future__ import annotations

from pinnace.controllers.workflow.unsupported import ignored


def test_every_place_that_is_left_out_is_named() -> None:
    spec = {
        "synchronization": {"mutexes": [{"name": "m"}]},
        "hooks": {"exit": {"template": "t"}, "running": {"template": "t", "expression": "true"}},
        "templates": [
            {"name": "main", "steps": [[{"name": "a", "template": "t", "hooks": {"late": {}}}]]},
            {"name": "t", "container": {"image": "busybox"}, "metrics": {"prometheus": []}},
        ],
    }
    said = ignored(spec).split("; ")
    assert said == [
        "spec.synchronization: locks are not taken",
        "spec.hooks.running: only the hook `exit` fires",
        "spec.templates[0].steps[0][0].hooks.late: only the hook `exit` fires",
        "spec.templates[1].metrics: no metrics are emitted",
    ]


def test_a_plain_workflow_has_no_warning() -> None:
    template = {"name": "main", "dag": {"tasks": [{"name": "a"}]}}
    assert ignored({"entrypoint": "main", "templates": [template]}) == ""
