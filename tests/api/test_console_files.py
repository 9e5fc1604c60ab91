"""The console's files: packed as the browser takes them, by the build where it did so, cached for good."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from pinnace.api import console
from pinnace.api.http import Message, Request

SCRIPT = b"let a = 1;\n" * 500


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "one-abc.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "one-abc.js.br").write_bytes(b"packed by the build")
    (tmp_path / "assets" / "two-abc.js").write_bytes(SCRIPT)
    return tmp_path


def ask(folder: Path, path: str, encoding: str = "") -> tuple[dict[bytes, bytes], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"accept-encoding", encoding.encode())] if encoding else []
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers,
        "query_string": b"",
    }
    route = next(route for route in console.routes(folder) if route.takes(path))
    asyncio.run(_asked(route.handler, Request(scope, receive, send)))
    return dict(sent[0]["headers"]), sent[1]["body"]


async def _asked(handler: Any, request: Request) -> None:
    await handler(request)


def test_what_the_build_packed_is_sent_as_it_lies_there(folder: Path) -> None:
    headers, body = ask(folder, "/console/assets/one-abc.js", "gzip, deflate, br, zstd")
    assert (headers[b"content-encoding"], body) == (b"br", b"packed by the build")
    assert headers[b"vary"] == b"accept-encoding"
    assert b"immutable" in headers[b"cache-control"]


def test_others_are_packed_once_and_for_who_takes_it(folder: Path) -> None:
    for path, encoding in (("one", "gzip"), ("two", "gzip, br")):
        headers, body = ask(folder, f"/console/assets/{path}-abc.js", encoding)
        assert (headers[b"content-encoding"], gzip.decompress(body)) == (b"gzip", SCRIPT)
    headers, body = ask(folder, "/console/assets/one-abc.js")
    assert b"content-encoding" not in headers
    assert body == SCRIPT


def test_every_other_path_is_the_page_and_never_kept(folder: Path) -> None:
    headers, body = ask(folder, "/console/default/workflows", "gzip, br")
    assert headers[b"cache-control"] != console.FOREVER
    assert b"<title>" in body
