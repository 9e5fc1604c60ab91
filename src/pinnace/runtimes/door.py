"""A port that leads to another one of this pod: what comes in goes there byte by byte, and back."""

from __future__ import annotations

import asyncio
import contextlib


async def open_door(host: str, port: int, to: int) -> asyncio.Server:
    """Listens at once; each connection is handed to 127.0.0.1:`to`. OSError: the port is taken."""

    async def handed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(passed(reader, outer), passed(inner, writer))

    return await asyncio.start_server(handed, host, port)


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
