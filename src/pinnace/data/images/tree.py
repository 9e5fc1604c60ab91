"""The files of one layer before it is packed: path inside → what stands there. Packed, it depends on content
alone: sorted, without owners and times, so that the same files are the same digest on every machine.

Used by `host` and `python`, which fill trees, and by `writer`, which packs them.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

EPOCH = 315_576_000
"""1 January 1980, noon UTC: archives inside archives (wheels, eggs) know nothing earlier."""


class Folder(NamedTuple):
    mode: int = 0o755


class File(NamedTuple):
    """`content` is a path to read when it is packed, or the bytes themselves."""

    content: Path | bytes
    mode: int = 0o644


class Link(NamedTuple):
    target: str


Entry = Folder | File | Link


class Tree:
    """Paths are absolute inside, without a trailing slash."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def put(self, path: str, entry: Entry) -> None:
        self.entries[normal(path)] = entry

    def text(self, path: str, text: str, mode: int = 0o644) -> None:
        self.put(path, File(text.encode(), mode))

    def copy(self, source: Path, path: str, *, without: Iterable[str] = ()) -> None:
        """A file, link or folder with all below it. `without`: names that are left out wherever they stand.
        Sockets and devices are left out too."""
        hidden = frozenset(without)
        for place, inside in walk(source, path, hidden):
            entry = entry_of(place)
            if entry is not None:
                self.put(inside, entry)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Those that lie on disk: (path inside, path)."""
        for path, entry in self.entries.items():
            if isinstance(entry, File) and isinstance(entry.content, Path):
                yield path, entry.content

    def without(self, lower: Tree) -> Tree:
        """What a layer beneath does not have already."""
        rest = Tree()
        rest.entries = {path: one for path, one in self.entries.items() if lower.entries.get(path) != one}
        return rest

    def pack(self, target: BinaryIO) -> None:
        """As a tar with the folders above each entry before it."""
        with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
            for path, entry in sorted(self.complete().items()):
                add(tar, path, entry)

    def complete(self) -> dict[str, Entry]:
        entries = dict(self.entries)
        for path in self.entries:
            above = path.rpartition("/")[0]
            while above and above not in entries:
                entries[above] = Folder()
                above = above.rpartition("/")[0]
        return entries


def normal(path: str) -> str:
    """Raises ValueError for a path that is not absolute or leaves the image."""
    clean = os.path.normpath(path)
    if not clean.startswith("/") or clean == "/":
        raise ValueError(f"{path!r}: expected an absolute path inside the image")
    return clean.replace("//", "/")


def walk(source: Path, path: str, hidden: frozenset[str]) -> Iterator[tuple[Path, str]]:
    yield source, path
    if source.is_symlink() or not source.is_dir():
        return
    for child in sorted(source.iterdir()):
        if child.name not in hidden:
            yield from walk(child, f"{path}/{child.name}", hidden)


def entry_of(path: Path) -> Entry | None:
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode):
        return Link(os.readlink(path))
    if stat.S_ISDIR(info.st_mode):
        return Folder(0o1777 if info.st_mode & stat.S_ISVTX else 0o755)
    if stat.S_ISREG(info.st_mode):
        return File(path, 0o755 if info.st_mode & 0o111 else 0o644)
    return None


def add(tar: tarfile.TarFile, path: str, entry: Entry) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.mtime = EPOCH
    if isinstance(entry, Folder):
        member.type, member.mode = tarfile.DIRTYPE, entry.mode
        tar.addfile(member)
    elif isinstance(entry, Link):
        member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, entry.target
        tar.addfile(member)
    else:
        member.mode = entry.mode
        if isinstance(entry.content, bytes):
            member.size = len(entry.content)
            tar.addfile(member, io.BytesIO(entry.content))
            return
        with entry.content.open("rb") as file:
            member.size = os.fstat(file.fileno()).st_size
            tar.addfile(member, file)
