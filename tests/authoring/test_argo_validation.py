"""Upstream's rules for workflows, one by one, in upstream's words (workflow/validate/validate.go)."""

# ruff: noqa: E501, UP031 (a rule is read as a line; YAML is full of braces)

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from pinnace.authoring.argo import validation

LEAF = "{name: x, container: {image: busybox}}"
SHARED = {
    "shared": yaml.safe_load(
        "{spec: {templates: [{name: one, inputs: {parameters: [{name: p}]}, suspend: {}}]}}"
    ),
    "whole": yaml.safe_load("""
spec:
  entrypoint: main
  arguments: {parameters: [{name: word}]}
  onExit: bye
  templates:
  - {name: main, container: {image: busybox, args: ["{{workflow.parameters.word}}"]}}
"""),
}


def lookup(name: str, *, cluster: bool, namespace: str | None) -> dict[str, Any] | None:
    return None if cluster else SHARED.get(name)


def problems(spec: str, **meta: Any) -> list[str]:
    document = {"kind": "Workflow", "metadata": {"name": "wf", **meta}, "spec": yaml.safe_load(spec)}
    return validation.workflow(document, lookup)


def with_main(body: str, *others: str) -> str:
    return f"{{entrypoint: main, templates: [{{name: main, {body}}}, {', '.join(others or (LEAF,))}]}}"


