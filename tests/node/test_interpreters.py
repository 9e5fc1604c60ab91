"""Which Python stands for an image's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pinnace.node.interpreters import newer, search_path


def listed(*versions: str) -> str:
    def parts(version: str) -> dict[str, int]:
        return dict(zip(("major", "minor", "patch"), map(int, version.split(".")), strict=True))

    return json.dumps([{"path": f"/usr/bin/{one}", "version_parts": parts(one)} for one in versions])


def test_the_next_newer_python_takes_the_place_of_one_that_is_missing() -> None:
    here = listed("3.13.0", "3.11.2", "3.8.18")
    assert newer(here, "3.9") == "/usr/bin/3.11.2"
    assert newer(here, "3.7") == "/usr/bin/3.8.18"
    assert newer(here, "3.14") is None
    assert newer("warning: no JSON", "3.9") is None


def test_pyenvs_own_folders_stand_for_its_shims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    (tmp_path / ".pyenv/versions/3.7.16/bin").mkdir(parents=True)
    found = search_path(f"{tmp_path}/.pyenv/shims:/usr/bin:/opt/shims", str(tmp_path))
    assert found == f"/usr/bin:/opt/shims:{tmp_path}/.pyenv/versions/3.7.16/bin"
