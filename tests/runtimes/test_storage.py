"""Fetching a model: over HTTP, archives, what is refused, and names that would leave the folder."""

from __future__ import annotations

import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pinnace.runtimes.storage import CannotFetch, fetch, unpack, wanted


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "web"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


def test_a_file_and_an_archive(web: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = web
    (folder / "model.joblib").write_bytes(b"model")
    with tarfile.open(folder / "m.tar", "w") as tape:
        entry = tarfile.TarInfo("deep/model.bst")
        entry.size = 3
        tape.addfile(entry, io.BytesIO(b"abc"))
    assert [p.name for p in fetch(f"{url}/model.joblib", tmp_path / "a")] == ["model.joblib"]
    (found,) = fetch(f"{url}/m.tar", tmp_path / "b")
    assert (found.relative_to(tmp_path / "b"), found.read_bytes()) == (Path("deep/model.bst"), b"abc")


@pytest.mark.parametrize(("path", "words"), [("", "no file name"), ("/none.joblib", "File not found")])
def test_what_is_not_there_says_so(web: tuple[str, Path], tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(CannotFetch, match=words):
        fetch(f"{web[0]}{path}", tmp_path / "a")


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotFetch, match="cannot fetch file"):
        fetch("file:///etc/passwd", tmp_path)


def test_an_archive_does_not_leave_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as zipped:
        zipped.writestr("../evil", "x")
    with pytest.raises(CannotFetch, match="would leave the folder"):
        unpack(tmp_path)


def test_patterns_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_ALLOW_PATTERNS", '["*.bst"]')
    monkeypatch.setenv("STORAGE_IGNORE_PATTERNS", "old/*")
    names = ["a.bst", "old/a.bst", "a.txt", "folder/"]
    assert [name for name in names if wanted(name)] == ["a.bst"]
