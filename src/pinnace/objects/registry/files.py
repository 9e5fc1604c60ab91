"""Files that MLflow's clients upload: named here, their content in `data/` under its digest.

A file is known by its whole path below `mlflow-artifacts:/` (`1/<run>/artifacts/model/MLmodel`). Rows:
"mlflow-artifact" (root, rest of the path); the root ends with the first part that is called `artifacts`, so
that a listing reads one run's or one model's rows. Callers: `api/mlflow`, `objects/lineage`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath

import msgspec

from pinnace.data.blobs import Blobs, Stored
from pinnace.data.tree import FILE, FOLDER, Leaf
from pinnace.store.interface import Row, Store

KIND = "mlflow-artifact"
SCHEME = "mlflow-artifacts:"


class BadPath(ValueError):
    """A path that leaves its place, or is none."""


class Entry(msgspec.Struct, frozen=True):
    """`path` is below the folder that was listed."""

    path: str
    digest: str = ""
    size: int = 0

    @property
    def folder(self) -> bool:
        return not self.digest


def path_of(uri: str) -> str:
    """`mlflow-artifacts:/1/…`, with or without a host → `1/…`; '' of another scheme."""
    if not uri.startswith(SCHEME):
        return ""
    rest = uri.removeprefix(SCHEME)
    if rest.startswith("//"):
        rest = rest[2:].partition("/")[2]
    return rest.strip("/")


def checked(path: str) -> str:
    """Raises BadPath."""
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise BadPath(f"Invalid path: {path[:200]!r}")
    return "/".join(parts)


def split(path: str) -> tuple[str, str]:
    """(root, rest)"""
    parts = path.split("/")
    cut = parts.index("artifacts") + 1 if "artifacts" in parts else 1
    return "/".join(parts[:cut]), "/".join(parts[cut:])


class Files:
    def __init__(self, store: Store, blobs: Blobs) -> None:
        self.store = store
        self.blobs = blobs

    async def put(self, path: str, file: Path) -> Stored:
        """Takes the file. Raises BadPath."""
        root, rest = split(checked(path))
        stored = await asyncio.to_thread(self.blobs.put_file, file, move=True)
        body = msgspec.json.encode({"digest": stored.digest, "size": stored.size})
        await self.store.commit([Row(KIND, root, rest, body)])
        return stored

    def get(self, path: str) -> Entry | None:
        root, rest = split(checked(path))
        body = self.store.row(KIND, root, rest)
        return None if body is None else _entry(rest, body)

    def below(self, path: str) -> list[Entry]:
        """Every file in a folder, by path."""
        root, rest = split(checked(path))
        prefix = f"{rest}/" if rest else ""
        rows = self.store.rows(KIND, root)
        return [_entry(key[len(prefix) :], body) for _, key, _, body in rows if key.startswith(prefix)]

    def listing(self, path: str) -> list[Entry]:
        """The files and folders that lie directly in a folder."""
        found: dict[str, Entry] = {}
        for one in self.below(path):
            name, _, deeper = one.path.partition("/")
            found[name] = Entry(name) if deeper else one
        return [found[name] for name in sorted(found)]

    async def remove(self, path: str) -> None:
        """A file, or all in a folder. Its content stays until a collection."""
        root, rest = split(checked(path))
        gone = [rest, *(f"{rest}/{one.path}" if rest else one.path for one in self.below(path))]
        await self.store.commit([Row(KIND, root, key, None) for key in dict.fromkeys(gone) if key])

    async def folder(self, path: str) -> Stored | None:
        """Everything in a folder as one tree, a file as it is; None: nothing is there."""
        single = self.get(path) if split(checked(path))[1] else None
        if single is not None:
            return Stored(single.digest, single.size)
        entries = self.below(path)
        if not entries:
            return None
        return await asyncio.to_thread(self.blobs.put_leaves, leaves(entries))


def leaves(entries: list[Entry]) -> list[Leaf]:
    made = {one.path: Leaf(one.path, FILE, one.digest, one.size) for one in entries}
    folders = {str(folder) for path in made for folder in [*PurePosixPath(path).parents][:-1]}
    return [*made.values(), *(Leaf(folder, FOLDER) for folder in folders - made.keys())]


def _entry(path: str, body: bytes) -> Entry:
    found = msgspec.json.decode(body)
    return Entry(path, found["digest"], found["size"])
