"""`pinnace kubeconfig --merge` adds a context and leaves everything else of the user's file alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pinnace.cli.kubectl import merge_into
from pinnace.cli.platform import Failure

OURS = {
    "apiVersion": "v1", "kind": "Config", "current-context": "pinnace",
    "clusters": [{"name": "pinnace", "cluster": {"server": "https://127.0.0.1:7443"}}],
    "users": [{"name": "pinnace", "user": {"token": "t"}}],
    "contexts": [{"name": "pinnace", "context": {"cluster": "pinnace", "user": "pinnace"}}],
}
THEIRS = {
    "apiVersion": "v1", "kind": "Config", "current-context": "work", "preferences": {"colors": True},
    "clusters": [{"name": "work", "cluster": {"server": "https://example.org"}}],
    "users": [{"name": "me", "user": {}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ours"
    path.write_text(yaml.safe_dump(OURS))
    return path


def test_the_current_context_stays(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "config"
    target.write_text(yaml.safe_dump(THEIRS))
    merge_into(target, source)
    merge_into(target, source)
    merged = yaml.safe_load(target.read_text())
    assert merged["current-context"] == "work"
    assert merged["preferences"] == {"colors": True}
    assert [c["name"] for c in merged["contexts"]] == ["work", "pinnace"]
    assert [c["name"] for c in merged["clusters"]] == ["work", "pinnace"]


def test_a_new_file_is_private_and_has_no_current_context(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "config"
    merge_into(target, source)
    assert target.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(target.read_text())["current-context"] == ""


def test_a_broken_file_is_left_as_it_is(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "config"
    target.write_text("a: [")
    with pytest.raises(Failure, match="nothing was changed"):
        merge_into(target, source)
    assert target.read_text() == "a: ["
