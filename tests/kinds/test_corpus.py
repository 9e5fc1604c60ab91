"""What a real API server answered to each manifest of the corpus under strict validation, and what we
answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.kinds import library, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.review import review
from pinnace.kinds.schema import Node
from pinnace.kinds.upstream_rules import CHECKS

RECORDED = 400
"""Longer answers were cut there when they were recorded."""
ELSEWHERE = re.compile(
    r"namespaces \".*\" not found|error parsing|error validating|resource mapping not found|storageClassName"
)
"""Refused for reasons that no schema knows: by kubectl itself, for a missing namespace or kind, by
`objects/`."""


def _schemas() -> dict[tuple[str, str], tuple[str, Node]]:
    found = {}
    for group in library.catalogue():
        for version in group["versions"]:
            for one in version["resources"]:
                api = f"{group['group']}/{version['version']}" if group["group"] else version["version"]
                node = library.schema(group["group"], version["version"], one["kind"])
                node.checks = CHECKS.get(f"{one['kind']}.{group['group']}", ())
                key = f"{one['plural']}.{group['group']}" if group["group"] else one["plural"]
                found[(api, one["kind"])] = (key, node)
    return found


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    for document in yaml.load_all(path.read_text(), yaml.CSafeLoader):
        if isinstance(document, dict):
            yield from document["items"] if document.get("kind") == "List" else [document]


def _plain(document: Any) -> Any:
    """As kubectl sends it: JSON, so dates are strings and keys too."""
    return json.loads(json.dumps(document, default=lambda one: one.isoformat()))


def _answer(document: dict[str, Any], schemas: dict[tuple[str, str], tuple[str, Node]]) -> str:
    kind = document.get("kind", "")
    found = schemas.get((document.get("apiVersion", ""), kind))
    if found is None:
        return ""
    key, node = found
    metadata = dict(document.get("metadata") or {})
    if metadata.get("generateName") and not metadata.get("name"):
        metadata["name"] = names.generated(metadata["generateName"])
    judged = review(node, {**document, "metadata": metadata})
    version = document["apiVersion"].rpartition("/")[2]
    decoding = f'{kind} in version "{version}" cannot be handled as a {kind}: '
    if judged.misfit:
        return decoding + judged.misfit
    if judged.unknown:
        unknown = ", ".join(f'unknown field "{path}"' for path in judged.unknown)
        return f"{decoding}strict decoding error: {unknown}"
    causes = [*names.metadata_causes(key, metadata), *judged.causes]
    return _shown(kind, metadata.get("name", ""), causes) if causes else ""


def _shown(kind: str, name: str, causes: list[Cause]) -> str:
    """As kubectl prints a 422."""
    if len(causes) == 1:
        return f'The {kind} "{name}" is invalid: {causes[0]}'
    return f'The {kind} "{name}" is invalid:  ' + " ".join(f"* {one}" for one in causes)


@pytest.mark.slow
def test_every_manifest_is_answered_as_a_real_server_did(shared: Path) -> None:
    corpus = shared / "corpus"
    recorded = json.loads((corpus / "accepted-by-kubernetes.json").read_text())["files"]
    schemas = _schemas()
    differing, judged = [], 0
    for file, fact in recorded.items():
        wanted = fact["error"] or ""
        if ELSEWHERE.search(wanted):
            continue
        judged += 1
        answers = [text for one in _documents(corpus / file) if (text := _answer(_plain(one), schemas))]
        ours = answers[0] if answers else ""
        theirs = re.sub(r"^Error from server \(BadRequest\): error when creating \"[^\"]*\": ", "", wanted)
        if not (ours == theirs or (len(wanted) >= RECORDED and ours.startswith(theirs))):
            differing.append(f"{file}\n   theirs: {theirs}\n   ours:   {ours}")
    assert judged > 380
    assert not differing, "\n".join(differing)
