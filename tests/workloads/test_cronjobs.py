"""CronJobs start one Job a time, mind their policies and keep their history; the clock is ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CRON_JOB, JOB
from pinnace.controllers.controller import Key
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.jobs import Jobs
from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.workloads.cronjob import SCHEDULED, decide
from pinnace.controllers.workloads.cronjobs import CronJobs
from tests.controllers.house import House, eventually, house
from tests.controllers.nodes import FakeNode

pytestmark = pytest.mark.anyio
MONDAY = unix("2026-01-05T10:00:30Z")


def cron_job(schedule: str = "* * * * *", **spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "alpine"}]}
    job = {"metadata": {"labels": {"of": "cron"}}, "spec": {"template": {"spec": pod}}}
    return {"metadata": {"name": "tick"}, "spec": {"schedule": schedule, "jobTemplate": job, **spec}}


def stored(schedule: str = "* * * * *", status: Any = None, born: float = MONDAY, **spec: Any) -> Any:
    obj = cron_job(schedule, **spec)
    obj["metadata"] |= {"namespace": "default", "uid": "u", "creationTimestamp": stamp(born)}
    return {"apiVersion": "batch/v1", "kind": "CronJob", **obj, "status": status or {}}


def job(name: str, ending: str = "", began: float = MONDAY) -> dict[str, Any]:
    conditions = [{"type": ending, "status": "True"}] if ending else []
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "namespace": "default"},
        "status": {"conditions": conditions, "startTime": stamp(began), "completionTime": stamp(began + 5)},
    }


def reference(name: str) -> dict[str, str]:
    return {"name": name, "uid": f"uid-{name}"}


def reasons(decision: Any) -> list[str]:
    return [reason for reason, _, _ in decision.told]


def test_nothing_is_due_before_the_first_time() -> None:
    early = decide(stored(), [], MONDAY + 10)
    assert early.create is None
    assert early.wait == pytest.approx(20.1)


def test_the_job_is_named_by_its_time() -> None:
    due = decide(stored(timeZone="Europe/Berlin"), [], MONDAY + 30)
    assert due.create is not None
    meta = due.create["metadata"]
    assert meta["name"] == f"tick-{int(MONDAY + 30) // 60}"
    assert meta["labels"] == {"of": "cron"}
    assert meta["annotations"][SCHEDULED] == "2026-01-05T11:01:00+01:00"
    assert due.status["lastScheduleTime"] == "2026-01-05T10:01:00Z"


def test_of_many_missed_times_the_last_is_served() -> None:
    late = decide(stored(), [], MONDAY + 3600 * 5)
    assert late.create is not None
    assert late.status["lastScheduleTime"] == "2026-01-05T15:00:00Z"
    assert reasons(late) == ["TooManyMissedTimes"]


def test_a_deadline_makes_too_late_a_miss() -> None:
    hourly = stored("0 * * * *", startingDeadlineSeconds=60)
    assert decide(hourly, [], unix("2026-01-05T11:00:30Z")).create is not None
    assert decide(hourly, [], unix("2026-01-05T11:02:00Z")).create is None


def test_forbid_waits_and_replace_ends_what_runs() -> None:
    active = {"active": [reference("old")]}
    forbidden = decide(stored(status=active, concurrencyPolicy="Forbid"), [job("old")], MONDAY + 40)
    assert forbidden.create is None
    assert reasons(forbidden) == ["JobAlreadyActive"]
    assert forbidden.status["active"] == [reference("old")]
    replaced = decide(stored(status=active, concurrencyPolicy="Replace"), [job("old")], MONDAY + 40)
    assert replaced.create is not None
    assert [each["metadata"]["name"] for each in replaced.end] == ["old"]
    assert "active" not in replaced.status


def test_a_suspended_one_starts_nothing_and_still_keeps_its_books() -> None:
    jobs = [job(f"j{n}", "Complete", MONDAY + n) for n in range(5)]
    status = {"active": [reference("j4"), reference("gone")]}
    result = decide(stored(status=status, suspend=True, successfulJobsHistoryLimit=3), jobs, MONDAY + 300)
    assert result.create is None
    assert [each["metadata"]["name"] for each in result.end] == ["j0", "j1"]
    assert reasons(result) == ["SawCompletedJob", "MissingJob"]
    assert result.status == {"lastSuccessfulTime": stamp(MONDAY + 9)}


def controllers(now: list[float]) -> Any:
    def made(platform: House) -> list[Any]:
        clock = lambda: now[0]  # noqa: E731
        return [
            CronJobs(platform.client, clock=clock), Jobs(platform.client),
            Garbage(platform.client, platform.client.house.catalogue),
        ]

    return made


async def test_time_goes_by(tmp_path: Path) -> None:
    import time

    now = [float(int(time.time()) // 60 * 60)]
    async with house(tmp_path, FakeNode(), controllers(now)) as platform:
        await platform.create(CRON_JOB, cron_job(successfulJobsHistoryLimit=2))
        for minute in range(1, 5):
            now[0] += 60
            platform.manager.enqueue("cronjobs", Key("default", "tick"))
            name = f"tick-{int(now[0]) // 60}"
            await platform.until(JOB, name, lambda j: bool((j.get("status") or {}).get("completionTime")))
            assert minute
        await platform.until(CRON_JOB, "tick", lambda c: "active" not in c["status"])
        await eventually(lambda: len(platform.store.list("jobs.batch", "default").items) == 2)
        done = await platform.get(CRON_JOB, "tick")
    assert done["status"]["lastSuccessfulTime"]
