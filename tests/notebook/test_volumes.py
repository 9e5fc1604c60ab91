"""A claim's files over HTTP: shown, brought and removed; and every way out of the folder that is none."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from pinnace.api.http import Request
from pinnace.api.volumes import CLAIM, Volumes
from pinnace.objects.client import SYSTEM, Identity
from pinnace.objects.errors import StatusError
from tests.controllers.house import House

pytestmark = pytest.mark.anyio
BASE = "/pinnace/v1/namespaces/default/volumes/data/files/"


class Answer(msgspec.Struct):
    code: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""

    @property
    def entries(self) -> dict[str, str]:
        return {one["name"]: one["kind"] for one in json.loads(self.body)["entries"]}


class Scene:
    def __init__(self, root: Path) -> None:
        self.house = House(root / "home")
        self.face = Volumes(self.house.home, self.house.client.as_)
        self.outside = root / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("not yours")

    @property
    def folder(self) -> Path:
        return self.house.home.volumes / "default" / "data"

    async def claim(self, name: str = "data") -> None:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        await self.house.create(CLAIM, {"metadata": {"name": name}, "spec": spec})

    async def ask(
        self, method: str, path: str, body: bytes = b"", query: str = "", who: Identity = SYSTEM,
        **headers: str,
    ) -> Answer:
        """`path` as it is sent."""
        parts = [body[:3], body[3:]]
        answer = Answer()

        async def receive() -> dict[str, Any]:
            piece = parts.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.code = message["status"]
                answer.headers = {key.decode(): value.decode() for key, value in message["headers"]}
            else:
                answer.body += message["body"]

        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": "", "raw_path": (BASE + path).encode(),
                 "query_string": query.encode(), "headers": named}
        request = Request(scope, receive, send)
        request.identity = who
        await self.face.answer(request)
        return answer

    async def refused(self, method: str, path: str, **more: Any) -> int:
        with pytest.raises(StatusError) as refusal:
            await self.ask(method, path, **more)
        return refusal.value.code


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    found = Scene(tmp_path)
    await found.house.namespace()
    await found.claim()
    yield found
    await found.house.store.close()


async def test_files_are_brought_shown_fetched_and_removed(scene: Scene) -> None:
    made = await scene.ask("PUT", "a%20b/c%2Bd.csv", b"1,2,3\n")
    assert (made.code, json.loads(made.body)["size"]) == (201, 6)
    assert (scene.folder / "a b" / "c+d.csv").read_bytes() == b"1,2,3\n"
    assert (await scene.ask("PUT", "a%20b/c%2Bd.csv", b"4\n")).code == 200
    assert await scene.refused("PUT", "a%20b/c%2Bd.csv", body=b"5", if_none_match="*") == 412
    assert (await scene.ask("PUT", "empty", query="folder=true")).code == 201
    root = await scene.ask("GET", "")
    assert root.entries == {"a b": "folder", "empty": "folder"}
    assert (await scene.ask("GET", "a%20b/")).entries == {"c+d.csv": "file"}, "no draft is left"
    found = await scene.ask("GET", "a%20b/c%2Bd.csv")
    assert found.body == b"4\n"

    assert await scene.refused("DELETE", "a%20b") == 409
    assert await scene.refused("PUT", "empty", body=b"x") == 409
    assert (await scene.ask("DELETE", "a%20b", query="recursive=true")).code == 200
    assert (await scene.ask("DELETE", "empty")).code == 200
    assert await scene.refused("DELETE", "empty") == 404
    assert await scene.refused("DELETE", "") == 400, "the volume's own folder"


async def test_a_file_is_downloaded_and_never_shown(scene: Scene) -> None:
    await scene.ask("PUT", "page.html", b"<script>alert(1)</script>")
    found = await scene.ask("GET", "page.html")
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"].startswith("attachment;")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"].startswith("sandbox;")
    strange = 'x";\r\nset-cookie: a=b.html'
    await scene.ask("PUT", quote(strange, safe=""), b"x")
    assert "\r" not in (await scene.ask("GET", quote(strange, safe=""))).headers["content-disposition"]


async def test_a_part_of_a_file(scene: Scene) -> None:
    await scene.ask("PUT", "f", b"0123456789")
    part = await scene.ask("GET", "f", range="bytes=2-4")
    assert (part.code, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert (await scene.ask("GET", "f", range="bytes=-3")).body == b"789"
    assert (await scene.ask("GET", "f", range="bytes=8-")).body == b"89"
    assert await scene.refused("GET", "f", range="bytes=10-") == 416
    assert (await scene.ask("GET", "f", range="lines=1-2")).body == b"0123456789"
    head = await scene.ask("HEAD", "f")
    assert (head.headers["content-length"], head.body) == ("10", b"")


@pytest.mark.parametrize(
    "path",
    ["..", "../other", "%2e%2e/other", "a/../../other", "a/..%2f..%2fother", "%2Fetc%2Fpasswd", "a%2Fb",
     "a%00b", "..%5c..%5cother/%2e%2e"],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_no_path_leads_out_of_the_folder(scene: Scene, path: str, method: str) -> None:
    await scene.claim("other")
    (scene.house.home.volumes / "default" / "other").mkdir(parents=True)
    (scene.house.home.volumes / "default" / "other" / "kept").write_text("kept")
    assert await scene.refused(method, path, body=b"x", query="recursive=true") == 400
    assert (scene.house.home.volumes / "default" / "other" / "kept").read_text() == "kept"


async def test_what_was_encoded_twice_is_decoded_once(scene: Scene) -> None:
    await scene.ask("PUT", "%252e%252e", b"x")
    assert (scene.folder / "%2e%2e").read_bytes() == b"x"
    assert await scene.refused("GET", "%252e%252e/outside") == 404


async def test_links_are_shown_and_never_followed(scene: Scene) -> None:
    await scene.ask("PUT", "real", b"x")
    (scene.folder / "leak").symlink_to(scene.outside / "secret")
    (scene.folder / "way").symlink_to(scene.outside)
    os.mkfifo(scene.folder / "pipe")
    assert (await scene.ask("GET", "")).entries == {
        "leak": "link", "pipe": "other", "real": "file", "way": "link",
    }
    for path in ("leak", "way", "way/", "way/secret", "pipe"):
        assert await scene.refused("GET", path) == 400, path
    assert await scene.refused("PUT", "way/new", body=b"x") == 400
    assert await scene.refused("DELETE", "way/secret") == 404, "a link is no folder"
    assert (await scene.ask("PUT", "leak", b"mine")).code == 200, "the link gives way, not what it names"
    assert (await scene.ask("DELETE", "way", query="recursive=true")).code == 200
    assert {each.name for each in scene.outside.iterdir()} == {"secret"}
    assert (scene.outside / "secret").read_text() == "not yours"


async def test_reading_asks_for_get_and_writing_for_update(scene: Scene) -> None:
    nobody = Identity("somebody", ("system:authenticated",))
    for method in ("GET", "PUT", "DELETE"):
        assert await scene.refused(method, "f", body=b"x", who=nobody) == 403
    assert await scene.refused("POST", "f") == 405


async def test_the_data_of_a_deleted_claim_of_the_same_name_is_not_shown(scene: Scene) -> None:
    await scene.ask("PUT", "old", b"x")
    await scene.house.client.delete(CLAIM, "data", "default")
    assert await scene.refused("GET", "") == 404
    await scene.claim()
    assert (await scene.ask("GET", "")).entries == {}
