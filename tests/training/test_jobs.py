"""Training jobs live as upstream's do: pods, names, environment, conditions; against a real store and a fake
node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CONFIG_MAP, POD, SERVICE
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.training.controller import TrainingJobs
from pinnace.kinds import training
from pinnace.kinds.resource import Obj
from tests.controllers.house import House, house
from tests.controllers.nodes import FakeNode
from tests.training.documents import TF, TORCH, job

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [TrainingJobs(made.client), Garbage(made.client, made.client.house.catalogue)]


def state(obj: Obj) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or [{}]
    return str(conditions[-1].get("type"))


def env(pod: Obj, container: int = 0) -> dict[str, str]:
    entries = pod["spec"]["containers"][container].get("env", ())
    return {each["name"]: each.get("value", "") for each in entries}


def pods(made: House) -> dict[str, Obj]:
    return {each["metadata"]["name"]: each for each in made.store.list("pods", "default").items}


async def test_a_finished_pytorchjob_has_upstreams_status(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(), controllers) as platform:
        await platform.create(TORCH.resource, job(TORCH, "j", Master=1, Worker=1))
        done = await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Succeeded")
    status = done["status"]
    told = [(each["type"], each["status"], each["reason"], each["message"]) for each in status["conditions"]]
    assert told[0] == ("Created", "True", "PyTorchJobCreated", "PyTorchJob j is created.")
    assert told[-1] == ("Succeeded", "True", "PyTorchJobSucceeded", "PyTorchJob j is successfully completed.")
    assert status["replicaStatuses"]["Master"] == {
        "succeeded": 1,
        "selector": "training.kubeflow.org/job-name=j,"
        "training.kubeflow.org/operator-name=pytorchjob-controller,training.kubeflow.org/replica-type=master",
    }
    assert status["startTime"] <= status["completionTime"]


async def test_pytorch_processes_find_each_other_by_environment(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        document = job(TORCH, "j", Master=1, Worker=2, nprocPerNode="2")
        await platform.create(TORCH.resource, document)
        running = await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Running")
        found = pods(platform)
        service = await platform.get(SERVICE, "j-worker-1")
    assert running["status"]["conditions"][-1]["message"] == "PyTorchJob j is running."
    assert set(found) == {"j-master-0", "j-worker-0", "j-worker-1"}
    worker = found["j-worker-1"]
    assert env(worker) == {
        "PYTHONUNBUFFERED": "1", "MASTER_ADDR": "j-master-0", "PET_MASTER_ADDR": "j-master-0",
        "MASTER_PORT": "23456", "PET_MASTER_PORT": "23456", "WORLD_SIZE": "6", "RANK": "2",
        "PET_NODE_RANK": "2", "PET_NPROC_PER_NODE": "2", "PET_NNODES": "3",
    }
    assert worker["spec"]["restartPolicy"] == "OnFailure"
    assert worker["metadata"]["labels"]["training.kubeflow.org/replica-index"] == "1"
    assert found["j-master-0"]["metadata"]["labels"]["training.kubeflow.org/job-role"] == "master"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["ports"][0]["port"] == 23456
    assert service["spec"]["selector"].items() <= worker["metadata"]["labels"].items()


async def test_tf_config_names_every_task(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(TF.resource, job(TF, "m", Chief=1, PS=1, WORKER=2))
        running = await platform.until(TF.resource, "m", lambda obj: state(obj) == "Running")
        found = pods(platform)
    assert running["status"]["conditions"][-1]["message"] == "TFJob default/m is running."
    assert json.loads(env(found["m-worker-1"])["TF_CONFIG"]) == {
        "cluster": {
            "chief": ["m-chief-0.default.svc:2222"], "ps": ["m-ps-0.default.svc:2222"],
            "worker": ["m-worker-0.default.svc:2222", "m-worker-1.default.svc:2222"],
        },
        "task": {"type": "worker", "index": 1}, "environment": "cloud",
    }


async def test_a_single_process_gets_no_tf_config(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(TF.resource, job(TF, "m", Worker=1))
        await platform.until(TF.resource, "m", lambda obj: state(obj) == "Running")
        assert env(pods(platform)["m-worker-0"]) == {}


async def test_dynamic_workers_know_only_themselves(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(TF.resource, job(TF, "m", PS=1, Worker=2, enableDynamicWorker=True))
        await platform.until(TF.resource, "m", lambda obj: state(obj) == "Running")
        found = pods(platform)
    assert json.loads(env(found["m-worker-1"])["TF_CONFIG"]) == {
        "cluster": {"worker": {"1": "m-worker-1.default.svc:2222"}, "ps": ["m-ps-0.default.svc:2222"]},
        "task": {"type": "worker", "index": 1},
    }
    assert json.loads(env(found["m-ps-0"])["TF_CONFIG"])["cluster"] == {"ps": ["m-ps-0.default.svc:2222"]}


async def test_worker_zero_decides_unless_all_workers_must(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(TF.resource, job(TF, "m", Worker=2, policy={"cleanPodPolicy": "Running"}))
        await platform.until(TF.resource, "m", lambda obj: state(obj) == "Running")
        node.finish(pods(platform)["m-worker-0"]["metadata"]["uid"])
        done = await platform.until(TF.resource, "m", lambda obj: state(obj) == "Succeeded")
        await platform.gone(POD, "m-worker-1")
        await platform.gone(SERVICE, "m-worker-1")
        assert "m-worker-0" in pods(platform)
    assert done["status"]["conditions"][-1]["message"] == "TFJob default/m successfully completed."
    assert "active" not in done["status"]["replicaStatuses"]["Worker"]


@pytest.mark.parametrize(("code", "state_"), [(1, "Failed"), (137, "Restarting")])
async def test_exit_codes_decide_over_another_try(tmp_path: Path, code: int, state_: str) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(TORCH.resource, job(TORCH, "j", restart="ExitCode", Master=1, Worker=1))
        await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Running")
        before = pods(platform)["j-worker-0"]["metadata"]["uid"]
        node.finish(before, code)
        seen = await platform.until(TORCH.resource, "j", lambda obj: state(obj) == state_)
        after = pods(platform)["j-worker-0"]["metadata"]["uid"]
    assert (after == before) == (state_ == "Failed")
    words = "is failed" if state_ == "Failed" else "is restarting"
    message = seen["status"]["conditions"][-1]["message"]
    assert message == f"PyTorchJob j {words} because 1 Worker replica(s) failed."


async def test_a_suspended_job_has_no_pods_until_it_is_resumed(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(TORCH.resource, job(TORCH, "j", Master=1, policy={"suspend": True}))
        await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Suspended")
        assert pods(platform) == {}
        resume = {"spec": {"runPolicy": {"suspend": False}}}
        await platform.client.patch(TORCH.resource, "j", "default", resume, "merge")
        running = await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Running")
        pause = {"spec": {"runPolicy": {"suspend": True}}}
        await platform.client.patch(TORCH.resource, "j", "default", pause, "merge")
        again = await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Suspended")
        await platform.gone(POD, "j-master-0")
    reasons = {each["type"]: each["reason"] for each in running["status"]["conditions"]}
    assert reasons["Suspended"] == "PyTorchJobResumed"
    (ran,) = [each for each in again["status"]["conditions"] if each["type"] == "Running"]
    assert (ran["status"], ran["reason"]) == ("False", "PyTorchJobSuspended")


async def test_a_job_over_its_deadline_fails_and_expires(tmp_path: Path) -> None:
    policy = {"activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": 1, "cleanPodPolicy": "All"}
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(TORCH.resource, job(TORCH, "j", Master=1, policy=policy))
        failed = await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Failed")
        await platform.gone(POD, "j-master-0")
        await platform.gone(TORCH.resource, "j")
    assert failed["status"]["conditions"][-1]["message"] == (
        "Job j has failed because it was active longer than specified deadline"
    )


async def test_the_whole_job_is_one_gang(tmp_path: Path) -> None:
    async with house(tmp_path, None, controllers) as platform:
        await platform.create(TORCH.resource, job(TORCH, "j", Master=1, Worker=3))
        await platform.until(TORCH.resource, "j", lambda obj: state(obj) == "Created")
        found = pods(platform)
    notes = [each["metadata"]["annotations"] for each in found.values()]
    assert len(notes) == 4
    assert {each["pinnace.dev/gang-size"] for each in notes} == {"4"}
    assert len({each["pinnace.dev/gang"] for each in notes}) == 1


async def test_documents_of_2018_are_read(tmp_path: Path) -> None:
    old = training.of_version(TF, "v1alpha1")
    container = {"name": "tensorflow", "image": "alpine", "command": ["true"]}
    template = {"spec": {"restartPolicy": "OnFailure", "containers": [container]}}
    replicas = [
        {"replicas": 1, "tfReplicaType": "MASTER", "template": template},
        {"replicas": 2, "tfReplicaType": "WORKER", "template": template},
        {"replicas": 1, "tfReplicaType": "PS"},
    ]
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(old, {"metadata": {"name": "m"}, "spec": {"replicaSpecs": replicas}})
        await platform.until(TF.resource, "m", lambda obj: state(obj) == "Running")
        found = pods(platform)
        today = await platform.get(TF.resource, "m")
    assert set(found) == {"m-master-0", "m-worker-0", "m-worker-1", "m-ps-0"}
    cluster = json.loads(env(found["m-ps-0"])["TF_CONFIG"])["cluster"]
    assert cluster["master"] == ["m-master-0.default.svc:2222"]
    assert "tf.train.Server" in found["m-ps-0"]["spec"]["containers"][0]["command"][2]
    assert today["apiVersion"] == "kubeflow.org/v1"
    assert set(today["spec"]["tfReplicaSpecs"]) == {"Master", "Worker", "PS"}


async def test_an_mpijob_of_v1_reaches_its_workers_by_exec(tmp_path: Path) -> None:
    mpi = training.MPI_JOB
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        await platform.create(mpi.resource, job(mpi, "one", Launcher=1, Worker=2))
        await platform.until(mpi.resource, "one", lambda obj: state(obj) == "Running")
        found = pods(platform)
        config = await platform.get(CONFIG_MAP, "one-config")
    assert set(found) == {"one-launcher", "one-worker-0", "one-worker-1"}
    assert config["data"]["hostfile"] == "one-worker-0 slots=1\none-worker-1 slots=1\n"
    assert env(found["one-launcher"])["OMPI_MCA_plm_rsh_agent"] == "/etc/mpi/kubexec.sh"
