"""The user's side: a Python of its own with the unmodified Hera SDK from PyPI, and a platform."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform

UV = Path(sys.executable).parent / "uv"
PROGRAMS = Path(__file__).parent / "programs"
RUNNER = """
environments:
- image: team/steps
  python: '3.11'
  requirements: [hera]
  path: [{folder}]
  env: {{PYTHONPATH: {folder}}}
"""
"""As docs/argo-server.md tells people to let the runner find their modules."""


@pytest.fixture(scope="session")
def hera(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of that Python."""
    folder = tmp_path_factory.mktemp("hera") / "venv"
    python = str(folder / "bin/python")
    subprocess.run([str(UV), "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([str(UV), "pip", "install", "-q", "--python", python, "hera>=7,<8", "httpx"], check=True)
    return python


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("argo") / "home")
    made.home.prepare()
    (made.home.root / "environments.yaml").write_text(RUNNER.format(folder=PROGRAMS))
    try:
        yield made.up()
    finally:
        made.down()


def program(hera: str, platform: Platform, name: str, *, timeout: float = 400) -> str:
    """What one of the user's programs prints; it knows host and token alone."""
    environment = {
        **os.environ, "PINNACE_HOST": platform.api.plain_url, "PINNACE_TOKEN": platform.api.token,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [hera, "-W", "ignore", str(PROGRAMS / name)], capture_output=True, text=True, env=environment,
        timeout=timeout, check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.last_words()}"
    return done.stdout
