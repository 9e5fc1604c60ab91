"""Lifecycle hooks: when they fire, what they are called, and that they are waited for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workflow.test_run import CONTAINER, by_argument, call, leaf, workflow
from tests.workflow.world import Result, World, main


def hook(name: str, expression: str = "", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"template": "note", **more}
    return {name: {**made, "expression": expression} if expression else made}


NOTE = {"name": "note", "container": CONTAINER}


def steps(*groups: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    return workflow([{"name": "main", "steps": list(groups)}, leaf(), NOTE], **spec)


def running(world: World, name: str) -> None:
    """A pod's start is seen."""
    found = {**world.pods[name]}
    world.run.observe({**found, "status": {"phase": "Running", "containerStatuses": []}}, world.now)
    world.settle()


def at_work(pod: dict[str, Any]) -> Result:
    return {} if main(pod).get("args") is None else by_argument(pod)


def test_a_hook_fires_once_while_its_step_runs_and_the_group_waits_for_it() -> None:
    step = call("a", hooks=hook("running", 'steps["a"].status == "Running"'))
    world = World(steps([step], [call("b")]), at_work)
    world.settle()
    running(world, world.order[0])
    running(world, world.order[0])
    assert len(world.order) == 2
    node = world.node("$wf[0].a.hooks.running")
    assert node.node_flag == {"hooked": True}
    world.finish_one(world.order[0])
    assert world.node("$wf[0].a").phase == "Succeeded"
    assert "wf[1].b" not in world.names()
    world.go()
    assert world.phase == "Succeeded"
    assert len(world.order) == 3


@pytest.mark.parametrize(("said", "fires"), [("ok", True), ("fail", False)])
def test_a_hook_fires_for_the_outcome_it_names(said: str, fires: bool) -> None:
    step = call("a", said, hooks=hook("good", 'steps.a.status == "Succeeded"'))
    world = World(steps([step]), at_work).go()
    assert ("wf[0].a.hooks.good" in world.names()) is fires
    assert world.phase == ("Succeeded" if fires else "Failed")


def test_hooks_come_before_the_exit_hook() -> None:
    step = call("a", hooks={**hook("good", 'steps.a.status == "Succeeded"'), **hook("exit")})
    world = World(steps([step]), at_work)
    world.settle()
    world.finish_one()
    assert "wf[0].a.hooks.good" in world.names()
    assert "wf[0].a.onExit" not in world.names()
    world.go()
    assert world.node("$wf[0].a.onExit").phase == "Succeeded"


def test_a_failing_hook_fails_nobody() -> None:
    step = call("a", hooks=hook("good", 'steps.a.status == "Succeeded"'))
    world = World(steps([step]), lambda pod: {"code": int(not main(pod).get("args"))}).go()
    assert world.node("$wf[0].a.hooks.good").phase == "Failed"
    assert world.phase == "Succeeded"


def test_a_looped_steps_hooks_fire_for_each_turn_and_a_looped_tasks_for_all() -> None:
    turn = {**call("a"), "withItems": [1, 2], "hooks": hook("exit")}
    world = World(steps([turn]), at_work).go()
    assert {"wf[0].a(0:1).onExit", "wf[0].a(1:2).onExit"} <= world.names()
    hooks = {**hook("exit"), **hook("up", 'tasks["a"].status == "Running"')}
    task = {**call("a"), "withItems": [1, 2], "hooks": hooks}
    world = World(workflow([{"name": "main", "dag": {"tasks": [task]}}, leaf(), NOTE]), at_work).go()
    assert world.phase == "Succeeded"
    extra = {name for name in world.names() if "onExit" in name or "hooks" in name}
    assert extra == {"wf.a.onExit", "wf.a.hooks.up"}


def test_a_retried_step_runs_its_hooks_once() -> None:
    step = call("a", hooks=hook("up", 'steps.a.status == "Running"'))
    templates = [{"name": "main", "steps": [[step]]}, leaf(retryStrategy={"limit": 2}), NOTE]
    codes = iter([1, 0])
    world = World(workflow(templates), lambda pod: {"code": next(codes) if main(pod).get("args") else 0})
    world.go()
    assert world.phase == "Succeeded"
    assert [name for name in world.names() if "hooks" in name] == ["wf[0].a.hooks.up"]


