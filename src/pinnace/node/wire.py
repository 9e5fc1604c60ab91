"""Frames on the node's socket, and the client's end of it.

`controllers/pods` calls `NodeClient.connect`; the node's server uses `Frames` and `frame`. A frame is a
4-byte big-endian length and one MessagePack message. A peer that sends a larger frame than LIMIT is cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Protocol, Self, cast

import msgspec

from pinnace.node.protocol import (
    VERSION,
    Ack,
    Forget,
    FromNode,
    FromSession,
    Hello,
    Kill,
    Report,
    Run,
    ToNode,
    ToSession,
)

LIMIT = 64 * 1024 * 1024
LENGTH = 4

_encoder = msgspec.msgpack.Encoder()


class WireError(ConnectionError):
    """The other side does not speak this protocol, or is gone."""


def frame(message: ToNode | FromNode | ToSession | FromSession) -> bytes:
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH, "big") + body


class Frames:
    """Bytes in, message bodies out."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies completed by `data`. WireError: a frame larger than LIMIT."""
        self.buffer += data
        bodies: list[bytes] = []
        start, held = 0, len(self.buffer)
        while held - start >= LENGTH:
            size = int.from_bytes(self.buffer[start : start + LENGTH], "big")
            if size > LIMIT:
                raise WireError(f"a frame of {size} bytes (the limit is {LIMIT})")
            if held - start - LENGTH < size:
                break
            bodies.append(bytes(self.buffer[start + LENGTH : start + LENGTH + size]))
            start += LENGTH + size
        del self.buffer[:start]
        return bodies


class NodeLink(Protocol):
    """What control needs of a node; `NodeClient` is the real one, tests bring their own."""

    hello: Hello

    def send(self, *messages: Run | Kill | Ack | Forget) -> None: ...
    def reports(self) -> AsyncIterator[Report]:
        """Every report from now on; ends when the node is gone."""
        ...

    def close(self) -> None: ...


class NodeClient(asyncio.Protocol):
    """One connection to a node. Used from one event loop."""

    def __init__(self) -> None:
        self.frames = Frames()
        self.decoder: msgspec.msgpack.Decoder[FromNode] = msgspec.msgpack.Decoder(FromNode)
        self.waiting: deque[Report] = deque()
        self.wake = asyncio.Event()
        self.closed = False
        self.greeting: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self.hello: Hello
        self.transport: asyncio.Transport

    @classmethod
    async def connect(cls, path: Path | str, timeout: float = 5) -> Self:  # noqa: ASYNC109 - one deadline for both
        """Connect and await the Hello. OSError: nobody listens. WireError: another protocol version."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            _, client = await loop.create_unix_connection(cls, str(path))
            client.hello = await client.greeting
        if client.hello.version != VERSION:
            client.close()
            theirs = client.hello.version
            raise WireError(f"the node speaks version {theirs}, this control {VERSION}: restart it")
        return client

    def send(self, *messages: Run | Kill | Ack | Forget) -> None:
        """Queue messages in order; WireError when the node is gone."""
        if self.closed:
            raise WireError("the node has closed the connection")
        self.transport.write(b"".join(map(frame, messages)))

    async def reports(self) -> AsyncIterator[Report]:
        while True:
            while self.waiting:
                yield self.waiting.popleft()
            if self.closed:
                return
            self.wake.clear()
            await self.wake.wait()

    def close(self) -> None:
        if not self.closed:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        try:
            self.take(self.decoder.decode(body) for body in self.frames.feed(data))
        except (WireError, msgspec.DecodeError) as error:
            self.fail(WireError(f"the node sent what is no message: {error}"))
            self.transport.abort()

    def take(self, messages: Iterable[FromNode]) -> None:
        for message in messages:
            if isinstance(message, Report):
                self.waiting.append(message)
            elif not self.greeting.done():
                self.greeting.set_result(message)
        self.wake.set()

    def fail(self, error: WireError) -> None:
        if not self.greeting.done():
            self.greeting.set_exception(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self.fail(WireError(f"the node has closed the connection{f': {error}' if error else ''}"))
        self.wake.set()
