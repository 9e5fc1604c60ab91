"""Whole workflows in the pure core: given a document and what pods do, when it runs, then this is the
tree."""

from __future__ import annotations

import copy
import random
from typing import Any

import msgspec
import pytest

from pinnace.authoring.argo import depends
from pinnace.controllers.workflow.context import WINDOW
from pinnace.controllers.workflow.names import fnv, pod_name
from pinnace.controllers.workflow.run import BATCH
from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.nodes import picture
from tests.workflow.world import Result, World, main

CONTAINER = {"image": "busybox", "command": ["run"]}


def workflow(templates: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "wf"},
        "spec": {"entrypoint": "main", "templates": templates, **spec},
    }


def leaf(name: str = "work", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "inputs": {"parameters": [{"name": "p", "default": "ok"}]},
        "container": {**CONTAINER, "args": ["{{inputs.parameters.p}}"]},
        **more,
    }


def call(name: str, value: str = "ok", template: str = "work", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "template": template,
        "arguments": {"parameters": [{"name": "p", "value": value}]},
        **more,
    }


def by_argument(pod: dict[str, Any]) -> Result:
    """Pods do what their argument says: `ok`, `fail`, `exit-3`, or a result to print."""
    said = main(pod)["args"][0]
    if said == "fail":
        return {"code": 1}
    if said.startswith("exit-"):
        return {"code": int(said[5:])}
    return {"result": said}


def steps(*groups: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"name": "main", "steps": list(groups), **more}


def dag(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "main", "dag": {"tasks": list(tasks)}, **more}


def go(document: dict[str, Any], executor: Any = by_argument, **more: Any) -> World:
    return World(copy.deepcopy(document), executor, **more).go()


def test_node_ids_and_pod_names_are_upstreams() -> None:
    assert fnv("skipped-stage-example-4rg47.stage-c") == 3779594472
    assert fnv(".stage-c", fnv("skipped-stage-example-4rg47")) == 3779594472
    assert fnv("seq-loop-b68gn[0].iteration(0:a)") == 342633600
    assert pod_name("wf", "work", "wf[0].a", 7, "wf-7") == "wf-work-7"
    assert pod_name("wf", "work", "wf", 7, "wf") == "wf"
    assert len(pod_name("w" * 200, "t" * 200, "x", 2**32 - 1, "")) <= 253


def test_a_failed_step_fails_its_group_and_those_after_do_not_start() -> None:
    world = go(workflow([steps([call("a", "fail"), call("b")], [call("c")]), leaf()]))
    assert (world.phase, world.node("wf[0].b").phase) == ("Failed", "Succeeded")
    assert world.run.message == f"child '{world.node('wf[0].a').id}' failed"
    assert world.node("wf[0].a").message == "main: Error (exit code 1)"
    assert "wf[1].c" not in world.names()


def test_continue_on_lets_the_next_group_start_and_shows_the_status() -> None:
    later = call("c", "{{steps.a.status}} {{steps.a.exitCode}}")
    world = go(workflow([steps([call("a", "exit-3", continueOn={"failed": True})], [later]), leaf()]))
    assert world.phase == "Succeeded"
    assert world.node("wf[1].c").inputs == {"parameters": [{"name": "p", "value": "Failed 3"}]}


def test_dag_branches_hand_failures_down_unless_tolerated() -> None:
    tasks = [call("a", "fail"), call("b", depends="a"), call("c", depends="a.Failed"), call("d", depends="b")]
    world = go(workflow([dag(*tasks), leaf()]))
    assert world.node("wf.b").phase == "Omitted"
    assert world.node("wf.b").message == "omitted: depends condition not met"
    assert world.node("wf.c").phase == "Succeeded"
    assert world.phase == "Failed"
    tolerant = go(
        workflow([dag(call("a", "fail", continueOn={"failed": True}), call("b", dependencies=["a"])), leaf()])
    )
    assert tolerant.phase == "Succeeded"


