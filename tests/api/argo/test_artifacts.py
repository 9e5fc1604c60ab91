"""Artifacts for download and the browser: five forms, strict policies, archives; uploads."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from pinnace.store.interface import Row
from tests.api.argo.conftest import SPEC, Argo, node, picture


def keep(argo: Argo, key: str, stored: Any) -> None:
    body = msgspec.json.encode(
        {"digest": stored.digest, "size": stored.size, "directory": stored.directory})
    argo.stack.run(argo.stack.local.transact([], [Row("artifact", "default", key, body)]))


@pytest.fixture(scope="module")
def run(argo: Argo, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A workflow whose node left a text, a page, a packed file and a folder."""
    folder: Path = tmp_path_factory.mktemp("folder")
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "x & y.txt").write_text("xy")
    keep(argo, "r/text", argo.blobs.put_bytes(b"plain words"))
    keep(argo, "r/page.html", argo.blobs.put_bytes(b"<script>alert(1)</script>"))
    keep(argo, "r/packed.tgz", argo.blobs.put_bytes(b"inside"))
    keep(argo, "r/folder", argo.blobs.put_tree(folder))
    names = {"text": "r/text", "page": "r/page.html", "packed": "r/packed.tgz", "folder": "r/folder",
             "lost": "r/lost"}
    artifacts = [{"name": name, "s3": {"key": key}} for name, key in names.items()]
    raw = {"name": "given", "raw": {"data": "as given"}}
    argo.ended("arts", "Succeeded", picture(
        node("arts", "", "Pod", "Succeeded", outputs={"artifacts": artifacts}, inputs={"artifacts": [raw]})))
    return "arts"


def guarded(answer: httpx.Response) -> bool:
    policy = answer.headers["content-security-policy"]
    return (policy.startswith("sandbox;") and "default-src 'none'" in policy
            and answer.headers["x-frame-options"] == "SAMEORIGIN"
            and answer.headers["x-content-type-options"] == "nosniff")


def test_an_output_is_downloaded_as_it_is(argo: Argo, run: str) -> None:
    answer = argo.ask("GET", f"/artifacts/default/{run}/{run}/text")

    assert (answer.status_code, answer.content) == (200, b"plain words")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'filename="text"'
    assert guarded(answer)
    assert argo.ask("HEAD", f"/artifacts/default/{run}/{run}/text").headers["content-length"] == "11"


def test_an_input_is_downloaded(argo: Argo, run: str) -> None:
    answer = argo.ask("GET", f"/input-artifacts/default/{run}/{run}/given")

    assert answer.content == b"as given"
    assert guarded(answer)


def test_a_page_of_strangers_runs_no_script_here(argo: Argo, run: str) -> None:
    answer = argo.ask("GET", f"/artifact-files/default/workflow/{run}/{run}/outputs/page")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert guarded(answer)


def test_what_its_key_calls_an_archive_is_one(argo: Argo, run: str) -> None:
    answer = argo.ask("GET", f"/artifacts/default/{run}/{run}/packed")

    assert answer.headers["content-type"] == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        member = archive.extractfile("packed")
        assert member is not None
        assert member.read() == b"inside"


def test_a_folder_is_downloaded_as_an_archive_and_shown_as_pages(argo: Argo, run: str) -> None:
    base = f"/artifact-files/default/workflows/{run}/{run}/outputs/folder"

    packed = argo.ask("GET", f"/artifacts/default/{run}/{run}/folder")
    with tarfile.open(fileobj=io.BytesIO(packed.content)) as archive:
        assert sorted(archive.getnames()) == ["folder", "folder/a.txt", "folder/sub", "folder/sub/x & y.txt"]
    moved = argo.ask("GET", base)
    assert (moved.status_code, moved.headers["location"]) == (301, "folder/")
    page = argo.ask("GET", f"{base}/")
    assert guarded(page)
    assert 'href="a.txt"' in page.text
    assert 'href="sub/"' in page.text
    inner = argo.ask("GET", f"{base}/sub/")
    assert 'href="x%20%26%20y.txt">x &amp; y.txt<' in inner.text
    assert argo.ask("GET", f"{base}/a.txt").content == b"a"
    assert argo.refused("GET", f"{base}/nothing")[:2] == (404, 5)


@pytest.mark.parametrize("path", [
    "/artifacts/default/arts/arts/none", "/artifacts/default/arts/other/text",
    "/artifacts/default/gone/arts/text", "/artifacts/default/arts/arts/lost",
    "/artifacts-by-uid/no-uid/arts/text", "/artifact-files/default/workflow/arts/arts/neither/text",
])
def test_what_is_not_there_is_a_404(argo: Argo, run: str, path: str) -> None:
    assert argo.refused("GET", path)[:2] == (404, 5)


def test_without_a_token_nothing_is_shown(argo: Argo, run: str) -> None:
    answer = httpx.get(f"{argo.stack.url}/artifacts/default/{run}/{run}/text", trust_env=False)

    assert (answer.status_code, answer.json()["code"]) == (401, 16)


def test_an_upload_is_there_under_the_key_that_was_answered(argo: Argo) -> None:
    declared = {**SPEC["arguments"], "artifacts": [{"name": "data", "s3": {"key": "default.csv"}}]}
    spec = {**SPEC, "arguments": declared}
    argo.ok("POST", "/api/v1/workflow-templates/default",
            {"template": {"metadata": {"name": "takes"}, "spec": spec}})
    content = b"x,y\r\n--1,2\r\n" * 50_000

    answer = argo.http.post("/upload-artifacts/default/takes/data",
                            files={"note": (None, "before"), "file": ("../my data.csv", content)})

    assert answer.status_code == 201
    found = answer.json()
    assert found["name"] == "data"
    assert found["key"].endswith("/my_data.csv")
    row = argo.stack.store.row("artifact", "default", found["key"])
    assert row is not None
    with argo.blobs.open(msgspec.json.decode(row)["digest"]) as file:
        assert file.read() == content
    made = argo.ok("POST", "/api/v1/workflows/default/submit", {
        "resourceKind": "WorkflowTemplate", "resourceName": "takes",
        "submitOptions": {"artifacts": [f"data={found['key']}"], "dryRun": True}})
    assert made["spec"]["arguments"]["artifacts"] == [{"name": "data", "s3": {"key": found["key"]}}]
    assert argo.http.post("/upload-artifacts/default/takes/other", files={"file": ("f", b"")}
                          ).status_code == 404
    assert argo.http.post("/upload-artifacts/default/takes/data", content=b"x").status_code == 400
