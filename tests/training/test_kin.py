"""Real JAX, PaddlePaddle and XGBoost: several processes that find each other and agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform
from tests.training.running import apply, finished, said

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("kin")).up()
    try:
        yield made
    finally:
        made.down()


def test_two_processes_of_jax_are_one_machine(platform: Platform) -> None:
    apply(platform, "jaxjob")
    assert finished(platform, "jaxjob", "sums") == "Succeeded", said(platform, "sums-worker-0")
    for index in (0, 1):
        log = said(platform, f"sums-worker-{index}")
        assert f"process {index} of 2: 1 of 2 devices" in log
        assert f"process {index}: 8 numbers, sum 12.0" in log


def test_paddles_launcher_finds_the_first_worker(platform: Platform) -> None:
    apply(platform, "paddlejob")
    assert finished(platform, "paddlejob", "paddle") == "Succeeded", said(platform, "paddle-worker-0")
    logs = [said(platform, f"paddle-worker-{index}") for index in (0, 1)]
    ranks = [re.search(r"rank (\d) of 2: sum 3.0", log) for log in logs]
    assert {rank[1] for rank in ranks if rank} == {"0", "1"}


def test_xgboosts_ranks_grow_one_model(platform: Platform) -> None:
    apply(platform, "xgboostjob-iris")
    assert finished(platform, "xgboostjob", "iris") == "Succeeded", said(platform, "iris-master-0")
    pods = ("iris-master-0", "iris-worker-0", "iris-worker-1")
    told = [re.search(r"rank (\d) of 3: 40 of 120 rows, accuracy=([\d.]+), model (\d+)", said(platform, pod))
            for pod in pods]
    assert all(told)
    assert {one[1] for one in told if one} == {"0", "1", "2"}
    assert len({one[3] for one in told if one}) == 1
    assert min(float(one[2]) for one in told if one) > 0.85
