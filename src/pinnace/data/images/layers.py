"""Layers onto one folder, as the image specification says: in order, later over earlier, with whiteouts.

Used by `ImageStore` on a private scratch folder that nobody else writes. Unlike other archives, an image
rightly has absolute links and writes through linked folders (`/lib` is often `usr/lib`): these are resolved
as if the folder were `/`, so that nothing is ever touched outside it. Owners are not kept; setuid bits and
devices are dropped.
"""

from __future__ import annotations

import os
import stat
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from pinnace.data.archive import tar_members
from pinnace.data.beneath import Unsafe
from pinnace.data.copying import remove_tree
from pinnace.data.extraction import CHUNK, Budget

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
MAX_LINKS = 40


def apply(layer: BinaryIO, root: Path, budget: Budget) -> None:
    """One tar layer (plain or compressed). Raises Unsafe, naming the entry."""
    fresh: set[str] = set()
    """What this very layer has made, and the folders above: its own whiteouts do not hide that."""
    for member, content in tar_members(layer, budget):
        parts = budget.entry(member.name)
        if not parts:
            continue
        folder = resolve(root, parts[:-1])
        name = parts[-1]
        _clear_way(root, folder)
        if name == OPAQUE:
            _hide_all(folder, fresh)
        elif name.startswith(WHITEOUT):
            _hide(folder / name[len(WHITEOUT) :], name)
        else:
            _place(member, content, folder / name, root, budget)
            fresh.update(map(str, [folder / name, folder, *folder.parents]))


def resolve(root: Path, parts: tuple[str, ...]) -> Path:
    """Where `parts` lead if `root` were `/`; the answer is below `root` and has no link in it."""
    here: list[str] = []
    ahead = list(reversed(parts))
    links = 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            here = here[:-1]
            continue
        path = root.joinpath(*here, part)
        try:
            target = os.readlink(path)
        except OSError:  # no link, or nothing there yet
            here.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise Unsafe(f"{'/'.join(parts)!r}: too many symbolic links")
        if target.startswith("/"):
            here = []
        ahead += reversed(target.split("/"))
    return root.joinpath(*here)


def _clear_way(root: Path, folder: Path) -> None:
    """Make the folder and those above it; a file in the way is replaced, as a later layer may."""
    here = root
    for part in folder.relative_to(root).parts:
        here = here / part
        info = _lstat(here)
        if info is not None and not stat.S_ISDIR(info.st_mode):
            here.unlink()
        if info is None or not stat.S_ISDIR(info.st_mode):
            here.mkdir(mode=0o755)


def _place(
    member: tarfile.TarInfo, content: IO[bytes] | None, path: Path, root: Path, budget: Budget
) -> None:
    there = _lstat(path)
    if there is not None and not (member.isdir() and stat.S_ISDIR(there.st_mode)):
        remove_tree(path)
    if member.isdir():
        path.mkdir(exist_ok=True)
        path.chmod(0o755 | member.mode & 0o1777)
    elif member.issym():
        os.symlink(member.linkname, path)
    elif member.islnk():
        _link(member, path, root)
    elif content is not None:
        _write(member, content, path, budget)
    # Devices and FIFOs are skipped: the sandbox has a /dev of its own.


def _write(member: tarfile.TarInfo, content: IO[bytes], path: Path, budget: Budget) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        while chunk := content.read(CHUNK):
            budget.spend(len(chunk), member.name)
            file.write(chunk)
        file.flush()
        # Owners are not kept and the pod may run as another user, so what one could run or read, all can.
        os.fchmod(file.fileno(), 0o755 if member.mode & 0o111 else 0o644)


def _link(member: tarfile.TarInfo, path: Path, root: Path) -> None:
    parts = tuple(part for part in member.linkname.split("/") if part not in ("", "."))
    if not parts or ".." in parts:
        raise Unsafe(f"{member.name!r} is a hard link to {member.linkname!r}; expected a path in the image")
    source = resolve(root, parts[:-1]) / parts[-1]
    info = _lstat(source)
    if info is None or stat.S_ISDIR(info.st_mode):
        raise Unsafe(f"{member.name!r} is a hard link to {member.linkname!r}, which is no file of the image")
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(source), path)
    else:
        os.link(source, path, follow_symlinks=False)


def _hide(path: Path, name: str) -> None:
    if path.name in ("", ".", ".."):
        raise Unsafe(f"{name!r} is no whiteout of a name")
    remove_tree(path)


def _hide_all(folder: Path, fresh: set[str]) -> None:
    """Only what lower layers left; what this layer put below `folder` stays."""
    for path in list(folder.iterdir()):
        if str(path) not in fresh:
            remove_tree(path)
        elif stat.S_ISDIR(path.lstat().st_mode):
            _hide_all(path, fresh)


def seal(root: Path) -> None:
    """Folders that every image needs to be a root: mount points that a sandbox binds over."""
    for name in ("proc", "dev", "sys", "tmp", "etc", "run"):
        path = resolve(root, (name,))
        with suppress(FileExistsError):
            path.mkdir(mode=0o755, parents=True)


def used(root: Path) -> int:
    """Bytes on disk, hard links counted once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, files in os.walk(root):
        for name in files:
            info = os.lstat(os.path.join(folder, name))
            seen[info.st_dev, info.st_ino] = info.st_blocks * 512
    return sum(seen.values())


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
