"""Real torch over gloo: PyTorchJob, TrainJob, and Kubeflow's own SDKs, unmodified."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform, eventually
from tests.training.running import apply, finished, kill, restarts, said

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(900)]


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
