"""Locks between workflows on a real store: crashes, deletions, ConfigMaps that change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CONFIG_MAP
from pinnace.kinds.argo import WORKFLOW
from tests.workflow.test_controller import Platform, platform, workflow

pytestmark = pytest.mark.anyio
MUTEX = "mutexes: [{name: m}]"
SEMAPHORE = "semaphores: [{configMapKeyRef: {name: limits, key: k}}]"


def whole(name: str, lock: str = MUTEX, **more: Any) -> dict[str, Any]:
    found = workflow(f"""
metadata: {{name: {name}}}
spec:
  entrypoint: main
  synchronization: {{{lock}}}
  templates: [{{name: main, container: {{image: busybox}}}}]
""")
    found["spec"].update(more)
    return found


FAN = workflow("""
metadata: {name: fan}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: a, template: work, withSequence: {count: "12"}}]]}
  - {name: work, synchronization: {mutexes: [{name: m}]}, container: {image: busybox}}
""")


async def said(world: Platform, name: str, words: str) -> dict[str, Any]:
    while words not in str((found := await world.client.get(WORKFLOW, name, "default")).get("status")):
        await asyncio.sleep(0.002)
    return dict(found["status"])


async def test_the_second_waits_and_is_told_for_what_until_the_first_is_deleted(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, whole("one"), "default")
        await world.until("one", "Running")
        await world.client.create(WORKFLOW, whole("two"), "default")
        waiting = (await world.until("two", "Pending"))["status"]
        assert waiting["message"] == "Waiting for default/Mutex/m lock. Lock status: 0/1"
        assert waiting["synchronization"] == {
            "mutex": {"waiting": [{"mutex": "default/Mutex/m", "holder": "default/one"}]}
        }
        holding = (await world.client.get(WORKFLOW, "one", "default"))["status"]
        assert holding["synchronization"] == {
            "mutex": {"holding": [{"mutex": "default/Mutex/m", "holder": "default/one"}]}
        }
        await world.client.delete(WORKFLOW, "one", "default")
        running = (await world.until("two", "Running"))["status"]
        assert "message" not in running
        world.holding = False
        world.changed.set()
        done = (await world.until("two", "Succeeded"))["status"]
        assert "synchronization" not in done


async def test_a_crash_gives_nobody_a_lock_that_another_holds(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, whole("zz-first"), "default")
        await world.until("zz-first", "Running")
        await world.client.create(WORKFLOW, whole("aa-second"), "default")
        await world.until("aa-second", "Pending")
        for _ in range(3):
            await world.crash()
            world.control()
            await asyncio.sleep(0.01)
        assert world.made == ["zz-first"]
        world.holding = False
        world.changed.set()
        await world.until("zz-first", "Succeeded")
        await world.until("aa-second", "Succeeded")


async def test_a_loop_under_a_mutex_survives_any_crash_with_one_pod_at_a_time(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, FAN, "default")
        for _ in range(12):
            await asyncio.sleep(0.004)
            await world.crash()
            world.control()
        found = await world.until("fan", "Succeeded", "Failed", "Error")
        assert found["status"]["phase"] == "Succeeded"
        assert len(world.made) == len(set(world.made)) == 12
        assert "synchronization" not in found["status"]


async def test_room_in_a_config_map_lets_the_next_in(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        limits = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"}, "data": {"k": "1"}}
        await world.client.create(CONFIG_MAP, limits, "default")
        for name in ("one", "two"):
            await world.client.create(WORKFLOW, whole(name, SEMAPHORE), "default")
        await world.until("one", "Running")
        await said(world, "two", "Waiting for default/ConfigMap/limits/k lock. Lock status: 0/1")
        await world.client.patch(CONFIG_MAP, "limits", "default", {"data": {"k": "2"}}, "merge")
        found = (await world.until("two", "Running"))["status"]
        assert found["synchronization"]["semaphore"]["holding"] == [
            {"semaphore": "default/ConfigMap/limits/k", "holders": ["default/two"]}
        ]


async def test_a_semaphore_without_a_config_map_fails_the_workflow(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, whole("one", SEMAPHORE), "default")
        found = await world.until("one", "Failed")
        words = 'Failed to acquire the synchronization lock. configmaps "limits" not found'
        assert found["status"]["message"] == words


async def test_those_in_line_go_by_priority(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, whole("first"), "default")
        await world.until("first", "Running")
        for name, priority in (("low", 1), ("high", 9), ("middle", 5)):
            await world.client.create(WORKFLOW, whole(name, priority=priority), "default")
            await world.until(name, "Pending")
        world.holding = False
        world.changed.set()
        await world.until("low", "Succeeded")
        assert world.made == ["first", "high", "middle", "low"]


@pytest.mark.parametrize("strategy", ["Stop", "Terminate"])
async def test_a_holder_that_is_stopped_lets_go(tmp_path: Path, strategy: str) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        for name in ("one", "two", "three"):
            await world.client.create(WORKFLOW, whole(name), "default")
            await world.until(name, "Running", "Pending")
        for name in ("two", "one"):
            await world.client.patch(WORKFLOW, name, "default", {"spec": {"shutdown": strategy}}, "merge")
        await world.until("two", "Failed")
        await world.until("one", "Failed")
        await world.until("three", "Running")
