"""What stands above what: workflow, its template, the controller's defaults."""

from __future__ import annotations

from typing import Any

import yaml

from pinnace.authoring.argo.merging import born, joined, merged


def read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_workflow_stands_above_its_template_and_both_above_the_defaults() -> None:
    own = read("{entrypoint: a, ttlStrategy: {secondsAfterSuccess: 1}}")
    template = read("{entrypoint: b, onExit: c, ttlStrategy: {secondsAfterFailure: 2}}")
    defaults = read(
        "{onExit: d, priority: 3, ttlStrategy: {secondsAfterSuccess: 9, secondsAfterCompletion: 4}}"
    )
    assert joined(own, template, defaults) == read(
        "{entrypoint: a, onExit: c, priority: 3,"
        " ttlStrategy: {secondsAfterSuccess: 1, secondsAfterFailure: 2, secondsAfterCompletion: 4}}"
    )


def test_lists_of_names_are_merged_by_name_and_others_replaced() -> None:
    own = read("{volumes: [{name: b, emptyDir: {}}], tolerations: [{key: x}]}")
    template = read("{volumes: [{name: a}, {name: b, secret: {}}], tolerations: [{key: y}]}")
    assert joined(own, template) == read(
        "{volumes: [{name: a}, {name: b, secret: {}, emptyDir: {}}], tolerations: [{key: x}]}"
    )


def test_arguments_have_one_value() -> None:
    own = read("{arguments: {parameters: [{name: a, value: 1}, {name: b}]}}")
    template = read(
        "{arguments: {parameters: [{name: a, valueFrom: {configMapKeyRef: {}}, enum: [1]},"
        " {name: b, value: 2}, {name: c, value: 3}]}}"
    )
    assert joined(own, template)["arguments"]["parameters"] == read(
        "[{name: a, enum: [1], value: 1}, {name: b, value: 2}, {name: c, value: 3}]"
    )


def test_hooks_and_labels_are_taken_whole() -> None:
    own = read("{hooks: {exit: {template: a}}, workflowMetadata: {labels: {x: '1'}}}")
    template = read(
        "{hooks: {exit: {template: b, expression: c}, run: {template: d}},"
        " workflowMetadata: {labels: {x: '2', y: '3'}, labelsFrom: {z: {expression: e}}}}"
    )
    assert joined(own, template) == read(
        "{hooks: {exit: {template: a}, run: {template: d}},"
        " workflowMetadata: {labels: {x: '1', y: '3'}, labelsFrom: {z: {expression: e}}}}"
    )


def test_a_template_does_not_suspend_a_workflow() -> None:
    assert "suspend" not in joined(read("{entrypoint: a}"), read("{suspend: true}"))
    assert joined(read("{suspend: true}"), read("{suspend: false}"))["suspend"] is True


def test_defaults_of_templates_reach_into_containers() -> None:
    defaults = read(
        "{container: {image: a, env: [{name: X, value: '1'}, {name: Y, value: '2'}]}, timeout: 1m}"
    )
    raw = read("{name: t, container: {args: [b], env: [{name: Y, value: '3'}]}}")
    assert merged(defaults, raw) == read(
        "{name: t, timeout: 1m,"
        " container: {image: a, args: [b], env: [{name: X, value: '1'}, {name: Y, value: '3'}]}}"
    )
    assert merged(defaults, read("{name: t, suspend: {}}")) == read("{name: t, suspend: {}, timeout: 1m}")


def test_a_new_workflow_gets_the_controllers_defaults() -> None:
    defaults = read("{metadata: {labels: {a: '1'}, annotations: {b: '2'}}, spec: {priority: 3}}")
    made = born(read("{metadata: {name: x, labels: {a: '9'}}, spec: {entrypoint: m}}"), defaults)
    assert made == read(
        "{metadata: {name: x, labels: {a: '9'}, annotations: {b: '2'}}, spec: {entrypoint: m, priority: 3}}"
    )
    reference = read("{metadata: {name: x}, spec: {workflowTemplateRef: {name: t}}}")
    assert "priority" not in born(reference, defaults)["spec"]
    assert born(reference, None) is reference
