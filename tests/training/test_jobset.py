"""JobSets run Jobs in order, together, again; against a real store, the Job controller and a fake node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import JOB, POD, SERVICE
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.jobs import Jobs
from pinnace.controllers.jobset import jobs as making
from pinnace.controllers.jobset.controller import JobSets
from pinnace.kinds.jobset import JOB_SET
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError
from tests.controllers.house import House, eventually, house
from tests.controllers.nodes import FakeNode

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [
        JobSets(made.client), Jobs(made.client, first_delay=0.01),
        Garbage(made.client, made.client.house.catalogue),
    ]


def replicated(name: str, replicas: int = 1, pods: int = 1, **rest: Any) -> Obj:
    pod = {"containers": [{"name": "main", "image": "alpine"}]}
    job = {"parallelism": pods, "completions": pods, "backoffLimit": 0, "template": {"spec": pod}}
    return {"name": name, "replicas": replicas, "template": {"spec": job}, **rest}


def jobset(*parts: Obj, name: str = "set", **spec: Any) -> Obj:
    return {"metadata": {"name": name}, "spec": {"replicatedJobs": list(parts), **spec}}


def holds(kind: str) -> Any:
    def true(obj: Obj) -> bool:
        found = (obj.get("status") or {}).get("conditions") or ()
        return any(one["type"] == kind and one["status"] == "True" for one in found)

    return true


def states(obj: Obj) -> dict[str, Obj]:
    return {one["name"]: one for one in (obj.get("status") or {}).get("replicatedJobsStatus") or ()}


def pods(made: House) -> list[Obj]:
    return made.store.list("pods", "default").items


async def test_its_pods_have_names_under_its_service(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(JOB_SET, jobset(replicated("workers", 2, 2)))
        ready = await platform.until(
            JOB_SET, "set", lambda obj: states(obj).get("workers", {}).get("ready") == 2
        )
        found = pods(platform)
        service = await platform.get(SERVICE, "set")
    assert {pod["spec"]["hostname"] for pod in found} == {
        "set-workers-0-0", "set-workers-0-1", "set-workers-1-0", "set-workers-1-1"
    }
    assert {pod["spec"]["subdomain"] for pod in found} == {"set"}
    assert {pod["metadata"]["annotations"]["pinnace.dev/gang-size"] for pod in found} == {"4"}
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"jobset.sigs.k8s.io/jobset-name": "set"}
    assert ready["status"]["replicatedJobsStatus"] == [
        {"name": "workers", "ready": 2, "succeeded": 0, "failed": 0, "active": 2, "suspended": 0}
    ]


async def test_what_depends_on_another_waits_until_it_is_complete(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    after = [{"name": "data", "status": "Complete"}]
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(JOB_SET, jobset(replicated("data"), replicated("train", dependsOn=after)))
        await eventually(lambda: len(node.runs) == 1)
        (first,) = pods(platform)
        assert platform.client.peek(JOB, "set-train-0", "default") is None
        node.finish(first["metadata"]["uid"])
        await eventually(lambda: len(node.started) == 2)
        node.finish(node.started[1])
        done = await platform.until(JOB_SET, "set", holds("Completed"))
    assert done["status"]["terminalState"] == "Completed"
    assert done["status"]["conditions"][-1]["message"] == "jobset completed successfully"


async def test_a_failure_restarts_all_jobs_as_often_as_allowed(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        policy = {"maxRestarts": 1}
        await platform.create(JOB_SET, jobset(replicated("a"), replicated("b"), failurePolicy=policy))
        await eventually(lambda: len(node.started) == 2)
        node.finish(node.started[0], 1)
        await eventually(lambda: len(node.started) == 4)
        again = await platform.get(JOB_SET, "set")
        node.finish(node.started[2], 1)
        failed = await platform.until(JOB_SET, "set", holds("Failed"))
    assert again["status"]["restarts"] == 1
    assert failed["status"]["conditions"][-1]["reason"] == "ReachedMaxRestarts"
    assert "(first failed job: set-" in failed["status"]["conditions"][-1]["message"]


@pytest.mark.parametrize(("text", "ends"), [("index 0$", "Failed"), ("index 1$", "again")])
async def test_a_rule_may_look_into_the_message(tmp_path: Path, text: str, ends: str) -> None:
    """Two rules of a Job's own policy fail it with the same reason; only the message tells them apart."""
    node = FakeNode(hold=True)
    codes = {"containerName": "main", "operator": "In", "values": [42]}
    part = replicated("a")
    part["template"]["spec"]["podFailurePolicy"] = {"rules": [{"action": "FailJob", "onExitCodes": codes}]}
    part["template"]["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    rule = {"action": "FailJobSet", "onJobFailureMessagePatterns": [text]}
    async with house(tmp_path, node, controllers) as platform:
        policy = {"maxRestarts": 1, "rules": [rule]}
        await platform.create(JOB_SET, jobset(part, failurePolicy=policy))
        await eventually(lambda: len(node.started) == 1)
        node.finish(node.started[0], 42)
        if ends == "Failed":
            failed = await platform.until(JOB_SET, "set", holds("Failed"))
            assert failed["status"]["conditions"][-1]["reason"] == "FailJobSetFailurePolicyAction"
        else:
            await eventually(lambda: len(node.started) == 2)


async def test_a_blocking_restart_waits_until_all_is_gone(tmp_path: Path) -> None:
    """Recreate would make the failed Job anew at once; here the other is held by somebody's finalizer."""
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        policy = {"maxRestarts": 1, "restartStrategy": "BlockingRecreate"}
        await platform.create(JOB_SET, jobset(replicated("a"), replicated("b"), failurePolicy=policy))
        await eventually(lambda: len(node.started) == 2)
        keep = {"metadata": {"finalizers": ["example.com/keep"]}}
        await platform.client.patch(JOB, "set-b-0", "default", keep, "merge")
        (first,) = [pod for pod in pods(platform) if pod["spec"]["hostname"] == "set-a-0-0"]
        node.finish(first["metadata"]["uid"], 1)
        await platform.until(JOB, "set-b-0", lambda obj: "deletionTimestamp" in obj["metadata"])
        await platform.gone(JOB, "set-a-0")
        await platform.gone(POD, first["metadata"]["name"])
        assert len(node.started) == 2
        await platform.client.patch(JOB, "set-b-0", "default", {"metadata": {"finalizers": None}}, "merge")
        await eventually(lambda: len(node.started) == 4)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"failurePolicy": {"rules": [{"action": "FailJobSet", "name": "1x"}]}}, "must start with an alpha"),
        ({"failurePolicy": {"rules": [{"action": "FailJobSet", "targetReplicatedJobs": ["z"]}]}},
         "invalid replicatedJob name 'z' in failure policy does not appear"),
        ({"coordinator": {"replicatedJob": "a", "jobIndex": 3}}, "coordinator job index 3 is invalid"),
        ({"successPolicy": {"operator": "All", "targetReplicatedJobs": ["z"]}},
         "invalid replicatedJob name 'z'"),
        ({"network": {"subdomain": "A_B"}}, "a DNS-1035 label must consist of lower case"),
    ],
)
async def test_what_the_webhook_refuses_is_refused(tmp_path: Path, spec: Obj, words: str) -> None:
    async with house(tmp_path, None) as platform:
        with pytest.raises(StatusError, match=words):
            await platform.create(JOB_SET, jobset(replicated("a"), **spec))
        with pytest.raises(StatusError, match="job names generated for this JobSet will exceed 63"):
            await platform.create(JOB_SET, jobset(replicated("a"), name="x" * 60))


