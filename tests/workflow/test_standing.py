"""A resource template that speaks of its pod has one, which stands for the action."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pinnace.controllers.built_in import CONFIG_MAP, POD
from pinnace.kinds.argo import WORKFLOW
from tests.workflow.test_controller import platform, workflow

pytestmark = pytest.mark.anyio

STRATEGIC = """
      manifest: |
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{pod.name}}
          annotations:
            foo: bar
"""
MERGE = """
      mergeStrategy: merge
      flags: [pod, "{{pod.name}}"]
      manifest: |
        metadata:
          annotations:
            foo: bar
"""
JSON = """
      mergeStrategy: json
      flags: [pod, "{{pod.name}}"]
      manifest: |
        - op: add
          path: /metadata/annotations/foo
          value: bar
"""


@pytest.mark.parametrize("how", [STRATEGIC, MERGE, JSON])
async def test_an_action_may_patch_its_own_pod(tmp_path: Path, how: str) -> None:
    document = workflow(f"""
metadata: {{name: own}}
spec:
  entrypoint: main
  templates:
  - name: main
    metadata: {{labels: {{mine: "yes"}}}}
    resource:
      action: patch
{how}
""")
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, document, "default")
        found = await world.until("own", "Succeeded", "Failed", "Error")
        assert found["status"]["phase"] == "Succeeded", found["status"].get("message")
        pod = world.client.peek(POD, "own", "default") or {}
        assert pod["metadata"]["annotations"]["foo"] == "bar"
        assert pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"] == "own"
        assert pod["metadata"]["labels"]["mine"] == "yes"
        assert pod["status"]["phase"] == "Succeeded"
        await world.client.delete(WORKFLOW, "own", "default")


async def test_it_stands_while_a_condition_is_open_and_goes_at_once(tmp_path: Path) -> None:
    document = workflow("""
metadata: {name: own}
spec:
  entrypoint: main
  templates:
  - name: main
    resource:
      action: create
      successCondition: data.state == ready
      manifest: |
        {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {by: "{{pod.name}}"}}
""")
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, document, "default")
        while world.client.peek(CONFIG_MAP, "made", "default") is None:
            await asyncio.sleep(0.002)
        await world.crash()
        world.control()
        await world.until("own", "Running")
        assert (world.client.peek(POD, "own", "default") or {})["status"]["phase"] == "Running"
        await world.client.patch(WORKFLOW, "own", "default", {"spec": {"shutdown": "Terminate"}}, "merge")
        await world.until("own", "Failed")
        pod = world.client.peek(POD, "own", "default") or {}
        assert pod["status"]["phase"] == "Failed"
        await world.client.delete(POD, "own", "default")
        assert world.client.peek(POD, "own", "default") is None
        assert world.made == ["own"]


async def test_who_does_not_speak_of_it_has_none(tmp_path: Path) -> None:
    document = workflow("""
metadata: {name: own}
spec:
  entrypoint: main
  templates:
  - name: main
    resource:
      action: create
      manifest: |
        {apiVersion: v1, kind: ConfigMap, metadata: {name: made}}
""")
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, document, "default")
        await world.until("own", "Succeeded")
        assert world.made == []
