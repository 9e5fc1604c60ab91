"""Jobs repeat only under their policy, count each Pod once, and end as upstream's do."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import JOB, POD, SERVICE_ACCOUNT
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.indexes import format_indexes, parse_indexes
from pinnace.controllers.core.job import decide
from pinnace.controllers.core.jobs import Jobs

from .house import House, eventually, house
from .nodes import FakeNode, ended

pytestmark = pytest.mark.anyio


def job(name: str, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "alpine"}]}}
    template["spec"] |= spec.pop("template", {})
    return {"metadata": {"name": name}, "spec": {"template": template, **spec}}


def jobs(made: House) -> list[Any]:
    return [Jobs(made.client, first_delay=0.01), Garbage(made.client, made.client.house.catalogue)]


def conditions(obj: dict[str, Any]) -> dict[str, str]:
    found = (obj.get("status") or {}).get("conditions") or ()
    return {each["type"]: each.get("reason", "") for each in found}


async def test_completions_with_parallelism(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("five", completions=5, parallelism=2))
        done = await platform.until(JOB, "five", lambda j: "Complete" in conditions(j))
        pods = platform.store.list("pods", "default").items
    assert done["status"]["succeeded"] == 5
    assert done["status"]["completionTime"]
    assert "active" not in done["status"]
    assert len(node.started) == len(pods) == 5
    assert all("finalizers" not in pod["metadata"] for pod in pods)


async def test_failures_are_repeated_until_the_limit(tmp_path: Path) -> None:
    node = FakeNode()
    node.outcome = lambda run: ended(run, 3)
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("bad", backoffLimit=2))
        done = await platform.until(JOB, "bad", lambda j: "Failed" in conditions(j))
    assert done["status"]["failed"] == 3
    assert conditions(done)["Failed"] == "BackoffLimitExceeded"
    assert len(node.started) == 3


async def test_a_pod_that_succeeds_after_a_failure_completes_the_job(tmp_path: Path) -> None:
    node = FakeNode()
    codes = itertools.chain([1], itertools.repeat(0))
    node.outcome = lambda run: ended(run, next(codes))
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("again"))
        done = await platform.until(JOB, "again", lambda j: "Complete" in conditions(j))
    assert (done["status"]["failed"], done["status"]["succeeded"]) == (1, 1)


async def test_each_index_is_done_once(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("indexed", completions=4, parallelism=4, completionMode="Indexed"))
        done = await platform.until(JOB, "indexed", lambda j: "Complete" in conditions(j))
    assert done["status"]["completedIndexes"] == "0-3"
    seen = sorted(run.containers[0].env["JOB_COMPLETION_INDEX"] for run in node.runs.values())
    assert seen == ["0", "1", "2", "3"]
    assert {run.hostname for run in node.runs.values()} == {f"indexed-{n}" for n in range(4)}


async def test_suspending_ends_the_pods_and_resuming_starts_new_ones(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("rest"))
        await platform.until(JOB, "rest", lambda j: j["status"].get("active") == 1)
        await platform.client.patch(JOB, "rest", "default", {"spec": {"suspend": True}}, "merge")
        await platform.until(JOB, "rest", lambda j: conditions(j).get("Suspended") == "JobSuspended"
                             and "active" not in j["status"])
        node.hold = False
        await platform.client.patch(JOB, "rest", "default", {"spec": {"suspend": False}}, "merge")
        await platform.until(JOB, "rest", lambda j: "Complete" in conditions(j))


async def test_the_deadline_ends_it(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("late", activeDeadlineSeconds=1))
        done = await platform.until(JOB, "late", lambda j: "Failed" in conditions(j), within=10)
    assert conditions(done)["Failed"] == "DeadlineExceeded"
    assert len(node.killed) == 1


async def test_a_finished_job_goes_after_its_time(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("brief", ttlSecondsAfterFinished=0))
        await platform.gone(JOB, "brief")
        assert platform.store.list("pods", "default").items == []


async def test_a_lost_node_is_a_failure_that_the_policy_repeats(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("lost", backoffLimit=1))
        await platform.until(JOB, "lost", lambda j: j["status"].get("ready") == 1)
        node.hold = False
        node.die()
        done = await platform.until(JOB, "lost", lambda j: "Complete" in conditions(j))
        reasons = [p["status"].get("reason") for p in platform.store.list(POD.key, "default").items]
    assert done["status"]["failed"] == 1
    assert sorted(map(str, reasons)) == ["NodeLost", "None"]
    assert len(node.started) == 2


def test_pod_failure_policy_ignores_and_fails() -> None:
    def failed(code: int) -> dict[str, Any]:
        state = {"terminated": {"exitCode": code}}
        return {
            "metadata": {"name": "p", "namespace": "n", "finalizers": ["batch.kubernetes.io/job-tracking"]},
            "spec": {"nodeName": "pinnace"},
            "status": {"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}]},
        }

    rules = [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]
    document = job("j", podFailurePolicy={"rules": rules}, completions=1, parallelism=1, backoffLimit=6)
    ignored = decide(document, [failed(7)], 1e9)
    assert (ignored.failed, ignored.ending) == (0, None)
    fatal = decide(document, [failed(42)], 1e9)
    assert fatal.ending is not None
    assert fatal.ending.reason == "PodFailurePolicy"
    assert "exit code 42" in fatal.ending.message


def test_indexes_are_written_as_ranges() -> None:
    assert format_indexes([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert parse_indexes("0-2,5,7-8") == {0, 1, 2, 5, 7, 8}
    assert parse_indexes("") == frozenset()


async def test_each_index_has_failures_of_its_own(tmp_path: Path) -> None:
    node = FakeNode()
    node.outcome = lambda run: ended(run, int(run.containers[0].env["JOB_COMPLETION_INDEX"] == "1"))
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job(
            "by-index", completions=3, parallelism=3, completionMode="Indexed", backoffLimitPerIndex=1
        ))
        done = await platform.until(JOB, "by-index", lambda j: "Failed" in conditions(j))
        pods = platform.store.list("pods", "default").items
    assert done["status"]["completedIndexes"] == "0,2"
    assert done["status"]["failedIndexes"] == "1"
    assert conditions(done)["Failed"] == "FailedIndexes"
    failed = [p["metadata"]["annotations"] for p in pods if p["status"]["phase"] == "Failed"]
    assert sorted(each["batch.kubernetes.io/job-index-failure-count"] for each in failed) == ["0", "1"]


async def test_too_many_failed_indexes_end_it_early(tmp_path: Path) -> None:
    node = FakeNode()
    node.outcome = lambda run: ended(run, 1)
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job(
            "most", completions=9, parallelism=1, completionMode="Indexed", backoffLimitPerIndex=0,
            maxFailedIndexes=2,
        ))
        done = await platform.until(JOB, "most", lambda j: "Failed" in conditions(j))
    assert conditions(done)["Failed"] == "MaxFailedIndexesExceeded"
    assert done["status"]["failedIndexes"] == "0-2"


async def test_a_success_policy_is_content_with_the_leader(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job(
            "lead", completions=3, parallelism=3, completionMode="Indexed",
            successPolicy={"rules": [{"succeededIndexes": "1-2"}, {"succeededIndexes": "0"}]},
        ))
        await platform.until(JOB, "lead", lambda j: j["status"].get("ready") == 3)
        leader = next(u for u, r in node.runs.items() if r.containers[0].env["JOB_COMPLETION_INDEX"] == "0")
        node.finish(leader)
        done = await platform.until(JOB, "lead", lambda j: "Complete" in conditions(j))
    assert conditions(done) == {"SuccessCriteriaMet": "SuccessPolicy", "Complete": "SuccessPolicy"}
    assert done["status"]["completedIndexes"] == "0"
    assert len(node.killed) == 2


def test_a_rule_by_count_and_a_replacement_that_waits() -> None:
    spec = {"completions": 4, "parallelism": 4, "completionMode": "Indexed",
            "podReplacementPolicy": "Failed", "template": {"spec": {}},
            "successPolicy": {"rules": [{"succeededCount": 2}]}}
    owner = {"metadata": {"name": "j"}, "spec": spec, "status": {"completedIndexes": "0"}}
    leaving = {
        "metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z",
                     "deletionGracePeriodSeconds": 30,
                     "annotations": {"batch.kubernetes.io/job-completion-index": "1"}},
        "spec": {"nodeName": "pinnace"}, "status": {"phase": "Running"},
    }
    assert decide(owner, [leaving], 0.0).create == [2, 3]
    owner["status"] = {"completedIndexes": "0,3"}
    ending = decide(owner, [], 0.0).ending
    assert ending is not None
    assert (ending.kind, ending.message) == ("Complete", "Matched rules at index 0")


async def test_a_job_whose_pods_are_refused_says_why_and_goes_on_when_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinnace.controllers.core.jobs.REFUSED", 0.05)
    node = FakeNode()
    async with house(tmp_path, node, jobs) as platform:
        await platform.create(JOB, job("one", template={"serviceAccountName": "robot"}))
        def told() -> list[str]:
            events = platform.store.list("events").items
            return [each["message"] for each in events if each["reason"] == "FailedCreate"]

        await eventually(lambda: bool(told()))
        assert 'serviceaccount "robot" not found' in told()[0]
        assert not platform.store.list("pods", "default").items
        await platform.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot"}})
        await platform.until(JOB, "one", lambda j: "Complete" in conditions(j))
