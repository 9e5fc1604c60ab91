"""What of this machine's data a document reads: artifacts under keys, models, claims. And other names for it.

Pure: `cli/export` looks up what lies there. A key-only location means the default artifact repository, and
`s3://artifacts/KEY` is how an InferenceService names the same (docs/serving.md); both are this machine's own
here and a real store's elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pinnace.authoring.export.references import documents
from pinnace.kinds.resource import Obj

BUCKET = "artifacts"
REPOSITORY, VOLUME = "artifact", "claim"


class Wanted(msgspec.Struct, frozen=True, order=True):
    """`kind` is REPOSITORY (`key` is the artifact's) or VOLUME (`key` is `claim/path`)."""

    kind: str
    key: str
    path: str = ""


class Found(msgspec.Struct, frozen=True):
    """What lies there. `digest` is BLAKE3 of the content (of a folder: of its tree object)."""

    wanted: Wanted
    size: int = 0
    digest: str = ""
    directory: bool = False
    address: str = ""
    """Where `--store` has put it."""


class Store(msgspec.Struct, frozen=True):
    """`s3://bucket/prefix`, also gs:// and az://."""

    url: str
    endpoint: str = ""

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def bucket(self) -> str:
        return urlsplit(self.url).netloc

    def key(self, wanted: Wanted) -> str:
        prefix = urlsplit(self.url).path.strip("/")
        part = f"volumes/{wanted.key}" if wanted.kind == VOLUME else wanted.key
        return "/".join(one for one in (prefix, part.strip("/")) if one)

    def address(self, wanted: Wanted) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key(wanted)}"

    def location(self, wanted: Wanted) -> Obj:
        """As an artifact of Argo names it."""
        if self.scheme == "gs":
            return {"gcs": {"bucket": self.bucket, "key": self.key(wanted)}}
        endpoint = urlsplit(self.endpoint).netloc or self.endpoint or "s3.amazonaws.com"
        made: Obj = {"endpoint": endpoint, "bucket": self.bucket, "key": self.key(wanted)}
        if self.endpoint.startswith("http://"):
            made["insecure"] = True
        return {"s3": made}


def wanted(obj: Obj) -> list[Wanted]:
    """Each once. What the document's own steps write is not asked for."""
    made = set(_written(obj))
    found: dict[tuple[str, str], Wanted] = {}
    for one in _reads(obj, ""):
        if "{{" not in one.key and (one.kind, one.key) not in found and one.key not in made:
            found[one.kind, one.key] = one
    return list(found.values())


def _written(value: Any) -> Iterator[str]:
    for template in _templates(value):
        for one in (template.get("outputs") or {}).get("artifacts") or ():
            if key := (one.get("s3") or {}).get("key"):
                yield str(key)


def _templates(value: Any) -> Iterator[Obj]:
    if isinstance(value, list):
        for one in value:
            yield from _templates(one)
    elif isinstance(value, dict):
        if isinstance(value.get("outputs"), dict):
            yield value
        for one in value.values():
            yield from _templates(one)


def _reads(value: Any, path: str) -> Iterator[Wanted]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _reads(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            here = f"{path}.{key}" if path else key
            if key in ("storageUri", "storage_uri") and isinstance(one, str):
                yield from model(one, here)
            elif key == "s3" and isinstance(one, dict) and local(one):
                yield Wanted(REPOSITORY, str(one["key"]), here)
            elif key == "claimName" and isinstance(one, str):
                yield Wanted(VOLUME, one, here)
            elif key == "manifest" and isinstance(one, str):
                for obj in documents(one):
                    yield from _reads(obj, here)
            elif key != "outputs":
                yield from _reads(one, here)


def model(uri: str, path: str) -> Iterator[Wanted]:
    parts = urlsplit(uri)
    if parts.scheme == "s3" and parts.netloc == BUCKET:
        yield Wanted(REPOSITORY, parts.path.strip("/"), path)
    elif parts.scheme == "pvc":
        yield Wanted(VOLUME, f"{parts.netloc}/{parts.path.strip('/')}".rstrip("/"), path)


def local(location: Obj) -> bool:
    """A key alone, or in the local repository's own bucket."""
    return bool(location.get("key")) and location.get("bucket") in (None, "", BUCKET)


Address = Callable[[Wanted], "Found | None"]


def rewritten(value: Any, store: Store, found: Address) -> Any:
    """A new document in which what was uploaded is named by its address in the store."""
    if isinstance(value, list):
        return [rewritten(one, store, found) for one in value]
    if not isinstance(value, dict):
        return value
    made: Obj = {}
    for key, one in value.items():
        if key in ("storageUri", "storage_uri") and isinstance(one, str):
            made[key] = next((store.address(w) for w in model(one, "") if found(w)), one)
        elif (
            key == "s3"
            and isinstance(one, dict)
            and local(one)
            and found(Wanted(REPOSITORY, str(one["key"])))
        ):
            made.update(store.location(Wanted(REPOSITORY, str(one["key"]))))
        elif key == "manifest" and isinstance(one, str):
            made[key] = _text(one, store, found)
        else:
            made[key] = one if key == "outputs" else rewritten(one, store, found)
    return made


def _text(manifest: str, store: Store, found: Address) -> str:
    for obj in documents(manifest):
        for one in _reads(obj, ""):
            if one.kind == REPOSITORY and found(one):
                manifest = manifest.replace(f"s3://{BUCKET}/{one.key}", store.address(one))
            elif found(one):
                manifest = manifest.replace(f"pvc://{one.key}", store.address(one))
    return manifest
