"""An image without an engine: code that exists only inside it, served by a registry on loopback."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pinnace.data.blobs import Blobs
from pinnace.data.images.config import architecture
from pinnace.node.protocol import Container, Output, Outputs
from tests.node.conftest import Node, pod

pytestmark = pytest.mark.anyio

PROGRAM = b"""#!/bin/sh
echo only-in-the-image: $GREETING $1
cat /etc/release; pwd; id -u
echo changed > /etc/release
"""


def add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o755) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


@pytest.fixture(scope="module")
def layer() -> bytes:
    busybox = shutil.which("busybox")
    if busybox is None:
        if os.environ.get("CI") == "true":
            pytest.fail("busybox-static is not installed")
        pytest.skip("busybox-static is not installed")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        add(tar, "bin/busybox", Path(busybox).resolve().read_bytes())
        for applet in ("sh", "echo", "cat", "pwd", "id", "ls", "mkdir", "sleep"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        add(tar, "opt/tool/run", PROGRAM)
        add(tar, "etc/release", b"image 1\n", 0o644)
    return packed.getvalue()


@pytest.fixture(scope="module")
def registry(layer: bytes) -> Iterator[str]:
    def digest(content: bytes) -> str:
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    start = {
        "Entrypoint": ["/opt/tool/run"], "Cmd": ["default"], "WorkingDir": "/job/here", "User": "1234",
        "Env": ["PATH=/bin", "GREETING=hello"],
    }  # fmt: skip
    rootfs = {"type": "layers", "diff_ids": [digest(layer)]}
    config = json.dumps(
        {"os": "linux", "architecture": architecture(), "config": start, "rootfs": rootfs}
    ).encode()
    kind = "application/vnd.oci.image.{}"
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": kind.format("manifest.v1+json"),
        "config": {"mediaType": kind.format("config.v1+json"), "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": kind.format("layer.v1.tar"), "digest": digest(layer), "size": len(layer)}],
    }).encode()  # fmt: skip
    blobs = {digest(config): config, digest(layer): layer}

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            content = manifest if "/manifests/" in self.path else blobs.get(name, b"")
            self.send_response(200)
            if content is manifest:
                self.send_header("Content-Type", kind.format("manifest.v1+json"))
                self.send_header("Docker-Content-Digest", digest(manifest))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def node(sandbox: Node, registry: str) -> Node:
    rules = "environments:\n- image: '127.0.0.1:*/team/tool'\n  pull: true\n"
    sandbox.home.environment_rules.write_text(rules)
    return sandbox


async def test_its_entrypoint_environment_user_and_folder(node: Node, registry: str) -> None:
    run = pod(Container("main", f"{registry}/team/tool:1"))
    report = await node.run(run)
    assert report.phase == "Succeeded", (report, node.log(run))
    assert node.log(run).splitlines() == ["only-in-the-image: hello default", "image 1", "/job/here", "1234"]


async def test_pods_share_the_image_but_not_their_changes(node: Node, registry: str) -> None:
    for _ in range(2):
        run = pod(Container("main", f"{registry}/team/tool:1", args=["x"]))
        await node.run(run)
        assert "image 1" in node.log(run)


async def test_its_outputs_are_collected(node: Node, registry: str) -> None:
    script = "mkdir -p /out; echo 1 > /out/p; echo 2 > /tmp/a; ls /usr/bin /root; true"
    outputs = Outputs(False, [Output("p", "/out/p"), Output("r", "/etc/release")], [Output("a", "/tmp/a")])
    run = pod(Container("main", f"{registry}/team/tool:1", ["sh", "-c", script]), outputs=outputs)
    report = await node.run(run)
    assert report.outputs is not None
    assert report.outputs.parameters == {"p": "1", "r": "image 1"}
    assert Blobs(node.home.data).path(report.outputs.artifacts["a"].digest).read_text() == "2\n"
    assert "python" not in node.log(run)


async def test_no_rule_no_pull(node: Node, registry: str) -> None:
    run = pod(Container("main", f"{registry}/other/tool:1"))
    report = await node.run(run, lambda r: r.containers[0].waiting == "ErrImageNeverPull")
    assert "pull: true" in report.containers[0].message
    await node.kill(run)


async def test_an_image_that_is_not_there_says_so(node: Node) -> None:
    run = pod(Container("main", "127.0.0.1:1/team/tool:1"))
    report = await node.run(run, lambda r: r.containers[0].waiting.startswith("ErrImage"))
    assert report.phase == "Pending"
    assert "127.0.0.1:1" in report.containers[0].message
    await node.kill(run)


async def test_a_plain_process_cannot_have_an_image(process: Node, registry: str) -> None:
    process.home.environment_rules.write_text("environments:\n- image: '127.0.0.1:*/*'\n  pull: true\n")
    report = await process.run(pod(Container("main", f"{registry}/team/tool:1")))
    assert report.containers[0].reason == "StartError"
    assert "sandbox" in report.containers[0].message
