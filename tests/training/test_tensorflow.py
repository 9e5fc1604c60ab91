"""Real TensorFlow: a chief, two workers and a parameter server learn MNIST, and survive what is done to
them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform, eventually
from tests.training.running import EXAMPLES, apply, finished, kill, restarts, said, state

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("tensorflow")).up()
    try:
        yield made
    finally:
        made.down()


def steps(platform: Platform, name: str) -> list[tuple[int, float]]:
    found = re.findall(r"Accuracy at step (\d+): ([\d.]+)", said(platform, f"{name}-chief-0"))
    return [(int(step), float(accuracy)) for step, accuracy in found]


def test_it_learns_with_variables_on_the_parameter_server(platform: Platform) -> None:
    apply(platform, "tfjob-mnist")
    assert finished(platform, "tfjob", "mnist", 900) == "Succeeded", said(platform, "mnist-chief-0")
    log = said(platform, "mnist-chief-0")
    assert "hidden/weights lives on /job:ps/task:0" in log
    last, accuracy = steps(platform, "mnist")[-1]
    assert last >= 1500
    assert accuracy >= 0.93
    runs = Path(platform.home.volumes) / "default" / "mnist-runs" / "mnist"
    assert list(runs.glob("model.ckpt-*.index"))
    assert list(runs.glob("events.out.tfevents.*"))


def test_a_worker_and_control_may_be_killed(platform: Platform) -> None:
    """The worker comes back under OnFailure and the job goes on, whether anybody watches or not."""
    more = {
        "name: mnist\n": "name: hard\n", '"STEPS", "1500"': '"STEPS", "2500"',
        "subPath: mnist": "subPath: hard",
    }
    apply(platform, "tfjob-mnist", **more)
    eventually(lambda: steps(platform, "hard"), "the first steps", 300)
    kill("hard-worker-1", "/program/train.py")
    eventually(lambda: restarts(platform, "hard-worker-1") == 1, "the worker's restart", 60)
    os.kill(platform.pids()["control"], signal.SIGKILL)
    assert finished(platform, "tfjob", "hard", 600) == "Succeeded"
    assert restarts(platform, "hard-chief-0") == 0
    assert steps(platform, "hard")[-1][1] >= 0.93


def test_without_its_parameter_server_nothing_goes_on(platform: Platform) -> None:
    more = {
        "name: mnist\n": "name: lost\n", '"STEPS", "1500"': '"STEPS", "1000000"',
        "subPath: mnist": "subPath: lost",
    }
    apply(platform, "tfjob-mnist", **more)
    eventually(lambda: steps(platform, "lost"), "the first steps", 300)
    kill("lost-ps-0", "/program/train.py")
    time.sleep(0.5)  # what was on its way when the server died is told by now
    before = steps(platform, "lost")
    assert restarts(platform, "lost-ps-0") in (0, 1)
    eventually(lambda: restarts(platform, "lost-ps-0") == 1, "the parameter server's restart", 60)
    assert len(steps(platform, "lost")) - len(before) <= 1
    eventually(lambda: len(steps(platform, "lost")) > len(before) + 1, "steps from the checkpoint on", 300)
    assert state(platform, "tfjob", "lost") == "Running"
    platform.kubectl("delete", "tfjob", "lost")


def test_a_program_of_2018_runs_as_it_was_written(platform: Platform) -> None:
    """Its document is v1alpha1 with a parameter server of ours; its `import tensorflow` means version 1."""
    applied = subprocess.run(
        ["kubectl", "apply", "-f", str(EXAMPLES / "tfjob-2018" / "job.yaml")], capture_output=True, text=True,
        check=True, env={**os.environ, "KUBECONFIG": str(platform.home.kubeconfig)},
    )
    assert "v1alpha1 TFJob: this version ended years ago" in applied.stderr
    assert finished(platform, "tfjob", "mnist-2018", 900) == "Succeeded"
    log = said(platform, "mnist-2018-master-0")
    found = re.findall(r"Accuracy at step (\d+): ([\d.]+)", log)
    assert found[-1][0] == "490"
    assert float(found[-1][1]) >= 0.91
    runs = Path(platform.home.volumes) / "default" / "mnist-2018" / "mnist-2018" / "logs"
    assert list(runs.glob("master0/events.out.tfevents.*"))
    assert list(runs.glob("model.ckpt-*.index"))
