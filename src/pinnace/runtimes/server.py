"""HTTP/1.1 for model servers: keep-alive, pipelining, Content-Length and chunked bodies, a graceful stop.

Used by the runtimes of this folder, on a unix socket or on TCP. A handler answers at once or with an
awaitable; one connection's requests are answered in order. Whatever cannot be parsed unambiguously is
refused and the connection closed, so that a proxy in front never disagrees with us about where a request
ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 512 * 1024 * 1024


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    target: str = ""
    """The path as it was sent, with its query."""
    peer: str = ""
    """Who asks: `address:port`; empty on a unix socket."""


class Response(NamedTuple):
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    """Further ones."""


Handler = Callable[[Request], "Response | Awaitable[Response]"]


class Malformed(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Head(NamedTuple):
    """A request line and its headers; `length` is None for a chunked body."""

    method: str
    path: str
    headers: dict[str, str]
    length: int | None
    close: bool
    target: str = ""


def error(status: int, text: str) -> Response:
    return Response(json.dumps({"error": text}).encode(), status)


def parse_head(raw: bytes) -> Head:
    lines = raw.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Malformed(400, "not an HTTP/1.1 request")
    headers = parse_headers(lines[1:])
    connection = headers.get("connection", "").lower()
    close = "close" in connection or (parts[2] == "HTTP/1.0" and "keep-alive" not in connection)
    path = unquote(parts[1].partition("?")[0])
    return Head(parts[0], path, headers, body_length(headers), close, parts[1])


def parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed(400, "a header line has no name")
        name = name.lower()
        if name in headers and name in ("content-length", "transfer-encoding", "host"):
            raise Malformed(400, f"header {name} is given twice")
        headers[name] = value.strip()
    return headers


def body_length(headers: dict[str, str]) -> int | None:
    coding = headers.get("transfer-encoding")
    given = headers.get("content-length")
    if coding is not None:
        if given is not None or coding.lower() != "chunked":
            raise Malformed(400, "the body's length is ambiguous")
        return None
    if given is None:
        return 0
    if not (given.isascii() and given.isdigit()):
        raise Malformed(400, "Content-Length is not a number")
    if int(given) > BODY_LIMIT:
        raise Malformed(413, f"the body is larger than {BODY_LIMIT} bytes")
    return int(given)


class Chunks:
    """Decodes a chunked body piece by piece; `feed` eats from the buffer and says whether it ended."""

    def __init__(self) -> None:
        self.body = bytearray()
        self._left = 0
        self._trailer = False

    def feed(self, buffer: bytearray) -> bool:
        while True:
            if self._left:
                if len(buffer) < self._left:
                    return False
                self.body += buffer[: self._left - 2]
                if buffer[self._left - 2 : self._left] != b"\r\n":
                    raise Malformed(400, "a chunk does not end where it should")
                del buffer[: self._left]
                self._left = 0
            end = buffer.find(b"\r\n")
            if end < 0:
                if len(buffer) > HEAD_LIMIT:
                    raise Malformed(400, "a chunk has no size")
                return False
            line = bytes(buffer[:end])
            del buffer[: end + 2]
            if self._line(line):
                return True

    def _line(self, line: bytes) -> bool:
        """A size line, or after the last chunk a trailer line; True at the empty line that ends it all."""
        if self._trailer:
            return not line
        digits = line.partition(b";")[0].strip()
        try:
            size = int(digits, 16)
        except ValueError:
            size = -1
        if size < 0 or not digits.isalnum():
            raise Malformed(400, "a chunk has no size")
        if len(self.body) + size > BODY_LIMIT:
            raise Malformed(413, f"the body is larger than {BODY_LIMIT} bytes")
        self._trailer = size == 0
        self._left = size + 2 if size else 0
        return False


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = bytearray()
        self._head: Head | None = None
        self._chunks: Chunks | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Future[None] | None = None
        self._full = False
        self._peer = ""

    @property
    def busy(self) -> bool:
        return self._task is not None or self._head is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._advance()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._advance()

    def close(self) -> None:
        """Close now if idle; a busy connection closes after its answer."""
        if not self.busy and self._transport is not None:
            self._transport.close()

    def _advance(self) -> None:
        while self._transport is not None and self._task is None and not self._full:
            try:
                request = self._next()
            except Malformed as problem:
                self._head = None
                self._write(error(problem.status, str(problem)), close=True)
                return
            if request is None:
                return
            answer = self._server.handler(request)
            if isinstance(answer, Response):
                self._answered(answer)
            else:
                self._task = asyncio.ensure_future(self._later(answer))

    async def _later(self, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as problem:
            response = error(500, f"{type(problem).__name__} : {problem}")
        self._task = None
        self._answered(response)
        self._advance()

    def _answered(self, response: Response) -> None:
        assert self._head is not None
        close = self._head.close or self._server.stopping
        self._head = None
        self._write(response, close)

    def _next(self) -> Request | None:
        """The next whole request of the buffer, or None until more of it has come."""
        if self._head is None and not self._read_head():
            return None
        head = self._head
        assert head is not None
        if self._chunks is not None:
            if not self._chunks.feed(self._buffer):
                return None
            body = bytes(self._chunks.body)
            self._chunks = None
        else:
            length = head.length or 0
            if len(self._buffer) < length:
                return None
            body = bytes(self._buffer[:length])
            del self._buffer[:length]
        return Request(head.method, head.path, head.headers, body, head.target, self._peer)

    def _read_head(self) -> bool:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_LIMIT:
            if len(self._buffer) > HEAD_LIMIT:
                raise Malformed(431, f"the headers are larger than {HEAD_LIMIT} bytes")
            return False
        self._head = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        if self._head.length is None:
            self._chunks = Chunks()
        if self._head.headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _write(self, response: Response, close: bool) -> None:
        if self._transport is None:
            return
        self._transport.write(
            b"%s%s\r\nContent-Length: %d\r\n%s%s\r\n%s"
            % (
                status_line(response.status),
                response.content_type.encode(),
                len(response.body),
                "".join(f"{name}: {value}\r\n" for name, value in response.headers).encode("latin-1"),
                b"Connection: close\r\n" if close else b"",
                response.body,
            )
        )
        if close:
            self._transport.close()


def status_line(status: int, known: dict[int, bytes] = {}) -> bytes:  # noqa: B006 - a cache on purpose
    line = known.get(status)
    if line is None:
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Status"
        line = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: ".encode()
        known[status] = line
    return line


class Server:
    """`connections` is what is open; `stop` lets busy ones end within a grace period."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.stopping = False
        self._listening: list[asyncio.Server] = []

    async def listen_unix(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        loop = asyncio.get_running_loop()
        self._listening.append(await loop.create_unix_server(lambda: Connection(self), path, backlog=1024))
        os.chmod(path, 0o666)  # noqa: S103 - who may enter its folder may ask the model

    async def listen_tcp(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        server = await asyncio.get_running_loop().create_server(
            self._accept, host, port, backlog=1024, reuse_address=True, ssl=tls
        )
        self._listening.append(server)
        bound: Any = server.sockets[0].getsockname()
        return int(bound[1])

    def _accept(self) -> Connection:
        return _NoDelay(self)

    async def stop(self, grace: float) -> None:
        """Take no new connections, close idle ones, wait for the answers that are under way."""
        self.stopping = True
        for server in self._listening:
            server.close()
        deadline = asyncio.get_running_loop().time() + grace
        while self.connections and asyncio.get_running_loop().time() < deadline:
            for connection in tuple(self.connections):
                connection.close()
            await asyncio.sleep(0.01)


class _NoDelay(Connection):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
