"""What goes and what stays when a workflow has ended, on a real store; and what it gets at its birth."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import DISRUPTION_BUDGET, POD
from pinnace.controllers.workflow.birth import FINALIZER
from pinnace.controllers.workflow.ending import pod_gc
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Resource
from pinnace.objects.client import Change
from pinnace.store.interface import Row
from tests.workflow.test_controller import Platform, platform, workflow

pytestmark = pytest.mark.anyio


def named(name: str, spec: str) -> dict[str, Any]:
    return workflow(f"""
metadata: {{name: {name}}}
spec:
  entrypoint: main
  templates:
  - name: main
    metadata: {{labels: {{keep: "no"}}}}
    container: {{image: busybox, command: ["true"]}}
  {spec}
""")


async def gone(world: Platform, resource: Resource, name: str) -> None:
    while world.client.peek(resource, name, "default") is not None:
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    "strategy", ["OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess"]
)
async def test_pods_go_as_pod_gc_says(tmp_path: Path, strategy: str) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, named("x", f"podGC: {{strategy: {strategy}}}"), "default")
        await world.until("x", "Succeeded")
        await gone(world, POD, "x")


@pytest.mark.parametrize(
    "gc",
    ["{strategy: OnWorkflowCompletion, labelSelector: {matchLabels: {keep: other}}}",
     "{strategy: OnPodCompletion, labelSelector: {matchLabels: {keep: other}}}",
     "{strategy: OnPodCompletion, deleteDelayDuration: 1h}", "{}"],
)  # fmt: skip
async def test_pods_that_pod_gc_does_not_take_stay(tmp_path: Path, gc: str) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, named("x", f"podGC: {gc}"), "default")
        await world.until("x", "Succeeded")
        await world.client.create(WORKFLOW, named("y", ""), "default")
        await world.until("y", "Succeeded")
        assert world.client.peek(POD, "x", "default") is not None


@pytest.mark.parametrize("strategy", ["OnPodCompletion", "OnWorkflowSuccess"])
async def test_a_delay_is_kept_over_a_crash(tmp_path: Path, strategy: str) -> None:
    async with platform(tmp_path) as world:
        gc = f"{{strategy: {strategy}, deleteDelayDuration: 1s}}"
        await world.client.create(WORKFLOW, named("x", f"podGC: {gc}"), "default")
        await world.until("x", "Succeeded")
        assert world.client.peek(POD, "x", "default") is not None
        await world.crash()
        world.control()
        await gone(world, POD, "x")


def test_a_delay_is_a_duration_or_seconds() -> None:
    assert pod_gc({"strategy": "OnPodSuccess", "deleteDelayDuration": "1m30s"}).delay == 90
    assert pod_gc({"strategy": "OnPodSuccess", "deleteDelayDuration": "7"}).delay == 7


async def test_a_disruption_budget_lives_as_long_as_the_workflow_runs(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        document = named("x", "podDisruptionBudget: {minAvailable: 9999}")
        await world.client.create(WORKFLOW, document, "default")
        await world.until("x", "Running")
        budget = world.client.peek(DISRUPTION_BUDGET, "x", "default")
        assert budget is not None
        assert budget["spec"] == {
            "minAvailable": 9999, "selector": {"matchLabels": {"workflows.argoproj.io/workflow": "x"}}
        }  # fmt: skip
        world.holding = False
        world.changed.set()
        await world.until("x", "Succeeded")
        await gone(world, DISRUPTION_BUDGET, "x")


LABELS = """
  arguments: {parameters: [{name: who, value: world}]}
  workflowMetadata:
    labels: {team: blue}
    annotations: {note: hello}
    labelsFrom: {who: {expression: "'x-' + workflow.parameters.who"}}
