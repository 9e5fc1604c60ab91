"""The default artifact repository: keys of the namespace's local store, with folders as object stores have
them.

A key may name what was stored, something inside a stored folder (`parts/0.json` of `parts/`), or a prefix
under
which several things were stored (`results/`). Rows: "artifact" (namespace, key) and, for keys that a manifest
chose, "artifact-folder" (`<namespace>/<folder>`, key), so that a prefix is looked up by index. Caller:
`live`.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from pinnace.data.blobs import Blobs, Stored
from pinnace.data.tree import FILE, FOLDER, Leaf
from pinnace.kinds.resource import Obj
from pinnace.store.interface import Row, Store

ARTIFACT, MEMBER = "artifact", "artifact-folder"


class Repository:
    def __init__(self, store: Store, blobs: Blobs | None) -> None:
        self.store = store
        self.blobs = blobs

    def find(self, namespace: str, key: str, sub_path: str = "") -> Obj | None:
        """`digest`, `size` and `directory` of a key, or None."""
        key = key.strip("/")
        found = self._exact(namespace, key) or self._inside(namespace, key) or self._gathered(namespace, key)
        return self._below(found, sub_path.strip("/")) if found is not None and sub_path else found

    def keys(self, namespace: str, prefix: str) -> list[str]:
        """What is stored under keys that begin with the prefix; of stored folders, each file."""
        prefix = prefix.lstrip("/")
        found: list[str] = []
        for _, key, _, body in self.store.rows(ARTIFACT, namespace):
            if key.startswith(prefix) or prefix.startswith(f"{key}/"):
                stored = msgspec.json.decode(body)
                if stored.get("directory") and self.blobs is not None:
                    leaves = self.blobs.leaves(stored["digest"])
                    found += [f"{key}/{leaf.path}" for leaf in leaves if leaf.mode != FOLDER]
                else:
                    found.append(key)
        return sorted(key for key in found if key.startswith(prefix))

    def rows(self, namespace: str, key: str, found: Obj) -> list[Row]:
        """What a commit writes for a new artifact."""
        key = key.strip("/")
        made = [Row(ARTIFACT, namespace, key, msgspec.json.encode(found))]
        folders = [str(folder) for folder in PurePosixPath(key).parents][:-1]
        if not found.get("own"):
            made += [Row(MEMBER, f"{namespace}/{folder}", key, b"") for folder in folders]
        return made

    def forgotten(self, namespace: str, key: str) -> list[Row]:
        """What a commit writes for an artifact that goes. Its bytes go with the next collection of blobs."""
        key = key.strip("/")
        folders = [str(folder) for folder in PurePosixPath(key).parents][:-1]
        gone = [Row(ARTIFACT, namespace, key, None)]
        return gone + [Row(MEMBER, f"{namespace}/{folder}", key, None) for folder in folders]

    def _exact(self, namespace: str, key: str) -> Obj | None:
        body = self.store.row(ARTIFACT, namespace, key)
        return None if body is None else msgspec.json.decode(body)

    def _inside(self, namespace: str, key: str) -> Obj | None:
        for folder in [str(folder) for folder in PurePosixPath(key).parents][:-1]:
            found = self._exact(namespace, folder)
            if found is not None:
                return self._below(found, key[len(folder) + 1 :])
        return None

    def _below(self, found: Obj, path: str) -> Obj | None:
        """A file or folder in a stored folder."""
        if self.blobs is None or not found.get("directory"):
            return None
        inner: list[Leaf] = []
        for leaf in self.blobs.leaves(found["digest"]):
            if leaf.path == path and leaf.mode != FOLDER:
                return {"digest": leaf.digest, "size": leaf.size}
            if leaf.path.startswith(f"{path}/"):
                inner.append(msgspec.structs.replace(leaf, path=leaf.path[len(path) + 1 :]))
        return _shown(self.blobs.put_leaves(inner)) if inner else None

    def _gathered(self, namespace: str, key: str) -> Obj | None:
        """Everything that was stored under a prefix, as one folder."""
        members = self.store.rows(MEMBER, f"{namespace}/{key}")
        if self.blobs is None or not members:
            return None
        leaves: dict[str, Leaf] = {}
        for _, member, _, _ in members:
            found = self._exact(namespace, member)
            if found is not None:
                for leaf in self._leaves(member[len(key) + 1 :], found):
                    leaves[leaf.path] = leaf
        folders = {str(folder) for path in leaves for folder in [*PurePosixPath(path).parents][:-1]}
        for folder in folders:
            leaves.setdefault(folder, Leaf(folder, FOLDER))
        return _shown(self.blobs.put_leaves([*leaves.values()]))

    def _leaves(self, name: str, found: Obj) -> list[Leaf]:
        assert self.blobs is not None
        if not found.get("directory"):
            return [Leaf(name, FILE, found["digest"], found.get("size", 0))]
        inner = self.blobs.leaves(found["digest"])
        return [msgspec.structs.replace(leaf, path=f"{name}/{leaf.path}") for leaf in inner]


def _shown(stored: Stored) -> dict[str, Any]:
    return {"digest": stored.digest, "size": stored.size, "directory": stored.directory}
