"""An Experiment over a PyTorchJob of two real torch processes, the same model in both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

from .documents import Document, double, experiment
from .test_experiments import condition, run, trials

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]
PROGRAM = """
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

distributed.init_process_group("gloo")
rank = distributed.get_rank()
torch.manual_seed(rank)
points = torch.rand(256, 2)
answers = points @ torch.tensor([[3.0], [-2.0]]) + 1
torch.manual_seed(0)
model = DistributedDataParallel(nn.Linear(2, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=float("${trialParameters.x}"))
for step in range(60):
    loss = nn.functional.mse_loss(model(points), answers)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
total = loss.detach().clone()
distributed.all_reduce(total)
if rank == 0:
    print(f"loss={total.item() / distributed.get_world_size()}")
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("torch"))).up()
    yield made
    made.down()


def replica() -> Document:
    container = {
        "name": "pytorch", "image": "pinnace/python-torch", "command": ["python3", "-c", PROGRAM],
        "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
    }
    return {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {"containers": [container]}}}


def test_the_learning_rate_of_a_distributed_job_is_found(platform: Platform) -> None:
    job = {
        "apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
        "spec": {"pytorchReplicaSpecs": {"Master": replica(), "Worker": replica()}},
    }
    document = experiment(
        "torch", maxTrialCount=4, parallelTrialCount=1,
        parameters=[double("x", "0.001", "0.5", distribution="logUniform")],
        algorithm={"algorithmName": "tpe", "algorithmSettings": [{"name": "random_state", "value": "3"}]},
        trialTemplate={"trialSpec": job, "primaryContainerName": "pytorch"},
    )
    status = run(platform, document, within=800)["status"]
    assert status["trialsSucceeded"] == 4
    losses = {
        float(one["spec"]["parameterAssignments"][0]["value"]):
            float(one["status"]["observation"]["metrics"][0]["min"])
        for one in trials(platform, "torch")
    }
    best = status["currentOptimalTrial"]
    rate = float(best["parameterAssignments"][0]["value"])
    assert losses[rate] == min(losses.values()) < max(losses.values())
    assert losses[max(losses)] < losses[min(losses)]  # sixty small steps do not get there


def test_upstreams_first_example_runs_as_it_is_written(platform: Platform, shared: Path) -> None:
    """The image's program is ours: the flags are upstream's, the training is real."""
    folder = shared / "corpus/katib/katib/examples/v1beta1/hp-tuning"
    platform.kubectl("apply", "-f", str(folder / "random.yaml"))

    def ended() -> Any:
        found = platform.get("experiment", "random", "-n", "kubeflow")
        assert condition(found, "Failed") is None, condition(found, "Failed")
        return found if condition(found, "Succeeded") else None

    status = eventually(ended, "the example's end", 800)["status"]
    best = status["currentOptimalTrial"]
    assert {one["name"] for one in best["parameterAssignments"]} == {"lr", "momentum"}
    assert float(best["observation"]["metrics"][0]["min"]) < 2  # chance has 2.3
    assert status["trialsSucceeded"] == 12
