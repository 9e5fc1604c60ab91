"""Mounts of the manifest as folders and files of the host.

An empty source is the pod's own volume; content given as bytes is written once. A subPath is opened component
by component without following links, so that a pod cannot point another one's mount elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from pinnace.data.beneath import Unsafe, parts_of
from pinnace.node.launchers import Bind, StartError
from pinnace.node.protocol import Container, Mount

MEMORY = Path("/dev/shm")  # noqa: S108 - private folders in it


class Volumes:
    """The volumes of one pod, made on first use, removed with it."""

    def __init__(self, folder: Path, uid: str) -> None:
        self.folder = folder / "volumes"
        digest = hashlib.blake2s(uid.encode(), digest_size=8).hexdigest()
        self.memory = MEMORY / f"pinnace-{os.getuid()}-{digest}"
        self.made: dict[str, Path] = {}

    def binds(self, container: Container) -> list[Bind]:
        """Parents before what is mounted inside them. StartError names the mount that cannot be made."""
        mounts = sorted(container.mounts, key=lambda m: m.path.count("/"))
        return [self.bind(container.name, m) for m in mounts]

    def bind(self, container: str, mount: Mount) -> Bind:
        try:
            base = Path(mount.source) if mount.source else self.own(mount)
            source = beneath(base, mount.sub_path, create=not mount.files) if mount.sub_path else base
        except (OSError, Unsafe) as error:
            name = mount.volume or mount.path
            raise StartError(f"container {container!r}: mount {name!r} at {mount.path}: {error}") from None
        if not source.exists():
            raise StartError(f"container {container!r}: the mount at {mount.path}: {source} does not exist")
        return Bind(str(source), mount.path, mount.read_only or mount.files is not None)

    def own(self, mount: Mount) -> Path:
        name = mount.volume or mount.path.strip("/").replace("/", "_")
        if name not in self.made:
            parent = self.memory if mount.medium == "Memory" and os.access(MEMORY, os.W_OK) else self.folder
            path = parent / Path(name).name
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.chmod(0o777)
            if mount.files is not None:
                write_files(path, mount)
            self.made[name] = path
        return self.made[name]

    def remove(self) -> None:
        from pinnace.node.roots import remove

        for folder in (self.folder, self.memory):
            if folder.exists():
                remove(str(folder))


def write_files(folder: Path, mount: Mount) -> None:
    modes = mount.modes or {}
    for name, content in (mount.files or {}).items():
        path = folder.joinpath(*parts_of(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(modes.get(name, 0o644))


def rewrite(folder: Path, files: dict[str, bytes], modes: dict[str, int]) -> None:
    """A volume's files as they are now, each changed at once: nobody reads half of one. A single file that is
    mounted by subPath stays the old one, as on a cluster. Nothing, where the pod never got the volume."""
    if not folder.is_dir():
        return
    wanted = {folder.joinpath(*parts_of(name)): name for name in files}
    for path, name in wanted.items():
        if path.is_file() and path.read_bytes() == files[name]:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"..{path.name}.new")
        new.write_bytes(files[name])
        new.chmod(modes.get(name, 0o644))
        new.replace(path)
    for path in list(folder.rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()


def beneath(base: Path, sub_path: str, *, create: bool) -> Path:
    """`base/sub_path`, made as a folder where it is missing. Unsafe: a link or a way out on the path."""
    here = base
    for part in parts_of(sub_path):
        here = here / part
        if here.is_symlink():
            raise Unsafe(f"subPath {sub_path!r}: a symbolic link is on the way; name the folder itself")
        if create and not here.exists():
            here.mkdir(mode=0o755)
    return here


def link_into(root: str, binds: list[Bind]) -> None:
    """For a pod without a private root: each mount as a link at its place in the pod's folder."""
    for bind in binds:
        place = Path(root + bind.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.symlink_to(bind.source)
