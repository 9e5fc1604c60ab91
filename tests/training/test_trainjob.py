"""TrainJobs become JobSets of their runtime and show what becomes of them; against a real store, the JobSet
and Job controllers and a fake node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import POD
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.jobs import Jobs
from pinnace.controllers.jobset.controller import JobSets
from pinnace.controllers.trainer.controller import TrainJobs
from pinnace.kinds.advice import advice
from pinnace.kinds.jobset import JOB_SET
from pinnace.kinds.resource import Obj
from pinnace.kinds.trainer import CLUSTER_RUNTIME, RUNTIME, TRAIN_JOB
from pinnace.objects.errors import StatusError
from tests.controllers.house import House, eventually, house
from tests.controllers.nodes import FakeNode

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [
        TrainJobs(made.client), JobSets(made.client), Jobs(made.client, first_delay=0.01),
        Garbage(made.client, made.client.house.catalogue),
    ]


def trainjob(name: str = "job", runtime: str = "torch-distributed", **spec: Any) -> Obj:
    return {"metadata": {"name": name}, "spec": {"runtimeRef": {"name": runtime}, **spec}}


def pods(made: House) -> dict[str, Obj]:
    found = made.store.list("pods", "default").items
    return {each["spec"]["hostname"]: each for each in found}


def env(pod: Obj) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}


def holds(kind: str) -> Any:
    def true(obj: Obj) -> bool:
        found = (obj.get("status") or {}).get("conditions") or ()
        return any(one["type"] == kind and one["status"] == "True" for one in found)

    return true


async def test_nodes_find_each_other_and_the_job_completes(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    trainer = {"numNodes": 3, "command": ["train"], "env": [{"name": "LR", "value": "1"}]}
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(TRAIN_JOB, trainjob(trainer=trainer))
        await eventually(lambda: len(node.started) == 3)
        found = pods(platform)
        running = await platform.until(
            TRAIN_JOB, "job", lambda obj: obj.get("status", {}).get("jobsStatus", [{}])[0].get("ready") == 1
        )
        for uid in list(node.started):
            node.finish(uid)
        done = await platform.until(TRAIN_JOB, "job", holds("Complete"))
    assert set(found) == {"job-node-0-0", "job-node-0-1", "job-node-0-2"}
    pod = found["job-node-0-1"]
    assert env(pod).items() >= {
        "LR": "1", "PET_NNODES": "3", "PET_NPROC_PER_NODE": "1", "PET_NODE_RANK": None,
        "PET_MASTER_ADDR": "job-node-0-0.job", "PET_MASTER_PORT": "29500",
    }.items()
    assert pod["spec"]["subdomain"] == "job"
    assert pod["spec"]["containers"][0]["command"] == ["train"]
    assert pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] == "1"
    assert running["status"]["jobsStatus"][0]["name"] == "node"
    assert done["status"]["conditions"][-1]["reason"] == "AllJobsCompleted"
    assert done["status"]["jobsStatus"][0]["succeeded"] == 1


@pytest.mark.parametrize("form", ["podSpecOverrides", "podTemplateOverrides", "runtimePatches"])
async def test_pods_are_patched_by_every_release_s_form(tmp_path: Path, form: str) -> None:
    container = {"name": "node", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "emptyDir": {}}]
    pod = {"containers": [container], "serviceAccountName": "who", "volumes": volumes}
    part = {"name": "node", "template": {"spec": {"template": {"spec": pod}}}}
    forms: dict[str, Any] = {
        "podSpecOverrides": {"targetJobs": [{"name": "node"}], **pod},
        "podTemplateOverrides": {"targetJobs": [{"name": "node"}], "spec": pod},
        "runtimePatches": {
            "manager": "me", "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [part]}}}
        },
    }
    document = trainjob(trainer={"command": ["train"]}, suspend=True, **{form: [forms[form]]})
    async with house(tmp_path, None, controllers) as platform:
        stored = await platform.create(TRAIN_JOB, document)
        jobset = await platform.until(JOB_SET, "job", lambda obj: True)
    template = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == "who"
    patched = template["spec"]["containers"][0]
    assert {"name": "data", "mountPath": "/data"} in patched["volumeMounts"]
    assert patched["command"] == ["train"]
    assert any("runtimePatches" in each for each in advice(TRAIN_JOB, stored)) == (form != "runtimePatches")


async def test_an_initializer_comes_first_and_shares_its_folder(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    steps = "trainer.kubeflow.org/trainjob-ancestor-step"

    def part(name: str, step: str, **rest: Any) -> Obj:
        inner = {"template": {"spec": {"containers": [{"name": name, "image": "alpine"}]}}}
        return {"name": name, "template": {"metadata": {"labels": {steps: step}}, "spec": inner}, **rest}

    after = [{"name": "dataset-initializer", "status": "Complete"}]
    parts = [part("dataset-initializer", "dataset-initializer"), part("node", "trainer", dependsOn=after)]
    spec = {"mlPolicy": {"numNodes": 1, "torch": {}}, "template": {"spec": {"replicatedJobs": parts}}}
    initializer = {"dataset": {"storageUri": "hf://a/b", "secretRef": {"name": "token"}}}
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(CLUSTER_RUNTIME, {"metadata": {"name": "mine"}, "spec": spec}, "")
        await platform.create(TRAIN_JOB, trainjob(runtime="mine", initializer=initializer, trainer={}))
        first = (await platform.until(JOB_SET, "job", lambda obj: True))["spec"]["replicatedJobs"]
    containers = [one["template"]["spec"]["template"]["spec"]["containers"][0] for one in first]
    assert containers[0]["env"] == [{"name": "STORAGE_URI", "value": "hf://a/b"}]
    assert containers[0]["envFrom"] == [{"secretRef": {"name": "token"}}]
    assert [each["volumeMounts"][0]["mountPath"] for each in containers] == ["/workspace"] * 2


async def test_a_missing_runtime_is_waited_for_and_a_suspended_job_resumed(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(TRAIN_JOB, trainjob(runtime="later", suspend=True))
        await platform.until(TRAIN_JOB, "job", holds("Suspended"))
        runtime = await platform.get(CLUSTER_RUNTIME, "torch-distributed", "")
        await platform.create(CLUSTER_RUNTIME, {"metadata": {"name": "later"}, "spec": runtime["spec"]}, "")
        await platform.until(JOB_SET, "job", lambda obj: obj["spec"]["suspend"] is True)
        assert node.started == []
        await platform.client.patch(TRAIN_JOB, "job", "default", {"spec": {"suspend": False}}, "merge")
        await eventually(lambda: len(node.started) == 1)
        resumed = await platform.get(TRAIN_JOB, "job")
    (told,) = resumed["status"]["conditions"]
    assert (told["type"], told["status"], told["reason"]) == ("Suspended", "False", "Resumed")


async def test_a_job_over_its_deadline_fails(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(TRAIN_JOB, trainjob(activeDeadlineSeconds=1))
        failed = await platform.until(TRAIN_JOB, "job", holds("Failed"))
        await platform.gone(JOB_SET, "job")
        await eventually(lambda: not platform.store.list(POD.key, "default").items)
    assert failed["status"]["conditions"][-1]["reason"] == "DeadlineExceeded"


async def test_what_a_trainjob_is_cannot_change(tmp_path: Path) -> None:
    async with house(tmp_path, None) as platform:
        await platform.create(TRAIN_JOB, trainjob(trainer={"numNodes": 1}))
        change = {"spec": {"trainer": {"numNodes": 2}}}
        with pytest.raises(StatusError, match=r"spec\.trainer.*immutable"):
            await platform.client.patch(TRAIN_JOB, "job", "default", change, "merge")


NODE = {"containers": [{"name": "node", "env": [{"name": "A", "value": "b"}]}]}
PART = {"name": "node", "template": {"spec": {"template": {"spec": NODE}}}}
PATCH = {"template": {"spec": {"replicatedJobs": [PART]}}}


@pytest.mark.parametrize(
    ("runtime", "spec", "words"),
    [
        ("torch-distributed", {"trainer": {"env": [{"name": "PET_NNODES", "value": "3"}]}},
         r"must not have reserved envs, invalid envs configured: \[PET_NNODES\]"),
        ("xgboost-distributed", {"trainer": {"env": [{"name": "DMLC_TASK_ID", "value": "3"}]}},
         r"spec\.trainer\.env\[0\]: Forbidden: DMLC_TASK_ID is reserved for the XGBoost runtime"),
        ("torch-distributed", {"initializer": {"dataset": {"storageUri": "hf://a/b"}}},
         "must have dataset-initializer job when trainJob is configured with input datasetConfig"),
        ("torch-distributed", {"podTemplateOverrides": [{"targetJobs": [{"name": "boss"}]}]},
         "must not have targetJob that doesn't exist in the runtime job template"),
        ("torch-distributed", {"runtimePatches": [{"manager": "me.example/x", "trainingRuntimeSpec": PATCH}]},
         "must not have envs for the dataset-initializer, model-initializer, node containers"),
    ],
)
async def test_what_does_not_go_with_its_runtime_is_refused(
    tmp_path: Path, runtime: str, spec: Obj, words: str
) -> None:
    async with house(tmp_path, None, controllers) as platform:
        await platform.until(CLUSTER_RUNTIME, runtime, lambda obj: True, namespace="")
        with pytest.raises(StatusError, match=words):
            await platform.create(TRAIN_JOB, trainjob(runtime=runtime, **spec))


async def test_patches_change_only_while_it_is_suspended(tmp_path: Path) -> None:
    patch = {"manager": "me.example/queue"}
    async with house(tmp_path, None) as platform:
        created = await platform.create(TRAIN_JOB, trainjob(runtimePatches=[patch]))
        change = {"spec": {"runtimePatches": []}}
        with pytest.raises(StatusError, match="can only be modified when the TrainJob is suspended"):
            await platform.client.patch(TRAIN_JOB, "job", "default", change, "merge")
        change["spec"]["suspend"] = True
        await platform.client.patch(TRAIN_JOB, "job", "default", change, "merge")
    assert created["spec"]["runtimePatches"][0]["time"] == created["metadata"]["creationTimestamp"]


async def test_a_runtime_may_say_how_many_processes_as_earlier_releases_did(tmp_path: Path) -> None:
    container = {"name": "node", "image": "train"}
    node = {
        "name": "node",
        "template": {
            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
            "spec": {"template": {"spec": {"containers": [container]}}},
        },
    }
    runtime = {
        "metadata": {"name": "own"},
        "spec": {
            "mlPolicy": {"numNodes": 1, "torch": {"numProcPerNode": 3}},
            "template": {"spec": {"replicatedJobs": [node]}},
        },
    }
    fake = FakeNode(hold=True)
    async with house(tmp_path, fake, controllers) as platform:
        made = await platform.create(RUNTIME, runtime)
        (told,) = advice(RUNTIME, made)
        assert "numProcPerNode is of an earlier Kubeflow Trainer" in told
        reference = {"name": "own", "kind": "TrainingRuntime", "apiGroup": "trainer.kubeflow.org"}
        await platform.create(TRAIN_JOB, trainjob(runtimeRef=reference))
        await eventually(lambda: len(fake.started) == 1)
        assert env(next(iter(pods(platform).values())))["PET_NPROC_PER_NODE"] == "3"