def test_an_expression_that_cannot_be_judged_is_the_steps_error_at_its_end() -> None:
    world = World(steps([call("a", hooks=hook("bad", "steps.a.status =="))]), at_work).go()
    assert world.phase == "Failed"
    assert world.node("$wf[0].a").phase == "Error"
    world = World(steps([call("a", hooks=hook("bad"))]), at_work).go()
    assert world.node("$wf[0].a").message == "Expression required for hook bad"


def test_the_workflows_hooks_fire_by_its_status_and_are_waited_for() -> None:
    hooks = {
        **hook("running", 'workflow.status == "Running"'),
        **hook("done", 'workflow.status == "Succeeded"'),
        **hook("bad", 'workflow.status == "Failed"'),
        **hook("exit"),
    }
    world = World(steps([call("a")], hooks=hooks), at_work)
    world.settle()
    assert {"wf[0].a", "wf.hooks.running"} <= world.names()
    running_ = next(name for name in world.order if "note" in name)
    world.finish_one(next(name for name in world.order if name != running_))
    assert "wf.hooks.done" in world.names()
    assert "wf.onExit" not in world.names()
    world.go()
    assert world.phase == "Succeeded"
    assert "wf.hooks.bad" not in world.names()
    assert world.node("$wf.onExit").phase == "Succeeded"


def test_a_hook_of_the_workflow_may_read_a_global_output() -> None:
    templates = [
        {"name": "main", "steps": [[{"name": "a", "template": "make"}], [{"name": "b", "template": "note"}]]},
        {**NOTE, "name": "make", "outputs": {"parameters": [
            {"name": "p", "globalName": "state", "valueFrom": {"path": "/p"}}]}},
        NOTE,
    ]  # fmt: skip
    hooks = hook("seen", 'workflow.outputs.parameters.state == "yes"')
    world = World(workflow(templates, hooks=hooks), lambda _pod: {"parameters": {"p": "yes"}})
    world.settle()
    world.finish_one()
    assert {"wf[1].b", "wf.hooks.seen"} <= world.names()
    assert world.go().phase == "Succeeded"


def test_the_exit_handler_reads_every_failure() -> None:
    args = ["{{workflow.status}}", "{{workflow.failures}}"]
    note = {"name": "note", "container": {**CONTAINER, "args": args}}
    document = workflow(
        [{"name": "main", "steps": [[call("a", "fail"), call("b", "ok")]]}, leaf(), note], onExit="note"
    )
    world = World(document, by_argument).go()
    pod = next(pod for name, pod in world.pods.items() if "note" in name)
    status, failures = main(pod)["args"]
    assert status == "Failed"
    found = json.loads(json.loads(failures))
    assert {item["displayName"] for item in found} == {"wf", "[0]", "a"}
    failed = next(item for item in found if item["displayName"] == "a")
    assert failed["podName"] in world.pods
    assert failed["templateName"] == "work"


def test_no_place_of_parallelism_is_asked_for_by_a_hook() -> None:
    step = call("a", hooks=hook("up", 'steps.a.status == "Pending"'))
    templates = [{"name": "main", "parallelism": 1, "steps": [[step]]}, leaf(), NOTE]
    assert World(workflow(templates), at_work).go().phase == "Succeeded"


@pytest.mark.parametrize("strategy", ["Stop", "Terminate"])
def test_a_run_that_is_stopped_does_not_wait_for_hooks_that_never_start(strategy: str) -> None:
    hooks = {**hook("exit"), **hook("bad", 'steps.a.status == "Failed"')}
    world = World(steps([call("a", hooks=hooks)], onExit="note"), at_work)
    world.settle()
    world.run.stop(strategy, world.now)
    world.go()
    assert world.phase == "Failed"
    assert ("wf.onExit" in world.names()) is (strategy == "Stop")


def test_a_hook_under_way_goes_on_after_a_crash() -> None:
    document = steps([call("a", hooks=hook("up", 'steps.a.status == "Running"'))])
    world = World(document, at_work)
    world.settle()
    running(world, world.order[0])
    world.finish_one(world.order[0])
    again = World(document, at_work, nodes=[*world.nodes.values()])
    again.settle()
    assert not again.order
    assert not again.run.finished
    name = world.order[1]
    again.pods[name] = world.pods[name]
    again.pending = [name]
    assert again.go().phase == "Succeeded"
