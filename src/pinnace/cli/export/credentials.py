"""Who we are at a registry: as docker, podman and skopeo are told by `login`.

The files that they write are read where they write them; no helper programs are run.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pinnace.data.images.registry import Credentials


def credentials(reference: str) -> Credentials | None:
    """The longest entry that fits: a registry, or a path in it."""
    parts = reference.split("/")
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        for entries in _files():
            if found := _decoded(entries.get(name) or entries.get(f"https://{name}") or {}):
                return found
    return None


def _files() -> Iterator[dict[str, dict[str, str]]]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    docker = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
    places = (
        os.environ.get("REGISTRY_AUTH_FILE", ""), f"{runtime}/containers/auth.json",
        str(Path.home() / ".config/containers/auth.json"), f"{docker}/config.json",
    )  # fmt: skip
    for place in filter(None, places):
        try:
            entries = json.loads(Path(place).read_text()).get("auths")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(entries, dict):
            yield entries


def _decoded(entry: dict[str, str]) -> Credentials | None:
    try:
        user, colon, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    except ValueError:
        return None
    return Credentials(user, password) if colon else None
