"""A folder as data: its names, modes and digests in one canonical order.

Written and read by `Blobs`. Invariant: equal folders have equal bytes, hence one digest; every name is
relative and every symbolic link stays inside, so that a tree can be laid out anywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import PurePosixPath

import msgspec
from blake3 import blake3

from pinnace.data.beneath import Unsafe, parts_of

FILE, EXECUTABLE, FOLDER, LINK = 0o100644, 0o100755, 0o040755, 0o120777
CONTEXT = "pinnace 2025 tree object"
"""Keeps a tree's digest apart from that of a file with the same bytes."""


class Leaf(msgspec.Struct, frozen=True, array_like=True):
    """`mode`: FILE, EXECUTABLE, FOLDER or LINK. `digest`: a blob's, or a link's target. `size` in bytes."""

    path: str
    mode: int
    digest: str = ""
    size: int = 0


def mode_of(info: os.stat_result) -> int:
    return EXECUTABLE if info.st_mode & stat.S_IXUSR else FILE


def encode(leaves: Iterable[Leaf]) -> tuple[str, bytes]:
    """The tree's digest and bytes."""
    body = msgspec.msgpack.encode(sorted(leaves, key=lambda leaf: leaf.path.split("/")))
    return blake3(body, derive_key_context=CONTEXT).hexdigest(), body


def decode(digest: str, body: bytes) -> list[Leaf]:
    """Raises ValueError if the bytes are not those of the digest, Unsafe if a path leads outside."""
    if blake3(body, derive_key_context=CONTEXT).hexdigest() != digest:
        raise ValueError(f"tree {digest}: the stored bytes have another digest; the data folder is damaged")
    leaves = msgspec.msgpack.decode(body, type=list[Leaf])
    for leaf in leaves:
        parts_of(leaf.path)
        if leaf.mode == LINK:
            check_link(leaf.path, leaf.digest)
    return leaves


def check_link(path: str, target: str) -> None:
    """Raises Unsafe unless a relative link at `path` stays below the root at every step of its way."""
    depth = len(PurePosixPath(path).parts) - 1
    if not target or target.startswith("/"):
        raise Unsafe(f"{path!r} is a symbolic link to {target!r}; only relative ones inside it are kept")
    inside = False
    for part in target.split("/"):
        if part == "..":
            depth -= 1
            # Behind a name that may itself be a link, `..` leads wherever that link's parent is.
            if inside or depth < 0:
                raise Unsafe(f"{path!r} is a symbolic link to {target!r}, which may lead outside the folder")
        elif part not in ("", "."):
            inside = True