async def test_a_suspended_one_holds_its_jobs(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(JOB_SET, jobset(replicated("a"), suspend=True))
        await platform.until(JOB_SET, "set", holds("Suspended"))
        await platform.until(JOB, "set-a-0", lambda obj: bool(obj["spec"]["suspend"]))
        assert node.started == []
        await platform.client.patch(JOB_SET, "set", "default", {"spec": {"suspend": False}}, "merge")
        await eventually(lambda: len(node.started) == 1)


async def test_one_success_is_enough_where_the_policy_says_so(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    success = {"operator": "Any", "targetReplicatedJobs": ["launcher"]}
    async with house(tmp_path, node, controllers) as platform:
        parts = replicated("node"), replicated("launcher")
        await platform.create(JOB_SET, jobset(*parts, successPolicy=success))
        await eventually(lambda: len(node.started) == 2)
        node.finish(next(
            pod["metadata"]["uid"] for pod in pods(platform) if "launcher" in pod["metadata"]["name"]
        ))
        await platform.until(JOB_SET, "set", holds("Completed"))
        await platform.gone(JOB, "set-node-0")


async def test_a_wrong_dependency_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path, None) as platform:
        wrong = replicated("a", dependsOn=[{"name": "nobody", "status": "Ready"}])
        with pytest.raises(StatusError, match="cannot depend on replicatedJob: nobody"):
            await platform.create(JOB_SET, jobset(wrong))


def test_jobs_are_counted_in_all_and_in_their_group() -> None:
    parts = [replicated("a", 2), replicated("b", 3, groupName="g"), replicated("c", 1, groupName="g")]
    document = jobset(*parts)
    document["metadata"] |= {"namespace": "default", "uid": "u"}
    labels = making.made(document, parts[2], 0, 0)["metadata"]["labels"]
    found = {key.removeprefix("jobset.sigs.k8s.io/"): value for key, value in labels.items()}
    assert found.items() >= {
        "global-replicas": "6", "job-global-index": "5", "group-name": "g", "group-replicas": "4",
        "job-group-index": "3",
    }.items()
