"""Upstream's own manifests as this engine's tests see them: documents, templates beside them,
expectations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """Kubernetes reads timestamps as strings."""


Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(path: Path) -> list[dict[str, Any]]:
    try:
        return [found for found in yaml.load_all(path.read_text(), Loader) if isinstance(found, dict)]
    except yaml.YAMLError:
        return []


def load(root: Path) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Path → its documents, and path → what is expected."""
    files = {str(path.relative_to(root)): documents(path) for path in sorted(root.rglob("*.yaml"))}
    expected = json.loads((root / "expected.json").read_text())
    return files, expected
