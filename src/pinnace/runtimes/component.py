"""Asks a server of the same pod: a small HTTP/1.1 client on kept connections, for programs that stand before
a model server (the agent, wrappers of foreign servers)."""

from __future__ import annotations

import asyncio

from .server import Chunks, Malformed, Request, Response, parse_headers

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HOP = frozenset((
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    "content-length",
))
"""Headers that are between two neighbours."""
IDLE = 3.0


class Component:
    def __init__(self, host: str, port: int, *, keep: bool = True) -> None:
        self.host = host
        self.port = port
        self.keep = keep
        self._kept: list[tuple[float, Streams]] = []

    async def ask(self, request: Request) -> Response:
        """The server's answer. OSError: nobody answers."""
        kept = self._take()
        if kept is not None:
            try:
                return await self._once(kept, request)
            except (OSError, EOFError):
                pass  # it had just been closed
        return await self._once(await asyncio.open_connection(self.host, self.port), request)

    def _take(self) -> Streams | None:
        now = asyncio.get_running_loop().time()
        while self._kept:
            since, streams = self._kept.pop()
            if now - since < IDLE and not streams[0].at_eof():
                return streams
            streams[1].close()
        return None

    async def _once(self, streams: Streams, request: Request) -> Response:
        reader, writer = streams
        whole = False
        try:
            writer.write(head(request) + request.body)
            await writer.drain()
            response, whole = await answer(reader, request.method)
            return response
        finally:
            if whole and self.keep:
                self._kept.append((asyncio.get_running_loop().time(), streams))
            else:
                writer.close()


def head(request: Request) -> bytes:
    lines = [f"{request.method} {request.target or request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in HOP]
    return "\r\n".join((*lines, f"content-length: {len(request.body)}", "", "")).encode("latin-1")


async def answer(reader: asyncio.StreamReader, method: str) -> tuple[Response, bool]:
    """One answer, and whether the connection can carry another."""
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    if status == 100:
        return await answer(reader, method)
    try:
        headers = parse_headers([line for line in lines if line])
    except Malformed as problem:
        raise OSError(str(problem)) from None
    body, sure = await content(reader, method, status, headers)
    kind = headers.pop("content-type", "application/json")
    keep = sure and headers.get("connection", "").lower() != "close"
    others = tuple((name, value) for name, value in headers.items() if name not in HOP)
    return Response(body, status, kind, others), keep


async def content(
    reader: asyncio.StreamReader, method: str, status: int, headers: dict[str, str]
) -> tuple[bytes, bool]:
    if method == "HEAD" or status in (204, 304):
        return b"", True
    if headers.get("transfer-encoding", "").lower() == "chunked":
        chunks, buffer = Chunks(), bytearray()
        while not chunks.feed(buffer):
            more = await reader.read(65536)
            if not more:
                raise EOFError
            buffer += more
        return bytes(chunks.body), True
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"])), True
    return await reader.read(), False
