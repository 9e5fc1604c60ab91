"""The web console's static files, as vite built them into the wheel. They hold no data, so they are public.

Files whose name carries their content's hash (`assets/…`) are cached for good; the page never is. Every other
path below `/console/` is a place inside the single page. What a browser may take packed is packed once, and
kept for as long as the file stays the same; what the build packed already is sent as it lies there.
"""

from __future__ import annotations

import asyncio
import gzip
import html
import mimetypes
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pinnace.api.context import Route
from pinnace.api.http import Request, not_found

FOLDER = Path(os.environ.get("PINNACE_CONSOLE") or Path(__file__).resolve().parent.parent / "console_dist")
"""Who works on the console builds it elsewhere and names the folder."""
PREFIX = "/console/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; frame-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "base-uri 'none'; manifest-src 'self'; worker-src 'self'"
)
UNBUILT = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pinnace</title>'
    "<h1>The console is not built</h1><p>This checkout has no <code>console_dist</code>. Build it with "
    "<code>make console</code> (Node 20 or newer), then reload. kubectl and every API work without it."
)
FOREVER = b"public, max-age=31536000, immutable"
PACKABLE = ("text/", "application/json", "application/javascript", "image/svg+xml")
SMALL = 1024
"""Bytes below which packing saves nothing."""


def routes(folder: Path = FOLDER, told: Mapping[str, str] | None = None) -> list[Route]:
    """`told`: what the page is to know of where it is served, as its `<meta name="pinnace-…">`."""
    metas = "".join(
        f'<meta name="pinnace-{name}" content="{html.escape(value, quote=True)}">'
        for name, value in (told or {}).items()
    ).encode()

    async def console(request: Request) -> None:
        await _serve(request, folder, metas)

    async def home(request: Request) -> None:
        await request.reply(308, b"", headers=[(b"location", PREFIX.encode())])

    return [
        Route("/console", home, public=True),
        Route("/console/*", console, public=True),
        Route("/favicon.ico", console, public=True),
    ]


async def _serve(request: Request, folder: Path, metas: bytes) -> None:
    parts = request.segments()
    path = "/".join(parts[1:]) if parts[0] == "console" else parts[0]
    index = folder / "index.html"
    if not index.is_file():
        code = 200 if parts[0] == "console" else 404
        await _send(request, code, UNBUILT.encode(), "text/html", b"no-store")
        return
    found = _inside(folder, path)
    asset = path.startswith("assets/")
    if found is None and (asset or parts[0] != "console"):
        raise not_found()
    file = found or index
    media = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    own = bool(metas) and file == index
    taken = _taken(request) if media.startswith(PACKABLE) and not own else frozenset()
    body, packing = await asyncio.to_thread(_read, file, taken)
    if own:
        body = body.replace(b"<head>", b"<head>" + metas, 1)
    await _send(request, 200, body, media, FOREVER if asset else b"no-cache", packing)


def _taken(request: Request) -> frozenset[str]:
    """The packings that a browser takes."""
    asked = request.header(b"accept-encoding").lower().split(",")
    return frozenset(one.strip().removesuffix(";q=1.0") for one in asked)


def _read(file: Path, taken: frozenset[str]) -> tuple[bytes, bytes]:
    """In a thread: a file's bytes, and how they are packed (b"": not at all)."""
    ready = file.with_name(file.name + ".br")
    if "br" in taken and ready.is_file():
        return ready.read_bytes(), b"br"
    if "gzip" in taken and file.stat().st_size >= SMALL:
        return _packed(file, file.stat().st_mtime_ns), b"gzip"
    return file.read_bytes(), b""


@lru_cache(maxsize=256)
def _packed(file: Path, _changed: int) -> bytes:
    return gzip.compress(file.read_bytes(), 9, mtime=0)


def _inside(folder: Path, path: str) -> Path | None:
    """The regular file that a path names, None if there is none below the folder."""
    if not path or "\0" in path:
        return None
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None


async def _send(
    request: Request, code: int, body: bytes, media: str, caching: bytes, packing: bytes = b""
) -> None:
    kind = f"{media}; charset=utf-8" if media.startswith("text/") or "javascript" in media else media
    headers = [
        (b"cache-control", caching), (b"content-security-policy", POLICY.encode()),
        (b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"), (b"cross-origin-resource-policy", b"same-origin"),
    ]
    if media.startswith(PACKABLE):
        headers.append((b"vary", b"accept-encoding"))
    if packing:
        headers.append((b"content-encoding", packing))
    await request.reply(code, body, kind, headers)
