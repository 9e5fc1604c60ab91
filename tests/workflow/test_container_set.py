"""containerSet in the pure engine: one pod, a node for each container."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workflow.test_run import workflow
from tests.workflow.world import World, staging


def set_of(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    inner = {key: more.pop(key) for key in ("volumeMounts", "retryStrategy") if key in more}
    return {"name": "main", "containerSet": {"containers": list(containers), **inner}, **more}


def container(name: str, *needs: str) -> dict[str, Any]:
    return {"name": name, "image": "busybox", **({"dependencies": list(needs)} if needs else {})}


REASONS = ("Completed", "Error")


def told(world: World, codes: dict[str, int], phase: str, outputs: dict[str, Any] | None = None) -> None:
    pod = world.pods[world.order[-1]]
    statuses = [
        {"name": name, "state": {"terminated": {"exitCode": code, "reason": REASONS[code > 0]}}}
        for name, code in codes.items()
    ]
    annotations = {**pod["metadata"]["annotations"], "pinnace.dev/outputs": json.dumps(outputs or {})}
    metadata = {**pod["metadata"], "annotations": annotations}
    status = {"phase": phase, "containerStatuses": statuses}
    world.run.observe({**pod, "metadata": metadata, "status": status}, world.now)
    world.settle()


SEQUENCE = set_of(container("a"), container("b", "a"), container("main", "a", "b"))


def test_the_pod_has_every_container_and_says_who_waits_for_whom() -> None:
    template = {**SEQUENCE, "outputs": {"parameters": [{"name": "p", "valueFrom": {"path": "/w/p"}}]}}
    template["containerSet"] = {
        **SEQUENCE["containerSet"],
        "volumeMounts": [{"name": "w", "mountPath": "/w"}],
        "retryStrategy": {"retries": "2", "duration": "1s"},
    }
    world = World(workflow([{**template, "volumes": [{"name": "w", "emptyDir": {}}]}]))
    world.settle()
    (pod,) = world.pods.values()
    containers = pod["spec"]["containers"]
    assert [item["name"] for item in containers] == ["a", "b", "main"]
    assert all(item["volumeMounts"][0]["mountPath"] == "/w" for item in containers)
    assert not any("dependencies" in item for item in containers)
    assert containers[1]["env"][0] == {"name": "ARGO_CONTAINER_NAME", "value": "b"}
    said = staging(pod)
    assert said["main"] == ""
    assert said["set"] == {
        "after": {"b": ["a"], "main": ["a", "b"]}, "main": "main", "retries": 2, "pause": 1.0
    }  # fmt: skip


def test_each_container_is_a_node_below_those_it_depends_on() -> None:
    world = World(workflow([SEQUENCE]))
    world.settle()
    assert {node.type for node in world.nodes.values()} == {"Pod", "Container"}
    node = world.node("$wf.main")
    assert (node.display_name, node.phase, node.boundary_id) == ("main", "Pending", "wf")
    assert node.pinnace is not None
    assert set(node.pinnace.parents) == {world.node("$wf.a").id, world.node("$wf.b").id}
    told(world, {"a": 0, "b": 0, "main": 0}, "Succeeded", {"parameters": {}, "result": "x"})
    assert world.phase == "Succeeded"
    assert {node.phase for node in world.nodes.values()} == {"Succeeded"}
    assert world.node("wf").outputs == {"result": "x", "exitCode": "0"}


@pytest.mark.parametrize(
    ("codes", "message", "phases"),
    [
        ({"a": 3, "b": 64, "main": 64}, "a: Error (exit code 3)", ["Failed", "Error", "Error"]),
        ({"a": 0, "b": 0, "main": 1}, "main: Error (exit code 1)", ["Succeeded", "Succeeded", "Failed"]),
    ],
)
def test_the_first_container_that_failed_is_the_nodes_message(
    codes: dict[str, int], message: str, phases: list[str]
) -> None:
    world = World(workflow([SEQUENCE]))
    world.settle()
    told(world, codes, "Failed")
    assert (world.phase, world.run.message) == ("Failed", message)
    assert [world.node(f"$wf.{name}").phase for name in codes] == phases


def test_a_set_that_is_stopped_ends_with_all_its_nodes() -> None:
    world = World(workflow([SEQUENCE]))
    world.settle()
    world.run.stop("Terminate", world.now)
    world.go()
    assert {node.phase for node in world.nodes.values()} == {"Failed"}


def test_a_set_under_way_goes_on_after_a_crash() -> None:
    world = World(workflow([SEQUENCE]))
    world.settle()
    again = World(workflow([SEQUENCE]), nodes=[*world.nodes.values()])
    again.settle()
    assert not again.order
    assert again.run.total == 4
    again.pods, again.order = world.pods, world.order
    told(again, {"a": 0, "b": 0, "main": 0}, "Succeeded")
    assert again.phase == "Succeeded"
    assert {node.phase for node in again.nodes.values()} == {"Succeeded"}


def test_a_set_that_is_tried_again_has_nodes_for_each_attempt() -> None:
    world = World(workflow([{**SEQUENCE, "retryStrategy": {"limit": 1}}]))
    world.settle()
    told(world, {"a": 1}, "Failed")
    told(world, {"a": 0, "b": 0, "main": 0}, "Succeeded")
    assert world.phase == "Succeeded"
    assert {"wf(0).a", "wf(1).main"} <= world.names()


@pytest.mark.parametrize(("source", "says"), [("echo 1/2 > $ARGO_PROGRESS_FILE", True), ("true", False)])
def test_only_a_step_that_names_the_file_of_progress_is_watched(source: str, says: bool) -> None:
    script = {"image": "busybox", "command": ["sh"], "source": source}
    world = World(workflow([{"name": "main", "script": script}]))
    world.settle()
    (pod,) = world.pods.values()
    assert staging(pod).get("progress", False) is says
