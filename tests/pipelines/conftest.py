"""The user's side: a Python of its own with the unmodified SDK from PyPI, and a platform with quiet steps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform

UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of that Python."""
    folder = tmp_path_factory.mktemp("sdk") / "venv"
    python = str(folder / "bin/python")
    subprocess.run([str(UV), "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([str(UV), "pip", "install", "-q", "--python", python, "kfp", "kfp-kubernetes"], check=True)
    return python


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Its environments are built once for all tests of a module."""
    made = Platform(tmp_path_factory.mktemp("kfp") / "home")
    try:
        yield made.up()
    finally:
        made.down()


def script(sdk: str, platform: Platform, text: str, *, timeout: float = 300) -> str:
    """What a program of the user's prints; it finds the platform by its kubeconfig alone."""
    environment = {
        **os.environ, "KUBECONFIG": str(platform.home.kubeconfig), "HOME": str(platform.home.root),
        "PINNACE_HOST": platform.api.plain_url, "PINNACE_TOKEN": platform.api.token,
    }
    file = platform.home.root / "program.py"
    file.write_text(text)
    done = subprocess.run(
        [sdk, "-W", "ignore", str(file)], capture_output=True, text=True, env=environment, timeout=timeout
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{platform.last_words()}"
    return done.stdout
