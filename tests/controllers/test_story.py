"""A report repeats what is still so; an event is told when something happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pinnace.controllers.pods.status import reported
from pinnace.controllers.pods.story import Story
from pinnace.controllers.recorder import Recorder
from pinnace.kinds.resource import Obj
from pinnace.node.protocol import ContainerState, PodReport
from pinnace.objects.client import Change

pytestmark = pytest.mark.anyio
POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "uid": "u"},
    "spec": {"containers": [{"name": "main", "image": "busybox"}]},
}  # fmt: skip


class Writer:
    """Takes events as a store would."""

    def __init__(self) -> None:
        self.events: dict[str, Obj] = {}

    async def transact(self, changes: Sequence[Change], rows: Sequence[Any] = ()) -> list[Obj]:
        written = []
        for change in changes:
            obj = {**change.obj, "metadata": {**change.obj["metadata"], "resourceVersion": "1"}}
            self.events[obj["metadata"]["name"]] = obj
            written.append(obj)
        return written


async def told(*states: ContainerState) -> list[tuple[str, str, int]]:
    """Type, reason and count of the events after these reports."""
    writer = Writer()
    story = Story(writer)
    for state in states:
        story.trouble(POD, PodReport("u", "Running", [state]))
        await story.settled()
    return sorted((each["type"], each["reason"], each["count"]) for each in writer.events.values())


def state(**fields: Any) -> ContainerState:
    return ContainerState("main", started=1.0, **fields)


async def test_a_kill_for_memory_is_told_once_a_life() -> None:
    first = state(reason="OOMKilled", exit_code=137)
    after = {"restarts": 1, "last_exit": 137, "last_reason": "OOMKilled"}
    again = [state(ready=ready, **after) for ready in (False, True)]
    assert await told(first, *again) == [("Warning", "OOMKilled", 1)]
    second = state(restarts=1, reason="OOMKilled", exit_code=137, last_reason="OOMKilled")
    assert await told(first, *again, second) == [("Warning", "OOMKilled", 2)]


async def test_a_probe_that_fails_is_unhealthy_each_time_it_is_said() -> None:
    why = "Readiness probe failed: port 1: connection refused"
    ill = state(unhealthy=why, failures=1)
    assert await told(ill, ill, state(ready=True, failures=1), ill) == [("Warning", "Unhealthy", 2)]
    assert await told(ill, state(unhealthy=why, failures=2)) == [("Warning", "Unhealthy", 2)]


async def test_a_liveness_failure_is_one_story_with_its_restart() -> None:
    why = "Liveness probe failed: its command did not succeed"
    found = await told(
        state(unhealthy=why, failures=1, message="Liveness probe failed"),
        state(unhealthy=why, failures=1, waiting="CrashLoopBackOff", restarts=1, last_exit=143),
    )
    assert found == [("Warning", "BackOff", 1), ("Warning", "Unhealthy", 1)]


async def test_preparing_an_environment_is_normal() -> None:
    waiting = ContainerState("main", waiting="PreparingEnvironment", message="preparing it")
    assert await told(waiting, waiting) == [("Normal", "PreparingEnvironment", 1)]
    absent = ContainerState("main", waiting="ErrImagePull", message="no rule for it")
    assert await told(waiting, absent, absent) == [
        ("Normal", "PreparingEnvironment", 1), ("Warning", "Failed", 1),
    ]  # fmt: skip


async def test_events_are_listed_in_the_order_in_which_they_were_told() -> None:
    writer = Writer()
    recorders = [Recorder(writer, component) for component in ("default-scheduler", "kubelet")]
    for number in range(20):
        recorders[number % 2].record(POD, f"R{number}", "")
    for recorder in recorders:
        await recorder.settled()
    assert [writer.events[name]["reason"] for name in sorted(writer.events)] == [f"R{n}" for n in range(20)]


async def test_the_last_life_keeps_the_times_that_were_told_of_it() -> None:
    def report(state: ContainerState) -> PodReport:
        return PodReport(uid="u", phase="Running", containers=[state])

    first = reported(POD, report(ContainerState("main", started=100.0)), 101.0)
    ended = ContainerState(
        "main", started=100.0, waiting="CrashLoopBackOff", restarts=1, last_exit=3,
    )
    second = reported({**POD, "status": first}, report(ended), 111.0)
    again = ContainerState("main", started=120.0, restarts=1, last_exit=3)
    third = reported({**POD, "status": second}, report(again), 121.0)
    for status in (second, third):
        life = status["containerStatuses"][0]["lastState"]["terminated"]
        assert (life["exitCode"], life["startedAt"]) == (3, "1970-01-01T00:01:40Z")
        assert life["finishedAt"]


async def test_an_end_that_was_asked_for_is_no_trouble() -> None:
    writer = Writer()
    story = Story(writer)
    for reason in ("Deleted", "Evicted"):
        story.ended(POD, PodReport("u", "Failed", [state(exit_code=143)], reason=reason), 5.0, True)
    await story.settled()
    assert [each["reason"] for each in writer.events.values()] == ["Evicted"]


async def test_a_program_that_is_not_there_never_started() -> None:
    why = 'unable to start container process: exec: "x": executable file not found in $PATH'
    ended = state(reason="StartError", exit_code=128, message=why)
    again = state(waiting="CrashLoopBackOff", last_exit=128, last_reason="StartError", last_message=why)
    for one, reasons in ((ended, ["Failed"]), (again, ["BackOff", "Failed"])):
        writer = Writer()
        story = Story(writer)
        report = PodReport("u", "Failed", [one])
        story.began(POD, report)
        story.trouble(POD, report)
        await story.settled()
        found = {each["reason"]: each["message"] for each in writer.events.values()}
        assert sorted(found) == sorted([*reasons, "Created", "Pulled", "Scheduled"])
        assert found["Failed"] == f"Error: {why}"
        status = reported(POD, report, 2.0)["containerStatuses"][0]
        assert why in str(status), "what it ended with is told in its next life too"
