"""The bytes of an artifact, read from the local repository: for the API's faces, off the loop."""

from __future__ import annotations

import io
import tarfile

from pinnace.cli.given import Platform
from pinnace.controllers.workflow.repository import Repository
from pinnace.data.blobs import Blobs, Missing
from pinnace.data.tree import EXECUTABLE, FILE

MOST = 256 * 1024 * 1024


def reading(platform: Platform, namespace: str, key: str) -> bytes | None:
    """A folder as tar.gz; None: there is none under that key, or more than anybody reads at once."""
    blobs = Blobs(platform.home.data)
    found = Repository(platform.store, blobs).find(namespace, key)
    if found is None or int(found.get("size") or 0) > MOST:
        return None
    try:
        return packed(blobs, found["digest"]) if found.get("directory") else _bytes(blobs, found["digest"])
    except Missing:
        return None


def _bytes(blobs: Blobs, digest: str) -> bytes:
    with blobs.open(digest) as file:
        return file.read()


def packed(blobs: Blobs, digest: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for leaf in blobs.leaves(digest):
            if leaf.mode in (FILE, EXECUTABLE):
                member = tarfile.TarInfo(leaf.path)
                member.size, member.mode = leaf.size, leaf.mode & 0o777
                with blobs.open(leaf.digest) as file:
                    archive.addfile(member, file)
    return made.getvalue()
