"""The files that a kubeconfig is spread over, as one: of two entries with one name the first file's
counts.

Called by `kubeconfig`. Invariant: a relative path (a certificate, a token's file, a plugin) is relative to
the file that names it. Upstream: client-go's `clientcmd` loading rules.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

Files = Path | Sequence[Path]
GROUPS = {"contexts": "context", "clusters": "cluster", "users": "user"}


class Entry(msgspec.Struct, frozen=True):
    folder: Path
    value: dict[str, Any]


class Merged(msgspec.Struct, frozen=True):
    looked: str
    """The files, for messages."""
    current: str
    groups: dict[str, dict[str, Entry]]

    def named(self, group: str, name: str) -> Entry:
        """ValueError lists the names that there are."""
        found = self.groups[group].get(name)
        if found is None:
            known = ", ".join(self.groups[group]) or "none"
            raise ValueError(f"{self.looked}: {group} has no entry {name!r} (it has: {known})")
        return found


def paths() -> list[Path]:
    """Where kubeconfigs are, as `kubectl` looks for them."""
    named = [Path(one).expanduser() for one in os.environ.get("KUBECONFIG", "").split(os.pathsep) if one]
    return named or [Path.home() / ".kube" / "config"]


def merged(files: Files) -> Merged:
    """ValueError: a file cannot be read. Of several some may be missing, not all."""
    chosen = [files] if isinstance(files, Path) else list(files)
    looked = os.pathsep.join(str(path) for path in chosen)
    documents = [(path.parent, found) for path in chosen if (found := _document(path, chosen)) is not None]
    if not documents:
        raise ValueError(f"{looked}: no kubeconfig can be read there: none of these files exists")
    groups: dict[str, dict[str, Entry]] = {group: {} for group in GROUPS}
    for folder, document in documents:
        for group, kind in GROUPS.items():
            for name, value in _entries(document, group, kind):
                groups[group].setdefault(name, Entry(folder, value))
    current = next((str(one["current-context"]) for _, one in documents if one.get("current-context")), "")
    return Merged(looked, current, groups)


def _document(path: Path, among: list[Path]) -> dict[str, Any] | None:
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        if len(among) > 1:
            return None
        raise ValueError(f"{path}: no kubeconfig can be read there: {error}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: no kubeconfig can be read there: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path}: a kubeconfig is a YAML object")
    return document


def _entries(document: dict[str, Any], group: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """`context: null` is what kubectl writes for a user with nothing in it."""
    entries = document.get(group)
    return [
        (str(one.get("name")), value)
        for one in (entries if isinstance(entries, list) else ())
        if isinstance(one, dict) and isinstance(value := one.get(kind) or {}, dict)
    ]
