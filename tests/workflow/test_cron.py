"""CronWorkflows: which time is due, and what becomes of its runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pinnace.controllers.workflow import cron
from pinnace.controllers.workflow.cron import Decision, decide
from pinnace.kinds.resource import Obj


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def document(*, made: str = "2026-03-01T00:00:00Z", status: Obj | None = None, **spec: Any) -> Obj:
    spec = {"schedules": ["0 * * * *"], "workflowSpec": {"entrypoint": "main"}, **spec}
    meta = {"name": "tick", "namespace": "default", "uid": "u1", "creationTimestamp": made}
    return {"metadata": meta, "spec": spec, **({"status": status} if status else {})}


def run(name: str, phase: str = "Running", finished: str = "") -> Obj:
    status = {"phase": phase, **({"finishedAt": finished} if finished else {})}
    return {"metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"}, "status": status}


def started(decision: Decision) -> str:
    return decision.create["metadata"]["name"] if decision.create else ""


NINE = at("2026-03-02T09:00:00Z")


def test_a_time_starts_its_run_once() -> None:
    first = decide(document(made="2026-03-02T08:30:00Z"), [], NINE + 0.1)
    assert started(first) == f"tick-{int(NINE)}"
    assert first.obj["status"]["lastScheduledTime"] == "2026-03-02T09:00:00Z"
    assert first.obj["status"]["phase"] == "Active"
    again = decide(first.obj, [run(started(first))], NINE + 5)
    assert started(again) == ""
    assert again.wait == pytest.approx(3595)
    assert again.obj["status"]["active"][0]["name"] == started(first)


def test_its_run_says_where_it_comes_from() -> None:
    obj = document(
        workflowMetadata={"labels": {"team": "red"}, "annotations": {"a": "b"}, "finalizers": ["x/y"]}
    )
    obj["metadata"]["labels"] = {"workflows.argoproj.io/creator": "me", "other": "stays"}
    made = decide(obj, [], NINE).create
    assert made is not None
    meta = made["metadata"]
    assert meta["labels"] == {
        "workflows.argoproj.io/creator": "me",
        "workflows.argoproj.io/cron-workflow": "tick",
        "team": "red",
    }
    assert meta["annotations"] == {"workflows.argoproj.io/scheduled-time": "2026-03-02T09:00:00Z", "a": "b"}
    assert meta["finalizers"] == ["x/y"]
    assert meta["ownerReferences"][0]["kind"] == "CronWorkflow"
    assert made["spec"] == {"entrypoint": "main"}


def test_nothing_happens_before_the_first_time() -> None:
    decision = decide(document(made="2026-03-02T08:30:00Z"), [], NINE - 60)
    assert (started(decision), decision.wait) == ("", 60)


@pytest.mark.parametrize(
    ("asleep", "deadline", "found"),
    [
        (0.5, None, True),
        (50, None, True),
        (8 * 3600, None, False),
        (8 * 3600 + 100, 200, True),
        (8 * 3600 + 300, 200, False),
    ],
)
def test_a_closed_lid(asleep: float, deadline: int | None, found: bool) -> None:
    """The newest time that was missed starts within its deadline; older ones never do."""
    spec = {} if deadline is None else {"startingDeadlineSeconds": deadline}
    obj = document(status={"lastScheduledTime": "2026-03-02T08:00:00Z"}, **spec)
    obj["metadata"]["annotations"] = {cron.USED: "0 * * * *"}
    now = NINE + asleep
    newest = int(now // 3600 * 3600)
    if asleep == 8 * 3600:
        now, newest = now + 120, newest
    decision = decide(obj, [], now)
    assert started(decision) == (f"tick-{newest}" if found else "")
    assert started(decide(decision.obj, [], now + 1)) == ""


def test_a_clock_that_was_set_back_does_not_stop_it() -> None:
    obj = document(status={"lastScheduledTime": "2026-03-02T17:00:00Z"})
    obj["metadata"]["annotations"] = {cron.USED: "0 * * * *", cron.ANSWERED: "2026-03-02T17:00:00Z"}
    assert started(decide(obj, [], NINE + 1)) == f"tick-{int(NINE)}"


def test_new_schedules_make_up_for_nothing() -> None:
    obj = document(
        schedules=["30 * * * *"],
        startingDeadlineSeconds=7200,
        status={"lastScheduledTime": "2026-03-02T08:00:00Z"},
    )
    obj["metadata"]["annotations"] = {cron.USED: "0 * * * *"}
    decision = decide(obj, [], NINE)
    assert started(decision) == ""
    assert decision.obj["metadata"]["annotations"][cron.USED] == "30 * * * *"
    assert started(decide(decision.obj, [], NINE + 1800)) == f"tick-{int(NINE) + 1800}"


def test_several_schedules_share_a_time() -> None:
    decision = decide(document(schedules=["0 9 * * *", "0 * * * *"]), [], NINE)
    assert started(decision) == f"tick-{int(NINE)}"
    assert decide(document(schedules=["0 9 * * *", "*/15 * * * *"]), [], NINE + 1).wait == pytest.approx(899)


@pytest.mark.parametrize(
    ("zone", "now", "found"),
    [
        ("Europe/Berlin", "2026-03-02T08:00:00Z", True),
        ("Europe/Berlin", "2026-07-02T07:00:00Z", True),
        ("Europe/Berlin", "2026-07-02T08:00:00Z", False),
        ("", "2026-03-02T09:00:00Z", True),
    ],
)
def test_a_zone_keeps_its_own_hours(zone: str, now: str, found: bool) -> None:
    spec = {"schedules": ["0 9 * * *"], **({"timezone": zone} if zone else {})}
    assert bool(started(decide(document(**spec), [], at(now)))) is found
    said = {"schedules": [f"CRON_TZ={zone} 0 9 * * *"]} if zone else spec
    assert bool(started(decide(document(**said), [], at(now)))) is found


def test_forbid_waits_and_makes_up_within_the_deadline() -> None:
    alive = run("tick-1")
    spec = {"concurrencyPolicy": "Forbid", "startingDeadlineSeconds": 100}
    waiting = decide(document(**spec), [alive], NINE + 1)
    assert started(waiting) == ""
    ended = [run("tick-1", "Succeeded", "2026-03-02T09:00:30Z")]
    assert started(decide(waiting.obj, ended, NINE + 31)) == f"tick-{int(NINE)}"
    assert started(decide(waiting.obj, ended, NINE + 101)) == ""


def test_forbid_without_a_deadline_lets_a_time_go() -> None:
    waiting = decide(document(concurrencyPolicy="Forbid"), [run("tick-1")], NINE + 1)
    ended = [run("tick-1", "Succeeded", "2026-03-02T09:00:30Z")]
    assert started(decide(waiting.obj, ended, NINE + 31)) == ""


def test_replace_ends_what_still_runs() -> None:
    decision = decide(document(concurrencyPolicy="Replace"), [run("tick-1")], NINE)
    assert decision.terminate == ["tick-1"]
    assert started(decision)


def test_suspended_times_are_gone() -> None:
    held = decide(document(suspend=True), [], NINE)
    assert started(held) == ""
    resumed = {**held.obj, "spec": {**held.obj["spec"], "suspend": False}}
    assert started(decide(resumed, [], NINE + 30)) == ""


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("{{= cronworkflow.lastScheduledTime == nil }}", True),
        (
            "{{= cronworkflow.lastScheduledTime == nil"
            " || (now() - cronworkflow.lastScheduledTime).Seconds() > 30 }}",
            True,
        ),
        ("{{cronworkflow.failed}} == 0", True),
        ("'{{cronworkflow.name}}' == other", False),
    ],
)
def test_when_decides(when: str, found: bool) -> None:
    assert bool(started(decide(document(when=when), [], NINE))) is found


def test_a_when_that_cannot_be_read_is_told() -> None:
    decision = decide(document(when="{{= cronworkflow.}}"), [], NINE)
    (condition,) = decision.obj["status"]["conditions"]
    assert condition["type"] == "SubmissionError"
    assert condition["message"].startswith("run policy error: ")
    assert decision.obj["status"]["failed"] == 1


def test_ends_are_counted_and_stop_it() -> None:
    obj = document(
        stopStrategy={"expression": "cronworkflow.failed >= 2"},
        status={
            "failed": 1,
            "active": [{"name": "tick-1", "uid": "uid-tick-1"}],
            "lastScheduledTime": "2026-03-02T08:00:00Z",
        },
    )
    ended = [run("tick-1", "Failed", "2026-03-02T08:01:00Z")]
    decision = decide(obj, ended, NINE - 60)
    assert decision.obj["status"]["failed"] == 2
    assert decision.obj["status"]["phase"] == "Stopped"
    assert decision.obj["metadata"]["labels"]["cronworkflows.argoproj.io/completed"] == "true"
    later = decide(decision.obj, ended, NINE)
    assert (started(later), later.wait) == ("", None)


def test_success_counts_too() -> None:
    obj = document(status={"active": [{"name": "tick-1", "uid": "uid-tick-1"}]})
    decision = decide(obj, [run("tick-1", "Succeeded", "2026-03-02T08:01:00Z")], NINE - 60)
    assert decision.obj["status"]["succeeded"] == 1
    assert "active" not in decision.obj["status"]


def test_a_spec_error_stands_until_it_is_mended() -> None:
    wrong = decide(document(), [], NINE, "cron schedule x is malformed: y")
    assert wrong.obj["status"]["conditions"] == [
        {"type": "SpecError", "status": "True", "message": "cron schedule x is malformed: y"}
    ]
    assert started(wrong) == ""
    assert "conditions" not in decide(wrong.obj, [], NINE + 1).obj["status"]


def test_history_has_limits() -> None:
    runs = [run(f"s{n}", "Succeeded", f"2026-03-0{n}T00:00:00Z") for n in range(1, 6)]
    runs += [run(f"f{n}", "Failed", f"2026-03-0{n}T00:00:00Z") for n in range(1, 4)]
    assert decide(document(), runs, NINE).remove == ["s1", "s2", "f1", "f2"]
    assert decide(document(successfulJobsHistoryLimit=0, failedJobsHistoryLimit=5), runs, NINE).remove == [
        "s1",
        "s2",
        "s3",
        "s4",
        "s5",
    ]


def test_a_refused_run_is_told_and_counted() -> None:
    obj = document()
    decided = decide(obj, [], NINE)
    told = cron.failed(obj, decided.obj, "exceeded quota")
    assert told["status"]["conditions"][0]["message"] == "Failed to submit Workflow: exceeded quota"
    assert "lastScheduledTime" not in told["status"]
    assert started(decide(told, [], NINE + 1)) == ""
