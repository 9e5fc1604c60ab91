"""A pod's life between store and node: bound before it is sent, committed before it is acknowledged."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from pinnace.controllers.built_in import CONFIG_MAP, EVENT, POD, SECRET
from pinnace.objects.client import DeleteOptions, Options
from pinnace.objects.selector import parse_labels

from .house import eventually, house, pod
from .nodes import FakeNode, ended, running

pytestmark = pytest.mark.anyio


async def test_a_pod_runs_once_and_its_end_is_acknowledged(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node) as platform:
        created = await platform.pod("one")
        done = await platform.phase("one", "Succeeded")
        await eventually(lambda: bool(node.acked))
        assert platform.store.rows("binding") == []
    uid = created["metadata"]["uid"]
    assert node.started == [uid]
    assert node.acked == [uid]
    assert done["spec"]["nodeName"] == "pinnace"
    (container,) = done["status"]["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == 0
    assert container["state"]["terminated"]["reason"] == "Completed"
    assert container["containerID"] == f"pinnace://{uid}/main/0"
    conditions = {each["type"]: each["status"] for each in done["status"]["conditions"]}
    assert conditions == {
        "PodScheduled": "True", "Initialized": "True", "Ready": "False", "ContainersReady": "False",
        "PodReadyToStartContainers": "False",
    }
    assert done["status"]["qosClass"] == "BestEffort"


async def test_start_and_end_that_arrive_together_are_one_write(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node) as platform:
        writes: list[str] = []
        platform.store.listen(lambda events: writes.extend(e.type for e in events if e.resource == "pods"))
        await platform.pod("one")
        await platform.phase("one", "Succeeded")
    assert writes == ["ADDED", "MODIFIED", "MODIFIED"], "created, bound, ended"


async def test_running_is_shown_and_readiness_follows(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        created = await platform.pod("server", restartPolicy="Always")
        seen = await platform.phase("server", "Running")
        assert seen["status"]["containerStatuses"][0]["ready"] is True
        assert [c["status"] for c in seen["status"]["conditions"] if c["type"] == "Ready"] == ["True"]
        report = running(node.runs[created["metadata"]["uid"]])
        report.containers[0].ready = False
        node.report(report)
        await platform.until(POD, "server", lambda p: not p["status"]["containerStatuses"][0]["ready"])


async def test_outputs_come_with_the_final_status(tmp_path: Path) -> None:
    node = FakeNode()
    staging = {"outputs": {"result": True, "parameters": [{"name": "p", "path": "/p"}], "artifacts": []},
               "script": "echo hi", "main": "main"}
    async with house(tmp_path, node) as platform:
        await platform.create(POD, pod("one", annotations={"pinnace.dev/staging": json.dumps(staging)}))
        done = await platform.phase("one", "Succeeded")
    outputs = json.loads(done["metadata"]["annotations"]["pinnace.dev/outputs"])
    assert outputs == {"result": "done", "parameters": {"p": "1"}, "artifacts": {}}
    (run,) = node.runs.values()
    assert run.main == "main"
    assert run.containers[0].script == "echo hi"
    assert run.outputs is not None
    assert run.outputs.parameters[0].path == "/p"


async def test_a_missing_secret_is_named_and_waited_for(tmp_path: Path) -> None:
    node = FakeNode()
    ref = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    async with house(tmp_path, node) as platform:
        await platform.create(POD, pod("one", container={"env": [ref]}))
        waiting = await platform.until(POD, "one", lambda p: "containerStatuses" in p.get("status", {}))
        state = waiting["status"]["containerStatuses"][0]["state"]["waiting"]
        assert state == {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}
        assert node.started == []
        await platform.create(SECRET, {"metadata": {"name": "s"}, "data": {"other": ""}})
        await platform.until(
            POD, "one",
            lambda p: "couldn't find key k in Secret default/s"
            in str(p["status"]["containerStatuses"][0]["state"]),
        )
        secret = await platform.get(SECRET, "s")
        secret = {**secret, "data": {"k": base64.b64encode(b"hush").decode()}}
        await platform.client.update(SECRET, secret, "default")
        await platform.phase("one", "Succeeded")
    (run,) = node.runs.values()
    assert run.containers[0].env == {"TOKEN": "hush"}


async def test_what_is_bound_to_an_older_epoch_is_lost_and_never_sent_again(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        await platform.pod("one")
        await platform.phase("one", "Running")
        node.die()
        lost = await platform.phase("one", "Failed")
        await platform.pod("two")
        await platform.phase("two", "Running")
    assert lost["status"]["reason"] == "NodeLost"
    assert lost["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert len(node.started) == len(set(node.started)) == 2


async def test_a_run_that_never_reached_the_node_is_sent_again(tmp_path: Path) -> None:
    node = FakeNode()
    node.deaf = True
    async with house(tmp_path, node) as platform:
        await platform.pod("one")
        await platform.until(POD, "one", lambda p: p["spec"].get("nodeName") == "pinnace")
        node.deaf = False
        node.cut()
        await platform.phase("one", "Succeeded")
    assert len(node.started) == 1


async def test_a_repeated_final_report_is_acknowledged_again(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node) as platform:
        created = await platform.pod("one")
        await platform.phase("one", "Succeeded")
        uid = created["metadata"]["uid"]
        await eventually(lambda: node.acked == [uid])
        node.report(ended(node.runs[uid], 0))
        await eventually(lambda: node.acked == [uid, uid])
        assert (await platform.get(POD, "one"))["status"]["phase"] == "Succeeded"


async def test_control_restarts_and_takes_its_pods_over(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        created = await platform.pod("one")
        await platform.phase("one", "Running")
    uid = created["metadata"]["uid"]
    async with house(tmp_path, node) as platform:
        await eventually(lambda: node.link is not None and not node.link.cut)
        node.finish(uid)
        await platform.phase("one", "Succeeded")
    assert node.started == [uid]


async def test_deleting_a_bound_pod_kills_it_with_its_grace_and_removes_it_after(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        created = await platform.pod("one", terminationGracePeriodSeconds=7)
        await platform.phase("one", "Running")
        await platform.client.delete(POD, "one", "default")
        await platform.gone(POD, "one")
        await eventually(lambda: bool(node.forgotten))
    uid = created["metadata"]["uid"]
    assert [(kill.uid, kill.grace) for kill in node.killed] == [(uid, 7)]
    assert uid in node.acked


async def test_a_pod_removed_by_force_is_killed_and_forgotten(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        created = await platform.pod("one")
        uid = created["metadata"]["uid"]
        await platform.phase("one", "Running")
        await platform.client.delete(POD, "one", "default", DeleteOptions(grace_seconds=0))
        await platform.gone(POD, "one")
        await eventually(lambda: uid in node.acked)
        await eventually(lambda: platform.store.rows("binding") == [])
        assert node.forgotten == [uid]


async def test_a_pod_deleted_while_the_node_is_away_goes_when_it_is_back(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        await platform.pod("one")
        await platform.phase("one", "Running")
        node.up = False
        node.cut()
        await platform.client.delete(POD, "one", "default")
        assert (await platform.get(POD, "one"))["metadata"]["deletionTimestamp"]
        node.up = True
        await platform.gone(POD, "one")


async def test_what_the_machine_will_never_have_is_named(tmp_path: Path) -> None:
    node = FakeNode(memory=1 << 30)
    big = {"resources": {"requests": {"memory": "2Gi"}, "limits": {"nvidia.com/gpu": "1"}}}
    async with house(tmp_path, node) as platform:
        await platform.create(POD, pod("big", container=big))
        seen = await platform.until(POD, "big", lambda p: bool(p["status"].get("conditions")))
        event = await event_of(platform, "big", "FailedScheduling")
    (condition,) = seen["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "PodScheduled", "False", "Unschedulable",
    )
    missing = "1 Insufficient nvidia.com/gpu, 1 Insufficient memory."
    wanted = "It asks for 1 nvidia.com/gpu, 2Gi memory."
    free = "Free on this machine: cpu 2 of 2, memory 1.0Gi of 1.0Gi; it has no other resources."
    assert event["message"] == f"0/1 nodes are available: {missing} {wanted} {free}"
    assert condition["message"] == event["message"]


async def test_more_cpu_than_there_is_runs_scaled_and_alone(tmp_path: Path) -> None:
    node = FakeNode(hold=True, milli=2000)
    async with house(tmp_path, node) as platform:
        await platform.create(POD, pod("big", container={"resources": {"requests": {"cpu": "64"}}}))
        await platform.phase("big", "Running")
        await platform.pod("small")
        await event_of(platform, "big", "ScaledToFit")
        assert (await platform.get(POD, "small"))["status"]["phase"] == "Pending"
        node.finish(node.started[0])
        await platform.phase("small", "Running")


async def test_a_step_leaves_no_events_and_a_bare_pod_tells_its_story(tmp_path: Path) -> None:
    node = FakeNode()
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w", "uid": "u",
             "controller": True}
    async with house(tmp_path, node) as platform:
        await platform.create(POD, pod("step", owner=owner))
        await platform.phase("step", "Succeeded")
        await platform.pod("bare")
        await platform.phase("bare", "Succeeded")
        await event_of(platform, "bare", "Started")
        events = [each["involvedObject"]["name"] for each in platform.store.list("events").items]
        reasons = [each["reason"] for each in platform.store.list("events").items]
    assert set(events) == {"bare"}
    assert {"Scheduled", "Pulled", "Created", "Started"} <= set(reasons)


async def test_a_workflows_pod_is_labelled_completed_with_its_end(tmp_path: Path) -> None:
    label = "workflows.argoproj.io/completed"
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        body = pod("step")
        body["metadata"]["labels"] = {label: "false", "workflows.argoproj.io/workflow": "w"}
        created = await platform.create(POD, body)
        running = await platform.phase("step", "Running")
        node.finish(created["metadata"]["uid"])
        done = await platform.phase("step", "Succeeded")
        still = platform.store.list("pods", "default", labels=parse_labels(f"{label}=false")).items
        over = platform.store.list("pods", "default", labels=parse_labels(f"{label}=true")).items
    assert running["metadata"]["labels"][label] == "false"
    assert done["metadata"]["labels"] == {label: "true", "workflows.argoproj.io/workflow": "w"}
    assert ([each["metadata"]["name"] for each in over], still) == (["step"], [])


async def test_a_change_by_somebody_else_does_not_lose_the_end(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node) as platform:
        created = await platform.pod("one")
        await platform.phase("one", "Running")

        async def annotate() -> None:
            for number in range(20):
                patch = {"metadata": {"annotations": {"n": str(number)}}}
                await platform.client.patch(POD, "one", "default", patch, "merge", Options())

        writing = asyncio.create_task(annotate())
        await asyncio.sleep(0)
        node.finish(created["metadata"]["uid"])
        done = await platform.phase("one", "Succeeded")
        await writing
        done = await platform.get(POD, "one")
    assert done["metadata"]["annotations"]["n"] == "19"
    assert done["status"]["phase"] == "Succeeded"


async def test_config_map_volume_carries_its_files(tmp_path: Path) -> None:
    node = FakeNode()
    async with house(tmp_path, node) as platform:
        await platform.create(CONFIG_MAP, {"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}})
        await platform.create(POD, pod(
            "one",
            container={"volumeMounts": [{"name": "v", "mountPath": "/etc/c"}]},
            volumes=[{"name": "v", "configMap": {"name": "c", "items": [{"key": "b", "path": "x/b"}]}}],
        ))
        await platform.phase("one", "Succeeded")
    (mount,) = next(iter(node.runs.values())).containers[0].mounts
    assert mount.files == {"x/b": b"2"}
    assert mount.modes == {"x/b": 0o644}


async def event_of(platform, name: str, reason: str) -> dict:  # type: ignore[no-untyped-def, type-arg]
    async def look() -> dict:  # type: ignore[type-arg]
        while True:
            for each in platform.store.list(EVENT.key).items:
                if each["involvedObject"]["name"] == name and each["reason"] == reason:
                    return each
            await platform.change()

    return await asyncio.wait_for(look(), 5)