STEP = "steps: [[{name: a, template: x, %s}]]"
TASK = "dag: {tasks: [{name: a, template: x}, {name: b, template: x, %s}]}"
CASES = {
    # ---- the workflow ----
    "no entrypoint": ("{templates: [%s]}" % LEAF, "spec.entrypoint is required"),
    "undefined entrypoint": ("{entrypoint: y, templates: [%s]}" % LEAF, "template name 'y' undefined"),
    "templates beside a reference": (
        "{workflowTemplateRef: {name: whole}, templates: [%s]}" % LEAF,
        "Templates is invalid field in spec if workflow referred WorkflowTemplate reference",
    ),
    "reference to nothing": (
        "{workflowTemplateRef: {name: gone}}",
        'workflowtemplates.argoproj.io "gone" not found',
    ),
    "argument of a reference": (
        "{workflowTemplateRef: {name: whole}}",
        "spec.arguments.word.value or spec.arguments.word.valueFrom is required",
    ),
    "exit of a reference": (
        "{workflowTemplateRef: {name: whole}, arguments: {parameters: [{name: word, value: a}]}}",
        "template name 'bye' undefined",
    ),
    "undefined exit": (
        "{entrypoint: x, onExit: bye, templates: [%s]}" % LEAF,
        "template name 'bye' undefined",
    ),
    "template without a name": (
        "{entrypoint: x, templates: [%s, {suspend: {}}]}" % LEAF,
        "spec.templates[1].name is required",
    ),
    "template with a bad name": (
        "{entrypoint: x, templates: [%s, {name: a_b, suspend: {}}]}" % LEAF,
        "spec.templates[1].name: 'a_b' is invalid: name must consist of alpha-numeric characters or '-'",
    ),
    "template twice": (
        "{entrypoint: x, templates: [%s, {name: x, suspend: {}}]}" % LEAF,
        "spec.templates[1].name 'x' is not unique",
    ),
    "argument twice": (
        "{entrypoint: x, arguments: {parameters: [{name: a, value: 1}, {name: a, value: 2}]}, templates: [%s]}"
        % LEAF,
        "spec.arguments.parameters[1].name 'a' is not unique",
    ),
    "argument outside of its enum": (
        "{entrypoint: x, arguments: {parameters: [{name: a, value: 1, enum: [2, 3]}]}, templates: [%s]}"
        % LEAF,
        "spec.arguments.a.value should be present in spec.arguments.a.enum list",
    ),
    "argument with an empty enum": (
        "{entrypoint: x, arguments: {parameters: [{name: a, value: 1, enum: []}]}, templates: [%s]}" % LEAF,
        "spec.arguments.a.enum should contain at least one value",
    ),
    "artifact of nothing": (
        "{entrypoint: x, arguments: {artifacts: [{name: a}]}, templates: [%s]}" % LEAF,
        "spec.arguments.a.from, artifact location, or key is required",
    ),
    "hook without an expression": (
        "{entrypoint: x, hooks: {run: {template: x}}, templates: [%s]}" % LEAF,
        "hooks.run Expression required",
    ),
    "collection": (
        "{entrypoint: x, podGC: {strategy: Never}, templates: [%s]}" % LEAF,
        "podGC.strategy unknown strategy 'Never'",
    ),
    # ---- templates ----
    "no type": (
        with_main("inputs: {}"),
        "templates.main template type unspecified. choose one of: container",
    ),
    "two types": (
        with_main("suspend: {}, container: {image: a}"),
        "templates.main multiple template types specified.",
    ),
    "input from": (
        with_main("inputs: {artifacts: [{name: a, path: /a, from: b}]}, container: {image: c}"),
        "templates.main.inputs.artifacts.a.from not valid in inputs",
    ),
    "input without a path": (
        with_main("inputs: {artifacts: [{name: a, raw: {data: x}}]}, container: {image: c}"),
        "error in templates.main.inputs.artifacts.a: Artifact 'a' did not specify a path",
    ),
    "input path of steps": (
        with_main("inputs: {artifacts: [{name: a, path: /a, raw: {data: x}}]}, steps: []"),
        "templates.main.inputs.artifacts.a.path only valid in container/script templates",
    ),
    "git without a repository": (
        with_main("inputs: {artifacts: [{name: a, path: /a, git: {revision: x}}]}, container: {image: c}"),
        "templates.main.inputs.artifacts.a.git.repo is required",
    ),
    "input not supplied": (
        with_main("inputs: {parameters: [{name: p}]}, container: {image: c}"),
        "templates.main inputs.parameters.p was not supplied",
    ),
    "artifact not supplied": (
        with_main("inputs: {artifacts: [{name: p, path: /p}]}, container: {image: c}"),
        "templates.main inputs.artifacts.p was not supplied",
    ),
    "init container without a name": (
        with_main("container: {image: c}, initContainers: [{image: d}]"),
        "initContainers must all have container name",
    ),
    "retry policy": (
        with_main("container: {image: c}, retryStrategy: {retryPolicy: Often}"),
        "Often is not a valid RetryPolicy",
    ),
    "timeout of steps": (with_main("timeout: 1m, steps: []"), "Steps template doesn't support timeout field"),
    "timeout without a unit": (
        with_main("timeout: '10', container: {image: c}"),
        "main has invalid duration format in timeout",
    ),
    "deadline of steps": (
        with_main("activeDeadlineSeconds: 3, steps: []"),
        "templates.main.activeDeadlineSeconds is only valid for leaf templates",
    ),
    "negative deadline": (
        with_main("activeDeadlineSeconds: -3, container: {image: c}"),
        "templates.main.activeDeadlineSeconds must be a positive integer > 0 or an argo variable",
    ),
    "parallelism of a leaf": (
        with_main("parallelism: 3, container: {image: c}"),
        "templates.main.parallelism is only valid for steps and dag templates",
    ),
    "no image": (with_main("container: {command: [a]}"), "templates.main.container.image may not be empty"),
    "no image of a script": (
        with_main("script: {source: a}"),
        "templates.main.script.image may not be empty",
    ),
    "mounts": (
        with_main(
            "container: {image: c, volumeMounts: [{name: a, mountPath: /m}, {name: b, mountPath: /m}]}"
        ),
        "templates.main.container.volumeMounts[1].mountPath '/m' already mounted in container.volumeMounts.a",
    ),
    "artifact on a mount": (
        with_main(
            "inputs: {artifacts: [{name: i, path: /m, raw: {data: x}}]},"
            " container: {image: c, volumeMounts: [{name: a, mountPath: /m}]}"
        ),
        "templates.main.inputs.artifacts[0].path '/m' already mounted in container.volumeMounts.a",
    ),
    "action": (
        with_main("resource: {action: make, manifest: a}"),
        "templates.main.resource.action must be one of: get, create, apply, delete, replace, patch",
    ),
    "no manifest": (
        with_main("resource: {action: create}"),
        "either templates.main.resource.manifest or templates.main.resource.manifestFrom must be specified",
    ),
    "manifest that is no YAML": (
        with_main("resource: {action: create, manifest: '{a: ['}"),
        "templates.main.resource.manifest must be a valid yaml",
    ),
    "manifest of no artifact": (
        with_main("resource: {action: create, manifestFrom: {artifact: {name: m}}}"),
        "artifact m in `manifestFrom` refer to a non-exist artifact",
    ),
    "container set without main": (
        with_main(
            "outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}, containerSet: {containers: [{name: a, image: b}]}"
        ),
        'templates.main.containerSet.containers must have a container named "main" for input or output',
    ),
    "empty container set": (
        with_main("containerSet: {containers: []}"),
        "templates.main.containerSet.containers must have at least one container",
    ),
    "metric name": (
        with_main("container: {image: c}, metrics: {prometheus: [{name: a-b, help: h}]}"),
        "templates.main metric name 'a-b' is invalid. Metric names must contain alphanumeric characters or '_'",
    ),
    "metric without help": (
        with_main("container: {image: c}, metrics: {prometheus: [{name: a}]}"),
        "templates.main metric 'a' must contain a help string under 'help: ' field",
    ),
    "metric without a value": (
        with_main("container: {image: c}, metrics: {prometheus: [{name: a, help: h, counter: {}}]}"),
        "templates.main metric 'a' error: missing counter.value",
    ),
    # ---- outputs ----
    "output of nothing": (
        with_main("outputs: {parameters: [{name: o}]}, container: {image: c}"),
        "templates.main.outputs.parameters.o does not have valueFrom or value specified",
    ),
    "output of two": (
        with_main(
            "outputs: {parameters: [{name: o, valueFrom: {path: /a, jsonPath: b}}]}, container: {image: c}"
        ),
        "multiple valueFrom types specified. choose one of: path, jqFilter, jsonPath, parameter, raw",
    ),
    "output of a default only": (
        with_main("outputs: {parameters: [{name: o, valueFrom: {default: a}}]}, container: {image: c}"),
        "valueFrom type unspecified. choose one of: path, jqFilter, jsonPath, parameter, raw, expression",
    ),
    "output of a container": (
        with_main("outputs: {parameters: [{name: o, valueFrom: {expression: a}}]}, container: {image: c}"),
        "templates.main.outputs.parameters.o.path must be specified for Container templates",
    ),
    "output of steps": (
        with_main("outputs: {parameters: [{name: o, valueFrom: {path: /a}}]}, steps: []"),
        "templates.main.outputs.parameters.o.parameter or expression must be specified for Steps templates",
    ),
    "global name": (
        with_main(
            "outputs: {parameters: [{name: o, globalName: a.b, valueFrom: {path: /a}}]}, container: {image: c}"
        ),
        "templates.main.outputs.parameters.o.globalName: Parameter/Artifact name must consist of",
    ),
    "output that nothing gives": (
        with_main(
            "outputs: {parameters: [{name: o, valueFrom: {parameter: '{{steps.b.outputs.result}}'}}]},"
            " steps: [[{name: a, template: x}]]"
        ),
        "templates.main.outputs failed to resolve {{steps.b.outputs.result}}",
    ),
    # ---- steps ----
    "step without a name": (
        with_main("steps: [[{template: x}]]"),
        "templates.main.steps[0].name is required",
    ),
    "step twice": (
        with_main("steps: [[{name: a, template: x}], [{name: a, template: x}]]"),
        "templates.main.steps[1].name 'a' is not unique",
    ),
    "step of nothing": (
        with_main("steps: [[{name: a, template: y}]]"),
        "templates.main.steps[0].a template name 'y' undefined",
    ),
    "two loops": (
        with_main(STEP % "withItems: [1], withParam: '[]'"),
        "templates.main.steps[0].a only one of withItems, withParam, withSequence can be specified",
    ),
    "count and end": (
        with_main(STEP % "withSequence: {count: 1, end: 2}"),
        "templates.main.steps[0].a only one of count or end can be defined in withSequence",
    ),
    "step hook": (
        with_main(STEP % "hooks: {run: {template: x}}"),
        "templates.main.steps[0].a.run Expression required",
    ),
    "argument without a value": (
        with_main(STEP % "arguments: {parameters: [{name: p}]}"),
        "templates.main.steps[0].a.arguments.p.value or templates.main.steps[0].a.arguments.p.valueFrom is required",
    ),
    "step not supplied": (
        with_main(
            "steps: [[{name: a, template: y}]]", "{name: y, inputs: {parameters: [{name: p}]}, suspend: {}}"
        ),
        "templates.main.steps[0].a templates.y inputs.parameters.p was not supplied",
    ),
    "later step": (
        with_main(STEP % "when: '{{steps.b.outputs.result}} == 1'"),
        "templates.main.steps failed to resolve {{steps.b.outputs.result}}",
    ),
    "item without a loop": (
        with_main(STEP % "arguments: {parameters: [{name: p, value: '{{item.a}}'}]}"),
        "templates.main.steps failed to resolve {{item.a}}",
    ),
    "reference and template": (
        with_main(STEP % "templateRef: {name: shared, template: one}"),
        "templates.main.steps[0].a template name cannot be specified with templateRef",
    ),
    "reference to no template": (
        with_main("steps: [[{name: a, templateRef: {name: shared, template: two}}]]"),
        "templates.main.steps[0].a template reference shared.two not found",
    ),
    "reference not supplied": (
        with_main("steps: [[{name: a, templateRef: {name: shared, template: one}}]]"),
        "templates.main.steps[0].a templates.one inputs.parameters.p was not supplied",
    ),
    # ---- tasks ----
    "no tasks": (with_main("dag: {tasks: []}"), "templates.main must have at least one task"),
    "cycle": (
        with_main("dag: {tasks: [{name: a, template: x, depends: b}, {name: b, template: x, depends: a}]}"),
        "templates.main sorting failed: graph with cycle",
    ),
    "undefined dependency": (
        with_main(TASK % "dependencies: [z]"),
        "templates.main.tasks.b dependency 'z' not defined",
    ),
    "both": (
        with_main(
            "dag: {tasks: [{name: a, template: x}, {name: b, template: x, depends: a},"
            " {name: c, template: x, dependencies: [a]}]}"
        ),
        "templates.main cannot use both 'depends' and 'dependencies' in the same DAG template",
    ),
    "continueOn": (
        with_main(TASK % "depends: a, continueOn: {failed: true}"),
        "templates.main cannot use 'continueOn' when using 'depends'.",
    ),
    "digit": (
        with_main("dag: {tasks: [{name: a, template: x}, {name: 1b, template: x, depends: a}]}"),
        "templates.main.tasks.1b name cannot begin with a digit when using either 'depends' or 'dependencies'",
    ),
    "result": (
        with_main(TASK % "depends: a.Done"),
        "templates.main.tasks.b task result 'Done' for task 'a' is invalid",
    ),
    "items": (
        with_main(TASK % "depends: a.AnySucceeded"),
        "templates.main.tasks.b dependency 'a' uses an items-based condition such as .AnySucceeded or .AllFailed",
    ),
    "target": (
        with_main("dag: {target: z, tasks: [{name: a, template: x}]}"),
        "templates.main.targets: target 'z' is not defined",
    ),
    "missing dependency": (
        with_main(TASK % "arguments: {parameters: [{name: p, value: '{{tasks.a.outputs.result}}'}]}"),
        "templates.main.tasks.b missing dependency 'a' for parameter 'p'",
    ),
    "status of who is not waited for": (
        with_main(TASK % "when: '{{tasks.a.status}} == Failed'"),
        "templates.main.tasks.b failed to resolve {{tasks.a.status}}",
    ),
    "unknown workflow name": (
        with_main("container: {image: c, args: ['{{workflow.parameters.p}}']}"),
        "templates.main: failed to resolve {{workflow.parameters.p}}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_upstreams_words(case: str) -> None:
    spec, words = CASES[case]
    found = problems(spec)
    assert found
    assert found[0].startswith(words)


SOUND = {
    "custom tags": with_main("container: {image: c, args: ['{{custom.variable}} {{=sprig.upper(\"a\")}}']}"),
    "globals": with_main(
        "container: {image: c, args: ['{{workflow.name}} {{workflow.labels.team}}"
        " {{workflow.creationTimestamp.RFC3339}} {{pod.name}} {{node.name}}']}"
    ),
    "retries": with_main(
        "retryStrategy: {limit: 1}, container: {image: c, args: ['{{lastRetry.exitCode}}']}"
    ),
    "status": with_main(
        "dag: {tasks: [{name: a, template: x}, {name: b, template: x, depends: a.Failed,"
        " when: '{{tasks.a.status}} == Failed'}]}"
    ),
    "aggregates": with_main(
        "steps: [[{name: a, template: x, withItems: [1]}],"
        " [{name: b, template: x, withParam: '{{steps.a.outputs.result}}',"
        " arguments: {parameters: [{name: p, value: '{{item.k}}'}]}}]]"
    ),
    "dynamic": with_main(
        "steps: [[{name: a, template: '{{workflow.name}}'}],"
        " [{name: b, template: x, when: '{{steps.a.outputs.result}} == 1'}]]"
    ),
    "recursion": with_main("steps: [[{name: a, template: main}]]"),
    "inline": with_main(
        "inputs: {parameters: [{name: p, value: a}]}, dag: {tasks: [{name: a, inline: {container:"
        " {image: c, args: ['{{inputs.parameters.p}}']}}}]}"
    ),
    "global outputs": with_main(
        "steps: [[{name: a, template: y}], [{name: b, template: z}]]",
        "{name: y, outputs: {parameters: [{name: o, globalName: g, valueFrom: {path: /o}}]}, container: {image: c}}",
        "{name: z, container: {image: c, args: ['{{workflow.outputs.parameters.g}}']}}",
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_what_upstream_takes(case: str) -> None:
    assert problems(SOUND[case], labels={"team": "red"}) == []


def test_all_is_told_at_once() -> None:
    spec = with_main("steps: [[{name: a, template: y}, {name: b, template: z}]]")
    assert [one.partition(" (did")[0] for one in problems(spec)] == [
        "templates.main.steps[0].a template name 'y' undefined",
        "templates.main.steps[0].b template name 'z' undefined",
    ]


def test_the_nearest_name_is_shown() -> None:
    (found,) = problems(with_main("steps: [[{name: a, template: sya}]]", "{name: say, suspend: {}}"))
    assert found.endswith("template name 'sya' undefined (did you mean \"say\"?)")


def test_names_have_a_length() -> None:
    found = validation.workflow(
        {"metadata": {"name": "a" * 64}, "spec": yaml.safe_load(with_main("suspend: {}"))}
    )
    assert found[0].endswith("must not be more than 63 characters long (currently 64)")


def test_a_template_by_itself_lets_parameters_come() -> None:
    document = {"metadata": {"name": "t"}, "spec": SHARED["whole"]["spec"] | {"onExit": ""}}
    assert validation.workflow_template(document) == []
    assert validation.workflow_template({"metadata": {"name": "t"}, "spec": SHARED["shared"]["spec"]}) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"schedules": []}, "cron workflow must have at least one schedule"),
        ({"schedules": ["* * *"]}, "cron schedule * * * is malformed: "),
        ({"schedules": ["* * * * *"], "timezone": "Moon/Sea"}, 'invalid timezone "Moon/Sea": '),
        (
            {"schedules": ["* * * * *"], "concurrencyPolicy": "Maybe"},
            "'Maybe' is not a valid concurrencyPolicy",
        ),
        (
            {"schedules": ["* * * * *"], "startingDeadlineSeconds": -1},
            "startingDeadlineSeconds must be positive",
        ),
        ({"schedules": ["* * * * *"]}, "cannot validate Workflow: spec.entrypoint is required"),
    ],
)
def test_cron_workflows(spec: dict[str, Any], words: str) -> None:
    found = validation.cron_workflow({"metadata": {"name": "c"}, "spec": {"workflowSpec": {}, **spec}})
    assert found[0].startswith(words)


