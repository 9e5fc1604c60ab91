"""Content under its digest: what steps read and what they leave.

Used by the node (inputs, outputs), `api` (downloads), `pinnace gc` and `du`. Invariants: a file under a
digest has that content, whole, 0444, and is never written again; it appears by one rename after its fsync;
who got a digest from a `put` can read it until a `gc` that was not told of it, an hour later at the earliest.

    data/blobs/ab/ab12…    files              data/trees/ab/ab12…   tree objects (see `tree`)
    data/folders/ab12…     trees laid out, to be bound read-only      data/tmp   what is being written
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import uuid4

import msgspec
from blake3 import blake3

from pinnace.data import tree
from pinnace.data.beneath import (
    FOLDER,
    Root,
    Unsafe,
    folder_of,
    kind_of,
    open_beneath,
    open_regular,
    walk_beneath,
)
from pinnace.data.copying import copy_into, remove_tree
from pinnace.data.tree import EXECUTABLE, FILE, LINK, Leaf

CHUNK = 1 << 20
GRACE = 3600.0
Link = Literal["reflink", "copy", "bind-source"]


class Missing(KeyError):
    """No content of that digest is here (it was collected, or comes from another home)."""

    def __str__(self) -> str:
        return f"no content with digest {self.args[0]} in the data folder"


class Stored(msgspec.Struct, frozen=True):
    digest: str
    size: int
    directory: bool = False


class Usage(msgspec.Struct, frozen=True):
    files: int
    bytes: int


class Blobs:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._tmp = root / "tmp"
        for name in ("blobs", "trees", "folders", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    # -- in -------------------------------------------------------------------------------------------

    def put_bytes(self, content: bytes) -> Stored:
        digest = blake3(content).hexdigest()
        self._put_bytes(self._blob(digest), content)
        return Stored(digest, len(content))

    def put_file(
        self, path: str | Path, *, move: bool = False, folder: Root | None = None, limit: int = 0
    ) -> Stored:
        """Take a regular file; with `folder`, `path` is opened beneath it. `move` renames it if it is ours.

        Only move what no running process can still write to. Raises Unsafe for anything but a regular file,
        or one larger than `limit`."""
        path = Path(path)
        base: Root = path.parent if folder is None else folder
        relative = path.name if folder is None else str(path)
        source = open_regular(base, relative, limit)
        try:
            if move and (stored := self._move(base, relative, source)):
                return stored
            stored = self._copy_in(source, limit)
        finally:
            os.close(source)
        if move:
            with suppress(PermissionError):  # another user's folder: its owner's clean-up takes the file
                _unlink_beneath(base, relative)
        return stored

    def put_tree(
        self, folder: Root, *, move: bool = False, limit: int = 0, max_entries: int = 1_000_000
    ) -> Stored:
        """Take a folder. `size` is the sum of its files. Raises Unsafe, naming the entry, for a
        device, FIFO, socket, a link that leads outside, more than `limit` bytes or `max_entries` names."""
        leaves: list[Leaf] = []
        total = 0
        for entry in walk_beneath(folder, max_entries=max_entries):
            mode = entry.info.st_mode
            if stat.S_ISDIR(mode):
                leaves.append(Leaf(entry.path, tree.FOLDER))
            elif stat.S_ISLNK(mode):
                target = os.readlink(entry.name, dir_fd=entry.folder)
                tree.check_link(entry.path, target)
                leaves.append(Leaf(entry.path, LINK, target))
            elif stat.S_ISREG(mode):
                room = max(1, limit - total) if limit else 0
                stored = self.put_file(entry.name, move=move, folder=entry.folder, limit=room)
                total += stored.size
                leaves.append(Leaf(entry.path, tree.mode_of(entry.info), stored.digest, stored.size))
            else:
                raise Unsafe(
                    f"{entry.path!r} is {kind_of(mode)}; expected files, folders and links inside it"
                )
        if limit and total > limit:
            raise Unsafe(f"the folder has more than {limit} bytes")
        return self.put_leaves(leaves)

    def put_leaves(self, leaves: Sequence[Leaf]) -> Stored:
        """A folder put together from what is stored already (part of a tree, several artifacts as one)."""
        digest, body = tree.encode(leaves)
        self._put_bytes(self._tree(digest), body)
        return Stored(digest, sum(leaf.size for leaf in leaves), directory=True)

    # -- out ------------------------------------------------------------------------------------------

    def exists(self, digest: str) -> bool:
        return self._blob(digest).exists() or self._tree(digest).exists()

    def is_tree(self, digest: str) -> bool:
        return self._tree(digest).exists()

    def open(self, digest: str) -> BinaryIO:
        try:
            return self._blob(digest).open("rb")
        except FileNotFoundError:
            raise Missing(digest) from None

    def leaves(self, digest: str) -> list[Leaf]:
        """What is in a tree, in canonical order."""
        try:
            return tree.decode(digest, self._tree(digest).read_bytes())
        except FileNotFoundError:
            raise Missing(digest) from None

    def size(self, digest: str) -> int:
        """Bytes of a file, or of all files in a tree."""
        if self.is_tree(digest):
            return sum(leaf.size for leaf in self.leaves(digest))
        return self.path(digest).stat().st_size

    def path(self, digest: str) -> Path:
        """Where to bind read-only from: the file, or a real folder (laid out once, files 0444 or 0555)."""
        blob = self._blob(digest)
        if blob.exists():
            return blob
        folder = self.root / "folders" / digest
        if not folder.exists():
            self._lay_out_once(digest, folder)
        return folder

    def materialise(
        self, digest: str, target: Path, *, link: Link = "reflink", mode: int | None = None
    ) -> Path:
        """Make `target` (not existing yet) a private writable copy; `reflink` shares blocks where it can.

        With `bind-source` nothing is made: the answer is `path(digest)`."""
        if link == "bind-source":
            return self.path(digest)
        clone = link == "reflink"
        if not self.is_tree(digest):
            copy_into(self.path(digest), target, 0o644 if mode is None else mode, clone=clone)
            return target
        near = self._tmp.stat().st_dev == target.parent.stat().st_dev
        folder = self._scratch() if near else target
        folder.mkdir(mode=0o755)
        for leaf in self.leaves(digest):
            self._lay_leaf(leaf, folder / leaf.path, clone=clone, private=True)
        if near:  # whole at once: nobody who shares the target's folder can lead a file of it astray
            folder.rename(target)
        return target

    # -- care -----------------------------------------------------------------------------------------

    def gc(self, live: Iterable[str], *, grace: float = GRACE) -> Usage:
        """Remove what `live` does not reach (trees keep their files) and nobody put within `grace` seconds.
        Returns what was freed."""
        kept = self._reachable(live)
        before = time.time() - grace
        files = freed = 0
        for file in self._files():
            if file.name in kept:
                continue
            with self._lock(fcntl.LOCK_EX), suppress(FileNotFoundError):
                info = file.stat()
                if info.st_mtime < before:
                    file.unlink()
                    files, freed = files + 1, freed + info.st_size
        for folder in (self.root / "folders").iterdir():
            if folder.name not in kept and not self._tree(folder.name).exists():
                remove_tree(folder)
        for leftover in self._tmp.iterdir():
            if leftover.name != "lock" and leftover.lstat().st_mtime < before:
                remove_tree(leftover)
        return Usage(files, freed)

    def du(self) -> Usage:
        sizes = [file.stat().st_size for file in self._files()]
        return Usage(len(sizes), sum(sizes))

    # -- inside ---------------------------------------------------------------------------------------

    def _blob(self, digest: str) -> Path:
        return self.root / "blobs" / _checked(digest)[:2] / digest

    def _tree(self, digest: str) -> Path:
        return self.root / "trees" / _checked(digest)[:2] / digest

    def _files(self) -> Iterator[Path]:
        for kind in ("blobs", "trees"):
            yield from (self.root / kind).glob("??/*")

    def _reachable(self, live: Iterable[str]) -> set[str]:
        kept = set(live)
        for digest in tuple(kept):
            if self.is_tree(digest):
                kept |= {leaf.digest for leaf in self.leaves(digest) if leaf.mode in (FILE, EXECUTABLE)}
        return kept

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        """Shared by every put, across processes; alone for a collector's look and unlink."""
        descriptor = os.open(self._tmp / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def _touch(self, target: Path) -> bool:
        """Whether the content is there; if so, no `gc` takes it for the next hour."""
        with self._lock(fcntl.LOCK_SH):
            try:
                os.utime(target)
            except FileNotFoundError:
                return False
        return True

    def _scratch(self) -> Path:
        return self._tmp / uuid4().hex

    def _put_bytes(self, target: Path, content: bytes) -> None:
        if self._touch(target):
            return
        scratch = self._scratch()
        with scratch.open("xb") as file:
            file.write(content)
            self._seal(file.fileno())
        self._publish(scratch, target)

    def _copy_in(self, source: int, limit: int) -> Stored:
        scratch, size, hasher = self._scratch(), 0, blake3()
        try:
            with scratch.open("xb") as file:
                while chunk := os.read(source, CHUNK):
                    size += len(chunk)
                    if limit and size > limit:
                        raise Unsafe(f"the file grew past {limit} bytes while it was read")
                    hasher.update(chunk)
                    file.write(chunk)
                file.flush()
                digest = hasher.hexdigest()
                if self._touch(self._blob(digest)):
                    return Stored(digest, size)
                self._seal(file.fileno())
            self._publish(scratch, self._blob(digest))
        finally:
            scratch.unlink(missing_ok=True)
        return Stored(digest, size)

    def _move(self, base: Root, relative: str, source: int) -> Stored | None:
        """Rename into place; None where that cannot be (another owner, file system or a second hard link)."""
        info = os.fstat(source)
        if info.st_nlink != 1 or info.st_uid != os.geteuid() or info.st_dev != self._tmp.stat().st_dev:
            return None
        scratch = self._scratch()
        try:
            with _parent_of(base, relative) as (folder, name):
                os.rename(name, scratch, src_dir_fd=folder)
            if not os.path.samestat(os.lstat(scratch), info):
                raise Unsafe(f"{relative!r} was replaced while it was taken")
            os.fchmod(source, 0o444)
            digest = _digest(source)
            if not self._touch(self._blob(digest)):
                self._seal(source)
                self._publish(scratch, self._blob(digest))
            return Stored(digest, info.st_size)
        finally:
            scratch.unlink(missing_ok=True)

    def _seal(self, descriptor: int) -> None:
        os.fchmod(descriptor, 0o444)
        os.utime(descriptor)
        os.fsync(descriptor)

    def _publish(self, scratch: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True, mode=0o700)
        with self._lock(fcntl.LOCK_SH):
            os.rename(scratch, target)
        for folder in (target.parent, target.parent.parent):
            with folder_of(folder) as descriptor:
                os.fsync(descriptor)

    def _lay_out_once(self, digest: str, folder: Path) -> None:
        scratch = self._scratch()
        leaves = self.leaves(digest)
        scratch.mkdir(mode=0o755)
        try:
            for leaf in leaves:
                self._lay_leaf(leaf, scratch / leaf.path, clone=True, private=False)
            for leaf in reversed(leaves):
                if leaf.mode == tree.FOLDER:
                    (scratch / leaf.path).chmod(0o555)
            with suppress(OSError):  # somebody else was first
                os.rename(scratch, folder)
                folder.chmod(0o555)
        finally:
            if scratch.exists():
                remove_tree(scratch)
        if not folder.exists():
            raise OSError(f"could not lay out tree {digest} at {folder}")

    def _lay_leaf(self, leaf: Leaf, target: Path, *, clone: bool, private: bool) -> None:
        if leaf.mode == tree.FOLDER:
            target.mkdir(mode=0o755)
        elif leaf.mode == LINK:
            target.symlink_to(leaf.digest)
        elif private:
            copy_into(self.path(leaf.digest), target, leaf.mode & 0o777, clone=clone)
        elif leaf.mode == EXECUTABLE:  # a hard link would share the blob's 0444
            copy_into(self.path(leaf.digest), target, 0o555, clone=clone, durable=True)
        else:
            self._hard_link(self._blob(leaf.digest), target)

    def _hard_link(self, blob: Path, target: Path) -> None:
        try:
            os.link(blob, target)
        except FileNotFoundError:
            raise Missing(blob.name) from None
        except OSError:  # too many links, or none on this file system
            copy_into(blob, target, 0o444, clone=True)


def _checked(digest: str) -> str:
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is no digest; expected 64 hexadecimal digits (BLAKE3)")
    return digest


def _digest(source: int) -> str:
    hasher = blake3()
    while chunk := os.read(source, CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


@contextmanager
def _parent_of(base: Root, relative: str) -> Iterator[tuple[int, str]]:
    head, _, name = relative.rpartition("/")
    folder = open_beneath(base, head or ".", FOLDER)
    try:
        yield folder, name
    finally:
        os.close(folder)


def _unlink_beneath(base: Root, relative: str) -> None:
    with _parent_of(base, relative) as (folder, name):
        os.unlink(name, dir_fd=folder)