def test_only_targets_and_their_ancestors_run() -> None:
    document = workflow([dag(call("a"), call("b", depends="a"), call("c"), call("d")), leaf()])
    document["spec"]["templates"][0]["dag"]["target"] = "b d"
    assert {name for name in go(document).names() if "." in name} == {"wf.a", "wf.b", "wf.d"}


@pytest.mark.parametrize(
    ("source", "settled", "holds"),
    [
        ("a", {"a": "Skipped"}, True),
        ("a && !b.Succeeded", {"a": "Succeeded", "b": "Failed"}, True),
        ("(a || b) && c-d.Omitted", {"a": "Failed", "b": "Succeeded", "c-d": "Omitted"}, True),
        ("a.Errored", {"a": "Error"}, True),
    ],
)
def test_depends(source: str, settled: dict[str, str], holds: bool) -> None:
    parsed = depends.parse(source, {})
    assert set(parsed.tasks) == set(settled)
    assert parsed.test({name: depends.results(phase) for name, phase in settled.items()}) is holds


@pytest.mark.parametrize("source", ["a &&", "(a", "a b", "a.Nope", "a ? b"])
def test_depends_says_what_is_wrong(source: str) -> None:
    with pytest.raises(depends.DependsError):
        depends.parse(source, {})


def test_a_loop_aggregates_what_succeeded() -> None:
    loop = call("a", "{{item}}", withItems=[1, "x", {"k": "v"}, True], when="'{{item}}' != x")
    world = go(workflow([steps([loop], [call("b", "{{steps.a.outputs.result}}")]), leaf()]))
    assert world.node("wf[1].b").inputs == {"parameters": [{"name": "p", "value": '[1,{"k":"v"},true]'}]}
    assert {"wf[0].a(0:1)", "wf[0].a(1:x)", "wf[0].a(2:k:v)", "wf[0].a(3:true)"} <= world.names()
    assert world.node("wf[0].a(1:x)").phase == "Skipped"


def test_an_empty_loop_is_one_skipped_node() -> None:
    world = go(workflow([dag(call("a", withItems=[]), call("b", depends="a")), leaf()]))
    assert (world.node("wf.a").phase, world.node("wf.a").message) == ("Skipped", "Skipped, empty params")
    assert world.phase == "Succeeded"


def test_a_wrong_with_param_is_the_nodes_error() -> None:
    world = go(workflow([steps([call("a", withParam="nope")]), leaf()]))
    assert world.node("wf[0].a").message == "withParam value could not be parsed as a JSON list: nope"
    assert world.phase == "Failed"


def test_retries_stop_at_the_limit_and_wait_between() -> None:
    strategy = {"limit": 2, "backoff": {"duration": "10s", "factor": 2}}
    world = go(workflow([steps([call("a", "fail")]), leaf(retryStrategy=strategy)]))
    retry = world.node("wf[0].a")
    assert (retry.type, retry.phase, retry.message) == ("Retry", "Failed", "No more retries left")
    assert {"wf[0].a(0)", "wf[0].a(1)", "wf[0].a(2)"} <= world.names()
    assert world.now - 1_800_000_000 == pytest.approx(30, abs=2)


def test_retry_expressions_see_the_last_attempt() -> None:
    strategy = {"limit": 5, "expression": "asInt(lastRetry.exitCode) == 3 && asInt(retries) < 2"}
    world = go(workflow([steps([call("a", "exit-3")]), leaf(retryStrategy=strategy)]))
    assert world.node("wf[0].a").message == "retryStrategy.expression evaluated to false"
    assert "wf[0].a(2)" in world.names()
    assert "wf[0].a(3)" not in world.names()