def test_ten_thousand_tasks_take_no_time() -> None:
    tasks = [{"name": "t0", "template": "x"}]
    for at in range(1, 10_000):
        value = f"{{{{tasks.t{at - 1}.outputs.result}}}}"
        given = {"parameters": [{"name": "p", "value": value}]}
        tasks.append({"name": f"t{at}", "template": "x", "depends": f"t{at - 1}", "arguments": given})  # type: ignore[dict-item]
    leaf = yaml.safe_load(LEAF)
    spec = {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": tasks}}, leaf]}
    began = time.process_time()
    assert validation.workflow({"metadata": {"name": "wf"}, "spec": spec}) == []
    assert time.process_time() - began < 2


def test_what_a_big_workflow_refers_to_is_known_before() -> None:
    asked: list[str] = []

    def reading(name: str, *, cluster: bool, namespace: str | None) -> dict[str, Any] | None:
        asked.append(name)
        other = "{spec: {templates: [{name: t, steps: [[{name: s, templateRef: {name: third, template: x}}]]}]}}"
        found: dict[str, Any] | None = yaml.safe_load(other) if name == "second" else None
        return found

    task = {"templateRef": {"name": "second", "template": "t"}}
    spec = {"templates": [{"name": "main", "dag": {"tasks": [{"name": f"a{at}", **task} for at in range(400)]}}]}
    assert validation.beside.big(spec)
    lookup_known = validation.beside.known(spec, reading, "default")
    assert asked == ["second", "third"]
    document = {"metadata": {"name": "wf"}, "spec": {**spec, "entrypoint": "main"}}
    found = validation.workflow(document, lookup_known)
    assert asked == ["second", "third"]
    assert found[0].endswith('workflowtemplates.argoproj.io "third" not found')
