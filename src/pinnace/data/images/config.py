"""Documents of the OCI image specification (v1.1, and Docker's schema 2), as far as they are read here."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pinnace.data.images.errors import ImageError

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
FORMAT_LIMIT = 8 << 20
"""Bytes of a manifest or configuration; larger ones are refused unread."""

T = TypeVar("T")


class ImageConfig(msgspec.Struct, frozen=True):
    """What the image says of how to start it."""

    entrypoint: list[str] = []
    cmd: list[str] = []
    env: dict[str, str] = {}
    user: str = ""
    workdir: str = ""
    stop_signal: str = ""
    labels: dict[str, str] = {}


class Image(msgspec.Struct, frozen=True):
    """`rootfs` is shared by all pods: bind it read-only. `digest` is the manifest's (`sha256:…`)."""

    rootfs: Path
    config: ImageConfig
    digest: str
    reference: str = ""


class Platform(msgspec.Struct, frozen=True):
    os: str = "linux"
    architecture: str = ""
    variant: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    digest: str
    media_type: str = ""
    size: int = 0
    platform: Platform | None = None
    annotations: dict[str, str] | None = None


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest or an index: whichever of its fields it has."""

    media_type: str = ""
    config: Descriptor | None = None
    layers: list[Descriptor] = []
    manifests: list[Descriptor] = []


class Layout(msgspec.Struct, frozen=True):
    type: str = ""
    diff_ids: list[str] = []


class ConfigFile(msgspec.Struct, frozen=True):
    config: dict[str, Any] | None = None
    rootfs: Layout = Layout()
    architecture: str = ""
    os: str = ""

    def start(self) -> ImageConfig:
        said = {key: value for key, value in (self.config or {}).items() if value is not None}
        pairs = (entry.partition("=") for entry in said.get("Env", []))
        fields = {
            "entrypoint": said.get("Entrypoint", []), "cmd": said.get("Cmd", []),
            "env": {name: value for name, _, value in pairs}, "user": said.get("User", ""),
            "workdir": said.get("WorkingDir", ""), "stop_signal": said.get("StopSignal", ""),
            "labels": said.get("Labels", {}),
        }  # fmt: skip
        return msgspec.convert(fields, ImageConfig)


def read(content: bytes, kind: type[T], what: str) -> T:
    """Raises ImageError for a document that is none."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise ImageError(f"{what}: not a valid image document: {error}", "ImageInspectError") from error


def choose(manifests: list[Descriptor], what: str) -> Descriptor:
    """The entry of an index for this machine (a variant of it, such as arm64/v8, will do)."""
    machine = architecture()
    wanted = ("linux", machine)
    fitting = [m for m in manifests if not m.platform or (m.platform.os, m.platform.architecture) == wanted]
    if not fitting:
        offered = sorted({f"{m.platform.os}/{m.platform.architecture}" for m in manifests if m.platform})
        raise ImageError(f"{what}: no image for linux/{machine}; built for {', '.join(offered) or 'nothing'}")
    return fitting[0]


def architecture() -> str:
    names = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
    machine = platform.machine()
    return names.get(machine, machine) if sys.platform != "win32" else "amd64"