def test_exit_handlers_run_after_success_and_failure() -> None:
    for said, phase in (("ok", "Succeeded"), ("fail", "Failed")):
        bye = {"name": "bye", "container": {**CONTAINER, "args": ["{{workflow.status}}"]}}
        world = go(workflow([steps([call("a", said)]), leaf(), bye], onExit="bye"))
        assert world.phase == phase
        assert main(world.pods[world.order[-1]])["args"] == [phase]
        assert world.node("wf.onExit").phase == "Succeeded"


def test_a_failing_exit_handler_fails_a_good_workflow() -> None:
    bye = {"name": "bye", "container": {**CONTAINER, "args": ["fail"]}}
    assert go(workflow([steps([call("a")]), leaf(), bye], onExit="bye")).phase == "Failed"


def test_the_exit_hook_of_a_step_sees_its_outputs_and_holds_the_next_group() -> None:
    hook = {
        "exit": {
            "template": "work",
            "arguments": {"parameters": [{"name": "p", "value": "{{steps.a.outputs.result}}!"}]},
        }
    }
    world = go(
        workflow([steps([call("a", "one", hooks=hook)], [call("b", "{{steps.a.outputs.result}}")]), leaf()])
    )
    assert world.phase == "Succeeded"
    assert world.node("wf[0].a.onExit").inputs == {"parameters": [{"name": "p", "value": "one!"}]}
    assert world.order.index("wf-work-" + world.node("wf[1].b").id[3:]) == 2


def test_parallelism_bounds_pods_and_children() -> None:
    loop = call("a", "{{item}}", withSequence={"count": "20"})
    assert go(workflow([steps([loop]), leaf()], parallelism=3)).most == 3
    assert go(workflow([steps([loop], parallelism=2), leaf()])).most == 2
    assert go(workflow([steps([loop]), leaf()])).most == 20


def test_a_large_fan_out_is_created_in_slices_ahead_of_capacity() -> None:
    world = World(
        workflow([steps([call("a", "{{item}}", withSequence={"count": "2000"})]), leaf()]), by_argument
    )
    world.run.pump()
    assert len(world.run.outbox.pods) <= BATCH + 16
    world.settle()
    assert world.most == WINDOW
    world.go()
    assert (world.phase, world.run.progress) == ("Succeeded", "2000/2000")
    assert world.most <= WINDOW


def test_fail_fast_of_a_template_starts_nothing_more() -> None:
    loop = call("a", "{{item}}", withItems=["fail", "ok", "ok", "ok"])
    world = go(workflow([steps([loop], parallelism=1, failFast=True), leaf()]))
    assert world.run.message == "template has failed or errored children and failFast enabled"
    assert len(world.pods) == 1


def test_suspension_takes_supplied_values_defaults_and_durations() -> None:
    gate = {
        "name": "gate",
        "suspend": {},
        "outputs": {"parameters": [{"name": "v", "valueFrom": {"supplied": {}, "default": "d"}}]},
    }
    document = workflow(
        [
            steps([{"name": "g", "template": "gate"}], [call("b", "{{steps.g.outputs.parameters.v}}")]),
            leaf(),
            gate,
        ]
    )
    for outputs, value in ((None, "d"), ({"parameters": [{"name": "v", "value": "yes"}]}, "yes")):
        world = go(document)
        assert world.phase == "Running"
        assert world.run.edited(world.node("wf[0].g").id, "Succeeded", "", outputs, world.now)
        world.go()
        assert world.phase == "Succeeded"
        assert world.node("wf[1].b").inputs == {"parameters": [{"name": "p", "value": value}]}
    timed = workflow(
        [steps([{"name": "g", "template": "gate"}]), {"name": "gate", "suspend": {"duration": "2m"}}]
    )
    assert go(timed).now - 1_800_000_000 == pytest.approx(120, abs=1)


