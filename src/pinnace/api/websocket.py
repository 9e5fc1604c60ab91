"""A request that asks to speak WebSocket, and the connection that it becomes.

`server.py` gives such a connection to `Protocol`, `app.py` takes it through the same gate as every request as
an `Upgrade`: whoever may not is answered over HTTP, before anything is upgraded. Invariant: only what calls
`accept` is ever upgraded; one message is read ahead at most, so a slow reader slows its writer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request as WebSocketRequest

from pinnace.api.http import JSON, ClientGone, Headers, Message, Receive, Request, Send
from pinnace.objects.errors import StatusError

NORMAL, GOING_AWAY, TOO_LONG_IDLE = 1000, 1001, 1008
PROTOCOLS = "Sec-WebSocket-Protocol"
quiet = logging.getLogger("pinnace.api.websocket")
quiet.setLevel(logging.CRITICAL)  # uvicorn's lines hold queries; what goes wrong is told by `app.py`


class Protocol(WebSocketsSansIOProtocol):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = self.conn.logger = quiet
        self.lost = asyncio.Event()

    def handle_connect(self, event: WebSocketRequest) -> None:
        """The names of Kubernetes' protocols are no tokens (`SPDY/3.1+portforward.k8s.io`), and the library
        is strict: so they are read here, and it does not see them."""
        named = event.headers.get_all(PROTOCOLS)
        if named:
            del event.headers[PROTOCOLS]
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["subprotocols"] = [word.strip() for line in named for word in line.split(",")]
            self.scope["state"]["lost"] = self.lost

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        super().connection_lost(exc)


class Upgrade(Request):
    """Answers as a `Request` does; or `accept`, then `receive` and `send` messages."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        super().__init__({**scope, "method": "GET"}, receive, send)
        self.offered: Sequence[str] = scope["subprotocols"]
        self.lost: asyncio.Event = scope["state"]["lost"]
        """Set when the connection is gone, also while nobody receives."""

    async def accept(self, spoken: Sequence[str]) -> str:
        """The first of `spoken` that the client offers, too. StatusError 400: it offers none of them."""
        chosen = next((each for each in spoken if each in self.offered), None)
        if chosen is None:
            offered, ours = ", ".join(self.offered) or "none", ", ".join(spoken)
            words = f"unable to upgrade: of the protocols offered ({offered}) none is spoken here ({ours})"
            raise StatusError(400, "BadRequest", words)
        await self.open(chosen)
        return chosen

    async def open(self, protocol: str | None = None) -> None:
        """Raises ClientGone: a page that is left takes its watches with it, also half-opened ones."""
        await self._receive()
        try:
            await self._send({"type": "websocket.accept", "subprotocol": protocol})
        except (ClientDisconnected, RuntimeError) as error:
            raise ClientGone from error
        self.started, self.code = True, 101

    async def receive(self) -> bytes | None:
        """The next message; None when the client has closed the connection."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        data: bytes | None = message.get("bytes")
        return data if data is not None else str(message["text"]).encode()

    async def send(self, data: bytes) -> None:
        """Raises ClientGone. Waits while the client does not read."""
        try:
            await self._send({"type": "websocket.send", "bytes": data})
        except (ClientDisconnected, RuntimeError) as error:
            raise ClientGone from error

    async def tell(self, text: bytes) -> None:
        """`text`, UTF-8, as a text frame. Raises ClientGone. Waits while the client does not read."""
        try:
            await self._send({"type": "websocket.send", "text": text.decode()})
        except (ClientDisconnected, RuntimeError) as error:
            raise ClientGone from error

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})
        except (ClientDisconnected, RuntimeError):
            pass

    # As an ordinary request, refused or not meant for this --------------------------------------------

    async def body(self, *_: Any, **__: Any) -> bytes:
        return b""

    async def start(self, code: int, content_type: str = JSON, headers: Headers = ()) -> None:
        if code < 400:
            raise StatusError(400, "BadRequest", "this path is not answered over WebSockets")
        self.started, self.code = True, code
        every = [(b"content-type", content_type.encode("latin-1")), *headers]
        await self._send({"type": "websocket.http.response.start", "status": code, "headers": every})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "websocket.http.response.body", "body": body, "more_body": more})
