"""Every call that upstream's specification names is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pinnace.api.kfp.face import Face


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
        if not answered:
            missing.append(f"{method} {path}")
    assert missing == []