def test_stop_runs_exit_handlers_and_terminate_does_not() -> None:
    for strategy, handled in (("Stop", True), ("Terminate", False)):
        document = workflow([steps([call("a")], [call("b")]), leaf()], onExit="work")
        world = World(document, by_argument)
        world.settle()
        world.run.stop(strategy, world.now)
        world.go()
        assert (world.phase, world.run.message) == ("Failed", f"Stopped with strategy '{strategy}'")
        assert world.node("wf[0].a").message == f"workflow shutdown with strategy:  {strategy}"
        assert ("wf.onExit" in world.names()) is handled
        assert "wf[1].b" not in world.names()


def test_the_workflows_deadline_ends_what_runs() -> None:
    world = World(workflow([steps([call("a")], [call("b")]), leaf()], activeDeadlineSeconds=5), by_argument)
    world.settle()
    world.run.tick(world.now + 6)
    world.go()
    assert (world.phase, world.node("wf[0].a").message) == ("Failed", "Step exceeded its deadline")


def test_a_lost_pod_is_an_error_and_only_its_retry_policy_repeats_it() -> None:
    world = World(
        workflow([steps([call("a")]), leaf(retryStrategy={"limit": 1, "retryPolicy": "OnError"})]),
        by_argument,
    )
    world.settle()
    name = world.pending.pop()
    world.run.gone(name, world.now)
    world.go()
    assert (world.node("wf[0].a(0)").phase, world.node("wf[0].a(0)").message) == ("Error", "pod deleted")
    assert world.phase == "Succeeded"


def test_memoization_by_key_and_by_content() -> None:
    memo = {"key": "{{inputs.parameters.p}}", "maxAge": "1h", "cache": {"configMap": {"name": "c"}}}
    world = go(workflow([steps([call("a", "x")], [call("b", "x")], [call("c", "y")]), leaf(memoize=memo)]))
    assert (world.node("wf[1].b").memoization_status or {})["hit"] is True
    assert len(world.pods) == 2
    document = workflow([steps([call("a", "x")], [call("b", "x")], [call("c", "y")]), leaf()])
    document["metadata"]["annotations"] = {"pinnace.dev/memoize": "content"}
    assert len(go(document).pods) == 2


def test_globals_reach_later_steps() -> None:
    out = {"parameters": [{"name": "o", "globalName": "g", "valueFrom": {"path": "/o"}}]}
    maker = leaf("maker", outputs=out)
    world = go(
        workflow(
            [
                steps([call("a", template="maker")], [call("b", "{{workflow.outputs.parameters.g}}")]),
                maker,
                leaf(),
            ]
        ),
        lambda pod: {"parameters": {"o": "value"}},
    )
    assert world.node("wf[1].b").inputs == {"parameters": [{"name": "p", "value": "value"}]}
    assert world.run.outputs["parameters"][0]["name"] == "g"


def test_recursion_ends_at_its_limit() -> None:
    world = go(workflow([steps([{"name": "again", "template": "main"}])]))
    assert world.phase == "Failed"
    assert any("Maximum recursion depth exceeded" in node.message for node in world.nodes.values())


def test_readers_see_children_and_outbound_nodes() -> None:
    world = go(workflow([steps([call("a", withItems=[1, 2])], [call("b")]), leaf()]))
    nodes = {
        node["name"]: node
        for node in picture((key, msgspec.json.encode(node)) for key, node in world.nodes.items()).values()
    }
    assert nodes["wf"]["children"] == [nodes["wf[0]"]["id"]]
    assert nodes["wf[0]"]["children"] == [nodes["wf[0].a(0:1)"]["id"], nodes["wf[0].a(1:2)"]["id"]]
    assert nodes["wf[0].a(1:2)"]["children"] == [nodes["wf[1]"]["id"]]
    assert nodes["wf"]["outboundNodes"] == [nodes["wf[1].b"]["id"]]
    assert "pinnace" not in nodes["wf"]


