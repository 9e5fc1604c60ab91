"""Asks a Jupyter server what goes on in it, as its gateway would reach it.

The answer of a program that somebody else runs: short, soon, or none.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

SECONDS = 10.0
LONGEST = 1024 * 1024


async def asked(address: str, path: str) -> tuple[dict[str, Any], ...] | None:
    """The list that a GET of `path` answers with; None: there is no such answer. Raises OSError,
    TimeoutError: it cannot be reached."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await connect(address)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            said = await _whole(reader)
        finally:
            writer.close()
    head, _, body = said.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] != [b"200"]:
        return None
    try:
        return tuple(msgspec.json.decode(body, type=list[dict[str, Any]]))
    except msgspec.MsgspecError:
        return None


async def _whole(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    size = 0
    while (part := await reader.read(65536)) and size <= LONGEST:
        parts.append(part)
        size += len(part)
    if not parts:
        raise ConnectionResetError("it closed the connection without an answer")
    return b"".join(parts)


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    path = address.removeprefix("unix:")
    if path != address:
        return await asyncio.open_unix_connection(path)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))
