"""One listening port that answers TLS (kubectl) and plain HTTP (console, KFP and Hera clients).

The first byte of a connection tells: 0x16 opens a TLS handshake, anything else is HTTP. The socket then goes
to uvicorn's HTTP/1.1 protocol with or without the TLS context. Called by control; the ASGI app sees
`scope["state"]["stopping"]` (an `asyncio.Event`) and ends its watches when it is set.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any


@contextmanager
def bare() -> Iterator[None]:
    """uvicorn's package imports its own command line (click, a reloader, multiprocessing) and what reads a
    configuration of logging, which nobody calls here: a tenth of what control's start costs."""
    unused: Any = ModuleType("uvicorn.main")
    unused.Server = unused.main = unused.run = None
    sys.modules.setdefault("uvicorn.main", unused)
    empty = ModuleType("logging.config")
    lent = sys.modules.setdefault("logging.config", empty) is empty
    try:
        yield
    finally:
        if lent:
            del sys.modules["logging.config"]


with bare():
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    from uvicorn.server import ServerState

HANDSHAKE_SECONDS = 10.0
FIRST_BYTE_SECONDS = 60.0
"""Browsers open connections ahead of need; one that stays silent is closed after this."""
HEADER_SECONDS = 20.0
HEADER_LIMIT = 64 * 1024
KEEP_ALIVE_SECONDS = 90
MESSAGE_LIMIT = 32 * 1024 * 1024
PING_SECONDS = 5.0
"""A WebSocket that is not being read, because what it says goes nowhere, learns by this that its client has
gone. A client need not answer: one that is stopped for a while keeps its session."""
BACKLOG = 1024
ACCEPTS_A_TURN = 64
TLS_RECORD = 0x16
log = logging.getLogger("pinnace.api")


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with limits: the size of a head, and the time that it may take to arrive."""

    head = 0
    head_timer: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.access_log = False  # uvicorn's lines hold queries, and a sign-in code is one

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_timer = self.loop.call_later(HEADER_SECONDS, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self.head = 0
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(HEADER_SECONDS, self._late)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self.head += len(url)
        if not self._too_long():
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head += len(name) + len(value)
        if not self._too_long():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_time()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def _should_upgrade_to_ws(self) -> bool:
        return True

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks for another protocol (SPDY) is answered in HTTP, and told by that."""

    def handle_websocket_upgrade(self) -> None:
        from pinnace.api.websocket import Protocol  # which most platforms never need

        self.ws_protocol_class = Protocol
        super().handle_websocket_upgrade()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.cycle is not None:
            super().on_message_complete()

    def _too_long(self) -> bool:
        if self.head <= HEADER_LIMIT:
            return False
        self._refuse(b"431 Request Header Fields Too Large", b"the request's head is longer than 64 KiB\n")
        return True

    def _late(self) -> None:
        self.head_timer = None
        self._refuse(b"408 Request Timeout", b"the request's head did not arrive in time\n")

    def _in_time(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _refuse(self, status: bytes, text: bytes) -> None:
        if self.transport.is_closing():
            return
        length = str(len(text)).encode()
        head = b"\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: " + length
        self.transport.write(b"HTTP/1.1 " + status + head + b"\r\n\r\n" + text)
        self.transport.close()


class Server:
    """A running listener. `port` is the bound one (0: a unix socket); `close` stops accepting and ends
    watches first."""

    def __init__(self, app: Any, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.listener = listener
        name = listener.getsockname()
        self.port: int = name[1] if isinstance(name, tuple) else 0
        self.tls = tls
        self.stopping = asyncio.Event()
        self.state = ServerState()
        self.config = Config(
            app, loop="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False,
            server_header=False, date_header=False, timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ws="none", ws_per_message_deflate=False, ws_max_size=MESSAGE_LIMIT,
            ws_ping_interval=PING_SECONDS, ws_ping_timeout=None,
        )
        self.config.load()
        self._waiting: dict[int, tuple[socket.socket, asyncio.TimerHandle]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self.loop.add_reader(listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return
            except OSError as problem:
                log.warning("a connection could not be accepted: %s", problem)
                return
            connection.setblocking(False)
            if not self._peek(connection):
                self._wait(connection)

    def _wait(self, connection: socket.socket) -> None:
        number = connection.fileno()
        timer = self.loop.call_later(FIRST_BYTE_SECONDS, self._forget, number)
        self._waiting[number] = (connection, timer)
        self.loop.add_reader(number, self._ready, number)

    def _ready(self, number: int) -> None:
        connection, timer = self._waiting[number]
        timer.cancel()
        self.loop.remove_reader(number)
        del self._waiting[number]
        if not self._peek(connection):
            self._wait(connection)

    def _forget(self, number: int) -> None:
        connection, timer = self._waiting.pop(number)
        timer.cancel()
        self.loop.remove_reader(number)
        connection.close()

    def _peek(self, connection: socket.socket) -> bool:
        """Whether the connection's fate is decided (False: nothing has arrived yet)."""
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            first = b""
        if not first or self.stopping.is_set():
            connection.close()
            return True
        task = self.loop.create_task(self._open(connection, first[0] == TLS_RECORD))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connection: socket.socket, secure: bool) -> None:
        if secure and self.tls is None:
            connection.close()
            return
        options: dict[str, Any] = {}
        if secure:
            options = {"ssl": self.tls, "ssl_handshake_timeout": HANDSHAKE_SECONDS}
        try:
            await self.loop.connect_accepted_socket(self._protocol, connection, **options)
        except (OSError, ssl.SSLError, TimeoutError) as problem:
            log.debug("a connection ended in its handshake: %s", problem)
            connection.close()

    def _protocol(self) -> Connection:
        return Connection(self.config, self.state, {"stopping": self.stopping}, self.loop)

    async def close(self, grace: float = 3.0) -> None:
        if self.stopping.is_set():
            return
        self.stopping.set()
        self.loop.remove_reader(self.listener.fileno())
        self.listener.close()
        for number in list(self._waiting):
            self._forget(number)
        for connection in list(self.state.connections):
            connection.shutdown()
        if self.state.tasks:
            await asyncio.wait(list(self.state.tasks), timeout=grace)
        await self._abort()

    async def _abort(self) -> None:
        left = [*self.state.tasks, *self._opening]
        for task in left:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*left, return_exceptions=True)
        for connection in list(self.state.connections):
            connection.transport.abort()


def bind(host: str, port: int) -> socket.socket:
    """OSError (EADDRINUSE …): the caller says what to do about it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def serve_at(app: Any, path: Path, tls: ssl.SSLContext | None) -> Server:
    """The same on a unix socket, for the user alone."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    listener.setblocking(False)
    listener.listen(BACKLOG)
    return Server(app, listener, tls)


async def serve(app: Any, host: str, port: int, tls: ssl.SSLContext | None) -> Server:
    """Listen on `host` (a loopback address unless the user chose otherwise); port 0 takes a free one."""
    return Server(app, bind(host, port), tls)
