"""Metrics that workflows emit: when, with what, and how they are shown."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.controllers.workflow.measures import Measures, Sample
from tests.workflow.test_run import CONTAINER, by_argument, call, leaf, workflow
from tests.workflow.world import World


def counted(world: World) -> Measures:
    made = Measures()
    made.take(world.samples)
    return made


def shown(world: World) -> list[str]:
    return [line for line in counted(world).lines(world.now) if not line.startswith("#")]


def metric(name: str = "runs", **more: Any) -> dict[str, Any]:
    return {"prometheus": [{"name": name, "help": "What it is.", "counter": {"value": "1"}, **more}]}


def label(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


def test_every_attempt_counts_and_their_parent_does_not() -> None:
    labels = [label("code", "{{exitCode}}"), label("status", "{{status}}")]
    work = leaf(metrics=metric(labels=labels), retryStrategy={"limit": 2})
    world = World(workflow([{"name": "main", "steps": [[call("a", "fail")]]}, work]), by_argument).go()
    assert shown(world) == ['argo_workflows_runs{code="1",status="Failed"} 3']


def test_a_metric_of_template_defaults_counts_for_the_dag_as_well() -> None:
    tasks = [call(name) for name in "abcd"]
    document = workflow(
        [{"name": "main", "dag": {"tasks": tasks}}, leaf()],
        templateDefaults={"metrics": metric(labels=[label("status", "{{status}}")])},
    )
    assert shown(World(document).go()) == ['argo_workflows_runs{status="Succeeded"} 5']


@pytest.mark.parametrize(("said", "lines"), [("fail", ["argo_workflows_runs 1"]), ("ok", [])])
def test_only_when_its_condition_holds(said: str, lines: list[str]) -> None:
    work = leaf(metrics=metric(when="{{status}} == Failed"))
    document = workflow([{"name": "main", "steps": [[call("a", said)]]}, work])
    assert shown(World(document, by_argument).go()) == lines


def test_inputs_outputs_and_duration_are_there() -> None:
    gauge = {"value": "{{duration}}"}
    labels = [label("p", "{{inputs.parameters.p}}"), label("out", "{{outputs.parameters.o}}"),
              label("wf", "{{workflow.name}}")]  # fmt: skip
    work = leaf(
        metrics={"prometheus": [{"name": "lasted", "help": "h", "gauge": gauge, "labels": labels}]},
        outputs={"parameters": [{"name": "o", "valueFrom": {"path": "/o"}}]},
    )
    document = workflow([{"name": "main", "steps": [[call("a", "x")]]}, work])
    world = World(document, lambda _pod: {"seconds": 3, "parameters": {"o": "y"}}).go()
    assert shown(world) == ['argo_workflows_lasted{out="y",p="x",wf="wf"} 3']


def test_the_workflow_has_metrics_too() -> None:
    metrics = {"prometheus": [
        {"name": "total", "help": "h", "counter": {"value": "2"}, "when": "{{workflow.status}} == Succeeded"},
        {"name": "took", "help": "h",
         "histogram": {"value": "{{workflow.duration}}", "buckets": [1, 5.5, "10"]}},
    ]}  # fmt: skip
    document = workflow([{"name": "main", "container": CONTAINER}], metrics=metrics)
    world = World(document, lambda _pod: {"seconds": 4}).go()
    assert shown(world) == [
        'argo_workflows_took_bucket{le="1"} 0',
        'argo_workflows_took_bucket{le="5.5"} 1',
        'argo_workflows_took_bucket{le="10"} 1',
        'argo_workflows_took_bucket{le="+Inf"} 1',
        "argo_workflows_took_sum 4",
        "argo_workflows_took_count 1",
        "argo_workflows_total 2",
    ]


def test_a_realtime_gauge_grows_until_its_node_has_ended() -> None:
    gauge = {"gauge": {"realtime": True, "value": "{{duration}}"}}
    metrics = {"prometheus": [{"name": "now", "help": "h", **gauge}]}
    work = {"name": "main", "container": CONTAINER, "metrics": metrics}
    world = World(workflow([work]), lambda _pod: {"seconds": 7})
    world.settle()
    world.now += 5
    assert shown(world) == ["argo_workflows_now 5"]
    world.go()
    world.now += 100
    assert shown(world) == ["argo_workflows_now 12"]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (metric(name="no-such"), "metric name 'no-such' is invalid"),
        (metric(labels=[label("x", "{{nothing}}")]), "unable to substitute parameters for metric 'runs'"),
        ({"prometheus": [{"name": "runs", "counter": {"value": "1"}}]}, "must contain a help string"),
        (metric(counter={"value": "many"}), "value 'many' is not a number"),
        ({"prometheus": [{"name": "r", "help": "h", "gauge": {"realtime": True, "value": "{{x}}"}}]},
         "'x' is not available as a real time variable; should be one of duration, workflow.duration"),
    ],
)  # fmt: skip
def test_a_metric_that_cannot_be_emitted_is_a_condition(declared: dict[str, Any], words: str) -> None:
    world = World(workflow([{"name": "main", "container": CONTAINER, "metrics": declared}])).go()
    assert world.phase == "Succeeded"
    assert words in world.run.complaints["MetricsError"]
    assert not world.samples


def test_operations_of_a_gauge_and_the_text_format() -> None:
    table = Measures()
    labels = (("b", 'say "hi"\n'), ("a", "1"))
    for value, operation in ((5, "Set"), (2, "Add"), (1.5, "Sub")):
        table.take([Sample("g", "gauge", "Two\nlines", labels, value, operation)])
    assert list(table.lines(0)) == [
        "# HELP argo_workflows_g Two\\nlines",
        "# TYPE argo_workflows_g gauge",
        'argo_workflows_g{a="1",b="say \\"hi\\"\\n"} 5.5',
    ]


def test_nothing_is_counted_again_after_a_crash() -> None:
    document = workflow([{"name": "main", "steps": [[call("a")], [call("b")]]}, leaf(metrics=metric())])
    world = World(document)
    world.settle()
    world.finish_one()
    again = World(document, nodes=[*world.nodes.values()])
    again.settle()
    assert len(world.samples) == 1
    assert not again.samples


def progress(world: World, name: str, said: str, phase: str = "Running") -> None:
    pod = world.pods[name]
    annotations = {**pod["metadata"]["annotations"], "workflows.argoproj.io/progress": said}
    found = {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "status": {"phase": phase}}
    world.run.observe(found, world.now)
    world.settle()


def test_a_step_says_how_far_it_is_and_the_workflow_adds_it_up() -> None:
    steps = [[call("a"), call("b", "fail")]]
    world = World(workflow([{"name": "main", "steps": steps}, leaf()]), by_argument)
    world.settle()
    assert world.run.progress == "0/2"
    progress(world, world.order[0], "3/10")
    assert (world.node("$wf[0].a").progress, world.run.progress) == ("3/10", "3/11")
    progress(world, world.order[0], "11/10")
    progress(world, world.order[0], "nonsense")
    assert world.run.progress == "3/11"
    again = World(world.run.workflow, nodes=[*world.nodes.values()])
    again.settle()
    assert again.run.progress == "3/11"
    world.go()
    assert (world.node("$wf[0].a").progress, world.run.progress) == ("10/10", "10/11")
