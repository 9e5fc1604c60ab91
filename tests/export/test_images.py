"""Images without an engine: from an environment to a root that runs elsewhere, the same digest every time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pinnace.data.images import ImageError, ImageStore, Reference
from pinnace.data.images.building import Builder, Recipe
from pinnace.data.images.config import ImageConfig
from pinnace.data.images.push import RegistryTarget
from pinnace.data.images.sources import LayoutSource
from pinnace.data.images.tree import File, Folder, Link, Tree
from pinnace.data.images.writer import LayoutWriter
from pinnace.node.environments import find_uv
from pinnace.node.probe import find_bubblewrap

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="images are of Linux programs")


def small(text: str = "hello") -> Tree:
    tree = Tree()
    tree.text("/app/run.sh", f"#!/bin/sh\necho {text}\n", 0o755)
    tree.put("/app/link", Link("run.sh"))
    tree.put("/var/tmp", Folder(0o1777))
    return tree


def test_a_written_image_is_read_as_it_was(tmp_path: Path) -> None:
    writer = LayoutWriter(tmp_path / "layout")
    start = ImageConfig(entrypoint=["/app/run.sh"], env={"A": "1=2"}, workdir="/app")
    written = writer.image("tool", [writer.layer(small())], start)
    image = ImageStore(tmp_path / "store").import_layout(tmp_path / "layout", "tool")
    assert image.digest == written.digest and image.config.entrypoint == ["/app/run.sh"]
    assert image.config.env == {"A": "1=2"} and image.config.workdir == "/app"
    assert (image.rootfs / "app/link").read_text().endswith("echo hello\n")
    assert os.access(image.rootfs / "app/run.sh", os.X_OK)


def test_the_same_files_are_the_same_digest_whatever_their_times_and_order(tmp_path: Path) -> None:
    digests = set()
    for number, names in enumerate((("a", "b"), ("b", "a"))):
        folder = tmp_path / f"source-{number}"
        folder.mkdir()
        for name in names:
            (folder / name).write_text(name)
            os.utime(folder / name, (number, number))
        tree = Tree()
        tree.copy(folder, "/src")
        writer = LayoutWriter(tmp_path / f"layout-{number}")
        digests.add(writer.image("x", [writer.layer(tree)], ImageConfig()).digest)
    assert len(digests) == 1


def test_a_path_cannot_leave_the_image() -> None:
    with pytest.raises(ValueError, match="absolute path"):
        Tree().put("src/a", File(b""))
    tree = Tree()
    tree.put("/src/../../etc/x", File(b""))
    assert list(tree.entries) == ["/etc/x"]


def test_an_image_is_chosen_by_its_digest(tmp_path: Path) -> None:
    writer = LayoutWriter(tmp_path / "layout")
    made = [writer.image(name, [writer.layer(small(name))], ImageConfig()) for name in ("one", "two")]
    store = ImageStore(tmp_path / "store")
    for written in made:
        image = store.import_layout(tmp_path / "layout", f"localhost/x/any@{written.digest}")
        assert image.digest == written.digest


def test_an_image_that_is_there_is_taken_over_as_it_is(tmp_path: Path) -> None:
    first = LayoutWriter(tmp_path / "first")
    written = first.image("tool", [first.layer(small())], ImageConfig())
    second = LayoutWriter(tmp_path / "second")
    assert second.adopt(LayoutSource(tmp_path / "first", "tool"), "mine").digest == written.digest
    assert ImageStore(tmp_path / "store").import_layout(tmp_path / "second", "mine").digest == written.digest


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One without packages: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    command = [find_uv(), "venv", "--quiet", "--python", os.path.realpath(sys.executable), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "mine.py").write_text("def where():\n    return __file__\n")
    (packages / "mine-1.0.dist-info").mkdir()
    (folder / "bin" / "mine").write_text(f"#!{folder}/bin/python\nimport mine\nprint(mine.where())\n")
    (folder / "bin" / "mine").chmod(0o755)
    return folder


@linux
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_environment_runs_from_its_image_alone(venv: Path, tmp_path: Path) -> None:
    # given
    source = tmp_path / "program"
    source.mkdir()
    (source / "main.py").write_text("import sys, mine; print('from', mine.where(), sys.prefix)\n")
    recipe = Recipe(
        name="mine",
        venv=venv,
        files={"/opt/hello": "#!/bin/sh\nexec cat\n", "tool": "#!/bin/sh\necho tool\n"},
        sources=((source, "/program"),),
        start=ImageConfig(entrypoint=["python", "/program/main.py"], env={"MINE": "1"}),
    )
    # when
    results = []
    for name in ("a", "b"):
        with Builder(LayoutWriter(tmp_path / name)) as builder:
            results.append(builder.build(recipe))
    image = ImageStore(tmp_path / "store").import_layout(tmp_path / "a", "mine")
    # then
    assert results[0].image.digest == results[1].image.digest
    assert results[0].packages == ["mine==1.0"] and results[0].missing == []
    assert image.config.env["PATH"].startswith("/opt/venv/bin:/opt/bin:") and image.config.env["MINE"] == "1"
    assert run(image.rootfs, image.config.env, "python", "/program/main.py").startswith("from /opt/venv/lib/")
    assert run(image.rootfs, image.config.env, "mine").startswith("/opt/venv/lib/")
    assert (
        run(image.rootfs, image.config.env, "sh", "-c", "tool; echo a | sed s/a/b/ | /opt/hello")
        == "tool\nb\n"
    )
    code = "import ssl, sqlite3, ctypes, json; print(json.__cached__)"
    assert run(image.rootfs, image.config.env, "python", "-c", code).startswith("/opt/python/lib/python3")
    leaks = subprocess.run(
        ["grep", "-rlF", str(venv.parent), str(image.rootfs)], capture_output=True, text=True, check=False
    )
    assert leaks.stdout == "", "nothing in the image names a folder of this machine"


def run(root: Path, env: dict[str, str], *argv: str) -> str:
    """In the image's root and nothing else, as nobody in particular."""
    words = [find_bubblewrap(), "--unshare-all", "--uid", "1000", "--gid", "1000"]
    words += ["--ro-bind", str(root), "/"]
    words += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--clearenv"]
    words += [word for name, value in env.items() for word in ("--setenv", name, value)]
    done = subprocess.run([*words, *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Shelf:
    """A registry as strict as the specification: digests are checked, a manifest needs its blobs."""

    def __init__(self, password: str = "") -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.asked: list[str] = []
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    made = b""
                    while size := int(self.rfile.readline(), 16):
                        made += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return made
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def handle_any(self) -> None:
                body = self.body()
                shelf.asked.append(f"{self.command} {self.path.partition('?')[0]}")
                parts = urlsplit(self.path)
                if parts.path == "/token":
                    self.answer(
                        200, json.dumps({"token": f"for {parse_qs(parts.query)['scope'][0]}"}).encode()
                    )
                elif password and not self.headers.get("Authorization", "").endswith(":pull,push"):
                    host = self.headers["Host"]
                    self.answer(401, WWW_Authenticate=f'Bearer realm="http://{host}/token",service="s"')
                else:
                    self.serve(parts.path, parse_qs(parts.query), body)

            def serve(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
                name = path.rpartition("/")[2]
                store = shelf.manifests if "/manifests/" in path else shelf.blobs
                if self.command == "POST":
                    self.answer(202, Location="/v2/upload/1")
                elif self.command == "PUT" and "/manifests/" not in path:
                    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
                    if query["digest"] != [digest]:
                        self.answer(400, b"digest mismatch")
                    else:
                        shelf.blobs[digest] = body
                        self.answer(201)
                elif self.command == "PUT":
                    layers = json.loads(body)["layers"]
                    whole = all(one["digest"] in shelf.blobs for one in layers)
                    shelf.manifests[name] = body
                    self.answer(201 if whole else 404)
                elif name in store:
                    self.answer(200, store[name])
                else:
                    self.answer(404)

            do_GET = do_HEAD = do_POST = do_PUT = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(params=["", "secret"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    made = Shelf(request.param)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def layout(tmp_path: Path) -> LayoutWriter:
    writer = LayoutWriter(tmp_path / "layout")
    shared = writer.layer(small())
    for name in ("one", "two"):
        writer.image(name, [shared, writer.layer(small(name))], ImageConfig(cmd=[name]))
    return writer


def push(layout: LayoutWriter, address: str, name: str) -> str:
    target = RegistryTarget(Reference.parse(f"{address}/team/{name}"))
    try:
        return target.push(layout, name)
    finally:
        target.close()


def test_what_was_pushed_can_be_pulled_and_is_not_sent_twice(
    shelf: Shelf, layout: LayoutWriter, tmp_path: Path
) -> None:
    digest = push(layout, shelf.address, "one")
    before = len([one for one in shelf.asked if one.startswith("POST")])
    push(layout, shelf.address, "one")
    assert len([one for one in shelf.asked if one.startswith("POST")]) == before == 3
    if "GET /token" in shelf.asked:
        return  # this registry's token is for those who push
    pulled = ImageStore(tmp_path / "store").pull(f"{shelf.address}/team/one@{digest}")
    assert pulled.config.cmd == ["one"] and (pulled.rootfs / "app/run.sh").read_text().endswith("echo one\n")


def test_a_registry_that_refuses_says_so(layout: LayoutWriter) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    with pytest.raises(ImageError, match="cannot be reached"):
        push(layout, f"127.0.0.1:{port}", "one")


@pytest.mark.skipif(not shutil.which("docker-registry"), reason="Debian's docker-registry is not here")
def test_the_registry_of_debian_takes_it(layout: LayoutWriter, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = tmp_path / "registry.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {tmp_path}/r}}}}"
    settings.write_text(f"version: 0.1\n{storage}\nhttp: {{addr: '{address}'}}\n")
    command = ["docker-registry", "serve", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(
                        (address.partition(":")[0], int(address.partition(":")[2]))
                    ).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            digests = [push(layout, address, name) for name in ("one", "two")]
            store = ImageStore(tmp_path / "store")
            pulled = [
                store.pull(f"{address}/team/{n}@{d}") for n, d in zip(("one", "two"), digests, strict=True)
            ]
            assert [image.config.cmd for image in pulled] == [["one"], ["two"]]
        finally:
            process.terminate()
