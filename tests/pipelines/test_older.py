"""kfp 1.8: the Workflows that it compiles, by kubectl, and its client. The SDK is PyPI's, unmodified."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.platform import Platform, eventually
from tests.pipelines.conftest import UV

PROGRAMS = Path(__file__).parent / "programs"
ENDED = ("Succeeded", "Failed", "Error")
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def older_sdk(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("older") / "venv"
    python = str(folder / "bin/python")
    subprocess.run([str(UV), "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    wanted = ["kfp==1.8.22", "setuptools<80"]  # its client asks for pkg_resources
    subprocess.run([str(UV), "pip", "install", "-q", "--python", python, *wanted], check=True)
    return python


@pytest.fixture(scope="module")
def made(platform: Platform, older_sdk: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each pipeline's expectation and the name of the Workflow that kubectl created of it."""
    folder = tmp_path_factory.mktemp("compiled")
    subprocess.run([older_sdk, "-W", "ignore", str(PROGRAMS / "older.py"), str(folder)], check=True)
    cases: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    platform.kubectl("create", "namespace", "kubeflow", check=False)
    for case in cases.values():
        for name, data in (case.get("secrets") or {}).items():
            words = [f"--from-literal={key}={value}" for key, value in data.items()]
            platform.kubectl("create", "secret", "generic", name, "-n", "kubeflow", *words)
    for name, case in cases.items():
        said = platform.kubectl("create", "-n", "kubeflow", "-f", str(folder / f"{name}.yaml"), "-o", "name")
        case["workflow"] = said.strip().rpartition("/")[2]
    return cases


def names() -> list[str]:
    return re.findall(r'@dsl\.pipeline\(\s*name="([^"]+)"', (PROGRAMS / "older.py").read_text())


def ended(platform: Platform, workflow: str) -> Callable[[], Any]:
    def look() -> Any:
        found = platform.get("workflow", workflow, "-n", "kubeflow")
        return found if (found.get("status") or {}).get("phase") in ENDED else None

    return look


@pytest.mark.parametrize("name", names())
def test_a_workflow_of_that_compiler_ends_as_it_must_and_is_a_run(
    platform: Platform, made: dict[str, Any], name: str
) -> None:
    case = made[name]
    found = eventually(ended(platform, case["workflow"]), f"the end of {name}", within=240)
    messages = [
        (one["displayName"], one.get("message"))
        for one in found["status"]["nodes"].values() if one["phase"] != "Succeeded"
    ]
    assert found["status"]["phase"] == case["phase"], messages

    def shown() -> Any:
        run = found["metadata"]["labels"].get("pipeline/runid")
        told = json.loads(platform.api.request("GET", f"/apis/v2beta1/runs/{run}"))
        return told if told["state"] == case["phase"].upper() else None

    run = eventually(shown, "its run")
    tasks = [one["display_name"] for one in run["run_details"]["task_details"]]
    assert len(tasks) == len(found["status"]["nodes"]), tasks


@pytest.mark.parametrize("way", ["host", "kubeconfig"])
def test_every_method_of_that_client(platform: Platform, older_sdk: str, tmp_path: Path, way: str) -> None:
    environment = {
        **os.environ, "KUBECONFIG": str(platform.home.kubeconfig), "HOME": str(tmp_path),
        "PINNACE_TOKEN": platform.api.token,
    }
    if way == "host":
        environment["PINNACE_HOST"] = platform.api.plain_url
    done = subprocess.run(
        [older_sdk, "-W", "ignore", str(PROGRAMS / "older_client.py"), str(tmp_path)],
        capture_output=True, text=True, env=environment, timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.last_words()}"
    assert done.stdout.strip().endswith("all")
