"""Wheels that somebody laid down for environments: a build of one's own wins over a newer one."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from pinnace.authoring.environments import Environment
from pinnace.home import Home
from pinnace.node.environments import Environments, laid_down
from pinnace.node.images import Images
from pinnace.node.reaper import Reaper


def wheel(folder: Path, version: str) -> None:
    info = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as file:
        file.writestr("tiny.py", f"version = '{version}'\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize(("asked", "version"), [("tiny", "1.0+cpu"), ("tiny>=2", "2.0")])
def test_a_build_of_ones_own_wins_where_it_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, version: str
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for one in ("1.0+cpu", "2.0"):
        wheel(wheels, one)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    assert laid_down() == ["tiny==1.0+cpu"]

    async def build() -> Path:
        home = Home.at(tmp_path / "home").prepare()
        reaper = Reaper()
        environment = Environment(python="*", requirements=(asked,))
        made = Environments(home, reaper, Images(home, reaper))
        return home.environments / (await made.make(environment)).digest

    folder = asyncio.run(build())
    (module,) = folder.glob("venv/lib/python*/site-packages/tiny.py")
    assert module.read_text() == f"version = '{version}'\n"
