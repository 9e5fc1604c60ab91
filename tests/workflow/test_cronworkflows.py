"""CronWorkflows at the door: runs are made, counted and forgotten, through crashes of control."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import yaml

from pinnace.controllers.built_in import NAMESPACE
from pinnace.controllers.controller import Key
from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.workflow.cronworkflows import LONGEST, CronWorkflows
from pinnace.kinds.argo import CRON_WORKFLOW, WORKFLOW
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.local import Local
from pinnace.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
KEY = Key("default", "tick")
TICK = """
metadata: {name: tick, namespace: default}
spec:
  schedules: ["* * * * *"]
  workflowSpec:
    entrypoint: main
    templates: [{name: main, suspend: {}}]
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def door() -> AsyncIterator[Local]:
    store = MemoryStore()
    local = Local.open(store, Catalogue.builtin())
    await local.create(NAMESPACE, {"metadata": {"name": "default"}})
    yield local
    local.close()
    await store.close()


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def made(door: Local, text: str = TICK) -> Clock:
    """A clock that stands at the first time after the making."""
    obj = await door.create(CRON_WORKFLOW, yaml.safe_load(text), "default")
    return Clock(unix(obj["metadata"]["creationTimestamp"]) // 60 * 60 + 60)


async def finish(door: Local, run: Obj, phase: str, at: float) -> None:
    status = {"phase": phase, "startedAt": stamp(at), "finishedAt": stamp(at)}
    await door.transact([Change(verb="system", resource=WORKFLOW, obj={**run, "status": status})])


def runs(door: Local) -> list[Obj]:
    return door.peek_list(WORKFLOW, "default").items


async def test_each_time_has_one_run_whoever_looks(door: Local) -> None:
    clock = await made(door)
    first = await CronWorkflows(door, now=clock).reconcile(KEY)
    assert first.after == LONGEST
    await CronWorkflows(door, now=clock).reconcile(KEY)  # as after a crash
    (run,) = runs(door)
    assert run["metadata"]["name"] == f"tick-{int(clock.now)}"
    assert run["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"] == stamp(clock.now)
    obj = door.peek(CRON_WORKFLOW, "tick", "default")
    assert obj is not None
    assert obj["status"]["lastScheduledTime"] == stamp(clock.now)
    assert [one["uid"] for one in obj["status"]["active"]] == [run["metadata"]["uid"]]


async def test_a_run_that_was_deleted_is_not_started_again(door: Local) -> None:
    clock = await made(door)
    await CronWorkflows(door, now=clock).reconcile(KEY)
    await door.delete(WORKFLOW, f"tick-{int(clock.now)}", "default")
    clock.now += 5
    await CronWorkflows(door, now=clock).reconcile(KEY)
    assert runs(door) == []


async def test_ended_runs_are_counted_and_the_oldest_go(door: Local) -> None:
    clock = await made(door, TICK.replace("workflowSpec:", "successfulJobsHistoryLimit: 2\n  workflowSpec:"))
    crons = CronWorkflows(door, now=clock)
    for _ in range(4):
        await crons.reconcile(KEY)
        (fresh,) = [one for one in runs(door) if not one.get("status")]
        await crons.reconcile(KEY)
        await finish(door, fresh, "Succeeded", clock.now + 1)
        await crons.reconcile(KEY)
        clock.now += 60
    assert len(runs(door)) == 2
    obj = door.peek(CRON_WORKFLOW, "tick", "default")
    assert obj is not None
    assert obj["status"]["succeeded"] == 4


async def test_replace_terminates_what_runs(door: Local) -> None:
    clock = await made(door, TICK.replace("workflowSpec:", "concurrencyPolicy: Replace\n  workflowSpec:"))
    crons = CronWorkflows(door, now=clock)
    await crons.reconcile(KEY)
    clock.now += 60
    await crons.reconcile(KEY)
    old, new = runs(door)
    assert old["spec"]["shutdown"] == "Terminate"
    assert "shutdown" not in new["spec"]


async def test_what_is_wrong_stands_in_its_status(door: Local) -> None:
    clock = await made(door, TICK.replace("entrypoint: main", "entrypoint: mian"))
    await CronWorkflows(door, now=clock).reconcile(KEY)
    obj = door.peek(CRON_WORKFLOW, "tick", "default")
    assert obj is not None
    (condition,) = obj["status"]["conditions"]
    assert condition["type"] == "SpecError"
    words = "cannot validate Workflow: template name 'mian' undefined (did you mean \"main\"?)"
    assert condition["message"] == words
    assert runs(door) == []
