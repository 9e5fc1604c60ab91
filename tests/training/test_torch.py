"""Real torch over gloo: PyTorchJob, TrainJob, and Kubeflow's own SDKs, unmodified."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinnace.node.environments import find_uv
from tests.e2e.platform import Platform, eventually
from tests.training.running import apply, finished, kill, restarts, said

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("torch")).up()
    try:
        yield made
    finally:
        made.down()


def test_three_ranks_read_different_rows_and_stay_equal(platform: Platform) -> None:
    apply(platform, "pytorchjob-digits")
    assert finished(platform, "pytorchjob", "digits") == "Succeeded", said(platform, "digits-master-0")
    log = said(platform, "digits-master-0")
    assert "rank 0 of 3" in log
    assert log.count("rows [500, 500, 500], all different") == 5
    accuracy = re.search(r"parameters equal after each, accuracy=([\d.]+)", log)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.9
    assert "rank 2: 50 steps" in said(platform, "digits-worker-1")


def test_a_killed_rank_comes_back(platform: Platform) -> None:
    """Its neighbours fail with it: OnFailure starts them all again, until all is well."""
    more = {"name: digits\n": "name: again\n", '"EPOCHS", "5"': '"EPOCHS", "40"'}
    apply(platform, "pytorchjob-digits", **more)
    eventually(lambda: "epoch 1:" in said(platform, "again-master-0"), "the second epoch", 300)
    kill("again-worker-0", "/program/train.py")
    eventually(lambda: restarts(platform, "again-worker-0") == 1, "the restart", 60)
    assert finished(platform, "pytorchjob", "again") == "Succeeded", said(platform, "again-master-0")


def test_an_elastic_job_grows_while_it_runs(platform: Platform) -> None:
    """A third worker joins the rendezvous; the ranks start anew from the checkpoint, the pods do not."""
    apply(platform, "pytorchjob-elastic")
    eventually(lambda: "epoch 2: 2 ranks" in said(platform, "elastic-worker-0"), "two ranks", 400)
    platform.kubectl("scale", "pytorchjob/elastic", "--replicas=3")
    eventually(lambda: ": 3 ranks" in said(platform, "elastic-worker-0"), "three ranks", 200)
    assert finished(platform, "pytorchjob", "elastic") == "Succeeded", said(platform, "elastic-worker-0")
    epochs = re.findall(r"epoch (\d+): (\d) ranks", said(platform, "elastic-worker-0"))
    assert epochs[-1] == ("59", "3")
    first = next(int(epoch) for epoch, ranks in epochs if ranks == "3")
    assert first > 2
    assert [restarts(platform, f"elastic-worker-{index}") for index in range(3)] == [0, 0, 0]


def test_a_trainjob_runs_through_the_shipped_runtime(platform: Platform) -> None:
    apply(platform, "trainjob")
    assert finished(platform, "trainjob", "averages") == "Complete"
    log = said(platform, "-l", "trainer.kubeflow.org/trainjob-ancestor-step=trainer", "--tail=-1")
    assert log.count("500 numbers, average of all 499.5") == 2
    status = platform.get("trainjob", "averages")["status"]
    assert status["trainerStatus"]["progressPercentage"] == 100
    assert status["jobsStatus"] == [
        {"name": "node", "ready": 0, "succeeded": 1, "failed": 0, "active": 0, "suspended": 0}
    ]


SDKS = ("kubeflow-training==1.9.4", "kubeflow==0.5.0")
IMAGE = "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime"
PROGRAM = '''
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    total = torch.ones(1) * dist.get_rank()
    dist.all_reduce(total)
    print("sum of ranks", int(total), "of", dist.get_world_size(), flush=True)
    dist.destroy_process_group()
'''
TRAINING = f'''
import sys
from kubeflow.training import TrainingClient

def train():{PROGRAM}
client = TrainingClient(config_file=sys.argv[1])
client.create_job(name="sdk", train_func=train, num_workers=2, base_image="{IMAGE}", namespace="default")
there = {{"name": "sdk", "namespace": "default"}}
client.wait_for_job_conditions(**there, expected_conditions={{"Succeeded"}}, timeout=400)
print(client.get_job_pod_names(name="sdk", namespace="default"))
print(client.get_job_logs(name="sdk", namespace="default")[0]["sdk-master-0"])
client.delete_job(name="sdk", namespace="default")
'''
TRAINER = f'''
import sys
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient

def train():{PROGRAM}
client = TrainerClient(backend_config=KubernetesBackendConfig(config_file=sys.argv[1], namespace="default"))
runtime = client.get_runtime("torch-distributed")
name = client.train(runtime=runtime, trainer=CustomTrainer(func=train, num_nodes=2))
job = client.wait_for_job_status(name, timeout=400)
print(job.status, [step.name for step in job.steps])
print("\\n".join(client.get_job_logs(name)))
client.delete_job(name)
'''


@pytest.fixture(scope="module")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with Kubeflow's own clients, as they are on PyPI."""
    folder = tmp_path_factory.mktemp("sdks") / "venv"
    uv = find_uv()
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *SDKS], check=True)
    return python


def run(platform: Platform, python: Path, program: str, folder: Path) -> str:
    """From a file: the SDKs read the source of the function."""
    script = folder / "client.py"
    script.write_text(program)
    done = subprocess.run(
        [str(python), str(script), str(platform.home.kubeconfig)], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_training_sdk_creates_waits_and_reads(platform: Platform, sdks: Path, tmp_path: Path) -> None:
    said_there = run(platform, sdks, TRAINING, tmp_path)
    assert "['sdk-master-0', 'sdk-worker-0']" in said_there
    assert "sum of ranks" in said_there


def test_the_trainer_sdk_creates_waits_and_reads(platform: Platform, sdks: Path, tmp_path: Path) -> None:
    said_there = run(platform, sdks, TRAINER, tmp_path)
    assert "Complete ['node-0', 'node-1']" in said_there
    assert "sum of ranks 1 of 2" in said_there
