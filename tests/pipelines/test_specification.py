"""Every call that upstream's specification names is answered, or stands here with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.api.kfp.face import Face

EXCUSED = {
    "/visualizations/{namespace}": "programs that upstream's server runs for the first SDK's pictures",
    "/filters": "a place for the schema of filters; it answers nothing upstream",
    "/workflows": "upstream's agent reports to its server with it; here they are one",
    "/scheduledworkflows": "the same",
}


def calls(shared: Path) -> Iterator[tuple[str, str]]:
    (file,) = (shared / "specs" / "kfp").glob("*.swagger.json")
    paths: dict[str, Any] = json.loads(file.read_text())["paths"]
    for path, methods in paths.items():
        for method in methods:
            yield method.upper(), path.removeprefix("/apis/v2beta1")


def test_every_call_of_the_specification_is_answered(shared: Path) -> None:
    def nobody(identity: Any) -> Any:
        raise AssertionError("nothing is asked")

    (table,) = Face(nobody).tables.values()
    missing = []
    for method, path in calls(shared):
        example = re.sub(r"\{[^}]*\}", "x", path)
        answered = any(kind == method and pattern.fullmatch(example) for kind, pattern, _ in table)
        if not answered and path not in EXCUSED:
            missing.append(f"{method} {path}")
    assert missing == []


@pytest.mark.parametrize("path", EXCUSED)
def test_what_is_excused_is_in_the_specification(shared: Path, path: str) -> None:
    assert path in {one for _, one in calls(shared)}
