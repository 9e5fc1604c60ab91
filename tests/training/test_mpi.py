"""Real Open MPI: ranks in workers of their own, reached by `kubectl exec` (v1) and by ssh (v2beta1)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform, eventually
from tests.training.running import apply, finished, said

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROGRAMS = ("mpirun", "ssh", "/usr/sbin/sshd")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        assert os.environ.get("CI") != "true", f"missing: {missing}"
        pytest.skip(f"not on this machine: {', '.join(missing)} (Debian: openmpi-bin openssh-server)")
    made = Platform(tmp_path_factory.mktemp("mpi")).up()
    try:
        yield made
    finally:
        made.down()


def close_to_pi(log: str) -> bool:
    found = re.search(r"pi is approximately ([\d.]+)", log)
    return found is not None and abs(float(found[1]) - 3.14159) < 0.02


def test_the_shipped_runtimes_are_there_before_any_job(platform: Platform) -> None:
    """The SDK lists them, or asks for one, before it creates anything."""
    def names() -> str:
        return platform.kubectl("get", "clustertrainingruntimes", "-o", "name", check=False)

    eventually(lambda: "deepspeed-distributed" in names(), "the runtimes", 20)
    assert "torch-distributed" in names()


def test_mpirun_starts_ranks_by_exec(platform: Platform) -> None:
    apply(platform, "mpijob-pi")
    assert finished(platform, "mpijob", "pi") == "Succeeded", said(platform, "pi-launcher")
    log = said(platform, "pi-launcher")
    assert "rank 0 of 2 on pi-worker-0" in log
    assert "rank 1 of 2 on pi-worker-1" in log
    assert close_to_pi(log)


def test_mpirun_starts_ranks_by_ssh(platform: Platform) -> None:
    apply(platform, "mpijob-ssh")
    assert finished(platform, "mpijobs.v2beta1.kubeflow.org", "pi-ssh") == "Succeeded"
    log = said(platform, "job/pi-ssh-launcher")
    assert "rank 0 of 2 on pi-ssh-worker-0" in log
    assert "rank 1 of 2 on pi-ssh-worker-1" in log
    assert close_to_pi(log)


@pytest.mark.heavy
@pytest.mark.parametrize(("implementation", "image"), [
    ("MPICH", "pinnace/python-mpich"), ("Intel", "pinnace/python-intelmpi"),
])
def test_other_implementations_start_their_ranks_by_ssh(
    platform: Platform, implementation: str, image: str
) -> None:
    """Their launcher takes the hosts from what the operator puts into its environment."""
    name = f"pi-{implementation.lower()}"
    more = {
        "name: pi-ssh\n": f"name: {name}\n", "pinnace/python-mpi\n": f"{image}\n",
        "  slotsPerWorker: 1\n": f"  slotsPerWorker: 1\n  mpiImplementation: {implementation}\n",
        "            command: [mpirun]\n            args: [": "            args: [mpirun, ",
    }
    apply(platform, "mpijob-ssh", **more)
    kind = "mpijobs.v2beta1.kubeflow.org"
    assert finished(platform, kind, name) == "Succeeded", said(platform, f"job/{name}-launcher")
    log = said(platform, f"job/{name}-launcher")
    assert {f"rank {rank} of 2 on {name}-worker-{rank}" for rank in (0, 1)} <= set(log.splitlines())
    assert close_to_pi(log)


def test_a_launcher_may_be_a_rank_itself(platform: Platform) -> None:
    """Its own rank needs no ssh: mpirun knows its own host."""
    mounts = "            volumeMounts:\n            - {name: program, mountPath: /program}\n"
    volumes = "          volumes:\n          - {name: program, configMap: {name: pi-ssh-program}}\n"
    more = {
        "name: pi-ssh\n": "name: pi-all\n", '"2", python': '"3", python',
        "  slotsPerWorker: 1\n": "  slotsPerWorker: 1\n  runLauncherAsWorker: true\n",
        "command: [mpirun]\n": f"command: [mpirun]\n{mounts}",
        "    Worker:\n": f"{volumes}    Worker:\n",
    }
    apply(platform, "mpijob-ssh", **more)
    assert finished(platform, "mpijobs.v2beta1.kubeflow.org", "pi-all") == "Succeeded"
    log = said(platform, "job/pi-all-launcher")
    assert "rank 0 of 3 on pi-all-launcher" in log
    assert "rank 2 of 3 on pi-all-worker-1" in log


def test_a_trainjob_of_an_mpi_runtime_launches_from_its_first_node(platform: Platform) -> None:
    apply(platform, "trainjob-mpi")
    assert finished(platform, "trainjob", "ranks") == "Complete"
    log = said(platform, "-l", "jobset.sigs.k8s.io/replicatedjob-name=launcher", "--tail=-1")
    assert "2 ranks on ranks-launcher-0-0, ranks-node-0-0: sum 3" in log
