"""A small HTTP/1.1 client for the gateway's own programs: connections are kept and used again.

`ask` sends one request and reads one answer. Invariant: a connection goes back to the pool only after an
answer whose end was certain.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

IDLE = 3.0
"""Seconds after which a kept connection is not used again: servers close theirs after five."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class Place(NamedTuple):
    """Where to connect: a unix socket's path, or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False


class Outward:
    def __init__(self) -> None:
        self._kept: dict[Place, list[tuple[float, Streams]]] = {}

    async def ask(
        self, place: Place, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Raises OSError, EOFError. A kept connection that has just ended is replaced once."""
        kept = self._take(place)
        if kept is not None:
            with contextlib.suppress(OSError, EOFError):
                return await self._exchange(place, kept, method, target, headers, body)
        return await self._exchange(place, await connect(place), method, target, headers, body)

    async def _exchange(
        self, place: Place, streams: Streams, method: str, target: str, headers: Mapping[str, str],
        body: bytes,
    ) -> Reply:
        reader, writer = streams
        whole = False
        try:
            writer.write(head(method, target, headers, len(body)) + body)
            await writer.drain()
            reply, whole = await read(reader, method)
            return reply
        finally:
            if whole:
                self._kept.setdefault(place, []).append((asyncio.get_running_loop().time(), streams))
            else:
                writer.close()

    def _take(self, place: Place) -> Streams | None:
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(place) or []
        while kept:
            since, streams = kept.pop()
            if now - since < IDLE and not streams[0].at_eof():
                return streams
            streams[1].close()
        return None


def place_of(url: str) -> tuple[Place, str, str]:
    """(where, Host, path with query) of an http(s) URL. OSError: it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise OSError(f"{url}: {problem}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise OSError(f"{url}: expected http:// or https://")
    tls = parts.scheme == "https"
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    return Place("", host, port or (443 if tls else 80), tls), parts.netloc, target


async def connect(place: Place) -> Streams:
    if place.path:
        return await asyncio.open_unix_connection(place.path)
    context = ssl.create_default_context() if place.tls else None
    return await asyncio.open_connection(place.host, place.port, ssl=context)


def head(method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, f"Content-Length: {length}", "", "")).encode("latin-1")


async def read(reader: asyncio.StreamReader, method: str) -> tuple[Reply, bool]:
    """The answer, and whether another one may follow on this connection."""
    raw = await reader.readuntil(b"\r\n\r\n")
    lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    status = int(lines[0].split(" ")[1])
    if status == 100:
        return await read(reader, method)
    keep = headers.get("connection", "").lower() != "close" and lines[0].startswith("HTTP/1.1")
    if method == "HEAD" or status in (204, 304):
        return Reply(status, headers, b""), keep
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Reply(status, headers, await chunks(reader)), keep
    if "content-length" in headers:
        return Reply(status, headers, await reader.readexactly(int(headers["content-length"]))), keep
    return Reply(status, headers, await reader.read()), False


async def chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readline()).partition(b";")[0], 16)
        if not size:
            while await reader.readline() not in (b"\r\n", b""):
                pass
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
