"""Images without an engine: from a layout, an archive and a (loopback) registry, unpacked once and safely."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pinnace.data.images import ImageError, ImageStore, Reference
from pinnace.data.images.config import architecture
from pinnace.data.images.registry import Credentials, is_loopback

Member = tuple[str, bytes, str, bytes, int]
REG, SYM, LNK, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


def file(name: str, content: bytes = b"", mode: int = 0o644) -> Member:
    return name, REG, "", content, mode


def link(name: str, target: str, kind: bytes = SYM) -> Member:
    return name, kind, target, b"", 0o777


def layer(*members: Member) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, target, content, mode in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size, member.mode = kind, target, len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Built:
    """An image as blobs: packed layers, a configuration, a manifest, and an index over two platforms."""

    def __init__(self, *layers: bytes) -> None:
        self.blobs: dict[str, bytes] = {}
        self.plain = layers
        self.config = json.dumps(
            {
                "os": "linux",
                "architecture": architecture(),
                "config": {
                    "Entrypoint": ["/bin/say"], "Cmd": None, "Env": ["A=1", "B=x=y"],
                    "User": "1000", "WorkingDir": "/job",
                },
                "rootfs": {"type": "layers", "diff_ids": [digest(plain) for plain in layers]},
            }
        ).encode()  # fmt: skip
        kind = "application/vnd.oci.image.layer.v1.tar+gzip"
        packed = [gzip.compress(plain, mtime=0) for plain in layers]
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": self._add(self.config, "application/vnd.oci.image.config.v1+json"),
                "layers": [self._add(blob, kind) for blob in packed],
            }
        ).encode()
        described = self._add(self.manifest, "application/vnd.oci.image.manifest.v1+json")
        other = {
            **described,
            "digest": "sha256:" + "0" * 64,
            "platform": {"os": "linux", "architecture": "s390x"},
        }
        mine = {**described, "platform": {"os": "linux", "architecture": architecture()}}
        media = "application/vnd.oci.image.index.v1+json"
        self.index = json.dumps({"schemaVersion": 2, "mediaType": media, "manifests": [other, mine]}).encode()
        self._add(self.index, media)

    def _add(self, content: bytes, media: str) -> dict[str, Any]:
        self.blobs[digest(content)] = content
        return {"digest": digest(content), "size": len(content), "mediaType": media}

    def layout(self, path: Path) -> Path:
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (path / "index.json").write_bytes(self.index)
        for name, content in self.blobs.items():
            (path / "blobs" / "sha256" / name.partition(":")[2]).write_bytes(content)
        return path

    def docker_save(self, path: Path, tag: str) -> Path:
        names = [f"{digest(plain)[7:]}/layer.tar" for plain in self.plain]
        manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": names}]
        members = [file("config.json", self.config), file("manifest.json", json.dumps(manifest).encode())]
        members += [file(name, plain) for name, plain in zip(names, self.plain, strict=True)]
        path.write_bytes(layer(*members))
        return path


HELLO = Built(
    layer(
        file("bin/say", b"#!/bin/sh\n", 0o4755),
        file("etc/motd", b"one"),
        file("usr/lib/a", b"a"),
        link("lib", "usr/lib"),
    ),
    layer(file("etc/motd", b"two"), file("lib/b", b"b")),
)


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def rootfs(images: ImageStore, tmp_path: Path, *layers: bytes) -> Path:
    return images.import_layout(Built(*layers).layout(tmp_path / "layout")).rootfs


class Registry:
    """A loopback registry that wants a bearer token, sends blobs by redirect and counts what it is asked."""

    def __init__(self, built: Built, password: str = "") -> None:
        self.built, self.password = built, password
        self.asked: list[str] = []
        self.storage_headers: list[str | None] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked.append(path)
        if path == "/token":
            basic = request.headers.get("Authorization", "")
            allowed = not self.password or basic.startswith("Basic ")
            self._send(request, 200 if allowed else 401, b'{"token":"sesame"}')
        elif path.startswith("/storage/"):
            self.storage_headers.append(request.headers.get("Authorization"))
            self._send(request, 200, self.built.blobs[path.removeprefix("/storage/")])
        elif request.headers.get("Authorization") != "Bearer sesame":
            realm = f'Bearer realm="http://{self.host}/token",service="test"'
            self._send(request, 401, b"{}", {"WWW-Authenticate": realm})
        elif "/manifests/" in path:
            name = path.rpartition("/")[2]
            content = self.built.index if name == "v1" else self.built.blobs.get(name)
            self._send(request, 200 if content else 404, content or b"{}")
        else:
            self._send(request, 307, b"", {"Location": f"/storage/{path.rpartition('/')[2]}"})

    def _send(
        self, request: BaseHTTPRequestHandler, code: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        request.send_response(code)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry(HELLO)
    yield served
    served.close()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("argoproj/argosay:v2", "docker.io/argoproj/argosay:v2"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/library/busybox:1", "docker.io/library/busybox:1"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
        ("gcr.io/p/i@sha256:" + "a" * 64, "gcr.io/p/i@sha256:" + "a" * 64),
        ("[::1]:5000/x:y", "[::1]:5000/x:y"),
    ],
)
def test_a_reference_means_what_docker_says(written: str, meant: str) -> None:
    assert str(Reference.parse(written)) == meant
    assert Reference.parse(meant) == Reference.parse(written)


@pytest.mark.parametrize(
    "bad", ["", "Busybox", "a//b", "../x", "x:", "x@sha256:12", "x y", "-x", "x:tag:tag", "/x"]
)
def test_a_name_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ImageError) as refused:
        Reference.parse(bad)
    assert refused.value.reason == "InvalidImageName"


def check_hello(root: Path) -> None:
    assert (root / "etc/motd").read_bytes() == b"two"
    assert (root / "usr/lib/b").read_bytes() == b"b"
    assert os.readlink(root / "lib") == "usr/lib"
    assert stat.S_IMODE((root / "bin/say").stat().st_mode) == 0o755


def test_a_layout_becomes_a_folder_and_a_configuration(images: ImageStore, tmp_path: Path) -> None:
    image = images.import_layout(HELLO.layout(tmp_path / "layout"), "hello:v1")
    check_hello(image.rootfs)
    assert (image.config.entrypoint, image.config.cmd, image.config.user) == (["/bin/say"], [], "1000")
    assert (image.config.env, image.config.workdir) == ({"A": "1", "B": "x=y"}, "/job")
    assert image.digest == digest(HELLO.manifest)
    assert images.find("docker.io/library/hello:v1") == image
    assert images.find(f"hello@{image.digest}") is not None
    assert images.find("hello:v2") is None
    assert images.du() > 0


def test_a_docker_save_archive_brings_its_names(images: ImageStore, tmp_path: Path) -> None:
    image = images.import_archive(HELLO.docker_save(tmp_path / "hello.tar", "hello:saved"))
    check_hello(image.rootfs)
    assert [found.reference for found in images.list()] == ["docker.io/library/hello:saved"]


def test_an_oci_archive(images: ImageStore, tmp_path: Path) -> None:
    HELLO.layout(tmp_path / "layout")
    with tarfile.open(tmp_path / "oci.tar", "w") as archive:
        archive.add(tmp_path / "layout", "")
    check_hello(images.import_archive(tmp_path / "oci.tar", "hello:oci").rootfs)


def test_a_registry_is_asked_with_a_token_and_only_once(images: ImageStore, registry: Registry) -> None:
    image = images.pull(f"{registry.host}/team/hello:v1")
    check_hello(image.rootfs)
    assert registry.storage_headers == [None] * 3  # a redirect's target sees no token
    asked = len(registry.asked)
    assert images.find(f"{registry.host}/team/hello:v1") == image
    pinned = f"{registry.host}/team/hello@{digest(HELLO.index)}"
    images.pull(pinned)
    assert not any("/storage/" in path for path in registry.asked[asked:])
    asked = len(registry.asked)
    images.pull(pinned)
    assert len(registry.asked) == asked


def test_a_password_goes_to_the_token_service(images: ImageStore) -> None:
    registry = Registry(HELLO, password="secret")
    try:
        with pytest.raises(ImageError, match="imagePullSecret"):
            images.pull(f"{registry.host}/team/hello:v1")
        check_hello(
            images.pull(f"{registry.host}/team/hello:v1", credentials=Credentials("me", "secret")).rootfs
        )
        assert "secret" not in repr(Credentials("me", "secret"))
    finally:
        registry.close()


def test_two_pulls_at_once_unpack_once(images: ImageStore, registry: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        pulled = set(pool.map(lambda _: images.pull(f"{registry.host}/hello:v1").digest, range(4)))
    assert len(pulled) == 1
    assert len([path for path in registry.asked if path.startswith("/storage/")]) == 3


def test_what_is_not_there_or_not_reachable_says_so(images: ImageStore, registry: Registry) -> None:
    with pytest.raises(ImageError, match="check the name and the tag"):
        images.pull(f"{registry.host}/hello:none")
    with pytest.raises(ImageError, match="cannot be reached"):
        images.pull("127.0.0.1:1/hello")


@pytest.mark.parametrize("which", ["config", "layer", "manifest"])
def test_bytes_with_another_digest_are_refused(images: ImageStore, tmp_path: Path, which: str) -> None:
    built = Built(layer(file("a", b"a")))
    names = json.loads(built.manifest)
    wrong = {
        "config": names["config"]["digest"],
        "layer": names["layers"][0]["digest"],
        "manifest": digest(built.manifest),
    }[which]
    built.blobs[wrong] = built.blobs[wrong].replace(b"1000", b"0000") + b" "
    with pytest.raises(ImageError, match="expected sha256"):
        images.import_layout(built.layout(tmp_path / "layout"), "x")
    assert images.find("x") is None
    assert list(images.root.glob("sha256-*")) == []


def test_another_machines_image_is_refused_by_name(images: ImageStore, tmp_path: Path) -> None:
    built = Built(layer(file("a")))
    built.index = built.index.replace(f'"{architecture()}"'.encode(), b'"mips"')
    with pytest.raises(ImageError, match=r"built for linux/mips, linux/s390x"):
        images.import_layout(built.layout(tmp_path / "layout"))


def test_whiteouts_hide_only_what_is_below(images: ImageStore, tmp_path: Path) -> None:
    root = rootfs(
        images,
        tmp_path,
        layer(file("d/old"), file("d/sub/old"), file("gone"), file("keep"), file("tree/x/y")),
        layer(file("d/new"), file("d/sub/new"), file("d/.wh..wh..opq"), file(".wh.gone"), file(".wh.tree")),
    )
    found = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert found == ["d/new", "d/sub/new", "keep"]


@pytest.mark.parametrize(
    "attack",
    [
        [layer(file("../evil"))],
        [layer(file("/../evil"))],
        [layer(file(".wh..."), file("a/.wh..."))],
        [layer(link("hard", "../outside/secret", LNK))],
        [layer(link("hard", "/etc/passwd", LNK))],
        [layer(link("door", "../../../../outside"), link("hard", "door/secret", LNK))],
        [layer(link("a", "b"), link("b", "a"), file("a/x"))],
    ],
)
def test_a_hostile_layer_is_refused(images: ImageStore, tmp_path: Path, attack: list[bytes]) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    with pytest.raises(ImageError):
        rootfs(images, tmp_path, *attack)
    assert os.listdir(tmp_path / "outside") == ["secret"]
    assert list(images.root.glob("sha256-*")) == []


def test_links_that_point_outside_stay_inside_when_written_through(
    images: ImageStore, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("mine")
    root = rootfs(
        images,
        tmp_path,
        layer(
            link("abs", str(outside)),
            link("rel", "../../../../../.." + str(outside)),
            link("f", str(outside / "kept")),
        ),
        layer(
            file("abs/evil"),
            file("rel/evil2"),
            file("abs/.wh.kept"),
            file("rel/.wh..wh..opq"),
            file("f", b"new"),
        ),
    )
    assert (outside / "kept").read_text() == "mine"
    assert os.listdir(outside) == ["kept"]
    assert (root / str(outside).lstrip("/") / "evil2").exists()
    assert (root / "f").read_bytes() == b"new"
    assert not (root / "f").is_symlink()


def test_devices_are_skipped(images: ImageStore, tmp_path: Path) -> None:
    special = ("dev/null", tarfile.CHRTYPE, "", b"", 0o666), ("pipe", tarfile.FIFOTYPE, "", b"", 0o666)
    root = rootfs(images, tmp_path, layer(*special, file("a")))
    assert not (root / "dev/null").exists()
    assert not (root / "pipe").exists()


def test_removing_the_last_name_removes_the_image(images: ImageStore, tmp_path: Path) -> None:
    layout = HELLO.layout(tmp_path / "layout")
    images.import_layout(layout, "hello:a")
    images.import_layout(layout, "hello:b")
    assert images.remove("hello:a")
    assert (images.find("hello:a"), images.find("hello:b") is not None) == (None, True)
    assert images.remove("hello:b")
    assert not images.remove("hello:b")
    assert list(images.root.glob("sha256-*")) == []


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("[::1]:5000", True),
        ("::1", True),
        ("a.localhost:1", True),
        ("gcr.io", False),
        ("10.0.0.1:5000", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com:80", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
