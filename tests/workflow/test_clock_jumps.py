"""A lid that was closed for eight hours: times are times of day, so what was due meanwhile is due at once,
and nothing is done twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.moment import unix
from pinnace.controllers.workflow.ending import Ending
from pinnace.kinds.argo import WORKFLOW
from tests.workflow.test_controller import platform
from tests.workflow.test_ending import named
from tests.workflow.test_run import CONTAINER, workflow
from tests.workflow.world import Result, World

LID = 8 * 3600


def running(_pod: dict[str, Any]) -> Result:
    return {"running": True}


def slept(world: World, seconds: float = LID) -> World:
    world.now += seconds
    world.settle()
    return world


def begun(template: dict[str, Any], executor: Any = running, **spec: Any) -> World:
    world = World(workflow([{"name": "main", **template}], **spec), executor)
    world.settle()
    if world.pending:
        world.finish_one()
    return world


def test_a_workflows_deadline_that_passed_in_its_sleep_ends_it() -> None:
    world = begun({"container": CONTAINER}, activeDeadlineSeconds=3600)
    assert world.phase == "Running"
    assert slept(world).phase == "Failed"
    assert world.run.next_timer is None or world.run.finished


def test_a_templates_timeout_too() -> None:
    world = begun({"container": CONTAINER, "timeout": "1h"})
    assert slept(world, 60).phase == "Running"
    assert slept(world).phase == "Failed"


def test_a_suspended_step_goes_on_once() -> None:
    world = begun({"suspend": {"duration": "2h"}})
    assert slept(world, 3600).phase == "Running"
    assert slept(world).phase == "Succeeded"
    assert world.node("$wf").finished_at


def test_a_pause_between_attempts_is_over_and_only_one_attempt_is_made() -> None:
    again = {"limit": 3, "backoff": {"duration": "1h", "factor": 2}}
    world = begun({"container": CONTAINER, "retryStrategy": again}, lambda _pod: {"code": 1})
    assert (len(world.order), world.pending) == (1, [])
    slept(world)
    assert (len(world.order), len(world.pending)) == (2, 1)


def test_attempts_have_only_so_much_time_of_day() -> None:
    again = {"limit": 3, "backoff": {"duration": "1m", "maxDuration": "2h"}}
    world = begun({"container": CONTAINER, "retryStrategy": again}, lambda _pod: {"code": 1})
    slept(world)
    world.finish_one()
    assert (world.phase, len(world.order)) == ("Failed", 2)
    assert world.node("$wf").message == "Max duration limit exceeded"


def test_a_clock_that_is_set_back_makes_nothing_happen_twice() -> None:
    world = begun({"suspend": {"duration": "2h"}})
    slept(world, -LID)
    assert world.phase == "Running"
    assert slept(world, LID + 7201).phase == "Succeeded"


@pytest.mark.anyio
async def test_a_ttl_that_ran_out_in_its_sleep(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        ttl = "ttlStrategy: {secondsAfterCompletion: 7200}"
        await world.client.create(WORKFLOW, named("x", ttl), "default")
        found = await world.until("x", "Succeeded")
        engine = world.engine
        ending = Ending(engine)
        engine.now = lambda: unix(found["status"]["finishedAt"]) + 60
        left = await ending.retire(found)
        assert left.after is not None
        assert 7000 < left.after < 7200
        engine.now = lambda: unix(found["status"]["finishedAt"]) + LID
        await ending.retire(found)
        assert world.client.peek(WORKFLOW, "x", "default") is None
