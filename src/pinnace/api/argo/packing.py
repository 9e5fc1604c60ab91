"""Stored artifacts as the archives that people download. Blocks: the caller does it beside the loop."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from pinnace.api.argo.given import Stored
from pinnace.data.tree import EXECUTABLE, FILE, FOLDER, LINK, Leaf

if TYPE_CHECKING:
    from pinnace.api.argo.artifacts import Content

TYPES = {"tgz": "application/gzip", "zip": "application/zip"}
IN_MEMORY = 4 * 1024 * 1024
LEVEL = 1
"""It goes over the loopback: time counts, not bytes."""


def promised(name: str) -> str:
    """The archive that a name promises."""
    if name.endswith((".tgz", ".tar.gz")):
        return "tgz"
    return "zip" if name.endswith(".zip") else ""


def pack(blobs: Stored, content: Content, kind: str) -> IO[bytes]:
    """Entries lie below the artifact's name, as upstream's executor packs them; nothing of this machine's
    users or clocks is in it."""
    made = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller closes it
    top = content.name.removesuffix(".tar.gz").removesuffix(".tgz").removesuffix(".zip")
    leaves = blobs.leaves(content.digest) if content.directory else None
    if kind == "zip":
        _zip(made, blobs, content, top, leaves)
    else:
        with tarfile.open(fileobj=made, mode="w:gz", compresslevel=LEVEL) as archive:
            for member, digest in _members(content, top, leaves):
                if digest:
                    with blobs.open(digest) as file:
                        archive.addfile(member, file)
                else:
                    archive.addfile(member)
    made.seek(0)
    return made


def _members(content: Content, top: str, leaves: list[Leaf] | None) -> Iterator[tuple[tarfile.TarInfo, str]]:
    if leaves is None:
        yield _member(Leaf(top, FILE, content.digest, content.size)), content.digest
        return
    yield _member(Leaf(top, FOLDER)), ""
    for leaf in leaves:
        inner = Leaf(f"{top}/{leaf.path}", leaf.mode, leaf.digest, leaf.size)
        yield _member(inner), leaf.digest if leaf.mode in (FILE, EXECUTABLE) else ""


def _member(leaf: Leaf) -> tarfile.TarInfo:
    member = tarfile.TarInfo(leaf.path)
    member.mode = leaf.mode & 0o777
    if leaf.mode == FOLDER:
        member.type = tarfile.DIRTYPE
    elif leaf.mode == LINK:
        member.type, member.linkname = tarfile.SYMTYPE, leaf.digest
    else:
        member.size = leaf.size
    return member


def _zip(made: IO[bytes], blobs: Stored, content: Content, top: str, leaves: list[Leaf] | None) -> None:
    files = [Leaf(top, FILE, content.digest, content.size)] if leaves is None else [
        Leaf(f"{top}/{leaf.path}", leaf.mode, leaf.digest, leaf.size) for leaf in leaves
        if leaf.mode in (FILE, EXECUTABLE)
    ]
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for leaf in files:
            entry = zipfile.ZipInfo(leaf.path)
            entry.external_attr = leaf.mode << 16
            with blobs.open(leaf.digest) as file, archive.open(entry, "w", force_zip64=True) as target:
                while piece := file.read(io.DEFAULT_BUFFER_SIZE * 32):
                    target.write(piece)
