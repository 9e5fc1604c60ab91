"""Where an image's bytes come from: an OCI layout folder or a `docker save` archive. (See also `registry`.)

Used by `ImageStore`. Every source answers the same three questions; whoever asks checks the digests.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from pinnace.data.beneath import open_regular, read_beneath
from pinnace.data.images.config import FORMAT_LIMIT, Descriptor, Document, choose, read
from pinnace.data.images.errors import ImageError


class Source(Protocol):
    def top(self) -> Descriptor:
        """The manifest or index to begin with; its digest may be empty until it has been read."""

    def document(self, descriptor: Descriptor) -> bytes:
        """A manifest, index or configuration."""

    def layer(self, descriptor: Descriptor, target: BinaryIO) -> None:
        """Write a layer's packed bytes."""


class LayoutSource:
    """An OCI image layout (`oci-layout`, `index.json`, `blobs/sha256/…`); links in it are not followed."""

    def __init__(self, path: Path, name: str = "") -> None:
        self._path = path
        self._name = name

    def top(self) -> Descriptor:
        try:
            index = read(read_beneath(self._path, "index.json", FORMAT_LIMIT), Document, str(self._path))
        except FileNotFoundError:
            raise ImageError(f"{self._path} is no OCI image layout: it has no index.json") from None
        return _named(index.manifests, self._name, str(self._path))

    def document(self, descriptor: Descriptor) -> bytes:
        try:
            return read_beneath(self._path, _blob(descriptor), FORMAT_LIMIT)
        except FileNotFoundError:
            raise ImageError(f"{self._path}: blob {descriptor.digest} is missing") from None

    def layer(self, descriptor: Descriptor, target: BinaryIO) -> None:
        try:
            source = open_regular(self._path, _blob(descriptor))
        except FileNotFoundError:
            raise ImageError(f"{self._path}: layer {descriptor.digest} is missing") from None
        with os.fdopen(source, "rb") as file:
            while chunk := file.read(1 << 20):
                target.write(chunk)


class ArchiveSource:
    """`docker save` (manifest.json, or an OCI layout in a tar, as newer engines and podman write)."""

    def __init__(self, path: Path, name: str = "") -> None:
        self._path = path
        self._name = name
        self._documents: dict[str, bytes] = {}
        self._layers: dict[str, str] = {}
        self._names: list[str] = []

    @property
    def names(self) -> list[str]:
        """The references that the archive itself gives its image (RepoTags)."""
        if not self._documents:
            self.top()
        return self._names

    def top(self) -> Descriptor:
        try:
            with self._tar() as tar:
                files = set(tar.getnames())
                if "manifest.json" in files:
                    return self._docker(tar)
                if "index.json" in files:
                    index = read(_member(tar, "index.json"), Document, str(self._path))
                    return _named(index.manifests, self._name, str(self._path))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ImageError(f"{self._path}: not a readable image archive: {error}") from error
        raise ImageError(f"{self._path} is no image archive: neither manifest.json nor index.json is in it")

    def document(self, descriptor: Descriptor) -> bytes:
        if descriptor.digest in self._documents:
            return self._documents[descriptor.digest]
        with self._tar() as tar:
            return _member(tar, _blob(descriptor))

    def layer(self, descriptor: Descriptor, target: BinaryIO) -> None:
        with self._tar() as tar:
            file = _open_member(tar, self._layers.get(descriptor.digest) or _blob(descriptor))
            while chunk := file.read(1 << 20):
                target.write(chunk)

    def _docker(self, tar: tarfile.TarFile) -> Descriptor:
        """Speak of Docker's own manifest.json as if it were an OCI manifest. Its layers are named by the
        configuration's diff ids, which are their digests as long as they are not compressed."""
        try:
            entries = json.loads(_member(tar, "manifest.json"))
            wanted = [e for e in entries if not self._name or self._name in (e.get("RepoTags") or [])]
            entry = (wanted or entries)[0]
            config = _member(tar, entry["Config"])
            paths: list[str] = entry["Layers"]
            self._names = list(entry.get("RepoTags") or [])
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ImageError(f"{self._path}: its manifest.json is not Docker's: {error!r}") from error
        layers = [Descriptor(digest=_digest_of(_open_member(tar, path))) for path in paths]
        self._layers = {layer.digest: path for layer, path in zip(layers, paths, strict=True)}
        described = Descriptor(digest=_digest_of(io.BytesIO(config)), size=len(config))
        body = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"digest": described.digest},
                "layers": [{"digest": layer.digest} for layer in layers],
            },
            sort_keys=True,
        ).encode()
        top = Descriptor(digest=_digest_of(io.BytesIO(body)))
        self._documents = {top.digest: body, described.digest: config}
        return top

    @contextmanager
    def _tar(self) -> Iterator[tarfile.TarFile]:
        with self._path.open("rb") as file, tarfile.open(fileobj=file, mode="r:*") as tar:
            yield tar


def _named(manifests: list[Descriptor], name: str, what: str) -> Descriptor:
    """Of several images in a layout, the one whose `org.opencontainers.image.ref.name` is asked for."""
    if not manifests:
        raise ImageError(f"{what}: its index names no image")
    digest = name.partition("@")[2]
    if digest and (exact := [m for m in manifests if m.digest == digest]):
        return exact[0]
    names = {(m.annotations or {}).get("org.opencontainers.image.ref.name", ""): m for m in manifests}
    if name and name in names:
        return names[name]
    if len(manifests) == 1 or all(m.platform for m in manifests):
        return choose(manifests, what)
    raise ImageError(f"{what} has several images; name one of them: {', '.join(sorted(filter(None, names)))}")


def _blob(descriptor: Descriptor) -> str:
    algorithm, _, value = descriptor.digest.partition(":")
    if algorithm != "sha256" or len(value) != 64 or not value.isalnum():
        raise ImageError(f"{descriptor.digest!r} is no digest; expected sha256: and 64 hexadecimal digits")
    return f"blobs/sha256/{value}"


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = _open_member(tar, name)
    content = file.read(FORMAT_LIMIT + 1)
    if len(content) > FORMAT_LIMIT:
        raise ImageError(f"{name} in the archive has more than {FORMAT_LIMIT} bytes")
    return content


def _open_member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        file = tar.extractfile(name)
    except KeyError:
        file = None
    if file is None:
        raise ImageError(f"{tar.name!r}: {name} is missing in the archive")
    return file


def _digest_of(file: IO[bytes]) -> str:
    import hashlib

    return f"sha256:{hashlib.file_digest(cast('BinaryIO', file), 'sha256').hexdigest()}"  # type: ignore[arg-type]
