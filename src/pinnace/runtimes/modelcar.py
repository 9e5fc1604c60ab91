"""Models in images: what lies in the folder /models of an image comes out of its registry, nothing else.

Used by `storage` for `oci://host/repository[:tag][@digest]`, as KServe's modelcars are written. Anonymous,
with the token that a registry offers to anybody; every blob is checked against its digest.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from .reach import urlopen

FOLDER = "models"
TYPES = ", ".join((
    "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
))
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
HOLDING = 64 * 1024 * 1024
"""A layer of more bytes is kept in a file until it is checked."""
DOCKER = "registry-1.docker.io"
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d+)?")
_PATH = re.compile(r"([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class CannotPull(Exception):
    """The text says what was asked for and what is wrong."""


class Reference(NamedTuple):
    host: str
    repository: str
    wanted: str
    """A tag or a digest."""

    @property
    def base(self) -> str:
        name = self.host.partition(":")[0]
        near = name == "localhost" or name.startswith("127.") or ".svc" in name or "." not in name
        return f"{'http' if near else 'https'}://{self.host}/v2/{self.repository}"


def parse(uri: str) -> Reference:
    """A name without a host is Docker Hub's, as everywhere."""
    host, slash, path = uri.removeprefix("oci://").partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        whole = f"{host}{slash}{path}"
        host, path = DOCKER, whole if slash else f"library/{whole}"
    match = _PATH.fullmatch(path)
    if match is None or not _HOST.fullmatch(host):
        raise CannotPull("expected oci://host/repository:tag or …@sha256:…")
    host = DOCKER if host in ("docker.io", "index.docker.io") else host
    return Reference(host, match[1], match[3] or match[2] or "latest")


class Source:
    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.token = ""

    def open(self, path: str, accept: str = "*/*", *, again: bool = True) -> Any:
        headers = {"Accept": accept, "User-Agent": "pinnace-storage"}
        request = urllib.request.Request(  # noqa: S310 - http and https only, see Reference.base
            f"{self.reference.base}/{path}", headers=headers
        )
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            return urlopen(request)
        except urllib.error.HTTPError as problem:
            challenge = problem.headers.get("WWW-Authenticate") or ""
            if problem.code != 401 or not again or not challenge.lower().startswith("bearer"):
                raise CannotPull(f"{path}: the registry says {problem.code} {problem.reason}") from None
            self.token = self.granted(dict(_CHALLENGE.findall(challenge)))
            return self.open(path, accept, again=False)
        except urllib.error.URLError as problem:
            raise CannotPull(f"{self.reference.host}: {problem.reason}") from None

    def granted(self, challenge: dict[str, str]) -> str:
        realm = challenge.get("realm", "")
        if urlsplit(realm).scheme not in ("http", "https"):
            raise CannotPull(f"the registry sends to {realm!r} for a token")
        scope = challenge.get("scope") or f"repository:{self.reference.repository}:pull"
        query = urlencode({"service": challenge.get("service", ""), "scope": scope})
        try:
            with urlopen(f"{realm}?{query}") as answer:
                found = json.load(answer)
        except (urllib.error.URLError, ValueError) as problem:
            raise CannotPull(f"no token from {realm}: {problem}") from None
        return str(found.get("token") or found.get("access_token") or "")

    def manifest(self, wanted: str) -> dict[str, Any]:
        """Of this machine's kind, if the image is there for several."""
        with self.open(f"manifests/{quote(wanted, safe=':')}", TYPES) as answer:
            body = answer.read(16 << 20)
        if wanted.startswith("sha256:") and f"sha256:{hashlib.sha256(body).hexdigest()}" != wanted:
            raise CannotPull(f"manifests/{wanted}: it is not what its digest says")
        found: dict[str, Any] = json.loads(body)
        if "manifests" not in found:
            return found
        machine = MACHINES.get(platform.machine(), platform.machine())
        fitting = [m for m in found["manifests"] if (m.get("platform") or {}).get("architecture") == machine]
        if not fitting and not found["manifests"]:
            raise CannotPull(f"{wanted}: the index is empty")
        return self.manifest(str((fitting or found["manifests"])[0]["digest"]))

    def blob(self, digest: str, into: IO[bytes]) -> None:
        checked = hashlib.sha256()
        with self.open(f"blobs/{quote(digest, safe=':')}") as answer:
            while chunk := answer.read(1 << 20):
                checked.update(chunk)
                into.write(chunk)
        if f"sha256:{checked.hexdigest()}" != digest:
            raise CannotPull(f"blobs/{digest}: it is not what its digest says")
        into.seek(0)


def pull(uri: str, folder: Path) -> None:
    """The image's /models into the folder. Raises CannotPull."""
    try:
        source = Source(parse(uri))
        for layer in source.manifest(source.reference.wanted).get("layers") or ():
            with tempfile.SpooledTemporaryFile(HOLDING) as held:
                source.blob(str(layer["digest"]), held)
                unpack(held, folder)
    except CannotPull as problem:
        raise CannotPull(f"{uri}: {problem}") from None
    except (tarfile.TarError, ValueError, KeyError, OSError) as problem:
        raise CannotPull(f"{uri}: {type(problem).__name__}: {problem}") from None
    if not any(folder.iterdir()):
        raise CannotPull(f"{uri}: the image has nothing in /{FOLDER}")


def unpack(layer: Any, folder: Path) -> None:
    """What one layer has (or takes away) below /models."""
    with tarfile.open(fileobj=layer, mode="r:*") as tape:
        for member in tape:
            parts = PurePosixPath("/", member.name).parts[1:]
            if parts[:1] != (FOLDER,) or len(parts) < 2 or ".." in parts:
                continue
            if parts[-1].startswith(".wh."):
                hidden = folder.joinpath(*parts[1:-1], parts[-1].removeprefix(".wh."))
                if hidden.is_file() or hidden.is_symlink():
                    hidden.unlink()
                continue
            member.name = str(PurePosixPath(*parts[1:]))
            if member.islnk():
                member.linkname = str(PurePosixPath(*PurePosixPath("/", member.linkname).parts[2:]))
            tape.extract(member, folder, filter="data")
