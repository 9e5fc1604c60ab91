"""Models in images, out of a registry as the distribution protocol has it: a small one, in this process."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pinnace.runtimes import modelcar
from pinnace.runtimes.storage import CannotFetch, fetch


class Registry(BaseHTTPRequestHandler):
    blobs: ClassVar[dict[str, bytes]]
    tags: ClassVar[dict[str, bytes]]
    token = ""

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            return self.said(200, json.dumps({"token": self.token}).encode())
        if self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="r"'
            return self.said(401, b"", realm)
        name = self.path.rpartition("/")[2]
        found = self.tags.get(name) or self.blobs.get(name)
        return self.said(200, found) if found is not None else self.said(404, b"")

    def said(self, status: int, body: bytes, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def named(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def layer(**files: bytes | None) -> bytes:
    """A tar, gzipped; `__` in a name stands for `/`, None for a symbolic link out of the folder."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tape:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                member.size = len(content)
            tape.addfile(member, io.BytesIO(content or b""))
    return gzip.compress(held.getvalue())


@pytest.fixture
def registry() -> Iterator[tuple[str, type[Registry]]]:
    kind = type("Own", (Registry,), {"blobs": {}, "tags": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", kind
        server.shutdown()
        thread.join()


def put(kind: type[Registry], *layers: bytes, tag: str = "1", architecture: str = "") -> str:
    kind.blobs |= {named(each): each for each in layers}
    manifest = json.dumps({"layers": [{"digest": named(each)} for each in layers]}).encode()
    kind.blobs[named(manifest)] = manifest
    index = {"manifests": [
        {"digest": "sha256:" + "0" * 64, "platform": {"architecture": "other"}},
        {"digest": named(manifest), "platform": {"architecture": architecture}},
    ]}
    kind.tags[tag] = json.dumps(index).encode() if architecture else manifest
    return named(manifest)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_folder_models_comes_and_nothing_else(
    registry: tuple[str, type[Registry]], tmp_path: Path
) -> None:
    host, kind = registry
    kind.token = "open"
    bottom = layer(models__a=b"1", models__b__c=b"2", etc__passwd=b"no")
    top = layer(**{"models__.wh.a": b"", "models__d": b"3"})
    machine = modelcar.MACHINES.get(platform.machine(), "")
    digest = put(kind, bottom, top, architecture=machine)
    fetch(f"oci://{host}/team/model:1", tmp_path / "m")
    assert files(tmp_path / "m") == {"b/c": b"2", "d": b"3"}
    fetch(f"oci://{host}/team/model@{digest}", tmp_path / "n")
    assert files(tmp_path / "n") == {"b/c": b"2", "d": b"3"}


@pytest.mark.parametrize("content", [
    {"models__a": None}, {"models__..__..__out": b"1"}, {"app__a": b"1"},
])
def test_nothing_leaves_the_folder(
    registry: tuple[str, type[Registry]], tmp_path: Path, content: dict[str, bytes | None]
) -> None:
    host, kind = registry
    put(kind, layer(**content))
    with pytest.raises(CannotFetch):
        fetch(f"oci://{host}/model:1", tmp_path / "m")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_blob_that_is_another_is_refused(registry: tuple[str, type[Registry]], tmp_path: Path) -> None:
    host, kind = registry
    whole = layer(models__a=b"1")
    put(kind, whole)
    kind.blobs[named(whole)] = layer(models__a=b"evil")
    with pytest.raises(CannotFetch, match="not what its digest says"):
        fetch(f"oci://{host}/model:1", tmp_path / "m")
    assert not files(tmp_path / "m")


@pytest.mark.parametrize(("uri", "found"), [
    ("oci://quay.io/org/model:v1", ("quay.io", "org/model", "v1")),
    ("oci://org/model", (modelcar.DOCKER, "org/model", "latest")),
    ("oci://model", (modelcar.DOCKER, "library/model", "latest")),
    ("oci://localhost:5000/a@sha256:" + "a" * 64, ("localhost:5000", "a", "sha256:" + "a" * 64)),
])
def test_references(uri: str, found: tuple[str, str, str]) -> None:
    assert tuple(modelcar.parse(uri)) == found


@pytest.mark.parametrize("uri", ["oci://", "oci://quay.io/", "oci://quay.io/A", "oci://a.b/../c", "oci://a.b/c?x"])
def test_what_is_no_reference_is_refused(uri: str) -> None:
    with pytest.raises(modelcar.CannotPull):
        modelcar.parse(uri)
