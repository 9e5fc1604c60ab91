"""Input artifacts and scripts, put where the manifest names them before the start.

A blob is bound read-only where the launcher can; it is copied where a plain process would see it, where it
lies in a volume, and where an output of the same path replaces it.
"""

from __future__ import annotations

import os
from pathlib import Path

from pinnace.data.blobs import Blobs, Missing
from pinnace.node.launchers import Bind, StartError
from pinnace.node.protocol import Input, Output, Run

SCRIPT = "/argo/staging/script"


def stage(blobs: Blobs, run: Run, root: str, binds: list[Bind], *, bind: bool) -> list[Bind]:
    """Stage every input; returns the binds to add. StartError names the input that cannot be staged."""
    added: list[Bind] = []
    for given in run.inputs:
        try:
            added += stage_one(blobs, run, given, root, binds, bind)
        except (OSError, Missing, ValueError) as error:
            raise StartError(f"input artifact {given.name!r} at {given.path}: {error}") from None
    return added


def stage_one(blobs: Blobs, run: Run, given: Input, root: str, binds: list[Bind], bind: bool) -> list[Bind]:
    mount = covering(binds, given.path)
    replaced = any(overlaps(o.path, given.path) for o in outputs_of(run))
    if bind and given.raw is None and mount is None and not replaced and given.mode is None:
        return [Bind(str(blobs.path(given.digest)), given.path, True)]
    target = place(root, mount, given.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if given.raw is not None:
        target.write_bytes(given.raw)
        target.chmod(given.mode or 0o644)
    else:
        if target.is_dir() and not target.is_symlink():
            target.rmdir()
        blobs.materialise(given.digest, target, mode=given.mode)
    return []


def write_script(root: str, text: str) -> None:
    path = Path(root + SCRIPT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def outputs_of(run: Run) -> list[Output]:
    if run.outputs is None:
        return []
    return [*run.outputs.parameters, *run.outputs.artifacts]


def covering(binds: list[Bind], path: str) -> Bind | None:
    """The mount that a path lies in: the innermost."""
    found = [b for b in binds if inside(path, b.path)]
    return max(found, key=lambda b: len(b.path), default=None)


def place(root: str, mount: Bind | None, path: str) -> Path:
    """Where a path of the container lies on the host."""
    if mount is None:
        return Path(root + path)
    rest = path[len(mount.path.rstrip("/")) :].strip("/")
    return Path(os.path.join(mount.source, rest)) if rest else Path(mount.source)


def inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def overlaps(one: str, other: str) -> bool:
    return inside(one, other) or inside(other, one)