"""


async def test_labels_come_from_expressions_and_are_there_for_templates(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        document = named("x", LABELS)
        document["spec"]["templates"][0]["container"]["args"] = ["{{workflow.labels.who}}"]
        await world.client.create(WORKFLOW, document, "default")
        found = await world.until("x", "Succeeded")
        labels = found["metadata"]["labels"]
        assert (labels["team"], labels["who"]) == ("blue", "x-world")
        assert found["metadata"]["annotations"]["note"] == "hello"
        pod = world.client.peek(POD, "x", "default") or {}
        assert pod["spec"]["containers"][0]["args"] == ["x-world"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("1 + 1", "but must be a string"),
        ("'a b'", 'invalid label value "a b" for label "who"'),
        ("1 +", "who"),
    ],
)
async def test_a_label_that_cannot_be_ends_the_workflow(tmp_path: Path, expression: str, words: str) -> None:
    async with platform(tmp_path) as world:
        spec = f"""workflowMetadata: {{labelsFrom: {{who: {{expression: "{expression}"}}}}}}"""
        await world.client.create(WORKFLOW, named("x", spec), "default")
        found = await world.until("x", "Error")
        assert words in found["status"]["message"]


ARTIFACT = {"digest": "0" * 64, "size": 1}


async def with_artifact(world: Platform, strategy: str, own: str = "") -> dict[str, Any]:
    """A finished workflow whose pod left the artifact `a`, as `controllers/pods` would say."""
    world.holding = True
    document = named("x", f"artifactGC: {{strategy: {strategy}}}")
    artifact = {"name": "a", "path": "/a", "s3": {"key": "my/key"}}
    document["spec"]["templates"][0]["outputs"] = {
        "artifacts": [{**artifact, **({"artifactGC": {"strategy": own}} if own else {})}]
    }
    await world.client.create(WORKFLOW, document, "default")
    while (pod := world.client.peek(POD, "x", "default")) is None:
        await asyncio.sleep(0.002)
    outputs = '{"artifacts": {"a": {"digest": "%s", "size": 1}}}' % ("0" * 64)
    annotations = {**pod["metadata"]["annotations"], "pinnace.dev/outputs": outputs}
    state = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    status = {**pod["status"], "phase": "Succeeded", "containerStatuses": [{"name": "main", "state": state}]}
    ended = {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "status": status}
    await world.client.transact([Change(verb="status", resource=POD, obj=ended, trusted=True)])
    return await world.until("x", "Succeeded")


def stored(world: Platform) -> bool:
    return world.store.row("artifact", "default", "my/key") is not None


@pytest.mark.parametrize("strategy", ["OnWorkflowCompletion", "OnWorkflowDeletion", "Never"])
async def test_artifacts_go_as_artifact_gc_says(tmp_path: Path, strategy: str) -> None:
    async with platform(tmp_path) as world:
        found = await with_artifact(world, strategy)
        assert (FINALIZER in (found["metadata"].get("finalizers") or ())) is (strategy != "Never")
        if strategy == "OnWorkflowCompletion":
            while stored(world):
                await asyncio.sleep(0.002)
            found = await world.client.get(WORKFLOW, "x", "default")
            assert found["status"]["artifactGCStatus"] == {"strategiesProcessed": {strategy: True}}
            assert found["status"]["nodes"]["x"]["outputs"]["artifacts"][0]["deleted"] is True
        else:
            assert stored(world)
        await world.client.delete(WORKFLOW, "x", "default")
        await gone(world, WORKFLOW, "x")
        assert stored(world) is (strategy == "Never")


async def test_an_artifacts_own_strategy_comes_first(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await with_artifact(world, "OnWorkflowDeletion", own="Never")
        await world.client.delete(WORKFLOW, "x", "default")
        await gone(world, WORKFLOW, "x")
        assert stored(world)


async def test_a_workflow_deleted_while_control_was_away_leaves_when_it_is_back(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await with_artifact(world, "OnWorkflowDeletion")
        await world.crash()
        await world.client.delete(WORKFLOW, "x", "default")
        assert world.client.peek(WORKFLOW, "x", "default") is not None
        world.control()
        await gone(world, WORKFLOW, "x")
        assert not stored(world)
        await world.store.commit([Row("node", "none", "none", None)])
