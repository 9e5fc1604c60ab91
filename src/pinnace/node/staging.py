"""Input artifacts and scripts, put where the manifest names them before the start.

A blob is bound read-only where the launcher can; it is copied where a plain process would see it, where it
lies in a volume, and where an output of the same path replaces it. What earlier steps left in a volume is not
trusted: its links are not followed.
"""

from __future__ import annotations

import os
from pathlib import Path

from pinnace.data.beneath import folder_beneath
from pinnace.data.blobs import Blobs, Missing
from pinnace.failpoint import passing
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
        passing("node.staging")
    for path in run.folders:
        make_folder(root, binds, path)
    return added


def make_folder(root: str, binds: list[Bind], path: str) -> None:
    base, way = place(root, covering(binds, path), path)
    try:
        with folder_beneath(base, way):
            pass
    except OSError as error:
        raise StartError(f"the folder {path}: {error}") from None


def stage_one(blobs: Blobs, run: Run, given: Input, root: str, binds: list[Bind], bind: bool) -> list[Bind]:
    mount = covering(binds, given.path)
    replaced = any(overlaps(o.path, given.path) for o in outputs_of(run))
    if not given.digest and given.raw is None:
        return []  # an optional one that is nowhere
    if bind and given.raw is None and mount is None and not replaced and given.mode is None:
        return [Bind(str(blobs.path(given.digest)), given.path, True)]
    base, way = place(root, mount, given.path)
    with folder_beneath(base, os.path.dirname(way)) as folder:
        put(blobs, given, folder / os.path.basename(way))
    return []


def put(blobs: Blobs, given: Input, target: Path) -> None:
    """In place of what a mount brings there; a link is replaced, never written through."""
    if target.is_dir() and not target.is_symlink():
        target.rmdir()
    else:
        target.unlink(missing_ok=True)
    if given.raw is None:
        blobs.materialise(given.digest, target, mode=given.mode)
        if given.mode is not None and target.is_dir():
            set_mode(target, given.mode, given.recurse)
        return
    with target.open("xb") as file:
        file.write(given.raw)
    target.chmod(given.mode or 0o644)


def set_mode(folder: Path, mode: int, recurse: bool) -> None:
    """Of the folder, and of all in it if asked: its files first, or a mode without x would shut us out."""
    for path in sorted(folder.rglob("*"), reverse=True) if recurse else ():
        if not path.is_symlink():
            path.chmod(mode)
    folder.chmod(mode)


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


def place(root: str, mount: Bind | None, path: str) -> tuple[Path, str]:
    """Where a path of the container lies on the host: a trusted folder, and the way beneath it."""
    if mount is None:
        return Path(root), path.strip("/")
    rest = path[len(mount.path.rstrip("/")) :].strip("/")
    source = Path(mount.source)
    return (source, rest) if rest else (source.parent, source.name)


def inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def overlaps(one: str, other: str) -> bool:
    return inside(one, other) or inside(other, one)