MIXED = workflow(
    [
        steps(
            [call("a", "{{item}}", withItems=["x", "y", "fail"], continueOn={"failed": True})],
            [{"name": "inner", "template": "tasks"}, call("skip", when="1 == 2")],
            [
                call(
                    "r",
                    "fail",
                    template="again",
                    continueOn={"failed": True},
                    hooks={"exit": {"template": "work"}},
                )
            ],
            [call("end", "{{steps.inner.status}}")],
        ),
        {
            "name": "tasks",
            "dag": {
                "tasks": [
                    call("t"),
                    call("u", "{{item}}", depends="t", withSequence={"count": "4"}),
                    call("v", depends="u.Failed"),
                    call("w", "{{tasks.u.outputs.result}}", depends="u && t"),
                ]
            },
        },
        leaf(),
        leaf("again", retryStrategy={"limit": 2}),
    ],
    onExit="work",
)


@pytest.mark.parametrize("seed", range(12))
def test_a_rebuilt_run_ends_with_the_same_tree_and_makes_no_pod_twice(seed: int) -> None:
    """Crash after any commit: rows and pods are what is left, and the tree is that of an undisturbed run."""
    whole = go(MIXED)
    chance = random.Random(seed)
    world = World(copy.deepcopy(MIXED), by_argument)
    world.settle()
    for _ in range(400):
        if world.run.finished:
            break
        if chance.random() < 0.4:
            world = reborn(world)
        if world.pending:
            world.finish_one(chance.choice(world.pending))
        elif world.run.next_timer is not None:
            world.run.tick(world.run.next_timer)
            world.settle()
    assert tree(world) == tree(whole)
    assert sorted(world.order) == sorted(whole.order)


def serving(pod: dict[str, Any]) -> Result:
    return {"running": True} if main(pod)["args"][0] == "serve" else by_argument(pod)


@pytest.mark.parametrize("again", [{}, {"retryStrategy": {"limit": 2}}], ids=["plain", "retried"])
@pytest.mark.parametrize("crash", [False, True], ids=["calm", "crash"])
def test_a_daemon_serves_whoever_comes_after_it(again: dict[str, Any], crash: bool) -> None:
    flow = workflow([
        steps([call("server", "serve", template="daemon")], [call("client", "{{steps.server.ip}}")]),
        leaf("daemon", daemon=True, **again), leaf(),
    ])
    world = World(copy.deepcopy(flow), serving)
    world.settle()
    world.finish_one()
    if crash:
        world = reborn(world, flow)
    assert world.node("$wf[0].server").daemoned
    assert world.node("$wf[0].server").phase == "Running"
    world.go()
    assert world.phase == "Succeeded"
    assert world.node("$wf[1].client").inputs == {"parameters": [{"name": "p", "value": "10.0.0.1"}]}
    ends = [node.phase for node in world.nodes.values()]
    assert set(ends) == {"Succeeded"}, tree(world)
    assert len(world.order) == 2


def test_an_argument_decides_how_far_a_dag_goes() -> None:
    tasks = [call("a"), call("b", depends="a"), call("c", depends="a")]
    dag = {"target": "{{workflow.parameters.aim}}", "tasks": tasks}
    aimed = {"arguments": {"parameters": [{"name": "aim", "value": "c"}]}}
    world = go(workflow([{"name": "main", "dag": dag}, leaf()], **aimed))
    assert (world.phase, world.names()) == ("Succeeded", {"wf", "wf.a", "wf.c"})


def reborn(old: World, document: dict[str, Any] = MIXED) -> World:
    rows = [msgspec.json.decode(msgspec.json.encode(node), type=NodeStatus) for node in old.nodes.values()]
    status = {"phase": old.run.phase, "startedAt": old.run.started_at, "outputs": old.run.outputs}
    new = World({**copy.deepcopy(document), "status": status}, old.executor, now=old.now, nodes=rows)
    new.pods, new.order, new.pending = old.pods, old.order, old.pending
    new.settle()
    return new


def tree(world: World) -> dict[str, tuple[Any, ...]]:
    return {
        node.name: (node.type, node.phase, node.message, node.inputs, node.outputs)
        for node in world.nodes.values()
    }
