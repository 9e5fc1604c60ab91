"""Images under `home.data/images`: pulled or imported once, unpacked once, found by any of their names.

Used by the node for a pod's root, and by `pinnace image …|du|gc`. Invariants: `<digest>/rootfs` exists only
complete; a digest in the manifest is checked before a byte is used; two pulls of one image, also by two
processes, unpack once. A registry is contacted by `pull` alone.

    images/sha256-ab12…/{rootfs/, image.json}     images/names/<digest of name>.json     images/tmp/
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import msgspec

from pinnace.data.beneath import Unsafe
from pinnace.data.copying import remove_tree
from pinnace.data.extraction import Budget, Limits
from pinnace.data.images import layers
from pinnace.data.images.config import (
    INDEXES,
    ConfigFile,
    Descriptor,
    Document,
    Image,
    ImageConfig,
    choose,
    read,
)
from pinnace.data.images.errors import ImageError
from pinnace.data.images.reference import Reference
from pinnace.data.images.registry import Credentials, RegistrySource, sha256
from pinnace.data.images.sources import ArchiveSource, LayoutSource, Source

LIMITS = Limits(bytes=64 << 30, entries=2_000_000, ratio=1000, free=256 << 20)


class _Name(msgspec.Struct):
    reference: str
    digest: str


class ImageStore:
    def __init__(self, root: Path, *, limits: Limits = LIMITS) -> None:
        self.root = root
        self._limits = limits
        for name in ("names", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, reference: str) -> Image | None:
        """What is here under that name or digest. Raises ImageError for a name that is none."""
        parsed = Reference.parse(reference)
        if parsed.digest and (image := self._load(parsed.digest, str(parsed))):
            return image
        try:
            name = msgspec.json.decode(self._name(parsed).read_bytes(), type=_Name)
        except FileNotFoundError:
            return None
        return self._load(name.digest, str(parsed))

    def pull(
        self, reference: str, *, source: Source | None = None, credentials: Credentials | None = None
    ) -> Image:
        """Fetch and unpack, from `source` or the reference's registry, what is not here yet.

        By tag it asks the registry what the tag means now. Blocks: call it in a thread. Raises ImageError."""
        parsed = Reference.parse(reference)
        if parsed.digest and (image := self.find(reference)):
            return image
        if source is not None:
            return self._take(source, parsed)
        with closing(RegistrySource(parsed, credentials)) as registry:
            return self._take(registry, parsed)

    def import_layout(self, path: Path, reference: str = "") -> Image:
        """An OCI layout folder. `reference` names it here, and chooses where the layout has several."""
        parsed = Reference.parse(reference) if reference else None
        return self._take(LayoutSource(path, reference), parsed)

    def import_archive(self, path: Path, reference: str = "") -> Image:
        """A `docker save` or OCI archive; without `reference` it has the names that the archive gives it."""
        source = ArchiveSource(path, reference)
        image = self._take(source, Reference.parse(reference) if reference else None)
        if reference:
            return image
        for name in source.names:
            image = self._call(Reference.parse(name), image)
        return image

    def list(self) -> list[Image]:
        """Every name with its image."""
        names = [
            msgspec.json.decode(f.read_bytes(), type=_Name) for f in (self.root / "names").glob("*.json")
        ]
        found = (self._load(name.digest, name.reference) for name in sorted(names, key=lambda n: n.reference))
        return [image for image in found if image is not None]

    def remove(self, reference: str) -> bool:
        """Forget the name; the image goes with its last name (by digest: with all of them)."""
        image = self.find(reference)
        if image is None:
            return False
        parsed = Reference.parse(reference)
        with self._lock(image.digest):
            for file in (self.root / "names").glob("*.json"):
                name = msgspec.json.decode(file.read_bytes(), type=_Name)
                if name.digest == image.digest and (parsed.digest or name.reference == str(parsed)):
                    file.unlink()
            if not any(other.digest == image.digest for other in self.list()):
                trash = self.root / "tmp" / uuid4().hex
                os.rename(self._folder(image.digest), trash)
                remove_tree(trash)
        return True

    def du(self) -> int:
        """Bytes on disk."""
        return sum(layers.used(folder) for folder in self.root.glob("sha256-*"))

    # -- inside ---------------------------------------------------------------------------------------

    def _folder(self, digest: str) -> Path:
        return self.root / digest.replace(":", "-")

    def _name(self, reference: Reference) -> Path:
        return self.root / "names" / f"{hashlib.sha256(str(reference).encode()).hexdigest()}.json"

    def _load(self, digest: str, reference: str) -> Image | None:
        folder = self._folder(digest)
        try:
            config = msgspec.json.decode((folder / "image.json").read_bytes(), type=ImageConfig)
        except FileNotFoundError:
            return None
        return Image(folder / "rootfs", config, digest, reference)

    def _call(self, reference: Reference, image: Image) -> Image:
        scratch = self.root / "tmp" / uuid4().hex
        scratch.write_bytes(msgspec.json.encode(_Name(str(reference), image.digest)))
        os.replace(scratch, self._name(reference))
        return Image(image.rootfs, image.config, image.digest, str(reference))

    def _take(self, source: Source, reference: Reference | None) -> Image:
        what = str(reference) if reference else "image"
        digest, manifest = self._manifest(source, what)
        with self._lock(digest):
            image = self._load(digest, what) or self._unpack(source, digest, manifest, what)
        if reference is not None:
            return self._call(reference, image)
        return image

    def _manifest(self, source: Source, what: str) -> tuple[str, Document]:
        """Through at most one index to the manifest for this machine."""
        descriptor = source.top()
        for _ in range(3):
            content = source.document(descriptor)
            digest = sha256(content)
            _same(descriptor.digest or digest, digest, what)
            document = read(content, Document, what)
            if not document.manifests and document.media_type not in INDEXES:
                if document.config is None or not document.layers:
                    raise ImageError(f"{what}: a manifest without configuration and layers is no image")
                return digest, document
            descriptor = choose(document.manifests, what)
        raise ImageError(f"{what}: its index names an index that names an index", "ImageInspectError")

    def _unpack(self, source: Source, digest: str, manifest: Document, what: str) -> Image:
        assert manifest.config is not None
        described = msgspec.structs.replace(
            manifest.config,
            media_type=manifest.config.media_type or "application/vnd.oci.image.config.v1+json",
        )
        content = source.document(described)
        _same(described.digest, sha256(content), what)
        config = read(content, ConfigFile, what).start()
        scratch = self.root / "tmp" / uuid4().hex
        (scratch / "rootfs").mkdir(parents=True, mode=0o755)
        try:
            self._apply(source, manifest.layers, scratch, what)
            (scratch / "image.json").write_bytes(msgspec.json.encode(config))
            os.sync()  # once, rather than for each of the many files
            os.rename(scratch, self._folder(digest))
        finally:
            remove_tree(scratch)
        return Image(self._folder(digest) / "rootfs", config, digest, what)

    def _apply(self, source: Source, descriptors: Iterable[Descriptor], scratch: Path, what: str) -> None:
        packed = scratch / "layer"
        for descriptor in descriptors:
            with packed.open("w+b") as file:
                source.layer(descriptor, file)
                length = file.seek(0, os.SEEK_END)
                _same(descriptor.digest, _file_digest(file), what)
                try:
                    layers.apply(file, scratch / "rootfs", Budget(self._limits, length))
                except Unsafe as error:
                    raise ImageError(f"{what}: layer {descriptor.digest}: {error}") from error
            packed.unlink()
        layers.seal(scratch / "rootfs")

    @contextmanager
    def _lock(self, digest: str) -> Iterator[None]:
        path = self.root / "tmp" / f"{digest.replace(':', '-')}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _file_digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    return f"sha256:{digest}"


def _same(expected: str, found: str, what: str) -> None:
    if expected != found:
        raise ImageError(
            f"{what}: content has digest {found}, expected {expected}; pull it again", "ErrImagePull"
        )
