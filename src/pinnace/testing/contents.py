"""What artifacts hold, in memory: files and folders by digest, as `data.blobs` keeps them on disk.

Used by `node` (what replacements give and get) and, through the engine's `Repository`, for keys of folders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from blake3 import blake3

from pinnace.data import tree
from pinnace.data.blobs import Stored
from pinnace.data.tree import FILE, FOLDER, Leaf
from pinnace.kinds.resource import Obj

Content = str | bytes | Mapping[str, str | bytes]
"""A file's text or bytes, or a folder: path → text or bytes."""


class Contents:
    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._folders: dict[str, Sequence[Leaf]] = {}

    def put(self, content: Content) -> Obj:
        """As a Pod's outputs tell of an artifact."""
        if isinstance(content, Mapping):
            found = self.put_leaves([*self._folder(content)])
            return {"digest": found.digest, "size": found.size, "directory": True}
        digest, size = self._file(content)
        return {"digest": digest, "size": size}

    def read(self, digest: str) -> str | bytes | dict[str, str | bytes]:
        if digest in self._folders:
            return {
                leaf.path: _text(self._files.get(leaf.digest, b""))
                for leaf in self._folders[digest]
                if leaf.mode != FOLDER
            }
        return _text(self._files.get(digest, b""))

    def leaves(self, digest: str) -> list[Leaf]:
        return [*self._folders[digest]]

    def put_leaves(self, leaves: Sequence[Leaf]) -> Stored:
        digest, _ = tree.encode(leaves)
        self._folders[digest] = sorted(leaves, key=lambda leaf: leaf.path)
        return Stored(digest, sum(leaf.size for leaf in leaves), directory=True)

    def _file(self, content: str | bytes) -> tuple[str, int]:
        body = content.encode() if isinstance(content, str) else content
        digest = blake3(body).hexdigest()
        self._files[digest] = body
        return digest, len(body)

    def _folder(self, content: Mapping[str, str | bytes]) -> list[Leaf]:
        leaves = [Leaf(path, FILE, *self._file(body)) for path, body in content.items()]
        above = {str(folder) for path in content for folder in [*PurePosixPath(path).parents][:-1]}
        return leaves + [Leaf(folder, FOLDER) for folder in above]


def _text(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
