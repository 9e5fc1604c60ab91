"""One HTTP request and its answer, on raw ASGI.

Every face under `api/` gets a `Request` and answers through it. Invariant: an answer is begun at most once;
a refusal raised as `StatusError` before that becomes a `Status` body in `app.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[["Request"], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

ANONYMOUS = Identity("system:anonymous", ("system:unauthenticated",))
JSON = "application/json"
BODY_LIMIT = 3 * 1024 * 1024
"""As the API server's: a bigger body is a 413."""
DRAIN_LIMIT = 64 * 1024 * 1024
"""So much of a refused body is read (and dropped), because clients send all of it before they read."""
BODY_SECONDS = 60.0
encode = msgspec.json.Encoder().encode


class ClientGone(Exception):
    """The client closed its connection: there is nobody to answer."""


class NoDocument(ValueError):
    """A body that is no JSON object; the text says why."""


class Request:
    """`identity` is set by the gate in `app.py` before any handler runs."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.identity = ANONYMOUS
        self.started = False
        self.code = 0
        self.verb = self.method
        self.resource = ""
        self._receive = receive
        self._send = send
        self._query: dict[str, str] | None = None

    @property
    def path(self) -> str:
        """As sent, still percent-encoded: decoding before splitting would let `%2F` make new segments."""
        raw: bytes = self.scope.get("raw_path") or self.scope["path"].encode()
        return raw.decode("latin-1")

    def segments(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def query(self) -> dict[str, str]:
        """The first value of every parameter."""
        if self._query is None:
            text = self.scope.get("query_string", b"").decode("latin-1")
            try:
                pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100)
            except ValueError as problem:
                raise StatusError(400, "BadRequest", f"the query cannot be read: {problem}") from None
            self._query = dict(reversed(pairs))
        return self._query

    def header(self, name: bytes) -> str:
        for key, value in self.scope["headers"]:
            if key == name:
                return str(value.decode("latin-1"))
        return ""

    def headers(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    async def body(self, limit: int = BODY_LIMIT) -> bytes:
        """The whole body. StatusError 413: longer than `limit`; 408: not sent within a minute."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read(limit)
        except TimeoutError:
            raise StatusError(
                408, "Timeout", f"the request's body did not arrive within {BODY_SECONDS:.0f} seconds"
            ) from None

    async def document(self, limit: int = BODY_LIMIT) -> dict[str, Any]:
        """The body as a JSON object, `{}` where there is none. NoDocument: it is something else."""
        content = await self.body(limit)
        try:
            found: Any = msgspec.json.decode(content or b"{}")
        except msgspec.DecodeError as error:
            raise NoDocument(f"the body is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise NoDocument("the body is no JSON object")
        return found

    async def _read(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        more = True
        while more and size <= DRAIN_LIMIT:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size <= limit:
                parts.append(part)
            more = message.get("more_body", False)
        if size > limit:
            raise StatusError(
                413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}"
            )
        return b"".join(parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, however long it is."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece

    async def gone(self) -> None:
        """Return when the client has closed its connection. The body must have been read (or be none)."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, code: int, content_type: str = JSON, headers: Headers = ()) -> None:
        self.started = True
        self.code = code
        every = [
            (b"content-type", content_type.encode("latin-1")),
            (b"cache-control", b"no-cache, private"),
            (b"x-content-type-options", b"nosniff"),
        ]
        given = {name for name, _ in headers}
        kept = [header for header in every if header[0] not in given]
        await self._send({"type": "http.response.start", "status": code, "headers": [*kept, *headers]})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def reply(
        self, code: int, body: bytes, content_type: str = JSON, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        length = (b"content-length", str(len(body)).encode())
        await self.start(code, content_type, [length, *headers])
        await self.write(body if self.method != "HEAD" else b"", more=False)

    async def text(self, code: int, body: str) -> None:
        await self.reply(code, body.encode(), "text/plain; charset=utf-8")

    async def json(self, code: int, body: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        await self.reply(code, encode(body), headers=headers)


def not_found() -> StatusError:
    """For a path that nobody answers. `details` is there, though empty: `kubectl debug` reads it unasked."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", details={})


def method_not_allowed() -> StatusError:
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource",
        details={},
    )
