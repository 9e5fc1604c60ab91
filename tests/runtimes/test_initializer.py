"""A TrainJob's data and models come from a hub: a small one of our own stands in for Hugging Face's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from pinnace.runtimes import initializer, storage

FILES = {
    "/datasets/owner/words/resolve/main/data/train.json": b"[1, 2]",
    "/owner/net/resolve/main/config.json": b"{}", "/owner/net/resolve/main/weights.bin": b"old",
    "/owner/net/resolve/main/weights.safetensors": b"new",
}
LISTS = {
    "/api/datasets/owner/words/revision/main": ["data/train.json"],
    "/api/models/owner/net/revision/main": ["config.json", "weights.bin", "weights.safetensors"],
}


class Hub(BaseHTTPRequestHandler):
    tokens: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.tokens.add(self.headers.get("Authorization") or "")
        listed = [{"rfilename": name} for name in LISTS.get(self.path, ())]
        body = json.dumps({"siblings": listed}).encode() if listed else FILES.get(self.path, b"")
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    for name in (*initializer.ANSWERS.values(), "STORAGE_ALLOW_PATTERNS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield Hub
    server.shutdown()
    server.server_close()


def test_a_dataset_comes_whole(hub: type[Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", "secret")
    found = initializer.initialize("dataset", "hf://owner/words", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == ["data/train.json"]
    assert found[0].read_bytes() == b"[1, 2]"
    assert "Bearer secret" in hub.tokens


def test_a_model_comes_without_its_old_formats(hub: type[Hub], tmp_path: Path) -> None:
    found = initializer.initialize("model", "hf://owner/net", tmp_path)
    assert [path.name for path in found] == ["config.json", "weights.safetensors"]


def test_what_cannot_be_fetched_is_named(tmp_path: Path) -> None:
    with pytest.raises(storage.CannotFetch, match="expected hf or s3"):
        initializer.initialize("dataset", "ftp://x/y", tmp_path)
