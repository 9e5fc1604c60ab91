"""Which folder of this machine a PersistentVolumeClaim is.

Callers: `controllers/pods` (mounts it), `api/volumes` (shows it). Invariant: a claim never gets the data of a
deleted one of the same name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

STANDARD = "standard"


class Unbound(Exception):
    """The claim waits for a volume that somebody makes."""


class NoData(Exception):
    """The volume has no folder on this machine; the text names it."""


def folder(volumes: Path, claim: dict[str, Any]) -> Path:
    """Made at its first use. `volumes`: `home.volumes`. Raises Unbound, NoData."""
    meta = claim["metadata"]
    if (own := by_hand(claim)) is not None:
        return of_volume(volumes, own)
    return claimed(volumes / meta["namespace"] / meta["name"], meta["uid"])


def by_hand(claim: dict[str, Any]) -> str | None:
    """The name of a volume that was not made for this claim. Raises Unbound while it may still get one."""
    spec = claim.get("spec") or {}
    name = spec.get("volumeName") or ""
    dynamic = name in ("", f"pvc-{claim['metadata']['uid']}")
    if dynamic and (name or spec.get("storageClassName") in (None, STANDARD)):
        return None
    if (claim.get("status") or {}).get("phase") != "Bound":
        raise Unbound
    return None if dynamic else name


def of_volume(volumes: Path, name: str) -> Path:
    """Where the data of a volume lies that was made by hand (`controllers/core/claims` puts it there)."""
    link = volumes / ".persistent" / name
    if "/" in name or not link.is_dir():
        raise NoData(f'persistentvolume "{name}" has no data on this machine')
    return link.resolve()


def claimed(folder: Path, uid: str) -> Path:
    """The folder of this very claim: what a deleted one of the same name left there is set aside, out of
    reach. (Names with a dot in front are nobody's claim.)"""
    mark = folder.with_name(f".{folder.name}.uid")
    owner = mark.read_text() if mark.exists() else ""
    if owner != uid:
        if owner and folder.exists():
            folder.rename(folder.with_name(f".{folder.name}.deleted-{owner}"))
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(uid)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
