from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform
from tests.security.site import CANARY, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One platform a test module, in the sandbox."""
    platform = Platform(tmp_path_factory.mktemp("home"), "--isolation", "sandbox")
    try:
        yield Site(platform.up())
    finally:
        platform.down()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the host that no pod may see, with a secret in it."""
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o755)
    (folder / "secret").write_text(CANARY)
    return folder


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process outside that no pod may touch."""
    process = subprocess.Popen(["sleep", "300"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[bytes]]]:
    """A powerful unix socket of the host, as Docker's is, and what reached it."""
    import tempfile
    import threading

    with tempfile.TemporaryDirectory(prefix="pd") as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder) / "docker.sock"
        server.bind(str(path))
        server.listen()
        seen: list[bytes] = []

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(5)
                    try:
                        seen.append(peer.recv(65536))
                        body = CANARY.encode()
                        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                        peer.sendall(head.encode() + body)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield path, seen
        server.shutdown(socket.SHUT_RDWR)
