"""pytest with Pinnace installed: given a test that asks for a fixture, then it has what the docs say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PLUGIN = "pinnace.pytest_plugin"
HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-, annotations: {pinnace.dev/isolation: process}}
spec:
  entrypoint: main
  arguments: {parameters: [{name: message, value: hello}]}
  templates:
  - {name: main, steps: [[{name: say, template: say}]]}
  - {name: say, container: {image: busybox, command: [echo, "{{workflow.parameters.message}}"]}}
"""
SESSION = """
import os

def test_it_runs(pinnace):
    run = pinnace.run("hello.yaml", parameters={"message": "hi"})
    assert (run.phase, run.nodes["say"]["phase"]) == ("Succeeded", "Succeeded")
    assert run.logs() == run.logs("say") == "hi\\n"
    assert run.name in pinnace.kubectl("get", "workflows", "-o", "name")

def test_it_is_the_same_one_and_tools_find_it(pinnace):
    assert os.environ["KUBECONFIG"] == str(pinnace.kubeconfig)
    assert os.environ["ARGO_SERVER"].endswith(pinnace.url.rpartition(":")[2])
    assert len(pinnace.api.json("/apis/argoproj.io/v1alpha1/workflows")["items"]) == 1
    assert pinnace.command("status").returncode == 0

def test_without_a_platform(run_workflow):
    assert run_workflow("hello.yaml", {"say": "x"}).step("say").command == ["echo", "hello"]
"""
LAZY = """
import sys

def test_nothing_of_ours_is_imported():
    ours = {name for name in sys.modules if name.split(".")[0] == "pinnace"}
    assert ours <= {"pinnace", "pinnace.pytest_plugin"}, ours
"""


def session(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *loaded(), *words]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=150, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def loaded() -> list[str]:
    """An installation that is older than the entry point needs to be told."""
    from importlib.metadata import entry_points

    known = any(each.value == PLUGIN for each in entry_points(group="pytest11"))
    return [] if known else ["-p", PLUGIN]


def test_the_entry_point_is_declared() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"pinnace": PLUGIN}


def test_a_session_without_its_fixtures_pays_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_lazy.py").write_text(LAZY)
    session(tmp_path)


@pytest.mark.slow
def test_every_worker_has_a_platform_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(HELLO)
    (tmp_path / "test_session.py").write_text(SESSION)
    done = session(tmp_path, "--pinnace-isolation", "process", "--pinnace-home", str(tmp_path / "homes"))
    assert "3 passed" in done.stdout
    assert not (tmp_path / "homes" / "main" / "control.json.new").exists()
    left = ["pgrep", "-f", str(tmp_path / "homes")]
    assert subprocess.run(left, capture_output=True, text=True, check=False).stdout == ""
