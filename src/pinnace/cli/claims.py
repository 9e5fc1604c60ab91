"""Data of claims that are gone: what `pinnace du` tells and `pinnace gc` frees.

A claim's folder carries the uid of its claim (`controllers/pods/volumes.py`); one of the same name made later
never sees it, and what it finds there is set aside. Invariant: a folder is listed before the objects are
read, and stays while a claim of its uid exists or a pod that has not ended mounts the name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pinnace.cli.disk import on_disk, remove

CLAIMS, PODS = "persistentvolumeclaims", "pods"
ASIDE = ".deleted-"
FINAL = ("Succeeded", "Failed")


class Leftover(msgspec.Struct, frozen=True):
    namespace: str
    claim: str
    uid: str
    path: Path

    def __str__(self) -> str:
        return f"{self.namespace}/{self.claim} ({self.uid})"


def leftovers(volumes: Path, connection: sqlite3.Connection) -> list[Leftover]:
    found = sorted(owned(volumes), key=str)
    if not found:
        return []
    query = "SELECT uid FROM objects WHERE resource=?"
    alive = {uid for (uid,) in connection.execute(query, (CLAIMS,))}
    used = set(mounted(connection))
    return [each for each in found if each.uid not in alive and (each.namespace, each.claim) not in used]


def owned(volumes: Path) -> Iterator[Leftover]:
    """Every folder whose claim is known."""
    for namespace in volumes.iterdir() if volumes.is_dir() else ():
        for path in namespace.iterdir() if namespace.is_dir() else ():
            name, aside, uid = path.name.removeprefix(".").partition(ASIDE)
            if aside and path.name.startswith("."):
                yield Leftover(namespace.name, name, uid, path)
            elif not path.name.startswith(".") and (uid := owner(path)):
                yield Leftover(namespace.name, path.name, uid, path)


def owner(folder: Path) -> str:
    """The uid of the claim whose folder this is, '' for none."""
    try:
        return mark(folder).read_text()
    except OSError:
        return ""


def mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.uid")


def mounted(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """(namespace, claim) of what pods that have not ended mount."""
    query = "SELECT l.body FROM objects o JOIN log l ON l.rv=o.rv WHERE o.resource=?"
    for (body,) in connection.execute(query, (PODS,)):
        pod = msgspec.json.decode(body)
        if (pod.get("status") or {}).get("phase") in FINAL:
            continue
        for volume in pod["spec"].get("volumes") or ():
            if source := volume.get("persistentVolumeClaim"):
                yield pod["metadata"]["namespace"], source.get("claimName", "")


def free(found: list[Leftover]) -> int:
    """Bytes that were taken. A folder that got another claim meanwhile stays."""
    freed = 0
    for each in found:
        aside = each.path
        if not aside.name.startswith("."):
            if owner(aside) != each.uid:
                continue
            aside = aside.rename(aside.with_name(f".{aside.name}{ASIDE}{each.uid}"))
            mark(each.path).unlink(missing_ok=True)
        freed += sum(on_disk(aside))
        remove(aside)
    return freed
