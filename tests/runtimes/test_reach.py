"""What a model is fetched from: never the machine's metadata service, by whatever way it is named."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pinnace.runtimes import reach
from pinnace.runtimes.storage import CannotFetch, fetch

METADATA = "http://169.254.169.254/latest/credentials.zip"


@pytest.fixture
def turning() -> Iterator[str]:
    """A server that sends everybody to the metadata service, or to a file."""

    class Turning(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd" if "file" in self.path else METADATA)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Turning) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_redirect_does_not_lead_there(turning: str, tmp_path: Path) -> None:
    for path in ("/model.zip", "/file.zip"):
        with pytest.raises(CannotFetch):
            fetch(f"{turning}{path}", tmp_path / "m")
    with pytest.raises(CannotFetch, match="metadata service"):
        fetch(f"{turning}/model.zip", tmp_path / "m")


@pytest.mark.parametrize("uri", [METADATA, METADATA.replace("169.254.169.254", "[fe80::1]"), "oci://imds.test/m"])
def test_neither_does_an_address_nor_a_name(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def told(host: str, *words: Any, **named: Any) -> Any:
        return real("169.254.169.254" if host == "imds.test" else host, *words, **named)

    monkeypatch.setattr(socket, "getaddrinfo", told)
    with pytest.raises(CannotFetch, match="metadata service"):
        fetch(uri, tmp_path / "m")


def test_others_are_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, reach.connected(server.getsockname(), 5) as made:
        assert made.getpeername() == server.getsockname()
