"""docs/workflows.md follows one example through the files of a home: they are as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.e2e.platform import Platform

TEXT = (ROOT / "docs" / "workflows.md").read_text()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    instance = Platform(tmp_path / "home")
    try:
        yield instance.up()
    finally:
        instance.down()


@pytest.mark.slow
def test_what_is_handed_over_lies_where_the_page_says(platform: Platform) -> None:
    platform.command("run", str(ROOT / "examples" / "hand-over.yaml"))
    pods = {
        pod["metadata"]["name"].rsplit("-", 2)[-2]: pod
        for pod in platform.get("pods", "-l", "example=hand-over")["items"]
    }
    staging, outputs = said(pods["make"], "staging"), said(pods["make"], "outputs")
    assert staging["outputs"] == {
        "result": True,
        "parameters": [{"name": "count", "path": "/tmp/count"}],
        "artifacts": [{"name": "table", "path": "/tmp/table.csv", "archive": "none"}],
    }
    assert (outputs["result"], outputs["parameters"]) == ("done", {"count": "2"})
    table = outputs["artifacts"]["table"]
    assert json.dumps(table)[1:-1] in TEXT
    stored = platform.home.root / "data" / "blobs" / table["digest"][:2] / table["digest"]
    assert stored.read_text() == "a,1\nb,2\n"
    given = said(pods["use"], "staging")["inputs"]
    assert given == [{"name": "table", "path": "/in/table.csv", "digest": table["digest"]}]
    assert pods["use"]["spec"]["containers"][0]["args"] == ["echo 2 rows, done; cat /in/table.csv"]
    log = platform.home.root / "pods" / pods["use"]["metadata"]["uid"] / "main.log"
    assert log.read_text() == "2 rows, done\na,1\nb,2\n"


def said(pod: dict[str, Any], what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pod["metadata"]["annotations"][f"pinnace.dev/{what}"])
    return found
