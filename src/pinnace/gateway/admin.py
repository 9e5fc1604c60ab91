"""Envoy's admin interface on its private unix socket: what it has loaded, what it counted."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import msgspec


class AdminUnreachable(Exception):
    """Envoy is starting, restarting or gone."""


class Admin:
    def __init__(self, path: str) -> None:
        self.path = path

    async def stats(self, pattern: str, *, histograms: bool = False) -> list[dict[str, Any]]:
        """The stats whose names match `pattern` (RE2), as Envoy's JSON."""
        query = f"format=json&filter={quote(pattern, safe='')}"
        if histograms:
            query += "&histogram_buckets=disjoint"
        found: list[dict[str, Any]] = msgspec.json.decode(await self.get(f"/stats?{query}"))["stats"]
        return found

    async def values(self, pattern: str) -> dict[str, Any]:
        return {entry["name"]: entry["value"] for entry in await self.stats(pattern) if "name" in entry}

    async def get(self, path: str) -> bytes:
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_unix_connection(self.path)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n".encode())
                    answer = await reader.read()
                finally:
                    writer.close()
            return body(answer)
        except (OSError, EOFError, TimeoutError, ValueError) as problem:
            raise AdminUnreachable(str(problem) or repr(problem)) from None


def body(answer: bytes) -> bytes:
    """The body of a whole HTTP/1.1 response. ValueError: cut off, or not a 200."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    if not found or b" 200 " not in head.partition(b"\r\n")[0]:
        raise ValueError(f"Envoy's admin answered {head[:60]!r}")
    if b"transfer-encoding: chunked" not in head.lower():
        return rest
    parts: list[bytes] = []
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return b"".join(parts)
        parts.append(rest[:length])
        rest = rest[length + 2 :]
