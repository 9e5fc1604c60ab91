"""An OCI image layout, written without an engine: layers, configurations, manifests, one index.

`pinnace export --build` fills one a bundle. Invariants: a blob exists only complete and under its own digest;
the same trees and settings are the same digests, on every machine and day.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import IO, Any, BinaryIO, cast
from uuid import uuid4

import msgspec

from pinnace.data.images.config import Descriptor, Document, ImageConfig, architecture, choose, read
from pinnace.data.images.errors import ImageError
from pinnace.data.images.sources import Source
from pinnace.data.images.tree import Tree

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
INDEX = "application/vnd.oci.image.index.v1+json"
NAME = "org.opencontainers.image.ref.name"
LEVEL = 5
CREATED = "1980-01-01T12:00:00Z"


class Layer(msgspec.Struct, frozen=True):
    digest: str
    size: int
    """Of the packed bytes."""
    diff: str
    """Digest of the bare tar."""
    what: str = ""
    """One line of the image's history."""


class Written(msgspec.Struct, frozen=True):
    """An image of the layout."""

    name: str
    digest: str
    size: int
    """Of all its layers, packed."""


class _Hashing:
    """Passes on what is written, and knows its digest and length."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self.hash.update(content)
        self.size += len(content)
        return self.target.write(content)

    def flush(self) -> None:
        self.target.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self.hash.hexdigest()}"


class LayoutWriter:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._manifests: dict[str, dict[str, Any]] = {}
        (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def layer(self, tree: Tree, what: str = "") -> Layer:
        scratch = self._blobs / f".{uuid4().hex}"
        try:
            with scratch.open("wb") as file:
                packed = _Hashing(file)
                with gzip.GzipFile("", "wb", LEVEL, cast("IO[bytes]", packed), mtime=0) as stream:
                    bare = _Hashing(cast("IO[bytes]", stream))
                    tree.pack(cast("BinaryIO", bare))
            os.replace(scratch, self.blob(packed.digest))
        finally:
            scratch.unlink(missing_ok=True)
        return Layer(packed.digest, packed.size, bare.digest, what)

    def image(self, name: str, layers: list[Layer], start: ImageConfig) -> Written:
        """`name` is what the index calls it; an image of that name is replaced."""
        config = self._document(configuration(layers, start))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": LAYER, "digest": one.digest, "size": one.size} for one in layers],
        }
        described = self._document(manifest)
        self._manifests[name] = {
            "mediaType": MANIFEST, **described, "annotations": {NAME: name},
            "platform": {"architecture": architecture(), "os": "linux"},
        }
        self._write_index()
        return Written(name, described["digest"], sum(one.size for one in layers))

    def adopt(self, source: Source, name: str) -> Written:
        """An image that is written already, blob by blob as it is. Raises ImageError."""
        descriptor = source.top()
        for _ in range(3):
            content = source.document(descriptor)
            document = read(content, Document, name)
            if document.config is not None:
                break
            descriptor = choose(document.manifests, name)
        else:
            raise ImageError(f"{name}: its index names no image")
        config = msgspec.structs.replace(document.config, media_type=document.config.media_type or CONFIG)
        self._keep(source.document(config), config.digest, name)
        for layer in document.layers:
            self._layer_of(source, layer, name)
        digest = self._keep(content, descriptor.digest, name)
        media = document.media_type or descriptor.media_type or MANIFEST
        described = {"mediaType": media, "digest": digest, "size": len(content), "annotations": {NAME: name}}
        self._manifests[name] = {**described, "platform": {"architecture": architecture(), "os": "linux"}}
        self._write_index()
        return Written(name, digest, sum(self.blob(one.digest).stat().st_size for one in document.layers))

    def manifest(self, name: str) -> Descriptor:
        """KeyError: the layout has no image of that name."""
        return msgspec.convert(self._manifests[name], Descriptor)

    def _keep(self, content: bytes, expected: str, name: str) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if expected and expected != digest:
            raise ImageError(f"{name}: content has digest {digest}, expected {expected}")
        self.blob(digest).write_bytes(content)
        return digest

    def _layer_of(self, source: Source, layer: Descriptor, name: str) -> None:
        scratch = self._blobs / f".{uuid4().hex}"
        try:
            with scratch.open("wb") as file:
                source.layer(layer, file)
            with scratch.open("rb") as file:
                digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            if digest != layer.digest:
                raise ImageError(f"{name}: layer has digest {digest}, expected {layer.digest}")
            os.replace(scratch, self.blob(digest))
        finally:
            scratch.unlink(missing_ok=True)

    def blob(self, digest: str) -> Path:
        return self._blobs / digest.removeprefix("sha256:")

    def _document(self, content: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.blob(digest).write_bytes(body)
        return {"digest": digest, "size": len(body)}

    def _write_index(self) -> None:
        entries = [self._manifests[name] for name in sorted(self._manifests)]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        (self.root / "index.json").write_text(json.dumps(index, sort_keys=True, indent=1))


def configuration(layers: list[Layer], start: ImageConfig) -> dict[str, Any]:
    said = {
        "Entrypoint": start.entrypoint, "Cmd": start.cmd, "User": start.user, "WorkingDir": start.workdir,
        "Env": [f"{name}={value}" for name, value in start.env.items()], "Labels": start.labels,
        "StopSignal": start.stop_signal,
    }  # fmt: skip
    return {
        "architecture": architecture(),
        "os": "linux",
        "created": CREATED,
        "config": {name: value for name, value in said.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [one.diff for one in layers]},
        "history": [{"created": CREATED, "created_by": one.what} for one in layers],
    }
