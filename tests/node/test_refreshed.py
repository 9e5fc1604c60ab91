"""Volumes whose content is changed while a pod runs."""

from __future__ import annotations

from pathlib import Path

from pinnace.controllers.pods.found import Reference
from pinnace.controllers.pods.refreshing import holding
from pinnace.node.volumes import rewrite


def test_files_are_replaced_added_and_taken_away(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("same", "old", "deep/gone"):
        (tmp_path / name).write_text(name)
    kept, held = (tmp_path / "same").stat().st_ino, (tmp_path / "old").open()
    rewrite(tmp_path, {"same": b"same", "old": b"new", "deep/here": b"x"}, {"old": 0o400})
    with held:
        assert held.read() == "old"  # who has it open reads on
    assert (tmp_path / "old").read_text() == "new"
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "same").stat().st_ino == kept
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["here", "old", "same"]


def test_a_pod_without_the_volume_gets_none(tmp_path: Path) -> None:
    rewrite(tmp_path / "none", {"a": b"a"}, {})
    assert not (tmp_path / "none").exists()


def test_which_volumes_hold_it() -> None:
    config, token = {"name": "c"}, {"serviceAccountToken": {"path": "t"}}
    volumes = [
        {"name": "a", "configMap": config},
        {"name": "b", "secret": {"secretName": "c"}},
        {"name": "c", "projected": {"sources": [{"configMap": config}, {"secret": {"name": "s"}}]}},
        {"name": "d", "projected": {"sources": [{"configMap": config}, token]}},
    ]
    pod = {"spec": {"nodeName": "pinnace", "volumes": volumes}}
    assert [one["name"] for one in holding(pod, Reference("configmaps", "c"))] == ["a", "c"]
    assert [one["name"] for one in holding(pod, Reference("secrets", "s"))] == ["c"]
    assert list(holding({"spec": {"volumes": volumes}}, Reference("configmaps", "c"))) == []
