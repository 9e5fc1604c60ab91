"""The wheel as a user has it: built, installed into a fresh environment far from the checkout, and run."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
CARRIED = (
    "pinnace/console_dist/index.html", "pinnace/examples/hello-world.yaml",
    "pinnace/catalog/data-digits.yaml",
    "pinnace/examples/digits/workflow.yaml",
    "pinnace/kinds/data/catalogue.json", "pinnace/kinds/data/argoproj.io.jsonl", "pinnace/api/kube/wire.json",
    "pinnace/authoring/environments_shipped/rules.yaml", "pinnace/py.typed",
)


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "uv", *words], capture_output=True, text=True, timeout=300, cwd=ROOT
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "src" / "pinnace" / "console_dist" / "index.html").exists():
        pytest.skip("the console is not built: `make console`")
    folder = tmp_path_factory.mktemp("wheel")
    built = uv("build", "--wheel", "--offline", "--out-dir", str(folder))
    if built.returncode != 0:
        built = uv("build", "--wheel", "--out-dir", str(folder))
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has nothing but the wheel; from uv's cache if that has all."""
    place = tmp_path_factory.mktemp("fresh") / "venv"
    assert uv("venv", "--python", sys.executable, str(place)).returncode == 0
    python = str(place / "bin" / "python")
    done = uv("pip", "install", "--offline", "--python", python, str(wheel))
    if done.returncode != 0:
        done = uv("pip", "install", "--python", python, str(wheel))
    if done.returncode != 0:
        message = f"the wheel's dependencies are neither in uv's cache nor reachable: {done.stderr[-400:]}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return place / "bin"


def test_the_wheel_carries_console_examples_and_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(CARRIED) <= names
    assert not [n for n in names if n.startswith(("tests/", "pinnace/tests"))]


class Installed:
    def __init__(self, programs: Path, home: Path) -> None:
        self.programs = programs
        self.home = home
        self.env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.programs / "pinnace"), *words], capture_output=True, text=True, timeout=120,
            cwd=self.home.parent, env={**self.env, "PINNACE_HOME": str(self.home)},
        )


@pytest.fixture
def pinnace(installed: Path, tmp_path: Path) -> Iterator[Installed]:
    command = Installed(installed, tmp_path / "home")
    yield command
    command("down")


def test_an_installed_user_runs_the_readmes_commands(pinnace: Installed) -> None:
    up = pinnace("up", "-d", "--port", "0", "--gateway-port", "0")
    assert up.returncode == 0, up.stderr
    ran = pinnace("run", "examples/hello-world.yaml")
    assert ran.returncode == 0, ran.stderr
    assert "hello-world-" in pinnace("kubectl", "get", "workflows").stdout
    assert pinnace("doctor").returncode == 0
    assert "signin" in pinnace("console").stdout
    where = "from pinnace.cli.examples import examples; print(examples())"
    python = str(pinnace.programs / "python")
    found = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    assert "site-packages/pinnace/examples" in found.stdout
    assert pinnace("down").returncode == 0
