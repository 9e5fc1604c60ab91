"""JupyterHub's KubeSpawner from PyPI, unmodified, gives a user a pod on this platform."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.platform import Platform, eventually

SPAWNER = "jupyterhub-kubespawner==7.1.0"
PROGRAM = Path(__file__).with_name("kubespawner_program.py")
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def spawner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that has it; wheels come from uv's cache."""
    folder = tmp_path_factory.mktemp("spawner") / "environment"
    python = folder / "bin" / "python"
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(folder)], check=True, timeout=60)
    subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), SPAWNER], check=True, timeout=600)
    return python


def test_a_user_comes_and_goes_twice(platform: Platform, spawner: Path) -> None:
    platform.kubectl("create", "namespace", "hub")
    done = subprocess.run(
        [spawner, "-P", PROGRAM, "hub"],  # -P: the platform.py beside it is not the one it would import
        capture_output=True, text=True, timeout=700,
        env={**os.environ, "KUBECONFIG": str(platform.home.kubeconfig)},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:] + platform.last_words()
    said = json.loads(done.stdout.strip().splitlines()[-1])
    for visit in said["visits"]:
        assert visit["phase"] == "Running" and visit["running"]
        assert visit["ip"]
        assert {"Scheduled", "Started"} <= set(visit["reasons"])
        assert "Warning" not in visit["types"]
        assert visit["log"].startswith("ada")
        assert visit["gone"] and visit["ended"] is not None
    assert {"Scheduled", "Started"} <= set(said["visits"][0]["progress"])
    assert "Killing" in said["after"] and "Warning" not in said["after"]
    assert said["state"]["pod_name"] == "jupyter-ada"
    eventually(lambda: not platform.kubectl("-n", "hub", "get", "pods,pvc,services", "-o", "name"),
               "what the spawner made to be gone with it")
