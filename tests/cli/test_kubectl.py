"""`pinnace kubectl …` hands each word to kubectl as it was typed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pinnace.cli.app import main
from pinnace.home import Home


@pytest.mark.parametrize("words", [
    ["exec", "-it", "pod", "--", "ls", "--", "-la"],
    ["run", "x", "--image=busybox", "--", "sh", "-c", "echo $HOME"],
    ["--help"], ["version", "--help"], ["--", "get", "pods"],
    ["apply", "-f", "-"], ["get", "pods", "-o=jsonpath={.items[*]}"], ["annotate", "pod", "x", "a="],
    ["patch", "pod", "x", "-p", '{"a": [1]}', ""],
])
@pytest.mark.parametrize("named", [True, False])
def test_every_word_arrives(
    words: list[str], named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Home.at(tmp_path).kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    Home.at(tmp_path).kubeconfig.write_text("")
    seen: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda path, argv, environment: seen.append((argv, environment)))
    monkeypatch.setenv("PINNACE_HOME", "" if named else str(tmp_path))
    main(["kubectl", *(["--home", str(tmp_path)] if named else []), *words])
    ((argv, environment),) = seen
    assert argv == ["kubectl", *words]
    assert environment["KUBECONFIG"] == str(Home.at(tmp_path).kubeconfig)
