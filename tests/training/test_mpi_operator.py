"""v2beta1 MPIJobs live as the MPI Operator's do: a Job that launches, workers, keys, hosts; against a real
store, the Job controller and a fake node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CONFIG_MAP, EVENT, JOB, POD, SECRET, SERVICE
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.jobs import Jobs
from pinnace.controllers.training.controller import TrainingJobs
from pinnace.controllers.training.mpi_operator.controller import MPIJobs
from pinnace.kinds import training
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from tests.controllers.house import House, eventually, house
from tests.controllers.nodes import FakeNode
from tests.training.documents import job

pytestmark = pytest.mark.anyio
MPI = training.MPI_JOB
V2 = training.of_version(MPI, "v2beta1")


def controllers(made: House) -> list[Any]:
    return [
        TrainingJobs(made.client), MPIJobs(made.client), Jobs(made.client, first_delay=0.01),
        Garbage(made.client, made.client.house.catalogue),
    ]


def state(obj: Obj) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or [{}]
    return str(conditions[-1].get("type"))


def said(obj: Obj) -> dict[str, str]:
    return {one["type"]: one["status"] for one in (obj.get("status") or {}).get("conditions") or ()}


def env(pod: Obj) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0].get("env", ())}


def pods(made: House, role: str = "worker") -> dict[str, Obj]:
    found = made.store.list("pods", "default").items
    return {
        each["metadata"]["name"]: each for each in found
        if each["metadata"]["labels"]["training.kubeflow.org/job-role"] == role
    }


async def test_a_launcher_calls_its_workers_by_name_and_key(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        document = job(MPI, "pi", Launcher=1, Worker=2, slotsPerWorker=2, sshAuthMountPath="/keys/u/.ssh")
        await platform.create(V2, document)
        running = await platform.until(MPI.resource, "pi", lambda obj: state(obj) == "Running")
        launcher = await platform.get(JOB, "pi-launcher")
        (launched,) = pods(platform, "launcher").values()
        workers = pods(platform)
        config, secret = await platform.get(CONFIG_MAP, "pi-config"), await platform.get(SECRET, "pi-ssh")
        service = await platform.get(SERVICE, "pi")
        node.finish(launched["metadata"]["uid"])
        done = await platform.until(MPI.resource, "pi", lambda obj: state(obj) == "Succeeded")
    assert launched["metadata"]["ownerReferences"][0]["kind"] == "Job"
    assert launcher["metadata"]["ownerReferences"][0]["kind"] == "MPIJob"
    assert set(workers) == {"pi-worker-0", "pi-worker-1"}
    assert workers["pi-worker-1"]["spec"]["hostname"] == "pi-worker-1"
    assert workers["pi-worker-1"]["spec"]["subdomain"] == "pi" == launched["spec"]["subdomain"]
    assert workers["pi-worker-1"]["metadata"]["labels"]["training.kubeflow.org/replica-index"] == "1"
    assert config["data"]["hostfile"].splitlines()[1] == "pi-worker-1.pi.default.svc slots=2"
    assert set(secret["data"]) == {"ssh-privatekey", "ssh-publickey"}
    assert service["spec"]["selector"].items() <= workers["pi-worker-0"]["metadata"]["labels"].items()
    assert env(launched).items() >= {
        "K_MPI_JOB_ROLE": "launcher", "OMPI_MCA_orte_default_hostfile": "/etc/mpi/hostfile",
        "OMPI_MCA_orte_set_default_slots": "2", "NVIDIA_VISIBLE_DEVICES": "",
    }.items()
    mounts = {one["name"]: one["mountPath"] for one in launched["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["ssh-auth"] == "/keys/u/.ssh"
    assert running["status"]["conditions"][-1]["message"] == "MPIJob default/pi is running."
    assert running["status"]["replicaStatuses"] == {"Launcher": {"active": 1}, "Worker": {"active": 2}}
    assert done["status"]["conditions"][-1]["message"] == "MPIJob default/pi successfully completed."
    assert done["status"]["replicaStatuses"]["Launcher"] == {"succeeded": 1}


async def test_a_suspended_job_has_a_suspended_launcher_and_no_workers(tmp_path: Path) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        policy = {"launcherCreationPolicy": "WaitForWorkersReady", "runPolicy": {"suspend": True}}
        await platform.create(V2, job(MPI, "pi", Launcher=1, Worker=1, **policy))
        asleep = await platform.until(MPI.resource, "pi", lambda obj: said(obj).get("Suspended") == "True")
        launcher = await platform.until(JOB, "pi-launcher", lambda obj: True)
        assert launcher["spec"]["suspend"] is True
        assert "startTime" not in asleep["status"]
        assert pods(platform) == {}
        resume = {"spec": {"runPolicy": {"suspend": False}}}
        await platform.client.patch(V2, "pi", "default", resume, "merge")
        running = await platform.until(MPI.resource, "pi", lambda obj: said(obj).get("Running") == "True")
        pause = {"spec": {"runPolicy": {"suspend": True}}}
        await platform.client.patch(V2, "pi", "default", pause, "merge")
        await platform.gone(POD, "pi-worker-0")
        again = await platform.until(MPI.resource, "pi", lambda obj: said(obj)["Running"] == "False")
    reasons = {each["type"]: each["reason"] for each in running["status"]["conditions"]}
    assert reasons["Suspended"] == "MPIJobResumed"
    assert said(again)["Suspended"] == "True"
    assert said(again)["Running"] == "False"


async def test_the_launcher_waits_for_ready_workers(tmp_path: Path) -> None:
    async with house(tmp_path, None, controllers) as platform:
        document = job(MPI, "pi", Launcher=1, Worker=1, launcherCreationPolicy="WaitForWorkersReady")
        await platform.create(V2, document)
        worker = await platform.until(POD, "pi-worker-0", lambda obj: True)
        assert platform.store.get(JOB.key, "default", "pi-launcher") is None
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        change = Change(verb="status", resource=POD, obj={**worker, "status": ready})
        await platform.client.transact([change])
        await platform.until(JOB, "pi-launcher", lambda obj: True)


async def test_a_launcher_that_works_is_the_first_of_the_hosts(tmp_path: Path) -> None:
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        document = job(MPI, "pi", Launcher=1, Worker=1, runLauncherAsWorker=True, mpiImplementation="Intel")
        await platform.create(V2, document)
        await platform.until(MPI.resource, "pi", lambda obj: state(obj) == "Running")
        config = await platform.get(CONFIG_MAP, "pi-config")
        (launched,), worker = pods(platform, "launcher").values(), pods(platform)["pi-worker-0"]
    assert config["data"]["hostfile"].splitlines() == [
        "pi-launcher.pi.default.svc:1", "pi-worker-0.pi.default.svc:1"
    ]
    assert launched["metadata"]["labels"]["training.kubeflow.org/replica-index"] == "0"
    assert worker["metadata"]["labels"]["training.kubeflow.org/replica-index"] == "1"
    assert env(launched)["I_MPI_HYDRA_HOST_FILE"] == "/etc/mpi/hostfile"
    assert "NVIDIA_VISIBLE_DEVICES" not in env(launched)


@pytest.mark.parametrize(("policy", "left"), [("All", []), ("Running", []), ("None", ["pi-worker-0"])])
async def test_a_failed_launcher_ends_the_job_and_its_workers_go(
    tmp_path: Path, policy: str, left: list[str]
) -> None:
    node = FakeNode(hold=True)
    async with house(tmp_path, node, controllers) as platform:
        rules = {"cleanPodPolicy": policy, "backoffLimit": 0}
        await platform.create(V2, job(MPI, "pi", restart="Never", Launcher=1, Worker=1, policy=rules))
        await platform.until(MPI.resource, "pi", lambda obj: state(obj) == "Running")
        (launched,) = pods(platform, "launcher").values()
        node.finish(launched["metadata"]["uid"], 3)
        failed = await platform.until(MPI.resource, "pi", lambda obj: state(obj) == "Failed")
        await eventually(lambda: list(pods(platform)) == left)
    assert failed["status"]["conditions"][-1]["reason"].startswith("BackoffLimitExceeded/")
    assert failed["status"]["completionTime"]


async def test_what_is_wrong_is_told_in_the_operators_words(tmp_path: Path) -> None:
    async with house(tmp_path, None, controllers) as platform:
        await platform.create(V2, job(MPI, "pi", Worker=1, restart="Always"))

        def told() -> str:
            events = platform.store.list(EVENT.key, "default").items
            return next((one["message"] for one in events if one["reason"] == "ValidationError"), "")

        await eventually(lambda: bool(told()))
        words = told()
        assert pods(platform) == {}
    assert "spec.mpiReplicaSpecs[Launcher]: Required value: must have Launcher replica spec" in words
    assert 'restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"' in words


async def test_it_stays_the_operators_when_it_is_written_by_the_other_version(tmp_path: Path) -> None:
    """kubectl prefers v1 of the two: a label put on the job changes nothing else."""
    async with house(tmp_path, FakeNode(hold=True), controllers) as platform:
        document = job(MPI, "pi", Launcher=1, Worker=1, mpiImplementation="Intel", sshAuthMountPath="/keys")
        await platform.create(V2, document)
        await platform.until(MPI.resource, "pi", lambda obj: state(obj) == "Running")
        label = {"metadata": {"labels": {"team": "a"}}}
        shown = await platform.client.patch(MPI.resource, "pi", "default", label, "merge")
        stored = platform.store.get(MPI.resource.key, "default", "pi")
    assert shown["apiVersion"] == "kubeflow.org/v1"
    assert stored is not None
    assert stored["apiVersion"] == "kubeflow.org/v2beta1"
    assert stored["metadata"]["labels"] == {"team": "a"}
    assert stored["spec"]["mpiImplementation"] == "Intel"
    assert stored["spec"]["sshAuthMountPath"] == "/keys"
