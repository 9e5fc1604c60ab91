"""Where a model comes from: a storageUri becomes what a pod mounts read-only at /mnt/models. Pure.

`s3://artifacts/<key>` names what a workflow wrote: the local artifact repository stands for that bucket,
and the very manifest reads the real one in a cluster. Remote stores are not reached from here
(platform.md §7.3, row 5).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from pinnace.controllers.serving.selection import Problem
from pinnace.kinds.resource import Obj

BUCKET = "artifacts"
FOLDER = "/mnt/models"
VOLUME = "kserve-pvc-source"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"

Artifacts = Callable[[str, str], "Artifact | None"]
"""(namespace, key) → what the local artifact repository has there."""


class Artifact(msgspec.Struct, frozen=True):
    """The body of an `artifact` row."""

    digest: str
    size: int = 0
    directory: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """`inputs` is staged by content (annotation `pinnace.dev/staging`), volumes and mounts are the pod's."""

    inputs: tuple[Obj, ...] = ()
    volumes: tuple[Obj, ...] = ()
    mounts: tuple[Obj, ...] = ()


def resolve(uri: str, namespace: str, artifacts: Artifacts, volumes: Path, read_only: bool = True) -> Source:
    """`volumes` is the home's folder of claims. Raises Problem with what to write instead."""
    parts = urlsplit(uri)
    path = unquote(parts.path).strip("/")
    if ".." in PurePosixPath(path).parts:
        raise Problem("InvalidPredictorSpec", f"storageUri {uri}: '..' is not allowed in a path")
    match parts.scheme:
        case "pvc":
            return claim(parts.netloc, path, read_only)
        case "s3":
            return artifact(uri, parts.netloc, path, namespace, artifacts)
        case "file" | "":
            return file(uri, unquote(parts.path), namespace, volumes)
    raise Problem("InvalidPredictorSpec", unsupported(uri, parts.scheme))


def claim(name: str, path: str, read_only: bool = True) -> Source:
    if not name:
        raise Problem("InvalidPredictorSpec", "storageUri pvc://: expected pvc://<claim>/<path>")
    mount: Obj = {"name": VOLUME, "mountPath": FOLDER, "readOnly": read_only}
    if path:
        mount["subPath"] = path
    volume: Obj = {"name": VOLUME, "persistentVolumeClaim": {"claimName": name, "readOnly": read_only}}
    return Source(volumes=(volume,), mounts=(mount,))


def artifact(uri: str, bucket: str, key: str, namespace: str, artifacts: Artifacts) -> Source:
    if bucket != BUCKET:
        text = (
            f"storageUri {uri}: the local artifact repository is the bucket {BUCKET!r} "
            f"(s3://{BUCKET}/<key>); others are not reached from here: copy the model to a volume claim "
            "and use pvc://<claim>/<path>"
        )
        raise Problem("InvalidPredictorSpec", text)
    found = artifacts(namespace, key) or artifacts(namespace, f"{key}/")
    if found is None:
        text = f"storageUri {uri}: no artifact of namespace {namespace} has the key {key!r} (yet)"
        raise Problem("ModelLoadFailed", text, waiting=True)
    path = FOLDER if found.directory else f"{FOLDER}/{PurePosixPath(key).name}"
    return Source(inputs=({"name": "model", "path": path, "digest": found.digest},))


def file(uri: str, path: str, namespace: str, volumes: Path) -> Source:
    """A path inside a claim of this namespace is that claim; the rest of the disk is nobody's model."""
    own = volumes / namespace
    wanted = PurePosixPath(path)
    if wanted.is_relative_to(own) and wanted != PurePosixPath(own):
        first, *rest = wanted.relative_to(own).parts
        return claim(first, "/".join(rest))
    text = (
        f"storageUri {uri}: files of this machine are not served (in a cluster, file:// is the server's own "
        "disk); put the model into a volume claim and use pvc://<claim>/<path>"
    )
    raise Problem("InvalidPredictorSpec", text)


def unsupported(uri: str, scheme: str) -> str:
    return (
        f"storageUri {uri}: {scheme}:// is not fetched by this platform; download the model in a workflow "
        f"step and use s3://{BUCKET}/<key>, or put it into a volume claim and use pvc://<claim>/<path>"
    )
