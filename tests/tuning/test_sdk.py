"""The unmodified `kubeflow-katib` from PyPI, in an environment of its own, and the example as it stands."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually

ROOT = Path(__file__).parents[2]
SDK = ["kubeflow-katib==0.19.0", "kubernetes<36"]
"""kubernetes 36 refuses the models that this SDK gives it, on any cluster."""
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(Path(tmp_path_factory.mktemp("katib"))).up()
    yield made
    made.down()


def environment(folder: Path, *packages: str) -> Path:
    """The Python that has them."""
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    install = ["uv", "pip", "install", "-q", "--python", str(python)]
    subprocess.run([*install, *packages], check=True, timeout=600)
    return python


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("sdk") / "environment", *SDK)


def said_by(platform: Platform, sdk: Path, program: str, *words: str) -> Any:
    """What a program that has the SDK says last, as JSON."""
    done = subprocess.run(
        [sdk, Path(__file__).with_name(program), *words], capture_output=True, text=True, timeout=700,
        env={**os.environ, "KUBECONFIG": str(platform.home.kubeconfig)},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextmanager
def forwarded(platform: Platform) -> Iterator[str]:
    """katib-db-manager from outside, once it is there: an address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    forward = (
        "until kubectl rollout status deployment/katib-db-manager -n kubeflow --timeout=200s; do sleep 0.5; "
        f"done; exec kubectl port-forward svc/katib-db-manager -n kubeflow {port}:6789"
    )
    environment = {**os.environ, "KUBECONFIG": str(platform.home.kubeconfig)}
    process = subprocess.Popen(
        ["sh", "-c", forward], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield f"localhost:{port}"
    process.terminate()
    process.wait()


def test_tune_finds_the_optimum_of_a_real_model(platform: Platform, sdk: Path) -> None:
    said = said_by(platform, sdk, "sdk_program.py")
    assert said["ended"] == said["trials"] == said["suggested"] == said["details"] == 4
    assert set(said["assigned"]) == {"alpha", "rounds"}
    assert said["best"] > 0.8
    assert f"accuracy={said['best']}" in said["logs"]
    eventually(lambda: not platform.kubectl("get", "trials", "-o", "name"), "its trials to be gone")


def test_a_function_pushes_its_metrics_and_the_sdk_reads_them(platform: Platform, sdk: Path) -> None:
    with forwarded(platform) as address:
        said = said_by(platform, sdk, "sdk_push_program.py", address)
    result = 4 * int(said["assigned"]["a"]) - float(said["assigned"]["b"]) ** 2
    assert float(said["best"]) == pytest.approx(result)
    assert said["told"] == [said["best"]]


def test_the_optimizer_of_the_newer_sdk_searches_over_train_jobs(platform: Platform, tmp_path: Path) -> None:
    newer = environment(tmp_path / "environment", "kubeflow==0.5.0")
    said = said_by(platform, newer, "optimizer_program.py")
    assert said["status"] == "Complete"
    assert len(said["losses"]) == 3
    assert said["best"] == min(said["losses"])
    rate, rounds = float(said["parameters"]["lr"]), int(said["parameters"]["rounds"])
    assert said["best"] == pytest.approx((rate - 0.3) ** 2 + rounds)
    assert f"loss={said['best']}" in said["logs"]
    assert "ExperimentCreated" in said["events"]


def test_the_example_finds_a_good_machine(platform: Platform) -> None:
    pytest.importorskip("optuna")
    platform.kubectl("apply", "-f", str(ROOT / "examples" / "katib-digits" / "experiment.yaml"))

    def ended() -> bool:
        conditions = platform.get("experiment", "digits").get("status", {}).get("conditions") or []
        assert all(one["type"] != "Failed" for one in conditions), conditions
        return any(one["type"] == "Succeeded" for one in conditions)

    eventually(ended, "the example's end", 600)
    best = platform.get("experiment", "digits")["status"]["currentOptimalTrial"]
    assert float(best["observation"]["metrics"][0]["max"]) > 0.95
